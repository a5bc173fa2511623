import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { FRAMES } from "../frame_table.ts";
import { HINT_SIGNAL } from "../hints_codepoints.ts";
import { Reader, WireError } from "../reader.ts";
import { VARINT_SATURATED } from "../varint.ts";
import { Writer } from "../writer.ts";
import {
  frameSize,
  FrameTypeLengthError,
  readFrame,
  readFrameBody,
  readFrameType,
  UnknownFrameError,
  writeFrame,
} from "./mod.ts";
import type { Frame, FrameKind } from "./types.ts";

/** Values of each varint size. */
const value = fc.oneof(fc.nat(63), fc.nat(16383), fc.nat(2 ** 30 - 1), fc.maxSafeNat());
const offset = fc.oneof(fc.constant(0), fc.nat(16383), fc.nat(2 ** 31 - 1), fc.nat(2 ** 52));
const path = fc.option(fc.oneof(fc.nat(3), fc.nat(0xffff_ffff)), { nil: undefined });
const somePath = fc.nat(0xffff_ffff);
const data = fc.uint8Array({ maxLength: 200 });
const kind = <K extends FrameKind>(k: K) => fc.constant(k);
const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const ecn = fc.option(fc.record({ ect0: value, ect1: value, ce: value }), { nil: undefined });

/** Descending pairs with gaps, from steps upwards. */
const ranges = fc.tuple(offset, fc.array(fc.tuple(fc.nat(300), fc.nat(300)), { minLength: 1, maxLength: 30 })).map(
  ([lowest, steps]) => {
    const pairs: number[] = [];
    let next = lowest;
    for (const [length, gap] of steps) {
      pairs.unshift(next + length, next);
      next += length + gap + 2;
    }
    return pairs;
  },
);
const limits = { limit: value };
const ofStream = { streamId: value };
const challenge = { data: bytes(8) };
const finite = fc.double({ noNaN: true, noDefaultInfinity: true });
const textOf = (minLength: number) =>
  fc.string({ unit: fc.constantFrom("a", "Z", "7", "-", "é", "\u20ac"), minLength, maxLength: 10 });

const FRAME_OF: { readonly [K in FrameKind]: fc.Arbitrary<Extract<Frame, { kind: K }>> } = {
  padding: fc.record({ kind: kind("padding"), length: fc.integer({ min: 1, max: 300 }) }),
  ping: fc.record({ kind: kind("ping") }),
  ack: fc.record({ kind: kind("ack"), path, delay: value, ranges, ecn }),
  reset_stream: fc.record({ kind: kind("reset_stream"), ...ofStream, code: value, finalSize: value }),
  stop_sending: fc.record({ kind: kind("stop_sending"), ...ofStream, code: value }),
  crypto: fc.record({ kind: kind("crypto"), offset, data }),
  new_token: fc.record({ kind: kind("new_token"), token: fc.uint8Array({ minLength: 1, maxLength: 100 }) }),
  stream: fc.record({ kind: kind("stream"), ...ofStream, offset, data, fin: fc.boolean() }),
  max_data: fc.record({ kind: kind("max_data"), ...limits }),
  max_stream_data: fc.record({ kind: kind("max_stream_data"), ...ofStream, ...limits }),
  max_streams: fc.record({ kind: kind("max_streams"), bidirectional: fc.boolean(), ...limits }),
  data_blocked: fc.record({ kind: kind("data_blocked"), ...limits }),
  stream_data_blocked: fc.record({ kind: kind("stream_data_blocked"), ...ofStream, ...limits }),
  streams_blocked: fc.record({ kind: kind("streams_blocked"), bidirectional: fc.boolean(), ...limits }),
  new_connection_id: fc.tuple(
    fc.record({
      kind: kind("new_connection_id"),
      path,
      connectionId: fc.uint8Array({ minLength: 1, maxLength: 20 }),
      resetToken: bytes(16),
    }),
    value,
    value,
  ).map(([frame, a, b]) => ({ ...frame, sequence: Math.max(a, b), retirePriorTo: Math.min(a, b) })),
  retire_connection_id: fc.record({ kind: kind("retire_connection_id"), path, sequence: value }),
  path_challenge: fc.record({ kind: kind("path_challenge"), ...challenge }),
  path_response: fc.record({ kind: kind("path_response"), ...challenge }),
  connection_close: fc.record({
    kind: kind("connection_close"),
    application: fc.boolean(),
    code: value,
    frameType: value,
    reason: fc.string({ unit: "grapheme", maxLength: 40 }),
  }).map((frame) => frame.application ? { ...frame, frameType: 0 } : frame),
  handshake_done: fc.record({ kind: kind("handshake_done") }),
  datagram: fc.record({ kind: kind("datagram"), data }),
  path_abandon: fc.record({ kind: kind("path_abandon"), path: somePath, code: value }),
  path_status: fc.record({
    kind: kind("path_status"),
    path: somePath,
    sequence: value,
    status: fc.constantFrom("available", "backup"),
  }),
  max_path_id: fc.record({ kind: kind("max_path_id"), ...limits }),
  paths_blocked: fc.record({ kind: kind("paths_blocked"), ...limits }),
  path_cids_blocked: fc.record({ kind: kind("path_cids_blocked"), path: somePath, nextSequence: value }),
  hint_signal: fc.record({ kind: kind("hint_signal"), name: textOf(1), sequence: value, value: finite }),
  hint_path: fc.record({
    kind: kind("hint_path"),
    path: somePath,
    sequence: value,
    cost: fc.double({ noNaN: true, noDefaultInfinity: true, min: 0 }),
    metered: fc.boolean(),
    label: textOf(0),
    preference: value,
  }, { requiredKeys: ["kind", "path", "sequence", "cost", "metered", "label"] }),
  hint_stream_mode: fc.record({ kind: kind("hint_stream_mode"), streamId: value, sequence: value, mode: textOf(0) }),
  hint_mode: fc.record({ kind: kind("hint_mode"), sequence: value, mode: textOf(1) }),
  datagram_numbered: fc.record({ kind: kind("datagram_numbered"), number: fc.nat(2 ** 31 - 1), data }),
};
const anyFrame: fc.Arbitrary<Frame> = fc.oneof(...Object.values<fc.Arbitrary<Frame>>(FRAME_OF));

function write(frame: Frame): Uint8Array {
  const into = new Uint8Array(frameSize(frame));
  const w = new Writer(into);
  writeFrame(w, frame);
  assertEquals(w.room, 0, "frameSize() is what writeFrame() takes");
  return into;
}

for (const [name, arbitrary] of Object.entries<fc.Arbitrary<Frame>>(FRAME_OF)) {
  Deno.test(`readFrame() gives back what writeFrame() wrote: ${name}`, () => {
    fc.assert(fc.property(arbitrary, (frame) => {
      const r = new Reader(write(frame));
      assertEquals(readFrame(r), plain(frame));
      assertEquals(r.left, 0);
    }));
  });

  Deno.test(`readFrame() throws WireError at each cut: ${name}`, () => {
    // A cut run of padding is a shorter one.
    if (name === "padding") return;
    fc.assert(
      fc.property(arbitrary, (frame) => {
        const bytes = write(frame);
        for (let end = 0; end < bytes.length; end++) {
          assertThrows(() => readFrame(new Reader(bytes, 0, end)), WireError);
        }
      }),
      { numRuns: 20 },
    );
  });

  Deno.test(`writeFrame() throws WireError and stays where it is without room: ${name}`, () => {
    fc.assert(
      fc.property(arbitrary, (frame) => {
        const size = frameSize(frame);
        const into = new Uint8Array(size + 2);
        for (let room = 0; room < size; room++) {
          const w = new Writer(into, 1, 1 + room);
          assertThrows(() => writeFrame(w, frame), WireError);
          assertEquals(w.at, 1);
          assertEquals([into[size], into[size + 1]], [0, 0]);
        }
      }),
      { numRuns: 10 },
    );
  });
}

/** Records of fast-check may have no prototype. */
function plain(frame: Frame): Frame {
  return frame.kind === "ack" && frame.ecn !== undefined ? { ...frame, ecn: { ...frame.ecn } } : { ...frame };
}

Deno.test("readFrame() takes a packet of many frames apart", () => {
  const noPadding = anyFrame.filter((frame) => frame.kind !== "padding");
  fc.assert(fc.property(fc.array(noPadding, { maxLength: 10 }), (frames) => {
    const r = new Reader(Uint8Array.from(frames.flatMap((frame) => [...write(frame)])));
    for (const frame of frames) assertEquals(readFrame(r), plain(frame));
    assertEquals(r.left, 0);
  }));
});

Deno.test("readFrame() throws nothing but WireError on any bytes", () => {
  const type = fc.constantFrom(...FRAMES.keys());
  fc.assert(
    fc.property(fc.option(type, { nil: undefined }), fc.uint8Array({ maxLength: 80 }), (type, rest) => {
      const into = new Uint8Array(8 + rest.length);
      const w = new Writer(into);
      if (type !== undefined) w.varint(type);
      w.bytes(rest);
      const r = new Reader(into, 0, w.at);
      try {
        while (r.left > 0) {
          const before = r.left;
          readFrame(r);
          assert(r.left < before);
        }
        return true;
      } catch (error) {
        return error instanceof WireError;
      }
    }),
    { numRuns: 2000 },
  );
});

Deno.test("readFrame() throws nothing but WireError when a bit of a frame is flipped", () => {
  fc.assert(
    fc.property(anyFrame, fc.nat(), (frame, bit) => {
      const bytes = write(frame);
      bytes[(bit >> 3) % bytes.length]! ^= 1 << (bit & 7);
      try {
        readFrame(new Reader(bytes));
        return true;
      } catch (error) {
        return error instanceof WireError;
      }
    }),
    { numRuns: 2000 },
  );
});

Deno.test("readFrameType() refuses types that are not in their shortest form (RFC 9000 §12.4)", () => {
  for (const hex of ["4001", "80000001", "c000000000000001", "80003e75", "c000000000003e75", "403e"]) {
    const error = assertThrows(() => readFrameType(new Reader(Uint8Array.fromHex(hex))), FrameTypeLengthError);
    assert(error instanceof WireError);
  }
  assertEquals(readFrameType(new Reader(Uint8Array.fromHex("7e75"))), 0x3e75);
  assertEquals(readFrameType(new Reader(Uint8Array.fromHex("ffffffffffffffff"))), VARINT_SATURATED);
});

Deno.test("readFrameBody() throws UnknownFrameError with the type for types that are not in the table", () => {
  const near = (type: number) => fc.integer({ min: type - 0x80, max: type + 0x80 });
  const types = fc.oneof(fc.nat(0x100), near(0x3e80), near(HINT_SIGNAL), fc.maxSafeNat());
  fc.assert(fc.property(types.filter((type) => !FRAMES.has(type)), (type) => {
    const error = assertThrows(() => readFrameBody(new Reader(new Uint8Array(40)), type), UnknownFrameError);
    assert(error instanceof WireError);
    assertEquals(error.type, type);
  }));
});

Deno.test("readFrameBody() knows every type of the table", () => {
  for (const [type, spec] of FRAMES) {
    let kind: string;
    try {
      kind = readFrameBody(new Reader(new Uint8Array(60).fill(1)), type).kind;
    } catch (error) {
      assert(error instanceof WireError && !(error instanceof UnknownFrameError), spec.name);
      kind = spec.kind;
    }
    assertEquals(kind, spec.kind);
  }
});
