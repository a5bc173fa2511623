import { assert, assertEquals, assertThrows } from "@std/assert";
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { SignatureScheme as S, signingKeyFromPem, VERIFY_SCHEMES, verifySignature } from "./asymmetric.ts";
import { CryptoError } from "./provider.ts";

interface TestKey {
  readonly name: string;
  /** The same key in each PEM form that it can have. */
  readonly pems: readonly string[];
  readonly spki: Uint8Array;
  readonly schemes: readonly number[];
}

type PemType = "pkcs8" | "sec1" | "pkcs1";

function testKey(
  name: string,
  pair: { privateKey: KeyObject; publicKey: KeyObject },
  types: readonly PemType[],
  schemes: readonly number[],
): TestKey {
  const pems = types.map((type) => pair.privateKey.export({ format: "pem", type: type as "pkcs8" }).toString());
  return { name, pems, spki: new Uint8Array(pair.publicKey.export({ format: "der", type: "spki" })), schemes };
}

const ec = (namedCurve: string) => generateKeyPairSync("ec", { namedCurve });
const RSA = generateKeyPairSync("rsa", { modulusLength: 2048 });

/** DER of one element. */
function der(tag: number, ...parts: Uint8Array[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const header = length < 128 ? [tag, length] : [tag, 0x82, length >> 8, length & 0xff];
  return Uint8Array.from([...header, ...parts.flatMap((part) => [...part])]);
}

const hex = Uint8Array.fromHex;
const OID_RSASSA_PSS = hex("06092a864886f70d01010a");
/** RSASSA-PSS-params: SHA-384, MGF1 with SHA-384, 48 bytes of salt (RFC 4055 §3.1). */
const SHA384_ALGORITHM = der(0x30, hex("0609608648016503040202"), hex("0500"));
const BOUND_TO_SHA384 = der(
  0x30,
  der(0xa0, SHA384_ALGORITHM),
  der(0xa1, der(0x30, hex("06092a864886f70d010108"), SHA384_ALGORITHM)),
  der(0xa2, hex("020130")),
);

/** The RSA key as one for RSA-PSS only, which the platform reads and does not write. */
function pssKey(name: string, schemes: readonly number[], parameters: Uint8Array = new Uint8Array(0)): TestKey {
  const algorithm = der(0x30, OID_RSASSA_PSS, parameters);
  const privateKey = new Uint8Array(RSA.privateKey.export({ format: "der", type: "pkcs1" }));
  const publicKey = new Uint8Array(RSA.publicKey.export({ format: "der", type: "pkcs1" }));
  const pkcs8 = der(0x30, hex("020100"), algorithm, der(0x04, privateKey));
  const pem = `-----BEGIN PRIVATE KEY-----\n${pkcs8.toBase64()}\n-----END PRIVATE KEY-----\n`;
  return { name, pems: [pem], spki: der(0x30, algorithm, der(0x03, Uint8Array.of(0), publicKey)), schemes };
}

const KEYS: readonly TestKey[] = [
  testKey("P-256", ec("prime256v1"), ["pkcs8", "sec1"], [S.ECDSA_SECP256R1_SHA256]),
  testKey("P-384", ec("secp384r1"), ["pkcs8", "sec1"], [S.ECDSA_SECP384R1_SHA384]),
  testKey("P-521", ec("secp521r1"), ["pkcs8"], [S.ECDSA_SECP521R1_SHA512]),
  testKey("Ed25519", generateKeyPairSync("ed25519"), ["pkcs8"], [S.ED25519]),
  testKey("RSA", RSA, ["pkcs8", "pkcs1"], [
    S.RSA_PSS_RSAE_SHA256,
    S.RSA_PSS_RSAE_SHA384,
    S.RSA_PSS_RSAE_SHA512,
  ]),
  pssKey("RSA-PSS", [S.RSA_PSS_PSS_SHA256, S.RSA_PSS_PSS_SHA384, S.RSA_PSS_PSS_SHA512]),
];

const DATA = new TextEncoder().encode("TLS 1.3, server CertificateVerify");

for (const key of KEYS) {
  Deno.test(`signingKey() ${key.name}: reads each PEM form and knows its schemes`, () => {
    for (const pem of key.pems) assertEquals(signingKeyFromPem(pem).schemes, key.schemes);
  });

  Deno.test(`sign() and verify() ${key.name}: right under the scheme it was made with and no other`, () => {
    for (const scheme of key.schemes) {
      const signature = signingKeyFromPem(key.pems[0]!).sign(scheme, DATA);
      assertEquals(signature.constructor, Uint8Array);
      for (const other of VERIFY_SCHEMES) {
        assertEquals(verifySignature(other, key.spki, DATA, signature), other === scheme, `0x${other.toString(16)}`);
      }
    }
  });

  Deno.test(`verify() ${key.name}: false for other data, signatures and keys, never an error`, () => {
    const scheme = key.schemes[0]!;
    const signature = signingKeyFromPem(key.pems[0]!).sign(scheme, DATA);
    const isRight = (spki: Uint8Array, data: Uint8Array, s: Uint8Array) => verifySignature(scheme, spki, data, s);
    assert(isRight(key.spki, DATA, signature));
    assertEquals(isRight(key.spki, DATA.with(0, 0), signature), false);
    assertEquals(isRight(key.spki, DATA, signature.subarray(1)), false);
    assertEquals(isRight(key.spki, DATA, new Uint8Array(0)), false);
    assertEquals(isRight(key.spki, DATA, signature.with(-1, signature.at(-1)! ^ 1)), false);
    assertEquals(isRight(key.spki.subarray(1), DATA, signature), false);
    assertEquals(isRight(new Uint8Array(0), DATA, signature), false);
    for (const other of KEYS) if (other !== key) assertEquals(isRight(other.spki, DATA, signature), false);
  });

  Deno.test(`verify() ${key.name} takes views into a larger array`, () => {
    const scheme = key.schemes[0]!;
    const signature = signingKeyFromPem(key.pems[0]!).sign(scheme, DATA);
    const all = new Uint8Array(3 + key.spki.length + signature.length + 3);
    all.set(key.spki, 3);
    all.set(signature, 3 + key.spki.length);
    const spki = all.subarray(3, 3 + key.spki.length);
    assert(verifySignature(scheme, spki, DATA, all.subarray(3 + key.spki.length, all.length - 3)));
  });

  Deno.test(`sign() ${key.name} refuses schemes that are not the key's`, () => {
    const signer = signingKeyFromPem(key.pems[0]!);
    for (const scheme of [...VERIFY_SCHEMES, 0x0401, 0x0201]) {
      if (!key.schemes.includes(scheme)) assertThrows(() => signer.sign(scheme, DATA), CryptoError, "expected");
    }
  });
}

Deno.test("signingKey() takes a PEM file that begins with EC PARAMETERS", () => {
  const parameters = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
  assertEquals(signingKeyFromPem(parameters + KEYS[0]!.pems[1]!).schemes, [S.ECDSA_SECP256R1_SHA256]);
});

Deno.test("signingKey() of an RSA-PSS key that is bound to a hash has the schemes of that hash", () => {
  const key = pssKey("bound", [S.RSA_PSS_PSS_SHA384], BOUND_TO_SHA384);
  const signer = signingKeyFromPem(key.pems[0]!);
  assertEquals(signer.schemes, key.schemes);
  const signature = signer.sign(S.RSA_PSS_PSS_SHA384, DATA);
  assert(verifySignature(S.RSA_PSS_PSS_SHA384, key.spki, DATA, signature));
  assertEquals(verifySignature(S.RSA_PSS_PSS_SHA256, key.spki, DATA, signature), false);
});

Deno.test("signingKey() refuses what is no key, and keys that TLS 1.3 cannot use", () => {
  const encrypted = RSA.privateKey.export({ format: "pem", type: "pkcs8", cipher: "aes-256-cbc", passphrase: "x" });
  const publicKey = RSA.publicKey.export({ format: "pem", type: "spki" });
  for (const pem of ["", "no key", encrypted.toString(), publicKey.toString()]) {
    assertThrows(() => signingKeyFromPem(pem), CryptoError, "expected PEM");
  }
  const unusable = [
    generateKeyPairSync("x25519"),
    ec("secp256k1"),
    generateKeyPairSync("rsa", { modulusLength: 1024 }),
  ];
  for (const pair of unusable) {
    const pem = testKey("", pair, ["pkcs8"], []).pems[0]!;
    assertThrows(() => signingKeyFromPem(pem), CryptoError, "no signature scheme");
  }
});

Deno.test("verify() refuses RSA keys of less than 2048 bits", () => {
  const weak = testKey("", generateKeyPairSync("rsa", { modulusLength: 1024 }), ["pkcs8"], []);
  assertEquals(verifySignature(S.RSA_PSS_RSAE_SHA256, weak.spki, DATA, new Uint8Array(128)), false);
});

Deno.test("verify() knows no scheme outside its list", () => {
  for (const scheme of [0, 0x0201, 0x0401, 0x0808, 0xffff]) {
    assertEquals(verifySignature(scheme, KEYS[0]!.spki, DATA, new Uint8Array(64)), false);
  }
});
