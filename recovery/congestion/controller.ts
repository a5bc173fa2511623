/**
 * What a congestion controller is. The core counts bytes in flight and knows whether the application keeps it busy; a
 * controller only answers how much may be in flight, so it cannot miscount.
 *
 * @module
 */
import type { RttView } from "../rtt.ts";

/** Packets in the initial window (RFC 9002 §7.2). */
export const INITIAL_WINDOW_PACKETS = 10;

/** Bytes that the initial window does not exceed unless two packets do (RFC 9002 §7.2). */
export const INITIAL_WINDOW_BYTES = 14_720;

/** Packets in the least window (kMinimumWindow, RFC 9002 §7.2). */
export const MINIMUM_WINDOW_PACKETS = 2;

/**
 * The window to begin with: bytes (RFC 9002 §7.2). The limit in bytes goes with the packets, so that it means the same for
 * any number of them.
 *
 * @param packets 1 or more
 */
export function initialWindow(mtu: number, packets: number = INITIAL_WINDOW_PACKETS): number {
  const bytes = INITIAL_WINDOW_BYTES * packets / INITIAL_WINDOW_PACKETS;
  return Math.min(packets * mtu, Math.max(bytes, MINIMUM_WINDOW_PACKETS * mtu));
}

/** The window that congestion never goes below: bytes (RFC 9002 §7.2). */
export function minimumWindow(mtu: number): number {
  return MINIMUM_WINDOW_PACKETS * mtu;
}

/** What a controller may know of an acknowledged packet. */
export interface AckedPacket {
  /** When it was sent. */
  readonly sentAt: number;
  /** Bytes. */
  readonly size: number;
  /** Whether it counted as in flight; those that did not are no reason to grow. */
  readonly inFlight: boolean;
}

/** The packets of one route that one ACK frame newly acknowledged. */
export interface AckedBatch {
  /** In the order of sending. */
  readonly packets: readonly AckedPacket[];
  /** Bytes of those that were in flight. */
  readonly bytes: number;
  /** When the last of them was sent. */
  readonly newestSentAt: number;
  /** The route's round-trip time, with this acknowledgment taken in. */
  readonly rtt: RttView;
  /** The RTT sample that this acknowledgment gave, milliseconds; `Infinity` when it gave none. */
  readonly rttSample: number;
  /** Bytes in flight before this acknowledgment. */
  readonly inFlightBefore: number;
  /**
   * Whether the window was not the limit when these packets were in flight, but the application, flow control, or the
   * scheduler: then it must not grow (RFC 9002 §7.8). Waiting for the pacer is no such reason.
   */
  readonly appLimited: boolean;
  /** When the acknowledgment arrived. */
  readonly now: number;
}

/** A sign of congestion on the route. */
export interface CongestionEvent {
  /**
   * `loss`: packets were declared lost. `ecn`: the peer reports more CE marks. `persistent`: packets were declared lost
   * and this is persistent congestion (RFC 9002 §7.6); it comes in place of `loss`.
   */
  readonly cause: "loss" | "ecn" | "persistent";
  /** Bytes lost; 0 with `ecn`. */
  readonly bytes: number;
  /** When the newest lost packet was sent; with `ecn`, when the newest packet acknowledged by the frame was. */
  readonly sentAt: number;
  /** Bytes in flight, without those lost. */
  readonly inFlight: number;
  /** When it was noticed. */
  readonly now: number;
}

/** A packet that was declared lost has been acknowledged. */
export interface SpuriousLoss {
  /** Its size. */
  readonly bytes: number;
  /** When it was sent. */
  readonly sentAt: number;
  /** When its acknowledgment arrived. */
  readonly now: number;
}

/**
 * Decides how many bytes may be in flight on one route. Per ACK frame the core first reports congestion, then what was
 * acknowledged (RFC 9002 §A.7).
 */
export interface CongestionController {
  /** As it appears in traces: `newreno`, `cubic`. */
  readonly name: string;
  /** Most bytes that may be in flight. */
  readonly cwnd: number;
  /** The window up to which slow start goes; `Infinity` while unknown. */
  readonly ssthresh: number;
  /** Bytes per millisecond; 0 to have it derived from window and round-trip time. */
  readonly pacingRate: number;
  /** Whether the window is below `ssthresh`. */
  readonly inSlowStart: boolean;
  /** A packet that counts as in flight was sent; `inFlight` is what was in flight before it. */
  onSent(bytes: number, inFlight: number, now: number): void;
  /** An ACK frame has newly acknowledged packets of this route. */
  onAcked(batch: AckedBatch): void;
  /** The route shows congestion. */
  onCongestion(event: CongestionEvent): void;
  /** Told once for each such packet. */
  onSpurious?(loss: SpuriousLoss): void;
  /** The largest datagram has changed: bytes of UDP payload. */
  onMtu?(mtu: number): void;
}

/** Another route of the connection, for controllers that share a bottleneck fairly. */
export interface CongestionSibling {
  /** Its controller; of the same kind as one's own unless routes are configured apart. */
  readonly controller: CongestionController;
  /** Its round-trip time. */
  readonly rtt: RttView;
}

/** What a controller is made for; it may keep it. */
export interface CongestionPath {
  /** Bytes of UDP payload; 1200 or more. */
  readonly mtu: number;
  /** The route's round-trip time. */
  readonly rtt: RttView;
  /** Packets in the window to begin with, 1 or more; default {@linkcode INITIAL_WINDOW_PACKETS}. */
  readonly initialWindowPackets?: number;
  /** The other routes of the connection that carry data; always up to date. */
  readonly siblings: readonly CongestionSibling[];
}

/** Makes a controller for a route. A controller serves one route and does not survive it (RFC 9000 §9.4). */
export type ControllerFactory = (path: CongestionPath) => CongestionController;
