/**
 * Loss detection by acknowledgments (RFC 9002 §6.1), for packet number spaces of one route and of many.
 *
 * @module
 */
import { persistentDuration } from "./persistent.ts";
import { K_GRANULARITY, type Rtt } from "./rtt.ts";
import type { SentPacket, SentPackets } from "./sent_packets.ts";

/** A packet is lost when one sent this many packets later is acknowledged (RFC 9002 §6.1.1). */
export const K_PACKET_THRESHOLD = 3;

/** A packet is lost when a later one is acknowledged and this many round trips are over (RFC 9002 §6.1.2). */
export const K_TIME_THRESHOLD = 9 / 8;

/** What loss detection found on one route. */
export interface LossResult<R> {
  /** In ascending order; those with `inFlight` leave flight with this. */
  readonly lost: SentPacket<R>[];
  /** When to look again, should no acknowledgment come before: `Infinity` for not at all. */
  readonly nextAt: number;
  /** Bytes of `lost` that were in flight and are a sign of congestion, which MTU probes are not (RFC 9000 §14.4). */
  readonly bytes: number;
  /** When the newest packet was sent that `bytes` counts; `-Infinity` when it counts none. */
  readonly newestSentAt: number;
  /** Whether this is persistent congestion (RFC 9002 §7.6): then the least RTT is to be reset as well (§5.2). */
  readonly persistent: boolean;
}

/** How long after sending a packet it is lost when a later one was acknowledged: milliseconds (RFC 9002 §6.1.2). */
export function lossDelay(rtt: Rtt): number {
  return Math.max(K_TIME_THRESHOLD * Math.max(rtt.smoothed, rtt.latest), K_GRANULARITY);
}

/**
 * Declares packets of a route lost, after an acknowledgment or when `nextAt` of the last call is reached.
 *
 * Orders on the route are compared where RFC 9002 compares packet numbers: the same thing where a space has one route,
 * and the right one where the numbers of several interleave or some are skipped.
 *
 * @param maxAckDelay The peer's, milliseconds; for persistent congestion
 */
export function detectLoss<R>(
  sent: SentPackets<R>,
  route: number,
  rtt: Rtt,
  maxAckDelay: number,
  now: number,
): LossResult<R> {
  const lost: SentPacket<R>[] = [];
  let nextAt = Infinity;
  let bytes = 0;
  let newestSentAt = -Infinity;
  let persistent = false;
  const flight = sent.flight(route);
  if (flight === undefined || flight.outstanding === 0) return { lost, nextAt, bytes, newestSentAt, persistent };

  const delay = lossDelay(rtt);
  const duration = persistentDuration(rtt, maxAckDelay);
  for (let order = flight.base; order <= flight.largestAckedOrder; order++) {
    const packet = flight.at(order);
    if (packet === undefined) continue;
    // The sum that is handed out as the time to look again: it must be true when that time has come.
    const lostAt = packet.sentAt + delay;
    if (order > flight.largestAckedOrder - K_PACKET_THRESHOLD && lostAt > now) {
      // Later packets of the route were sent later and are nearer to the acknowledged one.
      nextAt = lostAt;
      break;
    }
    packet.fate = "lost";
    packet.lostAt = now;
    flight.remove(packet);
    flight.keepLost(packet);
    flight.lostRun.onLost(
      order,
      packet.sentAt,
      packet.ackEliciting && !packet.probe && packet.sentAt > rtt.firstSampleAt,
    );
    if (flight.lostRun.span > duration) {
      persistent = true;
      flight.lostRun.clear();
    }
    if (packet.inFlight && !packet.probe) {
      bytes += packet.size;
      newestSentAt = packet.sentAt;
    }
    lost.push(packet);
  }
  if (lost.length > 0) flight.settle();
  return { lost, nextAt, bytes, newestSentAt, persistent };
}
