/**
 * Which packet number space, nonce and ACK frame belong to a path: one of each per path, as RFC 10069 has it, or one of
 * all for the connection, as its early drafts had it and as comparisons want it.
 *
 * @module
 */

/** How application data packets of a connection are numbered; the handshake has its own spaces always. */
export interface SpaceLayout {
  /** As it appears in configuration and traces. */
  readonly name: "multiple" | "single";
  /** The space that numbers the packets of a path. */
  spaceOf(path: number): number;
  /** The path id that goes into the nonce (RFC 10069 §2.4). */
  noncePathOf(path: number): number;
  /** The path id that the ACK frame names; `undefined` for a plain ACK. */
  ackPathOf(path: number, multipath: boolean): number | undefined;
}

/** A space per path, nonces with the path id, PATH_ACK frames once multipath is negotiated (RFC 10069 §2.3, §2.4). */
export function multipleSpaces(): SpaceLayout {
  return {
    name: "multiple",
    spaceOf: (path) => path,
    noncePathOf: (path) => path,
    ackPathOf: (path, multipath) => multipath ? path : undefined,
  };
}

/** One space, nonces of RFC 9001, plain ACK frames. Not in the standard: both ends must be ours. */
export function singleSpace(): SpaceLayout {
  return {
    name: "single",
    spaceOf: () => 0,
    noncePathOf: () => 0,
    ackPathOf: () => undefined,
  };
}
