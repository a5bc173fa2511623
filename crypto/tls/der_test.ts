import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { authority, leaf, x509 } from "./certificates_fixture_test.ts";
import { DerError, DerReader, readFlags, readSmallInteger, readTime, Tag } from "./der.ts";
import { hex, unhex } from "./handshake_fixture_test.ts";
import { KeyUsage, nameText, parseCertificate, readKeyKind } from "./x509.ts";

const NONE: Uint8Array = new Uint8Array();

function time(tag: number, text: string): number {
  return readTime({ tag, content: new TextEncoder().encode(text), whole: NONE });
}

Deno.test("DerReader.next() reads elements of all lengths", () => {
  for (const length of [0, 1, 127, 128, 255, 256, 65_535, 65_536]) {
    const size = length < 128
      ? [length]
      : length < 256
      ? [0x81, length]
      : length < 65_536
      ? [0x82, length >> 8, length & 255]
      : [0x83, length >> 16, length >> 8 & 255, length & 255];
    const content = new Uint8Array(length).fill(7);
    const whole = Uint8Array.of(4, ...size, ...content);
    const r = new DerReader(Uint8Array.of(...whole, 5, 0));
    const element = r.next();
    assertEquals([element.tag, element.content.length, element.whole.length], [4, length, whole.length]);
    assertEquals(r.next().tag, 5);
    assert(r.isEmpty);
  }
});

Deno.test("DerReader refuses what is not DER", () => {
  const wrong = ["04", "0401", "04800000", "048100", "04817f", "04820080", "0484000000", "1f8100", "0483000100", ""];
  for (const text of wrong) assertThrows(() => new DerReader(unhex(text)).next(), DerError, undefined, text);
  assertThrows(() => new DerReader(unhex("0500")).element(4), DerError, "tag 5, expected 4");
  assertThrows(() => new DerReader(unhex("0500")).end(), DerError);
  for (const text of ["010101", "010200ff", "0100"]) assertThrows(() => new DerReader(unhex(text)).flag(), DerError);
  assertEquals([new DerReader(unhex("0101ff")).flag(), new DerReader(unhex("0500")).flag()], [true, false]);
});

Deno.test("DerReader.oid() reads object identifiers", () => {
  const oids = { "0603550403": "2.5.4.3", "06092a864886f70d01010b": "1.2.840.113549.1.1.11", "0603883703": "2.999.3" };
  for (const [der, oid] of Object.entries(oids)) assertEquals(new DerReader(unhex(der)).oid(), oid);
  for (const der of ["0600", "0601ff", "06025580", "0603558001", "060a2affffffffffffffff7f"]) {
    assertThrows(() => new DerReader(unhex(der)).oid(), DerError, undefined, der);
  }
});

Deno.test("readTime() reads both forms and refuses times that do not exist", () => {
  assertEquals(time(Tag.utcTime, "260601120304Z"), Date.UTC(2026, 5, 1, 12, 3, 4));
  assertEquals(time(Tag.utcTime, "491231235959Z"), Date.UTC(2049, 11, 31, 23, 59, 59));
  assertEquals(time(Tag.utcTime, "500101000000Z"), Date.UTC(1950, 0, 1));
  assertEquals(time(Tag.generalizedTime, "99991231235959Z"), Date.UTC(9999, 11, 31, 23, 59, 59));
  assertEquals(time(Tag.generalizedTime, "20240229000000Z"), Date.UTC(2024, 1, 29));
  for (const text of ["20230229000000Z", "20231301000000Z", "20230132000000Z", "20230101240000Z", "20230101006000Z"]) {
    assertThrows(() => time(Tag.generalizedTime, text), DerError, undefined, text);
  }
  for (const text of ["2601011200Z", "260101120000", "260101120000+0100", "x60101120000Z", "", "260101120000Z0"]) {
    assertThrows(() => time(Tag.utcTime, text), DerError, undefined, text);
  }
  assertThrows(() => time(Tag.integer, "260601120304Z"), DerError);
});

Deno.test("readFlags() and readSmallInteger() read what they may", () => {
  assertEquals(readFlags(Uint8Array.of(7, 0x80)), KeyUsage.digitalSignature);
  assertEquals(readFlags(Uint8Array.of(2, 0x04)), KeyUsage.keyCertSign);
  assertEquals(readFlags(Uint8Array.of(0)), 0);
  for (const bytes of [[], [8, 0], [1]]) assertThrows(() => readFlags(Uint8Array.from(bytes)), DerError);
  assertEquals(readSmallInteger(Uint8Array.of(0, 200)), 200);
  for (const bytes of [[], [0x80], [0, 1], [1, 0, 0, 0, 0]]) {
    assertThrows(() => readSmallInteger(Uint8Array.from(bytes)), DerError);
  }
});

Deno.test("parseCertificate() reads what another library wrote", async () => {
  const root = await authority({ name: "CN=Root, O=Org", pathLength: 3 });
  const bottom = await leaf({
    issuer: root,
    dns: ["a.example"],
    ip: ["192.0.2.1"],
    from: "2049-12-31",
    to: "2050-01-01",
  });
  const [r, b] = [parseCertificate(root.der), parseCertificate(bottom.der)];
  assertEquals([r.version, r.isAuthority, r.pathLength, r.keyUsage], [3, true, 3, KeyUsage.keyCertSign]);
  assertEquals([b.isAuthority, b.pathLength, b.keyUsage], [false, undefined, KeyUsage.digitalSignature]);
  assertEquals(b.extendedKeyUsage, [x509.ExtendedKeyUsage.serverAuth]);
  assertEquals(b.names.map(({ type, value }) => [type, hex(value)]), [[2, "612e6578616d706c65"], [7, "c0000201"]]);
  assertEquals([b.notBefore, b.notAfter], [Date.UTC(2049, 11, 31), Date.UTC(2050, 0, 1)]);
  assertEquals(b.issuer, r.subject);
  assertEquals(nameText(r.subject), '"Root"');
  assertEquals(hex(b.publicKey), hex(new Uint8Array(bottom.certificate.publicKey.rawData)));
  assertEquals(readKeyKind(b.publicKey), { oid: "1.2.840.10045.2.1" });
  assertEquals(readKeyKind(parseCertificate((await leaf({ kind: "rsa" })).der).publicKey).rsaBits, 2048);
});

Deno.test("parseCertificate() throws DerError and nothing else, whatever the bytes", async () => {
  const { der } = await leaf({});
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(der.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }), (edits) => {
      const bytes = der.slice();
      for (const [at, value] of edits) bytes[at] = value;
      throwsOnlyDerError(bytes);
    }),
  );
  fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), throwsOnlyDerError));
});

function throwsOnlyDerError(bytes: Uint8Array): void {
  try {
    const certificate = parseCertificate(bytes);
    nameText(certificate.subject);
    readKeyKind(certificate.publicKey);
  } catch (error) {
    assert(error instanceof DerError, `${error}`);
  }
}
