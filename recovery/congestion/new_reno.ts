/**
 * NewReno as QUIC has it (RFC 9002 §7).
 *
 * | State                | Is when                                | A byte acknowledged adds      | Congestion              |
 * |----------------------|----------------------------------------|-------------------------------|-------------------------|
 * | slow start           | `cwnd < ssthresh`                      | a byte (HyStart++: 1 or 1/4)  | → recovery, window half |
 * | recovery             | the packet was sent before the period  | nothing                       | no change               |
 * | congestion avoidance | otherwise                              | `mtu / cwnd` bytes            | → recovery, window half |
 *
 * Persistent congestion leads to slow start with the least window from anywhere.
 *
 * @module
 */
import {
  type AckedBatch,
  type CongestionController,
  type CongestionEvent,
  type CongestionPath,
  type ControllerFactory,
  INITIAL_WINDOW_PACKETS,
  initialWindow,
  minimumWindow,
  type SpuriousLoss,
} from "./controller.ts";
import { HyStart } from "./hystart.ts";
import { RecoveryPeriod } from "./recovery_period.ts";

/** What is left of the window after congestion (kLossReductionFactor, RFC 9002 §B.1). */
export const LOSS_REDUCTION_FACTOR = 0.5;

/** Choices that NewReno leaves. */
export interface NewRenoOptions {
  /** Whether the first slow start is HyStart++ (RFC 9406) instead of that of RFC 9002; default `false`. */
  readonly hystart?: boolean;
}

/** Makes NewReno controllers. */
export function newReno(options: NewRenoOptions = {}): ControllerFactory {
  return (path) => new NewReno(path, options);
}

/** Halves the window on congestion and adds one packet per round trip otherwise. */
export class NewReno implements CongestionController {
  /** `newreno` */
  readonly name = "newreno";
  /** Derived from the window. */
  readonly pacingRate = 0;
  readonly #period = new RecoveryPeriod();
  readonly #hystart: HyStart | undefined;
  readonly #firstPackets: number;
  #mtu: number;
  #cwnd: number;
  #ssthresh = Infinity;
  /** The first window, for the present MTU. */
  #first: number;
  #undoCwnd = 0;
  #undoSsthresh = 0;

  /** A controller for a route with that MTU. */
  constructor(path: Pick<CongestionPath, "mtu" | "initialWindowPackets">, options: NewRenoOptions = {}) {
    this.#mtu = path.mtu;
    this.#firstPackets = path.initialWindowPackets ?? INITIAL_WINDOW_PACKETS;
    this.#first = this.#cwnd = initialWindow(path.mtu, this.#firstPackets);
    this.#hystart = options.hystart === true ? new HyStart() : undefined;
  }

  /** Most bytes that may be in flight. */
  get cwnd(): number {
    return Math.floor(this.#cwnd);
  }

  /** The window up to which slow start goes. */
  get ssthresh(): number {
    return this.#ssthresh;
  }

  /** Whether the window is below `ssthresh`. */
  get inSlowStart(): boolean {
    return this.#cwnd < this.#ssthresh;
  }

  /** Nothing to note. */
  onSent(): void {}

  /** Lets the window grow. */
  onAcked(batch: AckedBatch): void {
    const hystart = this.#ssthresh === Infinity ? this.#hystart : undefined;
    if (batch.appLimited) {
      hystart?.onAcked(batch.newestSentAt, batch.rttSample, batch.now);
      return;
    }
    for (const packet of batch.packets) {
      if (!packet.inFlight || this.#period.contains(packet.sentAt)) continue;
      if (this.#cwnd < this.#ssthresh) this.#cwnd += hystart?.growth(packet.size) ?? packet.size;
      else this.#cwnd += this.#mtu * packet.size / this.#cwnd;
    }
    if (hystart?.onAcked(batch.newestSentAt, batch.rttSample, batch.now)) this.#ssthresh = this.#cwnd;
  }

  /** Reduces the window, once per round trip. */
  onCongestion(event: CongestionEvent): void {
    if (this.#period.absorbs(event)) this.#period.add(event);
    else this.#reduce(event);
    if (event.cause !== "persistent") return;
    this.#cwnd = minimumWindow(this.#mtu);
    this.#period.endAll(event.now);
  }

  /** Takes the last reduction back when all that made it was spurious. */
  onSpurious(loss: SpuriousLoss): void {
    if (!this.#period.onSpurious(loss) || this.#cwnd >= this.#undoCwnd) return;
    this.#cwnd = this.#undoCwnd;
    this.#ssthresh = this.#undoSsthresh;
    this.#period.undo();
  }

  /** Scales the least window, and the first one (RFC 9002 §7.2): what has only grown since is larger or smaller by as much. */
  onMtu(mtu: number): void {
    this.#mtu = mtu;
    const first = initialWindow(mtu, this.#firstPackets);
    if (this.#ssthresh === Infinity) this.#cwnd += first - this.#first;
    else this.#cwnd = Math.max(this.#cwnd, minimumWindow(mtu));
    this.#first = first;
  }

  #reduce(event: CongestionEvent): void {
    this.#undoCwnd = this.#cwnd;
    this.#undoSsthresh = this.#ssthresh;
    this.#period.begin(event);
    this.#ssthresh = this.#cwnd * LOSS_REDUCTION_FACTOR;
    this.#cwnd = Math.max(this.#ssthresh, minimumWindow(this.#mtu));
  }
}
