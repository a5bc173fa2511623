import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import fc from "fast-check";
import { lonePath } from "./congestion/_feed.ts";
import { newReno } from "./congestion/new_reno.ts";
import {
  BURST_TIME,
  MAX_BURST_TIME,
  MIN_BURST_PACKETS,
  Pacer,
  PACING_GAIN,
  pacingRate,
  SLOW_START_PACING_GAIN,
} from "./pacer.ts";
import { Rtt } from "./rtt.ts";

const MTU = 1200;

/** Sends all it may from `start` to `end`, waking only when told and `late` after that; the times of sending. */
function drive(pacer: Pacer, start: number, end: number, late = 0): number[] {
  const times: number[] = [];
  for (let now = start; now < end;) {
    const at = pacer.readyAt(MTU, now);
    if (at > now) {
      now = at + late;
      continue;
    }
    pacer.onSent(MTU, now);
    times.push(now);
  }
  return times;
}

Deno.test("pacingRate() is what the controller says, or N windows per round trip (RFC 9002 §7.7)", () => {
  const rtt = new Rtt();
  rtt.sample(100, 0, 0);
  const controller = newReno()(lonePath());
  assertEquals(pacingRate(controller, rtt), SLOW_START_PACING_GAIN * 12_000 / 100);
  controller.onCongestion({ cause: "loss", bytes: MTU, sentAt: 0, inFlight: 0, now: 1 });
  assertEquals(PACING_GAIN, 1.25);
  assertEquals(pacingRate(controller, rtt), PACING_GAIN * 6000 / 100);
  const fixed = { ...controller, cwnd: 6000, ssthresh: 0, inSlowStart: false, name: "x", pacingRate: 5 };
  assertEquals(pacingRate({ ...fixed, onSent() {}, onAcked() {}, onCongestion() {} }, rtt), 5);
  const instant = new Rtt();
  instant.sample(0, 0, 0);
  assertEquals(pacingRate(controller, instant), Infinity);
});

Deno.test("Pacer without a rate holds nothing back", () => {
  const pacer = new Pacer(MTU);
  for (let i = 0; i < 1000; i++) pacer.onSent(MTU, 5);
  assertEquals([pacer.room(5), pacer.readyAt(MTU, 5)], [Infinity, 5]);
  pacer.setRate(0, 5);
  assertEquals(pacer.rate, Infinity);
});

Deno.test("Pacer lets the initial burst of ten packets go, then waits (RFC 9002 §7.7)", () => {
  const pacer = new Pacer(MTU);
  pacer.setRate(120, 0);
  const times = drive(pacer, 0, 100);
  assertEquals(times.filter((t) => t === 0).length, MIN_BURST_PACKETS);
  // 120 bytes per ms are a packet in 10 ms.
  assertEquals(times[MIN_BURST_PACKETS], 10);
  assertEquals(times.length, MIN_BURST_PACKETS + 9);
});

Deno.test("Pacer saves a burst up while the sender is idle, and no more", () => {
  const pacer = new Pacer(MTU);
  pacer.setRate(120, 0);
  drive(pacer, 0, 100);
  assertEquals(pacer.room(1e6), MIN_BURST_PACKETS * MTU);
});

Deno.test("Pacer wakes a fast sender every two milliseconds, for trains", () => {
  const pacer = new Pacer(MTU);
  const rate = 100 * MTU;
  pacer.setRate(rate, 0);
  const times = drive(pacer, 0, 100);
  const wakes = new Set(times);
  assert(wakes.size <= 100 / BURST_TIME + 1, `${wakes.size} wakes`);
  assertAlmostEquals(times.length, 100 * 100, 2.1 * BURST_TIME * 100);
});

Deno.test("Pacer keeps the rate when timers fire late", () => {
  const pacer = new Pacer(MTU);
  pacer.setRate(100 * MTU, 0);
  const times = drive(pacer, 0, 1000, MAX_BURST_TIME - BURST_TIME);
  assert(times.length > 0.99 * 1000 * 100, `${times.length} packets`);
});

Deno.test("Pacer counts what did not wait for it, up to a burst", () => {
  const pacer = new Pacer(MTU);
  pacer.setRate(120, 0);
  for (let i = 0; i < 1000; i++) pacer.onSent(MTU, 0);
  assertEquals(pacer.room(0), 0);
  assertEquals(pacer.readyAt(MTU, 0), (MIN_BURST_PACKETS + 1) * 10);
});

Deno.test("Pacer follows a change of rate and MTU", () => {
  const pacer = new Pacer(MTU);
  pacer.setRate(100 * MTU, 0);
  pacer.room(1000);
  assertEquals(pacer.room(2000), 100 * MTU * MAX_BURST_TIME);
  pacer.setRate(1, 2000);
  assertEquals(pacer.room(2000), MIN_BURST_PACKETS * MTU);
  pacer.setMtu(9000);
  assertEquals(pacer.room(1e9), MIN_BURST_PACKETS * 9000);
});

Deno.test("Pacer never starves and never exceeds its rate by more than a burst", () => {
  fc.assert(fc.property(
    fc.double({ min: 0.01, max: 1e6, noNaN: true }),
    fc.double({ min: 0, max: 1e9, noNaN: true }),
    fc.array(fc.double({ min: 0, max: 50, noNaN: true }), { minLength: 1, maxLength: 30 }),
    (rate, start, waits) => {
      const pacer = new Pacer(MTU);
      pacer.setRate(rate, start);
      let now = start;
      let sent = 0;
      for (const wait of waits) {
        now += wait;
        for (let i = 0; i < 20; i++) {
          const at = pacer.readyAt(MTU, now);
          assert(at >= now && Number.isFinite(at));
          // Waiting as told is enough.
          now = at;
          assert(pacer.readyAt(MTU, now) <= now, `still waiting at ${now}`);
          pacer.onSent(MTU, now);
          sent += MTU;
        }
        const most = rate * (now - start) + Math.max(MIN_BURST_PACKETS * MTU, rate * MAX_BURST_TIME);
        assert(sent <= most * (1 + 1e-9) + 1, `${sent} of ${most}`);
      }
    },
  ));
});
