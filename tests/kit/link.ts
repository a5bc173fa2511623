/**
 * One direction of a simulated link. A datagram of `n` payload bytes takes `(n + overheadBytes) * 8 / rate` on the wire. It
 * is refused by the queue at the moment it is handed over, else it arrives after queueing delay, time on the wire, delay and
 * jitter. With a capacity trace, it has left when the trace could have carried it. Losses happen behind the queue: what is lost has taken its time on the wire. A change of options holds from the
 * next datagram on; what is on the wire arrives as it was sent.
 *
 * @module
 */
import type { Ecn } from "../../transport/base/address.ts";
import { Bottleneck, type QueueLimit } from "./bottleneck.ts";
import { burstEntry, type LinkOptions, type ResolvedLink, resolveLink } from "./link_options.ts";
import type { Random } from "./random.ts";

/** What a tap wants done with a datagram; `{ delay }`: arrive so many milliseconds later, out of order if need be. */
export type TapVerdict = "pass" | "drop" | "duplicate" | { readonly delay: number };

/** What a tap sees. `data` may be changed in place. */
export interface TappedDatagram {
  /** The UDP payload. */
  readonly data: Uint8Array;
  /** Counted from 1 as they are handed over. */
  readonly number: number;
  /** Virtual time. */
  readonly now: number;
}

/** Sees every datagram before the link does. */
export type Tap = (datagram: TappedDatagram) => TapVerdict;

/** Why a datagram did not arrive. */
export type LinkDrop = "dead" | "unreachable" | "mtu" | "queue" | "listed" | "loss" | "burst" | "tap";

/** One arrival at the far end. */
export interface LinkArrival {
  /** When. */
  readonly at: number;
  /** The mark that it arrives with. */
  readonly ecn: Ecn;
  /** A copy of its own for each arrival. */
  readonly data: Uint8Array;
}

/** What became of a datagram: why it is gone, or when it arrives (twice when duplicated). */
export type LinkFate = { readonly dropped: LinkDrop } | {
  readonly dropped: undefined;
  readonly arrivals: LinkArrival[];
};

/** What a link has done so far. */
export interface LinkCounts {
  /** Datagrams handed over. */
  handed: number;
  /** UDP payload bytes handed over. */
  handedBytes: number;
  /** Arrivals, doubled ones twice. */
  delivered: number;
  /** UDP payload bytes of the arrivals. */
  deliveredBytes: number;
  /** Datagrams marked CE. */
  marked: number;
  /** Datagrams that arrive twice. */
  duplicated: number;
  /** Datagrams with a changed byte. */
  corrupted: number;
  /** Datagrams that do not arrive, by cause. */
  readonly dropped: Record<LinkDrop, number>;
}

/** Full packets that the default queue holds at least. */
const MIN_QUEUE_PACKETS = 10;

/** One direction of a link. */
export class Link {
  readonly #random: Random;
  readonly #bottleneck: Bottleneck;
  #options: ResolvedLink;
  #listed: ReadonlySet<number> = new Set();
  #doubled: ReadonlySet<number> = new Set();
  #isInBurst = false;
  #lastArrival = 0;
  #handed = 0;
  /** The other direction; its delay counts in the default queue. */
  opposite: Link | undefined;
  /** Sees every datagram that is handed over. */
  tap: Tap | undefined;
  /** What it has done so far. */
  readonly counts: LinkCounts = {
    handed: 0,
    handedBytes: 0,
    delivered: 0,
    deliveredBytes: 0,
    marked: 0,
    duplicated: 0,
    corrupted: 0,
    dropped: { dead: 0, unreachable: 0, mtu: 0, queue: 0, listed: 0, loss: 0, burst: 0, tap: 0 },
  };

  /** Links with the same `bottleneck` wait in one queue; each should have the same rate. Throws as {@linkcode resolveLink}. */
  constructor(options: LinkOptions, random: Random, bottleneck: Bottleneck = new Bottleneck()) {
    this.#random = random;
    this.#bottleneck = bottleneck;
    this.#options = resolveLink(options);
    this.#readLists();
  }

  /** The options that hold now. */
  get options(): ResolvedLink {
    return this.#options;
  }

  /** Changes some options, from the next datagram on. Throws as {@linkcode resolveLink}; then nothing has changed. */
  set(options: LinkOptions): void {
    this.#options = resolveLink(options, this.#options);
    this.#readLists();
  }

  /** The limit of the queue that holds now; `undefined` when the rate is unlimited. */
  get queueLimit(): QueueLimit | undefined {
    const { queueMs, queueBytes, queuePackets, mtu, trace } = this.#options;
    const rateMbps = trace?.meanRateMbps ?? this.#options.rateMbps;
    if (rateMbps === null) return undefined;
    if (queueMs !== null) return { kind: "ms", limit: queueMs };
    if (queueBytes !== null) return { kind: "bytes", limit: queueBytes };
    if (queuePackets !== null) return { kind: "packets", limit: queuePackets };
    const product = bytesPerMs(rateMbps) * (this.#meanDelay + (this.opposite ?? this).#meanDelay);
    return { kind: "bytes", limit: Math.max(product, MIN_QUEUE_PACKETS * mtu) };
  }

  /** How long a datagram handed over now would wait for the wire. */
  queueDelay(now: number): number {
    const isUnlimited = this.#options.trace === null && this.#options.rateMbps === null;
    return isUnlimited ? 0 : Math.max(0, this.#bottleneck.freeAt - now);
  }

  /** Hands a datagram over. The bytes are copied. */
  offer(data: Uint8Array, ecn: Ecn, now: number): LinkFate {
    const number = ++this.#handed;
    this.counts.handed++;
    this.counts.handedBytes += data.length;
    const bytes = data.slice();
    const verdict = this.tap?.({ data: bytes, number, now }) ?? "pass";
    const early = this.#earlyDrop(bytes.length, verdict);
    if (early !== undefined) return this.#drop(early);
    const passage = this.#passQueue(bytes.length, ecn, now);
    if (passage === undefined) return this.#drop("queue");
    const lost = this.#loss(number);
    if (lost !== undefined) return this.#drop(lost);
    return this.#deliver(bytes, passage.ecn, passage.leavesAt, number, verdict);
  }

  /** What the default queue is made for. */
  get #meanDelay(): number {
    return this.#options.trace?.meanDelayMs ?? this.#options.delayMs;
  }

  #readLists(): void {
    this.#listed = new Set(this.#options.drop);
    this.#doubled = new Set(this.#options.duplicate);
  }

  #drop(cause: LinkDrop): LinkFate {
    this.counts.dropped[cause]++;
    return { dropped: cause };
  }

  #earlyDrop(length: number, verdict: TapVerdict): LinkDrop | undefined {
    const { unreachable, dead, mtu, overheadBytes } = this.#options;
    if (unreachable) return "unreachable";
    if (dead) return "dead";
    if (verdict === "drop") return "tap";
    return length + overheadBytes > mtu ? "mtu" : undefined;
  }

  #passQueue(length: number, ecn: Ecn, now: number): { leavesAt: number; ecn: Ecn } | undefined {
    const { rateMbps, trace, overheadBytes } = this.#options;
    const limit = this.queueLimit;
    const rate = trace ?? (rateMbps === null ? null : bytesPerMs(rateMbps));
    if (rate === null || limit === undefined) return { leavesAt: now, ecn };
    const admission = this.#bottleneck.offer(length + overheadBytes, rate, limit, now);
    if (admission.leavesAt < 0) return undefined;
    const marks = this.#options.ecn && admission.isHalfFull && (ecn === "ect0" || ecn === "ect1");
    if (marks) this.counts.marked++;
    return { leavesAt: admission.leavesAt, ecn: marks ? "ce" : ecn };
  }

  #loss(number: number): LinkDrop | undefined {
    const { lossPercent, burstLoss } = this.#options;
    if (this.#listed.has(number)) return "listed";
    if (burstLoss !== null) {
      const flip = this.#isInBurst ? 1 / burstLoss.meanLength : burstEntry(burstLoss);
      if (this.#random.chance(flip)) this.#isInBurst = !this.#isInBurst;
      if (burstLoss.percent >= 100) this.#isInBurst = true;
      if (this.#isInBurst) return "burst";
    }
    return lossPercent > 0 && this.#random.chance(lossPercent / 100) ? "loss" : undefined;
  }

  #deliver(bytes: Uint8Array, ecn: Ecn, leavesAt: number, number: number, verdict: TapVerdict): LinkFate {
    const { duplicatePercent, corruptPercent } = this.#options;
    if (corruptPercent > 0 && this.#random.chance(corruptPercent / 100)) this.#corrupt(bytes);
    const arrivals: LinkArrival[] = [{ at: this.#arrivalOf(leavesAt, verdict), ecn, data: bytes }];
    const doubled = verdict === "duplicate" || this.#doubled.has(number) ||
      (duplicatePercent > 0 && this.#random.chance(duplicatePercent / 100));
    if (doubled) {
      this.counts.duplicated++;
      arrivals.push({ at: this.#arrivalOf(leavesAt, verdict), ecn, data: bytes.slice() });
    }
    this.counts.delivered += arrivals.length;
    this.counts.deliveredBytes += arrivals.length * bytes.length;
    return { dropped: undefined, arrivals };
  }

  #corrupt(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.counts.corrupted++;
    const at = this.#random.int(bytes.length);
    bytes[at] = (bytes[at] as number) ^ (1 + this.#random.int(255));
  }

  #arrivalOf(leavesAt: number, verdict: TapVerdict): number {
    const { jitterMs, reorder, trace } = this.#options;
    const delayMs = trace?.delayAt(leavesAt) ?? this.#options.delayMs;
    const deviation = jitterMs > 0 ? Math.max(-3, Math.min(3, this.#random.normal())) * jitterMs : 0;
    const at = leavesAt + Math.max(0, delayMs + deviation);
    if (typeof verdict === "object") return at + verdict.delay;
    if (reorder) return at;
    this.#lastArrival = Math.max(this.#lastArrival, at);
    return this.#lastArrival;
  }
}

/** Bytes per millisecond. */
function bytesPerMs(rateMbps: number): number {
  return rateMbps * 125;
}
