/**
 * Stream ids (RFC 9000 §2.1): the lowest bit says who opened the stream (0: client), the next whether it is
 * unidirectional, the rest counts.
 *
 * @module
 */
import type { Role } from "../base/role.ts";

/** Whether data flows both ways or only from the end that opened the stream. */
export type StreamKind = "bidirectional" | "unidirectional";

/** The id of the `index`th (from 0) stream of a kind that an end opens. */
export function streamId(kind: StreamKind, initiator: Role, index: number): number {
  return index * 4 + (kind === "unidirectional" ? 2 : 0) + (initiator === "server" ? 1 : 0);
}

/** Whether only the end that opened the stream sends on it. */
export function isUnidirectional(id: number): boolean {
  // The bits that count are the lowest two: right for ids above 2^32 too, as bit operations keep the lowest 32.
  return (id & 2) !== 0;
}

/** The end that opened the stream. */
export function initiatorOf(id: number): Role {
  return (id & 1) === 0 ? "client" : "server";
}

/** The kind of the stream. */
export function kindOf(id: number): StreamKind {
  return isUnidirectional(id) ? "unidirectional" : "bidirectional";
}

/** How many streams of its kind were opened by its end before it. */
export function indexOf(id: number): number {
  return (id - (id & 3)) / 4;
}
