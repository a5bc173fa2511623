import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { Bottleneck } from "./bottleneck.ts";
import { Link } from "./link.ts";
import { type CapacityTrace, OPPORTUNITY_BYTES } from "./link_capacity.ts";
import type { LinkOptions } from "./link_options.ts";
import { parseCapacityTrace } from "./link_trace.ts";
import { Random } from "./random.ts";

function steps(...entries: number[][]): CapacityTrace {
  return parseCapacityTrace(JSON.stringify(entries), "trace.json");
}

function opportunities(...times: number[]): CapacityTrace {
  return parseCapacityTrace(times.join("\n") + "\n", "trace.mahi");
}

function make(options: LinkOptions): Link {
  return new Link({ overheadBytes: 0, mtu: 65_535, ...options }, new Random(1));
}

/** When a datagram arrives; -1 when it is dropped. */
function send(link: Link, length: number, now: number): number {
  const fate = link.offer(new Uint8Array(length), "ect0", now);
  return fate.dropped === undefined ? fate.arrivals[0]?.at ?? -1 : -1;
}

Deno.test("SteppedCapacity carries what its rates add up to, round after round", () => {
  // 1000 bytes/ms for 10 ms, then 250 for 30 ms: 17500 in 40 ms.
  const trace = steps([0, 8], [10, 2], [40, 8]);
  assertAlmostEquals(trace.meanRateMbps, 17_500 / 40 / 125, 1e-12);
  assertEquals([0, 5, 10, 20, 40, 45, 95].map((at) => trace.bytesBy(at)), [
    0,
    5000,
    10_000,
    12_500,
    17_500,
    22_500,
    35_000 + 10_000 + 1250,
  ]);
  assertEquals([5000, 10_000, 12_500, 17_500, 22_500, 46_250].map((b) => trace.timeOf(b)), [5, 10, 20, 40, 45, 95]);
});

Deno.test("parseCapacityTrace() ends a round at an entry like the first, else gives the last the length of the one before", () => {
  assertEquals(steps([0, 8], [10, 2], [40, 8]).bytesBy(80), 35_000);
  assertEquals(steps([0, 8], [10, 2]).bytesBy(20), 12_500);
  assertEquals(steps([0, 8], [10, 2]).bytesBy(30), 22_500);
  assertEquals(steps([0, 8]).timeOf(123_000), 123);
  assertEquals(steps([0, 8], [50, 8]).timeOf(123_000), 123);
});

Deno.test("Link on a trace carries a datagram across a change of rate at both rates", () => {
  const link = make({ trace: steps([0, 8], [10, 2], [40, 8]), delayMs: 5 });
  assertAlmostEquals(send(link, 9000, 0), 9 + 5, 1e-9);
  // 1000 bytes in the last millisecond at 8 Mbit/s, the others at 2 Mbit/s.
  assertAlmostEquals(send(link, 3000, 0), 10 + 2000 / 250 + 5, 1e-9);
  // The wire is free at 18 ms and was idle till 39: 250 bytes in the last millisecond, then 1000 a millisecond again.
  assertAlmostEquals(send(link, 1250, 39), 41 + 5, 1e-9);
});

Deno.test("Link on a trace waits while nothing moves, and the last byte before that is not late", () => {
  const link = make({ trace: steps([0, 0], [100, 0.8], [200, 0]), queueBytes: 100_000 });
  assertAlmostEquals(send(link, 5000, 0), 150, 1e-9);
  assertAlmostEquals(send(link, 5000, 0), 200, 1e-9);
  assertAlmostEquals(send(link, 100, 0), 301, 1e-9);
  assertAlmostEquals(link.queueDelay(50), 251, 1e-9);
});

Deno.test("Link on a trace takes its delay as it is when the datagram leaves the wire, and keeps order", () => {
  const link = make({ trace: steps([0, 8, 50], [10, 8, 5], [1000, 8, 50]), queueBytes: 1e6, delayMs: 999 });
  assertAlmostEquals(send(link, 9000, 0), 59, 1e-9);
  // It leaves at 12, would arrive at 17, and may not overtake.
  assertAlmostEquals(send(link, 3000, 0), 59, 1e-9);
  assertAlmostEquals(send(link, 1000, 500), 506, 1e-9);
  const free = make({ trace: steps([0, 8, 50], [10, 8, 5], [1000, 8, 50]), queueBytes: 1e6, reorder: true });
  assertEquals([send(free, 9000, 0), send(free, 3000, 0)].map(Math.round), [59, 17]);
});

Deno.test("Link on a trace has each kind of queue", () => {
  // 1 ms each at first, then 4 ms each.
  const trace = steps([0, 8], [10, 2], [1000, 8]);
  const byTime = make({ trace, queueMs: 20 });
  // Ten leave by 10 ms; those that find less than 20 ms: the ones that begin at 0, 1, ..., 10, 14, 18.
  assertEquals(Array.from({ length: 20 }, () => send(byTime, 1000, 0)).filter((at) => at >= 0).length, 13);
  const byPackets = make({ trace, queuePackets: 3 });
  assertEquals(Array.from({ length: 9 }, () => send(byPackets, 1000, 0)).filter((at) => at >= 0).length, 4);
  const byBytes = make({ trace, queueBytes: 2500 });
  assertEquals(Array.from({ length: 9 }, () => send(byBytes, 1000, 0)).filter((at) => at >= 0).length, 3);
});

Deno.test("Link on a trace has one mean bandwidth-delay product as default queue, and at least ten packets", () => {
  // 1000 bytes/ms for 1 s, none for 1 s; 20 ms, then 60 ms.
  const trace = steps([0, 8, 20], [1000, 0, 60], [2000, 8, 20]);
  assertEquals(make({ trace }).queueLimit, { kind: "bytes", limit: 655_350 });
  const link = new Link({ trace }, new Random(1));
  assertEquals(link.queueLimit, { kind: "bytes", limit: 500 * 80 });
  link.opposite = new Link({ delayMs: 160 }, new Random(1));
  assertEquals(link.queueLimit, { kind: "bytes", limit: 500 * 200 });
});

Deno.test("Link takes the last named of rate and trace, from the next datagram on", () => {
  const link = make({ rateMbps: 0.008, trace: steps([0, 8]), queueBytes: 1e6 });
  assertAlmostEquals(send(link, 1000, 0), 1, 1e-9);
  link.set({ rateMbps: 4 });
  assertAlmostEquals(send(link, 1000, 0), 3, 1e-9);
  link.set({ trace: steps([0, 2], [5, 8], [1000, 2]) });
  // From 3 ms: 500 bytes by 5 ms, the others in half a millisecond.
  assertAlmostEquals(send(link, 1000, 0), 5.5, 1e-9);
  link.set({ trace: null });
  assertAlmostEquals(send(link, 500, 100), 101, 1e-9);
});

Deno.test("Links with one bottleneck and one trace share its opportunities", () => {
  const [trace, shared, random] = [opportunities(10, 20), new Bottleneck(), new Random(1)];
  const options: LinkOptions = { trace, overheadBytes: 0 };
  const [a, b] = [new Link(options, random, shared), new Link({ ...options, delayMs: 3 }, random, shared)];
  assertEquals([send(a, 500, 1), send(b, 500, 2), send(a, 1000, 3), send(b, 500, 4)], [10, 13, 20, 23]);
});

Deno.test("Link on a Mahimahi trace: several small ones share an opportunity, a large one takes several", () => {
  const link = make({ trace: opportunities(5, 10, 20), queuePackets: 100 });
  assertEquals([send(link, 700, 0), send(link, 800, 0), send(link, 1, 0)], [5, 5, 10]);
  // 1499 are left at 10; 3000 take those, the opportunity at 20 and one byte of that at 25.
  assertEquals(send(link, 3000, 0), 25);
  assertEquals(send(link, 1499, 0), 25);
  assertEquals(send(link, 1500, 0), 30);
});

Deno.test("Link on a Mahimahi trace loses the opportunities, and rests of them, for which nobody waits", () => {
  const link = make({ trace: opportunities(5, 10, 20) });
  assertEquals(send(link, 700, 0), 5);
  // Handed over at the moment of an opportunity: too late for it.
  assertEquals(send(link, 700, 5), 10);
  assertEquals(send(link, 700, 11), 20);
  assertEquals(send(link, 700, 1000), 1005);
});

Deno.test("Mahimahi traces may have several opportunities at one moment, and one at 0", () => {
  const trace = opportunities(0, 7, 7, 10);
  const link = make({ trace, queuePackets: 100 });
  assertEquals(trace.meanRateMbps, 4 * OPPORTUNITY_BYTES * 8 / 10 / 1000);
  // At 10 both the last of a round and the first of the next.
  assertEquals(Array.from({ length: 6 }, () => send(link, 1500, 0)), [7, 7, 10, 10, 17, 17]);
});

Deno.test("Link that is never idle delivers exactly what a trace can carry", () => {
  const gap = fc.integer({ min: 1, max: 400 });
  const entries = fc.array(fc.tuple(gap, fc.integer({ min: 0, max: 5000 })), { minLength: 1, maxLength: 12 });
  fc.assert(fc.property(entries, fc.array(fc.integer({ min: 1, max: 60_000 }), { minLength: 1 }), (list, sizes) => {
    let at = 0;
    const all = [[0, 3.5], ...list.map(([length, kbits]) => [at += length, kbits / 1000])];
    const trace = steps(...all);
    const link = make({ trace, queueBytes: 1e9 });
    let [sum, last] = [0, 0];
    for (const size of sizes) {
      const left = send(link, size, 0);
      sum += size;
      assert(left >= last);
      assertAlmostEquals(trace.bytesBy(left), sum, 1e-3);
      last = left;
    }
  }));
});

Deno.test("Link on a Mahimahi trace does what a walk over its opportunities does", () => {
  const times = fc.array(fc.integer({ min: 0, max: 30 }), { minLength: 1, maxLength: 10 })
    .map((list) => [...list, 31].sort((a, b) => a - b));
  const sends = fc.array(fc.tuple(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 4000 })), {
    maxLength: 30,
  });
  fc.assert(fc.property(times, sends, (list, gaps) => {
    const link = make({ trace: opportunities(...list), queueBytes: 1e9 });
    let [now, index, rest] = [0, 0, 0];
    const timeAt = (i: number): number => Math.floor(i / list.length) * 31 + (list[i % list.length] as number);
    let freeAt = 0;
    for (const [gap, size] of gaps) {
      now += gap;
      if (freeAt <= now) {
        while (timeAt(index) <= now) index++;
        rest = 0;
      }
      let need = size;
      if (need === 0) continue;
      while (need > rest) {
        need -= rest;
        rest = OPPORTUNITY_BYTES;
        freeAt = timeAt(index++);
      }
      rest -= need;
      assertEquals(send(link, size, now), freeAt);
    }
  }));
});

Deno.test("parseCapacityTrace() says where a trace is wrong and what was expected", () => {
  const refused = (text: string, name: string, message: string): void => {
    assertThrows(() => parseCapacityTrace(text, name), RangeError, message);
  };
  refused("5\n", "a.json", "it is no list");
  refused("5\n7\n", "a.trace", "a name that ends in .mahi");
  refused("[]", "a.json", "it is empty");
  refused("[[0,5],[3]]", "a.json", "entry 1 is [3]: expected [ms, rateMbps]");
  refused("[[0,5],null]", "a.json", "entry 1 is null");
  refused("[[1,5]]", "a.json", "time of entry 0 is 1: expected 0");
  refused("[[0,5],[0,6]]", "a.json", "time of entry 1 is 0: expected more than the 0 before it");
  refused("[[0,-5]]", "a.json", "rate of entry 0 is -5");
  refused("[[0,5,-1]]", "a.json", "delay of entry 0 is -1");
  refused("[[0,5],[9,5,1]]", "a.json", "entry 1 is [9,5,1]: expected two numbers");
  refused("[[0,0],[9,0]]", "a.json", "all its rates are 0");
  refused("[[0,5],[1e999,5]]", "a.json", "time of entry 1");
  refused("", "a.mahi", "it is empty");
  refused("5\nx\n", "a.mahi", 'line 2 is "x": expected milliseconds');
  refused("5\n4\n", "a.mahi", 'line 2 is "4": expected at least 5');
  refused("0\n0\n", "a.mahi", "the last line is 0");
  assertEquals(parseCapacityTrace("1\r\n\r\n2\r\n", "a.mahi").bytesBy(2), 3000);
});
