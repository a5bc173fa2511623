import { assert, assertEquals, assertGreater, assertInstanceOf, assertLess, assertMatch } from "@std/assert";
import { fastestProvider } from "../../crypto/mod.ts";
import type { CipherSuite, CryptoProvider } from "../../crypto/provider.ts";
import { TransportError, TransportErrorCode } from "../../transport/base/errors.ts";
import { bulk, Requests } from "../kit/apps.ts";
import type { Trace } from "../kit/trace.ts";
import { Pair, type PairOptions } from "./pair.ts";
import { Rogue } from "./rogue.ts";

/** The fastest provider, with other limits. */
function limited(limits: Partial<Pick<CipherSuite, "confidentialityLimit" | "integrityLimit">>): CryptoProvider {
  const provider = fastestProvider();
  const suites = provider.suites.map((suite) => ({ ...suite, ...limits }));
  return Object.create(provider, { suites: { value: suites } }) as CryptoProvider;
}

function settled(options: PairOptions = {}): Pair {
  const pair = new Pair(options).confirm();
  pair.world.runFor(500);
  return pair;
}

/** Packets that a rogue caught, at the 1-RTT level, by generation of keys. */
function generations(rogue: Rogue): number[] {
  return rogue.caught.filter((packet) => packet.level === "application").map((packet) => packet.generation);
}

function updates(trace: Trace, trigger: "local_update" | "remote_update"): number {
  return trace.count("quic:key_updated", (d) => d.trigger === trigger);
}

function assertEnded(pair: Pair, role: "client" | "server", code: number): TransportError {
  const { error } = pair[role];
  assertInstanceOf(error, TransportError);
  assertEquals([error.code, error.byPeer], [code, false], error.message);
  return error;
}

for (const role of ["client", "server"] as const) {
  const other = role === "client" ? "server" : "client";

  Deno.test(`Connection.updateKeys() of the ${role} changes the keys of both ends (RFC 9001 §6)`, () => {
    const pair = settled();
    const [own, peer] = role === "client" ? [pair.clientTrace, pair.serverTrace] : [pair.serverTrace, pair.clientTrace];
    pair[role].updateKeys();
    pair[role].ping();
    pair.world.runFor(200);
    assertEquals([updates(own, "local_update"), updates(peer, "remote_update")], [1, 1]);
    assertEquals([pair.client.stats().keyUpdates, pair.server.stats().keyUpdates], [1, 1]);
    for (const trace of [own, peer]) trace.assertNone("quic:packet_dropped");
    // And again, by the other end, once something of it with these keys was acknowledged three PTO ago.
    pair[other].ping();
    pair.world.runFor(1000);
    pair[other].updateKeys();
    pair[other].ping();
    pair.world.runFor(200);
    assertEquals([pair.client.stats().keyUpdates, pair.server.stats().keyUpdates], [2, 2]);
  });

  Deno.test(`Connection answers an update of the ${role}'s keys with new keys at once`, () => {
    const pair = settled();
    const rogue = new Rogue(pair, role).takeOver();
    rogue.send([{ frames: [{ kind: "ping" }], generation: 1 }]);
    rogue.send([{ frames: [{ kind: "ping" }], generation: 1 }]);
    pair.world.runFor(50);
    assertGreater(generations(rogue).length, 0);
    assertEquals(new Set(generations(rogue)), new Set([1]));
    assertEquals(pair[other].state, "connected");
  });
}

Deno.test("Connection.updateKeys() by both ends at once is one update", () => {
  const pair = settled();
  for (const end of [pair.client, pair.server]) {
    end.updateKeys();
    end.ping();
  }
  pair.world.runFor(300);
  assertEquals([pair.client.stats().keyUpdates, pair.server.stats().keyUpdates], [1, 1]);
  assertEquals([pair.client.state, pair.server.state], ["connected", "connected"]);
});

Deno.test("Connection.updateKeys() waits until the handshake is confirmed (RFC 9001 §6.1)", () => {
  const pair = new Pair({ link: { rateMbps: null } });
  pair.world.require("completion", () => pair.client.state === "connected");
  pair.client.updateKeys();
  const id = pair.client.openStream("unidirectional")!;
  pair.client.write(id, new Uint8Array(100));
  pair.confirm();
  const confirmedAt = pair.clientTrace.frames("received", "handshake_done")[0]!.now;
  pair.client.ping();
  pair.world.runFor(300);
  const update = pair.clientTrace.first("quic:key_updated", (d) => d.trigger === "local_update")!;
  assertGreater(update.now, confirmedAt - 1e-9);
  assertEquals(pair.server.stats().keyUpdates, 1);
});

Deno.test("Connection.updateKeys() again and again waits for an acknowledgement and three PTO each time", () => {
  const pair = settled();
  for (let i = 0; i < 200; i++) {
    pair.client.updateKeys();
    pair.client.ping();
    pair.world.runFor(10);
  }
  pair.client.ping();
  pair.world.runFor(200);
  const { keyUpdates } = pair.client.stats();
  assert(keyUpdates >= 5 && keyUpdates <= 20, `${keyUpdates} updates in 2 s`);
  assertEquals(pair.server.stats().keyUpdates, keyUpdates);
  assertEquals(pair.client.state, "connected");
});

Deno.test("Connection updates keys in the middle of transfers over a link that loses, reorders and doubles", () => {
  for (let seed = 1; seed <= 8; seed++) {
    const load = new Requests(bulk("both", 1_500_000, 3));
    const pair = new Pair({
      seed,
      link: { jitterMs: 8, reorder: true, lossPercent: 3, duplicatePercent: 5 },
      clientApps: [load.client],
      serverApps: [load.server],
    });
    const update = (): void => {
      if (load.isDone) return;
      if (seed % 3 !== 0) pair.client.updateKeys();
      if (seed % 3 !== 1) pair.serverNode.connections[0]?.updateKeys();
      pair.world.after(60, update);
    };
    pair.world.after(100, update);
    pair.world.require(`the transfer with seed ${seed}`, () => load.isDone, 120_000);
    assertGreater(pair.client.stats().keyUpdates, 2);
    // No packet was lost because its keys were unknown: each opened when it came.
    const dropped = [pair.clientTrace, pair.serverTrace].map((trace) =>
      trace.count("quic:packet_dropped", (d) => d.reason === "decryption_failure")
    );
    assertEquals(dropped, [0, 0]);
  }
});

Deno.test("Connection opens late packets with old keys for three PTO, and no longer (RFC 9001 §6.5)", () => {
  const pair = settled();
  const rogue = new Rogue(pair, "client").takeOver();
  const late = [0, 1].map(() => rogue.seal({ frames: [{ kind: "ping" }] }));
  rogue.send({ frames: [{ kind: "ping" }], generation: 1 });
  const received = (): number => pair.serverTrace.count("quic:packet_received");
  const before = received();
  pair.world.runFor(50);
  rogue.deliver(late[0]!);
  assertEquals(received(), before + 1);
  pair.world.runFor(1000);
  rogue.deliver(late[1]!);
  assertEquals(received(), before + 1);
  pair.serverTrace.assertDropped("decryption_failure");
  assertEquals(pair.server.state, "connected");
});

Deno.test("Connection ends with KEY_UPDATE_ERROR when old keys come after new ones (RFC 9001 §6.4)", () => {
  const pair = settled();
  const rogue = new Rogue(pair, "client").takeOver();
  rogue.send({ frames: [{ kind: "ping" }], generation: 1 });
  rogue.send({ frames: [{ kind: "ping" }], generation: 0 });
  assertMatch(assertEnded(pair, "server", TransportErrorCode.KEY_UPDATE_ERROR).message, /old keys/);
  assertEquals(rogue.frames("connection_close")[0]?.code, TransportErrorCode.KEY_UPDATE_ERROR);
});

Deno.test("Connection ends with KEY_UPDATE_ERROR when new keys come with a number below that of old ones", () => {
  const pair = settled();
  const rogue = new Rogue(pair, "client").takeOver();
  const early = rogue.seal({ frames: [{ kind: "ping" }], generation: 1 });
  rogue.send({ frames: [{ kind: "ping" }] });
  rogue.deliver(early);
  assertEnded(pair, "server", TransportErrorCode.KEY_UPDATE_ERROR);
});

Deno.test("Connection ends with KEY_UPDATE_ERROR when the peer updates twice without waiting", () => {
  const pair = settled();
  const rogue = new Rogue(pair, "client").takeOver();
  const [first, second] = [1, 2].map((generation) => rogue.seal({ frames: [{ kind: "ping" }], generation }));
  rogue.deliver(first!, { react: false });
  rogue.deliver(second!, { react: false });
  pair.world.runFor(0);
  assertEnded(pair, "server", TransportErrorCode.KEY_UPDATE_ERROR);
});

Deno.test("Connection ends with KEY_UPDATE_ERROR when new keys are acknowledged with old ones (RFC 9001 §6.2)", () => {
  const pair = settled();
  const rogue = new Rogue(pair, "client").takeOver();
  pair.server.updateKeys();
  pair.server.ping();
  pair.world.runFor(10);
  assertEquals(generations(rogue), [1]);
  rogue.acknowledge();
  assertEnded(pair, "server", TransportErrorCode.KEY_UPDATE_ERROR);
});

Deno.test("Connection drops packets of which the Key Phase bit alone is changed", () => {
  const pair = settled();
  const rogue = new Rogue(pair, "client").takeOver();
  for (let i = 0; i < 5; i++) rogue.send({ frames: [{ kind: "ping" }], generation: 0, keyPhase: 1 });
  for (let i = 0; i < 5; i++) rogue.send({ frames: [{ kind: "ping" }], generation: 1, keyPhase: 0 });
  rogue.send({ frames: [{ kind: "ping" }], generation: 7 });
  pair.serverTrace.assertCount("quic:packet_dropped", 11, (d) => d.reason === "decryption_failure");
  assertEquals(pair.server.stats().keyUpdates, 0);
  rogue.send({ frames: [{ kind: "ping" }] });
  assertEquals(pair.server.state, "connected");
});

Deno.test("Connection updates keys by itself before so many packets are sealed that the AEAD gets weak (RFC 9001 §6.6)", () => {
  const load = new Requests(bulk("both", 3_000_000, 2));
  const limit = 1500;
  const provider = limited({ confidentialityLimit: limit });
  const pair = new Pair({ provider, clientApps: [load.client], serverApps: [load.server] });
  pair.world.require("the transfer", () => load.isDone);
  assertGreater(pair.server.stats().keyUpdates, 2);
  // Half the limit, and what was sent while the update had to wait.
  for (const trace of [pair.clientTrace, pair.serverTrace]) {
    let sealed = 0;
    const times = new Set(trace.filter("quic:key_updated", (d) => d.trigger !== "tls").map(({ now }) => now));
    for (const { now } of trace.filter("quic:packet_sent", (d) => d.header.type === "one_rtt")) {
      sealed = times.has(now) ? 0 : sealed + 1;
      assertLess(sealed, limit);
    }
  }
});

Deno.test("Connection ends with AEAD_LIMIT_REACHED when its keys are used up and the peer lets it have no new ones", () => {
  const pair = settled({ provider: limited({ confidentialityLimit: 200 }) });
  const rogue = new Rogue(pair, "client").takeOver();
  // Two PINGs for each ACK; none of the ACKs is ever acknowledged.
  for (let i = 0; i < 1000 && pair.server.error === undefined; i++) rogue.send({ frames: [{ kind: "ping" }] });
  assertEnded(pair, "server", TransportErrorCode.AEAD_LIMIT_REACHED);
  // There was something left to say so.
  assertEquals(rogue.frames("connection_close")[0]?.code, TransportErrorCode.AEAD_LIMIT_REACHED);
  const byGeneration = Map.groupBy(generations(rogue), (generation) => generation);
  for (const packets of byGeneration.values()) assertLess(packets.length, 201);
});

Deno.test("Connection ends with AEAD_LIMIT_REACHED when too many packets do not open (RFC 9001 §6.6)", () => {
  const pair = settled({ provider: limited({ integrityLimit: 50 }) });
  const rogue = new Rogue(pair, "client").takeOver();
  for (let i = 1; i <= 51; i++) {
    assertEquals(pair.server.state, "connected", `after ${i - 1}`);
    const packet = rogue.seal({ frames: [{ kind: "ping" }] });
    packet[packet.length - 1]! ^= 1;
    rogue.deliver(packet);
  }
  assertEnded(pair, "server", TransportErrorCode.AEAD_LIMIT_REACHED);
});
