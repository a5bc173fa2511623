import type { CryptoProvider, RandomBytes } from "../../crypto/provider.ts";
import type { Observer } from "../base/observer.ts";
import type { TransportConfig } from "../connection/config.ts";
import type { ServerTls } from "../connection/options.ts";

/** How an endpoint serves. */
export interface ServerConfig {
  /** The server's certificates and protocols. */
  readonly tls: ServerTls;
  /** Settings of its connections; see `TransportConfig`. */
  readonly transport?: TransportConfig | undefined;
  /** Send a Retry to every client without a token; without it, only above `retryAbove` handshakes at once. */
  readonly retry?: boolean | undefined;
  /** Give each client a token with which its next connection needs no Retry (RFC 9000 §8.1.3). Default true. */
  readonly newTokens?: boolean | undefined;
  /** Handshakes at once above which every new client must prove its address. Default {@linkcode DEFAULT_RETRY_ABOVE}. */
  readonly retryAbove?: number | undefined;
  /** Handshakes at once above which new clients are refused. Default {@linkcode DEFAULT_MAX_HANDSHAKES}. */
  readonly maxHandshakes?: number | undefined;
}

/** What an endpoint is made of. */
export interface EndpointConfig {
  /** All cryptography. */
  readonly provider: CryptoProvider;
  /** All randomness. */
  readonly random: RandomBytes;
  /** Hears of every connection; or a function that gives each connection its own. */
  readonly observer?:
    | Observer
    | ((role: "client" | "server", connectionId: Uint8Array) => Observer | undefined)
    | undefined;
  /** Without it, the endpoint only connects. */
  readonly server?: ServerConfig | undefined;
  /** Bytes of the connection ids given out, 4 to 20. Default {@linkcode DEFAULT_ID_LENGTH}. */
  readonly idLength?: number | undefined;
  /**
   * What stateless reset tokens are made with: 32 bytes that nobody else knows. An endpoint that is started again with the
   * same key can tell the peers of its former self that their connections are gone (RFC 9000 §10.3.2). Default: random.
   */
  readonly resetKey?: Uint8Array | undefined;
  /** Lines for SSLKEYLOGFILE go here. */
  readonly keyLog?: ((line: string) => void) | undefined;
}

/** Bytes of a connection id. */
export const DEFAULT_ID_LENGTH = 8;
/** Handshakes at once above which addresses must be proven first. */
export const DEFAULT_RETRY_ABOVE = 256;
/** Handshakes at once above which nobody new is let in. */
export const DEFAULT_MAX_HANDSHAKES = 4096;
/** Answers of the endpoint itself that wait to be sent; more are dropped. */
export const MAX_QUEUED_ANSWERS = 256;
/** Stateless resets sent in a second at most: two endpoints must not keep each other busy (RFC 9000 §10.3.3). */
export const MAX_RESETS_PER_SECOND = 100;
