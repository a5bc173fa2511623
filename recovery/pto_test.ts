import { assert, assertEquals, assertFalse } from "@std/assert";
import { MAX_PTO_PERIOD, Pto } from "./pto.ts";
import { Rtt } from "./rtt.ts";

Deno.test("period() doubles with each timeout and starts again on progress (RFC 9002 §6.2.1)", () => {
  const pto = new Pto();
  const rtt = new Rtt();
  rtt.sample(100, 0, 0);
  assertEquals(pto.period(rtt, 25), 325);
  pto.onFired();
  assertEquals([pto.count, pto.period(rtt, 25)], [1, 650]);
  pto.onFired();
  assertEquals([pto.count, pto.period(rtt, 25)], [2, 1300]);
  pto.onProgress();
  assertEquals([pto.count, pto.period(rtt, 25)], [0, 325]);
});

Deno.test("period() leaves the peer's delay out where there is none", () => {
  const pto = new Pto();
  assertEquals(pto.period(new Rtt(), 0), 999);
});

Deno.test("period() has a cap that never shortens the plain period", () => {
  const pto = new Pto();
  for (let i = 0; i < 2000; i++) pto.onFired();
  assertEquals(pto.period(new Rtt(), 0), MAX_PTO_PERIOD);
  const slow = new Rtt();
  slow.sample(100_000, 0, 0);
  assertEquals(pto.period(slow, 0), 300_000);
});

Deno.test("consider() arms for the earliest of the spaces", () => {
  const pto = new Pto();
  const rtt = new Rtt();
  rtt.sample(100, 0, 0);
  assertEquals(pto.at, Infinity);
  assertFalse(pto.consider(-Infinity, rtt, 25));
  assert(pto.consider(1000, rtt, 25));
  assertFalse(pto.consider(1100, rtt, 0));
  assert(pto.consider(900, rtt, 0));
  assertEquals(pto.at, 1200);
  pto.disarm();
  assertEquals(pto.at, Infinity);
});

Deno.test("onFired() leaves the timer to be armed with twice the period", () => {
  const pto = new Pto();
  const rtt = new Rtt();
  rtt.sample(100, 0, 0);
  pto.consider(0, rtt, 0);
  pto.onFired();
  assertEquals(pto.at, Infinity);
  pto.consider(300, rtt, 0);
  assertEquals(pto.at, 900);
});
