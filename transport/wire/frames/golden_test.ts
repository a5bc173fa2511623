/**
 * Bytes worked out by hand from the layouts of RFC 9000 §19, RFC 9221 §4, RFC 10069 §4 and the hints extension, both ways: at least one for every
 * wire type that is written, and for every form that is only read.
 */
import { assert, assertEquals } from "@std/assert";
import { FRAMES } from "../frame_table.ts";
import { Reader } from "../reader.ts";
import { Writer } from "../writer.ts";
import { frameSize, frameTypeOf, readFrame, writeFrame } from "./mod.ts";
import type { Frame } from "./types.ts";

const hex = (text: string): Uint8Array => Uint8Array.fromHex(text);
const TOKEN = "000102030405060708090a0b0c0d0e0f";
const ecn = { ect0: 1, ect1: 0x40, ce: 3 };
const ranges = [1000, 990, 980, 980, 978, 0];
const RANGES = "43e8" + "19" + "02" + "0a" + "08" + "00" + "00" + "43d2";
const PATHS: [number, string][] = [[0, "00"], [1, "01"], [64, "4040"], [0xffff_ffff, "c0000000ffffffff"]];

/** Written as the bytes and read from them. */
const GOLDEN: [Frame, string][] = [
  [{ kind: "padding", length: 3 }, "000000"],
  [{ kind: "ping" }, "01"],
  [{ kind: "ack", path: undefined, delay: 25, ranges: [5, 5], ecn: undefined }, "02" + "05" + "19" + "00" + "00"],
  [{ kind: "ack", path: undefined, delay: 25, ranges, ecn: undefined }, "02" + RANGES],
  [{ kind: "ack", path: undefined, delay: 25, ranges, ecn }, "03" + RANGES + "01" + "4040" + "03"],
  [{ kind: "reset_stream", streamId: 4, code: 256, finalSize: 70_000 }, "04" + "04" + "4100" + "80011170"],
  [{ kind: "stop_sending", streamId: 4, code: 256 }, "05" + "04" + "4100"],
  [{ kind: "crypto", offset: 64, data: hex("aabb") }, "06" + "4040" + "02" + "aabb"],
  [{ kind: "new_token", token: hex("aabbcc") }, "07" + "03" + "aabbcc"],
  [{ kind: "stream", streamId: 4, offset: 0, data: hex("aabb"), fin: false }, "0a" + "04" + "02" + "aabb"],
  [{ kind: "stream", streamId: 4, offset: 0, data: hex(""), fin: true }, "0b" + "04" + "00"],
  [{ kind: "stream", streamId: 4, offset: 7, data: hex("aabb"), fin: false }, "0e" + "04" + "07" + "02" + "aabb"],
  [{ kind: "stream", streamId: 64, offset: 7, data: hex("aa"), fin: true }, "0f" + "4040" + "07" + "01" + "aa"],
  [{ kind: "max_data", limit: 65536 }, "10" + "80010000"],
  [{ kind: "max_stream_data", streamId: 8, limit: 2 ** 32 }, "11" + "08" + "c000000100000000"],
  [{ kind: "max_streams", bidirectional: true, limit: 100 }, "12" + "4064"],
  [{ kind: "max_streams", bidirectional: false, limit: 3 }, "13" + "03"],
  [{ kind: "data_blocked", limit: 65536 }, "14" + "80010000"],
  [{ kind: "stream_data_blocked", streamId: 8, limit: 9 }, "15" + "08" + "09"],
  [{ kind: "streams_blocked", bidirectional: true, limit: 100 }, "16" + "4064"],
  [{ kind: "streams_blocked", bidirectional: false, limit: 3 }, "17" + "03"],
  [newId(undefined), "18" + "05" + "02" + "04" + "aabbccdd" + TOKEN],
  [{ kind: "retire_connection_id", path: undefined, sequence: 5 }, "19" + "05"],
  [{ kind: "path_challenge", data: hex("0102030405060708") }, "1a" + "0102030405060708"],
  [{ kind: "path_response", data: hex("0102030405060708") }, "1b" + "0102030405060708"],
  [close(false, 10, 0x3e75, "é"), "1c" + "0a" + "7e75" + "02" + "c3a9"],
  [close(true, 300, 0, ""), "1d" + "412c" + "00"],
  [{ kind: "handshake_done" }, "1e"],
  [{ kind: "datagram", data: hex("aabbcc") }, "31" + "03" + "aabbcc"],
  // RFC 10069 §4, with path ids of one, two and eight bytes.
  ...PATHS.flatMap(([path, id]): [Frame, string][] => [
    [{ kind: "ack", path, delay: 25, ranges, ecn: undefined }, "3e" + id + RANGES],
    [{ kind: "ack", path, delay: 25, ranges, ecn }, "3f" + id + RANGES + "01" + "4040" + "03"],
    [{ kind: "path_abandon", path, code: 0 }, "7e75" + id + "00"],
    [{ kind: "path_abandon", path, code: 0x3e }, "7e75" + id + "3e"],
    [{ kind: "path_abandon", path, code: 0x3e75 }, "7e75" + id + "7e75"],
    [{ kind: "path_abandon", path, code: 0x3e76 }, "7e75" + id + "7e76"],
    [{ kind: "path_abandon", path, code: 0x3e77 }, "7e75" + id + "7e77"],
    [{ kind: "path_status", path, sequence: 7, status: "backup" }, "7e76" + id + "07"],
    [{ kind: "path_status", path, sequence: 64, status: "available" }, "7e77" + id + "4040"],
    [newId(path), "7e78" + id + "05" + "02" + "04" + "aabbccdd" + TOKEN],
    [{ kind: "retire_connection_id", path, sequence: 5 }, "7e79" + id + "05"],
    [{ kind: "max_path_id", limit: path }, "7e7a" + id],
    [{ kind: "paths_blocked", limit: path }, "7e7b" + id],
    [{ kind: "path_cids_blocked", path, nextSequence: 9 }, "7e7c" + id + "09"],
    [
      { kind: "hint_path", path, sequence: 64, cost: 1.5, metered: true, label: "wifi" },
      "b5bb50e1" + id + "4040" + "3ff8000000000000" + "01" + "04" + "77696669",
    ],
  ]),
  [
    { kind: "hint_path", path: 1, sequence: 0, cost: 0, metered: true, label: "a", preference: 64 },
    "b5bb50e1" + "01" + "00" + "0000000000000000" + "03" + "01" + "61" + "4040",
  ],
  [
    { kind: "hint_path", path: 1, sequence: 0, cost: 0, metered: false, label: "" },
    "b5bb50e1" + "01" + "00" + "0000000000000000" + "00" + "00",
  ],
  [
    { kind: "hint_signal", name: "bufferMs", sequence: 7, value: 400 },
    "b5bb50e0" + "08" + "6275666665724d73" + "07" + "4079000000000000",
  ],
  [
    { kind: "hint_signal", name: "é", sequence: 16384, value: -0.25 },
    "b5bb50e0" + "02" + "c3a9" + "80004000" + "bfd0000000000000",
  ],
  [{ kind: "hint_mode", sequence: 2, mode: "handover" }, "b5bb50e2" + "02" + "08" + "68616e646f766572"],
  [
    { kind: "hint_stream_mode", streamId: 4, sequence: 3, mode: "redundant" },
    "b5bb50e4" + "04" + "03" + "09" + "726564756e64616e74",
  ],
  [{ kind: "hint_stream_mode", streamId: 64, sequence: 4, mode: "" }, "b5bb50e4" + "4040" + "04" + "00"],
  [{ kind: "datagram_numbered", number: 64, data: hex("aabbcc") }, "b5bb50e3" + "4040" + "03" + "aabbcc"],
];

/** Read, but not written like this. */
const READ_ONLY: [Frame, string][] = [
  [{ kind: "stream", streamId: 4, offset: 0, data: hex("aabb"), fin: false }, "08" + "04" + "aabb"],
  [{ kind: "stream", streamId: 4, offset: 0, data: hex(""), fin: true }, "09" + "04"],
  [{ kind: "stream", streamId: 4, offset: 7, data: hex("aabb"), fin: false }, "0c" + "04" + "07" + "aabb"],
  [{ kind: "stream", streamId: 4, offset: 7, data: hex("aabb"), fin: true }, "0d" + "04" + "07" + "aabb"],
  [{ kind: "stream", streamId: 4, offset: 0, data: hex("aa"), fin: false }, "0e" + "04" + "00" + "01" + "aa"],
  [{ kind: "datagram", data: hex("aabbcc") }, "30" + "aabbcc"],
  // Only the type has to be in its shortest form.
  [{ kind: "max_data", limit: 5 }, "10" + "c000000000000005"],
  [{ kind: "path_abandon", path: 1, code: 0 }, "7e75" + "4001" + "80000000"],
];

function newId(path: number | undefined): Frame {
  const ids = { connectionId: hex("aabbccdd"), resetToken: hex(TOKEN) };
  return { kind: "new_connection_id", path, sequence: 5, retirePriorTo: 2, ...ids };
}

function close(application: boolean, code: number, frameType: number, reason: string): Frame {
  return { kind: "connection_close", application, code, frameType, reason };
}

function read(text: string): Frame {
  const r = new Reader(hex(text));
  const frame = readFrame(r);
  assertEquals(r.left, 0, text);
  return frame;
}

Deno.test("writeFrame() writes the golden bytes of every frame", () => {
  for (const [frame, text] of GOLDEN) {
    const into = new Uint8Array(80);
    const w = new Writer(into, 3);
    writeFrame(w, frame);
    assertEquals(into.subarray(3, w.at).toHex(), text, JSON.stringify(frame));
    assertEquals(frameSize(frame), text.length / 2, JSON.stringify(frame));
  }
});

Deno.test("readFrame() reads the golden bytes of every frame", () => {
  for (const [frame, text] of [...GOLDEN, ...READ_ONLY]) assertEquals(read(text), frame, text);
});

Deno.test("frameTypeOf() names the type that is written", () => {
  for (const [frame, text] of GOLDEN) {
    assertEquals(new Reader(hex(text)).varint(), frameTypeOf(frame), text);
    assertEquals(FRAMES.get(frameTypeOf(frame))?.kind, frame.kind);
  }
});

Deno.test("the golden bytes cover every type of the table", () => {
  const covered = new Set([...GOLDEN, ...READ_ONLY].map(([, text]) => new Reader(hex(text)).varint()));
  for (const type of FRAMES.keys()) assert(covered.has(type), `0x${type.toString(16)}`);
});
