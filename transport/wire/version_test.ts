import { assert, assertEquals, assertFalse, assertThrows } from "@std/assert";
import fc from "fast-check";
import { parseHeader } from "./header.ts";
import { WireError } from "./reader.ts";
import { isReserved, QUIC_V1, readVersionNegotiation, writeVersionNegotiation } from "./version.ts";

Deno.test("isReserved() knows the form 0x?a?a?a?a", () => {
  for (const version of [0x0a0a0a0a, 0x1a2a3a4a, 0xfafafafa]) assert(isReserved(version), version.toString(16));
  for (const version of [0, QUIC_V1, 0x6b3343cf, 0x0a0a0a0b, 0xaaaaaaa0]) assertFalse(isReserved(version));
});

Deno.test("writeVersionNegotiation() lays the packet out as in RFC 9000 §17.2.1", () => {
  const into = new Uint8Array(64);
  const length = writeVersionNegotiation(into, Uint8Array.of(1, 2), Uint8Array.of(3), [1, 0xfafafafa], 0x7f);
  assertEquals(into.subarray(0, length).toHex(), "ff00000000" + "020102" + "0103" + "00000001" + "fafafafa");
});

Deno.test("readVersionNegotiation() takes ids of up to 255 bytes", () => {
  const id = fc.uint8Array({ maxLength: 255 });
  const versions = fc.array(fc.nat(0xffff_ffff), { minLength: 1, maxLength: 20 });
  fc.assert(fc.property(id, id, versions, fc.nat(255), (destination, source, versions, random) => {
    const into = new Uint8Array(700);
    const length = writeVersionNegotiation(into, destination, source, versions, random);
    const packet = readVersionNegotiation(into, 0, length);
    assertEquals(packet.destinationId, destination);
    assertEquals(packet.sourceId, source);
    assertEquals(packet.versions, versions);
    const header = parseHeader(into, 0, length, 8);
    assertEquals(header.type, "version_negotiation");
    assertEquals(header.sourceId, source);
  }));
});

Deno.test("readVersionNegotiation() refuses other packets, cut lists and empty ones", () => {
  const read = (hex: string) => readVersionNegotiation(Uint8Array.fromHex(hex));
  assertThrows(() => read("c0000000010000" + "00000001"), WireError, "not a Version Negotiation");
  assertThrows(() => read("40000000000000" + "00000001"), WireError, "not a Version Negotiation");
  assertThrows(() => read("c0000000000000"), WireError, "Version list has 0 bytes");
  const bytes = Uint8Array.fromHex("8000000000" + "020102" + "0103" + "00000001" + "fafafafa");
  for (let end = 0; end < bytes.length; end++) {
    if (end === bytes.length - 4) continue; // One version less: that is whole, too.
    assertThrows(() => readVersionNegotiation(bytes, 0, end), WireError);
  }
});

Deno.test("readVersionNegotiation() throws nothing but WireError on any bytes", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
    bytes.set([0x80, 0, 0, 0, 0].slice(0, bytes.length));
    try {
      return readVersionNegotiation(bytes).versions.length > 0;
    } catch (error) {
      return error instanceof WireError;
    }
  }));
});

Deno.test("writeVersionNegotiation() refuses an empty list, long ids and small buffers", () => {
  const none = new Uint8Array(0);
  assertThrows(() => writeVersionNegotiation(new Uint8Array(64), none, none, [], 0), WireError);
  assertThrows(() => writeVersionNegotiation(new Uint8Array(600), new Uint8Array(256), none, [1], 0), WireError);
  assertThrows(() => writeVersionNegotiation(new Uint8Array(10), none, none, [1], 0), WireError, "No room");
});
