/**
 * The handshake messages of TLS 1.3 (RFC 8446 §4), each as a value with a `read` and a `write`. `read` takes a message's
 * body and throws `TlsAlert`; `write` gives the whole message, its header included.
 *
 * @module
 */
import { TlsAlert } from "./alerts.ts";
import { sameBytes, TlsReader, TlsWriter } from "./codec.ts";
import { type Extensions, readExtensions, writeExtensions } from "./extensions.ts";

/** Handshake types (RFC 8446 §4). */
export const HandshakeType = {
  clientHello: 1,
  serverHello: 2,
  newSessionTicket: 4,
  endOfEarlyData: 5,
  encryptedExtensions: 8,
  certificate: 11,
  certificateRequest: 13,
  certificateVerify: 15,
  finished: 20,
  keyUpdate: 24,
  messageHash: 254,
} as const;

/** Bytes of a message's header: type and length. */
export const HEADER_LENGTH = 4;

/** TLS 1.2's version number, which every hello of TLS 1.3 shows in its legacy field. */
export const LEGACY_VERSION = 0x0303;

/** Most certificates that a chain may have; a bound on work, far above what is in use. */
export const MAX_CERTIFICATES = 32;

const NAMES = new Map<number, string>([
  [1, "ClientHello"],
  [2, "ServerHello"],
  [4, "NewSessionTicket"],
  [5, "EndOfEarlyData"],
  [8, "EncryptedExtensions"],
  [11, "Certificate"],
  [13, "CertificateRequest"],
  [15, "CertificateVerify"],
  [20, "Finished"],
  [24, "KeyUpdate"],
]);

/** A message's name for messages of errors. */
export function messageName(type: number): string {
  return NAMES.get(type) ?? `a handshake message of type ${type}`;
}

/** The Random that makes a ServerHello a HelloRetryRequest (RFC 8446 §4.1.3): SHA-256 of that word. */
const RETRY_RANDOM: Uint8Array = Uint8Array.of(
  ...[0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91],
  ...[0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c],
);

/** ClientHello (RFC 8446 §4.1.2). */
export interface ClientHello {
  readonly legacyVersion: number;
  /** 32 bytes. */
  readonly random: Uint8Array;
  readonly sessionId: Uint8Array;
  readonly suites: readonly number[];
  readonly compressions: Uint8Array;
  readonly extensions: Extensions;
}

/** ServerHello and HelloRetryRequest (RFC 8446 §4.1.3, §4.1.4). */
export interface ServerHello {
  readonly legacyVersion: number;
  /** 32 bytes. */
  readonly random: Uint8Array;
  readonly sessionId: Uint8Array;
  readonly suite: number;
  readonly compression: number;
  readonly extensions: Extensions;
}

/** One certificate of a chain (RFC 8446 §4.4.2). */
export interface CertificateEntry {
  /** DER. */
  readonly certificate: Uint8Array;
  readonly extensions: Extensions;
}

/** Certificate (RFC 8446 §4.4.2). */
export interface CertificateMessage {
  readonly context: Uint8Array;
  readonly entries: readonly CertificateEntry[];
}

/** CertificateRequest (RFC 8446 §4.3.2). */
export interface CertificateRequest {
  readonly context: Uint8Array;
  readonly extensions: Extensions;
}

/** CertificateVerify (RFC 8446 §4.4.3). */
export interface CertificateVerify {
  readonly scheme: number;
  readonly signature: Uint8Array;
}

/** NewSessionTicket (RFC 8446 §4.6.1). */
export interface NewSessionTicket {
  /** Seconds. */
  readonly lifetime: number;
  readonly ageAdd: number;
  readonly nonce: Uint8Array;
  readonly ticket: Uint8Array;
  readonly extensions: Extensions;
}

/** Reads a ClientHello. One without extensions is of an older TLS and reads as one with none. */
export function readClientHello(body: Uint8Array): ClientHello {
  const r = new TlsReader(body, "ClientHello");
  const hello = {
    legacyVersion: r.u16(),
    random: r.bytes(32),
    sessionId: r.vector(1, 0, 32),
    suites: r.codes(2),
    compressions: r.vector(1, 1),
    extensions: r.left === 0 ? new Map<number, Uint8Array>() : readExtensions(r, "ClientHello"),
  };
  r.end();
  return hello;
}

/** Writes a ClientHello. */
export function writeClientHello(hello: ClientHello): Uint8Array {
  return write(HandshakeType.clientHello, (w) => {
    w.u16(hello.legacyVersion).bytes(hello.random).vector(1, hello.sessionId);
    w.codes(2, hello.suites).vector(1, hello.compressions);
    writeExtensions(w, hello.extensions);
  });
}

/** Reads a ServerHello or HelloRetryRequest; `isRetry` tells them apart. */
export function readServerHello(body: Uint8Array): ServerHello {
  const r = new TlsReader(body, "ServerHello");
  const hello = {
    legacyVersion: r.u16(),
    random: r.bytes(32),
    sessionId: r.vector(1, 0, 32),
    suite: r.u16(),
    compression: r.u8(),
    extensions: r.left === 0 ? new Map<number, Uint8Array>() : readExtensions(r, "ServerHello"),
  };
  r.end();
  return hello;
}

/** Whether a ServerHello is a HelloRetryRequest. */
export function isRetry(hello: ServerHello): boolean {
  return sameBytes(hello.random, RETRY_RANDOM);
}

/** Writes a ServerHello. */
export function writeServerHello(hello: ServerHello): Uint8Array {
  return write(HandshakeType.serverHello, (w) => {
    w.u16(hello.legacyVersion).bytes(hello.random).vector(1, hello.sessionId).u16(hello.suite).u8(hello.compression);
    writeExtensions(w, hello.extensions);
  });
}

/** Writes a HelloRetryRequest. */
export function writeHelloRetryRequest(suite: number, extensions: Extensions): Uint8Array {
  return writeServerHello({
    legacyVersion: LEGACY_VERSION,
    random: RETRY_RANDOM,
    sessionId: new Uint8Array(),
    suite,
    compression: 0,
    extensions,
  });
}

/** Reads EncryptedExtensions. */
export function readEncryptedExtensions(body: Uint8Array): Extensions {
  const r = new TlsReader(body, "EncryptedExtensions");
  const extensions = readExtensions(r, "EncryptedExtensions");
  r.end();
  return extensions;
}

/** Writes EncryptedExtensions. */
export function writeEncryptedExtensions(extensions: Extensions): Uint8Array {
  return write(HandshakeType.encryptedExtensions, (w) => writeExtensions(w, extensions));
}

/** Reads a CertificateRequest. */
export function readCertificateRequest(body: Uint8Array): CertificateRequest {
  const r = new TlsReader(body, "CertificateRequest");
  const request = { context: r.vector(1), extensions: readExtensions(r, "CertificateRequest") };
  r.end();
  return request;
}

/** Writes a CertificateRequest. */
export function writeCertificateRequest(request: CertificateRequest): Uint8Array {
  return write(HandshakeType.certificateRequest, (w) => {
    writeExtensions(w.vector(1, request.context), request.extensions);
  });
}

/** Reads a Certificate; refuses more than `MAX_CERTIFICATES`. */
export function readCertificate(body: Uint8Array): CertificateMessage {
  const r = new TlsReader(body, "Certificate");
  const context = r.vector(1);
  const list = new TlsReader(r.vector(3), "Certificate");
  r.end();
  const entries: CertificateEntry[] = [];
  while (list.left > 0) {
    if (entries.length === MAX_CERTIFICATES) {
      throw new TlsAlert("bad_certificate", `Too many certificates in the chain: expected at most ${MAX_CERTIFICATES}`);
    }
    entries.push({ certificate: list.vector(3, 1), extensions: readExtensions(list, "Certificate") });
  }
  return { context, entries };
}

/** Writes a Certificate. */
export function writeCertificate(message: CertificateMessage): Uint8Array {
  return write(HandshakeType.certificate, (w) => {
    w.vector(1, message.context).nest(3, () => {
      for (const entry of message.entries) writeExtensions(w.vector(3, entry.certificate), entry.extensions);
    });
  });
}

/** Reads a CertificateVerify. */
export function readCertificateVerify(body: Uint8Array): CertificateVerify {
  const r = new TlsReader(body, "CertificateVerify");
  const verify = { scheme: r.u16(), signature: r.vector(2) };
  r.end();
  return verify;
}

/** Writes a CertificateVerify. */
export function writeCertificateVerify(verify: CertificateVerify): Uint8Array {
  return write(HandshakeType.certificateVerify, (w) => w.u16(verify.scheme).vector(2, verify.signature));
}

/** Reads a Finished: its verify_data, which must have the hash's `length`. */
export function readFinished(body: Uint8Array, length: number): Uint8Array {
  const r = new TlsReader(body, "Finished");
  const data = r.bytes(length);
  r.end();
  return data;
}

/** Writes a Finished. */
export function writeFinished(verifyData: Uint8Array): Uint8Array {
  return write(HandshakeType.finished, (w) => w.bytes(verifyData));
}

/** Reads a NewSessionTicket. */
export function readNewSessionTicket(body: Uint8Array): NewSessionTicket {
  const r = new TlsReader(body, "NewSessionTicket");
  const ticket = {
    lifetime: r.u32(),
    ageAdd: r.u32(),
    nonce: r.vector(1),
    ticket: r.vector(2, 1),
    extensions: readExtensions(r, "NewSessionTicket"),
  };
  r.end();
  return ticket;
}

/** Writes a NewSessionTicket. */
export function writeNewSessionTicket(ticket: NewSessionTicket): Uint8Array {
  return write(HandshakeType.newSessionTicket, (w) => {
    w.u32(ticket.lifetime).u32(ticket.ageAdd).vector(1, ticket.nonce).vector(2, ticket.ticket);
    writeExtensions(w, ticket.extensions);
  });
}

/** The synthetic message that stands for a first ClientHello in the transcript (RFC 8446 §4.4.1). */
export function writeMessageHash(digest: Uint8Array): Uint8Array {
  return write(HandshakeType.messageHash, (w) => w.bytes(digest));
}

function write(type: number, body: (writer: TlsWriter) => void): Uint8Array {
  return new TlsWriter().u8(type).nest(3, body).take();
}
