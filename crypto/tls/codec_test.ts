import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { CryptoError } from "../provider.ts";
import { TlsAlert } from "./alerts.ts";
import { sameBytes, sameSecret, TlsReader, TlsWriter } from "./codec.ts";
import * as x from "./extensions.ts";
import { MAX_CERTIFICATE_LENGTH, MAX_MESSAGE_LENGTH, MessageBuffer } from "./framing.ts";
import * as m from "./messages.ts";
import { decodePem } from "./pem.ts";

const bytes = (minLength: number, maxLength = minLength) => fc.uint8Array({ minLength, maxLength });
const code = fc.nat(0xffff);
const codes = fc.array(code, { minLength: 1, maxLength: 20 });
const extensions = fc.uniqueArray(fc.tuple(code, bytes(0, 40)), { selector: ([type]) => type, maxLength: 12 })
  .map((entries) => new Map(entries));

const clientHello: fc.Arbitrary<m.ClientHello> = fc.record({
  legacyVersion: code,
  random: bytes(32),
  sessionId: bytes(0, 32),
  suites: codes,
  compressions: bytes(1, 5),
  extensions,
});
const serverHello: fc.Arbitrary<m.ServerHello> = fc.record({
  legacyVersion: code,
  random: bytes(32),
  sessionId: bytes(0, 32),
  suite: code,
  compression: fc.nat(255),
  extensions,
});
const certificate: fc.Arbitrary<m.CertificateMessage> = fc.record({
  context: bytes(0, 255),
  entries: fc.array(fc.record({ certificate: bytes(1, 300), extensions }), { maxLength: 4 }),
});
const ticket: fc.Arbitrary<m.NewSessionTicket> = fc.record({
  lifetime: fc.nat(0xffffffff),
  ageAdd: fc.nat(0xffffffff),
  nonce: bytes(0, 255),
  ticket: bytes(1, 300),
  extensions,
});

/** All messages: what makes one, writes it and reads it. */
const MESSAGES: [string, fc.Arbitrary<unknown>, (value: never) => Uint8Array, (body: Uint8Array) => unknown][] = [
  ["ClientHello", clientHello, m.writeClientHello, m.readClientHello],
  ["ServerHello", serverHello, m.writeServerHello, m.readServerHello],
  ["EncryptedExtensions", extensions, m.writeEncryptedExtensions, m.readEncryptedExtensions],
  ["Certificate", certificate, m.writeCertificate, m.readCertificate],
  [
    "CertificateRequest",
    fc.record({ context: bytes(0, 255), extensions }),
    m.writeCertificateRequest,
    m.readCertificateRequest,
  ],
  [
    "CertificateVerify",
    fc.record({ scheme: code, signature: bytes(0, 600) }),
    m.writeCertificateVerify,
    m.readCertificateVerify,
  ],
  ["NewSessionTicket", ticket, m.writeNewSessionTicket, m.readNewSessionTicket],
  ["Finished", bytes(48), m.writeFinished, (body) => m.readFinished(body, 48)],
];

for (const [name, arbitrary, write, read] of MESSAGES) {
  Deno.test(`read and write of ${name} are inverse`, () => {
    fc.assert(fc.property(arbitrary, (value) => assertEquals(read(write(value as never).slice(4)), value)));
  });

  Deno.test(`read of ${name} throws TlsAlert and nothing else, whatever the bytes`, () => {
    const edited = fc.tuple(arbitrary, fc.nat(), fc.nat(255), fc.nat());
    fc.assert(fc.property(edited, ([value, at, byte, cut]) => {
      const body = write(value as never).slice(4);
      if (body.length > 0) body[at % body.length] = byte;
      throwsOnlyAlerts(() => read(body.subarray(0, body.length - cut % 3)));
    }));
    fc.assert(fc.property(bytes(0, 200), (body) => throwsOnlyAlerts(() => read(body))));
  });
}

function throwsOnlyAlerts(read: () => unknown): void {
  try {
    read();
  } catch (error) {
    assert(error instanceof TlsAlert, `${error}`);
    assert(["decode_error", "illegal_parameter"].includes(error.description), error.message);
  }
}

const shares = fc.uniqueArray(fc.record({ group: code, key: bytes(1, 70) }), {
  selector: ({ group }) => group,
  maxLength: 5,
});
const names = fc.array(fc.string({ minLength: 1, maxLength: 60 }), { minLength: 1, maxLength: 5 });

Deno.test("read and write of extensions are inverse", () => {
  fc.assert(fc.property(codes, (list) => assertEquals(x.readCodes(x.writeCodes(list), "list"), list)));
  fc.assert(fc.property(codes, (list) => assertEquals(x.readVersions(x.writeVersions(list)), list)));
  fc.assert(fc.property(code, (value) => assertEquals(x.readCode(x.writeCode(value), "code"), value)));
  fc.assert(fc.property(shares, (list) => assertEquals(x.readClientShares(x.writeClientShares(list)), list)));
  fc.assert(fc.property(shares, ([share]) => {
    if (share) assertEquals(x.readServerShare(x.writeServerShare(share)), share);
  }));
  fc.assert(fc.property(names, (list) => assertEquals(x.readAlpn(x.writeAlpn(list)), list.map(x.alpnBytes))));
  fc.assert(fc.property(fc.domain(), (name) => assertEquals(x.readServerName(x.writeServerName(name)), name)));
});

Deno.test("read of extensions throws TlsAlert and nothing else, whatever the bytes", () => {
  const reads = [x.readVersions, x.readAlpn, x.readClientShares, x.readServerShare, x.readServerName, x.readCookie];
  fc.assert(fc.property(bytes(0, 40), (data) => {
    for (const read of reads) throwsOnlyAlerts(() => read(data));
    throwsOnlyAlerts(() => x.readCodes(data, "list"));
    throwsOnlyAlerts(() => x.readMaxEarlyData(data));
  }));
});

Deno.test("TlsReader and TlsWriter are inverse for integers and vectors", () => {
  const w = new TlsWriter(1).u8(255).u16(0xfffe).u32(0xfffffffd).vector(1, Uint8Array.of(1)).vector(
    3,
    new Uint8Array(70_000),
  );
  const r = new TlsReader(w.take(), "test");
  assertEquals([r.u8(), r.u16(), r.u32(), r.vector(1), r.vector(3).length], [
    255,
    0xfffe,
    0xfffffffd,
    Uint8Array.of(1),
    70_000,
  ]);
  r.end();
  assertThrows(() => r.u8(), TlsAlert, "Malformed test");
  assertThrows(() => new TlsWriter().vector(1, new Uint8Array(256)), RangeError);
  assertThrows(() => new TlsReader(Uint8Array.of(1, 9), "test").vector(1, 2), TlsAlert, "expected 2 to 255");
});

Deno.test("sameBytes() and sameSecret() compare", () => {
  for (const same of [sameBytes, sameSecret]) {
    assert(same(Uint8Array.of(1, 2), Uint8Array.of(1, 2)) && same(new Uint8Array(), new Uint8Array()));
    assert(!same(Uint8Array.of(1, 2), Uint8Array.of(1, 3)) && !same(Uint8Array.of(1), Uint8Array.of(1, 0)));
  }
});

Deno.test("MessageBuffer.next() gives the messages however the bytes are cut", () => {
  const message = fc.tuple(fc.nat(255), bytes(0, 300)).map(([type, body]) =>
    new TlsWriter().u8(type).vector(3, body).take()
  );
  fc.assert(
    fc.property(fc.array(message, { maxLength: 6 }), fc.array(fc.integer({ min: 1, max: 400 })), (all, cuts) => {
      const stream = Uint8Array.from(all.flatMap((raw) => [...raw]));
      const buffer = new MessageBuffer();
      const found: Uint8Array[] = [];
      for (let at = 0, i = 0; at < stream.length; i++) {
        const size = cuts[i] ?? 1000;
        buffer.push(stream.subarray(at, at += size));
        for (let next = buffer.next(() => {}); next !== undefined; next = buffer.next(() => {})) found.push(next.raw);
      }
      assertEquals(found, all);
      assert(buffer.isEmpty);
    }),
  );
});

Deno.test("MessageBuffer.next() bounds messages by their header, and asks about the type at once", () => {
  const first = (header: number[]) => {
    const buffer = new MessageBuffer();
    buffer.push(Uint8Array.from(header));
    return buffer.next((type) => {
      if (type === 9) throw new TlsAlert("unexpected_message", "nine");
    });
  };
  const size = (most: number) => [most >> 16, most >> 8 & 255, most & 255];
  assertEquals(first([11, ...size(MAX_CERTIFICATE_LENGTH)]), undefined);
  assertThrows(() => first([11, ...size(MAX_CERTIFICATE_LENGTH + 1)]), TlsAlert, "expected at most 65536");
  assertEquals(first([1, ...size(MAX_MESSAGE_LENGTH)]), undefined);
  assertThrows(() => first([1, ...size(MAX_MESSAGE_LENGTH + 1)]), TlsAlert, "expected at most 16384");
  assertThrows(() => first([9]), TlsAlert, "nine");
});

Deno.test("decodePem() reads all blocks with the label", () => {
  const block = (label: string, body: string) => `-----BEGIN ${label}-----\n${body}\n-----END ${label}-----\n`;
  const text = `Some words\n${block("CERTIFICATE", "AQID")}${block("PRIVATE KEY", "BA==")}\r\n${
    block("CERTIFICATE", "BQ\r\n==")
  }`;
  assertEquals(decodePem(text, "CERTIFICATE"), [Uint8Array.of(1, 2, 3), Uint8Array.of(5)]);
  assertEquals(decodePem(text, "PRIVATE KEY"), [Uint8Array.of(4)]);
  assertEquals(decodePem("", "CERTIFICATE"), []);
  assertThrows(() => decodePem("-----BEGIN X-----\nAQID", "X"), CryptoError, "does not end");
  assertThrows(() => decodePem(block("X", "?"), "X"), CryptoError, "not base64");
  assertThrows(() => decodePem(block("X", ""), "X"), CryptoError, "is empty");
});
