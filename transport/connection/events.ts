import type { QuicError } from "../base/errors.ts";
import type { HintEvent } from "../paths/hints.ts";
import type { PathEvent } from "../paths/path_events.ts";
import type { ModeRequestEvent } from "../streams/mode_requests.ts";
import type { StreamEvent } from "../streams/stream_events.ts";

/** What the application learns of a connection, in order. */
export type ConnectionEvent =
  /** The handshake is complete at this end; the application may send and receive. */
  | { readonly type: "connected"; readonly alpn: string }
  /** The handshake is confirmed (RFC 9001 §4.1.2). */
  | { readonly type: "confirmed" }
  | StreamEvent
  /** A DATAGRAM arrived; the array is the receiver's to keep. */
  | { readonly type: "datagram"; readonly data: Uint8Array }
  /** What became of a DATAGRAM that was sent with an id. */
  | { readonly type: "datagram_fate"; readonly id: number; readonly acked: boolean }
  /** Something happened to a path. */
  | PathEvent
  /** The peer gave a hint: a signal has a new value, a mode is asked for, a path is described. */
  | HintEvent
  /** The client asks this server to send on a stream in a mode. */
  | ModeRequestEvent
  /** The scheduler threw, gave an answer that cannot be, or held for too long: min-RTT answered in its place. */
  | { readonly type: "scheduler_fault"; readonly scheduler: string; readonly fault: string }
  /** The scheduler made too many faults, of which `reason` is the last: min-RTT has taken its place for good. */
  | { readonly type: "scheduler_replaced"; readonly scheduler: string; readonly reason: string }
  /** The connection is over, whoever ended it; the last event. */
  | { readonly type: "closed"; readonly error: QuicError };

/**
 * Events wait here until the application takes them; nothing is called out. "closed" waits until all else is taken, and what
 * the timers of a closing connection still bring about is no news any more.
 */
export class EventQueue {
  #events: ConnectionEvent[] = [];
  #at = 0;
  #closed: ConnectionEvent | undefined;
  #isOver = false;

  push(event: ConnectionEvent): void {
    if (this.#isOver) return;
    if (event.type === "closed") {
      this.#closed = event;
      this.#isOver = true;
    } else this.#events.push(event);
  }

  /** The next event but "closed". */
  next(): ConnectionEvent | undefined {
    if (this.#at === this.#events.length) {
      if (this.#at > 0) {
        this.#events = [];
        this.#at = 0;
      }
      return undefined;
    }
    return this.#events[this.#at++];
  }

  /** The last event, once. */
  takeClosed(): ConnectionEvent | undefined {
    const closed = this.#closed;
    this.#closed = undefined;
    return closed;
  }
}
