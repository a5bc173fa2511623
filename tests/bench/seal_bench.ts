/**
 * What a packet costs: 1200 bytes with a 20-byte header, per provider and suite. "ring" is the whole way of a 1-RTT packet,
 * header protection included.
 *
 * @module
 */
import { AES_128_GCM, AES_256_GCM, CHACHA20_POLY1305, KeyRing, nobleProvider, nodeProvider } from "../../crypto/mod.ts";

const HEADER = 20;
const NUMBER_AT = HEADER - 4;
const END = HEADER + 1200;
const SECRET = new Uint8Array(48).fill(7);
const PROVIDERS = [nodeProvider(), nobleProvider()];
const SUITES = [CHACHA20_POLY1305, AES_128_GCM, AES_256_GCM];

for (const suite of SUITES) {
  // A benchmark of AES would otherwise end at the confidentiality limit.
  const unlimited = { ...suite, confidentialityLimit: Infinity };
  for (const provider of PROVIDERS) {
    const key = SECRET.subarray(0, suite.keyLength);
    const nonce = new Uint8Array(12);
    const buffer = new Uint8Array(1500);
    const aead = provider.aead(suite, key);
    const group = `${suite.name}, 1200 bytes`;

    Deno.bench(`seal, ${provider.name}`, { group }, () => {
      aead.seal(nonce, buffer, 0, HEADER, END);
    });

    const sealed = new Uint8Array(1500);
    aead.seal(nonce, sealed, 0, HEADER, END);
    const opened = sealed.slice();
    Deno.bench(`open, ${provider.name}`, { group }, () => {
      opened.set(sealed);
      aead.open(nonce, opened, 0, HEADER, END + 16);
    });

    const ring = new KeyRing(provider);
    ring.install("application", "write", unlimited, SECRET.subarray(0, suite.hash === "sha256" ? 32 : 48));
    let number = 0;
    Deno.bench(`ring seal, ${provider.name}`, { group }, () => {
      buffer[0] = 0x43;
      ring.seal("application", buffer, 0, NUMBER_AT, 4, END, 1, number++);
    });
  }

  const header = nodeProvider().header(suite, SECRET.subarray(0, suite.keyLength));
  const mask = new Uint8Array(5);
  Deno.bench(`mask, ${suite.name}`, { group: "header protection" }, () => {
    header.mask(SECRET, 3, mask);
  });
}
