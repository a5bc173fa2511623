import { IdleTimeoutError } from "../base/errors.ts";
import type { Context, Timed } from "./context.ts";
import type { Lifecycle } from "./lifecycle.ts";

/**
 * The idle timeout, one for the whole connection (RFC 9000 §10.1, RFC 10069 §5.9), and the keep-alive that avoids it.
 * Restarted by every packet that is processed, and by the first ack-eliciting packet sent after one.
 */
export class Idle implements Timed {
  readonly #context: Context;
  readonly #lifecycle: Lifecycle;
  readonly #largestPto: () => number;
  readonly #startedAt: number;
  #restartedAt: number;
  #lastActivity: number;
  #sentSinceReceived = false;
  #pingDue = false;

  constructor(context: Context, lifecycle: Lifecycle, largestPto: () => number, now: number) {
    this.#context = context;
    this.#lifecycle = lifecycle;
    this.#largestPto = largestPto;
    this.#startedAt = now;
    this.#restartedAt = now;
    this.#lastActivity = now;
  }

  onReceived(now: number): void {
    this.#restartedAt = now;
    this.#lastActivity = now;
    this.#sentSinceReceived = false;
  }

  onElicitingSent(now: number): void {
    this.#lastActivity = now;
    this.#pingDue = false;
    if (this.#sentSinceReceived) return;
    this.#sentSinceReceived = true;
    this.#restartedAt = now;
  }

  /** Whether the keep-alive wants a PING. */
  get pingDue(): boolean {
    return this.#pingDue;
  }

  /** The timeout in force: the smaller of the two ends', at least three PTO; Infinity when neither has one. */
  get timeout(): number {
    const ours = this.#context.config.maxIdleTimeout;
    const theirs = this.#context.peer?.maxIdleTimeout ?? 0;
    const least = ours === 0 ? theirs : theirs === 0 ? ours : Math.min(ours, theirs);
    return least === 0 ? Infinity : Math.max(least, 3 * this.#largestPto());
  }

  nextTimeout(): number {
    if (!this.#lifecycle.isOpen) return Infinity;
    return Math.min(this.#restartedAt + this.timeout, this.#handshakeDeadline(), this.#keepAliveAt());
  }

  onTimeout(now: number): void {
    if (!this.#lifecycle.isOpen) return;
    const timeout = this.timeout;
    if (now >= this.#restartedAt + timeout) this.#lifecycle.discard(new IdleTimeoutError(timeout), now);
    else if (now >= this.#handshakeDeadline()) {
      const limit = this.#context.config.handshakeTimeout;
      this.#lifecycle.discard(new IdleTimeoutError(limit, `The handshake did not complete within ${limit} ms`), now);
    } else if (now >= this.#keepAliveAt()) this.#pingDue = true;
  }

  #handshakeDeadline(): number {
    return this.#lifecycle.state === "handshaking" ? this.#startedAt + this.#context.config.handshakeTimeout : Infinity;
  }

  #keepAliveAt(): number {
    const every = this.#context.config.keepAlive;
    if (every === 0 || this.#pingDue || !this.#lifecycle.isConfirmed) return Infinity;
    return this.#lastActivity + every;
  }
}
