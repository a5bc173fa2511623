/**
 * The integrity tag of Retry packets (RFC 9001 §5.8): it shows that whoever sent one has seen the Initial packet.
 *
 * @module
 */
import type { CryptoProvider } from "./provider.ts";
import { AES_128_GCM, TAG_LENGTH } from "./suites.ts";

/** Fixed for QUIC version 1, and public. */
const RETRY_KEY = Uint8Array.fromHex("be0c690b9f66575a1d766b54e368c84e");
const RETRY_NONCE = Uint8Array.fromHex("461599d35d632bf2239825bb");

/**
 * The 16-byte tag for a Retry packet without one. `originalDestinationId` is the destination connection id of the Initial
 * packet that it answers.
 */
export function retryIntegrityTag(
  provider: Pick<CryptoProvider, "aead">,
  originalDestinationId: Uint8Array,
  packet: Uint8Array,
): Uint8Array {
  const end = 1 + originalDestinationId.length + packet.length;
  const pseudo = new Uint8Array(end + TAG_LENGTH);
  pseudo[0] = originalDestinationId.length;
  pseudo.set(originalDestinationId, 1);
  pseudo.set(packet, 1 + originalDestinationId.length);
  provider.aead(AES_128_GCM, RETRY_KEY).seal(RETRY_NONCE, pseudo, 0, end, end);
  return pseudo.slice(end);
}

/** Whether a Retry packet, tag included, is right for the client whose first destination connection id that was. */
export function isRetryIntact(
  provider: Pick<CryptoProvider, "aead">,
  originalDestinationId: Uint8Array,
  packet: Uint8Array,
): boolean {
  const tagAt = packet.length - TAG_LENGTH;
  if (tagAt < 0) return false;
  const tag = retryIntegrityTag(provider, originalDestinationId, packet.subarray(0, tagAt));
  let difference = 0;
  for (let i = 0; i < TAG_LENGTH; i++) difference |= tag[i]! ^ packet[tagAt + i]!;
  return difference === 0;
}
