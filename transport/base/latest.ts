/**
 * The newest value of something that must arrive (MAX_DATA, PATH_STATUS): only the newest counts, and the loss or the
 * acknowledgment of an older one is nothing.
 *
 * | State     | want (new value) | written   | acked (newest) | lost (last copy of newest) | older: acked, lost |
 * |-----------|------------------|-----------|----------------|----------------------------|--------------------|
 * | idle      | wanted           | –         | –              | –                          | –                  |
 * | wanted    | wanted           | in-flight | delivered      | –                          | –                  |
 * | in-flight | wanted           | –         | delivered      | wanted                     | –                  |
 * | delivered | wanted           | –         | –              | –                          | –                  |
 *
 * The frame is made when it is written, so that it always says what is true at that moment.
 *
 * @module
 */
import type { Frame, FrameKind } from "../wire/frames/types.ts";
import type { FrameOwner, FrameRecord, PacketTarget, PacketWriter, ReceivedPacket } from "./frame_owner.ts";
import type { Level, PathId } from "./role.ts";
import { type DeliveryOptions, type DeliveryState, ONLY_APPLICATION } from "./flag.ts";

/** Options of a {@linkcode Latest}. */
export interface LatestOptions extends DeliveryOptions {
  /** Whether it may go in a packet like this; default: in any of the right level. Pure and cheap. */
  readonly mayGo?: (target: PacketTarget) => boolean;
  /** Called when the newest value is known to have arrived, from within `onAcked`. */
  readonly onDelivered?: (now: number) => void;
}

interface LatestRecord extends FrameRecord {
  readonly version: number;
  /** How often the value had been offered again when it was sent. */
  readonly offers: number;
}

/** Delivers the newest value of something at least once (RFC 9000 §13.3). */
export class Latest<F extends Frame> implements FrameOwner {
  /** Nothing is routed to a synchroniser. */
  readonly receives: readonly FrameKind[] = [];
  readonly #make: (now: number) => F | undefined;
  readonly #levels: readonly Level[];
  readonly #mayGo: ((target: PacketTarget) => boolean) | undefined;
  readonly #onDelivered: ((now: number) => void) | undefined;
  #state: DeliveryState = "idle";
  #version = 0;
  /** Whether the newest value was ever sent. */
  #isWritten = false;
  /** How often it was offered again; what was sent before the last time no longer counts. */
  #offers = 0;
  /** Copies in flight that count. */
  #copies = 0;
  #path: PathId = -1;

  /**
   * A value that need not be delivered yet.
   *
   * @param make The frame with the value of this moment; `undefined` when there is no longer anything to say. It may be
   * called and its frame not written (no room), so making one must be harmless.
   */
  constructor(make: (now: number) => F | undefined, options: LatestOptions = {}) {
    this.#make = make;
    this.#levels = options.levels ?? ONLY_APPLICATION;
    this.#mayGo = options.mayGo;
    this.#onDelivered = options.onDelivered;
  }

  /** Where the newest value stands. */
  get state(): DeliveryState {
    return this.#state;
  }

  /** The value has changed and must be delivered; what is in flight is old from now on. */
  want(): void {
    // A value that nobody has sent yet is simply replaced: make() reads it when the frame is written. One that was sent and
    // is lost may still turn out to have arrived, which must say nothing of the new one.
    if (this.#state === "wanted" && !this.#isWritten) return;
    this.#state = "wanted";
    this.#version++;
    this.#isWritten = false;
    this.#copies = 0;
  }

  /** Gives the delivery up. */
  cancel(): void {
    this.#state = "idle";
    this.#version++;
    this.#isWritten = false;
    this.#copies = 0;
  }

  /**
   * What is in flight on this path may be written again elsewhere, without being lost (RFC 10069 §5.7). It is not counted on
   * any more: should what is written now be lost, it goes again.
   */
  offerAgain(path: PathId): void {
    if (this.#state !== "in-flight" || this.#path !== path) return;
    this.#state = "wanted";
    this.#offers++;
    this.#copies = 0;
  }

  /** Never called: nothing is routed here. */
  onFrame(frame: Frame, _packet: ReceivedPacket): void {
    throw new TypeError(`A value to deliver receives no frames, got "${frame.kind}"`);
  }

  /** Whether a value waits for a packet of this level. */
  hasFrames(target: PacketTarget): boolean {
    if (this.#state !== "wanted" || !this.#levels.includes(target.level)) return false;
    return this.#mayGo === undefined || this.#mayGo(target);
  }

  /** Writes the newest value if it waits and fits. */
  writeFrames(packet: PacketWriter): void {
    if (this.hasFrames(packet)) this.#write(packet);
  }

  /** Writes the newest value once more, if the record in flight is of the newest. */
  writeAgain(record: FrameRecord, packet: PacketWriter): boolean {
    if ((record as LatestRecord).version !== this.#version) return false;
    if (this.#state !== "wanted" && this.#state !== "in-flight") return false;
    return this.#levels.includes(packet.level) && this.#write(packet);
  }

  /** A value arrived. */
  onAcked(record: FrameRecord, now: number): void {
    if ((record as LatestRecord).version !== this.#version) return;
    if (this.#state !== "wanted" && this.#state !== "in-flight") return;
    this.#state = "delivered";
    this.#onDelivered?.(now);
  }

  /** A copy of a value is gone. */
  onLost(record: FrameRecord, _now: number): void {
    const { version, offers } = record as LatestRecord;
    if (version !== this.#version || offers !== this.#offers || this.#copies === 0) return;
    this.#copies--;
    if (this.#copies === 0 && this.#state === "in-flight") this.#state = "wanted";
  }

  #write(packet: PacketWriter): boolean {
    const frame = this.#make(packet.now);
    if (frame === undefined) {
      this.cancel();
      return false;
    }
    const record: LatestRecord = { owner: this, version: this.#version, offers: this.#offers };
    if (!packet.write(frame, record)) return false;
    this.#state = "in-flight";
    this.#isWritten = true;
    this.#copies++;
    this.#path = packet.path;
    return true;
  }
}
