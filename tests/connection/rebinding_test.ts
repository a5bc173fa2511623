import { assert, assertEquals, assertLess } from "@std/assert";
import { Requests } from "../kit/apps.ts";
import { Pair } from "./pair.ts";
import { recordedPair } from "./recorder.ts";
import { assertSettled, bulkPair, finish, inFlight, moved } from "./transfers.ts";

/** What a server's path has become of, in order. */
function story(pair: Pair): string[] {
  return pair.serverTrace.filter("quic:migration_state_updated").map(({ data }) => data.new);
}

for (const address of [false, true]) {
  const what = address ? "address" : "port";

  Deno.test(`Connection goes on uploading when a translator gives the client another ${what}`, () => {
    const transfer = bulkPair("up", 3_000_000);
    const { pair, load } = transfer;
    pair.world.require("a megabyte", () => moved(load) > 1_000_000);
    const began = pair.world.now;
    pair.link.rebind({ address });
    finish(transfer);
    assertLess(pair.world.now - began, 1300);
    assertEquals(story(pair), ["migration_started", "migration_complete"]);
    assert(pair.server.stats().paths[0]!.remote.port !== 50_000);
    assertSettled(pair);
  });

  Deno.test(`Connection goes on downloading when a translator gives the client another ${what}`, () => {
    // The client must say something for the server to learn where it is now.
    const transfer = bulkPair("down", 6_000_000, { client: { keepAlive: 300 } });
    const { pair, load } = transfer;
    pair.world.require("a megabyte", () => moved(load) > 1_000_000);
    const began = pair.world.now;
    pair.link.rebind({ address });
    finish(transfer);
    // 5 MB take 2.1 s; silence until the keep-alive, and a window that begins anew when the address is another.
    assertLess(pair.world.now - began, 3500);
    assertEquals(story(pair), ["migration_started", "migration_complete"]);
    assertSettled(pair);
  });
}

Deno.test("Connection challenges the new and the old address, and keeps its estimates when only the port changes", () => {
  const transfer = bulkPair("up", 3_000_000);
  const { pair, load } = transfer;
  pair.world.require("a megabyte", () => moved(load) > 1_000_000);
  const before = pair.server.stats().paths[0]!;
  pair.link.rebind();
  pair.world.require("the migration", () => story(pair).includes("migration_complete"));
  const after = pair.server.stats().paths[0]!;
  assert(after.remote.port !== before.remote.port && after.remote.hostname === before.remote.hostname);
  assert(Math.abs(after.srtt - before.srtt) < 5, `${before.srtt} ms before, ${after.srtt} ms after`);
  assert(after.cwnd >= before.cwnd);
  assertEquals(after.mtu, before.mtu);
  const challenges = pair.serverTrace.filter(
    "quic:packet_sent",
    (data) => data.frames.some((frame) => frame.kind === "path_challenge"),
  );
  const ports = new Set(challenges.map(({ data }) => data.remote.port));
  assertEquals(ports, new Set([before.remote.port, after.remote.port]));
  finish(transfer);
  assertSettled(pair);
});

Deno.test("Connection begins anew with window, round-trip time and MTU at another address (RFC 9000 §9.4)", () => {
  const load = new Requests([{ request: 100, response: 2_000_000 }, { request: 1000, response: 1_000_000, after: 0 }]);
  const pair = new Pair({ clientApps: [load.client], serverApps: [load.server] });
  pair.world.require("the first response", () => load.exchanges[0]!.endedAt >= 0);
  const before = pair.server.stats().paths[0]!;
  pair.link.rebind({ address: true });
  pair.world.require("the migration", () => story(pair).includes("migration_started"));
  const during = pair.server.stats().paths[0]!;
  assert(during.cwnd < 15_000 && before.cwnd > 50_000, `window ${before.cwnd}, then ${during.cwnd}`);
  assertEquals([before.mtu, during.mtu], [1452, 1200]);
  pair.world.require("the second response", () => load.isDone);
  const after = pair.server.stats().paths[0]!;
  assert(after.srtt > 25 && after.srtt < 70);
  assertEquals(after.mtu, 1452);
  assertSettled(pair);
});

Deno.test("Connection sends three times as much as it got to an address that is not validated", () => {
  const { pair, atServer } = recordedPair({ client: { mtuDiscovery: false }, server: { mtuDiscovery: false } });
  pair.world.runFor(500);
  // The server is to answer a small question with much.
  atServer.onArrival = (event, connection) => {
    if (event.type !== "stream_opened") return;
    connection.write(event.id, new Uint8Array(100_000));
    connection.finish(event.id);
  };
  let [received, sent, most] = [0, 0, 0];
  const { receive } = pair.serverNode;
  pair.serverNode.receive = (datagram, now) => {
    if (datagram.remote.hostname !== "10.0.0.1" && story(pair).length < 2) received += datagram.data.length;
    receive.call(pair.serverNode, datagram, now);
  };
  const { transmit } = pair.serverNode;
  pair.serverNode.transmit = (now, buffer) => {
    const train = transmit.call(pair.serverNode, now, buffer);
    if (train === undefined || train.remote.hostname === "10.0.0.1") return train;
    // Validation is over with the answer to the challenge; all before counts.
    if (!pair.serverTrace.first("quic:packet_received", (d) => d.frames.some((f) => f.kind === "path_response"))) {
      sent += train.length;
      assert(sent <= 3 * received, `${sent} bytes were sent for ${received}`);
      most = Math.max(most, sent / received);
    }
    return train;
  };
  pair.link.rebind({ address: true });
  const id = pair.client.openStream("bidirectional")!;
  pair.client.write(id, new Uint8Array(10));
  pair.world.runFor(1);
  pair.client.ping();
  pair.world.require("the answer", () => pair.client.stats().paths[0]!.streamBytesReceived >= 100_000);
  assert(most > 2, `${most} times as much was used`);
  assertEquals(story(pair), ["migration_started", "migration_complete"]);
  assertSettled(pair);
});

Deno.test("Connection survives several rebindings in quick succession", () => {
  for (let seed = 1; seed <= 5; seed++) {
    const transfer = bulkPair("up", 4_000_000, { seed });
    const { pair, load } = transfer;
    for (let i = 1; i <= 8; i++) {
      pair.world.require("some data", () => moved(load) > i * 300_000);
      pair.link.rebind({ address: i % 2 === 0 });
      pair.world.runFor(5 * (i % 3));
      pair.link.rebind({ address: i % 3 === 0 });
    }
    finish(transfer);
    assertSettled(pair);
    assertLess(load.completedAt, 6000);
  }
});

Deno.test("Connection goes on with a client that may not migrate but is given another address", () => {
  const transfer = bulkPair("up", 2_000_000, { server: { allowMigration: false } });
  const { pair, load } = transfer;
  pair.world.require("half of it", () => moved(load) > 1_000_000);
  pair.link.rebind();
  finish(transfer);
  assertEquals(story(pair), ["migration_started", "migration_complete"]);
});

Deno.test("Connection gives up a handshake whose client gets another address in the middle, and disturbs nobody", () => {
  const pair = new Pair();
  pair.world.require("the server's first flight", () => pair.link.down.counts.handed > 1);
  pair.link.rebind();
  pair.world.run({ until: () => pair.client.state === "closed" && pair.serverNode.connections[0]!.state === "closed" });
  assertEquals(pair.client.state, "closed");
  assertLess(pair.world.now, 45_000);
});

Deno.test("Connection that is idle finds its way after a rebinding when either end speaks", () => {
  for (const first of ["client", "server"] as const) {
    const { pair, atClient, atServer } = recordedPair();
    pair.world.runFor(1000);
    const id = pair.client.openStream("bidirectional")!;
    pair.client.write(id, new Uint8Array(10));
    pair.world.runFor(500);
    pair.link.rebind({ address: true });
    if (first === "server") {
      pair.server.write(id, new Uint8Array(1000));
      pair.world.runFor(300);
      assertEquals(atClient.received.get(id), undefined);
    }
    pair.client.write(id, new Uint8Array(10));
    pair.world.require("the request", () => atServer.received.get(id) === 20);
    if (first === "client") pair.server.write(id, new Uint8Array(1000));
    pair.world.require("the answer", () => atClient.received.get(id) === 1000, pair.world.now + 1000);
    assertSettled(pair);
    assertEquals(inFlight(pair.server), 0);
  }
});

Deno.test("Connection is found behind a translator although it has nothing to say but new ids, which are probing frames", () => {
  const { pair } = recordedPair({ client: { maxPaths: 0 } });
  pair.world.runFor(1000);
  pair.link.rebind({ address: true });
  let left = 1;
  pair.link.up.tap = () => left-- > 0 ? "drop" : "pass";
  assert(pair.client.renewConnectionIds());
  pair.world.require("the migration", () => story(pair).includes("migration_complete"), pair.world.now + 2000);
  assertSettled(pair);
});

Deno.test("Connection validates a way that became many times longer (RFC 9000 §8.2.4)", () => {
  const quick = { maxAckDelay: 1 };
  const transfer = bulkPair("up", 2_000_000, { link: { delayMs: 1 }, client: quick, server: quick });
  const { pair, load } = transfer;
  pair.world.require("half of it", () => moved(load) > 1_000_000);
  pair.link.set({ delayMs: 150 });
  pair.link.rebind();
  finish(transfer);
  assertEquals(story(pair).includes("migration_failed"), false);
  assertSettled(pair);
});

Deno.test("Connection is confirmed when a translator gives the client another port at any moment after its Finished", () => {
  for (let after = 0; after <= 100; after += 2.5) {
    // Until it is confirmed nothing but the handshake makes the client speak, and the server reads only 1-RTT packets.
    const load = new Requests([{ request: 100, response: 1000 }]);
    const pair = new Pair({ clientApps: [load.client], serverApps: [load.server] });
    pair.world.require("the end of the handshake", () => pair.client.state === "connected");
    pair.world.at(pair.world.now + after, () => pair.link.rebind());
    pair.world.require(`the response, with another port ${after} ms later`, () => load.isDone, 3000);
    assertSettled(pair);
  }
});
