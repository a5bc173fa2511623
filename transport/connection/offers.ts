import type { PathId, Work, WorkKind } from "../../schedulers/scheduler.ts";
import type { FrameRecord, PacketWriter } from "../base/frame_owner.ts";
import type { Datagrams, DatagramWork } from "../streams/datagrams.ts";
import type { CopyScope } from "../streams/send_buffer.ts";
import { StreamRecord, type StreamWork } from "../streams/send_work.ts";
import type { StreamSet } from "../streams/stream_set.ts";

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

/** Of which streams and datagrams something is wanted: of all but those pinned to a path that has no room, or of those pinned. */
export type Whose = "any" | "pinned";

/**
 * What application data there is to send, as offers; and the pins of streams and datagrams to paths. What is pinned goes on
 * its path only, and no scheduler is asked about it; while there are no pins none of this costs anything.
 */
export class Offers {
  readonly #streams: StreamSet;
  readonly #datagrams: Datagrams;
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
  readonly #any = (id: number): boolean => this.#mayGo(this.#pins.get(id));
  readonly #pinned = (id: number): boolean => this.#isRoomy(this.#pins.get(id));
  readonly #free = (id: number): boolean => !this.#pins.has(id);
  readonly #onTarget = (id: number): boolean => (this.#pins.get(id) ?? this.#target) === this.#target;
  readonly #pinnedToTarget = (id: number): boolean => this.#pins.get(id) === this.#target;
  readonly #anyPin = (pin: PathId | undefined): boolean => this.#mayGo(pin);
  readonly #roomyPin = (pin: PathId | undefined): boolean => this.#isRoomy(pin);
  readonly #targetPin = (pin: PathId | undefined): boolean => pin === this.#target;

  constructor(streams: StreamSet, datagrams: Datagrams) {
    this.#streams = streams;
    this.#datagrams = datagrams;
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

  /** The next stream work. The same object each time, and not for plugins: see `offered`. */
  stream(kind: "retransmit" | "stream", whose: Whose): StreamWork | undefined {
    if (this.#pins.size === 0) return whose === "any" ? this.#streams.nextWork(kind) : undefined;
    return this.#streams.nextWork(kind, whose === "any" ? this.#any : this.#pinned);
  }

  /** The next datagram. The same object each time, and not for plugins: see `offered`. */
  datagram(whose: Whose, now: number): DatagramWork | undefined {
    return this.#datagrams.nextWork(now, whose === "any" ? this.#anyPin : this.#roomyPin);
  }

  /** The next data in flight that may go once more on this path. */
  reinject(path: PathId, scope: CopyScope): StreamWork | undefined {
    return this.#streams.nextReinject(path, scope, this.#pins.size === 0 ? undefined : this.#free);
  }

  /** What waits, as plugins may see it; the same object for each kind. */
  offered(waiting: Waiting): Work {
    const work = this.#works[waiting.kind];
    fill(work, waiting);
    return work;
  }

  /** Fills a packet with stream work of this kind: of the stream first, then of others that may go there. */
  writeStream(kind: "retransmit" | "stream", packet: PacketWriter, id: number, onlyPinned: boolean): boolean {
    return this.#streams.writeWork(kind, packet, id, this.#acceptFor(packet, onlyPinned));
  }

  /** Fills a packet with datagrams that may go there; `forCopies`: so that they can be copied, if the peer allows it. */
  writeDatagrams(packet: PacketWriter, onlyPinned: boolean, forCopies: boolean): boolean {
    this.#target = packet.path;
    return this.#datagrams.writeWork(packet, forCopies, onlyPinned ? this.#targetPin : undefined);
  }

  /** Fills a packet with copies of what is in flight elsewhere. */
  writeReinject(packet: PacketWriter, scope: CopyScope): boolean {
    return this.#streams.writeReinject(packet, scope, this.#pins.size === 0 ? undefined : this.#free);
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

  /** The stream with new data that may go into what is left of a packet. */
  nextFor(packet: PacketWriter, onlyPinned: boolean): StreamWork | undefined {
    return this.#streams.nextWork("stream", this.#acceptFor(packet, onlyPinned));
  }

  #acceptFor(packet: PacketWriter, onlyPinned: boolean): ((id: number) => boolean) | undefined {
    this.#target = packet.path;
    if (onlyPinned) return this.#pinnedToTarget;
    return this.#pins.size === 0 ? undefined : this.#onTarget;
  }

  #mayGo(pin: PathId | undefined): boolean {
    return pin === undefined || this.roomy.includes(pin);
  }

  #isRoomy(pin: PathId | undefined): boolean {
    return pin !== undefined && this.roomy.includes(pin);
  }
}
