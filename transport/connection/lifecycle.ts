import {
  ApplicationError,
  IdleTimeoutError,
  type QuicError,
  StatelessResetError,
  TransportError,
  VersionError,
} from "../base/errors.ts";
import type { Context, Timed } from "./context.ts";

/** Where a connection is in its life. */
export type ConnectionState = "handshaking" | "connected" | "closing" | "draining" | "closed";

/**
 * The life of a connection (RFC 9000 §10).
 *
 * | state       | event                         | next      |
 * |-------------|-------------------------------|-----------|
 * | handshaking | handshake complete            | connected |
 * | handshaking, connected | closed by this end | closing: CONNECTION_CLOSE is sent and repeated |
 * | handshaking, connected | CONNECTION_CLOSE received, stateless reset | draining: nothing is sent |
 * | closing     | anything received             | closing: CONNECTION_CLOSE again, less and less often |
 * | closing, draining | 3 PTO have passed       | closed    |
 * | any         | idle, version mismatch, no path left | closed: nothing is said |
 *
 * "Confirmed" (RFC 9001 §4.1.2) is a property of `connected`: it never changes the state.
 */
export class Lifecycle implements Timed {
  readonly #context: Context;
  #state: ConnectionState = "handshaking";
  #confirmed = false;
  #error: QuicError | undefined;
  #until = Infinity;

  constructor(context: Context) {
    this.#context = context;
  }

  get state(): ConnectionState {
    return this.#state;
  }

  get isConfirmed(): boolean {
    return this.#confirmed;
  }

  /** Why the connection ended, once it did. */
  get error(): QuicError | undefined {
    return this.#error;
  }

  /** Whether packets are still processed and data still sent. */
  get isOpen(): boolean {
    return this.#state === "handshaking" || this.#state === "connected";
  }

  complete(alpn: string, now: number): void {
    if (this.#state !== "handshaking") return;
    this.#move("connected", now);
    this.#context.events.push({ type: "connected", alpn });
  }

  confirm(): void {
    if (this.#state !== "connected" || this.#confirmed) return;
    this.#confirmed = true;
    this.#context.events.push({ type: "confirmed" });
  }

  /** This end closes; `period` is 3 PTO (RFC 9000 §10.2). */
  close(error: QuicError, period: number, now: number): void {
    if (!this.isOpen) return;
    this.#end("closing", error, now);
    this.#until = now + period;
  }

  /** The peer closed, or a stateless reset says that it has forgotten us. */
  drain(error: QuicError, period: number, now: number): void {
    if (this.#state === "closed" || this.#state === "draining") return;
    if (this.isOpen) {
      this.#end("draining", error, now);
      this.#until = now + period;
    } else {
      this.#move("draining", now);
    }
  }

  /** The connection ends without a word. */
  discard(error: QuicError, now: number): void {
    if (this.#state === "closed") return;
    if (this.isOpen) this.#end("closed", error, now);
    else this.#move("closed", now);
    this.#until = Infinity;
  }

  nextTimeout(): number {
    return this.#until;
  }

  onTimeout(now: number): void {
    this.#until = Infinity;
    this.#move("closed", now);
  }

  #end(state: ConnectionState, error: QuicError, now: number): void {
    this.#error = error;
    this.#move(state, now);
    this.#context.events.push({ type: "closed", error });
    this.#context.observer?.on("quic:connection_closed", {
      byPeer: error.byPeer,
      trigger: triggerOf(error),
      code: error.code,
      reason: error.message,
    }, now);
  }

  #move(state: ConnectionState, now: number): void {
    this.#context.observer?.on("quic:connection_state_updated", { old: this.#state, new: state }, now);
    this.#state = state;
  }
}

function triggerOf(
  error: QuicError,
): "clean" | "application" | "error" | "idle_timeout" | "stateless_reset" | "version_mismatch" {
  if (error instanceof IdleTimeoutError) return "idle_timeout";
  if (error instanceof StatelessResetError) return "stateless_reset";
  if (error instanceof VersionError) return "version_mismatch";
  if (error instanceof ApplicationError) return "application";
  return error instanceof TransportError && error.code === 0 ? "clean" : "error";
}
