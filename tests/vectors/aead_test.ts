import { assertEquals } from "@std/assert";
import {
  AES_128_GCM,
  AES_256_GCM,
  CHACHA20_POLY1305,
  nobleProvider,
  nodeProvider,
  TAG_LENGTH,
} from "../../crypto/mod.ts";
import vectors from "./aead_vectors.json" with { type: "json" };

const SUITES = [AES_128_GCM, AES_256_GCM, CHACHA20_POLY1305];

function bytes(hex: string): Uint8Array {
  return Uint8Array.fromHex(hex === "-" ? "" : hex);
}

for (const provider of [nobleProvider(), nodeProvider()]) {
  for (const set of vectors.sets) {
    Deno.test(`aead() ${provider.name}: ${set.suite}, ${set.source}`, () => {
      const suite = SUITES.find((s) => s.name === set.suite)!;
      for (const line of set.cases) {
        const [verdict, key, nonce, aad, plain, sealed] = line.split(" ") as [
          string,
          string,
          string,
          string,
          string,
          string,
        ];
        const aead = provider.aead(suite, bytes(key));
        const packet = bytes((aad + sealed).replace("-", ""));
        const start = packet.length - bytes(sealed).length;
        const buffer = packet.slice();
        const end = aead.open(bytes(nonce), buffer, 0, start, buffer.length);
        if (verdict === "bad") {
          assertEquals(end, -1, line);
          assertEquals(buffer, packet, "a refused packet is as it was");
          continue;
        }
        assertEquals(end, packet.length - TAG_LENGTH, line);
        assertEquals(buffer.subarray(start, end), bytes(plain), line);
        assertEquals(aead.seal(bytes(nonce), buffer, 0, start, end), packet.length);
        assertEquals(buffer, packet, line);
      }
    });
  }
}
