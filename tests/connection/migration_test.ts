import { assert, assertEquals, assertGreater, assertLess } from "@std/assert";
import { bulk, Requests } from "../kit/apps.ts";
import type { Trace } from "../kit/trace.ts";
import { CLIENT_ADDRESS, Pair, type PairOptions, SERVER_ADDRESS } from "./pair.ts";
import { Rogue } from "./rogue.ts";

function loaded(bytes: number, options: PairOptions = {}): { readonly pair: Pair; readonly load: Requests } {
  const load = new Requests(bulk("both", bytes, 2));
  const pair = new Pair({ ...options, clientApps: [load.client], serverApps: [load.server] });
  return { pair, load };
}

function moves(trace: Trace, state: "migration_started" | "migration_complete" | "migration_failed"): number {
  return trace.count("quic:migration_state_updated", (d) => d.new === state);
}

for (const address of [false, true]) {
  const what = address ? "address" : "port";

  Deno.test(`Connection follows a client whose translator gives it another ${what} in the middle of transfers (RFC 9000 §9.3)`, () => {
    const { pair, load } = loaded(2_000_000);
    pair.world.runFor(300);
    pair.link.rebind({ address });
    pair.world.require("the transfers", () => load.isDone, pair.world.now + 10_000);
    assertEquals(moves(pair.serverTrace, "migration_started"), 1);
    assertEquals(moves(pair.serverTrace, "migration_complete"), 1);
    const { remote } = pair.server.stats().paths[0]!;
    assertEquals(remote.hostname !== CLIENT_ADDRESS.hostname, address);
    assert(remote.port !== CLIENT_ADDRESS.port);
    // Both addresses were asked, and the new one answered.
    assertGreater(pair.serverTrace.frames("sent", "path_challenge").length, 1);
    assertGreater(pair.clientTrace.frames("sent", "path_response").length, 0);
  });

  Deno.test(`Connection follows a client whose ${what} changes again and again`, () => {
    // Once it has nothing to send, a client learns of nothing: keep-alives show the server where it is.
    const { pair, load } = loaded(2_000_000, { client: { keepAlive: 100 } });
    pair.world.runFor(200);
    const rebind = (): void => {
      if (load.isDone) return;
      pair.link.rebind({ address });
      pair.world.after(150, rebind);
    };
    rebind();
    pair.world.require("the transfers", () => load.isDone, 60_000);
    assertGreater(moves(pair.serverTrace, "migration_started"), 4);
  });

  Deno.test(`Connection follows a client whose ${what} changed while nothing was said`, () => {
    const pair = new Pair().confirm();
    pair.world.runFor(5000);
    pair.link.rebind({ address });
    pair.client.ping();
    pair.world.runFor(200);
    assertEquals(moves(pair.serverTrace, "migration_complete"), 1);
    const received = pair.clientTrace.count("quic:packet_received");
    pair.server.ping();
    pair.world.runFor(100);
    assertGreater(pair.clientTrace.count("quic:packet_received"), received);
  });
}

Deno.test("Connection follows a client through loss at any moment of its change of address", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const { pair, load } = loaded(300_000, { seed, link: { lossPercent: 10, jitterMs: 5, reorder: true } });
    pair.world.runFor(100 + 17 * seed);
    pair.link.rebind({ address: seed % 2 === 0 });
    pair.world.require(`the transfers with seed ${seed}`, () => load.isDone, 60_000);
    assertEquals(pair.server.state, "connected");
  }
});

Deno.test("Connection keeps window and round-trip time when only the port changes, and begins anew at another address (RFC 9000 §9.4)", () => {
  for (const address of [false, true]) {
    const load = new Requests(bulk("down", 4_000_000));
    const pair = new Pair({ clientApps: [load.client], serverApps: [load.server] });
    pair.world.runFor(800);
    const before = pair.server.stats().paths[0]!;
    assertGreater(before.cwnd, 20_000);
    pair.link.rebind({ address });
    pair.world.require("the move", () => moves(pair.serverTrace, "migration_started") > 0);
    const after = pair.server.stats().paths[0]!;
    if (address) assertLess(after.cwnd, 15_000);
    else assertGreater(after.cwnd, before.cwnd / 2);
  }
});

Deno.test("Connection sends at most three times what came from an address that is not validated", () => {
  const { pair } = loaded(5_000_000);
  pair.world.runFor(500);
  const from = { hostname: "203.0.113.5", port: 4000 };
  let [received, sent] = [0, 0];
  const { transmit } = pair.serverNode;
  pair.serverNode.transmit = (now, buffer) => {
    const train = transmit.call(pair.serverNode, now, buffer);
    if (train?.remote.hostname === from.hostname) sent += train.length;
    assert(sent <= 3 * received, `${sent} bytes for ${received}`);
    return train;
  };
  const rogue = new Rogue(pair, "client");
  for (const size of [30, 45, 31, 33, 100, 30, 500, 1200, 31]) {
    const packet = rogue.seal({ frames: [{ kind: "ping" }], size, number: 100_000 + received });
    received += packet.length;
    rogue.deliver(packet, { from });
    pair.world.runFor(50);
  }
  assertGreater(sent, 0);
  pair.world.runFor(5000);
});

Deno.test("Connection goes back to the client when someone else's address does not answer (RFC 9000 §9.3.2)", () => {
  const { pair, load } = loaded(3_000_000);
  pair.world.runFor(400);
  // Someone on the way sends a copy of a packet from another address, before the packet itself arrives.
  let copies = 0;
  pair.link.up.tap = ({ data }) => {
    if (copies >= 3 || pair.world.now < 500) return "pass";
    copies += 1;
    const copy = data.slice();
    const remote = { hostname: "203.0.113.5", port: 4000 };
    pair.world.after(
      1,
      (now) => pair.serverNode.receive({ data: copy, local: SERVER_ADDRESS, remote, ecn: "not-ect" }, now),
    );
    return "pass";
  };
  pair.world.require("the transfers", () => load.isDone, 20_000);
  assertEquals(copies, 3);
  assertGreater(moves(pair.serverTrace, "migration_started"), 0);
  assertEquals(pair.server.stats().paths[0]!.remote, CLIENT_ADDRESS);
});

Deno.test("Connection goes back when the client answers a challenge to its own address", () => {
  const pair = new Pair().confirm();
  pair.world.runFor(500);
  const rogue = new Rogue(pair, "client");
  rogue.send({ frames: [{ kind: "ping" }] }, { from: { hostname: "203.0.113.5", port: 4000 } });
  assertEquals(moves(pair.serverTrace, "migration_started"), 1);
  // The client answers the challenge to its own address, with an ACK beside it: that alone brings the server back.
  pair.world.runFor(10_000);
  assertEquals(pair.server.stats().paths[0]!.remote, CLIENT_ADDRESS);
  assertEquals(pair.server.state, "connected");
});

Deno.test("Connection goes back when neither the new address nor the old one says anything", () => {
  const pair = new Pair().confirm();
  pair.world.runFor(500);
  const rogue = new Rogue(pair, "client").takeOver();
  rogue.send({ frames: [{ kind: "ping" }] }, { from: { hostname: "203.0.113.5", port: 4000 } });
  pair.world.runFor(10_000);
  assertEquals(moves(pair.serverTrace, "migration_failed"), 1);
  assertEquals(pair.server.stats().paths[0]!.remote, CLIENT_ADDRESS);
  assertEquals(pair.server.state, "connected");
});

Deno.test("Connection stays where it is for packets that only probe, and for old ones (RFC 9000 §9.1, §9.3)", () => {
  const pair = new Pair().confirm();
  pair.world.runFor(500);
  const rogue = new Rogue(pair, "client").takeOver();
  const from = { hostname: "203.0.113.5", port: 4000 };
  const old = rogue.seal({ frames: [{ kind: "ping" }] });
  rogue.send({ frames: [{ kind: "ping" }] });
  rogue.deliver(old, { from });
  const data = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
  rogue.send({ frames: [{ kind: "path_challenge", data }], size: 1200 }, { from });
  assertEquals(moves(pair.serverTrace, "migration_started"), 0);
  const answer = pair.serverTrace.filter("quic:packet_sent", (d) => d.frames.some((f) => f.kind === "path_response"));
  assertEquals(answer.map((e) => [e.data.remote, e.data.size]), [[from, 1200]]);
  assertEquals(pair.server.stats().paths[0]!.remote, CLIENT_ADDRESS);
});

Deno.test("Connection does not follow a client that moves before the handshake is confirmed (RFC 9000 §9)", () => {
  const pair = new Pair({ link: { rateMbps: null } });
  pair.world.runFor(20);
  const rogue = new Rogue(pair, "client");
  rogue.send({ level: "initial", frames: [{ kind: "ping" }] }, { from: { ...CLIENT_ADDRESS, port: 9 } });
  rogue.send({ level: "handshake", frames: [{ kind: "ping" }] }, { from: { ...CLIENT_ADDRESS, port: 9 } });
  pair.serverTrace.assertCount("quic:packet_dropped", 2, (d) => d.reason === "unexpected_packet");
  pair.confirm();
  assertEquals(pair.server.stats().paths[0]!.remote, CLIENT_ADDRESS);
});
