import { assert, assertEquals, assertFalse } from "@std/assert";
import fc from "fast-check";
import { MAX_ACK_RANGES, MAX_SEEN_RANGES, MAX_SHARED_RANGES, ReceivedPackets } from "./received_packets.ts";

function received(...numbers: number[]): ReceivedPackets {
  const packets = new ReceivedPackets();
  for (const n of numbers) packets.add(n, n);
  return packets;
}

Deno.test("add() tells duplicates and keeps the largest with its time", () => {
  const packets = new ReceivedPackets();
  assertEquals([packets.largest, packets.largestAt], [-1, -Infinity]);
  assert(packets.add(3, 10));
  assert(packets.add(1, 20));
  assertFalse(packets.add(3, 30));
  assertEquals([packets.largest, packets.largestAt], [3, 10]);
  assertEquals([packets.has(1), packets.has(2)], [true, false]);
});

Deno.test("ackRanges() lists what arrived from above", () => {
  const packets = received(0, 1, 2, 5, 6, 9);
  assertEquals(packets.ackRanges(), [9, 9, 6, 5, 2, 0]);
  assertEquals(packets.ackRanges(2), [9, 9, 6, 5]);
  assertEquals(packets.ackRanges(2, 5), [5, 5, 2, 0]);
});

Deno.test("ackRanges() reports a bounded number of ranges, the highest", () => {
  const packets = new ReceivedPackets();
  for (let n = 0; n < 10 * MAX_ACK_RANGES; n += 2) packets.add(n, n);
  const ranges = packets.ackRanges();
  assertEquals(ranges.length, 2 * MAX_ACK_RANGES);
  assertEquals(ranges[0], packets.largest);
  // What is no longer reported is still known to have arrived.
  assertFalse(packets.add(0, 1000));
});

Deno.test("onAckOfAck() takes out what the peer knows but the largest (RFC 9000 §13.2.3, §13.2.4)", () => {
  const packets = received(0, 1, 2, 5, 6);
  packets.onAckOfAck(packets.ackRanges());
  assertEquals(packets.ackRanges(), [6, 6]);
  packets.add(7, 7);
  packets.add(9, 9);
  assertEquals(packets.ackRanges(), [9, 9, 7, 6]);
  packets.onAckOfAck([6, 6]);
  assertEquals(packets.ackRanges(), [9, 9, 7, 7]);
  assertFalse(packets.add(5, 10));
  assertFalse(packets.add(0, 10));
});

Deno.test("onAckOfAck() leaves what arrived after the frame was written", () => {
  const packets = received(0, 1, 2, 9, 10);
  const written = packets.ackRanges();
  packets.add(4, 20);
  packets.onAckOfAck(written);
  assertEquals(packets.ackRanges(), [10, 10, 4, 4]);
  assert(packets.add(5, 21));
});

Deno.test("add() takes everything up to the oldest gap for a duplicate when there are too many", () => {
  const packets = new ReceivedPackets();
  for (let i = 0; i <= MAX_SEEN_RANGES; i++) packets.add(2 * i + 1, i);
  assertFalse(packets.add(0, 0));
  assertFalse(packets.add(1, 0));
  assert(packets.add(2, 0));
});

Deno.test("below() sets the watermark", () => {
  const packets = received(5, 6);
  packets.below(4);
  assertFalse(packets.add(3, 0));
  assert(packets.add(4, 0));
  packets.below(2);
  assertFalse(packets.add(3, 0));
});

Deno.test("isMissingBetween() looks at numbers strictly between", () => {
  const packets = received(0, 1, 2, 5, 8);
  assertFalse(packets.isMissingBetween(0, 2));
  assertFalse(packets.isMissingBetween(1, 2));
  assertFalse(packets.isMissingBetween(2, 3));
  assert(packets.isMissingBetween(2, 5));
  assert(packets.isMissingBetween(1, 4));
  assertFalse(packets.isMissingBetween(-1, 0));
  assert(received(1).isMissingBetween(-1, 1));
  packets.below(5);
  assertFalse(packets.isMissingBetween(2, 5));
});

Deno.test("ReceivedPackets never takes a packet twice and reports all that the peer does not know", () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant("packet" as const), number: fc.nat(80) }),
    fc.record({ kind: fc.constant("ack" as const), arrives: fc.boolean() }),
  );
  fc.assert(fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
    const packets = new ReceivedPackets();
    const arrived = new Set<number>();
    const known = new Set<number>();
    for (const s of steps) {
      if (s.kind === "packet") {
        assertEquals(packets.add(s.number, 0), !arrived.has(s.number));
        arrived.add(s.number);
      } else if (arrived.size > 0 && s.arrives) {
        const ranges = packets.ackRanges();
        for (let i = 0; i < ranges.length; i += 2) {
          for (let n = ranges[i + 1]!; n <= ranges[i]!; n++) {
            assert(arrived.has(n), "acknowledged without having arrived");
            known.add(n);
          }
        }
        packets.onAckOfAck(ranges);
      }
      for (const n of arrived) assert(known.has(n) || packets.ranges.has(n), "never reported");
      if (arrived.size > 0) assertEquals(packets.ranges.max, packets.largest);
    }
  }));
});

Deno.test("ReceivedPackets.onAckOfAck() of the largest number alone leaves ranges that an ACK frame can have", () => {
  const received = new ReceivedPackets();
  for (const number of [3, 4, 5, 6, 7]) received.add(number, 0);
  received.onAckOfAck([7, 7]);
  assertEquals(received.ackRanges(), [7, 3]);
});

Deno.test("ackRanges() up to a number begins with it though the peer knows of it, and keeps to the limit", () => {
  const packets = received(0, 1, 4, 7, 9);
  packets.onAckOfAck([4, 4, 1, 0]);
  packets.add(2, 20);
  assertEquals(packets.ackRanges(64, 4), [4, 4, 2, 2]);
  assertEquals(packets.ackRanges(1, 4), [4, 4]);
  packets.add(3, 21);
  assertEquals(packets.ackRanges(64, 4), [4, 2]);
  // What has not arrived is not claimed.
  assertEquals(packets.ackRanges(64, 6), [3, 2]);
  assertEquals(packets.ackRanges(64, -1), []);
});

Deno.test("ReceivedPackets of a shared space take and report what is below a thousand runs of others", () => {
  const [own, shared] = [new ReceivedPackets(4), new ReceivedPackets(4)];
  shared.share();
  const runs = 4 * MAX_SEEN_RANGES;
  for (const packets of [own, shared]) for (let i = 1; i <= runs; i++) packets.add(2 * i + 1, i);
  assertFalse(own.add(2, 0));
  assert(shared.add(2, 0));
  assertFalse(shared.add(2, 0));
  assertEquals(shared.ackRanges(4, 2), [2, 2]);
  assertEquals(shared.ackRanges().length, 8);
  for (let i = MAX_SHARED_RANGES; i < 2 * MAX_SHARED_RANGES; i++) shared.add(2 * i + 1, i);
  assertFalse(shared.add(4, 0), "there is a limit all the same");
  assertEquals(shared.ranges.size <= MAX_SHARED_RANGES, true);
});

Deno.test("share() keeps what was to be reported", () => {
  const packets = received(0, 1, 5);
  packets.share();
  assertEquals(packets.ackRanges(), [5, 5, 1, 0]);
  assertFalse(packets.add(1, 9));
});
