/**
 * Many things of one kind, each of which must arrive once (NEW_CONNECTION_ID, RETIRE_CONNECTION_ID, PATH_ABANDON,
 * RESET_STREAM), in the order in which they were wanted.
 *
 * | An item is | want      | written   | acked (newest) | lost (last copy of newest) | cancel |
 * |------------|-----------|-----------|----------------|----------------------------|--------|
 * | idle       | wanted    | –         | –              | –                          | –      |
 * | wanted     | –         | in-flight | idle           | –                          | idle   |
 * | in-flight  | wanted    | –         | idle           | wanted                     | idle   |
 *
 * An item that is delivered is forgotten: it is idle again. To want an item that is in flight means that its value has
 * changed (MAX_STREAM_DATA): the older one no longer counts.
 *
 * @module
 */
import type { Frame, FrameKind } from "../wire/frames/types.ts";
import type { FrameOwner, FrameRecord, PacketTarget, PacketWriter, ReceivedPacket } from "./frame_owner.ts";
import type { Level, PathId } from "./role.ts";
import { type DeliveryOptions, ONLY_APPLICATION } from "./flag.ts";

/** Options of a {@linkcode QueueOf}. */
export interface QueueOfOptions<T> extends DeliveryOptions {
  /** Whether this item may go in a packet like this; default: any of the right level. Pure and cheap. */
  readonly mayGo?: (item: T, target: PacketTarget) => boolean;
  /** Called when an item is known to have arrived, from within `onAcked`, after it was forgotten. */
  readonly onDelivered?: (item: T, now: number) => void;
}

interface Entry<T> {
  readonly item: T;
  /** Copies in flight that count, of what was last wanted. */
  copies: number;
  /** How often it was offered again; what was sent before the last time no longer counts. */
  offers: number;
  /** Whether what was last wanted was ever sent. */
  isWritten: boolean;
  version: number;
  path: PathId;
}

interface QueueRecord<T> extends FrameRecord {
  readonly entry: Entry<T>;
  readonly version: number;
  /** How often the item had been offered again when it was sent. */
  readonly offers: number;
}

/** Delivers each of many things at least once (RFC 9000 §13.3). Items are told apart as keys of a `Map`. */
export class QueueOf<T, F extends Frame> implements FrameOwner {
  /** Nothing is routed to a synchroniser. */
  readonly receives: readonly FrameKind[] = [];
  readonly #make: (item: T, now: number) => F | undefined;
  readonly #levels: readonly Level[];
  readonly #mayGo: ((item: T, target: PacketTarget) => boolean) | undefined;
  readonly #onDelivered: ((item: T, now: number) => void) | undefined;
  readonly #entries = new Map<T, Entry<T>>();
  readonly #wanted = new Set<Entry<T>>();

  /**
   * An empty queue.
   *
   * @param make The frame that says this item now; `undefined` when nothing is left to say of it, which forgets it. It
   * may be called and its frame not written (no room), so making one must be harmless.
   */
  constructor(make: (item: T, now: number) => F | undefined, options: QueueOfOptions<T> = {}) {
    this.#make = make;
    this.#levels = options.levels ?? ONLY_APPLICATION;
    this.#mayGo = options.mayGo;
    this.#onDelivered = options.onDelivered;
  }

  /** Items wanted or in flight. */
  get size(): number {
    return this.#entries.size;
  }

  /** Where an item stands; a delivered one is forgotten, hence "idle". */
  stateOf(item: T): "idle" | "wanted" | "in-flight" {
    const entry = this.#entries.get(item);
    if (entry === undefined) return "idle";
    return this.#wanted.has(entry) ? "wanted" : "in-flight";
  }

  /** Asks for the delivery of an item, or, while it is in flight, of its new value. */
  want(item: T): void {
    let entry = this.#entries.get(item);
    if (entry === undefined) {
      entry = { item, copies: 0, offers: 0, isWritten: false, version: 0, path: -1 };
      this.#entries.set(item, entry);
    } else if (entry.isWritten) {
      // What was sent, even if it is lost, may turn out to have arrived, which must say nothing of the new value.
      entry.version++;
      entry.isWritten = false;
      entry.copies = 0;
    }
    this.#wanted.add(entry);
  }

  /** Gives an item up; what is in flight of it no longer matters. */
  cancel(item: T): void {
    const entry = this.#entries.get(item);
    if (entry !== undefined) this.#forget(entry);
  }

  /** Gives all items up. */
  clear(): void {
    for (const entry of this.#entries.values()) entry.version++;
    this.#entries.clear();
    this.#wanted.clear();
  }

  /**
   * What is in flight on this path may be written again elsewhere, without being lost (RFC 10069 §5.7). It is not counted on
   * any more: should what is written now be lost, it goes again.
   */
  offerAgain(path: PathId): void {
    for (const entry of this.#entries.values()) {
      if (entry.copies === 0 || entry.path !== path) continue;
      entry.offers++;
      entry.copies = 0;
      this.#wanted.add(entry);
    }
  }

  /** Never called: nothing is routed here. */
  onFrame(frame: Frame, _packet: ReceivedPacket): void {
    throw new TypeError(`A queue of things to deliver receives no frames, got "${frame.kind}"`);
  }

  /** Whether an item waits for a packet like this. */
  hasFrames(target: PacketTarget): boolean {
    if (this.#wanted.size === 0 || !this.#levels.includes(target.level)) return false;
    if (this.#mayGo === undefined) return true;
    for (const entry of this.#wanted) if (this.#mayGo(entry.item, target)) return true;
    return false;
  }

  /** Writes items that wait, in order, as long as they fit. */
  writeFrames(packet: PacketWriter): void {
    if (this.#wanted.size === 0 || !this.#levels.includes(packet.level)) return;
    for (const entry of this.#wanted) {
      if (this.#mayGo !== undefined && !this.#mayGo(entry.item, packet)) continue;
      // An item whose frame is no longer needed is gone now; one that stays did not fit, and the next would not either.
      if (!this.#write(entry, packet) && this.#entries.has(entry.item)) return;
    }
  }

  /** Writes an item in flight once more, if the record in flight is of its newest value. */
  writeAgain(record: FrameRecord, packet: PacketWriter): boolean {
    const { entry, version } = record as QueueRecord<T>;
    if (version !== entry.version || !this.#levels.includes(packet.level)) return false;
    if (this.#mayGo !== undefined && !this.#mayGo(entry.item, packet)) return false;
    return this.#write(entry, packet);
  }

  /** An item arrived. */
  onAcked(record: FrameRecord, now: number): void {
    const { entry, version } = record as QueueRecord<T>;
    if (version !== entry.version) return;
    this.#forget(entry);
    this.#onDelivered?.(entry.item, now);
  }

  /** A copy of an item is gone. */
  onLost(record: FrameRecord, _now: number): void {
    const { entry, version, offers } = record as QueueRecord<T>;
    if (version !== entry.version || offers !== entry.offers || entry.copies === 0) return;
    entry.copies--;
    if (entry.copies === 0) this.#wanted.add(entry);
  }

  #write(entry: Entry<T>, packet: PacketWriter): boolean {
    const frame = this.#make(entry.item, packet.now);
    if (frame === undefined) {
      this.#forget(entry);
      return false;
    }
    const record: QueueRecord<T> = { owner: this, entry, version: entry.version, offers: entry.offers };
    if (!packet.write(frame, record)) return false;
    this.#wanted.delete(entry);
    entry.isWritten = true;
    entry.copies++;
    entry.path = packet.path;
    return true;
  }

  /** Its version moves on, so that records in flight of it say nothing any more. */
  #forget(entry: Entry<T>): void {
    entry.version++;
    this.#entries.delete(entry.item);
    this.#wanted.delete(entry);
  }
}
