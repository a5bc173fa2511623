/**
 * Stateless resets (RFC 9000 §10.3): datagrams that look like short-header packets and end in a token.
 *
 * @module
 */
import { WireError } from "./reader.ts";

/** Bytes of a stateless reset token. */
export const STATELESS_RESET_TOKEN_LENGTH = 16;

/** The shortest stateless reset, in bytes (RFC 9000 §10.3). */
export const MIN_STATELESS_RESET = 21;

/** The size of a reset where the packet that it answers allows it: longer ones hide it no better (RFC 9000 §10.3). */
const USUAL_STATELESS_RESET = 43;

/**
 * How many bytes the answer to a packet of `triggerSize` bytes should have: always fewer than the packet, so that two ends
 * cannot answer each other for ever (RFC 9000 §10.3.3). `undefined`: the packet is too short to be answered.
 */
export function statelessResetSize(triggerSize: number): number | undefined {
  if (triggerSize <= MIN_STATELESS_RESET) return undefined;
  return Math.min(triggerSize - 1, USUAL_STATELESS_RESET);
}

/**
 * Writes a stateless reset of `size` bytes (see {@linkcode statelessResetSize}) to the start of `into` and returns `size`.
 * `random` fills what is not token with unpredictable bytes.
 *
 * @throws {WireError} when `size` is less than 21 or does not fit, or the token does not have 16 bytes.
 */
export function writeStatelessReset(
  into: Uint8Array,
  token: Uint8Array,
  size: number,
  random: (into: Uint8Array) => void,
): number {
  if (!(size >= MIN_STATELESS_RESET && size <= into.length)) {
    throw new WireError(`Stateless reset has ${size} bytes, must have ${MIN_STATELESS_RESET} to ${into.length}`);
  }
  if (token.length !== STATELESS_RESET_TOKEN_LENGTH) {
    throw new WireError(`Stateless reset token has ${token.length} bytes, must have ${STATELESS_RESET_TOKEN_LENGTH}`);
  }
  const tokenAt = size - STATELESS_RESET_TOKEN_LENGTH;
  random(into.subarray(0, tokenAt));
  into[0] = 0x40 | into[0]! & 0x3f;
  into.set(token, tokenAt);
  return size;
}

/**
 * What would be the token if the datagram were a stateless reset: a view of its last 16 bytes; `undefined` when it is too
 * short. The first byte is not looked at: a reset may look like a long header (RFC 9000 §10.3).
 */
export function resetTokenOf(datagram: Uint8Array): Uint8Array | undefined {
  if (datagram.length < MIN_STATELESS_RESET) return undefined;
  return datagram.subarray(datagram.length - STATELESS_RESET_TOKEN_LENGTH);
}

/** Whether two tokens are the same, in a time that does not depend on where they differ (RFC 9000 §10.3.1). */
export function sameResetToken(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= a[i]! ^ b[i]!;
  return difference === 0;
}
