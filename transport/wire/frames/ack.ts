/**
 * ACK (RFC 9000 §19.3) and PATH_ACK (RFC 10069 §4.1): the same fields, but for the path id at the start of the latter.
 *
 * @module
 */
import { FrameType } from "../frame_types.ts";
import { type Reader, WireError } from "../reader.ts";
import { varintSize } from "../varint.ts";
import type { Writer } from "../writer.ts";
import type { AckFrame, EcnCounts } from "./types.ts";

/**
 * How many ranges of a received frame are kept: more than a datagram of Ethernet's size can hold. The ranges after these
 * are checked and left out; they are the oldest, and leaving them out is as if the frame had not named them.
 */
export const MAX_ACK_RANGES_READ = 1024;

/** Reads the fields of an ACK or PATH_ACK of the wire type `type`. */
export function readAck(r: Reader, type: number): AckFrame {
  const withPath = type === FrameType.PATH_ACK || type === FrameType.PATH_ACK_ECN;
  const path = withPath ? r.varint() : undefined;
  const largest = r.varint();
  const delay = r.varint();
  const count = r.varint();
  let smallest = below(largest, r.varint());
  const ranges = [largest, smallest];
  // Each further range takes two bytes at least, so that a count without the bytes for it is seen before any work.
  if (count > r.left / 2) throw new WireError(`ACK ends too early: ${count} more ranges in ${r.left} bytes`);
  for (let i = 0; i < count; i++) {
    const top = below(smallest, r.varint() + 2);
    smallest = below(top, r.varint());
    if (ranges.length < 2 * MAX_ACK_RANGES_READ) ranges.push(top, smallest);
  }
  const withEcn = type === FrameType.ACK_ECN || type === FrameType.PATH_ACK_ECN;
  const ecn = withEcn ? { ect0: r.varint(), ect1: r.varint(), ce: r.varint() } : undefined;
  return { kind: "ack", path, delay, ranges, ecn };
}

function below(number: number, distance: number): number {
  if (distance > number) throw new WireError("ACK range goes below packet number 0");
  return number - distance;
}

/** The wire type of an ACK: 0x02 or 0x03, with a path 0x3e or 0x3f. */
export function ackType(frame: AckFrame): number {
  if (frame.path === undefined) return frame.ecn === undefined ? FrameType.ACK : FrameType.ACK_ECN;
  return frame.ecn === undefined ? FrameType.PATH_ACK : FrameType.PATH_ACK_ECN;
}

/** Bytes of the frame when only its first (newest) `ranges` ranges are written; left out: all of them. */
export function ackFrameSize(frame: AckFrame, ranges: number = frame.ranges.length / 2): number {
  let size = fixedSize(frame) + varintSize(ranges - 1);
  for (let i = 0; i < ranges; i++) size += rangeSize(frame.ranges, i);
  return size;
}

/**
 * How many of the frame's newest ranges fit in `room` bytes, with all of its other fields; 0 when not even one does, and
 * then the frame cannot be written at all.
 */
export function fitAckRanges(frame: AckFrame, room: number): number {
  const total = frame.ranges.length / 2;
  let size = fixedSize(frame);
  for (let i = 0; i < total; i++) {
    size += rangeSize(frame.ranges, i);
    // The field with the count of further ranges grows with i.
    if (size + varintSize(i) > room) return i;
  }
  return total;
}

/**
 * Writes the frame with its first (newest) `ranges` ranges; left out: all of them. Throws {@linkcode WireError} when it
 * does not fit or the ranges are not pairs in descending order with at least one number between one and the next.
 */
export function writeAck(w: Writer, frame: AckFrame, ranges: number = frame.ranges.length / 2): void {
  const all = frame.ranges;
  if (!(ranges >= 1 && 2 * ranges <= all.length) || all.length % 2 !== 0) {
    throw new WireError(`ACK cannot be written with ${ranges} ranges of ${all.length / 2}`);
  }
  if (all[2 * ranges - 1]! < 0) throw new WireError("ACK range goes below packet number 0");
  w.varint(ackType(frame));
  if (frame.path !== undefined) w.varint(frame.path);
  w.varint(all[0]!);
  w.varint(frame.delay);
  w.varint(ranges - 1);
  w.varint(all[0]! - all[1]!);
  for (let i = 2; i < 2 * ranges; i += 2) {
    w.varint(all[i - 1]! - all[i]! - 2);
    w.varint(all[i]! - all[i + 1]!);
  }
  if (frame.ecn !== undefined) writeEcn(w, frame.ecn);
}

function writeEcn(w: Writer, ecn: EcnCounts): void {
  w.varint(ecn.ect0);
  w.varint(ecn.ect1);
  w.varint(ecn.ce);
}

/** Bytes of all but the ranges and their count. */
function fixedSize(frame: AckFrame): number {
  const { ecn, path } = frame;
  const counts = ecn === undefined ? 0 : varintSize(ecn.ect0) + varintSize(ecn.ect1) + varintSize(ecn.ce);
  return 1 + (path === undefined ? 0 : varintSize(path)) + varintSize(frame.ranges[0]!) + varintSize(frame.delay) +
    counts;
}

/** Bytes of the range's length, and of the gap before it unless it is the first. */
function rangeSize(ranges: readonly number[], index: number): number {
  const at = 2 * index;
  const length = varintSize(ranges[at]! - ranges[at + 1]!);
  return index === 0 ? length : length + varintSize(ranges[at - 1]! - ranges[at]! - 2);
}
