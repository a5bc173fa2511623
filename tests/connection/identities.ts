/**
 * What servers of connection tests are, other than the kit's own.
 *
 * @module
 */
import { fastestProvider } from "../../crypto/mod.ts";
import { decodePem } from "../../crypto/tls/mod.ts";
import type { ServerTls } from "../../transport/connection/options.ts";
import { WORLD_ALPN } from "../kit/endpoint_node.ts";
import { WORLD_CERTIFICATE, WORLD_KEY } from "../kit/identity.ts";

/** The kit's server. */
export function worldTls(): ServerTls {
  return largeTls(1);
}

/** The kit's server with a chain of so many certificates, of about 360 bytes each; all but the first are of no use. */
export function largeTls(certificates: number): ServerTls {
  const [certificate] = decodePem(WORLD_CERTIFICATE, "CERTIFICATE");
  return {
    certificates: Array.from({ length: certificates }, () => certificate!),
    key: fastestProvider().signingKey(WORLD_KEY),
    alpnProtocols: [WORLD_ALPN],
  };
}
