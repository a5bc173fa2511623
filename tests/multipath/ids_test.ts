/**
 * Connection ids and path ids: rows 52 to 68 of the checklist in `multipath-spec.md` §8.
 *
 * @module
 */
import { assert, assertEquals, assertGreater } from "@std/assert";
import { TransportErrorCode } from "../../transport/base/errors.ts";
import type { Frame } from "../../transport/wire/frames/types.ts";
import { joined } from "../connection/rogue.ts";
import type { Trace } from "../kit/trace.ts";
import { isUsable, newId, STRANGER, stranger } from "./actors.ts";
import { Forged, framesIn, openHere, ROLES } from "./forged.ts";
import { varintBytes } from "./forged_hello.ts";
import { Paths } from "./paths.ts";
import { holds, Wire } from "./wire.ts";

const { CONNECTION_ID_LIMIT_ERROR, FRAME_ENCODING_ERROR, PROTOCOL_VIOLATION } = TransportErrorCode;
const PING: Frame = { kind: "ping" };
const retire = (path: number | undefined, sequence: number): Frame => ({
  kind: "retire_connection_id",
  path,
  sequence,
});
const PATH_NEW_CONNECTION_ID = 0x3e78;

/** The ids that an end gave out for a path: their sequence numbers in order. */
function given(trace: Trace, path: number): number[] {
  const numbers = trace.frames("sent", "new_connection_id").filter(({ frame }) => frame.path === path)
    .map(({ frame }) => frame.sequence);
  return [...new Set(numbers)].sort((a, b) => a - b);
}

/** For which path ids an end gave out ids, in the order of the first of each. */
function givenPaths(trace: Trace): (number | undefined)[] {
  return [...new Set(trace.frames("sent", "new_connection_id").map(({ frame }) => frame.path))];
}

function isRisingByOne(numbers: readonly (number | undefined)[], from: number): boolean {
  return numbers.every((number, i) => number === from + i);
}

Deno.test("rows 52, 53: only the frames with a path id are used, for path 0 too, and each path numbers its ids from 0", () => {
  const paths = new Paths({ links: [{}, {}, {}] }).ready();
  paths.world.runFor(100);
  for (let i = 0; i < 3; i++) {
    for (const connection of [paths.client, paths.server]) {
      for (const path of [0, 1, 2]) assertEquals(connection.rotateConnectionId(path), true);
    }
    paths.world.runFor(100);
  }
  for (const trace of [paths.clientTrace, paths.serverTrace]) {
    assertEquals(givenPaths(trace).includes(undefined), false);
    // Number 0 of path 0 is the id of the handshake.
    for (const path of [0, 1, 2]) assert(isRisingByOne(given(trace, path), path === 0 ? 1 : 0));
    const retired = trace.frames("sent", "retire_connection_id").map(({ frame }) => [frame.path, frame.sequence]);
    for (const path of [0, 1, 2]) {
      assertEquals(retired.filter(([its]) => its === path).map(([, number]) => number), [0, 1, 2]);
    }
    assertEquals(retired.length, 9);
  }
});

for (const role of ROLES) {
  Deno.test(`row 54: the ${role} takes NEW_ and RETIRE_CONNECTION_ID for path 0, in one sequence with the others`, () => {
    const f = new Forged(role);
    const plain = { ...newId(0, 4, 1), path: undefined };
    f.send([plain, newId(0, 4, 1), plain], 1);
    f.assertWell();
    assertEquals(f.rogue.frames("retire_connection_id").map((frame) => [frame.path, frame.sequence]), [[0, 0]]);
    const before = given(f.trace, 0).length;
    f.send([retire(undefined, 1), retire(0, 1)], 1);
    assertEquals(given(f.trace, 0).length, before + 1);
    f.assertWell();
    f.send([{ ...plain, connectionId: new Uint8Array(8).fill(3) }], 1);
    f.assertClosed(PROTOCOL_VIOLATION);
  });

  Deno.test(`rows 55, 60: the ${role} gives an id for each path id that both limits allow, and for no other`, () => {
    for (const [client, server] of [[4, 4], [6, 3], [2, 5], [1, 4], [8, 8]] as const) {
      const f = new Forged(role, 1, { client: { maxPaths: client }, server: { maxPaths: server } });
      const both = Math.min(client, server) - 1;
      assertEquals(givenPaths(f.trace).length, both + 1);
      assert(isRisingByOne(givenPaths(f.trace), 0));
      for (let path = 1; path <= both; path++) assertEquals(given(f.trace, path), [0]);
      // The peer's limit rises: only as far as our own.
      const own = (role === "client" ? client : server) - 1;
      f.send([{ kind: "max_path_id", limit: 7 }]);
      f.after(100);
      assertEquals(givenPaths(f.trace).length, Math.max(both, Math.min(own, 7)) + 1);
      assert(isRisingByOne(givenPaths(f.trace), 0));
      f.assertWell();
    }
  });

  Deno.test(`row 61: an id for a path above the limit of the ${role} is a PROTOCOL_VIOLATION`, () => {
    for (const [path, allowed] of [[3, true], [4, false], [2 ** 32 - 1, false], [2 ** 32, false]] as const) {
      const f = new Forged(role, 1);
      f.send([{ ...newId(3, 1), path }]);
      if (allowed) f.assertWell();
      else f.assertClosed(PROTOCOL_VIOLATION, `path ${path}`);
    }
  });

  Deno.test(`row 59: ids of the ${role} are unique over all paths, and it takes none twice`, () => {
    const f = new Forged(role, 4);
    const all = f.trace.frames("sent", "new_connection_id").map(({ frame }) => frame.connectionId.toHex());
    all.push(f.trace.assertSeen("quic:connection_started").data.sourceId.toHex());
    assertEquals(new Set(all).size, new Set(f.trace.frames("sent", "new_connection_id").map(keyOf)).size + 1);
    f.send([newId(1, 4, 1)]);
    f.send([newId(1, 4, 1)]);
    f.assertWell();
    f.send([{ ...newId(2, 4, 1), connectionId: newId(1, 4).connectionId }]);
    f.assertClosed(PROTOCOL_VIOLATION);
  });

  Deno.test(`row 63: the ${role} moves on to ids of the same path alone`, () => {
    const f = new Forged(role, 2);
    const ids = new Set<string>();
    const note = (): void => {
      f.send([{ kind: "path_challenge", data: new Uint8Array(8) }], 1);
      ids.add(f.usedId(1).toHex());
    };
    note();
    for (let i = 0; i < 3; i++) {
      assertEquals(f.victim.rotateConnectionId(1), true);
      note();
    }
    // There are ids of path 0, and of 2 and 3, which are not open; but none of path 1.
    assertEquals(f.victim.rotateConnectionId(1), false);
    note();
    const ofPath1 = f.rogue.ownTrace.frames("sent", "new_connection_id").filter(({ frame }) => frame.path === 1);
    assertEquals(ids, new Set(ofPath1.map(({ frame }) => frame.connectionId.toHex())));
    f.assertWell();
  });

  Deno.test(`row 65: the ${role} says PATH_CIDS_BLOCKED once when it has no id to move on to`, () => {
    const f = new Forged(role, 2);
    while (f.victim.rotateConnectionId(1));
    f.after(0);
    const blocked = (): unknown[] =>
      f.rogue.frames("path_cids_blocked").map((frame) => [frame.path, frame.nextSequence]);
    assertEquals(blocked(), [[1, 4]]);
    // Said once: not again when it is acknowledged, nor when the application insists.
    f.rogue.acknowledge({ multipath: true });
    f.rogue.acknowledge({ multipath: true });
    assertEquals(f.victim.rotateConnectionId(1), false);
    f.after(5000);
    assertEquals(blocked(), [[1, 4]]);
    f.send([newId(1, 4)]);
    assertEquals(f.victim.rotateConnectionId(1), true);
    assertEquals(f.victim.rotateConnectionId(1), false);
    f.after(10);
    assertEquals(blocked(), [[1, 4], [1, 5]]);
    f.assertWell();
  });

  Deno.test(`row 64: the ${role} replaces ids that the peer retires while the path is open, not when it is abandoned`, () => {
    const f = new Forged(role, 3);
    for (const path of [0, 1, 2]) {
      const before = given(f.trace, path).length;
      f.send([retire(path, 1), retire(path, 2)], path === 0 ? 1 : 0);
      assertEquals(given(f.trace, path).length, before + 2, `path ${path}`);
    }
    // A path id that is not in use keeps one id.
    f.send([retire(3, 0)]);
    assertEquals(given(f.trace, 3), [0, 1]);
    const before = given(f.trace, 2).length;
    f.victim.closePath(2, 0, "enough", f.world.now);
    f.send([retire(2, 3)]);
    f.send([{ kind: "path_abandon", path: 2, code: 0 }]);
    f.send([retire(2, 4)]);
    f.after(100);
    assertEquals(given(f.trace, 2).length, before);
    f.assertWell();
  });

  Deno.test(`row 67: a path of the ${role} outlives all of its ids, and goes on counting packets`, () => {
    const f = new Forged(role);
    const ids = (): Uint8Array[] =>
      f.trace.frames("sent", "new_connection_id").filter(({ frame }) => frame.path === 1)
        .map(({ frame }) => frame.connectionId);
    const old = ids();
    f.rogue.send({ frames: [PING], path: 1, number: 700, destinationId: old[0]! });
    f.send([0, 1, 2, 3].map((sequence) => retire(1, sequence)), 0);
    assertEquals(isUsable(f.victim, 1), true);
    const fresh = ids().slice(old.length);
    assertEquals(fresh.length, 4);
    const dropped = f.trace.count("quic:packet_dropped", (d) => d.reason === "duplicate");
    f.rogue.send({ frames: [PING], path: 1, number: 700, destinationId: fresh[0]! });
    assertEquals(f.trace.count("quic:packet_dropped", (d) => d.reason === "duplicate"), dropped + 1);
    f.rogue.send({ frames: [PING], path: 1, number: 701, destinationId: fresh[0]! });
    const last = f.trace.filter("quic:packet_received").at(-1)!;
    assertEquals([last.data.header.path, last.data.header.number], [1, 701]);
    f.assertWell();
  });

  Deno.test(`row 67: the ${role} goes on with a new id when the peer takes all others back`, () => {
    const f = new Forged(role);
    const before = f.victim.stats().paths[1]!.bytesSent;
    const numbers = (): number[] => f.rogue.caught.filter((p) => p.path === 1).map((p) => p.number);
    f.send([{ kind: "path_challenge", data: new Uint8Array(8) }], 1);
    f.send([newId(1, 9, 9)]);
    const retired = f.rogue.frames("retire_connection_id").filter((frame) => frame.path === 1);
    assertEquals(retired.map((frame) => frame.sequence), [0, 1, 2, 3]);
    f.send([{ kind: "path_challenge", data: new Uint8Array(8) }], 1);
    assertEquals(f.usedId(1), newId(1, 9).connectionId);
    const all = numbers();
    assert(all.length >= 2 && all.every((number, i) => i === 0 || number > all[i - 1]!), all.join());
    assertGreater(f.victim.stats().paths[1]!.bytesSent, before);
    f.assertWell();
  });

  for (const path of [0, 1, 2]) {
    Deno.test(`row 68: what the ${role} takes of ids for path ${path}: repetitions, any order, what is retired already`, () => {
      const f = new Forged(role);
      const used = path < 2;
      if (used) f.send([newId(path, 9, 8), newId(path, 8, 8), newId(path, 9, 8), newId(path, 8)]);
      else f.send([newId(path, 9, 9), newId(path, 9, 9)]);
      // Below what was retired before: given back at once.
      f.send([newId(path, 6)]);
      const retired = f.rogue.frames("retire_connection_id").filter((frame) => frame.path === path);
      assertEquals(retired.map((frame) => frame.sequence), used ? [0, 1, 2, 3, 6] : [0, 6]);
      f.assertWell();
      f.send([retire(path, given(f.trace, path).at(-1)! + 1)], path === 0 ? 1 : 0);
      f.assertClosed(PROTOCOL_VIOLATION);
    });

    Deno.test(`row 68: what the ${role} does not take of ids for path ${path}`, () => {
      const raw = (sequence: number, retirePriorTo: number, length: number): Uint8Array =>
        joined([
          varintBytes(PATH_NEW_CONNECTION_ID),
          varintBytes(path),
          varintBytes(sequence),
          varintBytes(retirePriorTo),
          Uint8Array.of(length),
          new Uint8Array(length).fill(0x55),
          new Uint8Array(16).fill(0x66),
        ]);
      for (const bytes of [raw(5, 5, 0), raw(5, 5, 21), raw(5, 6, 8)]) {
        const f = new Forged(role);
        f.send([bytes]);
        f.assertClosed(FRAME_ENCODING_ERROR);
      }
      for (const length of [1, 20]) {
        const f = new Forged(role);
        f.send([raw(5, 5, length)]);
        f.assertWell();
      }
      // One more than this end keeps of a path, whether it is in use or not.
      const full = new Forged(role, 2, { [role]: { activeConnectionIdLimit: 4 } });
      const count = full.rogue.ownTrace.frames("sent", "new_connection_id").filter((g) =>
        g.frame.path === path
      ).length +
        (path === 0 ? 1 : 0);
      for (let i = count; i < 4; i++) full.send([newId(path, i)]);
      full.assertWell();
      full.send([newId(path, 4)]);
      full.assertClosed(CONNECTION_ID_LIMIT_ERROR);
      // The number of another id; the token of another.
      const frame = newId(path, 5, 5);
      for (const other of [{ connectionId: newId(9, 9).connectionId }, { resetToken: newId(9, 9).resetToken }]) {
        const f = new Forged(role);
        f.send([frame]);
        f.send([{ ...frame, ...other }]);
        f.assertClosed(PROTOCOL_VIOLATION);
      }
    });
  }
}

Deno.test("row 56: there are no holes in the path ids that both ends give ids for, while paths come and go", () => {
  const paths = new Paths({ links: [{ delayMs: 5 }, { delayMs: 8 }, { delayMs: 3 }] }).ready();
  let [low, high] = [1, 2];
  for (let i = 0; i < 12; i++) {
    paths.client.closePath(i % 2 === 0 ? low : high, 0, "enough", paths.world.now);
    if (i % 2 === 0) low = high;
    high = paths.open(i % 2 === 0 ? 1 : 2);
    paths.world.require("the next path", () => isUsable(paths.client, high) && isUsable(paths.server, high));
    paths.world.runFor(i % 3 === 0 ? 500 : 20);
  }
  for (const trace of [paths.clientTrace, paths.serverTrace]) {
    const all = givenPaths(trace);
    assertGreater(all.length, 12);
    assert(isRisingByOne(all, 0), all.join());
  }
});

Deno.test("row 57: a client uses path ids in order, whatever is closed or refused meanwhile", () => {
  const paths = new Paths({ links: [{}, {}, {}, {}] }).ready();
  assertEquals(paths.client.stats().paths.map((path) => path.id), [0, 1, 2, 3]);
  paths.client.closePath(2, 0, "enough", paths.world.now);
  paths.client.closePath(1, 0, "enough", paths.world.now);
  assertEquals([paths.open(1), paths.open(2)], [4, 5]);
  paths.world.require("both", () => isUsable(paths.client, 4) && isUsable(paths.client, 5));

  // The server does not want 2: it is skipped, and 1 is still to be used.
  const f = new Forged("client", 1);
  f.send([{ kind: "path_abandon", path: 2, code: 0 }]);
  assertEquals(f.rogue.frames("path_abandon").map((frame) => frame.path), [2]);
  assertEquals([1, 3].map(() => openHere(f.victim, f.world.now)), [1, 3]);
});

Deno.test("row 57: an id that waited in vain for the peer's limit was not used, and is the next again", () => {
  const f = new Forged("client", 1, { server: { maxPaths: 1 } });
  for (let i = 0; i < 3; i++) {
    assertEquals(openHere(f.victim, f.world.now), 1);
    f.rogue.acknowledge({ multipath: true });
    f.after(11_000);
    f.trace.assertNone("multipath:path_closed");
  }
  assertEquals(f.rogue.frames("path_abandon"), []);
  f.assertWell();
});

Deno.test("row 58: ids of paths may arrive, and paths be opened, in any order", () => {
  const { pair, rogue } = stranger({ client: { maxPaths: 1 } });
  rogue.send({ frames: [{ kind: "max_path_id", limit: 3 }] });
  rogue.send({ frames: [newId(3, 1), newId(1, 2)] });
  rogue.send({ frames: [newId(3, 0), newId(2, 0), newId(1, 0)] });
  for (const path of [3, 1, 2]) {
    const from = { ...STRANGER, port: 1000 + path };
    rogue.send({ frames: [PING], path, size: 1200 }, { from });
    const asked = pair.serverTrace.frames("sent", "path_challenge").filter(({ header }) => header.path === path);
    rogue.send({ frames: [{ kind: "path_response", data: asked.at(-1)!.frame.data }], path, size: 1200 }, { from });
    assertEquals(isUsable(pair.server, path), true);
  }
  assertEquals(pair.server.stats().paths.map((path) => path.id), [0, 3, 1, 2]);
  assertEquals(pair.server.error, undefined);
});

Deno.test("row 58: a client opens a path when all that it needs has come, in whatever order", () => {
  const steps: Frame[][] = [[{ kind: "max_path_id", limit: 2 }], [newId(2, 0)], [newId(1, 3)]];
  for (const [first, second] of [[1, 2], [2, 1]] as const) {
    const f = new Forged("client", 1, { server: { maxPaths: 1 } });
    assertEquals([openHere(f.victim, f.world.now), openHere(f.victim, f.world.now)], [1, 2]);
    for (const step of [0, first, second]) f.send(steps[step]!);
    assertEquals(framesIn(f.rogue.caught, "path_challenge"), []);
    f.rogue.acknowledge({ multipath: true });
    const asked = framesIn(f.rogue.caught, "path_challenge").map(({ on }) => on);
    assertEquals(asked.sort(), [1, 2]);
  }
});

Deno.test("row 62: a client that the peer's limit blocks says PATHS_BLOCKED once, and goes on with MAX_PATH_ID", () => {
  const paths = new Paths({ links: [{}, {}, {}], server: { maxPaths: 2 }, open: [1] });
  const wire = new Wire(paths);
  paths.ready();
  const third = paths.open(2);
  paths.world.runFor(3000);
  assertEquals(wire.frames("client", "paths_blocked").map(({ frame }) => frame.limit), [1]);
  assertEquals(paths.client.stats().paths.map((path) => path.id), [0, 1]);
  // One goes, and the server allows another.
  paths.client.closePath(1, 0, "enough", paths.world.now);
  paths.world.require("the third path", () => isUsable(paths.client, third) && isUsable(paths.server, third));
  assertEquals(third, 2);
  assertEquals(wire.frames("server", "max_path_id").map(({ frame }) => frame.limit), [2]);
});

Deno.test("row 62: an end whose own limit is in the way raises it as paths end", () => {
  const paths = new Paths({ links: [{}, {}], client: { maxPaths: 2 }, open: [1] });
  const wire = new Wire(paths);
  paths.ready();
  paths.client.closePath(1, 0, "enough", paths.world.now);
  const second = paths.open(1);
  paths.world.require("the second path", () => isUsable(paths.client, second) && isUsable(paths.server, second));
  assertEquals(wire.frames("client", "max_path_id").map(({ frame }) => frame.limit), [2]);
  assertEquals(wire.frames("client", "paths_blocked"), []);
});

Deno.test("row 66: a client that has no id for a new path says PATH_CIDS_BLOCKED once, and waits", () => {
  for (const comes of [true, false]) {
    const f = new Forged("client", 1, { server: { maxPaths: 1 } });
    const id = openHere(f.victim, f.world.now);
    f.send([{ kind: "max_path_id", limit: 1 }]);
    const blocked = (): unknown[] =>
      f.rogue.frames("path_cids_blocked").map((frame) => [frame.path, frame.nextSequence]);
    assertEquals(blocked(), [[1, 0]]);
    for (let i = 0; i < 5; i++) {
      f.rogue.acknowledge({ multipath: true });
      f.after(500);
    }
    assertEquals(blocked(), [[1, 0]]);
    if (comes) {
      const onPath1 = f.send([newId(1, 0)]).filter((packet) => packet.path === 1);
      assert(holds(onPath1[0]!, "path_challenge"));
    } else {
      f.after(10_000);
      const said = f.rogue.frames("path_abandon");
      assertEquals([said[0]?.path, said[0]?.code], [id, TransportErrorCode.NO_CID_AVAILABLE_FOR_PATH]);
      // The id is used up; the next waits for the peer's limit.
      assertEquals(openHere(f.victim, f.world.now), 2);
    }
    f.assertWell();
  }
});

function keyOf(
  { frame }: { readonly frame: { readonly path: number | undefined; readonly sequence: number } },
): string {
  return `${frame.path} ${frame.sequence}`;
}
