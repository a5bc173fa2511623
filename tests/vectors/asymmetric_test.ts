import { assertEquals, assertThrows } from "@std/assert";
import { makeKeyShare, verifySignature } from "../../crypto/asymmetric.ts";
import { CryptoError, type GroupName } from "../../crypto/mod.ts";
import vectors from "./asymmetric_vectors.json" with { type: "json" };

function bytes(hex: string): Uint8Array {
  return Uint8Array.fromHex(hex === "-" ? "" : hex);
}

for (const set of vectors.signatures) {
  const scheme = set.cases[0]!.split(" ")[1]!;
  Deno.test(`verifySignature() 0x${scheme}: ${set.source}`, () => {
    for (const line of set.cases) {
      const [verdict, id, key, message, signature] = line.split(" ") as [string, string, string, string, string];
      const isRight = verifySignature(parseInt(id, 16), bytes(key), bytes(message), bytes(signature));
      assertEquals(isRight, verdict === "ok", line);
    }
  });
}

Deno.test(`agree(): ${vectors.agreements.source}`, () => {
  for (const line of vectors.agreements.cases) {
    const [verdict, group, own, publicKey, peer, secret] = line.split(" ") as [
      string,
      GroupName,
      string,
      string,
      string,
      string,
    ];
    const share = makeKeyShare(group, (into) => verdict === "ok" ? into.set(bytes(own)) : into.fill(1));
    if (verdict === "bad") {
      assertThrows(() => share.agree(bytes(peer)), CryptoError, undefined, line);
      continue;
    }
    assertEquals(share.publicKey.toHex(), publicKey, line);
    assertEquals(share.agree(bytes(peer)).toHex(), secret, line);
  }
});
