import { assertEquals } from "@std/assert";
import { nobleProvider } from "./noble_provider.ts";
import { nodeProvider } from "./node_provider.ts";
import { isRetryIntact, retryIntegrityTag } from "./retry_integrity.ts";
import { DESTINATION_ID, RETRY } from "../tests/vectors/rfc9001.ts";

const ID = Uint8Array.fromHex(DESTINATION_ID);
const PACKET = Uint8Array.fromHex(RETRY);

for (const provider of [nobleProvider(), nodeProvider()]) {
  Deno.test(`retryIntegrityTag() ${provider.name}: RFC 9001 §A.4`, () => {
    const tag = retryIntegrityTag(provider, ID, PACKET.subarray(0, -16));
    assertEquals(tag, PACKET.slice(-16));
  });

  Deno.test(`isRetryIntact() ${provider.name} takes the right packet and no other`, () => {
    assertEquals(isRetryIntact(provider, ID, PACKET), true);
    assertEquals(isRetryIntact(provider, ID.subarray(1), PACKET), false);
    for (let i = 0; i < PACKET.length; i++) {
      const changed = PACKET.slice();
      changed[i] = changed[i]! ^ 1;
      assertEquals(isRetryIntact(provider, ID, changed), false, `byte ${i}`);
    }
  });

  Deno.test(`isRetryIntact() ${provider.name} refuses packets shorter than a tag`, () => {
    for (const length of [0, 1, 15, 16]) {
      assertEquals(isRetryIntact(provider, ID, PACKET.subarray(0, length)), false);
    }
  });
}
