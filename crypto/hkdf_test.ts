import { assertEquals, assertThrows } from "@std/assert";
import { expand, expandLabel, extract } from "./hkdf.ts";
import { nobleProvider } from "./noble_provider.ts";
import { nodeProvider } from "./node_provider.ts";
import { CryptoError } from "./provider.ts";
import { CHACHA20_SHORT } from "../tests/vectors/rfc9001.ts";

/** From the first byte to the last, as RFC 5869 §A.2 writes its inputs. */
function run(from: number, to: number): string {
  return Uint8Array.from({ length: to - from + 1 }, (_, i) => from + i).toHex();
}

/** RFC 5869 §A.1 to §A.3. */
const VECTORS = [
  {
    secret: "0b".repeat(22),
    salt: "000102030405060708090a0b0c",
    info: "f0f1f2f3f4f5f6f7f8f9",
    prk: "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5",
    okm: "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
  },
  {
    secret: run(0x00, 0x4f),
    salt: run(0x60, 0xaf),
    info: run(0xb0, 0xff),
    prk: "06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244",
    okm: "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09" +
      "da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87",
  },
  {
    secret: "0b".repeat(22),
    salt: "",
    info: "",
    prk: "19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04",
    okm: "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
  },
];

const hex = Uint8Array.fromHex;
const EMPTY = new Uint8Array(0);

for (const provider of [nobleProvider(), nodeProvider()]) {
  Deno.test(`extract() and expand() ${provider.name}: RFC 5869 §A`, () => {
    for (const v of VECTORS) {
      const prk = extract(provider, "sha256", hex(v.salt), hex(v.secret));
      assertEquals(prk.toHex(), v.prk);
      assertEquals(expand(provider, "sha256", prk, hex(v.info), v.okm.length / 2).toHex(), v.okm);
    }
  });

  Deno.test(`expandLabel() ${provider.name}: RFC 9001 §A.5`, () => {
    const derive = (label: string, length: number) =>
      expandLabel(provider, "sha256", hex(CHACHA20_SHORT.secret), label, EMPTY, length).toHex();
    assertEquals(derive("quic key", 32), CHACHA20_SHORT.key);
    assertEquals(derive("quic iv", 12), CHACHA20_SHORT.iv);
    assertEquals(derive("quic hp", 32), CHACHA20_SHORT.hp);
    assertEquals(derive("quic ku", 32), CHACHA20_SHORT.ku);
  });
}

Deno.test("expandLabel() depends on label, context and length", () => {
  const provider = nobleProvider();
  const secret = new Uint8Array(48);
  const of = (label: string, context: Uint8Array, length: number) =>
    expandLabel(provider, "sha384", secret, label, context, length).toHex();
  const all = [of("a", EMPTY, 32), of("b", EMPTY, 32), of("a", hex("00"), 32), of("a", EMPTY, 33)];
  assertEquals(new Set(all.map((s) => s.slice(0, 64))).size, 4);
});

Deno.test("expand() gives no bytes when asked for none", () => {
  assertEquals(expand(nobleProvider(), "sha256", new Uint8Array(32), EMPTY, 0).length, 0);
});

Deno.test("expand() and expandLabel() refuse what HKDF cannot give", () => {
  const provider = nobleProvider();
  const secret = new Uint8Array(32);
  assertEquals(expand(provider, "sha256", secret, EMPTY, 255 * 32).length, 255 * 32);
  assertThrows(() => expand(provider, "sha256", secret, EMPTY, 255 * 32 + 1), CryptoError, "expected 0 to 8160");
  assertThrows(() => expandLabel(provider, "sha256", secret, "a".repeat(250), EMPTY, 32), CryptoError, "256");
  assertThrows(() => expandLabel(provider, "sha256", secret, "a", new Uint8Array(256), 32), CryptoError, "256");
});
