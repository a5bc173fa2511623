/**
 * CUBIC (RFC 9438) over QUIC's signals (RFC 9002 §7). The states are those of NewReno; congestion avoidance has three
 * regions.
 *
 * | Region        | Is when                               | The window goes                                            |
 * |---------------|---------------------------------------|------------------------------------------------------------|
 * | Reno-friendly | `W_cubic(t) < W_est`                  | to `W_est`                                                 |
 * | concave       | otherwise, and `cwnd < W_max`         | in a round trip towards `W_cubic(t + RTT)`, within 1 … 1.5 |
 * | convex        | otherwise                             | the same                                                   |
 *
 * A stage of congestion avoidance begins with the first acknowledgment that counts after a recovery period or slow start.
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

/** How steep the cubic function is: packets per second cubed (RFC 9438 §5.1). */
export const CUBIC_C = 0.4;

/** What is left of the window after congestion (RFC 9438 §4.6). */
export const CUBIC_BETA = 0.7;

/** Packets that W_est gains per round trip until it reaches the window before the reduction (RFC 9438 §4.3). */
export const CUBIC_ALPHA: number = 3 * (1 - CUBIC_BETA) / (1 + CUBIC_BETA);

/** The most that the window grows in a round trip of congestion avoidance (RFC 9438 §4.2). */
const MAX_GROWTH = 1.5;

/** Choices that CUBIC leaves. */
export interface CubicOptions {
  /** Whether the first slow start is HyStart++ (RFC 9406) instead of that of RFC 9002; default `true`. */
  readonly hystart?: boolean;
  /** Whether to give way to new flows faster (RFC 9438 §4.7); default `true`. */
  readonly fastConvergence?: boolean;
}

/** Makes CUBIC controllers. */
export function cubic(options: CubicOptions = {}): ControllerFactory {
  return (path) => new Cubic(path, options);
}

/** What a reduction changes, for taking it back (RFC 9438 §4.9.2). */
interface Undo {
  readonly cwnd: number;
  readonly ssthresh: number;
  readonly cwndPrior: number;
  readonly wMax: number;
  readonly wEst: number;
  readonly alpha: number;
  readonly k: number;
  readonly inStage: boolean;
  readonly elapsed: number;
  readonly countedAt: number;
}

/** Grows the window by a cubic function of the time since the last reduction. Windows are in bytes, times in ms. */
export class Cubic implements CongestionController {
  /** `cubic` */
  readonly name = "cubic";
  /** Derived from the window. */
  readonly pacingRate = 0;
  readonly #period = new RecoveryPeriod();
  readonly #hystart: HyStart | undefined;
  readonly #firstPackets: number;
  readonly #fastConvergence: boolean;
  #mtu: number;
  #cwnd: number;
  #ssthresh = Infinity;
  /** The first window, for the present MTU. */
  #first: number;
  /** 0 before the first reduction, and after persistent congestion. */
  #wMax = 0;
  #cwndPrior = 0;
  #inStage = false;
  #wEst = 0;
  #alpha = CUBIC_ALPHA;
  #k = 0;
  /** Time in the present stage, without that during which the window was not the limit. */
  #elapsed = 0;
  /** Up to when `#elapsed` counts. */
  #countedAt = 0;
  #undo: Undo | undefined;

  /** A controller for a route with that MTU. */
  constructor(path: Pick<CongestionPath, "mtu" | "initialWindowPackets">, options: CubicOptions = {}) {
    this.#mtu = path.mtu;
    this.#firstPackets = path.initialWindowPackets ?? INITIAL_WINDOW_PACKETS;
    this.#first = this.#cwnd = initialWindow(path.mtu, this.#firstPackets);
    this.#hystart = options.hystart === false ? undefined : new HyStart();
    this.#fastConvergence = options.fastConvergence ?? true;
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

  /** Notes when the route was idle. */
  onSent(_bytes: number, inFlight: number, now: number): void {
    // With nothing in flight the sender was idle up to now: no time for the window to grow (RFC 9438 §5.8).
    if (inFlight === 0) this.#countedAt = now;
  }

  /** Lets the window grow. */
  onAcked(batch: AckedBatch): void {
    const hystart = this.#ssthresh === Infinity ? this.#hystart : undefined;
    if (batch.appLimited) {
      this.#countedAt = batch.now;
      // What is measured while the window is not used tells what an empty queue looks like.
      hystart?.onAcked(batch.newestSentAt, batch.rttSample, batch.now);
      return;
    }
    let bytes = 0;
    for (const packet of batch.packets) {
      if (!packet.inFlight || this.#period.contains(packet.sentAt)) continue;
      if (this.#cwnd < this.#ssthresh) this.#cwnd += hystart?.growth(packet.size) ?? packet.size;
      else bytes += packet.size;
    }
    if (bytes > 0) this.#avoidCongestion(bytes, batch.rtt.smoothed, batch.now);
    if (hystart?.onAcked(batch.newestSentAt, batch.rttSample, batch.now)) {
      this.#ssthresh = this.#cwnd;
      this.#cwndPrior = this.#cwnd;
    }
  }

  /** Reduces the window, once per round trip. */
  onCongestion(event: CongestionEvent): void {
    if (this.#period.absorbs(event)) this.#period.add(event);
    else this.#reduce(event);
    if (event.cause !== "persistent") return;
    // The next stage begins as after a timeout (RFC 9438 §4.8).
    this.#cwnd = minimumWindow(this.#mtu);
    this.#wMax = 0;
    this.#inStage = false;
    this.#undo = undefined;
    this.#period.endAll(event.now);
  }

  /** Takes the last reduction back when all that made it was spurious. */
  onSpurious(loss: SpuriousLoss): void {
    const undo = this.#undo;
    if (!this.#period.onSpurious(loss) || undo === undefined) return;
    this.#undo = undefined;
    if (this.#cwnd >= this.#cwndPrior) return;
    this.#cwnd = undo.cwnd;
    this.#ssthresh = undo.ssthresh;
    this.#cwndPrior = undo.cwndPrior;
    this.#wMax = undo.wMax;
    this.#wEst = undo.wEst;
    this.#alpha = undo.alpha;
    this.#k = undo.k;
    this.#inStage = undo.inStage;
    this.#elapsed = undo.elapsed;
    this.#countedAt = undo.countedAt;
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

  #avoidCongestion(bytes: number, rtt: number, now: number): void {
    if (this.#inStage) this.#elapsed += now - this.#countedAt;
    else this.#beginStage();
    this.#countedAt = now;
    this.#wEst += this.#alpha * this.#mtu * bytes / this.#cwnd;
    if (this.#wEst >= this.#cwndPrior) this.#alpha = 1;
    if (this.#wCubic(this.#elapsed) < this.#wEst) {
      this.#cwnd = Math.max(this.#cwnd, this.#wEst);
      return;
    }
    const target = Math.min(Math.max(this.#wCubic(this.#elapsed + rtt), this.#cwnd), MAX_GROWTH * this.#cwnd);
    this.#cwnd += (target - this.#cwnd) * Math.min(1, bytes / this.#cwnd);
  }

  #beginStage(): void {
    this.#inStage = true;
    this.#elapsed = 0;
    this.#wEst = this.#cwnd;
    this.#alpha = this.#wEst >= this.#cwndPrior ? 1 : CUBIC_ALPHA;
    if (this.#wMax > this.#cwnd) {
      this.#k = 1000 * Math.cbrt((this.#wMax - this.#cwnd) / this.#mtu / CUBIC_C);
    } else {
      // After slow start without loss (RFC 9438 §4.10) and after persistent congestion (§4.8).
      this.#k = 0;
      this.#wMax = this.#cwnd;
    }
  }

  #wCubic(elapsed: number): number {
    const seconds = (elapsed - this.#k) / 1000;
    return CUBIC_C * seconds * seconds * seconds * this.#mtu + this.#wMax;
  }

  #reduce(event: CongestionEvent): void {
    this.#undo = event.cause === "loss" ? this.#snapshot() : undefined;
    this.#period.begin(event);
    const gaveWay = this.#fastConvergence && this.#cwnd < this.#wMax;
    this.#wMax = gaveWay ? this.#cwnd * (1 + CUBIC_BETA) / 2 : this.#cwnd;
    this.#cwndPrior = this.#cwnd;
    this.#ssthresh = Math.max(this.#cwnd * CUBIC_BETA, minimumWindow(this.#mtu));
    this.#cwnd = this.#ssthresh;
    this.#inStage = false;
  }

  #snapshot(): Undo {
    return {
      cwnd: this.#cwnd,
      ssthresh: this.#ssthresh,
      cwndPrior: this.#cwndPrior,
      wMax: this.#wMax,
      wEst: this.#wEst,
      alpha: this.#alpha,
      k: this.#k,
      inStage: this.#inStage,
      elapsed: this.#elapsed,
      countedAt: this.#countedAt,
    };
  }
}
