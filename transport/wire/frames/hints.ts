/**
 * The frames of the hints extension; their layout is in `hints_codepoints.ts`.
 *
 * @module
 */
import { DATAGRAM_NUMBERED, HINT_MODE, HINT_PATH, HINT_SIGNAL, HINT_STREAM_MODE } from "../hints_codepoints.ts";
import { type Reader, WireError } from "../reader.ts";
import { dataRoom, VARINT_SATURATED, varintSize } from "../varint.ts";
import type { Writer } from "../writer.ts";
import type {
  HintModeFrame,
  HintPathFrame,
  HintSignalFrame,
  HintStreamModeFrame,
  NumberedDatagramFrame,
} from "./types.ts";

/** Most bytes of UTF-8 in the name of a signal or mode; a name has at least one. */
export const MAX_HINT_NAME = 32;
/** Most bytes of UTF-8 in the label of a path. */
export const MAX_HINT_LABEL = 64;

/** A frame of this file that carries a hint. */
export type HintFrame = HintSignalFrame | HintPathFrame | HintModeFrame | HintStreamModeFrame;

const TYPE_SIZE = 4;
const DOUBLE_SIZE = 8;
const METERED = 1;
const PREFERRED = 2;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const scratch = new DataView(new ArrayBuffer(DOUBLE_SIZE));
const scratchBytes = new Uint8Array(scratch.buffer);

/** Reads the fields of a HINT_SIGNAL. */
export function readHintSignal(r: Reader): HintSignalFrame {
  const name = readText(r, "Signal name", 1, MAX_HINT_NAME);
  return { kind: "hint_signal", name, sequence: r.varint(), value: readDouble(r, "Signal value") };
}

/** Reads the fields of a HINT_PATH. */
export function readHintPath(r: Reader): HintPathFrame {
  const path = r.varint();
  const sequence = r.varint();
  const cost = readDouble(r, "Path cost");
  if (cost < 0) throw new WireError(`Path cost is ${cost}, must not be below 0`);
  const flags = r.u8();
  if ((flags & ~(METERED | PREFERRED)) !== 0) {
    throw new WireError(`Path hint has flags 0x${flags.toString(16)}, only 0x1 and 0x2 are known`);
  }
  const label = readText(r, "Path label", 0, MAX_HINT_LABEL);
  const frame: HintPathFrame = { kind: "hint_path", path, sequence, cost, metered: (flags & METERED) !== 0, label };
  return (flags & PREFERRED) === 0 ? frame : { ...frame, preference: r.varint() };
}

/** Reads the fields of a HINT_MODE. */
export function readHintMode(r: Reader): HintModeFrame {
  return { kind: "hint_mode", sequence: r.varint(), mode: readText(r, "Mode name", 1, MAX_HINT_NAME) };
}

/** Reads the fields of a HINT_STREAM_MODE. */
export function readHintStreamMode(r: Reader): HintStreamModeFrame {
  const streamId = r.varint();
  return { kind: "hint_stream_mode", streamId, sequence: r.varint(), mode: readText(r, "Mode name", 0, MAX_HINT_NAME) };
}

/** Reads the fields of a DATAGRAM_NUMBERED; the data is a view. */
export function readNumberedDatagram(r: Reader): NumberedDatagramFrame {
  const number = r.varint();
  // Two numbers that high would look like one.
  if (number >= VARINT_SATURATED) throw new WireError("Datagram number is above 2^53-2");
  return { kind: "datagram_numbered", number, data: r.bytes(r.varint()) };
}

/** The wire type of a frame of this file. */
export function hintType(frame: HintFrame | NumberedDatagramFrame): number {
  switch (frame.kind) {
    case "hint_signal":
      return HINT_SIGNAL;
    case "hint_path":
      return HINT_PATH;
    case "hint_mode":
      return HINT_MODE;
    case "hint_stream_mode":
      return HINT_STREAM_MODE;
    case "datagram_numbered":
      return DATAGRAM_NUMBERED;
  }
}

/** Writes a frame that carries a hint; throws {@linkcode WireError} when a field is out of its range. */
export function writeHint(w: Writer, frame: HintFrame): void {
  w.varint(hintType(frame));
  switch (frame.kind) {
    case "hint_signal":
      writeText(w, frame.name, "Signal name", 1, MAX_HINT_NAME);
      w.varint(frame.sequence);
      writeDouble(w, frame.value, "Signal value");
      break;
    case "hint_path":
      w.varint(frame.path);
      w.varint(frame.sequence);
      if (frame.cost < 0) throw new WireError(`Path cost is ${frame.cost}, must not be below 0`);
      writeDouble(w, frame.cost, "Path cost");
      w.u8((frame.metered ? METERED : 0) | (frame.preference === undefined ? 0 : PREFERRED));
      writeText(w, frame.label, "Path label", 0, MAX_HINT_LABEL);
      if (frame.preference !== undefined) w.varint(frame.preference);
      break;
    case "hint_mode":
      w.varint(frame.sequence);
      writeText(w, frame.mode, "Mode name", 1, MAX_HINT_NAME);
      break;
    case "hint_stream_mode":
      w.varint(frame.streamId);
      w.varint(frame.sequence);
      writeText(w, frame.mode, "Mode name", 0, MAX_HINT_NAME);
  }
}

/** Writes a DATAGRAM_NUMBERED. */
export function writeNumberedDatagram(w: Writer, frame: NumberedDatagramFrame): void {
  if (frame.number >= VARINT_SATURATED) throw new WireError("Datagram number is above 2^53-2");
  w.varint(DATAGRAM_NUMBERED);
  w.varint(frame.number);
  w.varint(frame.data.length);
  w.bytes(frame.data);
}

/** Bytes of a frame that carries a hint. */
export function hintSize(frame: HintFrame): number {
  switch (frame.kind) {
    case "hint_signal":
      return TYPE_SIZE + textSize(frame.name) + varintSize(frame.sequence) + DOUBLE_SIZE;
    case "hint_path":
      return TYPE_SIZE + varintSize(frame.path) + varintSize(frame.sequence) + DOUBLE_SIZE + 1 + textSize(frame.label) +
        (frame.preference === undefined ? 0 : varintSize(frame.preference));
    case "hint_mode":
      return TYPE_SIZE + varintSize(frame.sequence) + textSize(frame.mode);
    case "hint_stream_mode":
      return TYPE_SIZE + varintSize(frame.streamId) + varintSize(frame.sequence) + textSize(frame.mode);
  }
}

/** Bytes of a DATAGRAM_NUMBERED before its data. */
export function numberedDatagramOverhead(number: number, length: number): number {
  return TYPE_SIZE + varintSize(number) + varintSize(length);
}

/** Most bytes of data that a DATAGRAM_NUMBERED of `room` bytes can carry; -1 when not even an empty one fits. */
export function numberedDatagramRoom(number: number, room: number): number {
  return dataRoom(room - TYPE_SIZE - varintSize(number));
}

/** Whether a text can be the name of a signal or mode: 1 to 32 bytes of UTF-8 without control characters. */
export function isHintName(text: string): boolean {
  const { length } = encoder.encode(text);
  return length > 0 && length <= MAX_HINT_NAME && !hasControls(text);
}

/** A label as HINT_PATH can carry it: control characters left out, cut between characters where it is too long. */
export function hintLabel(text: string): string {
  let label = "";
  let size = 0;
  for (const character of text) {
    if (hasControls(character)) continue;
    size += encoder.encode(character).length;
    if (size > MAX_HINT_LABEL) break;
    label += character;
  }
  return label;
}

function readText(r: Reader, what: string, from: number, to: number): string {
  const length = r.varint();
  checkLength(length, what, from, to);
  const bytes = r.bytes(length);
  let text: string;
  try {
    text = decoder.decode(bytes);
  } catch (cause) {
    throw new WireError(`${what} is not UTF-8`, { cause });
  }
  if (hasControls(text)) throw new WireError(`${what} has control characters`);
  return text;
}

function writeText(w: Writer, text: string, what: string, from: number, to: number): void {
  const bytes = encoder.encode(text);
  checkLength(bytes.length, what, from, to);
  if (hasControls(text)) throw new WireError(`${what} has control characters`);
  w.varint(bytes.length);
  w.bytes(bytes);
}

function textSize(text: string): number {
  const { length } = encoder.encode(text);
  return varintSize(length) + length;
}

function checkLength(length: number, what: string, from: number, to: number): void {
  if (length < from || length > to) throw new WireError(`${what} has ${length} bytes, must have ${from} to ${to}`);
}

/**
 * Whether a text has characters that change how what stands around it looks: C0 and C1 controls, line and paragraph
 * separators, and those that turn the direction of text. Names and labels are shown to people and written to logs.
 */
function hasControls(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x200e && c <= 0x200f)) return true;
    if ((c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069)) return true;
  }
  return false;
}

function readDouble(r: Reader, what: string): number {
  scratchBytes.set(r.bytes(DOUBLE_SIZE));
  const value = scratch.getFloat64(0);
  if (!Number.isFinite(value)) throw new WireError(`${what} is ${value}, must be finite`);
  return value;
}

function writeDouble(w: Writer, value: number, what: string): void {
  if (!Number.isFinite(value)) throw new WireError(`${what} is ${value}, must be finite`);
  scratch.setFloat64(0, value);
  w.bytes(scratchBytes);
}
