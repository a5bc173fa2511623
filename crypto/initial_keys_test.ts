import { assertEquals, assertNotEquals } from "@std/assert";
import { expandLabel } from "./hkdf.ts";
import { initialSecrets } from "./initial_keys.ts";
import { nobleProvider } from "./noble_provider.ts";
import { nodeProvider } from "./node_provider.ts";
import { DESTINATION_ID, KEYS } from "../tests/vectors/rfc9001.ts";

const EMPTY = new Uint8Array(0);

for (const provider of [nobleProvider(), nodeProvider()]) {
  Deno.test(`initialSecrets() ${provider.name}: RFC 9001 §A.1, to the keys`, () => {
    const secrets = initialSecrets(provider, Uint8Array.fromHex(DESTINATION_ID));
    for (const side of ["client", "server"] as const) {
      const expected = KEYS[side];
      const secret = secrets[side];
      assertEquals(secret.toHex(), expected.secret);
      assertEquals(expandLabel(provider, "sha256", secret, "quic key", EMPTY, 16).toHex(), expected.key);
      assertEquals(expandLabel(provider, "sha256", secret, "quic iv", EMPTY, 12).toHex(), expected.iv);
      assertEquals(expandLabel(provider, "sha256", secret, "quic hp", EMPTY, 16).toHex(), expected.hp);
    }
  });
}

Deno.test("initialSecrets() takes ids from 0 to 20 bytes", () => {
  const provider = nobleProvider();
  const none = initialSecrets(provider, EMPTY);
  const longest = initialSecrets(provider, new Uint8Array(20));
  assertEquals(none.client.length, 32);
  assertNotEquals(none.client, longest.client);
  assertNotEquals(none.client, none.server);
});
