/**
 * The secrets of Initial packets, which anyone who sees the first packet can make (RFC 9001 §5.2).
 *
 * @module
 */
import { expandLabel, extract, type HmacProvider } from "./hkdf.ts";
import { AES_128_GCM, hashLength } from "./suites.ts";

/** For QUIC version 1. */
const INITIAL_SALT = Uint8Array.fromHex("38762cf7f55934b34d179ae6a4c80cadccbb7f0a");
const NO_CONTEXT = new Uint8Array(0);

/** One secret for each sender; the suite is always AES-128-GCM. */
export interface InitialSecrets {
  /** For what the client sends; 32 bytes. */
  readonly client: Uint8Array;
  /** For what the server sends; 32 bytes. */
  readonly server: Uint8Array;
}

/**
 * The secrets for the destination connection id of the client's first Initial packet, or of the first one after a Retry.
 * `destinationId` has 0 to 20 bytes.
 */
export function initialSecrets(provider: HmacProvider, destinationId: Uint8Array): InitialSecrets {
  const { hash } = AES_128_GCM;
  const secret = extract(provider, hash, INITIAL_SALT, destinationId);
  return {
    client: expandLabel(provider, hash, secret, "client in", NO_CONTEXT, hashLength(hash)),
    server: expandLabel(provider, hash, secret, "server in", NO_CONTEXT, hashLength(hash)),
  };
}
