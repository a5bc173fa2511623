import { assert, assertEquals, assertThrows } from "@std/assert";
import { recordedPair } from "./recorder.ts";
import { assertSettled, bulkPair, moved } from "./transfers.ts";

/** The numbers that datagrams begin with. */
function numbers(events: readonly { readonly data: Uint8Array }[]): number[] {
  return events.map(({ data }) => new DataView(data.buffer, data.byteOffset).getUint32(0));
}

/** A datagram of so many bytes that begins with a number. */
function numbered(number: number, size = 100): Uint8Array {
  const data = new Uint8Array(size);
  new DataView(data.buffer).setUint32(0, number);
  return data;
}

Deno.test("Connection delivers datagrams whole and in order both ways", () => {
  const { pair, atClient, atServer } = recordedPair();
  for (let i = 0; i < 50; i++) {
    assert(pair.client.sendDatagram(numbered(i, 4 + 20 * i)));
    assert(pair.server.sendDatagram(numbered(i, 4 + 20 * i)));
  }
  pair.world.require("all", () => atClient.of("datagram").length === 50 && atServer.of("datagram").length === 50);
  for (const recorder of [atClient, atServer]) {
    assertEquals(numbers(recorder.of("datagram")), Array.from({ length: 50 }, (_, i) => i));
    assertEquals(
      recorder.of("datagram").map(({ data }) => data.length),
      Array.from({ length: 50 }, (_, i) => 4 + 20 * i),
    );
  }
  assertSettled(pair);
});

Deno.test("Connection takes datagrams up to maxDatagramSize, which follows the MTU, and none above", () => {
  const { pair, atServer } = recordedPair();
  const small = pair.client.maxDatagramSize;
  assert(small > 1100 && small < 1200, `${small} bytes while the MTU is 1200`);
  pair.world.runFor(500);
  assertEquals(pair.client.stats().paths[0]!.mtu, 1452);
  pair.client.ping();
  pair.world.runFor(100);
  const large = pair.client.maxDatagramSize;
  assertEquals(large, small + 252);
  assertEquals(pair.client.sendDatagram(new Uint8Array(large + 1)), false);
  for (const size of [0, 1, 63, 64, large - 1, large]) assert(pair.client.sendDatagram(new Uint8Array(size)));
  pair.world.require("all", () => atServer.of("datagram").length === 6);
  assertEquals(atServer.of("datagram").map(({ data }) => data.length), [0, 1, 63, 64, large - 1, large]);
  // With an ACK to carry and packet numbers at their longest the largest still fits.
  for (let i = 0; i < 20; i++) {
    pair.server.ping();
    pair.world.runFor(16);
    assert(pair.client.sendDatagram(new Uint8Array(pair.client.maxDatagramSize)));
  }
  pair.world.require("the others", () => atServer.of("datagram").length === 26);
  assertSettled(pair);
});

Deno.test("Connection never sends a datagram twice, and tells the fate of each", () => {
  const { pair, atClient, atServer } = recordedPair({
    link: { lossPercent: 20 },
    client: { handshakeTimeout: 60_000 },
  });
  const count = 300;
  for (let i = 0; i < count; i++) {
    pair.client.sendDatagram(numbered(i), { id: i });
    pair.world.runFor(10);
  }
  pair.world.require("all fates", () => atClient.of("datagram_fate").length === count);
  const arrived = numbers(atServer.of("datagram"));
  assertEquals(new Set(arrived).size, arrived.length);
  const said = new Map(atClient.of("datagram_fate").map(({ id, acked }) => [id, acked]));
  assertEquals(said.size, count);
  for (let i = 0; i < count; i++) if (said.get(i)) assert(arrived.includes(i), `datagram ${i} did not arrive`);
  assertEquals(pair.clientTrace.frames("sent", "datagram").length, count);
  const lost = count - arrived.length;
  assert(lost > 30 && lost < 90, `${lost} of ${count} did not arrive`);
});

Deno.test("Connection drops a datagram whose time is over before it could leave", () => {
  const { pair, atClient, atServer } = recordedPair({ link: { rateMbps: 1 } });
  const id = pair.client.openStream("unidirectional")!;
  pair.client.setPriority(id, 0);
  // More than the window lets out in one round trip.
  for (let i = 0; i < 200; i++) {
    pair.client.sendDatagram(numbered(i, 1000), { id: i, expiresAt: pair.world.now + 200 });
  }
  pair.world.require("all fates", () => atClient.of("datagram_fate").length === 200);
  const acked = atClient.of("datagram_fate").filter((fate) => fate.acked).length;
  assertEquals(acked, atServer.of("datagram").length);
  assert(acked >= 10 && acked < 100, `${acked} datagrams left in time`);
  const last = pair.clientTrace.frames("sent", "datagram").at(-1)!;
  assert(last.now <= pair.clientTrace.frames("sent", "datagram")[0]!.now + 200);
  assertSettled(pair);
});

Deno.test("Connection refuses datagrams when too many wait, and takes them again later", () => {
  const { pair } = recordedPair({ link: { rateMbps: 1 } });
  let taken = 0;
  while (pair.client.sendDatagram(new Uint8Array(1000))) taken++;
  assert(taken > 500 && taken < 2000, `${taken} datagrams were taken`);
  pair.world.runFor(1000);
  assert(pair.client.sendDatagram(new Uint8Array(1000)));
});

Deno.test("Connection drops the oldest datagrams of an application that does not take them", () => {
  const { pair, atServer } = recordedPair({ link: { rateMbps: 100 } });
  // The host's application is asleep: nobody asks for events.
  const { app } = pair.serverHost;
  pair.serverHost.app = undefined;
  for (let i = 0; i < 3000; i++) {
    pair.client.sendDatagram(numbered(i, 1000));
    if (i % 100 === 99) pair.world.runFor(20);
  }
  pair.world.runFor(2000);
  pair.serverHost.app = app;
  pair.world.after(0, () => {});
  pair.world.runFor(10);
  const got = numbers(atServer.of("datagram"));
  assert(got.length > 500 && got.length < 1100, `${got.length} datagrams were kept`);
  assertEquals(got.at(-1), 2999);
  assertEquals(got, got.map((_, i) => 3000 - got.length + i));
});

Deno.test("Connection sends no datagrams to a peer that takes none", () => {
  const { pair } = recordedPair({ server: { maxDatagramFrameSize: 0 } });
  assertEquals(pair.client.maxDatagramSize, 0);
  assertEquals(pair.client.sendDatagram(new Uint8Array(0)), false);
  assert(pair.server.maxDatagramSize > 1000);
});

Deno.test("Connection obeys a peer that takes small datagrams only", () => {
  const { pair, atServer } = recordedPair({ server: { maxDatagramFrameSize: 100 } });
  const size = pair.client.maxDatagramSize;
  assert(size >= 85 && size < 100, `${size} bytes`);
  assertEquals(pair.client.sendDatagram(new Uint8Array(size + 1)), false);
  assert(pair.client.sendDatagram(new Uint8Array(size)));
  pair.world.require("it", () => atServer.of("datagram").length === 1);
});

Deno.test("Connection lets neither datagrams nor streams starve the other", () => {
  const transfer = bulkPair("up", 3_000_000);
  const { pair, load } = transfer;
  pair.world.require("some of the stream", () => moved(load) > 500_000);
  const began = pair.world.now;
  const before = moved(load);
  let sent = 0;
  for (let i = 0; i < 50; i++) {
    // 0.8 Mbit/s of datagrams on a link of 20.
    for (let j = 0; j < 2; j++) if (pair.client.sendDatagram(new Uint8Array(1000))) sent++;
    pair.world.runFor(20);
  }
  assertEquals(sent, 100);
  pair.world.runFor(200);
  assertEquals(pair.serverTrace.frames("received", "datagram").length, 100);
  const rate = (moved(load) - before) / (pair.world.now - began);
  assert(rate > 0.75 * 2500, `the stream went on with ${rate} bytes/ms`);
});

Deno.test("Connection throws at the sender of a datagram when it is over", () => {
  const { pair } = recordedPair();
  pair.client.close(0, "", pair.world.now);
  assertThrows(() => pair.client.sendDatagram(new Uint8Array(1)));
});
