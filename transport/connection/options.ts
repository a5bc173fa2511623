import type { CryptoProvider, RandomBytes } from "../../crypto/provider.ts";
import type { TlsClientOptions } from "../../crypto/tls/client.ts";
import type { TlsServerOptions } from "../../crypto/tls/server.ts";
import type { Address } from "../base/address.ts";
import type { Observer } from "../base/observer.ts";
import type { CidRegistry } from "../paths/cid_issuer.ts";
import type { PathProperties } from "../paths/path.ts";
import type { TransportConfig } from "./config.ts";

/** What the application decides of a client's TLS. */
export type ClientTls = Omit<TlsClientOptions, "provider" | "random" | "transportParameters" | "keyLog">;
/** What the application decides of a server's TLS. */
export type ServerTls = Omit<TlsServerOptions, "provider" | "random" | "transportParameters" | "keyLog">;

/** What both ends' connections are made of. */
export interface CommonOptions {
  readonly local: Address;
  readonly remote: Address;
  readonly provider: CryptoProvider;
  readonly random: RandomBytes;
  readonly config?: TransportConfig | undefined;
  readonly observer?: Observer | undefined;
  /** Lines for SSLKEYLOGFILE go here. */
  readonly keyLog?: ((line: string) => void) | undefined;
  /** Bytes of the connection ids that this end gives out, 0 to 20; 0 only without multipath. */
  readonly idLength: number;
  /** Where the ids that this end gives out are kept, so that datagrams find the connection. */
  readonly registry: CidRegistry;
  /** The stateless reset token for an id of ours: 16 bytes, the same each time (RFC 9000 §10.3.2). */
  readonly resetTokenFor: (id: Uint8Array) => Uint8Array;
  /** What is said of path 0. */
  readonly path?: Partial<PathProperties> | undefined;
  readonly now: number;
}

/** A client's connection. */
export interface ClientOptions extends CommonOptions {
  readonly role: "client";
  readonly tls: ClientTls;
  /** A token from an earlier connection's NEW_TOKEN. */
  readonly token?: Uint8Array | undefined;
}

/** A server's connection, made for a client's first Initial. */
export interface ServerOptions extends CommonOptions {
  readonly role: "server";
  readonly tls: ServerTls;
  /** The destination id of the Initial packet that arrived. */
  readonly initialDestination: Uint8Array;
  /** Its source id. */
  readonly clientSource: Uint8Array;
  /** With a Retry before it: the destination id of the very first Initial. */
  readonly originalDestination?: Uint8Array | undefined;
  /** Whether a token proved the client's address. */
  readonly addressValidated: boolean;
  /**
   * Makes the token that the client may prove its address with next time; sent in NEW_TOKEN once the handshake is confirmed.
   * Without it, or when it makes none, nothing is sent.
   */
  readonly newToken?: ((hosts: readonly string[], now: number) => Uint8Array | undefined) | undefined;
}

/** How a connection begins. */
export type ConnectionOptions = ClientOptions | ServerOptions;
