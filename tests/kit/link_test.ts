import { assert, assertAlmostEquals, assertEquals, assertGreater, assertThrows } from "@std/assert";
import { Bottleneck } from "./bottleneck.ts";
import { Link, type LinkFate } from "./link.ts";
import type { LinkOptions } from "./link_options.ts";
import { Random } from "./random.ts";

function make(options: LinkOptions, seed = 1): Link {
  return new Link(options, new Random(seed));
}

/** When a datagram arrives; -1 when it is dropped. */
function arrival(fate: LinkFate): number {
  return fate.dropped === undefined ? fate.arrivals[0]?.at ?? -1 : -1;
}

function send(link: Link, length: number, now: number): number {
  return arrival(link.offer(new Uint8Array(length), "not-ect", now));
}

Deno.test("Link takes (n + overhead) * 8 / rate on the wire, then the delay", () => {
  const link = make({ rateMbps: 10, delayMs: 7 });
  // 1250 bytes with overhead at 10 Mbit/s: 1 ms.
  assertAlmostEquals(send(link, 1222, 0), 8, 1e-9);
  // The next waits for the wire; after a pause none waits.
  assertAlmostEquals(send(link, 1222, 0), 9, 1e-9);
  assertAlmostEquals(send(link, 597, 100), 107.5, 1e-9);
  const bare = make({ rateMbps: 8, overheadBytes: 0 });
  assertAlmostEquals(send(bare, 1000, 3), 4, 1e-9);
});

Deno.test("Link of unlimited rate never queues", () => {
  const link = make({ delayMs: 5 });
  for (let i = 0; i < 1000; i++) assertEquals(send(link, 1472, 1), 6);
  assertEquals(link.queueLimit, undefined);
  assertEquals(link.queueDelay(1), 0);
});

Deno.test("Link with queueMs refuses from the datagram on that would wait so long", () => {
  // 1 ms each: those that find 0 to 19 ms of queue are taken, the one that finds 20 is not.
  const link = make({ rateMbps: 10, queueMs: 20 });
  const fates = Array.from({ length: 25 }, () => send(link, 1222, 0));
  assertEquals(fates.filter((at) => at >= 0).length, 20);
  assertEquals(fates.findIndex((at) => at < 0), 20);
  assertAlmostEquals(link.queueDelay(0), 20, 1e-9);
  // Room again as soon as the queue is shorter.
  assert(send(link, 1222, 0.5) > 0);
  assertEquals(send(link, 1222, 0.5), -1);
  assertEquals(link.counts.dropped.queue, 6);
});

Deno.test("Link with queuePackets holds so many behind the one on the wire", () => {
  const link = make({ rateMbps: 10, queuePackets: 3 });
  assertEquals(Array.from({ length: 6 }, () => send(link, 1222, 0) >= 0), [true, true, true, true, false, false]);
  // At 1 ms the first of the three begins to leave.
  assertEquals([send(link, 1222, 0.99) >= 0, send(link, 1222, 1) >= 0, send(link, 1222, 1) >= 0], [false, true, false]);
});

Deno.test("Link with queueBytes refuses what does not fit, and takes a smaller one that does", () => {
  const link = make({ rateMbps: 10, queueBytes: 2000 });
  assertEquals(send(link, 1222, 0) >= 0, true);
  assertEquals(send(link, 1222, 0) >= 0, true);
  assertEquals(send(link, 1222, 0) >= 0, false);
  assertEquals(send(link, 722, 0) >= 0, true);
  assertEquals(send(link, 0, 0) >= 0, false);
});

Deno.test("Link's default queue is the bandwidth-delay product of its direction, and at least ten packets", () => {
  const random = new Random(1);
  const [down, up] = [new Link({ rateMbps: 100, delayMs: 30 }, random), new Link({ rateMbps: 1, delayMs: 10 }, random)];
  down.opposite = up;
  up.opposite = down;
  assertEquals(down.queueLimit, { kind: "bytes", limit: 100 * 125 * 40 });
  assertEquals(up.queueLimit, { kind: "bytes", limit: 15_000 });
  up.set({ delayMs: 30 });
  assertEquals(down.queueLimit?.limit, 100 * 125 * 60);
  down.set({ rateMbps: 200 });
  assertEquals(down.queueLimit?.limit, 200 * 125 * 60);
  // 1500-byte packets: 1000 of them wait behind the one on the wire.
  let taken = 0;
  while (send(down, 1472, 0) >= 0) taken++;
  assertEquals(taken, 1001);
});

Deno.test("Link delivers at its rate while the queue is not empty", () => {
  const link = make({ rateMbps: 12, delayMs: 20, queuePackets: 50 });
  let [last, bytes] = [0, 0];
  for (let now = 0; now < 1000; now += 0.5) {
    const at = send(link, 1472, now);
    if (at >= 0) [last, bytes] = [at, bytes + 1500];
  }
  assertAlmostEquals(bytes * 8 / 1000 / (last - 20), 12, 1e-6);
});

Deno.test("Link holds what is on the wire to the rate and delay of its sending", () => {
  const link = make({ rateMbps: 10, delayMs: 10 });
  assertAlmostEquals(send(link, 1222, 0), 11, 1e-9);
  link.set({ rateMbps: 1, delayMs: 50 });
  assertAlmostEquals(send(link, 1222, 0), 1 + 10 + 50, 1e-9);
});

Deno.test("Link keeps order under jitter and under a shorter delay, unless told to reorder", () => {
  const fifo = make({ delayMs: 20, jitterMs: 5 });
  let last = 0;
  for (let i = 0; i < 2000; i++) {
    const at = send(fifo, 100, i * 0.1);
    assert(at >= last && at >= i * 0.1);
    last = at;
  }
  fifo.set({ delayMs: 1, jitterMs: 0 });
  assert(send(fifo, 100, 200) >= last);
  const free = make({ delayMs: 20, jitterMs: 5, reorder: true });
  const arrivals = Array.from({ length: 2000 }, (_, i) => send(free, 100, i * 0.1));
  assertGreater(arrivals.filter((at, i) => i > 0 && at < (arrivals[i - 1] ?? 0)).length, 500);
});

Deno.test("Link's jitter is normal, cut at three deviations and at zero delay", () => {
  const link = make({ delayMs: 20, jitterMs: 5, reorder: true });
  const delays = Array.from({ length: 20_000 }, (_, i) => send(link, 100, i * 100) - i * 100);
  const mean = delays.reduce((a, b) => a + b) / delays.length;
  const variance = delays.reduce((a, b) => a + (b - mean) ** 2, 0) / delays.length;
  assertAlmostEquals(mean, 20, 0.15);
  assertAlmostEquals(Math.sqrt(variance), 5, 0.1);
  assert(Math.min(...delays) >= 5 - 1e-6 && Math.max(...delays) <= 35 + 1e-6);
  const short = make({ delayMs: 1, jitterMs: 5, reorder: true });
  assertEquals(Math.min(...Array.from({ length: 500 }, () => send(short, 100, 0))), 0);
});

Deno.test("Link loses its share, one by one and in bursts", () => {
  const single = make({ lossPercent: 5 });
  const n = 50_000;
  let lost = 0;
  for (let i = 0; i < n; i++) if (send(single, 10, i) < 0) lost++;
  // Four standard deviations of a binomial.
  assertAlmostEquals(lost / n, 0.05, 4 * Math.sqrt(0.05 * 0.95 / n));
  assertEquals(single.counts.dropped.loss, lost);

  const bursty = make({ burstLoss: { percent: 2, meanLength: 3 } });
  const pattern = Array.from({ length: 200_000 }, (_, i) => send(bursty, 10, i) < 0 ? "x" : ".").join("");
  const bursts = pattern.match(/x+/g) ?? [];
  const inBursts = bursts.reduce((sum, burst) => sum + burst.length, 0);
  assertAlmostEquals(inBursts / pattern.length, 0.02, 0.002);
  assertAlmostEquals(inBursts / bursts.length, 3, 0.15);
  assertEquals(
    make({ burstLoss: { percent: 100, meanLength: 1 } }).offer(new Uint8Array(1), "ect0", 0).dropped,
    "burst",
  );
});

Deno.test("Link's lost datagrams have taken their time on the wire", () => {
  const link = make({ rateMbps: 10, drop: [1] });
  assertEquals(send(link, 1222, 0), -1);
  assertAlmostEquals(send(link, 1222, 0), 2, 1e-9);
});

Deno.test("Link drops and doubles exactly those listed, counted as they are handed over", () => {
  const link = make({ drop: [2, 4], duplicate: [3] });
  const fates = Array.from({ length: 5 }, () => link.offer(new Uint8Array(5), "not-ect", 0));
  assertEquals(fates.map((f) => f.dropped ?? f.arrivals.length), [1, "listed", 2, "listed", 1]);
  assertEquals(link.counts.delivered, 4);
});

Deno.test("Link marks CE from half the queue limit on, and only what is ECN-capable", () => {
  const link = make({ rateMbps: 10, queuePackets: 10, ecn: true });
  const marks = Array.from({ length: 12 }, () => {
    const fate = link.offer(new Uint8Array(1222), "ect0", 0);
    return fate.dropped === undefined ? fate.arrivals[0]?.ecn : fate.dropped;
  });
  assertEquals(marks, [...Array(5).fill("ect0"), ...Array(6).fill("ce"), "queue"]);
  assertEquals(link.counts.marked, 6);
  const mute = make({ rateMbps: 10, queueMs: 10, ecn: true });
  for (let i = 0; i < 8; i++) {
    const fate = mute.offer(new Uint8Array(1222), "not-ect", 0);
    assertEquals(fate.dropped === undefined && fate.arrivals[0]?.ecn, "not-ect");
  }
  assertEquals(make({ rateMbps: 10, queueMs: 1 }).offer(new Uint8Array(9), "ect0", 0).dropped, undefined);
});

Deno.test("Link swallows packets above its MTU", () => {
  const link = make({ mtu: 1280 });
  assertEquals(send(link, 1252, 0) >= 0, true);
  assertEquals(link.offer(new Uint8Array(1253), "not-ect", 0).dropped, "mtu");
});

Deno.test("Link that dies swallows what comes, and still delivers what it had", () => {
  const link = make({ delayMs: 10 });
  assertEquals(send(link, 10, 0), 10);
  link.set({ dead: true });
  assertEquals(link.offer(new Uint8Array(1), "not-ect", 1).dropped, "dead");
  link.set({ unreachable: true });
  assertEquals(link.offer(new Uint8Array(1), "not-ect", 1).dropped, "unreachable");
  link.set({ dead: false, unreachable: false });
  assertEquals(send(link, 10, 2), 12);
});

Deno.test("Link changes one byte of its share of datagrams", () => {
  const link = make({ corruptPercent: 30 });
  let changed = 0;
  for (let i = 0; i < 2000; i++) {
    const fate = link.offer(new Uint8Array(50), "not-ect", 0);
    assert(fate.dropped === undefined);
    const wrong = fate.arrivals[0]?.data.filter((b) => b !== 0).length ?? 0;
    assert(wrong <= 1);
    changed += wrong;
  }
  assertAlmostEquals(changed / 2000, 0.3, 0.05);
  assertEquals(link.counts.corrupted, changed);
});

Deno.test("Link.tap sees each datagram, may change it, and decides", () => {
  const link = make({ delayMs: 1 });
  const seen: number[] = [];
  link.tap = ({ data, number }) => {
    seen.push(number);
    if (data[0] === 1) return "drop";
    if (data[0] === 2) return "duplicate";
    if (data[0] === 3) return { delay: 9 };
    data[1] = 0xff;
    return "pass";
  };
  const original = [4, 0];
  const fates = [[1, 0], [2, 0], [3, 0], original].map((d) => link.offer(new Uint8Array(d), "not-ect", 0));
  assertEquals(fates.map((f) => f.dropped ?? f.arrivals.length), ["tap", 2, 1, 1]);
  assertEquals(fates.map(arrival), [-1, 1, 10, 1]);
  assertEquals(fates[3]?.dropped === undefined && [...(fates[3]?.arrivals[0]?.data ?? [])], [4, 255]);
  assertEquals(seen, [1, 2, 3, 4]);
});

Deno.test("Links with one bottleneck share its queue", () => {
  const shared = new Bottleneck();
  const random = new Random(1);
  const [a, b] = [new Link({ rateMbps: 10 }, random, shared), new Link({ rateMbps: 10, delayMs: 5 }, random, shared)];
  assertAlmostEquals(send(a, 1222, 0), 1, 1e-9);
  assertAlmostEquals(send(b, 1222, 0), 7, 1e-9);
  assertAlmostEquals(send(a, 1222, 0), 3, 1e-9);
  assertAlmostEquals(b.queueDelay(0), 3, 1e-9);
});

Deno.test("Link does the same again for the same seed", () => {
  const options: LinkOptions = { rateMbps: 5, jitterMs: 3, reorder: true, lossPercent: 3, duplicatePercent: 2 };
  const run = (seed: number): string => {
    const link = make(options, seed);
    return Array.from({ length: 500 }, (_, i) => JSON.stringify(link.offer(new Uint8Array(500), "ect0", i))).join();
  };
  assertEquals(run(9), run(9));
  assert(run(9) !== run(10));
});

Deno.test("Link refuses options that are unknown, out of range or at odds, and stays as it was", () => {
  const link = make({ rateMbps: 10, queueMs: 20 });
  assertThrows(() => link.set({ delay: 5 } as LinkOptions), TypeError, '"delay" is no option');
  assertThrows(() => link.set({ lossPercent: 101 }), RangeError, "from 0 to 100");
  assertThrows(() => link.set({ rateMbps: 0 }), RangeError);
  assertThrows(() => link.set({ drop: [0] }), RangeError, "counted from 1");
  assertThrows(() => link.set({ dead: 1 as unknown as boolean }), TypeError);
  assertThrows(() => link.set({ burstLoss: { percent: 90, meanLength: 2 } }), RangeError, "at most 66.");
  assertThrows(() => link.set({ queueMs: 5, queueBytes: 5000 }), TypeError, "expected one of");
  assertEquals(link.queueLimit, { kind: "ms", limit: 20 });
  link.set({ queueBytes: 5000 });
  assertEquals(link.queueLimit, { kind: "bytes", limit: 5000 });
  link.set({ queueBytes: null });
  assertEquals(link.queueLimit?.limit, 15_000);
});

Deno.test("Bottleneck forgets what has left", () => {
  const queue = new Bottleneck();
  for (let now = 0; now < 10_000; now++) queue.offer(100, 200, { kind: "packets", limit: 10 }, now);
  assertEquals(queue.waitingPackets(10_000), 0);
  for (let i = 0; i < 5; i++) queue.offer(100, 200, { kind: "packets", limit: 10 }, 10_000);
  assertEquals([queue.waitingPackets(10_000), queue.waitingBytes(10_000)], [4, 400]);
  assertEquals([queue.waitingPackets(10_001), queue.waitingBytes(10_001)], [2, 200]);
});
