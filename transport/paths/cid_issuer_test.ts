import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { TransportError, TransportErrorCode } from "../base/errors.ts";
import type { PathId } from "../base/role.ts";
import type { NewConnectionIdFrame } from "../wire/frames/types.ts";
import { CidIssuer, type CidIssuerOptions, IDS_PER_PATH, IDS_PER_UNUSED_PATH, MAX_KEPT_IDS } from "./cid_issuer.ts";
import { arrival, RoutePacket, type RoutePacketOptions, seededRandom } from "./fakes.ts";

const HANDSHAKE_ID = Uint8Array.of(9, 9, 9, 9, 9, 9, 9, 9);
const KEEP = 300;

interface World {
  readonly issuer: CidIssuer;
  /** What the endpoint's table holds: ids in text to paths. */
  readonly table: Map<string, PathId>;
}

function world(options: Partial<CidIssuerOptions> = {}, peerLimit: number | undefined = 4): World {
  const table = new Map<string, PathId>();
  const issuer = new CidIssuer({
    idLength: 8,
    random: seededRandom(),
    resetTokenFor: (id) => new Uint8Array(16).fill(id[0]!),
    registry: {
      add: (id, path) => void table.set(id.join(), path),
      remove: (id) => void table.delete(id.join()),
    },
    multipath: () => true,
    peerMaxPath: () => 3,
    keepFor: () => KEEP,
    ...options,
  });
  issuer.start(HANDSHAKE_ID);
  if (peerLimit > 0) issuer.setPeerLimit(peerLimit);
  return { issuer, table };
}

/** Sends what waits. */
function send(issuer: CidIssuer, options: RoutePacketOptions = {}): RoutePacket {
  const packet = new RoutePacket(options);
  if (issuer.hasFrames(packet)) issuer.writeFrames(packet);
  return packet;
}

function framesOf(packet: RoutePacket): NewConnectionIdFrame[] {
  return packet.frames.map((frame) => {
    assert(frame.kind === "new_connection_id");
    return frame;
  });
}

function sequences(packet: RoutePacket): number[] {
  return framesOf(packet).map((frame) => frame.sequence);
}

function retire(issuer: CidIssuer, path: PathId | undefined, sequence: number, now = 0): void {
  issuer.onFrame({ kind: "retire_connection_id", path, sequence }, arrival({ now }));
}

function assertViolation(run: () => void): void {
  assertEquals(assertThrows(run, TransportError).code, TransportErrorCode.PROTOCOL_VIOLATION);
}

Deno.test("CidIssuer.start() registers the handshake's id as sequence 0 of path 0", () => {
  const { issuer, table } = world({}, 0);
  assertEquals(issuer.pathOf(HANDSHAKE_ID), 0);
  assertEquals(issuer.nextSequence(0), 1);
  assertEquals([...table], [[HANDSHAKE_ID.join(), 0]]);
  assert(issuer.isDelivered(0));
  assertEquals(send(issuer).frames, [], "nothing before the peer's limit is known");
  assertThrows(() => issuer.start(HANDSHAKE_ID), Error);
});

Deno.test("CidIssuer.setPeerLimit() gives path 0 as many ids as both limits allow (rows 11 and 130)", () => {
  for (const [peer, ours] of [[2, 4], [4, 4], [8, 4], [3, 2]] as const) {
    const { issuer, table } = world({ idsPerPath: ours }, peer);
    const frames = framesOf(send(issuer));
    assertEquals(frames.length, Math.min(peer, ours) - 1, "the handshake's id counts");
    assertEquals(table.size, Math.min(peer, ours));
    assertEquals(frames.map((frame) => frame.sequence), frames.map((_, i) => i + 1));
  }
});

Deno.test("CidIssuer.writeFrames() ids, tokens and the endpoint's table agree", () => {
  const { issuer, table } = world();
  for (const frame of framesOf(send(issuer))) {
    assertEquals(frame.connectionId.length, 8);
    assertEquals(frame.resetToken, new Uint8Array(16).fill(frame.connectionId[0]!));
    assertEquals(issuer.pathOf(frame.connectionId), 0);
    assertEquals(table.get(frame.connectionId.join()), 0);
    assertEquals(frame.retirePriorTo, 0);
  }
});

Deno.test("CidIssuer.writeFrames() plain frames without multipath, PATH_ frames with it, on path 0 too (rows 52, 53)", () => {
  assertEquals(framesOf(send(world({ multipath: () => false }).issuer)).map((f) => f.path), [
    undefined,
    undefined,
    undefined,
  ]);
  const { issuer } = world();
  issuer.provide(1);
  assertEquals(framesOf(send(issuer)).map((frame) => frame.path), [0, 0, 0, 1]);
});

Deno.test("CidIssuer.provide() one id for each unused path id, numbered from 0 (rows 52, 55, 56)", () => {
  const { issuer } = world();
  send(issuer);
  for (const path of [1, 2, 3]) issuer.provide(path);
  const frames = framesOf(send(issuer));
  assertEquals(frames.map((frame) => [frame.path, frame.sequence]), [[1, 0], [2, 0], [3, 0]]);
  assertEquals(IDS_PER_UNUSED_PATH, 1);
  issuer.provide(1);
  assertEquals(send(issuer).frames, []);
});

Deno.test("CidIssuer.provide() no ids above the peer's limit of path ids (row 60)", () => {
  const { issuer } = world();
  assertThrows(() => issuer.provide(4), RangeError, "Path id is 4");
  assertThrows(() => issuer.use(4), RangeError);
  assertThrows(() => world({ peerMaxPath: () => 0 }).issuer.provide(1), RangeError);
});

Deno.test("CidIssuer.use() fills a path up (row 130)", () => {
  const { issuer } = world();
  send(issuer);
  issuer.provide(2);
  issuer.use(2);
  issuer.use(2);
  assertEquals(sequences(send(issuer)), [0, 1, 2, 3]);
  assertEquals(IDS_PER_PATH, 4);
});

Deno.test("CidIssuer.isDelivered() only when the peer acknowledged an id of the path (row 127)", () => {
  const { issuer } = world();
  send(issuer);
  issuer.provide(1);
  assertEquals(issuer.isDelivered(1), false);
  const packet = send(issuer);
  assertEquals(issuer.isDelivered(1), false);
  packet.acked();
  assert(issuer.isDelivered(1));
});

Deno.test("CidIssuer.issuePreferred() has sequence 1 of path 0 and is not sent in a frame (row 13)", () => {
  const { issuer } = world({}, 0);
  const { id, resetToken } = issuer.issuePreferred();
  assertEquals(resetToken.length, 16);
  assertEquals(issuer.pathOf(id), 0);
  issuer.setPeerLimit(4);
  assertEquals(sequences(send(issuer)), [2, 3]);
  assertThrows(() => issuer.issuePreferred(), Error);
});

Deno.test("CidIssuer.onFrame() a retired id is replaced and kept for late packets (row 64)", () => {
  const { issuer, table } = world();
  const first = framesOf(send(issuer))[0]!;
  retire(issuer, 0, first.sequence, 100);
  assertEquals(sequences(send(issuer)), [4]);
  assertEquals(issuer.pathOf(first.connectionId), 0);
  assertEquals(issuer.nextTimeout(), 100 + KEEP);
  issuer.onTimeout(100 + KEEP - 1);
  assertEquals(issuer.pathOf(first.connectionId), 0);
  issuer.onTimeout(100 + KEEP);
  assertEquals(issuer.pathOf(first.connectionId), undefined);
  assertEquals(table.size, 4);
  assertEquals(issuer.nextTimeout(), Infinity);
});

Deno.test("CidIssuer.onFrame() plain and PATH_ frames share the numbers of path 0 (row 54)", () => {
  const { issuer } = world();
  send(issuer);
  retire(issuer, undefined, 1);
  retire(issuer, 0, 1);
  retire(issuer, 0, 2);
  assertEquals(sequences(send(issuer)), [4, 5]);
});

Deno.test("CidIssuer.onFrame() a repeated retirement is nothing new (row 68)", () => {
  const { issuer } = world();
  send(issuer);
  for (let i = 0; i < 3; i++) retire(issuer, 0, 0);
  assertEquals(sequences(send(issuer)), [4]);
});

Deno.test("CidIssuer.onFrame() a number never issued is a violation, on each path by itself (row 68)", () => {
  const { issuer } = world();
  issuer.provide(1);
  assertViolation(() => retire(issuer, 0, 4));
  assertViolation(() => retire(issuer, undefined, 4));
  assertViolation(() => retire(issuer, 1, 1));
  assertViolation(() => retire(issuer, 2, 0));
  assertViolation(() => retire(issuer, 77, 0));
  retire(issuer, 1, 0);
});

Deno.test("CidIssuer.onFrame() the error names the frame", () => {
  const { issuer } = world();
  assertEquals(assertThrows(() => retire(issuer, undefined, 9), TransportError).frameType, 0x19);
  assertEquals(assertThrows(() => retire(issuer, 0, 9), TransportError).frameType, 0x3e79);
});

Deno.test("CidIssuer.onFrame() a packet may not retire the id that it came with (RFC 9000 §19.16)", () => {
  const { issuer } = world();
  const frame = { kind: "retire_connection_id", path: 0, sequence: 0 } as const;
  assertViolation(() => issuer.onFrame(frame, arrival({ destinationId: HANDSHAKE_ID })));
  issuer.onFrame(frame, arrival());
});

Deno.test("CidIssuer.onFrame() a peer that has empty ids of ours cannot retire any (RFC 9000 §19.16)", () => {
  const { issuer, table } = world({ idLength: 0, multipath: () => false });
  assertEquals(send(issuer).frames, []);
  assertEquals(table.size, 1, "only the id that the test gave");
  assertViolation(() => retire(issuer, undefined, 0));
});

Deno.test("CidIssuer.start() an empty id is not registered", () => {
  const added: Uint8Array[] = [];
  const issuer = new CidIssuer({
    idLength: 0,
    random: seededRandom(),
    resetTokenFor: () => new Uint8Array(16),
    registry: { add: (id) => void added.push(id), remove: () => {} },
    multipath: () => false,
    peerMaxPath: () => 0,
    keepFor: () => KEEP,
  });
  issuer.start(new Uint8Array());
  issuer.setPeerLimit(4);
  assertEquals(added, []);
  assertEquals(issuer.renew(0), false);
  assertThrows(() => issuer.issuePreferred(), Error);
});

Deno.test("CidIssuer.onFrame() retired ids that are kept are bounded", () => {
  const { issuer, table } = world();
  const ids: Uint8Array[] = [];
  for (let i = 0; i < 500; i++) {
    const frames = framesOf(send(issuer));
    ids.push(...frames.map((frame) => frame.connectionId));
    retire(issuer, 0, i, i);
  }
  assertEquals(table.size, 4 + MAX_KEPT_IDS);
  assertEquals(issuer.pathOf(ids[0]!), undefined);
  issuer.onTimeout(10_000);
  assertEquals(table.size, 4);
});

Deno.test("CidIssuer.onLost() an id is sent again with the same content, until it is acknowledged or retired (row 68)", () => {
  const { issuer } = world();
  const first = send(issuer);
  first.lost();
  const second = send(issuer);
  assertEquals(second.frames, first.frames);
  retire(issuer, 0, 1);
  second.lost();
  assertEquals(sequences(send(issuer)).sort(), [2, 3, 4]);
  first.acked();
});

Deno.test("CidIssuer.writeFrames() ids that do not fit wait; other levels are left alone", () => {
  const { issuer } = world();
  assertEquals(send(issuer, { level: "handshake" }).frames, []);
  const first = send(issuer, { room: 20 });
  assert(first.frames.length < 3 && first.frames.length > 0);
  assertEquals(first.frames.length + send(issuer).frames.length, 3);
});

Deno.test("CidIssuer.writeAgain() repeats an id in flight, not one that is retired", () => {
  const { issuer } = world({ idsPerPath: 2 });
  const packet = send(issuer);
  const copy = new RoutePacket();
  assert(issuer.writeAgain(packet.records[0]!, copy));
  assertEquals(copy.frames, packet.frames);
  retire(issuer, 0, 1);
  assertEquals(issuer.writeAgain(packet.records[0]!, new RoutePacket()), false);
});

Deno.test("CidIssuer.renew() asks the peer to retire all earlier ids of one path (RFC 9000 §5.1.2)", () => {
  const { issuer, table } = world({ idsPerPath: 2 }, 2);
  issuer.use(1);
  send(issuer);
  assert(issuer.renew(1));
  const frames = framesOf(send(issuer));
  assertEquals(frames.map((f) => [f.path, f.sequence, f.retirePriorTo]), [[1, 2, 2], [1, 3, 2]]);
  assertEquals(table.size, 2 + 4, "the old ones are good until the peer retires them");
  assertEquals(issuer.renew(1), false, "the peer has not answered");
  retire(issuer, 1, 0);
  assertEquals(issuer.renew(1), false);
  retire(issuer, 1, 1);
  assertEquals(send(issuer).frames, [], "they were replaced already");
  assert(issuer.renew(1));
  assertEquals(framesOf(send(issuer)).map((frame) => frame.retirePriorTo), [4, 4]);
});

Deno.test("CidIssuer.renew() an older id that is sent again carries no number above its own", () => {
  const { issuer } = world({ idsPerPath: 2 }, 2);
  const old = send(issuer);
  assert(issuer.renew(0));
  old.lost();
  for (const frame of framesOf(send(issuer))) assert(frame.retirePriorTo <= frame.sequence);
});

Deno.test("CidIssuer.renew() false for a path without ids or before the peer's limit", () => {
  assertEquals(world().issuer.renew(1), false);
  assertEquals(world({}, 0).issuer.renew(0), false);
});

Deno.test("CidIssuer.abandon() ids are recognised until the time, then gone for ever (rows 64, 82, 85)", () => {
  const { issuer, table } = world();
  issuer.use(1);
  const packet = send(issuer);
  const id = framesOf(packet).find((frame) => frame.path === 1)!.connectionId;
  issuer.abandon(1, Infinity);
  packet.lost();
  assert(framesOf(send(issuer)).every((frame) => frame.path === 0), "nothing of the path is sent any more");
  retire(issuer, 1, 0);
  retire(issuer, 1, 99);
  assertEquals(send(issuer).frames, []);
  issuer.abandon(1, 700);
  assertEquals(issuer.pathOf(id), 1);
  assertEquals(issuer.nextTimeout(), 700);
  issuer.onTimeout(700);
  assertEquals(issuer.pathOf(id), undefined);
  assertEquals(new Set(table.values()), new Set([0]));
  retire(issuer, 1, 99);
  issuer.provide(1);
  issuer.use(1);
  assertEquals(issuer.renew(1), false);
  assertEquals(send(issuer).frames, []);
  assertEquals(issuer.nextTimeout(), Infinity);
});

Deno.test("CidIssuer.abandon() path 0 is a path like any other; a path without ids too (rows 79, 83)", () => {
  const { issuer, table } = world();
  send(issuer);
  issuer.abandon(0, 50);
  issuer.abandon(3, 60);
  retire(issuer, undefined, 77);
  issuer.onTimeout(60);
  assertEquals(table.size, 0);
  retire(issuer, undefined, 77);
  retire(issuer, 3, 0);
});

Deno.test("CidIssuer.abandon() retired ids of the path that are kept go with it", () => {
  const { issuer, table } = world();
  issuer.use(1);
  send(issuer);
  retire(issuer, 1, 0, 0);
  issuer.abandon(1, 10);
  issuer.onTimeout(10);
  assertEquals(new Set(table.values()), new Set([0]));
});

Deno.test("CidIssuer ids differ over all paths, also when they are short (row 59)", () => {
  const { issuer, table } = world({ idLength: 1, idsPerPath: 16, peerMaxPath: () => 20 }, 16);
  for (let path = 1; path <= 20; path++) issuer.use(path);
  assert(table.size <= 257 && table.size > 200, `${table.size}`);
  const ids = framesOf(send(issuer, { room: 1e6 })).map((frame) => frame.connectionId.join());
  assertEquals(new Set(ids).size, ids.length);
});

Deno.test("CidIssuer draws again when another connection of the endpoint has the id", () => {
  const taken: string[] = [];
  const refusing = {
    add: () => {},
    remove: () => {},
    has: (id: Uint8Array) => {
      if (taken.length === 2) return taken.includes(id.join());
      taken.push(id.join());
      return true;
    },
  };
  const { issuer } = world({ registry: refusing, idsPerPath: 2 });
  assertNotEquals(taken, []);
  assert(!taken.includes(framesOf(send(issuer))[0]!.connectionId.join()));
});

Deno.test("CidIssuer.offerAgain() what is in flight on a silent path goes out elsewhere too (row 117)", () => {
  const { issuer } = world();
  const first = send(issuer, { path: 1 });
  assertEquals(send(issuer).frames, []);
  issuer.offerAgain(1);
  assertEquals(send(issuer, { path: 0 }).frames, first.frames);
});

Deno.test("CidIssuer.close() takes everything out of the endpoint's table", () => {
  const { issuer, table } = world();
  issuer.use(1);
  retire(issuer, 0, 0);
  issuer.abandon(2, 100);
  issuer.close();
  assertEquals(table.size, 0);
  assertEquals(send(issuer).frames, []);
  assertEquals(issuer.nextTimeout(), Infinity);
});
