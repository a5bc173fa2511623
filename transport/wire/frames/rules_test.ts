/** What the codecs refuse, and what they let pass to those who know more. */
import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { Reader, WireError } from "../reader.ts";
import { VARINT_SATURATED } from "../varint.ts";
import { Writer } from "../writer.ts";
import { ackFrameSize, fitAckRanges, MAX_ACK_RANGES_READ, writeAck } from "./ack.ts";
import { datagramDataRoom } from "./datagram.ts";
import { frameSize, readFrame, writeFrame } from "./mod.ts";
import { cryptoDataRoom, shortenReason } from "./simple.ts";
import { streamHeaderSize } from "./stream.ts";
import type { AckFrame, Frame } from "./types.ts";

const HUGE = "ffffffffffffffff";

function read(hex: string): Frame {
  return readFrame(new Reader(Uint8Array.fromHex(hex)));
}

function refuse(hex: string, message: string): void {
  assertThrows(() => read(hex), WireError, message);
}

function refuseToWrite(frame: Frame, message: string): void {
  assertThrows(() => writeFrame(new Writer(new Uint8Array(2000)), frame), WireError, message);
}

function ack(ranges: readonly number[], rest: Partial<AckFrame> = {}): AckFrame {
  return { kind: "ack", path: undefined, delay: 0, ranges, ecn: undefined, ...rest };
}

Deno.test("readAck() refuses ranges below packet number 0 (RFC 9000 §19.3.1)", () => {
  const message = "ACK range goes below packet number 0";
  refuse("02" + "05" + "00" + "00" + "06", message);
  refuse("02" + "05" + "00" + "01" + "04" + "00" + "00", message); // Gap from 1 to -1.
  refuse("02" + "05" + "00" + "01" + "02" + "00" + "02", message); // Length below 1.
  refuse("3e" + "01" + "05" + "00" + "00" + "06", message);
  refuse("02" + "05" + "00" + "01" + "00" + HUGE + "00", message);
  assertEquals(read("02" + "05" + "00" + "01" + "02" + "00" + "01"), ack([5, 3, 1, 0]));
});

Deno.test("readAck() sees that a count is more than the bytes can hold before it reads a range", () => {
  refuse("02" + "05" + "00" + HUGE + "00" + "0000", "ACK ends too early");
  refuse("02" + "4100" + "00" + "02" + "00" + "000000", "ACK ends too early: 2 more ranges in 3 bytes");
});

Deno.test("readAck() keeps the newest ranges up to its limit and takes the rest of the frame all the same", () => {
  const count = MAX_ACK_RANGES_READ + 76;
  const ranges: number[] = [];
  for (let i = 0; i < count; i++) ranges.push(10_000 - 2 * i, 10_000 - 2 * i);
  const ecn = { ect0: 1, ect1: 2, ce: 3 };
  const frame = ack(ranges, { ecn });
  const into = new Uint8Array(frameSize(frame));
  writeFrame(new Writer(into), frame);
  const r = new Reader(into);
  const kept = readFrame(r) as AckFrame;
  assertEquals(r.left, 0);
  assertEquals(kept.ranges, ranges.slice(0, 2 * MAX_ACK_RANGES_READ));
  assertEquals(kept.ecn, ecn);
});

Deno.test("writeAck() refuses ranges that are not descending pairs with gaps", () => {
  for (const ranges of [[], [5], [5, 3, 1], [3, 5], [5, 4, 3, 3], [5, 4, 6, 5], [5, 4, 2, 3], [5, -1]]) {
    assertThrows(() => writeFrame(new Writer(new Uint8Array(99)), ack(ranges)), WireError);
  }
  assertThrows(() => writeAck(new Writer(new Uint8Array(99)), ack([5, 4]), 2), WireError);
  assertThrows(() => writeAck(new Writer(new Uint8Array(99)), ack([5, 4]), 0), WireError);
});

Deno.test("fitAckRanges() keeps as many of the newest ranges as fit, and writeAck() writes them", () => {
  const steps = fc.array(fc.tuple(fc.nat(20_000), fc.nat(20_000)), { minLength: 1, maxLength: 100 });
  const path = fc.option(fc.nat(0xffff_ffff), { nil: undefined });
  const ecn = fc.option(fc.constant({ ect0: 1, ect1: 100, ce: 20_000 }), { nil: undefined });
  fc.assert(fc.property(steps, path, ecn, fc.nat(1000), (steps, path, ecn, room) => {
    const ranges: number[] = [];
    let next = 0;
    for (const [length, gap] of steps) {
      ranges.unshift(next + length, next);
      next += length + gap + 2;
    }
    const frame = ack(ranges, { path, ecn });
    const fit = fitAckRanges(frame, room);
    if (fit > 0) {
      const into = new Uint8Array(room);
      const w = new Writer(into);
      writeAck(w, frame, fit);
      assertEquals(w.at, ackFrameSize(frame, fit));
      const kept = readFrame(new Reader(into, 0, w.at)) as AckFrame;
      assertEquals(kept.ranges, ranges.slice(0, 2 * fit));
      assertEquals([kept.path, kept.ecn], [path, ecn]);
    }
    if (fit < steps.length) return ackFrameSize(frame, fit + 1) > room;
    return fit === steps.length;
  }));
});

Deno.test("readStream() and readCrypto() refuse data beyond the largest offset (RFC 9000 §19.6, §19.8)", () => {
  const message = "Data ends beyond the largest offset";
  refuse("0e" + "04" + HUGE + "01" + "aa", message);
  refuse("0e" + "04" + HUGE + "00", message);
  refuse("0c" + "04" + "c01fffffffffffff" + "aa", message);
  refuse("06" + HUGE + "01" + "aa", message);
  refuse("06" + "c01fffffffffffff" + "00", message);
  const frame = read("06" + "c01ffffffffffffd" + "01" + "aa");
  assertEquals(frame.kind === "crypto" && frame.offset, 2 ** 53 - 3);
});

Deno.test("readStream(), readCrypto() and readDatagram() give views of the packet", () => {
  for (const hex of ["0a0402aabb", "060002aabb", "3102aabb", "30aabb"]) {
    const packet = Uint8Array.fromHex(hex);
    const frame = readFrame(new Reader(packet));
    assertStrictEquals("data" in frame && frame.data.buffer, packet.buffer, hex);
  }
});

Deno.test("writeFrame() leaves the length out of a STREAM that ends the packet (RFC 9000 §19.8)", () => {
  for (
    const [offset, fin, hex] of [[0, false, "0804aabb"], [7, false, "0c0407aabb"], [7, true, "0d0407aabb"]] as const
  ) {
    const frame: Frame = { kind: "stream", streamId: 4, offset, data: Uint8Array.of(0xaa, 0xbb), fin };
    const bytes = new Uint8Array(frameSize({ ...frame, toEnd: true }));
    writeFrame(new Writer(bytes), { ...frame, toEnd: true });
    assertEquals(bytes.toHex(), hex);
    assertEquals(read(hex), frame);
  }
});

Deno.test("data rooms are the most that fits in a frame", () => {
  const room = fc.oneof(fc.nat(90), fc.nat(20_000));
  fc.assert(
    fc.property(room, fc.nat(2 ** 31), fc.oneof(fc.constant(0), fc.nat(2 ** 31)), (room, streamId, offset) => {
      const check = (most: number, frame: (data: Uint8Array) => Frame) => {
        if (most >= 0 && frameSize(frame(new Uint8Array(most))) > room) return false;
        return frameSize(frame(new Uint8Array(most + 1))) > room;
      };
      return check(
        Math.max(-1, room - streamHeaderSize(streamId, offset)),
        (data) => ({ kind: "stream", streamId, offset, data, fin: false, toEnd: true }),
      ) &&
        check(cryptoDataRoom(offset, room), (data) => ({ kind: "crypto", offset, data })) &&
        check(datagramDataRoom(room), (data) => ({ kind: "datagram", data }));
    }),
  );
});

Deno.test("readMaxStreams() and readStreamsBlocked() refuse more than 2^60 (RFC 9000 §19.11, §19.14)", () => {
  for (const type of ["12", "13", "16", "17"]) {
    refuse(type + "d000000000000001", "Stream count is above 2^60");
    const frame = read(type + "d000000000000000");
    assertEquals("limit" in frame && frame.limit, VARINT_SATURATED);
  }
});

Deno.test("readNewConnectionId() refuses ids of 0 and above 20 bytes (RFC 9000 §19.15)", () => {
  for (const start of ["18", "7e7801"]) {
    refuse(start + "0000" + "00" + "00".repeat(16), "New connection id has 0 bytes, must have 1 to 20");
    refuse(start + "0000" + "15" + "00".repeat(37), "New connection id has 21 bytes");
    const frame = read(start + "0000" + "14" + "00".repeat(36));
    assertEquals(frame.kind === "new_connection_id" && frame.connectionId.length, 20);
  }
});

Deno.test("readNewConnectionId() refuses Retire Prior To above the sequence number (RFC 9000 §19.15)", () => {
  for (const start of ["18", "7e7801"]) {
    refuse(start + "0102" + "01aa" + "00".repeat(16), "Retire Prior To is 2, must not be above the sequence number 1");
    const frame = read(start + "0202" + "01aa" + "00".repeat(16));
    assertEquals(frame.kind === "new_connection_id" && frame.retirePriorTo, 2);
  }
});

Deno.test("readNewToken() refuses an empty token (RFC 9000 §19.7)", () => {
  refuse("0700", "New token is empty");
});

Deno.test("readConnectionClose() takes a reason that is no UTF-8, and keeps a byte order mark", () => {
  const reason = (hex: string) => {
    const frame = read("1d" + "00" + (hex.length / 2).toString(16).padStart(2, "0") + hex);
    return frame.kind === "connection_close" ? frame.reason : undefined;
  };
  assertEquals(reason("61ff62"), "a\ufffdb");
  assertEquals(reason("c3"), "\ufffd");
  assertEquals(reason("efbbbf61"), "\ufeffa");
});

Deno.test("shortenReason() cuts between characters", () => {
  assertEquals(shortenReason("aé😀", 10), "aé😀");
  assertEquals(shortenReason("aé😀", 7), "aé😀");
  assertEquals(shortenReason("aé😀", 6), "aé");
  assertEquals(shortenReason("aé😀", 2), "a");
  assertEquals(shortenReason("abc", 0), "");
  assertEquals(shortenReason("abc", -1), "");
});

Deno.test("path ids and limits above 2^32-1 pass to those who know the limit", () => {
  const values = (frame: Frame) => "path" in frame ? frame.path : "limit" in frame ? frame.limit : undefined;
  const beyond = "c000000100000000";
  const rest: Record<string, string> = { "3e": "05000000", "7e75": "00", "7e76": "00", "7e77": "00", "7e79": "00" };
  for (const [type, fields] of [...Object.entries(rest), ["7e7a", ""], ["7e7b", ""], ["7e7c", "00"]]) {
    assertEquals(values(read(type + beyond + fields)), 2 ** 32, type);
    assertEquals(values(read(type + HUGE + fields)), VARINT_SATURATED, type);
  }
});

Deno.test("readPadding() takes a run as one frame and stops where it ends", () => {
  const r = new Reader(Uint8Array.fromHex("0000000001"));
  assertEquals(readFrame(r), { kind: "padding", length: 4 });
  assertEquals(readFrame(r), { kind: "ping" });
});

Deno.test("writeFrame() refuses frames that cannot be", () => {
  const resetToken = new Uint8Array(16);
  const newId = { kind: "new_connection_id", path: 1, sequence: 1, retirePriorTo: 0, resetToken } as const;
  refuseToWrite({ ...newId, connectionId: new Uint8Array(0) }, "New connection id has 0 bytes");
  refuseToWrite({ ...newId, connectionId: new Uint8Array(21) }, "New connection id has 21 bytes");
  refuseToWrite({ ...newId, connectionId: resetToken, retirePriorTo: 2 }, "Retire Prior To is 2");
  refuseToWrite({ ...newId, connectionId: resetToken, resetToken: new Uint8Array(15) }, "token has 15 bytes");
  refuseToWrite({ kind: "new_token", token: new Uint8Array(0) }, "New token is empty");
  refuseToWrite({ kind: "path_challenge", data: new Uint8Array(7) }, "has 7 bytes, must have 8");
  refuseToWrite({ kind: "path_response", data: new Uint8Array(9) }, "has 9 bytes, must have 8");
  refuseToWrite({ kind: "padding", length: 0 }, "Padding has 0 bytes");
  refuseToWrite({ kind: "max_data", limit: 2 ** 53 }, "is not from 0 to");
  refuseToWrite({ kind: "max_data", limit: -1 }, "is not from 0 to");
});
