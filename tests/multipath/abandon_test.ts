/**
 * Ending a path: rows 77 to 93 of the checklist in `multipath-spec.md` §8, what one end of a connection says and does.
 *
 * @module
 */
import { assert, assertEquals, assertGreater, assertThrows } from "@std/assert";
import { PathError, StatelessResetError, TransportError, TransportErrorCode } from "../../transport/base/errors.ts";
import type { Frame } from "../../transport/wire/frames/types.ts";
import { Pair } from "../connection/pair.ts";
import { Rogue } from "../connection/rogue.ts";
import { Forged, framesIn, openHere, rangesOf, ROLES } from "./forged.ts";

const abandon = (path: number, code = 0): Frame => ({ kind: "path_abandon", path, code });
const ack = (path: number, largest: number, smallest = largest): Frame => (
  { kind: "ack", path, delay: 0, ranges: [largest, smallest], ecn: undefined }
);
const PING: Frame = { kind: "ping" };
/** A packet of a bulk, which is full: those are not acknowledged one by one. */
const LARGE: readonly Frame[] = [PING, { kind: "padding", length: 1435 }];

function closePath(f: Forged, id: number, code: number): readonly { on: number; frame: Frame }[] {
  const before = f.rogue.caught.length;
  f.victim.closePath(id, code, "enough of it", f.world.now);
  f.world.runFor(0);
  return framesIn(f.rogue.caught.slice(before), "path_abandon");
}

for (const role of ROLES) {
  Deno.test(`row 77: a path that the ${role}'s application closes is abandoned with its code`, () => {
    const f = new Forged(role);
    const said = closePath(f, 1, TransportErrorCode.APPLICATION_ABANDON_PATH);
    assertEquals(said.map((s) => s.frame), [abandon(1, TransportErrorCode.APPLICATION_ABANDON_PATH)]);
    assertEquals(f.trace.assertSeen("multipath:path_closed").data, { path: 1, code: 0x3e, byPeer: false });
    assertThrows(() => f.victim.closePath(1, 0, "again", f.world.now), PathError);
  });

  Deno.test(`row 78: the ${role} sends nothing on a path that it abandoned, and drops its connection ids`, () => {
    const f = new Forged(role, 3);
    const stream = f.victim.openStream("bidirectional")!;
    f.victim.write(stream, new Uint8Array(30_000));
    f.after(5);
    f.acknowledge([0, 2]);
    assertEquals(closePath(f, 1, 0).map((s) => s.on !== 1), [true]);
    const later = f.after(3000);
    assertGreater(later.length, 0);
    assertEquals(later.filter((p) => p.path === 1), []);
    assertEquals(framesIn(later, "retire_connection_id").filter((r) => r.frame.path === 1), []);
    // Another id of the path is of no use any more, and no error.
    const connectionId = new Uint8Array(8).fill(7);
    const resetToken = new Uint8Array(16).fill(7);
    f.send([{ kind: "new_connection_id", path: 1, sequence: 9, retirePriorTo: 0, connectionId, resetToken }]);
    assertEquals(f.after(1000).filter((p) => p.path === 1), []);
    f.assertWell();
  });

  for (const [id, on] of [[1, 0], [1, 1], [0, 1], [0, 0]] as const) {
    Deno.test(`row 79: the ${role} takes PATH_ABANDON of path ${id} on path ${on}`, () => {
      const f = new Forged(role);
      const answered = framesIn(f.send([abandon(id)], on), "path_abandon");
      assertEquals(answered, [{ on: 1 - id, frame: abandon(id) }]);
      assertEquals(f.victim.stats().paths.find((p) => p.id === id)?.state, "closing");
      f.assertWell();
    });
  }

  Deno.test(`row 80: the ${role}'s PATH_ABANDON goes on a path that stays`, () => {
    for (const id of [0, 1]) {
      const f = new Forged(role);
      assertEquals(closePath(f, id, 0).map((s) => s.on), [1 - id]);
    }
  });

  Deno.test(`row 81: the ${role} answers PATH_ABANDON at once, and once`, () => {
    const f = new Forged(role);
    const first = framesIn(f.send([abandon(1, 0x3e76)]), "path_abandon");
    assertEquals(first, [{ on: 0, frame: abandon(1, TransportErrorCode.NO_ERROR) }]);
    f.rogue.acknowledge({ multipath: true });
    const events = f.events.filter((e) => e.change === "closed");
    assertEquals(events.map((e) => [e.path.id, e.code, e.byPeer]), [[1, 0x3e76, true]]);
    const again = [...f.send([abandon(1)]), ...f.send([abandon(1)], 1), ...f.after(5000)];
    assertEquals(framesIn(again, "path_abandon"), []);
    assertEquals(f.events.filter((e) => e.change === "closed").length, 1);
    assertEquals(again.filter((p) => p.path === 1), []);
    f.assertWell();
  });

  Deno.test(`row 81: the ${role} does not answer the answer to its own PATH_ABANDON`, () => {
    const f = new Forged(role);
    assertEquals(closePath(f, 1, 0).length, 1);
    f.rogue.acknowledge({ multipath: true });
    assertEquals(framesIn(f.send([abandon(1)]), "path_abandon"), []);
    const later = f.after(4 * f.pto);
    assertEquals(framesIn(later, "path_abandon"), []);
    assertEquals(f.victim.stats().paths.map((p) => p.id), [0]);
  });

  Deno.test(`row 82: the ${role} opens and acknowledges late packets of an abandoned path for 3 PTO, no longer`, () => {
    const f = new Forged(role);
    const { pto } = f;
    f.send([abandon(1)]);
    f.after(2.8 * pto);
    const answers = f.send([PING], 1);
    assertEquals(framesIn(answers, "ack").filter((a) => a.frame.path === 1).map((a) => a.on), [0]);
    f.after(0.4 * pto);
    assertEquals(f.victim.stats().paths.map((p) => p.id), [0]);
    const dropped = f.trace.count("quic:packet_dropped");
    const [late, datagrams] = [f.send([PING], 1), f.rogue.datagrams.length];
    assertEquals(late, []);
    assertEquals(f.trace.count("quic:packet_dropped") - dropped, 1);
    assertEquals(f.rogue.datagrams.length, datagrams);
    f.assertWell();
  });

  Deno.test(`row 83: the ${role} answers PATH_ABANDON of a path that never was, and never uses that id`, () => {
    const f = new Forged(role);
    assertEquals(framesIn(f.send([abandon(2, 77)]), "path_abandon"), [{ on: 0, frame: abandon(2) }]);
    f.rogue.acknowledge({ multipath: true });
    assertEquals(framesIn([...f.send([abandon(2)]), ...f.after(500)], "path_abandon"), []);
    f.assertWell();
    if (role === "client") assertEquals(openHere(f.victim, f.world.now), 3);
    else {
      assertEquals(f.send([PING], 2), []);
      assertEquals(f.victim.stats().paths.map((p) => p.id), [0, 1]);
    }
  });

  Deno.test(`row 84: the ${role} waits for an answer to its PATH_ABANDON at least 3 PTO`, () => {
    const f = new Forged(role);
    const { pto } = f;
    closePath(f, 1, 0);
    for (let i = 0; i < 6; i++) {
      f.after(pto / 2);
      f.rogue.acknowledge({ multipath: true });
    }
    f.assertWell();
    // It holds on to what belongs to the path: the answer may still come, and late packets with it.
    assertEquals(framesIn(f.send([PING], 1), "ack").filter((a) => a.frame.path === 1).length, 1);
  });

  Deno.test(`row 84: the ${role} forgets a path 3 PTO after the peer acknowledged its end and did not answer`, () => {
    const f = new Forged(role, 3);
    const kept = (): number[] => f.victim.stats().paths.map((p) => p.id);
    closePath(f, 1, 0);
    f.after(5 * f.pto);
    assertEquals(kept(), [0, 1, 2], "as long as the peer may not know");
    f.acknowledge([0, 2]);
    const { pto } = f;
    f.acknowledging([0, 2], 2.7 * pto);
    assertEquals(kept(), [0, 1, 2]);
    const later = f.acknowledging([0, 2], 0.6 * pto);
    assertEquals(kept(), [0, 2]);
    assertEquals(new Set(framesIn(later, "max_path_id").map((m) => m.frame.limit)), new Set([4]));
    // An answer that comes late after all changes nothing.
    assertEquals(framesIn([...f.send([abandon(1)]), ...f.after(500)], "path_abandon"), []);
    f.assertWell();
  });

  Deno.test(`row 86: the ${role} closes the connection when its only path is abandoned`, () => {
    const f = new Forged(role, 1);
    const { pto } = f;
    f.send([abandon(0)]);
    assertEquals(f.victim.state, "connected");
    const closing = f.after(3.2 * pto);
    assertEquals(framesIn(closing, "connection_close").map((c) => c.frame.code), [TransportErrorCode.NO_VIABLE_PATH]);
    f.assertClosed(TransportErrorCode.NO_VIABLE_PATH);
  });

  Deno.test(`row 88: the ${role} takes no stateless reset of an abandoned path, but one of a path in use`, () => {
    const f = new Forged(role);
    f.victim.ping();
    f.send([PING], 1);
    f.after(100);
    const token = f.tokenOf(f.usedId(1));
    f.send([abandon(1)]);
    f.reset(token);
    f.assertWell("the reset of the abandoned path is ignored");
    f.after(4 * f.pto);
    f.reset(token);
    f.assertWell("also when the path is gone");
    const other = new Forged(role);
    other.send([PING], 1);
    other.after(100);
    other.reset(other.tokenOf(other.usedId(1)));
    assert(other.victim.error instanceof StatelessResetError);
  });

  Deno.test(`row 89: the ${role} acknowledges at once what came on a path before its PATH_ABANDON`, () => {
    const f = new Forged(role);
    assertEquals(framesIn(f.send(LARGE, 1), "ack"), [], "one packet may wait for a second");
    const number = f.trace.filter("quic:packet_received", (d) => d.header.path === 1).at(-1)!.data.header.number;
    const answers = framesIn(f.send([abandon(1)]), "ack").filter((a) => a.frame.path === 1);
    assertEquals(answers.map((a) => a.frame.ranges[0]), [number]);
  });

  Deno.test(`row 89: the ${role} acknowledges at once what came on a path that it abandons itself`, () => {
    const f = new Forged(role);
    assertEquals(framesIn(f.send(LARGE, 1), "ack"), []);
    const before = f.rogue.caught.length;
    closePath(f, 1, 0);
    const answers = framesIn(f.rogue.caught.slice(before), "ack").filter((a) => a.frame.path === 1);
    assertEquals(answers.map((a) => a.on), [0]);
  });

  Deno.test(`row 90: the ${role}'s acknowledgements of an abandoned path go on another`, () => {
    const f = new Forged(role, 3);
    f.send([abandon(0)], 1);
    const answers = [...f.send([PING, { kind: "padding", length: 20 }], 0), ...f.after(100)];
    const acks = framesIn(answers, "ack").filter((a) => a.frame.path === 0);
    assertGreater(acks.length, 0);
    assertEquals(answers.filter((p) => p.path === 0), []);
  });

  Deno.test(`row 91: what the ${role} had in flight on a path that is over counts as lost, and is sent elsewhere`, () => {
    const f = new Forged(role);
    const id = f.victim.openStream("bidirectional")!;
    const before = f.rogue.caught.length;
    f.victim.write(id, new Uint8Array(40_000));
    f.after(20);
    const lost = f.rogue.caught.slice(before).filter((p) => p.path === 1 && p.frames.some((g) => g.kind === "stream"));
    assertGreater(lost.length, 0, "some of it goes on path 1");
    const later = [...f.send([abandon(1)]), ...f.acknowledging([0], 2000)];
    const gone = f.trace.filter("quic:packet_lost", (d) => d.trigger === "path_abandoned").map((e) => e.data.header);
    for (const { number } of lost) assert(gone.some((h) => h.path === 1 && h.number === number));
    const again = framesIn(later, "stream");
    for (const { frame } of framesIn(lost, "stream")) {
      let at = frame.offset;
      const end = frame.offset + frame.data.length;
      for (let moved = true; moved && at < end;) {
        const next = again.find((a) => a.frame.offset <= at && a.frame.offset + a.frame.data.length > at);
        moved = next !== undefined;
        if (next !== undefined) at = next.frame.offset + next.frame.data.length;
      }
      assert(at >= end, `bytes ${frame.offset} to ${end} are sent again`);
    }
    assertEquals(f.victim.stats().paths.find((p) => p.id === 1)?.inFlight ?? 0, 0);
  });

  Deno.test(`row 92: the ${role} ignores PATH_ACK of a path that is over, whatever it says`, () => {
    const f = new Forged(role);
    f.send([PING], 1);
    f.after(100);
    f.send([abandon(1)]);
    f.send([ack(1, 0)]);
    f.assertWell("while its state is kept");
    f.after(4 * f.pto);
    assertEquals(f.victim.stats().paths.map((p) => p.id), [0]);
    f.send([ack(1, 0)]);
    f.send([ack(1, 1_000_000)]);
    f.assertWell("when it is gone");
  });

  Deno.test(`row 93: the ${role} repeats a PATH_ABANDON that is lost`, () => {
    const f = new Forged(role, 3);
    assertEquals(closePath(f, 1, 0x3e).length, 1);
    const lost = f.rogue.caught.at(-1)!;
    // Later packets of the same path arrive, that one does not.
    f.victim.write(f.victim.openStream("bidirectional")!, new Uint8Array(20_000));
    f.after(1);
    const later = f.rogue.caught.filter((p) => p.path === lost.path && p.number > lost.number).map((p) => p.number);
    assertGreater(later.length, 3);
    const answers = f.send([{ kind: "ack", path: lost.path, delay: 0, ranges: rangesOf(later), ecn: undefined }]);
    const said = framesIn([...answers, ...f.after(4 * f.pto)], "path_abandon");
    assertGreater(said.length, 0);
    for (const { frame } of said) assertEquals(frame, abandon(1, 0x3e));
    f.acknowledge([0, 2]);
    assertEquals(framesIn(f.after(3000), "path_abandon"), [], "no more once it is acknowledged");
  });
}

Deno.test("row 85: the client never uses a path id again, the server admits none again", () => {
  const f = new Forged("client");
  for (const expected of [2, 3]) {
    closePath(f, expected - 1, 0);
    f.rogue.acknowledge({ multipath: true });
    f.send([abandon(expected - 1)]);
    f.after(4 * f.pto);
    assertEquals(openHere(f.victim, f.world.now), expected);
    f.rogue.acknowledge({ multipath: true });
    f.world.runFor(0);
    f.rogue.acknowledge({ multipath: true });
  }
  const server = new Forged("server");
  const id = server.rogue.idFor(1);
  server.send([abandon(1)]);
  for (const wait of [0, 100, 4 * server.pto]) {
    server.after(wait);
    server.rogue.send({ frames: [PING], path: 1, destinationId: id });
    assert(server.victim.stats().paths.every((p) => p.id !== 1 || p.state === "closing"));
  }
  server.assertWell();
});

Deno.test("row 87: a client whose only path is abandoned goes on with one that it opens in time", () => {
  const pair = new Pair().confirm();
  pair.world.runFor(1000);
  openHere(pair.client, pair.world.now);
  pair.world.runFor(0);
  // The new path is not validated yet when the only usable one goes.
  assertEquals(pair.client.stats().paths.map((p) => p.state), ["usable", "validating"]);
  const rogue = new Rogue(pair, "server");
  rogue.send({ frames: [{ kind: "path_abandon", path: 0, code: 0 }] });
  pair.world.runFor(5000);
  assertEquals([pair.client.state, pair.server.state], ["connected", "connected"]);
  assertEquals(pair.client.stats().paths.map((p) => [p.id, p.state]), [[1, "usable"]]);
});

Deno.test("row 87: the connection ends when the path that was to replace the last one fails", () => {
  const f = new Forged("client", 1);
  openHere(f.victim, f.world.now);
  f.world.runFor(0);
  f.send([abandon(0)]);
  f.after(10_000);
  assert(f.victim.error instanceof TransportError);
  assertEquals(f.victim.error.code, TransportErrorCode.NO_VIABLE_PATH);
});

Deno.test("row 77: a path whose validation fails is abandoned", () => {
  const expected = [{ on: 0, frame: abandon(1, TransportErrorCode.PATH_UNSTABLE_OR_POOR) }];
  const client = new Forged("client", 1);
  assertEquals(openHere(client.victim, client.world.now), 1);
  assertEquals(framesIn(client.acknowledging([0], 5000), "path_abandon"), expected);
  const server = new Forged("server", 1);
  server.rogue.send({ frames: [PING], path: 1, size: 60 }, { from: { hostname: "10.0.0.1", port: 50_001 } });
  assertEquals(framesIn(server.acknowledging([0], 5000), "path_abandon"), expected);
});

Deno.test("row 77: a path for which the peer gives no connection id is abandoned", () => {
  const pair = new Pair();
  pair.world.require("the client to be connected", () => pair.client.state === "connected");
  // From here on the server is the rogue: none of its connection ids has arrived.
  const rogue = new Rogue(pair, "server").takeOver();
  rogue.send({ frames: [{ kind: "handshake_done" }] });
  assertEquals(openHere(pair.client, pair.world.now), 1);
  // At first often enough that no probe says anything twice.
  for (let i = 0; i < 35; i++) {
    pair.world.runFor(i < 5 ? 10 : 500);
    rogue.acknowledge({ multipath: true });
  }
  assertEquals(pair.client.state, "connected");
  assertEquals(rogue.frames("path_cids_blocked").length, 1);
  assertEquals(rogue.frames("path_abandon"), [
    { kind: "path_abandon", path: 1, code: TransportErrorCode.NO_CID_AVAILABLE_FOR_PATH },
  ]);
});
