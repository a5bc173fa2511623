import { assert, assertEquals, assertFalse, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  hasFixedBit,
  hasSample,
  keyPhaseOf,
  type LongHeader,
  longHeaderSize,
  numberLengthOf,
  parseHeader,
  patchLength,
  readNumber,
  reservedBits,
  spinOf,
  writeLongHeader,
  writeRetry,
  writeShortHeader,
} from "./header.ts";
import type { NumberLength } from "./packet_number.ts";
import { WireError } from "./reader.ts";
import { QUIC_V1 } from "./version.ts";
import { Writer } from "./writer.ts";

function packet(hex: string, payload = 0): Uint8Array {
  const header = Uint8Array.fromHex(hex);
  const bytes = new Uint8Array(header.length + payload);
  bytes.set(header);
  return bytes;
}

Deno.test("parseHeader() reads the client's Initial of RFC 9001 §A.2", () => {
  const bytes = packet("c000000001088394c8f03e5157080000449e7b9aec34", 1200 - 22);
  const header = parseHeader(bytes, 0, bytes.length, 8);
  assertEquals(header.type, "initial");
  assertEquals(header.version, QUIC_V1);
  assertEquals(header.destinationId.toHex(), "8394c8f03e515708");
  assertEquals(header.sourceId.length, 0);
  assertEquals(header.token.length, 0);
  assertEquals([header.headerStart, header.numberAt, header.tagAt, header.end], [0, 18, -1, 1200]);
  assert(hasFixedBit(header) && hasSample(header));
});

Deno.test("parseHeader() reads the server's Initial of RFC 9001 §A.3", () => {
  const bytes = packet("cf000000010008f067a5502a4262b5004075c0d9", 115);
  const header = parseHeader(bytes, 0, bytes.length, 8);
  assertEquals(header.type, "initial");
  assertEquals(header.sourceId.toHex(), "f067a5502a4262b5");
  assertEquals(header.destinationId.length, 0);
  assertEquals([header.numberAt, header.end], [18, 135]);
});

Deno.test("parseHeader() reads the Retry of RFC 9001 §A.4", () => {
  const bytes = packet("ff000000010008f067a5502a4262b5746f6b656e04a265ba2eff4d829058fb3f0f2496ba");
  const header = parseHeader(bytes, 0, bytes.length, 8);
  assertEquals(header.type, "retry");
  assertEquals(new TextDecoder().decode(header.token), "token");
  assertEquals(bytes.subarray(header.tagAt, header.end).toHex(), "04a265ba2eff4d829058fb3f0f2496ba");
  assertEquals(header.numberAt, -1);
  assertFalse(hasSample(header));
});

Deno.test("parseHeader() reads the short header of RFC 9001 §A.5", () => {
  const bytes = packet("4cfe4189655e5cd55c41f69080575d7999c25a5bfb");
  const header = parseHeader(bytes, 0, bytes.length, 0);
  assertEquals(header.type, "one_rtt");
  assertEquals([header.numberAt, header.end, header.destinationId.length], [1, 21, 0]);
  assert(hasSample(header));
  assertFalse(hasSample(parseHeader(bytes, 0, 20, 0)));
});

Deno.test("readNumber() and the bits give what RFC 9001 §A lists for unprotected headers", () => {
  const short = packet("4200bff4");
  assertEquals(numberLengthOf(short[0]!), 3);
  assertEquals(readNumber(short, 1, 3), 654_360_564 % 2 ** 24);
  const client = packet("c300000001088394c8f03e5157080000449e00000002");
  assertEquals(readNumber(client, 18, numberLengthOf(client[0]!)), 2);
  assertEquals(readNumber(packet("ffffffff"), 0, 4), 0xffff_ffff);
  assertEquals([reservedBits(0xcf), reservedBits(0xc3)], [0x0c, 0]);
  assertEquals([reservedBits(0x5f), reservedBits(0x67)], [0x18, 0]);
  assertEquals([keyPhaseOf(0x44), keyPhaseOf(0x43)], [1, 0]);
  assertEquals([spinOf(0x60), spinOf(0x40)], [true, false]);
});

Deno.test("writeLongHeader() writes the Initial headers of RFC 9001 §A.2 and §A.3", () => {
  const into = new Uint8Array(64);
  const client = new Writer(into);
  const at = writeLongHeader(client, {
    type: "initial",
    version: QUIC_V1,
    destinationId: Uint8Array.fromHex("8394c8f03e515708"),
    sourceId: new Uint8Array(0),
    number: 2,
    numberLength: 4,
  });
  patchLength(into, at.lengthAt, 1182);
  assertEquals(into.subarray(0, client.at).toHex(), "c300000001088394c8f03e5157080000449e00000002");
  assertEquals(at.numberAt, 18);

  const server = new Writer(into);
  const { lengthAt } = writeLongHeader(server, {
    type: "initial",
    version: QUIC_V1,
    destinationId: new Uint8Array(0),
    sourceId: Uint8Array.fromHex("f067a5502a4262b5"),
    number: 1,
    numberLength: 2,
  });
  patchLength(into, lengthAt, 117);
  assertEquals(into.subarray(0, server.at).toHex(), "c1000000010008f067a5502a4262b50040750001");
});

Deno.test("writeShortHeader() writes the header of RFC 9001 §A.5 and each of its bits", () => {
  const into = new Uint8Array(64);
  const w = new Writer(into);
  const none = new Uint8Array(0);
  const at = writeShortHeader(w, { destinationId: none, keyPhase: 0, number: 654_360_564, numberLength: 3 });
  assertEquals(into.subarray(0, w.at).toHex(), "4200bff4");
  assertEquals(at.numberAt, 1);
  const first = (spin: boolean, keyPhase: number, fixedBit: boolean) => {
    writeShortHeader(new Writer(into), { destinationId: none, spin, keyPhase, number: 0, numberLength: 1, fixedBit });
    return into[0];
  };
  assertEquals(first(true, 0, true), 0x60);
  assertEquals(first(false, 1, true), 0x44);
  assertEquals(first(false, 2, true), 0x40);
  assertEquals(first(false, 0, false), 0x00);
});

Deno.test("writeRetry() writes the Retry of RFC 9001 §A.4 up to its tag", () => {
  const into = new Uint8Array(64);
  const w = new Writer(into);
  const { tagAt } = writeRetry(w, {
    version: QUIC_V1,
    destinationId: new Uint8Array(0),
    sourceId: Uint8Array.fromHex("f067a5502a4262b5"),
    token: new TextEncoder().encode("token"),
    unused: 0x0f,
  });
  assertEquals(into.subarray(0, tagAt).toHex(), "ff000000010008f067a5502a4262b5746f6b656e");
  assertEquals(w.at, tagAt);
});

const id = fc.uint8Array({ maxLength: 20 });
const numberLength = fc.constantFrom<NumberLength>(1, 2, 3, 4);
const longHeader: fc.Arbitrary<LongHeader> = fc.record({
  type: fc.constantFrom("initial", "zero_rtt", "handshake"),
  version: fc.constant(QUIC_V1),
  destinationId: id,
  sourceId: id,
  token: fc.uint8Array({ maxLength: 100 }),
  number: fc.maxSafeNat(),
  numberLength,
  fixedBit: fc.boolean(),
}).map((header) => header.type === "initial" ? header : { ...header, token: new Uint8Array(0) });

Deno.test("parseHeader() gives back what writeLongHeader() wrote, coalesced packets one by one", () => {
  const payloads = fc.integer({ min: 0, max: 300 });
  fc.assert(fc.property(fc.array(fc.tuple(longHeader, payloads), { minLength: 1, maxLength: 4 }), (packets) => {
    const into = new Uint8Array(4000);
    const w = new Writer(into, 7);
    for (const [header, payload] of packets) {
      const start = w.at;
      const { lengthAt, numberAt } = writeLongHeader(w, header);
      assertEquals(w.at - start, longHeaderSize(header));
      w.zeros(payload);
      patchLength(into, lengthAt, w.at - numberAt);
    }
    let start = 7;
    for (const [header, payload] of packets) {
      const parsed = parseHeader(into, start, w.at, 8);
      assertEquals(parsed.headerStart, start);
      assertEquals(parsed.type, header.type);
      assertEquals(parsed.version, header.version);
      assertEquals(parsed.destinationId, header.destinationId);
      assertEquals(parsed.sourceId, header.sourceId);
      assertEquals(parsed.token, header.token);
      assertEquals(hasFixedBit(parsed), header.fixedBit);
      assertEquals(reservedBits(parsed.firstByte), 0);
      assertEquals(numberLengthOf(parsed.firstByte), header.numberLength);
      const number = readNumber(into, parsed.numberAt, header.numberLength);
      assertEquals(number, header.number % 2 ** (8 * header.numberLength));
      assertEquals(parsed.end - parsed.numberAt, header.numberLength + payload);
      start = parsed.end;
    }
    assertEquals(start, w.at);
  }));
});

Deno.test("parseHeader() gives back what writeShortHeader() wrote", () => {
  const keyPhase = fc.nat(5);
  fc.assert(
    fc.property(id, fc.boolean(), keyPhase, fc.maxSafeNat(), numberLength, (destinationId, spin, phase, number, n) => {
      const into = new Uint8Array(40);
      const w = new Writer(into, 3);
      const { numberAt } = writeShortHeader(w, { destinationId, spin, keyPhase: phase, number, numberLength: n });
      const header = parseHeader(into, 3, into.length, destinationId.length);
      assertEquals([header.type, header.numberAt, header.end], ["one_rtt", numberAt, 40]);
      assertEquals(header.destinationId, destinationId);
      assertEquals(numberLengthOf(header.firstByte), n);
      assertEquals(keyPhaseOf(header.firstByte), phase & 1);
      assertEquals(spinOf(header.firstByte), spin);
      assertEquals(readNumber(into, numberAt, n), number % 2 ** (8 * n));
    }),
  );
});

Deno.test("parseHeader() reads the ids of an unknown version up to 255 bytes (RFC 8999 §5.1)", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 255 }), fc.uint8Array({ maxLength: 255 }), (destination, source) => {
      const bytes = Uint8Array.of(
        0x80,
        ...[0x1a, 0x2a, 0x3a, 0x4a],
        destination.length,
        ...destination,
        source.length,
        ...source,
      );
      const header = parseHeader(bytes, 0, bytes.length, 8);
      assertEquals([header.type, header.version, header.end], ["unknown_version", 0x1a2a3a4a, bytes.length]);
      assertEquals(header.destinationId, destination);
      assertEquals(header.sourceId, source);
    }),
  );
});

Deno.test("parseHeader() refuses ids above 20 bytes in version 1", () => {
  const id21 = "15" + "00".repeat(21);
  assertThrows(() => parse(`c000000001${id21}00004000`), WireError, "must have at most 20");
  assertThrows(() => parse(`c00000000100${id21}004000`), WireError, "must have at most 20");
});

Deno.test("parseHeader() refuses lengths that go beyond the datagram", () => {
  assertThrows(() => parse("c0000000010000" + "0500"), WireError); // token
  assertThrows(() => parse("c0000000010000" + "00" + "4005" + "01020304"), WireError);
  assertThrows(() => parse("c0000000010000" + "00" + "ffffffffffffffff"), WireError);
  assertThrows(() => parse("c0000000010000" + "ffffffffffffffff" + "00"), WireError);
});

Deno.test("parseHeader() refuses a Retry without a token or with a cut tag (RFC 9000 §17.2.5)", () => {
  assertThrows(() => parse("f0000000010000" + "00".repeat(16)), WireError, "no token");
  assertThrows(() => parse("f0000000010000" + "00".repeat(9)), WireError, "no token");
});

Deno.test("parseHeader() throws WireError at each cut of a header", () => {
  const bytes = Uint8Array.fromHex("c000000001" + "021122" + "0133" + "03aabbcc" + "4002" + "0001");
  for (let end = 0; end < bytes.length; end++) {
    assertThrows(() => parseHeader(bytes, 0, end, 8), WireError);
  }
  const short = new Uint8Array(10).fill(0x40);
  for (let end = 0; end < 10; end++) assertThrows(() => parseHeader(short, 0, end, 8), WireError);
  assertEquals(parseHeader(short, 0, 10, 8).numberAt, 9);
});

Deno.test("parseHeader() throws nothing but WireError on any bytes", () => {
  const versions = fc.constantFrom([], [0xc0, 0, 0, 0, 1], [0xf0, 0, 0, 0, 1], [0x80, 0, 0, 0, 0], [0xe0, 0, 0, 0, 1]);
  fc.assert(
    fc.property(versions, fc.uint8Array({ maxLength: 80 }), fc.nat(20), (start, rest, idLength) => {
      const bytes = Uint8Array.of(...start, ...rest);
      try {
        const header = parseHeader(bytes, 0, bytes.length, idLength);
        return header.end <= bytes.length && header.numberAt <= header.end && header.end > 0;
      } catch (error) {
        return error instanceof WireError;
      }
    }),
    { numRuns: 1000 },
  );
});

Deno.test("writers of headers refuse what cannot be sent", () => {
  const none = new Uint8Array(0);
  const long: LongHeader = {
    type: "handshake",
    version: QUIC_V1,
    destinationId: none,
    sourceId: none,
    number: 0,
    numberLength: 1,
  };
  const room = () => new Writer(new Uint8Array(60));
  assertThrows(() => writeLongHeader(room(), { ...long, sourceId: new Uint8Array(21) }), WireError, "longer than 20");
  assertThrows(() => writeLongHeader(room(), { ...long, token: new Uint8Array(1) }), WireError, "Only an Initial");
  assertThrows(() => writeLongHeader(new Writer(new Uint8Array(9)), long), WireError, "No room");
  assertThrows(() => writeRetry(room(), { ...long, token: none }), WireError, "no token");
  assertThrows(() => patchLength(new Uint8Array(2), 0, 16384), WireError, "at most 16383");
  const short = { destinationId: new Uint8Array(8), keyPhase: 0, number: 0, numberLength: 4 } as const;
  assertThrows(() => writeShortHeader(new Writer(new Uint8Array(12)), short), WireError, "No room");
});

function parse(hex: string): unknown {
  const bytes = Uint8Array.fromHex(hex);
  return parseHeader(bytes, 0, bytes.length, 8);
}
