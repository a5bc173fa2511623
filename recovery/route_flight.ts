/**
 * The packets of one packet number space that went over one route.
 *
 * @module
 */
import { EarlyAcks } from "./early_acks.ts";
import { LostRun } from "./persistent.ts";
import type { SentPacket } from "./sent_packet.ts";

/** Packets declared lost that are remembered per route, so that a late acknowledgment shows the loss was spurious. */
export const MAX_LOST_KEPT = 1024;

/**
 * Packets that elicit no acknowledgment and are remembered per route. They are acknowledged only along with others, so a
 * long one-way transfer would gather them without end.
 */
export const MAX_QUIET_KEPT = 128;

const FIRST_CAPACITY = 64;

/**
 * The outstanding packets in a ring by their order on the route, and sums over them. Orders count from 0 without gaps,
 * so one route's pace never makes another's ring grow, even where routes share a packet number space.
 */
export class RouteFlight<R> {
  /** The route. */
  readonly route: number;
  /** Bytes of outstanding packets that count as in flight. */
  inFlight = 0;
  /** Outstanding packets that elicit acknowledgments. */
  eliciting = 0;
  /** All outstanding packets. */
  outstanding = 0;
  /** When the last ack-eliciting packet was sent; `-Infinity` when none was. */
  lastElicitingAt: number = -Infinity;
  /** The largest order that was acknowledged, and counts for packets before it; -1 when none was. */
  largestAckedOrder: number = -1;
  /** The largest order that was acknowledged at all; above the other only where routes share a space. */
  largestReportedOrder: number = -1;
  /** Packets that other routes' ACK frames reported. */
  readonly early: EarlyAcks = new EarlyAcks();
  /** Packets lost in a row, for persistent congestion. */
  readonly lostRun: LostRun = new LostRun();
  #ring: (SentPacket<R> | undefined)[] = new Array(FIRST_CAPACITY).fill(undefined);
  /** All orders below it are settled. */
  #base = 0;
  #next = 0;
  /** Declared lost, in ascending order from `#lostStart`; some may have been acknowledged since. */
  #lost: SentPacket<R>[] = [];
  #lostStart = 0;
  /** Orders of outstanding packets that elicit nothing, as a ring of the last {@linkcode MAX_QUIET_KEPT}. */
  readonly #quiet: number[] = [];
  #quietNext = 0;

  /** Nothing is outstanding on the route. */
  constructor(route: number) {
    this.route = route;
  }

  /** Whether nothing is outstanding nor remembered as lost. */
  get isIdle(): boolean {
    return this.outstanding === 0 && this.#lost.length === this.#lostStart;
  }

  /** All outstanding packets have this order or a higher one. */
  get base(): number {
    return this.#base;
  }

  /** The order of the next packet. */
  get next(): number {
    return this.#next;
  }

  /** The packet of that order when it is outstanding; the order is within `base` to `next - 1`. */
  at(order: number): SentPacket<R> | undefined {
    return this.#ring[order & (this.#ring.length - 1)];
  }

  /** Takes a packet in and gives it its order. */
  add(packet: SentPacket<R>): void {
    if (this.#next - this.#base === this.#ring.length) this.#grow();
    packet.order = this.#next++;
    this.#ring[packet.order & (this.#ring.length - 1)] = packet;
    this.outstanding++;
    if (packet.inFlight) this.inFlight += packet.size;
    if (packet.ackEliciting) {
      this.eliciting++;
      this.lastElicitingAt = packet.sentAt;
    } else {
      this.#keepQuiet(packet.order);
    }
  }

  /** Takes an outstanding packet out; {@linkcode settle} must follow when a row of removals is over. */
  remove(packet: SentPacket<R>): void {
    this.#ring[packet.order & (this.#ring.length - 1)] = undefined;
    this.outstanding--;
    if (packet.inFlight) this.inFlight -= packet.size;
    if (packet.ackEliciting) this.eliciting--;
  }

  /** Moves `base` up to the first outstanding packet. */
  settle(): void {
    const mask = this.#ring.length - 1;
    while (this.#base < this.#next && this.#ring[this.#base & mask] === undefined) this.#base++;
  }

  /** Remembers a removed packet as lost. */
  keepLost(packet: SentPacket<R>): void {
    this.#lost.push(packet);
    if (this.#lost.length - this.#lostStart > MAX_LOST_KEPT) this.#lostStart++;
    this.#compactLost();
  }

  /** Forgets packets declared lost before `time`. */
  forgetLostBefore(time: number): void {
    while (this.#lostStart < this.#lost.length && this.#lost[this.#lostStart]!.lostAt < time) this.#lostStart++;
    this.#compactLost();
  }

  /** Lists those lost packets in `into` that the ACK's ranges contain, and makes them acknowledged. */
  takeSpurious(ranges: readonly number[], into: SentPacket<R>[]): void {
    const smallest = ranges[ranges.length - 1]!;
    let pair = 0;
    for (let i = this.#lost.length - 1; i >= this.#lostStart; i--) {
      const packet = this.#lost[i]!;
      if (packet.number < smallest) return;
      while (ranges[pair + 1]! > packet.number) pair += 2;
      if (ranges[pair]! < packet.number || packet.fate !== "lost") continue;
      packet.fate = "acked";
      this.lostRun.clear();
      into.push(packet);
    }
  }

  #keepQuiet(order: number): void {
    if (this.#quiet.length < MAX_QUIET_KEPT) {
      this.#quiet.push(order);
      return;
    }
    const oldest = this.#quiet[this.#quietNext]!;
    this.#quiet[this.#quietNext] = order;
    this.#quietNext = (this.#quietNext + 1) % MAX_QUIET_KEPT;
    const packet = oldest >= this.#base ? this.at(oldest) : undefined;
    if (packet === undefined || packet.order !== oldest) return;
    packet.fate = "dropped";
    this.remove(packet);
    this.settle();
  }

  #compactLost(): void {
    if (this.#lostStart === this.#lost.length) {
      this.#lost.length = 0;
      this.#lostStart = 0;
    } else if (this.#lostStart >= 64 && 2 * this.#lostStart >= this.#lost.length) {
      this.#lost.splice(0, this.#lostStart);
      this.#lostStart = 0;
    }
  }

  #grow(): void {
    const from = this.#ring;
    const to: (SentPacket<R> | undefined)[] = new Array(2 * from.length).fill(undefined);
    for (let order = this.#base; order < this.#next; order++) {
      to[order & (to.length - 1)] = from[order & (from.length - 1)];
    }
    this.#ring = to;
  }
}
