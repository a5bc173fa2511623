import { assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { HeaderProtection, PacketProtection } from "./packet_protection.ts";
import { nobleProvider } from "./noble_provider.ts";
import { nodeProvider } from "./node_provider.ts";
import type { CipherSuite } from "./provider.ts";
import { AES_128_GCM, AES_256_GCM, CHACHA20_POLY1305, hashLength } from "./suites.ts";
import { CHACHA20_SHORT, CLIENT_INITIAL, KEYS, SERVER_INITIAL } from "../tests/vectors/rfc9001.ts";

const SUITES = [AES_128_GCM, AES_256_GCM, CHACHA20_POLY1305];
const PROVIDERS = [nobleProvider(), nodeProvider()];

interface Example {
  readonly header: string;
  readonly numberAt: number;
  readonly number: number;
  readonly payload: string;
  readonly packet: string;
}

const EXAMPLES: readonly [string, CipherSuite, string, Example][] = [
  ["§A.2, client Initial", AES_128_GCM, KEYS.client.secret, CLIENT_INITIAL],
  ["§A.3, server Initial", AES_128_GCM, KEYS.server.secret, SERVER_INITIAL],
  ["§A.5, ChaCha20 short header", CHACHA20_POLY1305, CHACHA20_SHORT.secret, CHACHA20_SHORT],
];

/** Some bytes that belong to another packet. */
const BEFORE = 3;

for (const provider of PROVIDERS) {
  for (const [title, suite, secret, example] of EXAMPLES) {
    const headerLength = example.header.length / 2;
    const numberLength = headerLength - example.numberAt;
    const numberAt = BEFORE + example.numberAt;
    const clear = example.header + example.payload;

    Deno.test(`seal() ${provider.name}: RFC 9001 ${title}, byte for byte`, () => {
      const keys = new PacketProtection(provider, suite, Uint8Array.fromHex(secret));
      const buffer = new Uint8Array(1500);
      buffer.set(Uint8Array.fromHex(clear), BEFORE);
      const end = keys.seal(buffer, BEFORE, numberAt, numberLength, BEFORE + clear.length / 2, 0, example.number);
      assertEquals(buffer.subarray(BEFORE, end).toHex(), example.packet);
      assertEquals(buffer.subarray(0, BEFORE), new Uint8Array(BEFORE));
    });

    Deno.test(`open() ${provider.name}: RFC 9001 ${title}, byte for byte`, () => {
      const keys = new PacketProtection(provider, suite, Uint8Array.fromHex(secret));
      const buffer = new Uint8Array(1500);
      const end = BEFORE + example.packet.length / 2;
      buffer.set(Uint8Array.fromHex(example.packet), BEFORE);
      assertEquals(keys.header.remove(buffer, BEFORE, numberAt, end), numberLength);
      const plainEnd = keys.open(buffer, BEFORE, BEFORE + headerLength, end, 0, example.number);
      assertEquals(buffer.subarray(BEFORE, plainEnd).toHex(), clear);
    });
  }

  Deno.test(`next() ${provider.name}: the secret of RFC 9001 §A.5 after an update, the same header protection`, () => {
    const keys = new PacketProtection(provider, CHACHA20_POLY1305, Uint8Array.fromHex(CHACHA20_SHORT.secret));
    const fresh = new PacketProtection(provider, CHACHA20_POLY1305, Uint8Array.fromHex(CHACHA20_SHORT.ku), keys.header);
    const packets = [keys.next(), fresh].map((k) => {
      const buffer = new Uint8Array(60);
      return buffer.slice(0, k.seal(buffer, 0, 1, 2, 30, 5, 77));
    });
    assertEquals(packets[0], packets[1]);
    assertEquals(keys.next().header, keys.header);
    assertEquals(keys.sealed, 0);
  });
}

const packets = fc.record({
  suite: fc.constantFrom(...SUITES),
  isLong: fc.boolean(),
  low: fc.nat(0x0f),
  headerLength: fc.integer({ min: 1, max: 60 }),
  numberLength: fc.integer({ min: 1, max: 4 }),
  payload: fc.uint8Array({ minLength: 3, maxLength: 1400 }),
  path: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  number: fc.maxSafeNat(),
});

Deno.test("seal() then remove() and open() gives the packet back, from one provider to the other", () => {
  fc.assert(fc.property(packets, fc.boolean(), (p, nobleSeals) => {
    const secret = new Uint8Array(hashLength(p.suite.hash)).fill(9);
    const [noble, node] = PROVIDERS.map((provider) => new PacketProtection(provider, p.suite, secret));
    const [sealer, opener] = nobleSeals ? [noble!, node!] : [node!, noble!];
    const payloadStart = p.headerLength + p.numberLength;
    const end = payloadStart + p.payload.length;
    const buffer = new Uint8Array(end + 16);
    buffer[0] = (p.isLong ? 0xc0 : 0x40) | (p.low & ~3) | (p.numberLength - 1);
    for (let i = 1; i < payloadStart; i++) buffer[i] = i;
    buffer.set(p.payload, payloadStart);
    const clear = buffer.slice(0, end);
    const sealedEnd = sealer.seal(buffer, 0, p.headerLength, p.numberLength, end, p.path, p.number);
    assertEquals(sealedEnd, end + 16);
    assertEquals(buffer[0]! & 0xe0, clear[0]! & 0xe0);
    assertEquals(opener.header.remove(buffer, 0, p.headerLength, sealedEnd), p.numberLength);
    const asSealed = buffer.slice();
    // The path and the number are part of the nonce.
    assertEquals(opener.open(buffer, 0, payloadStart, sealedEnd, p.path === 0 ? 1 : p.path - 1, p.number), -1);
    assertEquals(opener.open(buffer, 0, payloadStart, sealedEnd, p.path, p.number === 0 ? 1 : p.number - 1), -1);
    assertEquals(buffer, asSealed);
    assertEquals(opener.open(buffer, 0, payloadStart, sealedEnd, p.path, p.number), end);
    assertEquals(buffer.subarray(0, end), clear);
  }));
});

Deno.test("seal() refuses packets too short for a sample and buffers too short for the tag", () => {
  const keys = new PacketProtection(nobleProvider(), AES_128_GCM, new Uint8Array(32));
  const buffer = new Uint8Array(40);
  assertThrows(() => keys.seal(buffer, 0, 10, 1, 13, 0, 0), RangeError, "at least 4");
  assertThrows(() => keys.seal(buffer, 0, 10, 1, 25, 0, 0), RangeError, "room for 16");
  assertEquals(keys.sealed, 0);
  assertEquals(keys.seal(buffer, 0, 10, 1, 14, 0, 0), 30);
  assertEquals(keys.seal(buffer, 0, 10, 1, 24, 0, 1), 40);
  assertEquals(keys.sealed, 2);
});

Deno.test("remove() refuses packets too short for a sample, and changes nothing", () => {
  const keys = new PacketProtection(nobleProvider(), AES_128_GCM, new Uint8Array(32));
  const buffer = new Uint8Array(40).fill(0x55);
  assertEquals(keys.header.remove(buffer, 0, 9, 28), -1);
  assertEquals(buffer, new Uint8Array(40).fill(0x55));
  assertNotEquals(keys.header.remove(buffer, 0, 9, 29), -1);
});

Deno.test("HeaderProtection changes the low 4 bits of a long header's first byte and 5 of a short one's", () => {
  const protection = new HeaderProtection({ mask: (_buffer, _at, into) => void into.fill(0xff) });
  for (const [first, expected] of [[0xc1, 0xce], [0x80, 0x8f], [0x41, 0x5e], [0x00, 0x1f]] as const) {
    const buffer = new Uint8Array(40);
    buffer[0] = first;
    protection.apply(buffer, 0, 1, 2);
    assertEquals(buffer[0], expected);
    assertEquals(buffer.slice(1, 4), Uint8Array.of(0xff, 0xff, 0));
    assertEquals(protection.remove(buffer, 0, 1, 40), (first & 3) + 1);
    assertEquals(buffer[0], first);
  }
});
