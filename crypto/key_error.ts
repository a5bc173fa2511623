/**
 * The faults of packet protection that end a connection.
 *
 * @module
 */

/**
 * Why: the peer broke the rules of key updates (KEY_UPDATE_ERROR), or a key or the connection is used up
 * (AEAD_LIMIT_REACHED).
 */
export type KeyErrorKind = "key_update_error" | "aead_limit";

/** A fault that must close the connection (RFC 9001 §6). */
export class KeyError extends Error {
  /** `"KeyError"`. */
  override name = "KeyError";
  /** What the connection closes with. */
  readonly kind: KeyErrorKind;

  /** `message` says the state, then what was expected. */
  constructor(kind: KeyErrorKind, message: string) {
    super(message);
    this.kind = kind;
  }
}
