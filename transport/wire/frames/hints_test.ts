import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { Reader, WireError } from "../reader.ts";
import { Writer } from "../writer.ts";
import { hintLabel, isHintName, MAX_HINT_LABEL, numberedDatagramRoom } from "./hints.ts";
import { frameSize, readFrame, writeFrame } from "./mod.ts";
import type { Frame } from "./types.ts";

const SIGNAL = "b5bb50e0";
const PATH = "b5bb50e1";
const MODE = "b5bb50e2";
const NUMBERED = "b5bb50e3";
const STREAM_MODE = "b5bb50e4";
const ONE = "3ff0000000000000";
const HUGE = "ffffffffffffffff";

function read(hex: string): Frame {
  return readFrame(new Reader(Uint8Array.fromHex(hex)));
}

function refuse(hex: string, message: string): void {
  assertThrows(() => read(hex), WireError, message);
}

function refuseToWrite(frame: Frame, message: string): void {
  assertThrows(() => writeFrame(new Writer(new Uint8Array(200)), frame), WireError, message);
}

function signal(name: string, value = 1): Frame {
  return { kind: "hint_signal", name, sequence: 0, value };
}

function pathHint(label: string, cost = 0): Frame {
  return { kind: "hint_path", path: 1, sequence: 0, cost, metered: false, label };
}

Deno.test("readHintSignal() refuses names that are empty, too long, no UTF-8, or not fit to be shown", () => {
  refuse(SIGNAL + "00" + "00" + ONE, "Signal name has 0 bytes, must have 1 to 32");
  refuse(SIGNAL + "21" + "61".repeat(33) + "00" + ONE, "Signal name has 33 bytes, must have 1 to 32");
  refuse(SIGNAL + HUGE + "61" + "00" + ONE, "must have 1 to 32");
  refuse(SIGNAL + "01" + "ff" + "00" + ONE, "Signal name is not UTF-8");
  refuse(SIGNAL + "02" + "c3" + "28" + "00" + ONE, "Signal name is not UTF-8");
  for (const bad of ["00", "1b", "7f", "c29b", "e280ae", "e281a6", "e280a8"]) {
    const length = (bad.length / 2).toString(16).padStart(2, "0");
    refuse(SIGNAL + length + bad + "00" + ONE, "Signal name has control characters");
  }
  assertEquals(read(SIGNAL + "20" + "61".repeat(32) + "00" + ONE), signal("a".repeat(32)));
});

Deno.test("readHintSignal() and readHintPath() refuse numbers that are not finite", () => {
  for (const bad of ["7ff0000000000000", "fff0000000000000", "7ff8000000000000"]) {
    refuse(SIGNAL + "01" + "61" + "00" + bad, "must be finite");
    refuse(PATH + "01" + "00" + bad + "00" + "00", "must be finite");
  }
});

Deno.test("readHintPath() refuses costs below 0, unknown flags and long labels", () => {
  refuse(PATH + "01" + "00" + "bff0000000000000" + "00" + "00", "Path cost is -1, must not be below 0");
  refuse(PATH + "01" + "00" + ONE + "04" + "00", "Path hint has flags 0x4, only 0x1 and 0x2 are known");
  refuse(PATH + "01" + "00" + ONE + "02" + "00", "1 bytes are wanted, 0 are left");
  refuse(PATH + "01" + "00" + ONE + "00" + "4041" + "61".repeat(65), "Path label has 65 bytes, must have 0 to 64");
  refuse(PATH + "01" + "00" + ONE + "00" + "01" + "0a", "Path label has control characters");
  assertEquals(read(PATH + "01" + "00" + ONE + "00" + "4040" + "61".repeat(64)), pathHint("a".repeat(64), 1));
});

Deno.test("readHintMode() refuses names that are empty or too long", () => {
  refuse(MODE + "00" + "00", "Mode name has 0 bytes, must have 1 to 32");
  refuse(MODE + "00" + "21" + "61".repeat(33), "Mode name has 33 bytes, must have 1 to 32");
});

Deno.test("readHintStreamMode() takes no name for the connection's mode, and refuses one that is too long", () => {
  assertEquals(read(STREAM_MODE + "04" + "01" + "00"), {
    kind: "hint_stream_mode",
    streamId: 4,
    sequence: 1,
    mode: "",
  });
  refuse(STREAM_MODE + "04" + "01" + "21" + "61".repeat(33), "Mode name has 33 bytes, must have 0 to 32");
  refuse(STREAM_MODE + "04" + "01" + "01" + "0a", "Mode name has control characters");
});

Deno.test("readNumberedDatagram() gives a view, and refuses numbers that it cannot tell apart", () => {
  const packet = Uint8Array.fromHex(NUMBERED + "07" + "02" + "aabb");
  const frame = readFrame(new Reader(packet));
  assertStrictEquals("data" in frame && frame.data.buffer, packet.buffer);
  refuse(NUMBERED + HUGE + "00", "Datagram number is above 2^53-2");
  refuse(NUMBERED + "c01fffffffffffff" + "00", "Datagram number is above 2^53-2");
  assertEquals(read(NUMBERED + "c01ffffffffffffe" + "00"), {
    kind: "datagram_numbered",
    number: 2 ** 53 - 2,
    data: new Uint8Array(0),
  });
  refuse(NUMBERED + "00" + "03" + "aabb", "");
});

Deno.test("writeHint() and writeNumberedDatagram() refuse what could not be read", () => {
  refuseToWrite(signal(""), "Signal name has 0 bytes");
  refuseToWrite(signal("é".repeat(17)), "Signal name has 34 bytes");
  refuseToWrite(signal("a\nb"), "Signal name has control characters");
  refuseToWrite(signal("a", NaN), "Signal value is NaN, must be finite");
  refuseToWrite(pathHint("a".repeat(65)), "Path label has 65 bytes");
  refuseToWrite(pathHint("", -1), "Path cost is -1");
  refuseToWrite(pathHint("", Infinity), "must be finite");
  refuseToWrite({ kind: "hint_mode", sequence: 0, mode: "" }, "Mode name has 0 bytes");
  refuseToWrite({ kind: "datagram_numbered", number: 2 ** 53 - 1, data: new Uint8Array(0) }, "above 2^53-2");
});

Deno.test("isHintName() and hintLabel() make what can be written of any text", () => {
  fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 100 }), (text) => {
    const label = hintLabel(text);
    const frame = pathHint(label);
    const into = new Uint8Array(frameSize(frame));
    writeFrame(new Writer(into), frame);
    const back = readFrame(new Reader(into));
    assertEquals(back.kind === "hint_path" && back.label, label);
    if (isHintName(text)) writeFrame(new Writer(new Uint8Array(100)), signal(text));
    else refuseToWrite(signal(text), "Signal name");
  }));
  assertEquals(hintLabel("wifi"), "wifi");
  assertEquals(hintLabel("\x1b[31mred\u202e"), "[31mred");
  assertEquals(hintLabel("a".repeat(63) + "é"), "a".repeat(63));
  assertEquals(hintLabel("é".repeat(40)), "é".repeat(MAX_HINT_LABEL / 2));
});

Deno.test("numberedDatagramRoom() is the most that fits", () => {
  fc.assert(fc.property(fc.oneof(fc.nat(90), fc.nat(20_000)), fc.nat(2 ** 31 - 1), (room, number) => {
    const most = numberedDatagramRoom(number, room);
    const size = (length: number) => frameSize({ kind: "datagram_numbered", number, data: new Uint8Array(length) });
    assert(most < 0 || size(most) <= room);
    assert(size(most + 1) > room);
  }));
});
