import { assert, assertEquals, assertFalse, assertStrictEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { detectLoss } from "./loss.ts";
import { MAX_LOST_KEPT, MAX_QUIET_KEPT } from "./route_flight.ts";
import { Rtt } from "./rtt.ts";
import { MAX_SKIPPED_KEPT, SentPacket, SentPackets } from "./sent_packets.ts";

function packet(number: number, route = 0, sentAt = number): SentPacket<string> {
  return new SentPacket<string>(number, route, sentAt, 1200, true, true, []);
}

function quiet(number: number): SentPacket<string> {
  return new SentPacket<string>(number, 0, number, 40, false, false, []);
}

function filled(count: number): SentPackets<string> {
  const sent = new SentPackets<string>();
  for (let n = 0; n < count; n++) sent.add(packet(n));
  return sent;
}

function numbers(packets: Iterable<SentPacket<string>>): number[] {
  return [...packets].map((p) => p.number);
}

Deno.test("ack() returns what is new, once and ascending", () => {
  const sent = filled(10);
  const first = sent.ack([8, 6, 3, 2]);
  assertEquals(numbers(first.newlyAcked), [2, 3, 6, 7, 8]);
  assertEquals([first.unsent, first.largest?.number, first.isSample, first.raisedLargest], [-1, 8, true, true]);
  const again = sent.ack([8, 1]);
  assertEquals(numbers(again.newlyAcked), [1, 4, 5]);
  assertEquals([again.largest, again.isSample, again.raisedLargest], [undefined, false, false]);
  assertEquals(numbers(sent.unacked()), [0, 9]);
  assertEquals([sent.outstanding, sent.largestAcked, sent.lowestUnacked], [2, 8, 0]);
});

Deno.test("ack() tells a number that was never sent, and applies nothing", () => {
  const sent = filled(3);
  const result = sent.ack([3, 0]);
  assertEquals([result.unsent, result.newlyAcked.length, result.raisedLargest], [3, 0, false]);
  assertEquals([sent.outstanding, sent.largestAcked], [3, -1]);
  assertEquals(new SentPackets<string>().ack([0, 0]).unsent, 0);
});

Deno.test("ack() tells a skipped number (RFC 9000 §21.4)", () => {
  const sent = filled(3);
  sent.add(packet(4));
  sent.add(packet(5));
  assertEquals(sent.ack([5, 4, 2, 0]).unsent, -1);
  assertEquals(sent.ack([5, 0]).unsent, 3);
  assertEquals(sent.ack([3, 3]).unsent, 3);
  // It stays known when all around it is settled.
  for (let n = 6; n < 200; n++) sent.add(packet(n));
  assertEquals(sent.ack([199, 4, 2, 0]).unsent, -1);
  assertEquals(sent.ack([199, 2]).unsent, 3);
});

Deno.test("ack() knows the last skipped numbers of many", () => {
  const sent = new SentPackets<string>();
  const skipped = 3 * MAX_SKIPPED_KEPT;
  for (let i = 1; i <= skipped; i++) sent.add(packet(2 * i));
  const last = 2 * skipped - 1;
  assertEquals(sent.ack([last, last]).unsent, last);
  assertEquals(sent.ack([last - 2, last - 2]).unsent, last - 2);
});

Deno.test("add() refuses numbers that do not ascend", () => {
  const sent = filled(3);
  assertThrows(() => sent.add(packet(2)), RangeError, "expected 3 or more");
});

Deno.test("isSample needs an ack-eliciting packet of the same route (RFC 9002 §5.1)", () => {
  const sent = new SentPackets<string>();
  sent.add(packet(0, 1));
  sent.add(quiet(1));
  const result = sent.ack([1, 0]);
  assertEquals([result.largest?.number, result.isSample], [1, false]);
  const own = filled(1);
  own.add(quiet(1));
  assert(own.ack([1, 0]).isSample);
});

Deno.test("SentPackets sums per route and numbers each route's packets", () => {
  const sent = new SentPackets<string>();
  const a = [packet(0, 1), packet(2, 1), packet(3, 1)];
  const b = [packet(1, 2), packet(4, 2)];
  for (const p of [...a, ...b].sort((x, y) => x.number - y.number)) sent.add(p);
  assertEquals(a.map((p) => p.order), [0, 1, 2]);
  assertEquals(b.map((p) => p.order), [0, 1]);
  assertEquals([sent.inFlight(1), sent.inFlight(2), sent.inFlight(3)], [3600, 2400, 0]);
  assertEquals(numbers(sent.ack([4, 2]).newlyAcked), [2, 3, 4]);
  assertEquals([sent.inFlight(1), sent.inFlight(2)], [1200, 1200]);
  assertEquals([sent.largestAckedOrder(1), sent.largestAckedOrder(2), sent.largestAckedOrder(3)], [2, 1, -1]);
  assertEquals([sent.elicitingInFlight(1), sent.lastElicitingAt(1), sent.lastElicitingAt(9)], [1, 3, -Infinity]);
  assertStrictEquals(sent.oldest(2), b[0]);
  assertEquals(numbers(sent.unacked(2)), [1]);
});

Deno.test("oldest() passes over packets that elicit nothing", () => {
  const sent = new SentPackets<string>();
  sent.add(quiet(0));
  assertEquals(sent.oldest(0), undefined);
  assertFalse(sent.hasEliciting);
  sent.add(packet(1));
  assertEquals(sent.oldest(0)?.number, 1);
  assert(sent.hasEliciting);
});

Deno.test("drain() takes out a route, or all", () => {
  const sent = new SentPackets<string>();
  for (let n = 0; n < 6; n++) sent.add(packet(n, n % 2));
  sent.ack([1, 1]);
  const drained = sent.drain(1);
  assertEquals(numbers(drained), [3, 5]);
  assertEquals(drained.map((p) => p.fate), ["dropped", "dropped"]);
  assertEquals([sent.inFlight(1), sent.outstanding], [0, 3]);
  assertEquals(numbers(sent.drain()), [0, 2, 4]);
  assertEquals(sent.ack([5, 0]).newlyAcked, []);
});

Deno.test("ack() of a packet declared lost is spurious, until it is forgotten", () => {
  const sent = filled(10);
  sent.ack([9, 9, 6, 6]);
  const rtt = new Rtt();
  assertEquals(numbers(detectLoss(sent, 0, rtt, 0, 20).lost), [0, 1, 2, 3, 4, 5]);
  assertEquals(sent.inFlight(0), 2400);
  const late = sent.ack([9, 9, 6, 4]);
  assertEquals([numbers(late.spurious), late.newlyAcked.length], [[5, 4], 0]);
  assertEquals(late.spurious.map((p) => p.fate), ["acked", "acked"]);
  assertEquals(sent.ack([9, 9, 6, 4]).spurious, []);
  sent.forgetLostBefore(0, 20);
  assertEquals(numbers(sent.ack([9, 9, 6, 3]).spurious), [3]);
  sent.forgetLostBefore(0, 21);
  assertEquals(sent.ack([9, 9, 6, 0]).spurious, []);
  assertEquals(sent.inFlight(0), 2400);
});

Deno.test("SentPackets remembers a bounded number of lost packets", () => {
  const count = 2 * MAX_LOST_KEPT;
  const sent = filled(count + 3);
  sent.ack([count + 2, count + 2]);
  assertEquals(detectLoss(sent, 0, new Rtt(), 0, count + 3).lost.length, count);
  assertEquals(sent.ack([count + 2, 0]).spurious.length, MAX_LOST_KEPT);
});

Deno.test("SentPackets remembers a bounded number of packets that elicit nothing", () => {
  const sent = filled(1);
  const sparse = Array.from({ length: MAX_QUIET_KEPT + 50 }, (_, i) => quiet(i + 1));
  for (const p of sparse) sent.add(p);
  assertEquals(sent.outstanding, 1 + MAX_QUIET_KEPT);
  assertEquals(sparse[49]!.fate, "dropped");
  assertEquals(sparse[50]!.fate, "outstanding");
  assertEquals(sent.ack([sparse.length, 0]).newlyAcked.length, 1 + MAX_QUIET_KEPT);
  assertEquals(sent.outstanding, 0);
});

Deno.test("SentPackets forgets routes that are idle", () => {
  const sent = new SentPackets<string>();
  for (let route = 0; route < 100; route++) {
    sent.add(packet(route, route));
    sent.ack([route, route]);
  }
  sent.add(packet(100, 0));
  assertEquals([sent.outstanding, sent.inFlight(0)], [1, 1200]);
  assertEquals(sent.flight(50), undefined);
});

const operation = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("send" as const), route: fc.nat(2), quiet: fc.boolean() }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("ack" as const), picks: fc.array(fc.nat(200), { minLength: 1 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("detect" as const), route: fc.nat(2), wait: fc.nat(30) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("drain" as const), route: fc.nat(2) }) },
);

/** Turns any numbers into the ranges of an ACK frame. */
function toRanges(picks: readonly number[]): number[] {
  const sorted = [...new Set(picks)].sort((a, b) => b - a);
  const ranges: number[] = [];
  for (const n of sorted) {
    if (ranges.length > 0 && ranges[ranges.length - 1] === n + 1) ranges[ranges.length - 1] = n;
    else ranges.push(n, n);
  }
  return ranges;
}

Deno.test("SentPackets equals a naive model under random operations", () => {
  fc.assert(fc.property(fc.array(operation, { maxLength: 80 }), (operations) => {
    const sent = new SentPackets<string>();
    const rtt = new Rtt(10);
    const model = new Map<number, { p: SentPacket<string>; fate: string }>();
    let now = 0;
    for (const op of operations) {
      now++;
      if (op.kind === "send") {
        const p = new SentPacket<string>(model.size, op.route, now, 100, !op.quiet, !op.quiet, []);
        sent.add(p);
        model.set(p.number, { p, fate: "outstanding" });
      } else if (op.kind === "ack") {
        if (model.size === 0) continue;
        const picks = op.picks.map((n) => n % model.size);
        const result = sent.ack(toRanges(picks));
        const wanted = [...model.values()].filter((m) => picks.includes(m.p.number));
        assertEquals(numbers(result.newlyAcked), wanted.filter((m) => m.fate === "outstanding").map((m) => m.p.number));
        assertEquals(
          numbers(result.spurious).sort((a, b) => a - b),
          wanted.filter((m) => m.fate === "lost").map((m) => m.p.number),
        );
        for (const m of wanted) if (m.fate !== "dropped") m.fate = "acked";
      } else if (op.kind === "detect") {
        now += op.wait;
        for (const p of detectLoss(sent, op.route, rtt, 0, now).lost) {
          const m = model.get(p.number)!;
          assertEquals(m.fate, "outstanding");
          m.fate = "lost";
        }
      } else {
        const mine = [...model.values()].filter((m) => m.p.route === op.route);
        const outstanding = mine.filter((m) => m.fate === "outstanding");
        assertEquals(numbers(sent.drain(op.route)), outstanding.map((m) => m.p.number));
        for (const m of mine) if (m.fate !== "acked") m.fate = "dropped";
      }
      const open = [...model.values()].filter((m) => m.fate === "outstanding").map((m) => m.p);
      for (let route = 0; route < 3; route++) {
        const mine = open.filter((p) => p.route === route);
        assertEquals(sent.inFlight(route), mine.reduce((sum, p) => sum + (p.inFlight ? p.size : 0), 0));
        assertEquals(sent.elicitingInFlight(route), mine.filter((p) => p.ackEliciting).length);
        assertEquals(numbers(sent.unacked(route)), mine.map((p) => p.number));
        assertEquals(sent.oldest(route)?.number, mine.find((p) => p.ackEliciting)?.number);
      }
      assertEquals(sent.outstanding, open.length);
      assertEquals(sent.lowestUnacked, open[0]?.number ?? model.size);
    }
  }));
});

Deno.test("ack() in a shared space: a frame counts for losses on a route only as far as it begins with one of it", () => {
  const sent = new SentPackets<string>();
  for (let n = 0; n < 20; n++) sent.add(packet(n, n % 2));
  // A frame of route 0, cut off above what it could say of numbers 1 to 9 of route 1, which may have arrived.
  const first = sent.ack([18, 11], true);
  assertEquals([first.largest?.number, first.early], [18, undefined]);
  sent.raise(0, first.largest!.order);
  assertEquals([sent.largestAckedOrder(0), sent.largestAckedOrder(1)], [9, -1]);
  // The frame that begins with a packet of route 1 is no news as to that packet, and still its round trip.
  const second = sent.ack([13, 13], true);
  assertEquals([second.newlyAcked, second.largest, second.early?.route], [[], undefined, 1]);
  sent.raise(1, second.early!.order);
  assertEquals(sent.largestAckedOrder(1), 6);
  assertEquals(sent.ack([13, 13], true).early, undefined);
  sent.raise(1, 3);
  assertEquals(sent.largestAckedOrder(1), 6, "an older frame takes nothing back");
  sent.raise(1);
  assertEquals(sent.largestAckedOrder(1), 8, "up to all that was reported");
});

Deno.test("forgetLostBefore() leaves the lost packets of other routes", () => {
  const sent = new SentPackets<string>();
  for (let n = 0; n < 12; n++) sent.add(packet(n, n % 2));
  sent.ack([11, 10]);
  for (const route of [0, 1]) assertEquals(detectLoss(sent, route, new Rtt(), 25, 20).lost.length > 0, true);
  sent.forgetLostBefore(0, 1000);
  assertEquals(sent.ack([11, 0]).spurious.every((p) => p.route === 1), true);
});
