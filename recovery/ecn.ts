/**
 * Validation of ECN on a route (RFC 9000 §13.4.2, §A.4).
 *
 * | State   | Marks packets | What changes it                                                                            |
 * |---------|---------------|--------------------------------------------------------------------------------------------|
 * | testing | ECT(0)        | 10 marked packets sent, or 3 PTOs over → capable if any was acknowledged well, else unknown |
 * | unknown | no            | a marked packet acknowledged well → capable; all marked packets lost → failed               |
 * | capable | ECT(0)        |                                                                                            |
 * | failed  | no            |                                                                                            |
 *
 * Counts that do not fit lead to failed from anywhere, for good.
 *
 * @module
 */

/** Packets that are marked before it is known whether the route carries marks (RFC 9000 §13.4.2). */
export const ECN_TEST_PACKETS = 10;

/** Probe timeouts for which packets are marked before that is known (RFC 9000 §13.4.2). */
export const ECN_TEST_PTOS = 3;

/** See the table of this module. */
export type EcnState = "testing" | "unknown" | "capable" | "failed";

/** The counts in an ACK frame (RFC 9000 §19.3.2). */
export interface EcnReport {
  /** Packets received as ECT(0). */
  readonly ect0: number;
  /** Packets received as ECT(1). */
  readonly ect1: number;
  /** Packets received as CE. */
  readonly ce: number;
}

/** What an ACK frame says about marks. */
export interface EcnAck {
  /** `undefined` when the frame has no counts. */
  readonly counts: EcnReport | undefined;
  /** Packets sent as ECT(0) that it newly acknowledges: `AckResult.ect`. */
  readonly newlyAcked: number;
  /** Packets ever sent as ECT(0) in its space: `SentPackets.ectSent`. */
  readonly sent: number;
  /** Whether its Largest Acknowledged is above all before: `AckResult.raisedLargest`. */
  readonly raisedLargest: boolean;
}

const NO_COUNTS: EcnReport = { ect0: 0, ect1: 0, ce: 0 };

/** Decides whether to mark the packets of one route, and what reported CE marks are worth. */
export class EcnValidator {
  #state: EcnState = "testing";
  #testEndsAt = Infinity;
  #marked = 0;
  #lost = 0;
  #acked = 0;
  #ce = 0;
  /** The counts last taken in, per packet number space. */
  readonly #counts: (EcnReport | undefined)[] = [];

  /** See the table of this module. */
  get state(): EcnState {
    return this.#state;
  }

  /** Whether to send the next packet as ECT(0). */
  marks(now: number): boolean {
    if (this.#state === "testing" && (this.#marked >= ECN_TEST_PACKETS || now >= this.#testEndsAt)) this.#endTest();
    return this.#state === "testing" || this.#state === "capable";
  }

  /**
   * A packet was sent as ECT(0).
   *
   * @param ptoPeriod The route's PTO: milliseconds
   */
  onSent(ptoPeriod: number, now: number): void {
    if (this.#marked === 0) this.#testEndsAt = now + ECN_TEST_PTOS * ptoPeriod;
    this.#marked++;
  }

  /**
   * Takes the counts of a space as they are: when a path goes on over a new route, the new route's validator begins with
   * them.
   *
   * @param space A small number of the caller's for each packet number space of the route
   */
  baseline(space: number, counts: EcnReport): void {
    this.#counts[space] = { ect0: counts.ect0, ect1: counts.ect1, ce: counts.ce };
  }

  /** The counts last taken in of a space, for the `baseline` of another route. */
  countsOf(space: number): EcnReport {
    return this.#counts[space] ?? NO_COUNTS;
  }

  /**
   * An ACK frame has arrived; returns by how many packets the CE count grew, each call that is above 0 a congestion
   * event, and 0 once validation has failed.
   *
   * @param space A small number of the caller's for each packet number space of the route
   */
  onAck(space: number, ack: EcnAck): number {
    // Counts from frames that arrive out of order prove nothing (RFC 9000 §13.4.2.1); the next frame has them too.
    if (this.#state === "failed" || !ack.raisedLargest) return 0;
    const counts = ack.counts;
    if (counts === undefined) {
      if (ack.newlyAcked > 0) this.#state = "failed";
      return 0;
    }
    const last = this.countsOf(space);
    const increase = counts.ce - last.ce;
    if (!isPlausible(counts, last, ack)) {
      this.#state = "failed";
      return 0;
    }
    this.baseline(space, counts);
    this.#acked += ack.newlyAcked;
    this.#ce += increase;
    if (this.#state === "unknown" && this.#acked > 0) this.#state = "capable";
    if (this.#acked >= ECN_TEST_PACKETS && this.#ce >= this.#acked) {
      // A route that marked everything so far does not mark for congestion.
      this.#state = "failed";
      return 0;
    }
    return increase;
  }

  /** So many packets sent as ECT(0) were declared lost. */
  onLost(packets: number): void {
    this.#lost += packets;
    if (this.#state === "unknown" && this.#lost >= this.#marked) this.#state = "failed";
    if (this.#state === "testing" && this.#lost >= ECN_TEST_PACKETS && this.#acked === 0) this.#state = "failed";
  }

  #endTest(): void {
    if (this.#acked > 0) this.#state = "capable";
    else this.#state = this.#lost >= this.#marked ? "failed" : "unknown";
  }
}

/** RFC 9000 §13.4.2.1: whether counts fit what was sent and acknowledged. We never send ECT(1). */
function isPlausible(counts: EcnReport, last: EcnReport, ack: EcnAck): boolean {
  if (counts.ect0 < last.ect0 || counts.ect1 < last.ect1 || counts.ce < last.ce) return false;
  if (counts.ect1 > last.ect1 || counts.ect0 > ack.sent) return false;
  return counts.ect0 - last.ect0 + counts.ce - last.ce >= ack.newlyAcked;
}
