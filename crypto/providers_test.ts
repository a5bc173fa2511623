import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { nobleProvider } from "./noble_provider.ts";
import { nodeProvider } from "./node_provider.ts";
import { CryptoError, type HashName } from "./provider.ts";
import { AES_128_GCM, AES_256_GCM, CHACHA20_POLY1305, suiteById, TAG_LENGTH } from "./suites.ts";

const SUITES = [AES_128_GCM, AES_256_GCM, CHACHA20_POLY1305];
const PROVIDERS = [nobleProvider(), nodeProvider()];
const HASHES: readonly HashName[] = ["sha256", "sha384"];

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });

/** A packet in a buffer: some bytes before it, associated data, a payload, room for the tag and more. */
const packets = fc.record({
  key: bytes(32),
  nonce: bytes(12),
  before: fc.nat(9),
  aad: fc.uint8Array({ maxLength: 40 }),
  payload: fc.uint8Array({ maxLength: 1500 }),
  after: fc.nat(9),
});

type Packet = typeof packets extends fc.Arbitrary<infer T> ? T : never;

function layOut(packet: Packet): { buffer: Uint8Array; aadStart: number; start: number; end: number } {
  const { before, aad, payload, after } = packet;
  const start = before + aad.length;
  const end = start + payload.length;
  const buffer = new Uint8Array(end + TAG_LENGTH + after).fill(0xee);
  buffer.set(aad, before);
  buffer.set(payload, start);
  return { buffer, aadStart: before, start, end };
}

for (const suite of SUITES) {
  Deno.test(`seal() ${suite.name}: both providers write the same, in place, and nothing else`, () => {
    fc.assert(fc.property(packets, (packet) => {
      const key = packet.key.subarray(0, suite.keyLength);
      const results = PROVIDERS.map((provider) => {
        const { buffer, aadStart, start, end } = layOut(packet);
        const before = buffer.slice();
        assertEquals(provider.aead(suite, key).seal(packet.nonce, buffer, aadStart, start, end), end + TAG_LENGTH);
        assertEquals(buffer.subarray(0, start), before.subarray(0, start));
        assertEquals(buffer.subarray(end + TAG_LENGTH), before.subarray(end + TAG_LENGTH));
        return buffer;
      });
      assertEquals(results[0], results[1]);
    }));
  });

  Deno.test(`open() ${suite.name}: each provider opens the other's, and refuses a changed bit without a trace`, () => {
    fc.assert(fc.property(packets, fc.nat(), (packet, flip) => {
      const key = packet.key.subarray(0, suite.keyLength);
      PROVIDERS.forEach((sealer, i) => {
        const opener = PROVIDERS[1 - i]!.aead(suite, key);
        const { buffer, aadStart, start, end } = layOut(packet);
        const plain = buffer.slice();
        const sealedEnd = sealer.aead(suite, key).seal(packet.nonce, buffer, aadStart, start, end);
        const at = aadStart + flip % (sealedEnd - aadStart);
        buffer[at] = buffer[at]! ^ (1 << (flip % 8));
        const changed = buffer.slice();
        assertEquals(opener.open(packet.nonce, buffer, aadStart, start, sealedEnd), -1);
        assertEquals(buffer, changed);
        buffer[at] = buffer[at]! ^ (1 << (flip % 8));
        assertEquals(opener.open(packet.nonce, buffer, aadStart, start, sealedEnd), end);
        assertEquals(buffer.subarray(0, end), plain.subarray(0, end));
      });
    }));
  });
}

for (const provider of PROVIDERS) {
  Deno.test(`aead() ${provider.name} keeps a copy of the key`, () => {
    for (const suite of SUITES) {
      const key = new Uint8Array(suite.keyLength).fill(7);
      const [a, b] = [new Uint8Array(40), new Uint8Array(40)];
      const aead = provider.aead(suite, key);
      aead.seal(new Uint8Array(12), a, 0, 4, 24);
      key.fill(0);
      aead.seal(new Uint8Array(12), b, 0, 4, 24);
      assertEquals(a, b);
    }
  });

  Deno.test(`open() ${provider.name} refuses what is shorter than a tag`, () => {
    for (const suite of SUITES) {
      const aead = provider.aead(suite, new Uint8Array(suite.keyLength));
      for (const length of [0, 1, 15]) {
        assertEquals(aead.open(new Uint8Array(12), new Uint8Array(40), 0, 4, 4 + length), -1);
      }
    }
  });

  Deno.test(`aead() ${provider.name} refuses keys that do not fit and unknown suites`, () => {
    for (const suite of SUITES) {
      assertThrows(() => provider.aead(suite, new Uint8Array(suite.keyLength + 1)), CryptoError, "expected");
    }
    assertThrows(() => provider.aead({ ...AES_128_GCM, id: 0x1304 }, new Uint8Array(16)), CryptoError, "0x1304");
  });

  Deno.test(`suites ${provider.name}: all three, ChaCha20 first`, () => {
    assertEquals(provider.suites, [CHACHA20_POLY1305, AES_128_GCM, AES_256_GCM]);
    assertEquals(provider.groups, ["x25519", "secp256r1"]);
  });

  Deno.test(`hash() ${provider.name}: FIPS 180-4 example "abc", plain arrays`, () => {
    const expected: Record<HashName, string> = {
      sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
      sha384: "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
    };
    for (const name of HASHES) {
      const hash = provider.hash(name);
      for (const byte of [0x61, 0x62, 0x63]) hash.update(Uint8Array.of(byte));
      assertEquals(hash.digest().toHex(), expected[name]);
      assertEquals(hash.digest().constructor, Uint8Array);
    }
  });

  Deno.test(`digest() ${provider.name} may be asked in between`, () => {
    for (const name of HASHES) {
      const hash = provider.hash(name);
      hash.update(Uint8Array.of(1));
      const first = hash.digest();
      assertEquals(hash.digest(), first);
      hash.update(Uint8Array.of(2));
      const whole = provider.hash(name);
      whole.update(Uint8Array.of(1, 2));
      assertEquals(hash.digest(), whole.digest());
    }
  });

  Deno.test(`hmac() ${provider.name}: RFC 4231 §4.2 and §4.7`, () => {
    const short: [HashName, string][] = [
      ["sha256", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"],
      ["sha384", "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59cfaea9ea9076ede7f4af152e8b2fa9cb6"],
    ];
    for (const [name, expected] of short) {
      const mac = provider.hmac(name, new Uint8Array(20).fill(0x0b), new TextEncoder().encode("Hi There"));
      assertEquals(mac.toHex(), expected);
    }
    const text = new TextEncoder().encode("Test Using Larger Than Block-Size Key - Hash Key First");
    assertEquals(
      provider.hmac("sha256", new Uint8Array(131).fill(0xaa), text).toHex(),
      "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
    );
  });
}

Deno.test("hash() and hmac(): both providers agree", () => {
  const pieces = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 5 });
  fc.assert(fc.property(fc.constantFrom(...HASHES), pieces, fc.uint8Array({ maxLength: 200 }), (name, data, key) => {
    const digests = PROVIDERS.map((provider) => {
      const hash = provider.hash(name);
      for (const piece of data) hash.update(piece);
      return hash.digest();
    });
    assertEquals(digests[0], digests[1]);
    const macs = PROVIDERS.map((provider) => provider.hmac(name, key, data[0] ?? key));
    assertEquals(macs[0], macs[1]);
  }));
});

Deno.test("suiteById() knows the three suites and no other", () => {
  for (const suite of SUITES) assertEquals(suiteById(suite.id), suite);
  for (const id of [0, 0x1300, 0x1304, 0x1305]) assertEquals(suiteById(id), undefined);
});

Deno.test("suites have the limits of RFC 9001 §6.6", () => {
  for (const suite of [AES_128_GCM, AES_256_GCM]) {
    assertEquals(suite.confidentialityLimit, 2 ** 23);
    assertEquals(suite.integrityLimit, 2 ** 52);
  }
  assertEquals(CHACHA20_POLY1305.confidentialityLimit, Infinity);
  assertEquals(CHACHA20_POLY1305.integrityLimit, 2 ** 36);
});
