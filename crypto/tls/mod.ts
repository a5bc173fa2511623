/**
 * TLS 1.3 for QUIC (RFC 8446, RFC 9001 §4): both sides of the handshake, and certificates.
 *
 * @module
 */
export type * from "./session.ts";
export { createTlsClient, type TlsClientOptions } from "./client.ts";
export { createTlsServer, type ServerCredentials, type TlsServerOptions } from "./server.ts";
export { AlertCode, type AlertDescription, TlsAlert } from "./alerts.ts";
export { checkKeyMatches } from "./certificates.ts";
export { decodePem } from "./pem.ts";
