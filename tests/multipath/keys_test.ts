/**
 * Keys and the end of a connection with several paths: rows 22 to 28 of the checklist in `multipath-spec.md` §8.
 *
 * @module
 */
import { assert, assertEquals, assertGreater, assertInstanceOf, assertLess } from "@std/assert";
import { fastestProvider } from "../../crypto/mod.ts";
import type { CipherSuite, CryptoProvider } from "../../crypto/provider.ts";
import { ApplicationError, TransportErrorCode } from "../../transport/base/errors.ts";
import { otherRole, type Role } from "../../transport/base/role.ts";
import type { Connection } from "../../transport/connection/connection.ts";
import type { Frame } from "../../transport/wire/frames/types.ts";
import { bulk, Requests } from "../kit/apps.ts";
import type { Trace } from "../kit/trace.ts";
import { STRANGER, stranger } from "./actors.ts";
import { Forged, ROLES } from "./forged.ts";
import { Paths, type PathsOptions } from "./paths.ts";
import { Wire } from "./wire.ts";

const PING: Frame = { kind: "ping" };
/** The second path is 30 times as long as the first. */
const SKEWED = [{ delayMs: 10, rateMbps: 20, queueMs: 10_000 }, { delayMs: 300, rateMbps: 20, queueMs: 10_000 }];

function connectionOf(paths: Paths, role: Role): Connection {
  return role === "client" ? paths.client : paths.server;
}

function traceOf(paths: Paths, role: Role): Trace {
  return role === "client" ? paths.clientTrace : paths.serverTrace;
}

/** Two paths, and an endless exchange on both. */
function loaded(
  options: PathsOptions = {},
  bytes = 3_000_000,
  direction: "up" | "down" | "both" = "both",
): { readonly paths: Paths; readonly load: Requests } {
  const load = new Requests(bulk(direction, bytes));
  const paths = new Paths({ links: SKEWED, clientApps: [load.client], serverApps: [load.server], ...options });
  return { paths, load };
}

/** When an end made new keys by itself. */
function updates(trace: Trace): number[] {
  return trace.filter("quic:key_updated", (d) => d.trigger === "local_update").map(({ now }) => now);
}

/** The least that the PTO of a path with this round-trip time can be: RFC 9002 §6.2.1. */
function leastPto(rtt: number): number {
  return rtt + 25;
}

for (const role of ROLES) {
  Deno.test(`row 22: a key update of the ${role} changes the Key Phase of all paths, with skewed delays and no loss`, () => {
    const { paths, load } = loaded();
    const wire = new Wire(paths);
    paths.ready();
    let asked = 0;
    const ask = (): void => {
      asked++;
      connectionOf(paths, role).updateKeys();
      paths.world.after(500, ask);
    };
    paths.world.after(200, ask);
    paths.world.require("the transfer", () => load.isDone);
    assertGreater(asked, 2);
    for (const end of ROLES) {
      // No packet was lost to a key that was there too early or gone too soon.
      traceOf(paths, end).assertNone("quic:packet_dropped");
      assertEquals(traceOf(paths, end).count("quic:packet_lost"), 0);
      const generations = [0, 1].map((path) => new Set(wire.on(end, path).map((packet) => packet.generation)));
      assert(generations[0]!.has(1) && generations[1]!.has(1));
      // One phase for both paths: in the order of sending it never goes back, whatever the path.
      const all = wire.packets(end, (packet) => packet.level === "application").map((packet) => packet.generation);
      assertEquals(all, [...all].sort((a, b) => a - b));
    }
    assertEquals([paths.client.error, paths.server.error], [undefined, undefined]);
  });

  Deno.test(`row 22: the ${role} takes new keys first on either path, and follows on both`, () => {
    for (const first of [0, 1]) {
      const f = new Forged(role);
      f.rogue.send({ frames: [PING], path: first, generation: 1 });
      f.rogue.send({ frames: [PING], path: 1 - first, generation: 1 });
      f.victim.ping();
      f.world.runFor(100);
      const later = f.rogue.caught.slice(-1);
      assertEquals(later.map((packet) => packet.generation), [1]);
      f.trace.assertCount("quic:key_updated", 1, (d) => d.trigger === "remote_update");
      f.assertWell();
    }
  });

  Deno.test(`row 23: the ${role} waits three of the largest PTOs after an update is confirmed`, () => {
    const { paths, load } = loaded({}, 300_000);
    paths.ready();
    paths.world.require("both paths to have been used", () => load.isDone);
    const ask = (): void => {
      connectionOf(paths, role).updateKeys();
      connectionOf(paths, role).ping();
      paths.world.after(20, ask);
    };
    ask();
    const trace = traceOf(paths, role);
    paths.world.require("three updates", () => updates(trace).length >= 3);
    const times = updates(trace);
    for (let i = 1; i < 3; i++) {
      const gap = times[i]! - times[i - 1]!;
      // The update is confirmed after a round trip of the shorter path, hence the sum.
      assertGreater(gap, 3 * leastPto(600) + 20);
      assertLess(gap, 10_000);
    }
  });

  Deno.test(`row 24: the ${role} makes no new keys before the handshake is confirmed`, () => {
    const paths = new Paths({ open: [] });
    const early = (): void => {
      paths.client.updateKeys();
      if (paths.serverNode.connections.length > 0) paths.server.updateKeys();
      if (!paths.client.isConfirmed) paths.world.after(1, early);
    };
    early();
    paths.ready();
    paths.world.runFor(2000);
    const trace = traceOf(paths, role);
    const [update] = trace.filter("quic:key_updated", (d) => d.trigger !== "tls");
    const discarded = trace.assertSeen("quic:key_discarded", (d) => d.keyType === "handshake");
    assert(update !== undefined && update.now >= discarded.now);
    trace.assertNone("quic:packet_dropped", (d) => d.reason === "decryption_failure");
  });

  Deno.test(`row 24: the ${role} makes no newer keys before a packet with the new ones is acknowledged, on either path`, () => {
    for (const acknowledged of [0, 1]) {
      const f = new Forged(role);
      f.victim.updateKeys();
      f.victim.ping();
      // Both paths send with the new keys; PING goes on one, the answer to a challenge on the other.
      f.send([{ kind: "path_challenge", data: new Uint8Array(8) }], 0);
      f.send([{ kind: "path_challenge", data: new Uint8Array(8) }], 1);
      f.victim.updateKeys();
      f.after(4000);
      assertEquals(updates(f.trace).length, 1);
      const packet = f.rogue.caught.findLast((p) => p.path === acknowledged)!;
      assertEquals(packet.generation, 1);
      const { number } = packet;
      const ranges = [number, number];
      f.rogue.send({ frames: [{ kind: "ack", path: acknowledged, delay: 0, ranges, ecn: undefined }], generation: 1 });
      f.after(20_000);
      assertEquals(updates(f.trace).length, 2);
      f.assertWell();
    }
  });

  Deno.test(`row 25: old keys after new ones on the same path are a KEY_UPDATE_ERROR (${role})`, () => {
    for (const path of [0, 1]) {
      const f = new Forged(role);
      f.rogue.send({ frames: [PING], path, generation: 1 });
      f.assertWell();
      f.rogue.send({ frames: [PING], path, generation: 0 });
      f.assertClosed(TransportErrorCode.KEY_UPDATE_ERROR);
    }
  });

  Deno.test(`row 25: new keys below old ones on the same path are a KEY_UPDATE_ERROR (${role})`, () => {
    const f = new Forged(role);
    f.rogue.send({ frames: [PING], path: 1, number: 5000, generation: 0 });
    f.rogue.send({ frames: [PING], path: 1, number: 4990, generation: 1 });
    f.assertClosed(TransportErrorCode.KEY_UPDATE_ERROR);
  });

  Deno.test(`row 25: old keys after new ones on another path, or late on the same, are no error (${role})`, () => {
    const f = new Forged(role, 3);
    f.rogue.send({ frames: [PING], path: 0, number: 5000, generation: 1 });
    // Far above and far below the number on the other path.
    f.rogue.send({ frames: [PING], path: 1, number: 6000, generation: 0 });
    f.rogue.send({ frames: [PING], path: 2, number: 4000, generation: 0 });
    f.rogue.send({ frames: [PING], path: 1, number: 6001, generation: 1 });
    f.rogue.send({ frames: [PING], path: 0, number: 4999, generation: 0 });
    f.rogue.send({ frames: [PING], path: 1, number: 5999, generation: 0 });
    f.rogue.send({ frames: [PING], path: 2, number: 4001, generation: 0 });
    f.rogue.send({ frames: [PING], path: 2, number: 4002, generation: 1 });
    f.trace.assertNone("quic:packet_dropped", (d) => d.reason === "decryption_failure");
    f.trace.assertCount("quic:key_updated", 1, (d) => d.trigger === "remote_update");
    f.assertWell();
  });

  Deno.test(`row 26: closing and draining last three of the largest PTOs (${role} closes)`, () => {
    const { paths, load } = loaded({}, 500_000);
    paths.ready();
    paths.world.require("the transfer", () => load.isDone);
    const end = connectionOf(paths, role);
    const peer = connectionOf(paths, otherRole(role));
    const started = paths.world.now;
    end.close(7, "enough", started);
    paths.world.require("the peer to drain", () => peer.state === "draining");
    const drained = paths.world.now;
    assertEquals(end.state, "closing");
    paths.world.require("this end to be closed", () => end.state === "closed");
    assertGreater(paths.world.now - started, 3 * leastPto(600));
    paths.world.require("the peer to be closed", () => peer.state === "closed");
    assertGreater(paths.world.now - drained, 3 * leastPto(600));
  });

  Deno.test(`row 27: the ${role} takes CONNECTION_CLOSE on any path`, () => {
    for (const path of [0, 1, 2]) {
      const f = new Forged(role, 3);
      f.send([{ kind: "connection_close", application: true, code: 9, frameType: 0, reason: "bye" }], path);
      assertEquals(f.victim.state, "draining");
      assertInstanceOf(f.victim.error, ApplicationError);
      assertEquals([f.victim.error.code, f.victim.error.byPeer], [9, true]);
    }
  });

  Deno.test(`row 27: the ${role} says CONNECTION_CLOSE on a path that works`, () => {
    for (const dead of [0, 1]) {
      const paths = new Paths().ready();
      paths.world.runFor(500);
      paths.links[dead]!.set({ dead: true });
      const end = connectionOf(paths, role);
      const peer = connectionOf(paths, otherRole(role));
      // The peer says something, which arrives on the other path alone.
      peer.ping();
      paths.world.runFor(2000);
      end.close(7, "enough", paths.world.now);
      paths.world.runFor(100);
      assertEquals(peer.state, "draining", `with path ${dead} dead`);
      assertEquals(peer.error?.code, 7);
    }
  });

  Deno.test(`row 27: CONNECTION_CLOSE of the ${role} arrives though the path that was heard from last has just died`, () => {
    for (const dead of [0, 1]) {
      const paths = new Paths().ready();
      const end = connectionOf(paths, role);
      const peer = connectionOf(paths, otherRole(role));
      // So long that nothing else is under way.
      paths.world.runFor(5000);
      if (dead === 1) { for (const one of [end, peer]) one.setPathStatus(0, "backup", paths.world.now); }
      paths.world.runFor(500);
      end.ping();
      paths.world.runFor(200);
      paths.links[dead]!.set({ dead: true });
      end.close(7, "enough", paths.world.now);
      paths.world.runFor(100);
      assertEquals([peer.state, peer.error?.code], ["draining", 7], `with path ${dead} dead`);
    }
  });

  Deno.test(`row 28: packets of all paths count towards the limit of one key (${role})`, () => {
    const limit = 2000;
    const links = [{ delayMs: 10, rateMbps: 3 }, { delayMs: 15, rateMbps: 3 }];
    const { paths, load } = loaded(
      { provider: limited({ confidentialityLimit: limit }), links },
      1_600_000,
      role === "client" ? "up" : "down",
    );
    const wire = new Wire(paths);
    paths.ready();
    paths.world.require("the transfer", () => load.isDone);
    const generations = new Map<number, number[]>();
    for (const path of [0, 1]) {
      for (const { generation } of wire.on(role, path)) {
        const counts = generations.get(generation) ?? [0, 0];
        counts[path]!++;
        generations.set(generation, counts);
      }
    }
    assertGreater(generations.size, 1);
    const [first] = [...generations.values()];
    // Half of the limit makes an update due, and neither path alone had come so far.
    // (A few packets went with those of the handshake, which are not counted here.)
    assertGreater(first![0]! + first![1]!, limit / 2 - 5);
    for (const [path, count] of first!.entries()) assertLess(count, limit / 2, `path ${path}`);
    for (const counts of generations.values()) assertLess(counts[0]! + counts[1]!, limit);
  });

  Deno.test(`row 28: forgeries on all paths and under all keys count towards one limit (${role})`, () => {
    const limit = 20;
    const f = new Forged(role, 2, { provider: limited({ integrityLimit: limit }) });
    const forge = (path: number, generation: number): void => {
      const packet = f.rogue.seal({ frames: [PING], path, generation });
      packet[packet.length - 1] = packet[packet.length - 1]! ^ 1;
      f.rogue.deliver(packet);
    };
    for (let i = 0; i < 8; i++) forge(0, 0);
    for (let i = 0; i < 4; i++) forge(1, 0);
    f.rogue.send({ frames: [PING], generation: 1 });
    f.trace.assertCount("quic:key_updated", 1, (d) => d.trigger === "remote_update");
    for (let i = 0; i < 8; i++) forge(1, 1);
    f.assertWell();
    forge(0, 1);
    f.assertClosed(TransportErrorCode.AEAD_LIMIT_REACHED);
  });
}

Deno.test("row 27: CONNECTION_CLOSE takes another path when there is no id for the one that was heard from last", () => {
  const { pair, rogue } = stranger({ client: { maxPaths: 1 } });
  rogue.send({ frames: [{ kind: "max_path_id", limit: 1 }] });
  rogue.send({ frames: [PING], path: 1, size: 1200 }, { from: STRANGER });
  pair.world.runFor(50);
  assertEquals(pair.server.stats().paths.map((p) => p.id), [0, 1]);
  pair.server.close(7, "enough", pair.world.now);
  pair.world.runFor(0);
  const closes = rogue.caught.filter((p) => p.frames.some((frame) => frame.kind === "connection_close"));
  assertEquals(closes.map((p) => p.path), [0]);
});

/** The fastest provider, with other limits. */
function limited(limits: Partial<Pick<CipherSuite, "confidentialityLimit" | "integrityLimit">>): CryptoProvider {
  const provider = fastestProvider();
  const suites = provider.suites.map((suite) => ({ ...suite, ...limits }));
  return Object.create(provider, { suites: { value: suites } }) as CryptoProvider;
}
