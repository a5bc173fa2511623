/**
 * One frame that must arrive once, whatever it takes (HANDSHAKE_DONE, PING).
 *
 * | State     | want                      | written   | acked     | lost (last copy)           | cancel |
 * |-----------|---------------------------|-----------|-----------|----------------------------|--------|
 * | idle      | wanted                    | –         | –         | –                          | idle   |
 * | wanted    | –                         | in-flight | delivered | –                          | idle   |
 * | in-flight | –; wanted if sent once    | –         | delivered | wanted; idle if sent once  | idle   |
 * | delivered | wanted                    | –         | –         | –                          | idle   |
 *
 * @module
 */
import type { Frame, FrameKind } from "../wire/frames/types.ts";
import type { FrameOwner, FrameRecord, PacketTarget, PacketWriter, ReceivedPacket } from "./frame_owner.ts";
import type { Level, PathId } from "./role.ts";

/** Where something that is to be delivered stands. */
export type DeliveryState = "idle" | "wanted" | "in-flight" | "delivered";

/** What the synchronisers {@linkcode Flag}, `Latest` and `QueueOf` have in common. */
export interface DeliveryOptions {
  /** Levels at which the frame may go; default: "application" only. */
  readonly levels?: readonly Level[];
}

/** Options of a {@linkcode Flag}. */
export interface FlagOptions extends DeliveryOptions {
  /** "until-acked" (default): sent again when lost; "once": a loss ends it (a PING that only keeps a path alive). */
  readonly repeat?: "until-acked" | "once";
  /** Called once per delivery, from within `onAcked`. */
  readonly onDelivered?: (now: number) => void;
}

/** Levels of a frame that says nothing else. */
export const ONLY_APPLICATION: readonly Level[] = ["application"];

interface FlagRecord extends FrameRecord {
  readonly version: number;
  /** How often the value had been offered again when it was sent. */
  readonly offers: number;
}

/**
 * Delivers one frame at least once (RFC 9000 §13.3). It is the owner of its own records; the part that has it asks
 * `hasFrames` and calls `writeFrames`, and never hears of the records again.
 */
export class Flag<F extends Frame> implements FrameOwner {
  /** Nothing is routed to a synchroniser. */
  readonly receives: readonly FrameKind[] = [];
  readonly #frame: F;
  readonly #levels: readonly Level[];
  readonly #once: boolean;
  readonly #onDelivered: ((now: number) => void) | undefined;
  #state: DeliveryState = "idle";
  #version = 0;
  /** How often it was offered again; what was sent before the last time no longer counts. */
  #offers = 0;
  /** Copies in flight that count. */
  #copies = 0;
  #path: PathId = -1;

  /** A flag that is idle. */
  constructor(frame: F, options: FlagOptions = {}) {
    this.#frame = frame;
    this.#levels = options.levels ?? ONLY_APPLICATION;
    this.#once = options.repeat === "once";
    this.#onDelivered = options.onDelivered;
  }

  /** Where the frame stands. */
  get state(): DeliveryState {
    return this.#state;
  }

  /**
   * Asks for a delivery; nothing changes while one is under way. What is sent once may be in flight on a path that is silent
   * for ever, where nobody finds it lost: each wish for it is a new one.
   */
  want(): void {
    if (this.#state === "wanted" || (this.#state === "in-flight" && !this.#once)) return;
    this.#state = "wanted";
    this.#version++;
    this.#copies = 0;
  }

  /** Gives the delivery up; what is in flight no longer matters. */
  cancel(): void {
    this.#state = "idle";
    this.#version++;
  }

  /**
   * What is in flight on this path may be written again elsewhere, without being lost (RFC 10069 §5.7). It is not counted on
   * any more: should what is written now be lost, it goes again.
   */
  offerAgain(path: PathId): void {
    if (this.#state !== "in-flight" || this.#path !== path || this.#once) return;
    this.#state = "wanted";
    this.#offers++;
    this.#copies = 0;
  }

  /** Never called: nothing is routed here. */
  onFrame(frame: Frame, _packet: ReceivedPacket): void {
    throw new TypeError(`A flag receives no frames, got "${frame.kind}"`);
  }

  /** Whether the frame waits for a packet of this level. */
  hasFrames(target: PacketTarget): boolean {
    return this.#state === "wanted" && this.#levels.includes(target.level);
  }

  /** Writes the frame if it waits and fits. */
  writeFrames(packet: PacketWriter): void {
    if (this.hasFrames(packet)) this.#write(packet);
  }

  /** Writes a frame in flight once more. */
  writeAgain(record: FrameRecord, packet: PacketWriter): boolean {
    if ((record as FlagRecord).version !== this.#version) return false;
    if (this.#state !== "wanted" && this.#state !== "in-flight") return false;
    return this.#levels.includes(packet.level) && this.#write(packet);
  }

  /** The frame arrived. */
  onAcked(record: FrameRecord, now: number): void {
    if ((record as FlagRecord).version !== this.#version) return;
    if (this.#state !== "wanted" && this.#state !== "in-flight") return;
    this.#state = "delivered";
    this.#onDelivered?.(now);
  }

  /** A copy of the frame is gone. */
  onLost(record: FrameRecord, _now: number): void {
    const { version, offers } = record as FlagRecord;
    if (version !== this.#version || offers !== this.#offers || this.#copies === 0) return;
    this.#copies--;
    if (this.#copies === 0 && this.#state === "in-flight") this.#state = this.#once ? "idle" : "wanted";
  }

  #write(packet: PacketWriter): boolean {
    const record: FlagRecord = { owner: this, version: this.#version, offers: this.#offers };
    if (!packet.write(this.#frame, record)) return false;
    this.#state = "in-flight";
    this.#copies++;
    this.#path = packet.path;
    return true;
  }
}
