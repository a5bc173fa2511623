import { assert, assertEquals, assertThrows } from "@std/assert";
import { TransportError, TransportErrorCode } from "../base/errors.ts";
import type { PathId } from "../base/role.ts";
import type { RetireConnectionIdFrame } from "../wire/frames/types.ts";
import { CidPool, type CidPoolOptions, RETIREMENTS_PER_ACTIVE_ID } from "./cid_pool.ts";
import { arrival, RoutePacket, type RoutePacketOptions } from "./fakes.ts";

function pool(options: Partial<CidPoolOptions> = {}): CidPool {
  const p = new CidPool({ activeLimit: 4, maxPath: () => 3, multipath: () => true, ...options });
  p.start(id(0, 0));
  return p;
}

/** The id that the tests give to a path under a sequence number. */
function id(path: PathId, sequence: number): Uint8Array {
  return Uint8Array.of(0xc0, path, sequence, 1, 2, 3, 4, 5);
}

function token(path: PathId, sequence: number): Uint8Array {
  return new Uint8Array(16).fill(1 + 16 * path + sequence);
}

interface Given {
  readonly plain?: boolean;
  readonly retirePriorTo?: number;
  readonly id?: Uint8Array;
  readonly token?: Uint8Array;
}

function give(p: CidPool, path: PathId, sequence: number, given: Given = {}): void {
  p.onFrame({
    kind: "new_connection_id",
    path: given.plain ? undefined : path,
    sequence,
    retirePriorTo: given.retirePriorTo ?? 0,
    connectionId: given.id ?? id(path, sequence),
    resetToken: given.token ?? token(path, sequence),
  }, arrival());
}

function send(p: CidPool, options: RoutePacketOptions = {}): RoutePacket {
  const packet = new RoutePacket(options);
  if (p.hasFrames(packet)) p.writeFrames(packet);
  return packet;
}

/** What is given back in a packet: pairs of path and sequence number. */
function retiredIn(packet: RoutePacket): [PathId | undefined, number][] {
  return packet.frames.map((frame) => {
    assert(frame.kind === "retire_connection_id");
    return [(frame as RetireConnectionIdFrame).path, frame.sequence];
  });
}

function assertRefused(run: () => void, code: number = TransportErrorCode.PROTOCOL_VIOLATION): void {
  assertEquals(assertThrows(run, TransportError).code, code);
}

Deno.test("CidPool.start() the first id is bound to the first route", () => {
  const p = pool();
  assertEquals(p.current(0, 5), undefined);
  assertEquals(p.idFor(0, 5), id(0, 0));
  assertEquals(p.current(0, 5), id(0, 0));
  assertEquals(p.idFor(0, 6), undefined, "one id, one route (row 126)");
  assertEquals(p.nextSequence(0), 1);
  assertThrows(() => p.start(id(0, 0)), Error);
});

Deno.test("CidPool.replaceHandshakeId() the server chooses its id, after a Retry once more", () => {
  const p = pool();
  p.idFor(0, 0);
  p.replaceHandshakeId(id(0, 100));
  assertEquals(p.idFor(0, 0), id(0, 100));
  p.replaceHandshakeId(id(0, 101));
  assertEquals(p.idFor(0, 0), id(0, 101));
  assertEquals(p.lastId(0), id(0, 101));
  assertEquals(p.count(0), 1);
  assertEquals(send(p).frames, []);
});

Deno.test("CidPool.idFor() each route takes an id of its own from its path (rows 30, 31, 126)", () => {
  const p = pool();
  give(p, 0, 1);
  give(p, 1, 0);
  assertEquals(p.idFor(0, 0), id(0, 0));
  assertEquals(p.idFor(1, 1), id(1, 0));
  assertEquals(p.idFor(0, 2), id(0, 1));
  assertEquals(p.idFor(1, 3), undefined, "ids of path 0 are not for path 1");
  assertEquals(p.idFor(2, 4), undefined);
  assertEquals(p.idFor(0, 0), id(0, 0));
});

Deno.test("CidPool.onFrame() ids come in any order, the lowest is used first (row 58)", () => {
  const p = pool();
  for (const sequence of [2, 0, 1]) give(p, 3, sequence);
  assertEquals([5, 6, 7].map((route) => p.idFor(3, route)), [id(3, 0), id(3, 1), id(3, 2)]);
  assertEquals(p.nextSequence(3), 3);
});

Deno.test("CidPool.onFrame() keeps copies, because frames are views of the packet", () => {
  const p = pool();
  const bytes = id(1, 0);
  const secret = token(1, 0);
  give(p, 1, 0, { id: bytes, token: secret });
  bytes.fill(0);
  secret.fill(0);
  assertEquals(p.idFor(1, 1), id(1, 0));
  assert(p.isResetToken(token(1, 0)));
});

Deno.test("CidPool.onFrame() plain and PATH_ frames share the numbers of path 0 (row 54)", () => {
  const p = pool();
  give(p, 0, 1, { plain: true });
  give(p, 0, 1);
  give(p, 0, 2);
  assertEquals(p.count(0), 3);
  assertRefused(() => give(p, 0, 2, { plain: true, id: id(0, 50) }));
});

Deno.test("CidPool.onFrame() repeated frames are nothing new (row 68)", () => {
  const p = pool();
  for (let i = 0; i < 10; i++) give(p, 1, 0);
  assertEquals(p.count(1), 1);
  give(p, 0, 0, { token: token(0, 7) });
  assertEquals(p.count(0), 1, "the handshake's id came without a token");
});

Deno.test("CidPool.onFrame() a repeated id that was retired meanwhile is not taken again (row 68)", () => {
  const p = pool();
  give(p, 1, 0);
  give(p, 1, 1);
  p.idFor(1, 1);
  assert(p.rotate(1, 1));
  give(p, 1, 0);
  assertEquals(p.count(1), 1);
  assertEquals(retiredIn(send(p)), [[1, 0]]);
});

Deno.test("CidPool.onFrame() one number, two ids is a violation (row 68)", () => {
  const p = pool();
  give(p, 1, 0);
  assertRefused(() => give(p, 1, 0, { id: id(1, 9) }));
});

Deno.test("CidPool.onFrame() one id with another number, path or token is a violation (rows 59, 68)", () => {
  const p = pool();
  give(p, 1, 0);
  assertRefused(() => give(p, 1, 1, { id: id(1, 0) }));
  assertRefused(() => give(p, 2, 0, { id: id(1, 0) }));
  assertRefused(() => give(p, 0, 1, { id: id(1, 0), plain: true }));
  assertRefused(() => give(p, 1, 0, { token: token(3, 3) }));
});

Deno.test("CidPool.onFrame() a path id above our limit is a violation, the limit itself is not (rows 61, 96)", () => {
  const p = pool();
  give(p, 3, 0);
  assertRefused(() => give(p, 4, 0));
  assertRefused(() => give(p, Number.MAX_SAFE_INTEGER, 0));
  assertRefused(() => give(pool({ maxPath: () => 0 }), 1, 0));
});

Deno.test("CidPool.onFrame() the limit of active ids holds for each path by itself (rows 11, 68)", () => {
  const p = pool();
  for (let path = 1; path <= 3; path++) for (let sequence = 0; sequence < 4; sequence++) give(p, path, sequence);
  for (let sequence = 1; sequence < 4; sequence++) give(p, 0, sequence);
  assertRefused(() => give(p, 0, 4), TransportErrorCode.CONNECTION_ID_LIMIT_ERROR);
  assertRefused(() => give(p, 2, 4), TransportErrorCode.CONNECTION_ID_LIMIT_ERROR);
});

Deno.test("CidPool.onFrame() the error names the frame", () => {
  const p = pool();
  const refused = assertThrows(() => give(p, 0, 0, { id: id(3, 3), plain: true }), TransportError);
  assertEquals(refused.frameType, 0x18);
  assertEquals(assertThrows(() => give(p, 9, 0), TransportError).frameType, 0x3e78);
});

Deno.test("CidPool.onFrame() Retire Prior To takes ids of its path only, and its routes move on (row 68)", () => {
  const p = pool();
  give(p, 1, 0);
  give(p, 1, 1);
  p.idFor(0, 0);
  assertEquals(p.idFor(1, 1), id(1, 0));
  give(p, 1, 2, { retirePriorTo: 2 });
  assertEquals(retiredIn(send(p)), [[1, 0], [1, 1]]);
  assertEquals(p.idFor(1, 1), id(1, 2));
  assertEquals(p.idFor(0, 0), id(0, 0));
});

Deno.test("CidPool.onFrame() ids above the limit are fine when the same frame retires others (RFC 9000 §5.1.1)", () => {
  const p = pool({ activeLimit: 2 });
  give(p, 1, 0);
  give(p, 1, 1);
  give(p, 1, 2, { retirePriorTo: 1 });
  give(p, 1, 3, { retirePriorTo: 2 });
  assertEquals(p.count(1), 2);
});

Deno.test("CidPool.onFrame() a lower Retire Prior To is ignored, an id below it is retired at once (row 68)", () => {
  const p = pool();
  give(p, 1, 5, { retirePriorTo: 5 });
  give(p, 1, 6, { retirePriorTo: 1 });
  give(p, 1, 3);
  assertEquals(retiredIn(send(p)), [[1, 3]]);
  assertEquals(p.count(1), 2);
  give(p, 1, 3);
  assertEquals(send(p).frames, [], "once");
  assertEquals(p.nextSequence(1), 7);
});

Deno.test("CidPool.onFrame() a repeated frame can still bring a larger Retire Prior To", () => {
  const p = pool();
  give(p, 1, 0);
  give(p, 1, 1);
  give(p, 1, 1, { retirePriorTo: 1 });
  assertEquals(retiredIn(send(p)), [[1, 0]]);
});

Deno.test("CidPool.onFrame() retirements that wait for the peer are bounded (RFC 9000 §5.1.2)", () => {
  const p = pool({ activeLimit: 2 });
  let sequence = 0;
  const flood = () => {
    for (; sequence < 1000; sequence++) {
      give(p, 1, sequence, { retirePriorTo: sequence, id: Uint8Array.of(1, 1, sequence >> 8, sequence) });
    }
  };
  assertRefused(flood, TransportErrorCode.CONNECTION_ID_LIMIT_ERROR);
  assertEquals(sequence, RETIREMENTS_PER_ACTIVE_ID * 2 + 1);
});

Deno.test("CidPool.onFrame() a peer that acknowledges can renew its ids for ever", () => {
  const p = pool({ activeLimit: 2 });
  for (let sequence = 0; sequence < 1000; sequence++) {
    give(p, 1, sequence, { retirePriorTo: sequence, id: Uint8Array.of(1, 1, sequence >> 8, sequence) });
    send(p).acked();
  }
  assertEquals(p.count(1), 1);
});

Deno.test("CidPool.rotate() uses an unused id of the same path and retires the old one (rows 63, 129)", () => {
  const p = pool();
  give(p, 0, 1);
  give(p, 1, 0);
  p.idFor(0, 0);
  assert(p.rotate(0, 0));
  assertEquals(p.idFor(0, 0), id(0, 1));
  assertEquals(retiredIn(send(p)), [[0, 0]]);
  assertEquals(p.rotate(0, 0), false, "path 0 has no other, and path 1's is not for it (row 65)");
  assertEquals(p.idFor(0, 0), id(0, 1));
  assertEquals(p.hasUnused(1), true);
  assertEquals(p.hasUnused(0), false);
  assertEquals(p.rotate(2, 9), false);
});

Deno.test("CidPool.releaseRoute() the route's id is retired and used no more (rows 67, 129)", () => {
  const p = pool();
  give(p, 0, 1);
  p.idFor(0, 0);
  p.idFor(0, 1);
  p.releaseRoute(0, 0);
  p.releaseRoute(0, 0);
  p.releaseRoute(0, 77);
  assertEquals(retiredIn(send(p)), [[0, 0]]);
  p.releaseRoute(0, 1);
  assertEquals(p.idFor(0, 1), undefined);
  give(p, 0, 2);
  assertEquals(p.idFor(0, 1), id(0, 2));
});

Deno.test("CidPool.share() after a NAT rebinding both routes have the id, which goes with the last (row 126)", () => {
  const p = pool();
  give(p, 0, 1);
  p.idFor(0, 0);
  assert(p.share(0, 0, 1));
  assert(p.share(0, 0, 1));
  assertEquals(p.idFor(0, 1), id(0, 0));
  p.releaseRoute(0, 0);
  assertEquals(send(p).frames, []);
  assertEquals(p.idFor(0, 1), id(0, 0));
  p.releaseRoute(0, 1);
  assertEquals(retiredIn(send(p)), [[0, 0]]);
});

Deno.test("CidPool.share() false when the old route has no id, or the new one has its own", () => {
  const p = pool();
  give(p, 0, 1);
  assertEquals(p.share(0, 0, 1), false);
  assertEquals(p.share(2, 0, 1), false);
  p.idFor(0, 0);
  p.idFor(0, 1);
  assertEquals(p.share(0, 0, 1), false);
});

Deno.test("CidPool.rotate() leaves an id that is shared to the other route", () => {
  const p = pool();
  give(p, 0, 1);
  p.idFor(0, 0);
  p.share(0, 0, 1);
  assert(p.rotate(0, 1));
  assertEquals([p.idFor(0, 0), p.idFor(0, 1)], [id(0, 0), id(0, 1)]);
  assertEquals(send(p).frames, []);
});

Deno.test("CidPool.isResetToken() only tokens of ids in use (RFC 9000 §10.3.1)", () => {
  const p = pool();
  p.idFor(0, 0);
  p.setHandshakeToken(token(0, 0));
  give(p, 0, 1);
  assert(p.isResetToken(token(0, 0)));
  assertEquals(p.isResetToken(token(0, 1)), false, "unused");
  assertEquals(p.isResetToken(token(0, 9)), false);
  assertEquals(p.isResetToken(token(0, 0).subarray(0, 15)), false);
  p.rotate(0, 0);
  assertEquals(p.isResetToken(token(0, 0)), false, "retired");
  assert(p.isResetToken(token(0, 1)));
  const close = token(0, 1);
  close[15]! ^= 1;
  assertEquals(p.isResetToken(close), false);
});

Deno.test("CidPool.isResetToken() no token of an abandoned path (row 88)", () => {
  const p = pool();
  give(p, 1, 0);
  p.idFor(1, 1);
  assert(p.isResetToken(token(1, 0)));
  p.abandon(1);
  assertEquals(p.isResetToken(token(1, 0)), false);
});

Deno.test("CidPool.addPreferred() is sequence 1 of path 0 (row 13)", () => {
  const p = pool();
  p.addPreferred(id(0, 1), token(0, 1));
  give(p, 0, 1);
  assertRefused(() => give(p, 0, 1, { id: id(0, 9) }));
  p.idFor(0, 0);
  assertEquals(p.idFor(0, 1), id(0, 1));
  assert(p.isResetToken(token(0, 1)));
  assertThrows(() => p.addPreferred(id(0, 1), token(0, 1)), Error);
});

Deno.test("CidPool zero-length ids: every route has the empty one, and no other can come (RFC 9000 §19.15)", () => {
  const p = pool({ maxPath: () => 0, multipath: () => false });
  p.replaceHandshakeId(new Uint8Array());
  assert(p.isZeroLength);
  assertEquals(p.idFor(0, 0), new Uint8Array());
  assertEquals(p.idFor(0, 1), new Uint8Array());
  assertEquals(p.current(0, 2), new Uint8Array());
  assert(p.share(0, 0, 1));
  assertEquals(p.rotate(0, 0), false);
  assertEquals(p.hasUnused(0), false);
  p.releaseRoute(0, 0);
  assertEquals(send(p).frames, []);
  assertEquals(p.idFor(1, 1), undefined);
  assertRefused(() => give(p, 0, 1, { plain: true }));
});

Deno.test("CidPool.writeFrames() plain frames without multipath, PATH_ frames with it (row 53)", () => {
  for (const multipath of [false, true]) {
    const p = pool({ multipath: () => multipath });
    p.idFor(0, 0);
    p.releaseRoute(0, 0);
    assertEquals(retiredIn(send(p, { level: "handshake" })), []);
    assertEquals(retiredIn(send(p)), [[multipath ? 0 : undefined, 0]]);
  }
});

Deno.test("CidPool.onLost() a retirement is sent until it is acknowledged", () => {
  const p = pool();
  p.idFor(0, 0);
  p.releaseRoute(0, 0);
  send(p).lost();
  const packet = send(p);
  assertEquals(retiredIn(packet), [[0, 0]]);
  const copy = new RoutePacket();
  assert(p.writeAgain(packet.records[0]!, copy));
  packet.acked();
  copy.lost();
  assertEquals(send(p).frames, []);
});

Deno.test("CidPool.offerAgain() what is in flight on a silent path goes out elsewhere too (row 117)", () => {
  const p = pool();
  p.idFor(0, 0);
  p.releaseRoute(0, 0);
  send(p, { path: 2 });
  p.offerAgain(2);
  assertEquals(retiredIn(send(p, { path: 0 })), [[0, 0]]);
});

Deno.test("CidPool.abandon() drops all without frames, and ignores what comes later (rows 78, 97)", () => {
  const p = pool();
  give(p, 1, 0);
  give(p, 1, 1);
  p.idFor(1, 1);
  p.rotate(1, 1);
  const packet = send(p);
  packet.lost();
  p.abandon(1);
  assertEquals(send(p).frames, []);
  assertEquals(p.idFor(1, 1), undefined);
  assertEquals(p.count(1), 0);
  give(p, 1, 0, { id: id(0, 0) });
  give(p, 1, 7, { retirePriorTo: 7 });
  assertEquals(p.idFor(1, 1), undefined);
  assertEquals(send(p).frames, []);
  p.abandon(1);
  p.abandon(2);
  give(p, 2, 0);
  assertEquals(p.hasUnused(2), false);
});

Deno.test("CidPool.abandon() of path 0 covers the plain frames too", () => {
  const p = pool();
  p.idFor(0, 0);
  p.abandon(0);
  give(p, 0, 1, { plain: true });
  p.replaceHandshakeId(id(0, 3));
  p.setHandshakeToken(token(0, 0));
  assertEquals(p.idFor(0, 0), undefined);
});

Deno.test("CidPool.lastId() is there to close with when the only path is abandoned (row 86)", () => {
  const p = pool();
  give(p, 0, 1);
  assertEquals(p.lastId(0), undefined);
  p.idFor(0, 0);
  p.rotate(0, 0);
  assertEquals(p.lastId(0), id(0, 1));
  p.abandon(0);
  assertEquals(p.lastId(0), id(0, 1));
  assertEquals(p.lastId(1), undefined);
});

Deno.test("CidPool.hasIdFor() while the route has an id, or there is an unused one; the revision tells when to look", () => {
  const p = pool();
  assertEquals([p.hasIdFor(0, 1), p.hasIdFor(0, 2), p.hasIdFor(1, 3)], [true, true, false]);
  p.idFor(0, 1);
  assertEquals([p.hasIdFor(0, 1), p.hasIdFor(0, 2)], [true, false]);
  const { revision } = p;
  give(p, 1, 0);
  assertEquals([p.hasIdFor(1, 3), p.revision === revision], [true, false]);
  p.idFor(1, 3);
  p.releaseRoute(1, 3);
  assertEquals(p.hasIdFor(1, 3), false);
});
