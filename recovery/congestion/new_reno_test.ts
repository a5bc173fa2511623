import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { ack, congest, lonePath, meanWindow, MTU } from "./_feed.ts";
import { LOSS_REDUCTION_FACTOR, newReno } from "./new_reno.ts";

Deno.test("NewReno halves its window (kLossReductionFactor, RFC 9002 §B.1)", () => {
  assertEquals(LOSS_REDUCTION_FACTOR, 0.5);
  const controller = newReno()(lonePath());
  congest(controller, "loss", 0, 10);
  assertEquals([controller.cwnd, controller.ssthresh], [6000, 6000]);
  assertEquals(controller.name, "newreno");
});

Deno.test("NewReno grows by at most a packet per window in congestion avoidance (RFC 9002 §7.3.3)", () => {
  const controller = newReno()(lonePath());
  congest(controller, "loss", 0, 10);
  for (let i = 0; i < 5; i++) ack(controller, MTU, 11 + i, 100 + i);
  assert(controller.cwnd <= 6000 + MTU && controller.cwnd > 6000 + 0.9 * MTU);
  const one = newReno()(lonePath());
  congest(one, "loss", 0, 10);
  ack(one, 6000, 11, 100);
  assertEquals(one.cwnd, 7200);
});

Deno.test("NewReno counts an acknowledgment's packets one by one around the recovery period", () => {
  const controller = newReno()(lonePath());
  congest(controller, "loss", 0, 10);
  const packets = [{ sentAt: 9, size: 6000, inFlight: true }, { sentAt: 11, size: 6000, inFlight: true }];
  ack(controller, 12_000, 11, 100, { packets });
  assertEquals(controller.cwnd, 7200);
});

Deno.test("NewReno may use HyStart++", () => {
  const controller = newReno({ hystart: true })(lonePath());
  let now = 0;
  for (let round = 0; round < 9 && controller.inSlowStart; round++) {
    const sentAt = now;
    now += 100;
    for (let i = 0; i < 8 && controller.inSlowStart; i++) {
      ack(controller, MTU, sentAt, now, { rttSample: round < 2 ? 100 : 130 });
    }
  }
  // Two rounds of slow start, 8 samples until the growth is seen, then 5 rounds of a quarter.
  assertEquals(controller.inSlowStart, false);
  assertEquals(controller.ssthresh, controller.cwnd);
});

Deno.test("NewReno's mean window follows the square-root law, sqrt(3 / 2p)", () => {
  for (const period of [100, 1000, 10_000]) {
    const expected = Math.sqrt(1.5 * period);
    const mean = meanWindow(newReno()(lonePath()), 100, period, 60, expected);
    // Small windows suffer from whole packets, and from the round trip in which the window does not grow.
    assertAlmostEquals(mean, expected, (period === 100 ? 0.16 : 0.06) * expected);
  }
});
