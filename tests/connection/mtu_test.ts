import { assert, assertEquals, assertLess } from "@std/assert";
import { Requests } from "../kit/apps.ts";
import { CLIENT_ADDRESS, Pair, SERVER_ADDRESS } from "./pair.ts";
import { assertSettled, bulkPair, finish, moved } from "./transfers.ts";

/** IPv4 and UDP. */
const OVERHEAD = 28;

/** The MTU of path 0 at the server and at the client. */
function mtus(pair: Pair): number[] {
  return [pair.server, pair.client].map((connection) => connection.stats().paths[0]!.mtu);
}

Deno.test("Connection finds that 1452 bytes get through, after one round trip", () => {
  const pair = new Pair().confirm();
  pair.world.runFor(100);
  assertEquals(mtus(pair), [1452, 1452]);
  const probes = pair.serverTrace.filter("quic:packet_sent", (data) => data.probe);
  assertEquals(probes.map(({ data }) => data.size), [1452]);
  assertSettled(pair);
});

for (const mtu of [1228, 1300, 1350, 1400, 1470]) {
  Deno.test(`Connection finds what a link with an MTU of ${mtu} carries, within 16 bytes`, () => {
    const most = mtu - OVERHEAD;
    const transfer = bulkPair("both", 1_000_000, { link: { mtu } });
    const { pair, load } = transfer;
    finish(transfer);
    pair.world.runFor(5000);
    for (const size of mtus(pair)) assert(size <= most && size > most - 16, `${size} bytes`);
    // Probes that are lost are no congestion: nobody was slowed down.
    assertLess(load.completedAt, 1400);
    for (const [trace, link] of [[pair.serverTrace, pair.link.down], [pair.clientTrace, pair.link.up]] as const) {
      const losses = trace.count("quic:packet_lost", (data) => data.size <= most);
      assertEquals(losses, link.counts.dropped.queue, "none but what the queue had no room for");
    }
    assert(pair.link.down.counts.dropped.mtu <= 18, `${pair.link.down.counts.dropped.mtu} probes`);
    assertSettled(pair);
  });
}

Deno.test("Connection does not send more than the peer's max_udp_payload_size", () => {
  const pair = new Pair({ client: { maxUdpPayload: 1250 } }).confirm();
  pair.world.runFor(1000);
  assertEquals(mtus(pair), [1250, 1250]);
});

Deno.test("Connection goes up to what it is told, where the link carries it", () => {
  const jumbo = { maxUdpPayload: 8900 };
  const transfer = bulkPair("both", 3_000_000, { link: { mtu: 9000 }, client: jumbo, server: jumbo });
  finish(transfer);
  assertEquals(mtus(transfer.pair), [8900, 8900]);
  assertSettled(transfer.pair);
});

Deno.test("Connection does not search when it is told not to", () => {
  const plain = { mtuDiscovery: false };
  const transfer = bulkPair("both", 200_000, { client: plain, server: plain });
  finish(transfer);
  assertEquals(mtus(transfer.pair), [1200, 1200]);
});

for (const direction of ["down", "up"] as const) {
  Deno.test(`Connection gets out of a black hole in the middle of a transfer ${direction}`, () => {
    const transfer = bulkPair(direction, 4_000_000, { client: { keepAlive: 10_000 } });
    const { pair, load } = transfer;
    pair.world.require("a megabyte", () => moved(load) > 1_000_000);
    assertEquals(mtus(pair)[direction === "down" ? 0 : 1], 1452);
    const began = pair.world.now;
    pair.link.set({ mtu: 1300 });
    pair.world.require("the least MTU", () => mtus(pair)[direction === "down" ? 0 : 1] === 1200, began + 5000);
    assertLess(pair.world.now - began, 2000);
    finish(transfer);
    assertLess(pair.world.now - began, 5000);
    // A minute later it looks again what gets through now.
    pair.link.set({ mtu: 1500 });
    pair.world.runFor(70_000);
    assertEquals(mtus(pair)[direction === "down" ? 0 : 1], 1452);
    assertSettled(pair);
  });
}

Deno.test("Connection takes congestion for congestion, not for a black hole", () => {
  // A shallow queue: losses all the time, at every size.
  const transfer = bulkPair("down", 5_000_000, { link: { queuePackets: 10, lossPercent: 1 } });
  finish(transfer);
  assertEquals(mtus(transfer.pair)[0], 1452);
});

/** The client's socket refuses datagrams above `most` bytes; `tells`: it says which. How many there were. */
function refuseAbove(pair: Pair, most: number, tells: boolean): () => number {
  const { transmit } = pair.clientNode;
  let refused = 0;
  pair.clientNode.transmit = (now, buffer) => {
    const train = transmit.call(pair.clientNode, now, buffer);
    if (train === undefined || train.segment <= most) return train;
    for (let at = 0; at < train.length; at += train.segment) {
      refused += 1;
      pair.client.onSendError(CLIENT_ADDRESS, SERVER_ADDRESS, "too-large", now, tells ? train.segment : 0);
    }
    return { ...train, length: 1, segment: 1 };
  };
  return () => refused;
}

for (const tells of [true, false]) {
  const how = tells ? "" : ", although it does not say which datagram it means";

  Deno.test(`Connection takes a refusal by the socket for the limit, and goes on${how}`, () => {
    // An interface that carries 1400 bytes, as that of a tunnel.
    const load = new Requests([{ request: 500_000, response: 500_000 }]);
    const pair = new Pair({ clientApps: [load.client], serverApps: [load.server] });
    const refused = refuseAbove(pair, 1372, tells);
    pair.world.require("the transfer", () => load.isDone);
    const size = mtus(pair)[1]!;
    assert(size <= 1372 && size > 1356, `${size} bytes`);
    assert(refused() < 10, `${refused()} datagrams were refused`);
    assertLess(load.completedAt, 1200);
    assertSettled(pair);
  });

  Deno.test(`Connection falls back at once when the socket refuses what it took before${how}`, () => {
    const load = new Requests([{ request: 3_000_000, response: 0 }]);
    const pair = new Pair({ clientApps: [load.client], serverApps: [load.server] });
    pair.world.require("a megabyte", () => moved(load) > 1_000_000);
    const refused = refuseAbove(pair, 1272, tells);
    const began = pair.world.now;
    pair.world.require("the transfer", () => load.isDone);
    assertLess(pair.world.now - began, 1800);
    const size = mtus(pair)[1]!;
    assert(size <= 1272 && size > 1256, `${size} bytes`);
    assert(refused() < 40, `${refused()} datagrams were refused`);
    assertSettled(pair);
  });
}
