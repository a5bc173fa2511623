import { assert, assertEquals, assertFalse } from "@std/assert";
import { AckPolicy } from "./ack_policy.ts";
import { FIRST_SKIP_PERIOD, MAX_PACKET_NUMBER, PacketNumberSpace } from "./packet_number_space.ts";
import { SentPacket } from "./sent_packets.ts";
import { multipleSpaces, singleSpace } from "./space_layout.ts";

function send(space: PacketNumberSpace<never>, now = 0): number {
  const number = space.nextNumber();
  space.sent.add(new SentPacket(number, 0, now, 100, true, true, []));
  return number;
}

Deno.test("nextNumber() counts from 0 and stays until a packet is sent", () => {
  const space = new PacketNumberSpace<never>();
  assertEquals([space.nextNumber(), space.nextNumber()], [0, 0]);
  assertEquals([send(space), send(space), send(space)], [0, 1, 2]);
  assertEquals(space.largestAcked, -1);
  space.sent.ack([1, 0]);
  assertEquals(space.largestAcked, 1);
});

Deno.test("nextNumber() skips numbers now and then, and their acknowledgment is caught (RFC 9000 §21.4)", () => {
  const space = new PacketNumberSpace<never>({ random: () => 0.5 });
  const numbers = Array.from({ length: 4 * FIRST_SKIP_PERIOD }, () => send(space));
  const skipped = FIRST_SKIP_PERIOD / 2 + 1;
  assertEquals(numbers[0], 0);
  assertFalse(numbers.includes(skipped));
  const gaps = numbers.filter((n, i) => i > 0 && n !== numbers[i - 1]! + 1);
  // The period doubles each time: numbers 129, 388 and 903.
  assertEquals(gaps.map((n) => n - 1), [129, 388, 903]);
  assertEquals(space.sent.ack([skipped, 0]).unsent, skipped);
  assertEquals(space.sent.ack([skipped - 1, 0]).unsent, -1);
});

Deno.test("nextNumber() never skips number 0", () => {
  assertEquals(send(new PacketNumberSpace<never>({ random: () => 0 })), 0);
});

Deno.test("onReceived() files packet, mark and acknowledgment in one", () => {
  const space = new PacketNumberSpace<never>({ maxAckDelay: 10, ackThreshold: 2 });
  assertFalse(space.hasEcn);
  assert(space.onReceived(0, true, "ect0", 100));
  assertFalse(space.onReceived(0, true, "ect0", 101));
  assertEquals([space.ecn, space.acks.dueAt()], [{ ect0: 1, ect1: 0, ce: 0 }, 110]);
  assert(space.onReceived(1, true, "ce", 102));
  assertEquals(space.acks.dueAt(), 102);
  assert(space.onReceived(2, false, "ect1", 103));
  assertEquals(space.ecn, { ect0: 1, ect1: 1, ce: 1 });
  assert(space.hasEcn);
  assertEquals([space.received.ackRanges(), space.acks.ackDelay(110)], [[2, 0], 7]);
});

Deno.test("PacketNumberSpace in immediate mode acknowledges at once", () => {
  const space = new PacketNumberSpace<never>({ immediate: true });
  space.onReceived(0, true, "not-ect", 5);
  assert(space.acks.isDue(5));
});

Deno.test("isExhausted tells when numbers run out (RFC 9000 §12.3)", () => {
  const space = new PacketNumberSpace<never>();
  assertFalse(space.isExhausted);
  space.sent.add(new SentPacket(MAX_PACKET_NUMBER, 0, 0, 100, true, true, []));
  assert(space.isExhausted);
});

Deno.test("multipleSpaces() has a space, a nonce and PATH_ACK per path", () => {
  const layout = multipleSpaces();
  assertEquals([layout.spaceOf(3), layout.noncePathOf(3), layout.ackPathOf(3, true)], [3, 3, 3]);
  assertEquals([layout.ackPathOf(0, true), layout.ackPathOf(0, false)], [0, undefined]);
});

Deno.test("singleSpace() has one space, RFC 9001's nonce and plain ACK", () => {
  const layout = singleSpace();
  assertEquals([layout.spaceOf(3), layout.noncePathOf(3), layout.ackPathOf(3, true)], [0, 0, undefined]);
});

Deno.test("onReceived() lets a path's own policy acknowledge where paths share the space", () => {
  const space = new PacketNumberSpace<never>();
  const other = new AckPolicy(space.received, { ordered: false });
  space.onReceived(7, true, "not-ect", 100, other);
  space.onReceived(9, false, "ce", 101);
  assertEquals([space.acks.wantsAck, other.wantsAck, other.largest, space.acks.largest], [false, true, 7, 9]);
  assertEquals([other.dueAt(), other.ackDelay(110), space.received.largest], [125, 10, 9]);
  assertEquals(space.received.ackRanges(64, other.largest), [7, 7]);
});

Deno.test("numberBase() leaves room for what other paths bring meanwhile in a shared space alone", () => {
  assertEquals(multipleSpaces().numberBase(1000, 998), 998);
  const { numberBase } = singleSpace();
  for (const number of [0, 5, 1000, 10_000_000]) {
    // Three bytes are for distances from 0x8000 to 0x7fffff (RFC 9000 §17.1).
    assertEquals(number - numberBase(number, number - 1), 0x8000);
    assertEquals(numberBase(number, number - 0x9000), number - 0x9000);
  }
});
