import type { PathId } from "../../../schedulers/mod.ts";
import type { Random } from "../random.ts";
import { pathView, type PlainPath } from "../views.ts";

/** What a peer may hold acknowledgements back: milliseconds. */
const ACK_DELAY = 25;
/** Probe timeouts after which what is in flight counts as lost. */
const LOST_AFTER = 2;

interface Flight {
  readonly sentAt: number;
  readonly dueAt: number;
  readonly bytes: number;
}

/** What has become of a path in a while. */
export interface Passed {
  /** Bytes that were acknowledged. */
  readonly acked: number;
  /** Bytes that were given up. */
  readonly lost: number;
  /** Whether its probe timeout has passed once more. */
  readonly hasProbed: boolean;
}

/** A path of a walk: figures that fit together, as those of a real one do. */
export class WalkPath {
  readonly view: PlainPath;
  /** Answers in time, is available and stays, as long as the walk goes on. */
  readonly isSteady: boolean;
  /** Whether schedulers may use it. */
  isUsable = true;
  /** Swallows everything. */
  isSilent = false;
  readonly #random: Random;
  #flights: Flight[] = [];
  #probeAt = Infinity;

  constructor(id: PathId, random: Random, now: number, isSteady = false) {
    this.#random = random;
    this.isSteady = isSteady;
    const srtt = 5 + random.int(120);
    const isCostly = random.chance(0.25);
    this.view = pathView(id, {
      label: random.chance(0.2) ? "" : ["wifi", "cell", "dsl", "sat"][random.int(4)]!,
      cost: isCostly ? random.int(3) : 0,
      metered: isCostly && random.chance(0.5),
      status: !isSteady && random.chance(0.3) ? "backup" : "available",
      srtt,
      rttVar: 1 + random.int(srtt),
      minRtt: srtt - random.int(5),
      latestRtt: srtt,
      cwnd: 1200 * (2 + random.int(40)),
      deliveryRate: random.chance(0.2) ? 0 : 10 + random.int(2000),
      lossRate: random.chance(0.7) ? 0 : random.next() / 10,
      lastAckAt: now,
      ackGap: 1 + random.int(srtt),
    });
  }

  /** Sends so much at a time. */
  send(bytes: number, now: number): void {
    const { view } = this;
    const slower = this.isSteady ? 1 : 0.7 + this.#random.next() / 2;
    this.#put({ sentAt: now, dueAt: now + view.srtt * slower, bytes }, now);
    view.bytesSent += bytes;
  }

  /** Fills its window until then. */
  block(until: number, now: number): void {
    const bytes = this.view.cwnd - this.view.inFlight;
    if (bytes > 0) this.#put({ sentAt: now, dueAt: until, bytes }, now);
  }

  /** Lets time pass. */
  pass(now: number): Passed {
    const { view } = this;
    let [acked, lost, hasProbed] = [0, 0, false];
    if (!this.isSilent) {
      for (const { dueAt, bytes } of this.#flights) {
        if (dueAt > now) continue;
        acked += bytes;
        view.lastAckAt = Math.max(view.lastAckAt, dueAt);
      }
      this.#flights = this.#flights.filter(({ dueAt }) => dueAt > now);
      if (acked > 0) view.ptoCount = 0;
      if (acked > 0) this.#arm(now);
    }
    if (now >= this.#probeAt && this.isSilent && this.#flights.length > 0) {
      hasProbed = true;
      view.ptoCount++;
      this.#arm(now);
      if (view.ptoCount >= LOST_AFTER) lost = this.#giveUp();
    }
    view.inFlight -= acked;
    this.#refresh();
    return { acked, lost, hasProbed };
  }

  /** The window that is open now; the pacer closes it sometimes, but only behind something in flight. */
  open(now: number): void {
    const { view } = this;
    const left = view.cwnd - view.inFlight;
    const isPaced = view.inFlight > 0 && this.#random.chance(0.1);
    view.room = left >= view.mtu && !isPaced ? left : 0;
    view.readyAt = left < view.mtu ? Infinity : isPaced ? now + 1 : now;
  }

  /** It answers again, or not any more. */
  setSilent(isSilent: boolean): void {
    this.isSilent = isSilent;
    if (!isSilent) this.view.ptoCount = 0;
  }

  #put(flight: Flight, now: number): void {
    if (this.#flights.length === 0) this.#probeAt = now + this.#timeout();
    this.#flights.push(flight);
    this.view.inFlight += flight.bytes;
    this.#refresh();
  }

  #giveUp(): number {
    const lost = this.view.inFlight;
    this.#flights = [];
    this.view.inFlight = 0;
    return lost;
  }

  #arm(now: number): void {
    this.#probeAt = now + this.#timeout() * 2 ** this.view.ptoCount;
  }

  #timeout(): number {
    return this.view.srtt + 4 * this.view.rttVar + ACK_DELAY;
  }

  #refresh(): void {
    this.view.oldestUnackedAt = this.#flights.reduce((oldest, { sentAt }) => Math.min(oldest, sentAt), Infinity);
  }
}
