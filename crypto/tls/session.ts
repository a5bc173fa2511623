/**
 * TLS 1.3 as QUIC sees it (RFC 9001 §4): handshake bytes in at a level, outputs pulled out. TLS knows nothing of packets;
 * the connection knows nothing of messages.
 *
 * @module
 */
import type { CipherSuite } from "../provider.ts";

/** The levels at which handshake bytes travel; post-handshake messages come at "application". */
export type TlsLevel = "initial" | "handshake" | "application";

/** What a session wants done next. */
export type TlsOutput =
  /** Handshake bytes to carry in CRYPTO frames of that level. The array is the receiver's to keep. */
  | { readonly kind: "send"; readonly level: TlsLevel; readonly data: Uint8Array }
  /** A traffic secret to derive packet protection from. */
  | {
    readonly kind: "secret";
    readonly level: "early" | "handshake" | "application";
    readonly use: "read" | "write";
    readonly suite: CipherSuite;
    readonly secret: Uint8Array;
  }
  /** The peer's quic_transport_parameters, as received; authenticated only with "complete". */
  | { readonly kind: "parameters"; readonly data: Uint8Array }
  /** The handshake is complete (RFC 9001 §4.1.1): the peer's Finished was verified and ours was sent. */
  | { readonly kind: "complete"; readonly alpn: string; readonly suite: CipherSuite }
  /** A line for SSLKEYLOGFILE, without its end of line (NSS key log format). */
  | { readonly kind: "keylog"; readonly line: string };

/** One side of one handshake. */
export interface TlsSession {
  /** Takes handshake bytes, in order, as they come out of CRYPTO frames. Throws `TlsAlert` for every fault of the peer. */
  receive(level: TlsLevel, data: Uint8Array): void;
  /** The next thing to do; `undefined` when the peer must speak first. A client has its ClientHello here at once. */
  next(): TlsOutput | undefined;
  /** The application protocol, once it is chosen. */
  readonly alpn: string | undefined;
  /** Client: the server's chain (DER, leaf first), once verified. Server: empty. */
  readonly peerCertificates: readonly Uint8Array[];
  /** Server: the SNI host name of the client, when it sent one. */
  readonly serverName: string | undefined;
  /** Keying material (RFC 8446 §7.5); throws `Error` before the handshake is complete. */
  export(label: string, context: Uint8Array, length: number): Uint8Array;
}
