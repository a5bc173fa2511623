import { assert, assertEquals, assertThrows } from "@std/assert";
import { initialSecrets } from "./initial_keys.ts";
import { KeyError } from "./key_error.ts";
import { type KeyLevel, KeyRing } from "./key_ring.ts";
import { nobleProvider } from "./noble_provider.ts";
import { nodeProvider } from "./node_provider.ts";
import type { CipherSuite } from "./provider.ts";
import { AES_128_GCM, CHACHA20_POLY1305 } from "./suites.ts";
import { CHACHA20_SHORT, CLIENT_INITIAL, DESTINATION_ID } from "../tests/vectors/rfc9001.ts";

const LEVELS: readonly KeyLevel[] = ["initial", "early", "handshake", "application"];
const SECRET = new Uint8Array(32).fill(3);
const NUMBER_AT = 9;
const PAYLOAD_AT = 11;
const SIZE = 40;

/** A packet of the level, with a 2-byte packet number, sealed. */
function seal(ring: KeyRing, level: KeyLevel, number: number, path = 0): Uint8Array {
  const buffer = new Uint8Array(SIZE + 16);
  buffer[0] = level === "application" ? 0x41 : 0xc1;
  buffer[NUMBER_AT] = number >> 8;
  buffer[NUMBER_AT + 1] = number;
  buffer.fill(0xaa, PAYLOAD_AT, SIZE);
  assertEquals(ring.seal(level, buffer, 0, NUMBER_AT, 2, SIZE, path, number), SIZE + 16);
  return buffer;
}

/** What became of it at the other end. */
function receive(ring: KeyRing, level: KeyLevel, packet: Uint8Array, path = 0): string {
  const buffer = packet.slice();
  const length = ring.unprotect(level, buffer, 0, NUMBER_AT, buffer.length);
  if (length < 0) return ring.outcome;
  const end = ring.open(level, buffer, 0, NUMBER_AT + length, buffer.length, path, ring.truncatedNumber, ring.keyPhase);
  assertEquals(end, ring.outcome === "opened" || ring.outcome === "key_update" ? SIZE : -1);
  if (end > 0) assertEquals(buffer.slice(PAYLOAD_AT, end), new Uint8Array(SIZE - PAYLOAD_AT).fill(0xaa));
  return ring.outcome;
}

function ringWith(level: KeyLevel, use: "read" | "write", suite: CipherSuite = AES_128_GCM): KeyRing {
  const ring = new KeyRing(nobleProvider());
  ring.install(level, use, suite, SECRET);
  return ring;
}

/** A packet that no key opens. */
function forged(level: KeyLevel): Uint8Array {
  const packet = new Uint8Array(SIZE + 16).fill(0x5a);
  packet[0] = level === "application" ? 0x41 : 0xc1;
  return packet;
}

for (const provider of [nobleProvider(), nodeProvider()]) {
  Deno.test(`KeyRing ${provider.name}: the client Initial of RFC 9001 §A.2, both ends`, () => {
    const secrets = initialSecrets(provider, Uint8Array.fromHex(DESTINATION_ID));
    const client = new KeyRing(provider);
    const server = new KeyRing(provider);
    client.install("initial", "write", AES_128_GCM, secrets.client);
    server.install("initial", "read", AES_128_GCM, secrets.client);
    const { header, numberAt, number, payload, packet } = CLIENT_INITIAL;
    const buffer = Uint8Array.fromHex(header + payload + "00".repeat(16));
    const end = client.seal("initial", buffer, 0, numberAt, 4, buffer.length - 16, 0, number);
    assertEquals(buffer.subarray(0, end).toHex(), packet);
    assertEquals(server.unprotect("initial", buffer, 0, numberAt, end), 4);
    assertEquals(server.firstByte, 0xc3);
    assertEquals(server.truncatedNumber, number);
    assertEquals(server.open("initial", buffer, 0, numberAt + 4, end, 0, number, 0), end - 16);
    assertEquals(buffer.subarray(0, end - 16).toHex(), header + payload);
  });

  Deno.test(`KeyRing ${provider.name}: the short header of RFC 9001 §A.5`, () => {
    const ring = new KeyRing(provider);
    const secret = Uint8Array.fromHex(CHACHA20_SHORT.secret);
    ring.install("application", "write", CHACHA20_POLY1305, secret);
    ring.install("application", "read", CHACHA20_POLY1305, secret);
    const buffer = Uint8Array.fromHex(CHACHA20_SHORT.header + CHACHA20_SHORT.payload + "00".repeat(16));
    assertEquals(ring.seal("application", buffer, 0, 1, 3, 5, 0, CHACHA20_SHORT.number), 21);
    assertEquals(buffer.toHex(), CHACHA20_SHORT.packet);
    assertEquals(ring.unprotect("application", buffer, 0, 1, 21), 3);
    assertEquals(ring.truncatedNumber, 49140);
    assertEquals(ring.keyPhase, 0);
  });
}

for (const level of LEVELS) {
  Deno.test(`KeyRing ${level}: keys come with install() and go with discard()`, () => {
    const writer = ringWith(level, "write");
    const reader = ringWith(level, "read");
    assertEquals([writer.has(level, "write"), writer.has(level, "read")], [true, false]);
    assertEquals([reader.has(level, "write"), reader.has(level, "read")], [false, true]);
    for (const other of LEVELS) if (other !== level) assertEquals(reader.has(other, "read"), false);
    const packet = seal(writer, level, 5);
    assertEquals(receive(reader, level, packet), "opened");
    reader.discard(level);
    writer.discard(level);
    assertEquals(reader.has(level, "read"), false);
    assertEquals(receive(reader, level, packet), "no_keys");
    assertThrows(() => seal(writer, level, 6), Error, "expected them to be installed");
  });

  Deno.test(`KeyRing ${level}: a packet number serves once`, () => {
    const ring = ringWith(level, "write");
    seal(ring, level, 5);
    assertThrows(() => seal(ring, level, 5), RangeError, "expected a higher one");
    assertThrows(() => seal(ring, level, 4), RangeError, "expected a higher one");
    seal(ring, level, 7);
  });

  Deno.test(`KeyRing ${level}: packets that fail to open are counted, and are as they were but for the header`, () => {
    const ring = ringWith(level, "read");
    const packet = forged(level);
    const original = packet.slice();
    assertEquals(ring.unprotect(level, packet, 0, NUMBER_AT, packet.length) > 0, true);
    assertEquals(ring.open(level, packet, 0, PAYLOAD_AT, packet.length, 0, 0, 0), -1);
    assertEquals(ring.outcome, "failed");
    assertEquals(ring.failures, 1);
    assertEquals(packet.slice(NUMBER_AT + 4), original.slice(NUMBER_AT + 4));
  });

  Deno.test(`KeyRing ${level}: packets too short for a sample are told apart and not counted`, () => {
    const ring = ringWith(level, "read");
    assertEquals(ring.unprotect(level, new Uint8Array(NUMBER_AT + 19), 0, NUMBER_AT, NUMBER_AT + 19), -1);
    assertEquals(ring.outcome, "too_short");
    assertEquals(ring.failures, 0);
  });

  Deno.test(`seal() ${level} throws AEAD_LIMIT before the confidentiality limit, and leaves room for a close`, () => {
    const ring = ringWith(level, "write", { ...AES_128_GCM, confidentialityLimit: 24 });
    for (let number = 0; number < 21; number++) seal(ring, level, number);
    const error = assertThrows(() => seal(ring, level, 21), KeyError, "expected a key update");
    assertEquals(error.kind, "aead_limit");
    for (let number = 21; number < 24; number++) seal(ring, level, number);
    assertThrows(() => seal(ring, level, 24), KeyError);
    assertThrows(() => seal(ring, level, 24), KeyError);
  });

  Deno.test(`open() ${level} throws AEAD_LIMIT past the integrity limit`, () => {
    const ring = ringWith(level, "read", { ...AES_128_GCM, integrityLimit: 3 });
    for (let i = 0; i < 3; i++) assertEquals(receive(ring, level, forged(level)), "failed");
    const error = assertThrows(() => receive(ring, level, forged(level)), KeyError, "expected at most 3");
    assertEquals(error.kind, "aead_limit");
  });
}

Deno.test("install() replaces Initial keys, as after a Retry, and no others", () => {
  const ring = ringWith("initial", "write");
  seal(ring, "initial", 0);
  ring.install("initial", "write", AES_128_GCM, SECRET.with(0, 1));
  seal(ring, "initial", 0);
  for (const level of LEVELS) {
    if (level === "initial") continue;
    const other = ringWith(level, "read");
    assertThrows(() => other.install(level, "read", AES_128_GCM, SECRET), Error, "expected to install them once");
  }
});

Deno.test("KeyRing counts failures over all levels, against the lowest limit of the suites in use", () => {
  const ring = new KeyRing(nobleProvider());
  ring.install("initial", "read", { ...AES_128_GCM, integrityLimit: 100 }, SECRET);
  ring.install("application", "read", { ...CHACHA20_POLY1305, integrityLimit: 2 }, SECRET);
  assertEquals(receive(ring, "application", forged("application")), "failed");
  assertEquals(receive(ring, "initial", forged("initial")), "failed");
  assertEquals(ring.failures, 2);
  assertThrows(() => receive(ring, "initial", forged("initial")), KeyError);
});

Deno.test("seal() counts the packets of all paths against one limit", () => {
  const ring = ringWith("application", "write", { ...AES_128_GCM, confidentialityLimit: 16 });
  for (let number = 0; number < 7; number++) {
    seal(ring, "application", number, 0);
    seal(ring, "application", number, 1);
  }
  const error = assertThrows(() => seal(ring, "application", 7, 2), KeyError);
  assertEquals(error.kind, "aead_limit");
});

Deno.test("KeyRing application: each path has its own packet numbers and nonces", () => {
  const writer = ringWith("application", "write");
  const reader = ringWith("application", "read");
  const paths = [0, 1, 0xffffffff];
  const packets = paths.map((path) => seal(writer, "application", 5, path));
  assertEquals(new Set(packets.map((packet) => packet.toHex())).size, paths.length);
  packets.forEach((packet, i) => {
    for (const path of paths) {
      assertEquals(receive(reader, "application", packet, path), path === paths[i] ? "opened" : "failed");
    }
  });
});

Deno.test("KeyRing other levels: there is one path, whatever is said", () => {
  const packet = seal(ringWith("handshake", "write"), "handshake", 5, 3);
  assertEquals(receive(ringWith("handshake", "read"), "handshake", packet, 0), "opened");
});

Deno.test("forgetPath() lets a ring that has seen many paths grow no further than those it has", () => {
  const writer = ringWith("application", "write");
  const reader = ringWith("application", "read");
  for (let path = 0; path < 100; path++) {
    assertEquals(receive(reader, "application", seal(writer, "application", 0, path), path), "opened");
    writer.forgetPath(path);
    reader.forgetPath(path);
  }
  assert(reader.has("application", "read"));
});
