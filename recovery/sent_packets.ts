/**
 * What was sent in one packet number space and is not settled yet (RFC 9002 §A.1).
 *
 * @module
 */
import type { NamedPacket } from "./early_acks.ts";
import { RouteFlight } from "./route_flight.ts";
import type { SentPacket } from "./sent_packet.ts";

export { type PacketFate, SentPacket } from "./sent_packet.ts";

/** Skipped packet numbers that are remembered per space; older ones are no longer caught. */
export const MAX_SKIPPED_KEPT = 32;

/** Routes that are remembered without having packets outstanding. */
const MAX_IDLE_ROUTES = 8;

/** What an ACK frame says that was not known. */
export interface AckResult<R> {
  /**
   * A number in the frame that was never sent, or was skipped to catch a peer that acknowledges blindly
   * (RFC 9000 §21.4): a PROTOCOL_VIOLATION, and nothing of the frame was applied. -1 when there is none.
   */
  readonly unsent: number;
  /** Outstanding until now, in ascending order of numbers; those with `inFlight` leave flight with this. */
  readonly newlyAcked: SentPacket<R>[];
  /** Declared lost before, in no order: they left flight then, and the loss was spurious. */
  readonly spurious: SentPacket<R>[];
  /** The newly acknowledged packet whose number is the frame's Largest Acknowledged. */
  readonly largest: SentPacket<R> | undefined;
  /**
   * Whether the frame gives an RTT sample for the route of `largest`, `now - largest.sentAt`: there is a `largest` and
   * a packet of that route that elicits acknowledgments is newly acknowledged (RFC 9002 §5.1).
   */
  readonly isSample: boolean;
  /**
   * The packet that the frame begins with, if it is no news and routes share the space: frames that begin with packets of
   * other routes have reported it, this is the first to begin with it. It gives an RTT sample then (see `EarlyAcks`).
   */
  readonly early: NamedPacket | undefined;
  /** Whether the frame's Largest Acknowledged is above all before; else its ECN counts may be old (RFC 9000 §13.4.2.1). */
  readonly raisedLargest: boolean;
  /** How many of `newlyAcked` were sent as ECT(0). */
  readonly ect: number;
}

/**
 * The packets of one packet number space. Loss detection works per route, by the order in which the packets of this
 * space went over it; so the same code serves spaces of one route and of many.
 *
 * A packet with `inFlight` leaves flight exactly once: in `ack().newlyAcked`, in `detectLoss().lost`, or in `drain()`;
 * who counts bytes in flight subtracts its `size` there, and at no other time.
 */
export class SentPackets<R> {
  readonly #flights: RouteFlight<R>[] = [];
  /** Ascending; numbers that were jumped over. */
  readonly #skipped: number[] = [];
  #nextNumber = 0;
  #largestAcked = -1;
  #ectSent = 0;

  /** One above the highest number sent. */
  get nextNumber(): number {
    return this.#nextNumber;
  }

  /** The highest number acknowledged; -1 when none was. */
  get largestAcked(): number {
    return this.#largestAcked;
  }

  /** How many packets were sent as ECT(0) since the beginning. */
  get ectSent(): number {
    return this.#ectSent;
  }

  /** How many packets are outstanding. */
  get outstanding(): number {
    let sum = 0;
    for (const flight of this.#flights) sum += flight.outstanding;
    return sum;
  }

  /** Whether an outstanding packet elicits an acknowledgment. */
  get hasEliciting(): boolean {
    for (const flight of this.#flights) if (flight.eliciting > 0) return true;
    return false;
  }

  /** The lowest outstanding number; `nextNumber` when nothing is outstanding. */
  get lowestUnacked(): number {
    let lowest = this.#nextNumber;
    for (const flight of this.#flights) {
      if (flight.outstanding > 0) lowest = Math.min(lowest, flight.at(flight.base)!.number);
    }
    return lowest;
  }

  /**
   * Takes in a packet that was just sent and sets its `order`. Numbers between the last one and this are remembered as
   * skipped.
   *
   * @throws {RangeError} when the number is not above all before
   */
  add(packet: SentPacket<R>): void {
    if (packet.number < this.#nextNumber) {
      throw new RangeError(`Packet number is ${packet.number}: expected ${this.#nextNumber} or more`);
    }
    for (let n = Math.max(this.#nextNumber, packet.number - MAX_SKIPPED_KEPT); n < packet.number; n++) {
      this.#skipped.push(n);
      if (this.#skipped.length > MAX_SKIPPED_KEPT) this.#skipped.shift();
    }
    this.#nextNumber = packet.number + 1;
    if (packet.ecn) this.#ectSent++;
    this.#flightFor(packet.route).add(packet);
  }

  /**
   * Applies an ACK frame.
   *
   * @param ranges Pairs of largest and smallest, both included, in descending order, as `AckFrame.ranges` has them; at
   * least one
   * @param isShared Whether routes of several paths share the space; then {@linkcode raise} must be called for those of the
   * path that the frame begins with before losses are looked for
   */
  ack(ranges: readonly number[], isShared: boolean = false): AckResult<R> {
    const newlyAcked: SentPacket<R>[] = [];
    const spurious: SentPacket<R>[] = [];
    const largestInFrame = ranges[0]!;
    const unsent = this.#unsentIn(ranges);
    const raisedLargest = largestInFrame > this.#largestAcked && unsent < 0;
    if (unsent < 0) {
      if (raisedLargest) this.#largestAcked = largestInFrame;
      let sources = 0;
      for (const flight of this.#flights) {
        const before = newlyAcked.length;
        takeAcked(flight, ranges, newlyAcked);
        if (!isShared) flight.largestAckedOrder = flight.largestReportedOrder;
        flight.takeSpurious(ranges, spurious);
        if (newlyAcked.length > before) sources++;
      }
      if (sources > 1) newlyAcked.sort((a, b) => a.number - b.number);
    }
    const newest = newlyAcked[newlyAcked.length - 1];
    const largest = newest?.number === largestInFrame ? newest : undefined;
    let ect = 0;
    let isSample = false;
    for (const packet of newlyAcked) {
      if (packet.ecn) ect++;
      if (packet.ackEliciting && packet.route === largest?.route) isSample = true;
    }
    const early = isShared ? this.#noteEarly(newlyAcked, largest, largestInFrame) : undefined;
    return { unsent, newlyAcked, spurious, largest, isSample, early, raisedLargest, ect };
  }

  /**
   * Where routes share the space: a frame that begins with a packet of a path is complete as to that path, from there down.
   * Packets of the route before the order (before all that is acknowledged when it is absent) may count as lost from now on.
   */
  raise(route: number, order: number = Infinity): void {
    const flight = this.flight(route);
    if (flight === undefined) return;
    const reached = Math.min(order, flight.largestReportedOrder);
    flight.largestAckedOrder = Math.max(flight.largestAckedOrder, reached);
  }

  #noteEarly(acked: SentPacket<R>[], largest: SentPacket<R> | undefined, first: number): NamedPacket | undefined {
    let early: NamedPacket | undefined;
    if (largest !== undefined) this.flight(largest.route)?.early.pass(first);
    else for (const flight of this.#flights) early ??= flight.early.name(first);
    for (const packet of acked) if (packet !== largest) this.flight(packet.route)?.early.add(packet);
    return early;
  }

  /** The packets of a route, for loss detection; `undefined` when the route has had none lately. */
  flight(route: number): RouteFlight<R> | undefined {
    for (const flight of this.#flights) if (flight.route === route) return flight;
    return undefined;
  }

  /** Bytes in flight on the route, of this space. */
  inFlight(route: number): number {
    return this.flight(route)?.inFlight ?? 0;
  }

  /** How many packets on the route elicit acknowledgments and are outstanding. */
  elicitingInFlight(route: number): number {
    return this.flight(route)?.eliciting ?? 0;
  }

  /** When the last ack-eliciting packet went over the route, which a PTO counts from; `-Infinity` when none did. */
  lastElicitingAt(route: number): number {
    return this.flight(route)?.lastElicitingAt ?? -Infinity;
  }

  /** The largest order acknowledged on the route, -1 when there is none. */
  largestAckedOrder(route: number): number {
    return this.flight(route)?.largestAckedOrder ?? -1;
  }

  /** The oldest outstanding packet on the route that elicits an acknowledgment. */
  oldest(route: number): SentPacket<R> | undefined {
    const flight = this.flight(route);
    if (flight === undefined || flight.eliciting === 0) return undefined;
    for (let order = flight.base; order < flight.next; order++) {
      const packet = flight.at(order);
      if (packet?.ackEliciting) return packet;
    }
    return undefined;
  }

  /** Outstanding packets in the order of sending, route by route; of one route when it is given. */
  *unacked(route?: number): Generator<SentPacket<R>> {
    for (const flight of this.#flights) {
      if (route !== undefined && flight.route !== route) continue;
      for (let order = flight.base; order < flight.next; order++) {
        const packet = flight.at(order);
        if (packet !== undefined) yield packet;
      }
    }
  }

  /**
   * Takes all outstanding packets out, of one route when it is given: their keys or path are gone, nobody will
   * acknowledge them (RFC 9002 §6.4). Those with `inFlight` leave flight with this.
   */
  drain(route?: number): SentPacket<R>[] {
    const drained: SentPacket<R>[] = [];
    for (const flight of this.#flights) {
      if (route !== undefined && flight.route !== route) continue;
      for (let order = flight.base; order < flight.next; order++) {
        const packet = flight.at(order);
        if (packet === undefined) continue;
        packet.fate = "dropped";
        flight.remove(packet);
        drained.push(packet);
      }
      flight.settle();
      flight.forgetLostBefore(Infinity);
    }
    return drained;
  }

  /** Forgets packets of a route that were declared lost before `time`; later acknowledgments of them are nothing. */
  forgetLostBefore(route: number, time: number): void {
    this.flight(route)?.forgetLostBefore(time);
  }

  #flightFor(route: number): RouteFlight<R> {
    const known = this.flight(route);
    if (known !== undefined) return known;
    if (this.#flights.length >= MAX_IDLE_ROUTES) {
      const idle = this.#flights.findIndex((flight) => flight.isIdle);
      if (idle >= 0) this.#flights.splice(idle, 1);
    }
    const flight = new RouteFlight<R>(route);
    this.#flights.push(flight);
    return flight;
  }

  /** A number in the ranges that was not sent; -1 when there is none. */
  #unsentIn(ranges: readonly number[]): number {
    if (ranges[0]! >= this.#nextNumber) return ranges[0]!;
    const smallest = ranges[ranges.length - 1]!;
    let pair = 0;
    for (let i = this.#skipped.length - 1; i >= 0; i--) {
      const skipped = this.#skipped[i]!;
      if (skipped < smallest) break;
      while (ranges[pair + 1]! > skipped) pair += 2;
      if (ranges[pair]! >= skipped) return skipped;
    }
    return -1;
  }
}

/** Moves the flight's packets that the ranges contain to `into`, in ascending order. */
function takeAcked<R>(flight: RouteFlight<R>, ranges: readonly number[], into: SentPacket<R>[]): void {
  if (flight.outstanding === 0) return;
  const largest = ranges[0]!;
  // From the lowest range up, as the packets of a route ascend in number along with their order.
  let pair = ranges.length - 2;
  const before = into.length;
  for (let order = flight.base; order < flight.next; order++) {
    const packet = flight.at(order);
    if (packet === undefined) continue;
    if (packet.number > largest) break;
    while (ranges[pair]! < packet.number) pair -= 2;
    if (ranges[pair + 1]! > packet.number) continue;
    packet.fate = "acked";
    flight.remove(packet);
    into.push(packet);
    if (order > flight.largestReportedOrder) flight.largestReportedOrder = order;
  }
  if (into.length > before) flight.settle();
}
