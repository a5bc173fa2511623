import { assertAlmostEquals, assertEquals } from "@std/assert";
import { ack, congest, lonePath, meanWindow, MTU, steadyRtt } from "./_feed.ts";
import type { CongestionController } from "./controller.ts";
import { cubic, CUBIC_ALPHA, CUBIC_BETA, CUBIC_C } from "./cubic.ts";
import { newReno } from "./new_reno.ts";

const RTT = steadyRtt(100);

/** A controller in congestion avoidance after one loss at `window` packets, time 0. */
function afterLoss(window: number, fastConvergence = true): CongestionController {
  const controller = cubic({ hystart: false, fastConvergence })(lonePath());
  ack(controller, window * MTU - controller.cwnd, -10, -5);
  congest(controller, "loss", -1, 0);
  return controller;
}

/** Acknowledges a window's worth every 100 ms until `end`, in pieces of ten packets. */
function run(controller: CongestionController, start: number, end: number): void {
  for (let now = start; now <= end; now += 100) {
    for (let left = controller.cwnd; left > 0; left -= 10 * MTU) {
      ack(controller, Math.min(left, 10 * MTU), now - 50, now, { rtt: RTT });
    }
  }
}

function packets(controller: CongestionController): number {
  return controller.cwnd / MTU;
}

Deno.test("Cubic has the constants of RFC 9438", () => {
  assertEquals([CUBIC_C, CUBIC_BETA], [0.4, 0.7]);
  assertAlmostEquals(CUBIC_ALPHA, 0.5294, 1e-4);
  assertEquals(cubic()(lonePath()).name, "cubic");
});

Deno.test("Cubic reduces to 0.7 of the window, both cwnd and ssthresh (RFC 9438 §4.6)", () => {
  const controller = afterLoss(1000);
  assertEquals([packets(controller), controller.ssthresh / MTU], [700, 700]);
});

Deno.test("Cubic is back at W_max after K seconds, concave before and convex after (RFC 9438 §4.2)", () => {
  const controller = afterLoss(1000);
  const k = Math.cbrt(300 / 0.4);
  assertAlmostEquals(k, 9.086, 1e-3);
  // The stage begins with the first acknowledgment, at 100 ms; the window aims one round trip ahead.
  const at = (seconds: number) => 1000 + 0.4 * (seconds - k) ** 3;
  run(controller, 100, 100 + 3000);
  assertAlmostEquals(packets(controller), at(3.1), 4);
  run(controller, 3200, 100 + 9000);
  assertAlmostEquals(packets(controller), at(9.1), 1);
  run(controller, 9200, 100 + 14_000);
  assertAlmostEquals(packets(controller), at(14.1), 4);
});

Deno.test("Cubic grows by (target - cwnd) / cwnd per packet, target within 1.5 windows (RFC 9438 §4.2)", () => {
  const controller = afterLoss(1000);
  ack(controller, 10, 1, 100, { rtt: RTT });
  ack(controller, 7 * MTU, 1, 200, { rtt: RTT });
  const k = Math.cbrt(300 / 0.4);
  const target = 1000 + 0.4 * (0.2 - k) ** 3;
  assertAlmostEquals(packets(controller), 700 + 7 * (target - 700) / 700, 0.001);
  const late = afterLoss(100);
  ack(late, MTU, 1, 100, { rtt: RTT });
  const before = packets(late);
  ack(late, MTU, 1, 60_000, { rtt: RTT });
  assertAlmostEquals(packets(late), before + 0.5, 0.01);
});

Deno.test("Cubic gives way with fast convergence (RFC 9438 §4.7)", () => {
  for (const fastConvergence of [true, false]) {
    const controller = afterLoss(1000, fastConvergence);
    congest(controller, "loss", 101, 200);
    const [start, wMax] = [490, fastConvergence ? 700 * 0.85 : 700];
    ack(controller, 10, 201, 300, { rtt: RTT });
    ack(controller, 10 * MTU, 201, 400, { rtt: RTT });
    const target = wMax + 0.4 * (0.2 - Math.cbrt((wMax - start) / 0.4)) ** 3;
    assertAlmostEquals(packets(controller), start + 10 * (target - start) / start, 0.001);
  }
});

Deno.test("Cubic does not count time without work, limited or idle (RFC 9438 §4.2, §5.8)", () => {
  const steady = afterLoss(100);
  run(steady, 100, 5000);
  const busy = packets(steady);
  for (const pause of ["limited", "idle"] as const) {
    const controller = afterLoss(100);
    run(controller, 100, 2500);
    const before = packets(controller);
    if (pause === "limited") {
      for (let now = 2600; now <= 60_000; now += 100) ack(controller, MTU, now - 50, now, { appLimited: true });
    } else {
      controller.onSent(MTU, 0, 60_000);
    }
    assertEquals(packets(controller), before);
    run(controller, 60_100, 60_000 + 2500);
    assertAlmostEquals(packets(controller), busy, 0.5);
  }
});

Deno.test("Cubic takes a stage up again where it was when the loss was spurious (RFC 9438 §4.9.2)", () => {
  const steady = afterLoss(1000);
  run(steady, 100, 6000);
  const controller = afterLoss(1000);
  run(controller, 100, 3000);
  congest(controller, "loss", 3001, 3040);
  controller.onSpurious?.({ bytes: MTU, sentAt: 3001, now: 3050 });
  run(controller, 3100, 6000);
  assertAlmostEquals(packets(controller), packets(steady), 0.01);
});

Deno.test("Cubic begins at the plateau after HyStart++ and after persistent congestion (RFC 9438 §4.8, §4.10)", () => {
  const controller = afterLoss(100);
  congest(controller, "persistent", 1, 100);
  assertEquals(packets(controller), 2);
  for (let now = 200; controller.inSlowStart; now += 100) ack(controller, controller.cwnd, now - 50, now, { rtt: RTT });
  const start = packets(controller);
  ack(controller, MTU, 2000, 2050, { rtt: RTT });
  // K is 0 and W_max the window: 0.4 * 0.1^3 packets above it within a round trip.
  assertAlmostEquals(packets(controller), start + Math.max(0.0004 / start, 1 / start), 0.02);
});

Deno.test("Cubic in the Reno-friendly region gains alpha packets per round trip, then one (RFC 9438 §4.3)", () => {
  const controller = afterLoss(20);
  const gains: number[] = [];
  const rtt = steadyRtt(10);
  for (let now = 10; now < 300; now += 10) {
    const before = packets(controller);
    ack(controller, controller.cwnd, now - 5, now, { rtt });
    gains.push(packets(controller) - before);
  }
  for (const gain of gains.slice(0, 11)) assertAlmostEquals(gain, CUBIC_ALPHA, 0.01);
  for (const gain of gains.slice(13)) assertAlmostEquals(gain, 1, 0.01);
});

Deno.test("Cubic's mean window follows its response function, 1.054 * (RTT / p)^(3/4) (RFC 9438 §5.1)", () => {
  for (const [period, rtt] of [[10_000, 100], [100_000, 100], [100_000, 200]] as const) {
    const expected = 1.054 * (rtt / 1000 * period) ** 0.75;
    // It converges slowly from afar: begin at the window that it loses at in the steady state.
    const start = expected * 4 / (3 + CUBIC_BETA);
    const mean = meanWindow(cubic({ fastConvergence: false })(lonePath()), rtt, period, 12, start);
    assertAlmostEquals(mean, expected, 0.05 * expected);
  }
});

Deno.test("Cubic does as well as NewReno where that does well (RFC 9438 §4.3, §5.1)", () => {
  for (const [period, rtt] of [[100, 100], [1000, 10], [10_000, 10]] as const) {
    const start = Math.sqrt(1.5 * period);
    const ours = meanWindow(cubic()(lonePath()), rtt, period, 60, start);
    const reno = meanWindow(newReno()(lonePath()), rtt, period, 60, start);
    assertAlmostEquals(ours, reno, 0.1 * reno);
  }
});
