/**
 * What the parts of the set of streams share: who delivers their control frames, and what is remembered of streams that
 * are gone.
 *
 * @module
 */
import type { FrameOwner } from "../base/frame_owner.ts";
import type { Level, PathId } from "../base/role.ts";

/** A synchroniser that delivers one kind of control frame. */
export interface Control extends FrameOwner {
  /** What is in flight on this path may be written again elsewhere. */
  offerAgain(path: PathId): void;
}

/** Frames of streams may go in 0-RTT packets too (RFC 9000 §12.5). */
export const STREAM_LEVELS: readonly Level[] = ["early", "application"];

/** How many ends of streams that are gone are remembered. */
export const REMEMBERED_ENDS = 256;

/** How a stream ended. */
export interface StreamEnd {
  /** The application's code. */
  readonly code: number;
  /** Whether the peer asked for it with STOP_SENDING. */
  readonly isStopped: boolean;
}

/** How the last streams that did not end well ended: so that a late call learns why. */
export class EndedStreams {
  readonly #ends = new Map<number, StreamEnd>();

  /** Remembers an end, and forgets the oldest if they are too many. */
  add(id: number, end: StreamEnd): void {
    this.#ends.set(id, end);
    if (this.#ends.size <= REMEMBERED_ENDS) return;
    for (const oldest of this.#ends.keys()) {
      this.#ends.delete(oldest);
      return;
    }
  }

  /** The end, if it is remembered. */
  get(id: number): StreamEnd | undefined {
    return this.#ends.get(id);
  }
}
