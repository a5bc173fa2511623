/**
 * Limits of path ids, frames that tell of being blocked, and what is given to a path when: rows 101 to 109, 119 to 121, 127
 * and 129 to 131 of the checklist in `multipath-spec.md` §8.
 *
 * @module
 */
import { assert, assertEquals, assertGreater } from "@std/assert";
import { IdleTimeoutError, TransportErrorCode } from "../../transport/base/errors.ts";
import { CidIssuer } from "../../transport/paths/cid_issuer.ts";
import { CidPool } from "../../transport/paths/cid_pool.ts";
import { PathLimits } from "../../transport/paths/path_limits.ts";
import type { Frame } from "../../transport/wire/frames/types.ts";
import type { Connection } from "../../transport/connection/connection.ts";
import type { Trace } from "../kit/trace.ts";
import { bulk, Requests } from "../kit/apps.ts";
import { Pair } from "../connection/pair.ts";
import { Rogue } from "../connection/rogue.ts";
import { Forged, framesIn, openHere, rangesOf, ROLES } from "./forged.ts";
import { Paths } from "./paths.ts";

const { PROTOCOL_VIOLATION } = TransportErrorCode;
const PING: Frame = { kind: "ping" };
/** `maxPaths` is 4 by default. */
const LIMIT = 3;
/** How many paths the churn opens and closes; all 10,000 with MPQUIC_SWEEP=all. */
const CHURN = Deno.env.get("MPQUIC_SWEEP") === "all" ? 10_000 : 300;

Deno.test("row 101: MAX_PATH_ID is never sent above 2^32-1", () => {
  const registry = { add: (): void => {}, remove: (): void => {} };
  const issuer = new CidIssuer({
    idLength: 8,
    random: (into) => into.fill(1),
    resetTokenFor: () => new Uint8Array(16),
    registry,
    multipath: () => true,
    peerMaxPath: () => 0,
    keepFor: () => 0,
  });
  const pool = new CidPool({ activeLimit: 4, maxPath: () => 0, multipath: () => true });
  const target = { level: "application", path: 0, route: 0, now: 0 } as const;
  const limits = new PathLimits({ maxPaths: 2 ** 32 - 1, issuer, pool, onRaised: () => {} });
  limits.start(0);
  assertEquals(limits.local, 2 ** 32 - 2);
  limits.raise();
  assertEquals([limits.local, limits.hasFrames(target)], [2 ** 32 - 1, true]);
  const frames: Frame[] = [];
  const write = (frame: Frame): boolean => frames.push(frame) > 0;
  limits.writeFrames({ ...target, room: 100, write });
  limits.raise();
  assertEquals([limits.local, limits.hasFrames(target)], [2 ** 32 - 1, false]);
  assertEquals(frames, [{ kind: "max_path_id", limit: 2 ** 32 - 1 }]);
  assertEquals(new PathLimits({ maxPaths: 2 ** 40, issuer, pool, onRaised: () => {} }).local, 2 ** 32 - 1);
});

function limitsSent(trace: Trace): number[] {
  return trace.frames("sent", "max_path_id").map(({ frame }) => frame.limit);
}

Deno.test(`rows 85, 102: ${CHURN} paths opened and closed, with ever new ids and limits that only rise`, () => {
  const f = new Paths({ open: [] }).ready();
  f.world.runFor(200);
  const { client, world } = f;
  const ids: number[] = [];
  for (let i = 0; i < CHURN; i++) {
    const id = f.open(1);
    ids.push(id);
    const usable = (c: Connection): boolean => c.stats().paths.some((p) => p.id === id && p.state === "usable");
    world.require(`path ${id} to be usable`, () => usable(client) && usable(f.server));
    (i % 2 === 0 ? client : f.server).closePath(id, 0, "churn", world.now);
    world.require(`path ${id} to be gone`, () => client.stats().paths.length + f.server.stats().paths.length === 2);
    if (i % 100 !== 99) continue;
    for (const trace of [f.clientTrace, f.serverTrace]) {
      const limits = limitsSent(trace);
      assertGreater(limits.length, 0);
      for (const [at, limit] of limits.entries()) assert(limit > LIMIT && limit >= (limits[at - 1] ?? 0), `${limit}`);
      trace.clear();
    }
  }
  assertEquals(ids, Array.from({ length: CHURN }, (_, i) => i + 1));
});

for (const role of ROLES) {
  Deno.test(`row 103: the ${role} refuses MAX_PATH_ID above 2^32-1 or below the initial one`, () => {
    for (const limit of [2 ** 32, 2 ** 50, LIMIT - 1, 0]) {
      const f = new Forged(role, 1);
      f.send([{ kind: "max_path_id", limit }]);
      f.assertClosed(PROTOCOL_VIOLATION, `${limit}`);
    }
    for (const limit of [LIMIT, LIMIT + 1]) {
      const f = new Forged(role, 1);
      f.send([{ kind: "max_path_id", limit }]);
      f.assertWell(`${limit}`);
    }
  });

  Deno.test(`row 104: the ${role} ignores a MAX_PATH_ID that does not raise the limit`, () => {
    const f = new Forged(role, 1);
    const raised = (limit: number): number[] =>
      framesIn(f.send([{ kind: "max_path_id", limit }]), "new_connection_id").map((n) => n.frame.path!);
    assertEquals(raised(LIMIT), []);
    assertEquals(raised(LIMIT + 2), [], "this end's own limit is in the way");
    assertEquals(raised(LIMIT + 1), []);
    f.assertWell();
    // Our limit rises when a path is gone: then the peer's larger one counts, not the one that came last.
    f.send([{ kind: "path_abandon", path: 1, code: 0 }]);
    f.send([{ kind: "path_abandon", path: 2, code: 0 }]);
    const later = f.acknowledging([0], 4 * f.pto);
    assertEquals(framesIn(later, "max_path_id").map((m) => m.frame.limit).at(-1), LIMIT + 2);
    assertEquals(framesIn(later, "new_connection_id").map((n) => n.frame.path), [LIMIT + 1, LIMIT + 2]);
  });

  Deno.test(`row 105: the ${role} sends a lost MAX_PATH_ID again, unless a newer one was sent`, () => {
    for (const superseded of [false, true]) {
      const f = new Forged(role, 3);
      f.send([{ kind: "path_abandon", path: 1, code: 0 }]);
      f.acknowledging([0, 2], 2.8 * f.pto);
      if (superseded) f.send([{ kind: "path_abandon", path: 2, code: 0 }]);
      f.after(0.4 * f.pto);
      const first = f.rogue.caught.find((p) => p.frames.some((g) => g.kind === "max_path_id"))!;
      if (superseded) f.after(3 * f.pto);
      f.victim.write(f.victim.openStream("bidirectional")!, new Uint8Array(10_000));
      f.after(1);
      const numbers = f.rogue.caught.filter((p) => p.path === first.path && p.number !== first.number);
      const before = f.rogue.caught.length;
      f.send([{
        kind: "ack",
        path: first.path,
        delay: 0,
        ranges: rangesOf(numbers.map((p) => p.number)),
        ecn: undefined,
      }]);
      f.acknowledging([0], 500);
      const again = framesIn(f.rogue.caught.slice(before), "max_path_id").map((m) => m.frame.limit);
      assertEquals(again.filter((limit) => limit === LIMIT + 1).length > 0, !superseded, `superseded ${superseded}`);
    }
  });

  Deno.test(`row 106: the ${role} refuses PATHS_BLOCKED and PATH_CIDS_BLOCKED above its own limit`, () => {
    const bad: Frame[] = [
      { kind: "paths_blocked", limit: LIMIT + 1 },
      { kind: "paths_blocked", limit: 2 ** 32 },
      { kind: "path_cids_blocked", path: LIMIT + 1, nextSequence: 0 },
    ];
    for (const frame of bad) {
      const f = new Forged(role, 1);
      f.send([frame]);
      f.assertClosed(PROTOCOL_VIOLATION);
    }
    const good = new Forged(role, 1);
    good.send([{ kind: "paths_blocked", limit: LIMIT }, { kind: "path_cids_blocked", path: LIMIT, nextSequence: 0 }]);
    good.assertWell();
  });

  Deno.test(`row 107: the ${role} refuses PATH_CIDS_BLOCKED beyond the next sequence number that it would issue`, () => {
    for (const path of [0, 1, LIMIT]) {
      for (const [beyond, ok] of [[-1, true], [0, true], [1, false]] as const) {
        const f = new Forged(role);
        const given = f.trace.frames("sent", "new_connection_id").filter(({ frame }) => frame.path === path);
        const next = Math.max(...given.map(({ frame }) => frame.sequence)) + 1;
        f.send([{ kind: "path_cids_blocked", path, nextSequence: next + beyond }]);
        if (ok) f.assertWell(`path ${path}`);
        else f.assertClosed(PROTOCOL_VIOLATION, `path ${path}`);
      }
    }
  });

  Deno.test(`row 109: the ${role} ignores a PATHS_BLOCKED that is old`, () => {
    const f = new Forged(role, 1);
    const answers = [...f.send([{ kind: "paths_blocked", limit: 0 }]), ...f.after(100)];
    assertEquals(answers.flatMap((p) => p.frames.map((g) => g.kind)), ["ack"]);
    f.assertWell();
  });

  Deno.test(`row 119: the ${role}'s idle timer is one for all paths, and no path times out by itself`, () => {
    const f = new Forged(role, 3, { client: { maxIdleTimeout: 5000 } });
    for (let i = 0; i < 20; i++) {
      f.send([PING], 2);
      f.after(2000);
      f.acknowledge([0, 1, 2], 2);
    }
    f.assertWell();
    assertEquals(f.victim.stats().paths.map((p) => [p.id, p.state]), [[0, "usable"], [1, "usable"], [2, "usable"]]);
    f.send([PING], 1);
    f.after(4990);
    f.assertWell();
    f.after(20);
    assert(f.victim.error instanceof IdleTimeoutError);
  });

  Deno.test(`row 129: the ${role} retires connection ids that it no longer uses`, () => {
    const f = new Forged(role);
    for (const path of [0, 1]) {
      f.victim.ping();
      f.send([PING], path);
      f.after(50);
      const used = f.usedId(path).toHex();
      assert(f.victim.rotateConnectionId(path));
      f.send([PING], path);
      const later = f.after(200);
      const retired = framesIn(f.rogue.caught, "retire_connection_id").filter((r) => r.frame.path === path);
      assertEquals(new Set(retired.map((r) => r.frame.sequence)).size, 1, `path ${path}`);
      const given = f.rogue.ownTrace.frames("sent", "new_connection_id").find(({ frame }) =>
        frame.connectionId.toHex() === used
      );
      assertEquals(retired[0]!.frame.sequence, given?.frame.sequence ?? 0);
      assert(later.every((p) => p.destinationId.toHex() !== used));
    }
  });
}

Deno.test("row 108: PATHS_BLOCKED is sent again when it is lost and still true", () => {
  const f = new Forged("client", 1, { server: { maxPaths: 2 }, client: { maxPaths: 4 } });
  for (let i = 0; i < 2; i++) openHere(f.victim, f.world.now);
  f.world.runFor(0);
  const first = f.rogue.caught.find((p) => p.frames.some((g) => g.kind === "paths_blocked"))!;
  assertEquals(framesIn([first], "paths_blocked").map((b) => b.frame.limit), [1]);
  f.victim.write(f.victim.openStream("bidirectional")!, new Uint8Array(10_000));
  f.after(1);
  const others = f.rogue.caught.filter((p) => p.path === 0 && p.number !== first.number).map((p) => p.number);
  const again = f.send([{ kind: "ack", path: 0, delay: 0, ranges: rangesOf(others), ecn: undefined }]);
  assertEquals(framesIn(again, "paths_blocked").map((b) => b.frame.limit), [1]);
  f.acknowledge([0]);
  assertEquals(framesIn(f.acknowledging([0], 5000), "paths_blocked"), []);
});

Deno.test("row 120: what a path needs in bulk is given to it once it is validated", () => {
  const f = new Forged("server", 1);
  const from = { hostname: "10.0.0.1", port: 50_777 };
  f.rogue.send({ frames: [PING], path: 1, size: 60 }, { from });
  const early = [...f.rogue.caught.slice(-1), ...f.after(500)];
  assertEquals(framesIn(early, "new_connection_id").filter((n) => n.frame.path === 1), []);
  assertEquals(early.filter((p) => p.path === 1 && p.frames.some((g) => g.kind === "stream")), []);
  const challenge = framesIn(f.rogue.caught, "path_challenge").at(-1)!.frame;
  f.rogue.send({ frames: [{ kind: "path_response", data: challenge.data }], path: 1 }, { from });
  f.after(10);
  assertGreater(framesIn(f.rogue.caught, "new_connection_id").filter((n) => n.frame.path === 1).length, 0);
  assertEquals(f.victim.stats().paths.map((p) => p.state), ["usable", "usable"]);
});

Deno.test("row 121: not more than eight addresses are validated at a time, and the others in their turn", () => {
  const f = new Forged("server", 1, { server: { maxPaths: 20 }, client: { maxPaths: 20 } });
  const from = (path: number): { hostname: string; port: number } => ({ hostname: "10.0.0.1", port: 51_000 + path });
  const challenged = (): Set<number> => new Set(framesIn(f.rogue.caught, "path_challenge").map((c) => c.on));
  for (let path = 1; path <= 12; path++) f.rogue.send({ frames: [PING], path, size: 60 }, { from: from(path) });
  f.after(50);
  assertEquals(challenged().size, 8);
  for (let round = 0; round < 3; round++) {
    for (const { on, frame } of framesIn(f.rogue.caught, "path_challenge")) {
      f.rogue.send({ frames: [{ kind: "path_response", data: frame.data }], path: on }, { from: from(on) });
    }
    f.after(10);
  }
  assertEquals(challenged().size, 12);
  const usable = new Set(f.events.filter((e) => e.change === "usable").map((e) => e.path.id));
  assertEquals(usable.size, 13);
});

Deno.test("row 127: a client opens a path id only when both ends have given a connection id for it", () => {
  const pair = new Pair();
  pair.world.require("the client to be connected", () => pair.client.state === "connected");
  // The server is the rogue before any connection id has arrived, and before it has acknowledged any of the client's.
  const rogue = new Rogue(pair, "server").takeOver();
  rogue.send({ frames: [{ kind: "handshake_done" }] });
  pair.world.runFor(20);
  const id = openHere(pair.client, pair.world.now);
  const onPath = (): number => rogue.datagrams.length - rogue.caught.filter((p) => p.path !== id).length;
  const give = { kind: "new_connection_id", sequence: 0, retirePriorTo: 0, resetToken: new Uint8Array(16) } as const;
  rogue.send({ frames: [{ ...give, path: id, connectionId: new Uint8Array(8).fill(3) }] });
  pair.world.runFor(300);
  assertEquals(pair.client.stats().paths.map((p) => p.id), [0], "the client's own have not arrived");
  const own = pair.clientTrace.frames("sent", "new_connection_id").filter(({ frame }) => frame.path === id);
  assertGreater(own.length, 0);
  const numbers = rogue.caught.filter((p) => p.level === "application").map((p) => p.number);
  rogue.send({ frames: [{ kind: "ack", path: 0, delay: 0, ranges: rangesOf(numbers), ecn: undefined }] });
  pair.world.runFor(10);
  assertEquals(pair.client.stats().paths.map((p) => p.id), [0, id]);
  assertGreater(onPath(), 0);
});

Deno.test("row 130: each path in use has a spare connection id, also after ids were changed", () => {
  const f = new Paths().ready();
  f.world.runFor(500);
  for (let round = 0; round < 3; round++) {
    for (const path of [0, 1]) {
      for (const trace of [f.clientTrace, f.serverTrace]) {
        const count = (kind: "new_connection_id" | "retire_connection_id"): number =>
          new Set(trace.frames("received", kind).filter((g) => g.frame.path === path).map((g) => g.frame.sequence))
            .size;
        const ownRetired = trace.frames("sent", "retire_connection_id").filter((g) => g.frame.path === path).length;
        const handshake = path === 0 ? 1 : 0;
        assertGreater(count("new_connection_id") + handshake - ownRetired, 1, `path ${path}`);
      }
      assert(f.client.rotateConnectionId(path));
      assert(f.server.rotateConnectionId(path));
    }
    f.world.runFor(500);
  }
});

Deno.test("row 131: what an end prefers is its own affair, and silence is no wish", () => {
  const load = new Requests(bulk("both", 2_000_000));
  const links = [{ delayMs: 20, rateMbps: 10 }, { delayMs: 20, rateMbps: 10 }];
  const f = new Paths({ links, clientApps: [load.client], serverApps: [load.server] }).ready();
  const status = (c: Connection): unknown => c.stats().paths.map((p) => [p.status, p.peerStatus]);
  assertEquals(status(f.client), [["available", undefined], ["available", undefined]]);
  assertEquals(status(f.server), [["available", undefined], ["available", undefined]]);
  f.world.require("the transfer", () => load.isDone);
  for (const end of [f.client, f.server]) {
    for (const path of end.stats().paths) assertGreater(path.bytesSent, 300_000, "nobody said that it is a backup");
  }
  f.client.setPathStatus(1, "backup", f.world.now);
  f.server.setPathStatus(0, "backup", f.world.now);
  f.world.runFor(200);
  assertEquals(status(f.client), [["available", "backup"], ["backup", undefined]]);
  assertEquals(status(f.server), [["backup", undefined], ["available", "backup"]]);
});
