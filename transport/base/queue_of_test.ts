import { assertEquals, assertThrows } from "@std/assert";
import { QueueOf, type QueueOfOptions } from "./queue_of.ts";
import type { RetireConnectionIdFrame } from "../wire/frames/types.ts";
import { FakePacket, type FakePacketOptions, fakeReceived } from "./fake_packet.ts";

type Queue = QueueOf<number, RetireConnectionIdFrame>;

function queueOf(options: QueueOfOptions<number> = {}, gone: Set<number> = new Set()): Queue {
  return new QueueOf<number, RetireConnectionIdFrame>(
    (sequence) => gone.has(sequence) ? undefined : { kind: "retire_connection_id", path: undefined, sequence },
    options,
  );
}

function send(queue: Queue, options: FakePacketOptions = {}): FakePacket {
  const packet = new FakePacket(options);
  queue.writeFrames(packet);
  return packet;
}

function sequences(packet: FakePacket): number[] {
  return packet.frames.map((f) => f.kind === "retire_connection_id" ? f.sequence : -1);
}

Deno.test("QueueOf delivers each item once, in order", () => {
  const delivered: number[] = [];
  const queue = queueOf({ onDelivered: (item) => delivered.push(item) });
  for (const item of [4, 2, 9]) queue.want(item);
  queue.want(4);
  const packet = send(queue);
  assertEquals(sequences(packet), [4, 2, 9]);
  assertEquals(queue.stateOf(4), "in-flight");
  assertEquals(queue.size, 3);
  packet.acked();
  assertEquals(delivered, [4, 2, 9]);
  assertEquals(queue.size, 0);
  assertEquals(queue.stateOf(4), "idle");
});

Deno.test("QueueOf writes what fits and keeps the rest", () => {
  const queue = queueOf();
  for (const item of [1, 2, 3]) queue.want(item);
  assertEquals(sequences(send(queue, { room: 25 })), [1, 2]);
  assertEquals(sequences(send(queue)), [3]);
  assertEquals(sequences(send(queue)), []);
});

Deno.test("QueueOf sends lost items again, and each only when its last copy is lost", () => {
  const queue = queueOf();
  queue.want(1);
  queue.want(2);
  const first = send(queue);
  const copy = new FakePacket();
  assertEquals(queue.writeAgain(first.records[0]!, copy), true);
  first.lost();
  assertEquals(sequences(send(queue)), [2]);
  copy.lost();
  assertEquals(sequences(send(queue)), [1]);
});

Deno.test("QueueOf.want() of an item in flight means a new value", () => {
  const delivered: number[] = [];
  const queue = queueOf({ onDelivered: (item) => delivered.push(item) });
  queue.want(1);
  const old = send(queue);
  queue.want(1);
  assertEquals(queue.stateOf(1), "wanted");
  old.acked();
  assertEquals(delivered, []);
  const newest = send(queue);
  old.lost();
  assertEquals(queue.stateOf(1), "in-flight");
  newest.acked();
  assertEquals(delivered, [1]);
});

Deno.test("QueueOf forgets items that are cancelled or no longer needed", () => {
  const gone = new Set<number>();
  const queue = queueOf({}, gone);
  for (const item of [1, 2, 3]) queue.want(item);
  queue.cancel(1);
  gone.add(2);
  const packet = send(queue);
  assertEquals(sequences(packet), [3]);
  assertEquals(queue.size, 1);
  queue.clear();
  packet.lost();
  assertEquals(queue.size, 0);
  assertEquals(queue.hasFrames(new FakePacket()), false);
  assertEquals(queue.writeAgain(packet.records[0]!, new FakePacket()), false);
});

Deno.test("QueueOf sends an item only where it may go", () => {
  const queue = queueOf({ mayGo: (item, target) => item !== target.path });
  queue.want(1);
  queue.want(2);
  assertEquals(sequences(send(queue, { path: 1 })), [2]);
  assertEquals(queue.hasFrames(new FakePacket({ path: 1 })), false);
  assertEquals(queue.hasFrames(new FakePacket({ path: 0 })), true);
  const packet = send(queue, { path: 0 });
  assertEquals(sequences(packet), [1]);
  assertEquals(queue.writeAgain(packet.records[0]!, new FakePacket({ path: 1 })), false);
});

Deno.test("QueueOf keeps to its levels", () => {
  const queue = queueOf({ levels: ["early", "application"] });
  queue.want(1);
  assertEquals(queue.hasFrames(new FakePacket({ level: "handshake" })), false);
  assertEquals(sequences(send(queue, { level: "handshake" })), []);
  assertEquals(sequences(send(queue, { level: "early" })), [1]);
});

Deno.test("QueueOf.offerAgain() offers what is in flight on that path", () => {
  const queue = queueOf();
  queue.want(1);
  const first = send(queue, { path: 1 });
  queue.want(2);
  send(queue, { path: 2 });
  queue.offerAgain(1);
  assertEquals(sequences(send(queue, { path: 2 })), [1]);
  first.lost();
  assertEquals(queue.stateOf(1), "in-flight");
});

Deno.test("QueueOf: what is sent after an offer goes again when it is lost, whatever is still in flight", () => {
  const queue = queueOf();
  queue.want(1);
  const first = send(queue, { path: 1 });
  queue.offerAgain(1);
  send(queue, { path: 2 }).lost();
  assertEquals(sequences(send(queue, { path: 2 })), [1]);
  first.acked();
  assertEquals(queue.stateOf(1), "idle");
});

Deno.test("QueueOf.onFrame() refuses", () => {
  assertThrows(() => queueOf().onFrame({ kind: "ping" }, fakeReceived()), TypeError);
});

Deno.test("QueueOf: that a lost value arrived after all says nothing of a newer one", () => {
  const queue = queueOf();
  queue.want(1);
  const first = send(queue);
  first.lost();
  queue.want(1);
  first.acked();
  assertEquals(sequences(send(queue)), [1]);
  assertEquals(queue.stateOf(1), "in-flight");
});
