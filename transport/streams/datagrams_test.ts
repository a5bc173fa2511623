import { assertEquals, assertThrows } from "@std/assert";
import { TransportError, TransportErrorCode } from "../base/errors.ts";
import { FakePacket, fakeReceived } from "../base/fake_packet.ts";
import { DATAGRAM_OVERHEAD, Datagrams, type DatagramsOptions } from "./datagrams.ts";

interface Setup {
  readonly it: Datagrams;
  readonly fates: [number, boolean][];
}

function setup(options: Partial<DatagramsOptions> = {}, peer = 1000): Setup {
  const fates: [number, boolean][] = [];
  const it = new Datagrams({ receiveSize: 1000, fate: (id, acked) => fates.push([id, acked]), ...options });
  it.setPeerLimit(peer);
  return { it, fates };
}

function send(it: Datagrams, options: { path?: number; now?: number; room?: number } = {}): FakePacket {
  const packet = new FakePacket(options);
  it.writeWork(packet);
  return packet;
}

function firstBytes(packet: FakePacket): (number | undefined)[] {
  return packet.frames.map((f) => f.kind === "datagram" ? f.data[0] : -1);
}

function receive(it: Datagrams, data: Uint8Array): void {
  it.onFrame({ kind: "datagram", data }, fakeReceived());
}

Deno.test("Datagrams are offered and sent in order, once", () => {
  const { it, fates } = setup();
  assertEquals(it.nextWork(0), undefined);
  for (let i = 0; i < 3; i++) assertEquals(it.send(Uint8Array.of(i, 0, 0), { id: 10 + i }), true);
  assertEquals({ ...it.nextWork(0) }, {
    kind: "datagram",
    bytes: 3,
    streamId: -1,
    urgency: 3,
    deadline: Infinity,
    lastPath: -1,
    firstSentAt: -1,
    pin: undefined,
    lane: undefined,
  });
  const first = send(it, { room: 10 });
  const second = send(it);
  assertEquals([firstBytes(first), firstBytes(second), it.queued], [[0, 1], [2], 0]);
  first.acked();
  second.lost();
  second.acked();
  first.lost();
  assertEquals(fates, [[10, true], [11, true], [12, false]]);
  assertEquals([send(it).frames, it.hasFrames(new FakePacket())], [[], false]);
});

Deno.test("Datagrams need no id", () => {
  const { it, fates } = setup();
  it.send(new Uint8Array(1));
  send(it).acked();
  assertEquals(fates, []);
});

Deno.test("Datagrams past their deadline are dropped, and that is their fate", () => {
  const { it, fates } = setup();
  it.send(Uint8Array.of(1), { id: 1, expiresAt: 10 });
  it.send(Uint8Array.of(2), { id: 2, expiresAt: 20 });
  assertEquals(it.nextWork(9)?.deadline, 10);
  assertEquals(it.nextWork(10)?.deadline, 20);
  assertEquals(fates, [[1, false]]);
  assertEquals(firstBytes(send(it, { now: 20 })), []);
  assertEquals([fates, it.queued], [[[1, false], [2, false]], 0]);
});

Deno.test("Datagrams keep to the path that they are pinned to", () => {
  const { it, fates } = setup();
  it.send(Uint8Array.of(1), { id: 1, pin: 1 });
  it.send(Uint8Array.of(2), { id: 2 });
  it.send(Uint8Array.of(3), { id: 3, pin: 2 });
  assertEquals(it.nextWork(0)?.pin, 1);
  assertEquals(it.nextWork(0, (pin) => pin === undefined || pin === 2)?.pin, undefined);
  assertEquals(firstBytes(send(it, { path: 2 })), [2, 3]);
  assertEquals(firstBytes(send(it, { path: 2 })), []);
  it.forgetPath(1);
  assertEquals([it.queued, fates], [0, [[1, false]]]);
});

Deno.test("Datagrams.send() refuses what is too large for the peer or for a packet", () => {
  const { it } = setup({}, 100);
  assertEquals(it.maxSize, 97);
  assertEquals(it.send(new Uint8Array(98)), false);
  assertEquals(it.send(new Uint8Array(97)), true);
  it.setPacketRoom(50);
  assertEquals(it.maxSize, 48);
  assertEquals(it.send(new Uint8Array(49)), false);
  const { it: none } = setup({}, 0);
  assertEquals([none.maxSize, none.send(new Uint8Array(0))], [0, false]);
});

Deno.test("Datagrams that no longer fit any packet are dropped", () => {
  const { it, fates } = setup();
  it.send(new Uint8Array(900), { id: 1 });
  it.setPacketRoom(500);
  assertEquals([it.nextWork(0), fates], [undefined, [[1, false]]]);
});

Deno.test("Datagrams wait for a packet with room", () => {
  const { it } = setup();
  it.send(new Uint8Array(900));
  assertEquals(send(it, { room: 500 }).frames, []);
  assertEquals(send(it, { room: 1200 }).frames.length, 1);
});

Deno.test("Datagrams.send() refuses more than the queue holds", () => {
  const { it } = setup({ sendQueue: 10 * (100 + DATAGRAM_OVERHEAD) });
  for (let i = 0; i < 10; i++) assertEquals(it.send(new Uint8Array(100)), true);
  assertEquals(it.send(new Uint8Array(100)), false);
  send(it);
  assertEquals(it.send(new Uint8Array(100)), true);
  let empty = 0;
  while (it.send(new Uint8Array(0))) empty++;
  assertEquals(empty < 30, true);
});

Deno.test("Datagrams are received in order, in bytes of their own", () => {
  const { it } = setup();
  const packet = Uint8Array.of(1, 2, 3);
  receive(it, packet.subarray(1));
  receive(it, new Uint8Array(0));
  packet.fill(9);
  assertEquals([it.hasReceived, it.receive(), it.receive(), it.receive()], [
    true,
    Uint8Array.of(2, 3),
    new Uint8Array(0),
    undefined,
  ]);
  assertEquals(it.hasReceived, false);
});

Deno.test("Datagrams drop the oldest when nobody takes them", () => {
  const { it } = setup({ receiveQueue: 1000 * (1 + DATAGRAM_OVERHEAD) });
  for (let i = 0; i < 1010; i++) receive(it, Uint8Array.of(i));
  assertEquals(it.droppedReceived, 10);
  assertEquals(it.receive(), Uint8Array.of(10));
  let rest = 0;
  while (it.receive() !== undefined) rest++;
  assertEquals(rest, 999);
});

Deno.test("Datagrams larger than announced, or not negotiated, are a PROTOCOL_VIOLATION", () => {
  const { it } = setup({ receiveSize: 100 });
  receive(it, new Uint8Array(99));
  for (const [end, size] of [[it, 100], [setup({ receiveSize: 0 }).it, 0]] as const) {
    const error = assertThrows(() => receive(end, new Uint8Array(size)), TransportError);
    assertEquals([error.code, error.frameType], [TransportErrorCode.PROTOCOL_VIOLATION, 0x30]);
  }
  assertThrows(() => it.onFrame({ kind: "ping" }, fakeReceived()), TypeError);
});
