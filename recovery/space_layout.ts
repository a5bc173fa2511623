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
  /** Whether all paths are numbered in one space: ACK frames then speak of several, and ECN counts of none in particular. */
  readonly isShared: boolean;
  /** The space that numbers the packets of a path. */
  spaceOf(path: number): number;
  /** The path id that goes into the nonce (RFC 10069 §2.4). */
  noncePathOf(path: number): number;
  /** The path id that the ACK frame names; `undefined` for a plain ACK. */
  ackPathOf(path: number, multipath: boolean): number | undefined;
  /** The number from which a packet's number must be told apart by its lowest bytes (RFC 9000 §17.1); may be below 0. */
  numberBase(number: number, largestAcked: number): number;
}

/**
 * Packets that the other paths may send and bring to the peer while one is on its way: the peer takes the lowest bytes of a
 * number for the one that is nearest to the largest it has. Makes numbers of three bytes, which are good for 8 million packets.
 */
const OVERTAKING = 2 ** 15;

/** A space per path, nonces with the path id, PATH_ACK frames once multipath is negotiated (RFC 10069 §2.3, §2.4). */
export function multipleSpaces(): SpaceLayout {
  return {
    name: "multiple",
    isShared: false,
    spaceOf: (path) => path,
    noncePathOf: (path) => path,
    ackPathOf: (path, multipath) => multipath ? path : undefined,
    numberBase: (_number, largestAcked) => largestAcked,
  };
}

/** One space, nonces of RFC 9001, plain ACK frames. Not in the standard: both ends must be ours. */
export function singleSpace(): SpaceLayout {
  return {
    name: "single",
    isShared: true,
    spaceOf: () => 0,
    noncePathOf: () => 0,
    ackPathOf: () => undefined,
    numberBase: (number, largestAcked) => Math.min(largestAcked, number - OVERTAKING),
  };
}
