/**
 * Feeds controllers in tests.
 *
 * @module
 */
import { Rtt } from "../rtt.ts";
import type { AckedBatch, CongestionController, CongestionEvent, CongestionPath } from "./controller.ts";

/** The largest datagram in these tests. */
export const MTU = 1200;

/** A round-trip time that is steady. */
export function steadyRtt(milliseconds: number): Rtt {
  const rtt = new Rtt();
  for (let i = 0; i < 300; i++) rtt.sample(milliseconds, 0, 0);
  return rtt;
}

/** A path with nothing beside it. */
export function lonePath(milliseconds = 100): CongestionPath {
  return { mtu: MTU, rtt: steadyRtt(milliseconds), siblings: [] };
}

/** Acknowledges packets of one size that were sent at one time. */
export function ack(
  controller: CongestionController,
  bytes: number,
  sentAt: number,
  now: number,
  options: Partial<AckedBatch> = {},
): void {
  controller.onAcked({
    packets: [{ sentAt, size: bytes, inFlight: true }],
    bytes,
    newestSentAt: sentAt,
    rtt: steadyRtt(100),
    rttSample: Infinity,
    inFlightBefore: controller.cwnd,
    appLimited: false,
    now,
    ...options,
  });
}

/** Reports congestion. */
export function congest(
  controller: CongestionController,
  cause: CongestionEvent["cause"],
  sentAt: number,
  now: number,
  bytes = MTU,
): void {
  controller.onCongestion({ cause, bytes: cause === "ecn" ? 0 : bytes, sentAt, inFlight: 0, now });
}

/**
 * Runs a controller with window after window, each packet acknowledged one round trip after it was sent but every
 * `period`-th, which is lost, and returns the mean window in packets, counted per round trip, after a while.
 *
 * @param start The window in packets at a first loss before all
 */
export function meanWindow(
  controller: CongestionController,
  rtt: number,
  period: number,
  epochs: number,
  start: number,
): number {
  const estimate = steadyRtt(rtt);
  ack(controller, start * MTU - controller.cwnd, -3, -3);
  congest(controller, "loss", -2, -1);
  let sent = 0;
  let rounds = 0;
  let sum = 0;
  for (let now = 0; sent < period * epochs; now += rtt) {
    const count = Math.floor(controller.cwnd / MTU);
    const arrival = now + rtt;
    // What comes in between two losses comes in pieces, as one ACK in ten packets would have it.
    for (let left = count; left > 0;) {
      const untilLoss = period - sent % period;
      const piece = Math.min(left, untilLoss, 10);
      if (piece === untilLoss) congest(controller, "loss", now, arrival);
      else ack(controller, piece * MTU, now, arrival, { rtt: estimate });
      sent += piece;
      left -= piece;
    }
    if (sent < period * epochs / 2) continue;
    rounds++;
    sum += count;
  }
  return sum / rounds;
}
