import { assert, assertEquals, assertFalse } from "@std/assert";
import { detectLoss, type LossResult } from "./loss.ts";
import { K_PERSISTENT_CONGESTION_THRESHOLD, persistentDuration } from "./persistent.ts";
import { Rtt } from "./rtt.ts";
import { SentPacket, SentPackets } from "./sent_packets.ts";

/** A round-trip time of which `smoothed + max(4 * variation, 1)` is about `pto`. */
function steady(pto: number, at: number): Rtt {
  const rtt = new Rtt();
  for (let i = 0; i < 400; i++) rtt.sample(pto - 1, 0, at);
  return rtt;
}

/** Sends a packet at each time, acknowledges the last one, and detects loss then. */
function run(
  times: readonly number[],
  rtt: Rtt,
  o: { acked?: readonly number[]; quiet?: readonly number[] } = {},
): LossResult<never> {
  const sent = new SentPackets<never>();
  times.forEach((at, n) => {
    const eliciting = !o.quiet?.includes(n);
    sent.add(new SentPacket(n, 0, at, 1200, eliciting, eliciting, []));
  });
  for (const n of o.acked ?? []) sent.ack([n, n]);
  const last = times.length - 1;
  sent.ack([last, last]);
  return detectLoss(sent, 0, rtt, 0, times[last]! + 200);
}

Deno.test("persistentDuration() is three PTOs with the peer's delay in every space (RFC 9002 §7.6.1)", () => {
  assertEquals(K_PERSISTENT_CONGESTION_THRESHOLD, 3);
  const rtt = new Rtt(100);
  assertEquals(persistentDuration(rtt, 25), (100 + 200 + 25) * 3);
});

Deno.test("detectLoss() finds persistent congestion in the example of RFC 9002 §7.6.3", () => {
  // The unit of the example is 1 s; the first packet, acknowledged at 1.2 s, gives the RTT sample.
  const times = [0, 1000, 2000, 3000, 4000, 5000, 6000, 8000, 12000];
  const found = run(times, steady(2000, 900), { acked: [0] });
  assertEquals(found.lost.length, 7);
  assert(found.persistent);
});

Deno.test("detectLoss() wants a span longer than the duration", () => {
  const rtt = steady(100, -1);
  const duration = persistentDuration(rtt, 0);
  const acked = [2, 3];
  assertFalse(run([0, duration, 5000, 5000, 5000], rtt, { acked }).persistent);
  assert(run([0, duration + 0.01, 5000, 5000, 5000], rtt, { acked }).persistent);
});

Deno.test("detectLoss() wants nothing delivered between (RFC 9002 §7.6.2)", () => {
  const rtt = steady(100, -1);
  assert(run([0, 100, 200, 400, 900], rtt).persistent);
  assertFalse(run([0, 100, 200, 400, 900], rtt, { acked: [2] }).persistent);
});

Deno.test("detectLoss() wants an RTT sample before the first of the lost packets (RFC 9002 §7.6.2)", () => {
  assertFalse(run([0, 100, 200, 400, 900], steady(100, 150)).persistent);
  assertFalse(run([0, 100, 200, 4000, 9000], new Rtt(100)).persistent);
  assert(run([0, 100, 200, 700, 900], steady(100, 150)).persistent);
});

Deno.test("detectLoss() wants both packets to elicit acknowledgments (RFC 9002 §7.6.2)", () => {
  const rtt = steady(100, -1);
  assertFalse(run([0, 100, 200, 400, 900], rtt, { quiet: [0] }).persistent);
  assertFalse(run([0, 100, 200, 400, 900], rtt, { quiet: [3] }).persistent);
  assert(run([0, 100, 200, 400, 900], rtt, { quiet: [1, 2] }).persistent);
});

Deno.test("detectLoss() joins losses found one after another, and reports a row once", () => {
  const rtt = steady(100, -1);
  const sent = new SentPackets<never>();
  const send = (n: number, at: number) => sent.add(new SentPacket(n, 0, at, 1200, true, true, []));
  for (const [n, at] of [[0, 0], [1, 150], [2, 290], [3, 350], [4, 360], [5, 370]] as const) send(n, at);
  sent.ack([4, 4]);
  const first = detectLoss(sent, 0, rtt, 0, 375);
  assertEquals([first.lost.length, first.persistent], [2, false]);
  const second = detectLoss(sent, 0, rtt, 0, first.nextAt);
  assertEquals([second.lost.length, second.persistent], [1, false]);
  const third = detectLoss(sent, 0, rtt, 0, second.nextAt);
  assertEquals([third.lost.length, third.persistent], [1, true]);
  for (let n = 6; n < 12; n++) send(n, 380 + n);
  sent.ack([11, 11]);
  const later = detectLoss(sent, 0, rtt, 0, 1000);
  assertEquals([later.lost.length, later.persistent], [6, false]);
});

Deno.test("detectLoss() does not count a row of which a packet arrived after all", () => {
  const rtt = steady(100, -1);
  const sent = new SentPackets<never>();
  const send = (n: number, at: number) => sent.add(new SentPacket(n, 0, at, 1200, true, true, []));
  for (const [n, at] of [[0, 0], [1, 200], [2, 290], [3, 350], [4, 360]] as const) send(n, at);
  sent.ack([4, 4]);
  const first = detectLoss(sent, 0, rtt, 0, 361);
  assertEquals(first.lost.length, 2);
  sent.ack([4, 4, 1, 1]);
  assertFalse(detectLoss(sent, 0, rtt, 0, 700).persistent);
});
