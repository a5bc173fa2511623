/**
 * What became of a packet. `outstanding` until its fate is known, then `acked`, `lost` (may still become `acked`: then
 * the loss was spurious), or `dropped`: no longer of interest, as its keys or its path are gone.
 */
export type PacketFate = "outstanding" | "acked" | "lost" | "dropped";

/** A packet that was sent. `R` is what it remembers of each frame in it. */
export class SentPacket<R> {
  /** Its packet number. */
  readonly number: number;
  /** The route that it went over. */
  readonly route: number;
  /** When it was sent. */
  readonly sentAt: number;
  /** Bytes, header and AEAD tag included. */
  readonly size: number;
  /** Whether it elicits an acknowledgment. */
  readonly ackEliciting: boolean;
  /** Whether it counts as in flight: it has more than ACK and CONNECTION_CLOSE frames (RFC 9002 §2). */
  readonly inFlight: boolean;
  /** What it remembers of each frame in it. */
  readonly records: R[];
  /** Whether it was sent as ECT(0). */
  readonly ecn: boolean;
  /** Whether it probes the path's MTU: its loss is no sign of congestion (RFC 9000 §14.4). */
  readonly probe: boolean;
  /** Counts the packets of this space on this route from 0; given by {@linkcode SentPackets.add}. */
  order: number = -1;
  /** What became of it. */
  fate: PacketFate = "outstanding";
  /** When it was declared lost. */
  lostAt: number = -Infinity;
  /** Bytes delivered on the route when it was sent; see `DeliveryRate`. */
  delivered = 0;
  /** When the last of `delivered` was. */
  deliveredAt = 0;
  /** When the first packet of the flight was sent that this one's rate sample spans. */
  firstSentAt = 0;
  /** Whether the application had nothing more to send. */
  appLimited = false;

  /** A packet that is about to be added to the sent ones. */
  constructor(
    number: number,
    route: number,
    sentAt: number,
    size: number,
    ackEliciting: boolean,
    inFlight: boolean,
    records: R[],
    ecn: boolean = false,
    probe: boolean = false,
  ) {
    this.number = number;
    this.route = route;
    this.sentAt = sentAt;
    this.size = size;
    this.ackEliciting = ackEliciting;
    this.inFlight = inFlight;
    this.records = records;
    this.ecn = ecn;
    this.probe = probe;
  }
}
