import { assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { makeKeyShare } from "./key_exchange.ts";
import { CryptoError, type GroupName, type RandomBytes } from "./provider.ts";

const GROUPS: readonly GroupName[] = ["x25519", "secp256r1"];
const LENGTHS = { x25519: 32, secp256r1: 65 } as const;
const P256_ORDER = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";

/** A source that gives these values, one a call, the last again and again; and counts the calls. */
function source(...values: string[]): RandomBytes & { calls: number } {
  const random = (into: Uint8Array) =>
    into.set(Uint8Array.fromHex(values[Math.min(random.calls++, values.length - 1)]!));
  random.calls = 0;
  return random;
}

function filled(byte: number): RandomBytes {
  return (into) => into.fill(byte);
}

for (const group of GROUPS) {
  Deno.test(`keyShare() ${group}: same bytes, same pair; other bytes, another`, () => {
    const [a, b, c] = [filled(1), filled(1), filled(2)].map((random) => makeKeyShare(group, random));
    assertEquals(a!.publicKey, b!.publicKey);
    assertNotEquals(a!.publicKey, c!.publicKey);
    assertEquals(a!.publicKey.length, LENGTHS[group]);
    assertEquals(a!.group, group);
    assertEquals(a!.agree(c!.publicKey), b!.agree(c!.publicKey));
  });

  Deno.test(`agree() ${group}: both sides have the same secret, whatever becomes of the random bytes`, () => {
    const shared = new Uint8Array(32);
    const reused: RandomBytes = (into) => {
      into.set(shared.fill(shared[0]! + 1).subarray(0, into.length));
    };
    const client = makeKeyShare(group, reused);
    const server = makeKeyShare(group, reused);
    const secret = client.agree(server.publicKey);
    assertEquals(secret, server.agree(client.publicKey));
    assertEquals(secret.length, 32);
    assertEquals(secret.constructor, Uint8Array);
  });

  Deno.test(`agree() ${group} takes a view into a larger array`, () => {
    const client = makeKeyShare(group, filled(1));
    const server = makeKeyShare(group, filled(2));
    const packet = new Uint8Array(100);
    packet.set(server.publicKey, 7);
    assertEquals(client.agree(packet.subarray(7, 7 + LENGTHS[group])), client.agree(server.publicKey));
  });

  Deno.test(`agree() ${group} refuses keys of another length`, () => {
    const share = makeKeyShare(group, filled(1));
    for (const length of [0, 1, LENGTHS[group] - 1, LENGTHS[group] + 1]) {
      assertThrows(() => share.agree(new Uint8Array(length).fill(4)), CryptoError, "expected");
    }
  });
}

Deno.test("agree() x25519 refuses points of small order, which give an all-zero secret (RFC 8446 §7.4.2)", () => {
  const share = makeKeyShare("x25519", filled(1));
  const small = [
    "00".repeat(32),
    "01" + "00".repeat(31),
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ec" + "ff".repeat(30) + "7f",
    "ed" + "ff".repeat(30) + "7f",
    "ee" + "ff".repeat(30) + "7f",
  ];
  for (const point of small) assertThrows(() => share.agree(Uint8Array.fromHex(point)), CryptoError);
});

Deno.test("agree() secp256r1 refuses what is no uncompressed point of the curve (RFC 8446 §4.2.8.2)", () => {
  const share = makeKeyShare("secp256r1", filled(1));
  const peer = makeKeyShare("secp256r1", filled(2)).publicKey;
  const changed = (at: number, bit: number) => peer.with(at, peer[at]! ^ bit);
  const invalid = [
    changed(64, 1),
    changed(1, 1),
    changed(0, 0x06),
    peer.slice(0, 33).with(0, 2 + (peer[64]! & 1)),
    new Uint8Array(65),
    new Uint8Array(65).with(0, 4),
    new Uint8Array(65).fill(0xff).with(0, 4),
    Uint8Array.of(0),
  ];
  for (const point of invalid) assertThrows(() => share.agree(point), CryptoError);
});

Deno.test("keyShare() secp256r1 asks again for scalars out of range", () => {
  const random = source("00".repeat(32), "ff".repeat(32), P256_ORDER, "00".repeat(31) + "01");
  const share = makeKeyShare("secp256r1", random);
  assertEquals(random.calls, 4);
  // The generator itself (FIPS 186-4 §D.1.2.3).
  assertEquals(
    share.publicKey.toHex(),
    "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296" +
      "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5",
  );
  assertEquals(makeKeyShare("secp256r1", source(P256_ORDER.slice(0, -1) + "0")).publicKey.length, 65);
});

Deno.test("keyShare() secp256r1 gives up on a source that is not random", () => {
  assertThrows(() => makeKeyShare("secp256r1", filled(0)), CryptoError, "expected random bytes");
});
