import { assertAlmostEquals, assertEquals, assertFalse } from "@std/assert";
import fc from "fast-check";
import { K_GRANULARITY, K_INITIAL_RTT, Rtt } from "./rtt.ts";

Deno.test("Rtt starts from kInitialRtt, which makes the first PTO 999 ms (RFC 9002 §6.2.2)", () => {
  const rtt = new Rtt();
  assertEquals(K_INITIAL_RTT, 333);
  assertEquals([rtt.smoothed, rtt.variation, rtt.min, rtt.latest], [333, 166.5, 0, 0]);
  assertEquals(rtt.pto(0), 999);
  assertEquals(rtt.pto(25), 1024);
  assertFalse(rtt.hasSample);
});

Deno.test("sample() lets the first sample replace everything (RFC 9002 §5.3)", () => {
  const rtt = new Rtt();
  rtt.sample(40, 30, 1000);
  assertEquals([rtt.smoothed, rtt.variation, rtt.min, rtt.latest], [40, 20, 40, 40]);
  assertEquals(rtt.firstSampleAt, 1000);
});

Deno.test("sample() weighs later samples by 1/8 and 1/4 (RFC 9002 §A.7)", () => {
  const rtt = new Rtt();
  rtt.sample(100, 0, 0);
  rtt.sample(140, 0, 1);
  assertEquals(rtt.variation, 0.75 * 50 + 0.25 * 40);
  assertEquals(rtt.smoothed, 0.875 * 100 + 0.125 * 140);
  assertEquals([rtt.min, rtt.latest, rtt.firstSampleAt], [100, 140, 0]);
});

Deno.test("sample() subtracts the peer's delay unless that goes below the least (RFC 9002 §5.3)", () => {
  const rtt = new Rtt();
  rtt.sample(100, 0, 0);
  rtt.sample(120, 20, 1);
  assertEquals(rtt.smoothed, 100);
  const wary = new Rtt();
  wary.sample(100, 0, 0);
  wary.sample(120, 21, 1);
  assertEquals(wary.smoothed, 102.5);
});

Deno.test("sample() keeps the least without the peer's delay taken off (RFC 9002 §5.2)", () => {
  const rtt = new Rtt();
  rtt.sample(100, 0, 0);
  rtt.sample(90, 25, 1);
  assertEquals(rtt.min, 90);
  rtt.sample(200, 0, 2);
  assertEquals(rtt.min, 90);
});

Deno.test("resetMin() takes the newest sample, restartMin() the next one", () => {
  const rtt = new Rtt();
  rtt.sample(10, 0, 0);
  rtt.sample(80, 0, 1);
  rtt.resetMin();
  assertEquals(rtt.min, 80);
  rtt.restartMin();
  assertEquals(rtt.min, 80);
  rtt.sample(300, 0, 2);
  assertEquals(rtt.min, 300);
  rtt.sample(400, 0, 3);
  assertEquals(rtt.min, 300);
});

Deno.test("seed() counts only before the first sample and is none itself", () => {
  const rtt = new Rtt();
  rtt.seed(50);
  assertEquals([rtt.smoothed, rtt.variation, rtt.hasSample], [50, 25, false]);
  rtt.seed(0);
  assertEquals(rtt.smoothed, 50);
  rtt.sample(20, 0, 0);
  rtt.seed(500);
  assertEquals(rtt.smoothed, 20);
});

Deno.test("pto() is at least the granularity above the average", () => {
  const rtt = new Rtt();
  for (let i = 0; i < 100; i++) rtt.sample(10, 0, i);
  assertAlmostEquals(rtt.pto(0), 10 + K_GRANULARITY, 1e-6);
});

Deno.test("Rtt stays within the samples it has seen", () => {
  const samples = fc.array(fc.record({ latest: fc.double({ min: 0, max: 1e5, noNaN: true }), delay: fc.nat(100) }), {
    minLength: 1,
  });
  fc.assert(fc.property(samples, (list) => {
    const rtt = new Rtt();
    list.forEach((s, i) => rtt.sample(s.latest, s.delay, i));
    const all = list.map((s) => s.latest);
    const least = Math.min(...all);
    assertEquals(rtt.min, least);
    // The delay is never taken off below the least sample.
    if (rtt.smoothed < least - 1e-6 || rtt.smoothed > Math.max(...all) + 1e-6) throw new Error("out of range");
    if (rtt.variation < 0) throw new Error("negative");
  }));
});
