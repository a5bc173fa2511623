import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { TransportError, TransportErrorCode } from "../base/errors.ts";
import { FakePacket, fakeReceived } from "../base/fake_packet.ts";
import { DATAGRAM_NUMBERED } from "../wire/hints_codepoints.ts";
import { Datagrams, type DatagramsOptions, MAX_LATE_COPIES } from "./datagrams.ts";
import { Lane } from "./lane.ts";

interface Setup {
  readonly it: Datagrams;
  readonly fates: [number, boolean][];
}

function setup(options: Partial<DatagramsOptions> = {}, peer = 1000): Setup {
  const fates: [number, boolean][] = [];
  const it = new Datagrams({ receiveSize: 1000, fate: (id, acked) => fates.push([id, acked]), ...options });
  it.setPeerLimit(peer);
  it.allowCopies();
  return { it, fates };
}

function first(it: Datagrams, path = 0, now = 0): FakePacket {
  const packet = new FakePacket({ path, now });
  it.writeWork(packet, true);
  return packet;
}

/** Writes again all that a packet holds. */
function copy(it: Datagrams, of: FakePacket, path: number, now = 0, room = 1200): FakePacket {
  const packet = new FakePacket({ path, now, room });
  for (const record of of.records) it.writeAgain(record, packet);
  return packet;
}

function numbers(packet: FakePacket): number[] {
  return packet.frames.map((frame) => frame.kind === "datagram_numbered" ? frame.number : -1);
}

function deliver(to: Datagrams, packet: FakePacket): void {
  for (const frame of packet.frames) to.onFrame(frame, fakeReceived());
}

function taken(it: Datagrams): number[] {
  const all: number[] = [];
  for (let data = it.receive(); data !== undefined; data = it.receive()) all.push(data[0]!);
  return all;
}

Deno.test("Datagrams are copied once to each other path, under one number", () => {
  const { it } = setup();
  for (const data of [7, 8]) it.send(Uint8Array.of(data));
  const original = first(it);
  assertEquals(numbers(original), [0, 1]);
  assertEquals(original.frames.map((frame) => "data" in frame && frame.data[0]), [7, 8]);
  assertEquals(copy(it, original, 0).frames, []);
  const second = copy(it, original, 1);
  assertEquals(second.frames, original.frames);
  assertEquals(copy(it, original, 1).frames, []);
  assertEquals(copy(it, second, 2).frames, original.frames);
  it.send(Uint8Array.of(9));
  assertEquals(numbers(first(it)), [2]);
});

Deno.test("Datagrams that came twice are delivered once", () => {
  const { it } = setup();
  const { it: peer } = setup();
  for (const data of [1, 2, 3]) it.send(Uint8Array.of(data));
  const original = first(it);
  const second = copy(it, original, 1);
  deliver(peer, second);
  assertEquals(taken(peer), [1, 2, 3]);
  deliver(peer, original);
  assertEquals([taken(peer), peer.repeatsReceived], [[], 3]);
});

Deno.test("Datagrams are delivered at most once, whatever becomes of their copies", () => {
  const step = fc.record({ copies: fc.subarray([1, 2, 3]), order: fc.infiniteStream(fc.nat(3)) });
  fc.assert(fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
    const { it, fates } = setup();
    const { it: peer } = setup();
    const waiting: FakePacket[] = [];
    let sent = 0;
    for (const { copies, order } of steps) {
      it.send(Uint8Array.of(sent), { id: sent });
      sent++;
      const original = first(it);
      waiting.push(original, ...copies.map((path) => copy(it, original, path)));
      const [arrives, lost] = [...order.take(2)];
      const some = waiting.splice(arrives! % waiting.length, 1)[0]!;
      if (lost === 0) {
        some.lost();
      } else {
        deliver(peer, some);
        some.acked();
      }
    }
    const delivered = taken(peer);
    assertEquals(new Set(delivered).size, delivered.length);
    for (const id of delivered) assertEquals(fates.filter(([of]) => of === id), [[id, true]]);
    for (const packet of waiting) packet.lost();
    assertEquals(fates.map(([id]) => id).toSorted((a, b) => a - b), [...Array(sent).keys()]);
  }));
});

Deno.test("Datagrams are lost when their last copy is, and arrived with the first that did", () => {
  const { it, fates } = setup();
  it.send(Uint8Array.of(1), { id: 1 });
  const original = first(it);
  const second = copy(it, original, 1);
  original.lost();
  assertEquals(fates, []);
  const third = copy(it, second, 2);
  second.lost();
  assertEquals(fates, []);
  third.acked();
  assertEquals(fates, [[1, true]]);
  assertEquals(copy(it, third, 3).frames, []);

  it.send(Uint8Array.of(2), { id: 2 });
  const gone = first(it);
  const goneToo = copy(it, gone, 1);
  goneToo.lost();
  gone.lost();
  assertEquals(fates, [[1, true], [2, false]]);
  assertEquals(copy(it, gone, 2).frames, []);
  gone.acked();
  assertEquals(fates.length, 2);
});

Deno.test("Datagrams have no copies that are too late, not asked for, pinned, or not negotiated", () => {
  const { it } = setup();
  it.send(Uint8Array.of(1), { expiresAt: 10 });
  const late = first(it);
  assertEquals([copy(it, late, 1, 10).frames.length, copy(it, late, 1, 9).frames.length], [0, 1]);

  it.send(Uint8Array.of(2), { pin: 0 });
  it.send(Uint8Array.of(3));
  const mixed = first(it);
  assertEquals(numbers(mixed), [-1, 1]);
  assertEquals(numbers(copy(it, mixed, 1)), [1]);

  it.send(Uint8Array.of(4));
  const plain = new FakePacket();
  it.writeWork(plain);
  assertEquals([numbers(plain), copy(it, plain, 1).frames], [[-1], []]);

  const foreign = new Datagrams({ receiveSize: 1000 });
  foreign.setPeerLimit(1000);
  foreign.send(Uint8Array.of(5));
  const alone = first(foreign);
  assertEquals([numbers(alone), copy(foreign, alone, 1).frames], [[-1], []]);
});

Deno.test("Datagrams.maxSize leaves room for the number, and what does not fit with one goes without", () => {
  const { it } = setup({}, 200);
  it.setPacketRoom(100);
  // 4 bytes of type, 4 of number, 2 of length.
  assertEquals(it.maxSize, 90);
  assertEquals([it.send(new Uint8Array(91)), it.send(new Uint8Array(90))], [false, true]);
  assertEquals(numbers(first(it)), [0]);
  it.send(new Uint8Array(90));
  it.setPacketRoom(96);
  const tight = first(it);
  assertEquals([numbers(tight), copy(it, tight, 1).frames], [[-1], []]);
});

Deno.test("Datagrams are not copied into a packet without room", () => {
  const { it } = setup();
  it.send(new Uint8Array(100));
  const original = first(it);
  assertEquals(copy(it, original, 1, 0, 106).frames.length, 0);
  assertEquals(copy(it, original, 1, 0, 107).frames.length, 1);
});

Deno.test("Numbered datagrams larger than announced, or not taken at all, are a PROTOCOL_VIOLATION", () => {
  const { it } = setup({ receiveSize: 100 });
  const receive = (to: Datagrams, number: number, size: number) =>
    to.onFrame({ kind: "datagram_numbered", number, data: new Uint8Array(size) }, fakeReceived());
  receive(it, 0, 93);
  for (const [to, number, size] of [[it, 1, 94], [it, 64, 93], [setup({ receiveSize: 0 }).it, 0, 0]] as const) {
    const error = assertThrows(() => receive(to, number, size), TransportError);
    assertEquals([error.code, error.frameType], [TransportErrorCode.PROTOCOL_VIOLATION, DATAGRAM_NUMBERED]);
  }
});

/** Copies what is in flight and not on the path yet. */
function late(it: Datagrams, path: number, now = 0, room = 1200): FakePacket {
  const packet = new FakePacket({ path, now, room });
  it.writeCopies(packet);
  return packet;
}

Deno.test("Datagrams in flight are offered to paths that do not have them, with where and when they went", () => {
  const { it, fates } = setup();
  it.send(Uint8Array.of(1, 2, 3), { id: 5, urgency: 1, expiresAt: 90 });
  assertEquals(it.nextCopy(1, 0), undefined);
  const original = first(it, 2, 40);
  const { kind, bytes, urgency, deadline, lastPath, firstSentAt } = it.nextCopy(1, 50)!;
  assertEquals([kind, bytes, urgency, deadline, lastPath, firstSentAt], ["reinject", 3, 1, 90, 2, 40]);
  assertEquals([it.nextCopy(2, 50), it.nextCopy(1, 90)], [undefined, undefined]);
  assertEquals(late(it, 1, 50).frames, original.frames);
  assertEquals([late(it, 1, 50).frames, it.nextCopy(1, 50)], [[], undefined]);
  original.lost();
  assertEquals(numbers(late(it, 0, 60)), [0]);
  original.acked();
  assertEquals([it.nextCopy(3, 60), fates], [undefined, [[5, true]]]);
});

Deno.test("Datagrams in flight are copied for those who want it, as many as fit", () => {
  const { it } = setup();
  const lane = new Lane();
  for (let i = 0; i < 4; i++) it.send(new Uint8Array(400).fill(i), i % 2 === 0 ? { lane } : {});
  assertEquals(lane.members, 2);
  first(it);
  const rest = first(it);
  assertEquals([rest.frames.length, lane.members], [2, 0]);
  assertEquals(it.nextCopy(1, 0, (_pin, its) => its === lane)?.lane, lane);
  const packet = new FakePacket({ path: 1 });
  it.writeCopies(packet, (_pin, its) => its === lane);
  assertEquals(numbers(packet), [0, 2]);
  assertEquals(numbers(late(it, 1, 0, 500)), [1]);
});

Deno.test("Datagrams without a number have no late copies, and of many in flight only the newest", () => {
  const { it } = setup();
  it.send(Uint8Array.of(0));
  it.writeWork(new FakePacket({ path: 0 }), false);
  it.send(Uint8Array.of(0), { pin: 0 });
  first(it);
  assertEquals(it.nextCopy(1, 0), undefined);
  for (let i = 0; i < MAX_LATE_COPIES + 10; i++) {
    it.send(Uint8Array.of(i));
    first(it);
  }
  const copied = numbers(late(it, 1, 0, 10_000));
  assertEquals([copied.length, copied[0]], [MAX_LATE_COPIES, 10]);
});
