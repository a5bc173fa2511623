import { KeyError } from "../../crypto/key_error.ts";
import type { KeyRing } from "../../crypto/key_ring.ts";
import { TransportError, TransportErrorCode } from "../base/errors.ts";
import type { Context, Timed } from "./context.ts";

/** When 1-RTT keys change: on request, when they are used enough, when the peer says so (RFC 9001 §6). */
export class KeyUpdates implements Timed {
  readonly #context: Context;
  readonly #keys: KeyRing;
  readonly #largestPto: () => number;
  #wanted = false;
  #discardAt = Infinity;

  constructor(context: Context, keys: KeyRing, largestPto: () => number) {
    this.#context = context;
    this.#keys = keys;
    this.#largestPto = largestPto;
  }

  /** The application wants new keys; they come as soon as the rules allow. */
  request(): void {
    this.#wanted = true;
  }

  /** How long closing and draining last (RFC 9000 §10.2, RFC 10069 §2.6): three times the largest PTO. */
  get closingPeriod(): number {
    return 3 * this.#largestPto();
  }

  /** Called before packets are built. */
  beforeSending(now: number): void {
    const delay = 3 * this.#largestPto();
    const updated = this.#wanted ? this.#keys.update(delay, now) : this.#keys.updateIfDue(delay, now);
    if (!updated) return;
    this.#wanted = false;
    this.#trace("local_update", now);
  }

  /** The first packet with new keys of the peer was opened. */
  onPeerUpdate(now: number): void {
    this.#discardAt = now + 3 * this.#largestPto();
    this.#trace("remote_update", now);
  }

  nextTimeout(): number {
    return this.#discardAt;
  }

  onTimeout(_now: number): void {
    this.#discardAt = Infinity;
    this.#keys.discardOldKeys();
  }

  #trace(trigger: "local_update" | "remote_update", now: number): void {
    this.#context.observer?.on("quic:key_updated", {
      keyType: "application",
      trigger,
      phase: this.#keys.generation,
    }, now);
  }
}

/**
 * What the connection ends with after a fault: a peer's as it was thrown, one of packet protection by its code, and one of
 * this implementation or of a plugin as INTERNAL_ERROR, with the original as its cause.
 */
export function faultOf(error: unknown): TransportError {
  if (error instanceof TransportError) return error;
  if (error instanceof KeyError) {
    const { AEAD_LIMIT_REACHED, KEY_UPDATE_ERROR } = TransportErrorCode;
    return new TransportError(error.kind === "aead_limit" ? AEAD_LIMIT_REACHED : KEY_UPDATE_ERROR, error.message);
  }
  const message = error instanceof Error ? error.message : String(error);
  const fault = new TransportError(TransportErrorCode.INTERNAL_ERROR, message);
  fault.cause = error;
  return fault;
}
