import type { PathId, Work, WorkKind } from "../../schedulers/scheduler.ts";
import type { FrameRecord, PacketWriter } from "../base/frame_owner.ts";
import type { AcceptDatagram, Datagrams, DatagramWork } from "../streams/datagrams.ts";
import type { CopyScope } from "../streams/send_buffer.ts";
import type { Lane } from "../streams/lane.ts";
import { type Accept, StreamRecord, type StreamWork } from "../streams/send_work.ts";
import type { StreamSet } from "../streams/stream_set.ts";
import type { SchedulerSeat } from "./scheduler_seat.ts";
import type { SchedulerSeats } from "./scheduler_seats.ts";

/** Pins are looked through for closed streams when there are this many, then when there are twice as many as were left. */
const TIDY_PINS_AT = 64;

/** What waits, of whatever sort. */
type Waiting = StreamWork | DatagramWork;

/** Sets the figures of an {@linkcode OfferedWork}; only this module can. */
let fill: (offered: OfferedWork, waiting: Waiting) => void;

/** {@linkcode Work} as plugins get it: one object per kind, whose figures only the core can change. */
class OfferedWork implements Work {
  readonly #kind: WorkKind;
  #bytes = 0;
  #streamId = -1;
  #urgency = 0;
  #deadline = Infinity;
  #lastPath = -1;
  #firstSentAt = -1;

  constructor(kind: WorkKind) {
    this.#kind = kind;
    Object.freeze(this);
  }

  get kind(): WorkKind {
    return this.#kind;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get streamId(): number {
    return this.#streamId;
  }

  get urgency(): number {
    return this.#urgency;
  }

  get deadline(): number {
    return this.#deadline;
  }

  get lastPath(): PathId {
    return this.#lastPath;
  }

  get firstSentAt(): number {
    return this.#firstSentAt;
  }

  static {
    fill = (offered, waiting) => {
      offered.#bytes = waiting.bytes;
      offered.#streamId = waiting.streamId;
      offered.#urgency = waiting.urgency;
      offered.#deadline = waiting.deadline;
      offered.#lastPath = waiting.lastPath;
      offered.#firstSentAt = waiting.firstSentAt;
    };
  }
}

Object.freeze(OfferedWork.prototype);

/** The kinds of work as bits of `SchedulerSeat.held`. */
export const KIND_BIT: Readonly<Record<WorkKind, number>> = { retransmit: 1, stream: 2, datagram: 4, reinject: 8 };

/**
 * What application data there is to send, as offers; the pins of streams and datagrams to paths, and who decides about each.
 * What is pinned goes on its path only, and no scheduler is asked about it; while there are no pins, and no schedulers but the
 * connection's, none of this costs anything.
 */
export class Offers {
  readonly #streams: StreamSet;
  readonly #datagrams: Datagrams;
  readonly #seats: () => SchedulerSeats;
  readonly #pins = new Map<number, PathId>();
  readonly #works: Readonly<Record<WorkKind, OfferedWork>> = {
    retransmit: new OfferedWork("retransmit"),
    stream: new OfferedWork("stream"),
    datagram: new OfferedWork("datagram"),
    reinject: new OfferedWork("reinject"),
  };
  /** Paths on which something pinned may go now; set before every round of questions. */
  readonly roomy: PathId[] = [];
  #tidyAt = TIDY_PINS_AT;
  #target: PathId = -1;
  #seat: SchedulerSeat | undefined;
  #bit = 0;
  readonly #open: Accept = (id) => this.#isOpen(this.#pins.get(id), this.#streams.laneOf(id));
  readonly #free: Accept = (id) => !this.#pins.has(id) && this.#isMine(this.#streams.laneOf(id));
  readonly #mine: Accept = (id) => this.#isMine(this.#streams.laneOf(id));
  readonly #onTarget: Accept = (id) => (this.#pins.get(id) ?? this.#target) === this.#target;
  readonly #pinnedToTarget: Accept = (id) => this.#pins.get(id) === this.#target;
  readonly #alsoOnTarget: Accept = (id) => {
    const pin = this.#pins.get(id);
    return pin === undefined ? this.#isMine(this.#streams.laneOf(id)) : pin === this.#target;
  };
  readonly #openDatagram: AcceptDatagram = (pin, lane) => this.#isOpen(pin, lane);
  readonly #targetDatagram: AcceptDatagram = (pin) => pin === this.#target;
  readonly #mineDatagram: AcceptDatagram = (pin, lane) => pin !== undefined || this.#isMine(lane);

  /** `seats`: who decides; made later than the offers. */
  constructor(streams: StreamSet, datagrams: Datagrams, seats: () => SchedulerSeats) {
    this.#streams = streams;
    this.#datagrams = datagrams;
    this.#seats = seats;
  }

  /** Lets a stream go on one path only; `undefined`: on any again. */
  pinStream(id: number, path: PathId | undefined): void {
    if (path === undefined) {
      this.#pins.delete(id);
      return;
    }
    this.#pins.set(id, path);
    if (this.#pins.size < this.#tidyAt) return;
    for (const stream of this.#pins.keys()) {
      if (this.#streams.stats(stream)?.sending === undefined) this.#pins.delete(stream);
    }
    this.#tidyAt = Math.max(TIDY_PINS_AT, 2 * this.#pins.size);
  }

  /** The only path of a stream; `undefined`: it may go on any. */
  pinOf(id: number): PathId | undefined {
    return this.#pins.get(id);
  }

  /** A path is over: the pins of streams to it fall away. */
  forgetPath(path: PathId): void {
    for (const [stream, pin] of this.#pins) if (pin === path) this.#pins.delete(stream);
  }

  /** Whether data in flight on a silent path waits to be copied. */
  get hasOffered(): boolean {
    return this.#streams.hasOffered;
  }

  /** Whether anything new or lost waits, wherever it may go. */
  hasWork(now: number): boolean {
    const streams = this.#streams;
    return streams.nextWork("stream") !== undefined || streams.nextWork("retransmit") !== undefined ||
      streams.hasOffered || this.#datagrams.nextWork(now) !== undefined;
  }

  /** Whether anything new or lost waits about which this one decides. */
  hasWorkFor(seat: SchedulerSeat, now: number): boolean {
    const streams = this.#streams;
    this.#seat = seat;
    return streams.nextWork("stream", this.#mine) !== undefined ||
      streams.nextWork("retransmit", this.#mine) !== undefined ||
      this.#datagrams.nextWork(now, this.#mineDatagram) !== undefined;
  }

  /**
   * The next stream work that is pinned to a path with room, or about which no scheduler has said in this round that it holds
   * that kind. The same object each time, and not for plugins: see `offered`.
   */
  stream(kind: "retransmit" | "stream"): StreamWork | undefined {
    const seats = this.#seats();
    this.#bit = KIND_BIT[kind];
    if (this.#pins.size > 0 || !seats.isAlone) return this.#streams.nextWork(kind, this.#open);
    return (seats.main.held & this.#bit) === 0 ? this.#streams.nextWork(kind) : undefined;
  }

  /** Likewise the next datagram. The same object each time, and not for plugins: see `offered`. */
  datagram(now: number): DatagramWork | undefined {
    this.#bit = KIND_BIT.datagram;
    return this.#datagrams.nextWork(now, this.#openDatagram);
  }

  /** The next data in flight that may go once more on this path, and about which this one decides. */
  reinject(path: PathId, scope: CopyScope, seat: SchedulerSeat): Waiting | undefined {
    const accept = this.#acceptCopies(seat);
    const datagram = scope === "all" ? this.#datagrams.nextCopy(path, seat.view.now, this.#mineDatagram) : undefined;
    return datagram ?? this.#streams.nextReinject(path, scope, accept);
  }

  /** What waits, as plugins may see it; the same object for each kind. */
  offered(waiting: Waiting): Work {
    const work = this.#works[waiting.kind];
    fill(work, waiting);
    return work;
  }

  /**
   * Fills a packet with stream work of this kind: of the stream first, then of others that may go there. Without a seat those
   * are what is pinned there; with one that, and what it decides about.
   */
  writeStream(
    kind: "retransmit" | "stream",
    packet: PacketWriter,
    id: number,
    seat: SchedulerSeat | undefined,
  ): boolean {
    this.#target = packet.path;
    this.#seat = seat;
    const isAll = seat !== undefined && this.#pins.size === 0 && this.#seats().isAlone;
    const accept = isAll ? undefined : seat === undefined ? this.#pinnedToTarget : this.#alsoOnTarget;
    return this.#streams.writeWork(kind, packet, id, accept);
  }

  /** Fills a packet with datagrams that may go there; `forCopies`: so that they can be copied, if the peer allows it. */
  writeDatagrams(packet: PacketWriter, forCopies: boolean, seat: SchedulerSeat | undefined): boolean {
    this.#target = packet.path;
    this.#seat = seat;
    const isAll = seat !== undefined && this.#seats().isAlone;
    const accept = isAll ? undefined : seat === undefined ? this.#targetDatagram : this.#mineDatagram;
    return this.#datagrams.writeWork(packet, forCopies, accept);
  }

  /** Fills a packet with copies of what is in flight elsewhere, and about which this one decides. */
  writeReinject(packet: PacketWriter, scope: CopyScope, seat: SchedulerSeat): void {
    const accept = this.#acceptCopies(seat);
    if (scope === "all") this.#datagrams.writeCopies(packet, this.#mineDatagram);
    this.#streams.writeReinject(packet, scope, accept);
  }

  /**
   * Writes once more what a packet's record stands for: stream data that is not pinned, and datagrams with a number. Control
   * frames need no copies: they go again when they are lost.
   */
  writeCopy(record: FrameRecord, packet: PacketWriter): boolean {
    if (record.owner === this.#datagrams) return this.#datagrams.writeAgain(record, packet);
    if (!(record instanceof StreamRecord) || this.#pins.has(record.streamId)) return false;
    return this.#streams.writeAgain(record, packet);
  }

  /** The stream with new data that may go into what is left of a packet, whoever decides about it. */
  nextFor(packet: PacketWriter, onlyPinned: boolean): StreamWork | undefined {
    this.#target = packet.path;
    const accept = onlyPinned ? this.#pinnedToTarget : this.#pins.size === 0 ? undefined : this.#onTarget;
    return this.#streams.nextWork("stream", accept);
  }

  #acceptCopies(seat: SchedulerSeat): Accept | undefined {
    this.#seat = seat;
    return this.#pins.size === 0 && this.#seats().isAlone ? undefined : this.#free;
  }

  /** Whether what is pinned so, or in this lane, may still go in this round. */
  #isOpen(pin: PathId | undefined, lane: Lane | undefined): boolean {
    return pin === undefined ? (this.#seats().of(lane).held & this.#bit) === 0 : this.roomy.includes(pin);
  }

  #isMine(lane: Lane | undefined): boolean {
    return this.#seats().of(lane) === this.#seat;
  }
}
