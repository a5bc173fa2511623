/**
 * What the application works with: the names and shapes of Deno's own QUIC API, and what this implementation adds.
 *
 * @module
 */
import type { CryptoProvider } from "../../crypto/provider.ts";
import type { Mode } from "../../schedulers/mode.ts";
import type { ModeChoice } from "../../schedulers/modes.ts";
import type { Observer } from "../base/observer.ts";
import type { Role } from "../base/role.ts";
import type { TransportConfig } from "../connection/config.ts";
import type { ConnectionStats } from "../connection/connection_stats.ts";
import type { SocketName } from "../io/socket.ts";
import type { NetAddr } from "./net_addr.ts";
import type { PathEvent, QuicOpenPathOptions, QuicPath, QuicPathOptions } from "./path_types.ts";

export type { SocketName } from "../io/socket.ts";
export type { NetAddr } from "./net_addr.ts";
export type {
  PathBudget,
  PathChange,
  PathEvent,
  PathState,
  PathStats,
  PathStatus,
  QuicOpenPathOptions,
  QuicPath,
  QuicPathDescription,
  QuicPathOptions,
} from "./path_types.ts";

/** How a connection ends, or ended. */
export interface QuicCloseInfo {
  /** The application's error code, 0 to 2^53-1. */
  readonly closeCode: number;
  /** In words. */
  readonly reason: string;
}

/** How to open a stream. */
export interface QuicSendStreamOptions {
  /** See {@linkcode QuicSendStream.sendOrder}. Default 0. */
  readonly sendOrder?: number | undefined;
  /** Wait while the peer allows no more streams, rather than fail. Default false. */
  readonly waitUntilAvailable?: boolean | undefined;
  /** See {@linkcode QuicSendStream.pin}; a path or its id. Default: the scheduler decides. */
  readonly path?: QuicPath | number | undefined;
  /** See {@linkcode QuicSendStream.mode}. Default: the connection's. */
  readonly mode?: ModeChoice | undefined;
}

/** How to send a datagram. */
export interface QuicSendDatagramOptions {
  /** The only path on which it may go, or the id of that. Default: the scheduler decides. */
  readonly path?: QuicPath | number | undefined;
  /** The mode that decides on which path it goes, and whether on several. Default: the connection's. */
  readonly mode?: ModeChoice | undefined;
}

/**
 * The sending part of a stream. A write resolves when the send buffer has taken the whole chunk, which is copied. `close`
 * ends the stream and resolves when the peer has everything. `abort(e)` resets it with `e.code` (0 without one).
 * After the peer stopped it everything rejects with `StreamError`, after the connection's end with that error.
 */
export interface QuicSendStream extends WritableStream<Uint8Array<ArrayBufferLike>> {
  /**
   * Streams of a higher order are sent first, those of the same take turns. There are eight steps, the urgencies of
   * RFC 9218: from 3 up and from -4 down all are the same.
   */
  sendOrder: number;
  /** The only path on which its data may go, until that is over; `undefined`: any. */
  readonly path: QuicPath | undefined;
  /**
   * Lets its data go on one path only (a path, or the id of one), whatever the scheduler says; `undefined`: on any again.
   * While the path is suspended the stream waits; when it is over the data goes on any path. Throws `PathError` when the path
   * is not open, `TypeError` for what is no path, `RangeError` when all was sent.
   */
  pin(path: QuicPath | number | undefined): void;
  /**
   * The mode that decides about what is sent on it, in place of the connection's: the name of a mode, a mode, or a scheduler;
   * `undefined`: the connection's, also when that changes. It can be set at any time, and holds at this end alone; at a server
   * a client's request may have set it.
   *
   * Of each such mode there is one scheduler, however many streams have it, which sees the same paths as the connection's, and
   * of what waits to be sent what is its own. Which paths there are, and which of them are backups, stays with the
   * connection's mode: a redundant stream on a connection in handover mode has its copies on all available paths, and on a
   * spare one, which is a backup, only when no other works. Setting it throws `RangeError` for a name that is not known and
   * when the connection has sixteen other such modes in use, `TypeError` for what is no mode; it does nothing when all was sent.
   */
  mode: ModeChoice | undefined;
  /** Unique in the connection. */
  readonly id: bigint;
}

/**
 * The receiving part of a stream: a stream of bytes, with BYOB readers, that reads only when asked to. `cancel(e)` asks the
 * peer to stop with `e.code` (0 without one). After a reset by the peer a read rejects with `StreamError`; after the
 * connection's end what has arrived is still read, then a read rejects with that error.
 */
export interface QuicReceiveStream extends ReadableStream<Uint8Array<ArrayBuffer>> {
  /**
   * Client: asks the server to send on this stream in a mode (its name, or one that has a name), whatever the connection's;
   * `undefined`: in that again. Said before the first write, it arrives with that. It reaches servers with the hints extension,
   * which may refuse, and do not say so. Does nothing when the stream or the connection is over. Throws `TypeError` at a
   * server, and for what has no name of 1 to 32 bytes of UTF-8.
   */
  requestMode(mode: string | Mode | undefined): void;
  /** Unique in the connection. */
  readonly id: bigint;
}

/** Both parts of a stream. */
export interface QuicBidirectionalStream {
  /** What the peer sends. */
  readonly readable: QuicReceiveStream;
  /** What is sent to the peer. */
  readonly writable: QuicSendStream;
  /** That of `writable`: see {@linkcode QuicSendStream.mode}; `readable.requestMode` asks for that of what the peer sends. */
  mode: ModeChoice | undefined;
}

/** A connection. */
export interface QuicConn extends AsyncDisposable {
  /**
   * Closes the connection at once: what was not delivered is lost. All that is pending settles. Throws `RangeError` for a
   * code that cannot be.
   */
  close(info?: QuicCloseInfo): void;
  /** Opens a stream. Rejects with `QuicError` when the peer allows no more, or the connection is over. */
  createBidirectionalStream(options?: QuicSendStreamOptions): Promise<QuicBidirectionalStream>;
  /** Opens a stream for sending only. Rejects with `QuicError` when the peer allows no more, or the connection is over. */
  createUnidirectionalStream(options?: QuicSendStreamOptions): Promise<QuicSendStream>;
  /**
   * Queues a datagram (RFC 9221), copied; resolves when the queue has taken it. Rejects with `RangeError` when it is
   * larger than `maxDatagramSize`, with `PathError` when its path is not open, and for a mode as `QuicSendStream.mode` throws.
   */
  sendDatagram(data: Uint8Array, options?: QuicSendDatagramOptions): Promise<void>;
  /** The oldest datagram that arrived; waits for one. When too many wait, the oldest are dropped. */
  readDatagram(): Promise<Uint8Array<ArrayBuffer>>;
  /** How the connection does. */
  stats(): ConnectionStats;
  /** Changes the keys of the connection (RFC 9001 §6). */
  updateKeys(): void;
  /** Keying material of the TLS session (RFC 8446 §7.5). Throws `Error` before the handshake is complete. */
  exportKeyingMaterial(label: string, context: Uint8Array, length: number): Uint8Array;
  /**
   * Client: opens another path (RFC 10069); resolves when data can be sent on it. Between addresses that have a path that
   * path is the answer, unless `another` is set; what is said of it holds from then on.
   *
   * Rejects with `PathError` that says why when there can be no such path (the peer does not speak RFC 10069, refuses it, or
   * does not answer on it), `SocketError` when the local address cannot be bound, `ResolveError` when the remote host has no
   * address, Deno's `NotCapable` without permission, the signal's reason, and `TypeError` or `RangeError` for options that
   * cannot be. The rest of the connection goes on in any case.
   */
  openPath(options: QuicOpenPathOptions): Promise<QuicPath>;
  /**
   * Lets another mode decide on which path data goes: the name of a mode, a mode, or a scheduler. At a client whatever has a
   * name is asked of the server too, for what it sends; the server may refuse, and does not say so. Throws `RangeError` for
   * a name that is not known, `TypeError` for what is no mode.
   */
  setMode(mode: ModeChoice): void;
  /**
   * Sets a signal, "bufferMs" for one, that schedulers see: here at once, and a client's soon at the server when both ends
   * have the hints extension, the newest value at most every 25 ms. Throws `TypeError` for a name that is not 1 to 32 bytes
   * of UTF-8, `RangeError` for a value that is not finite, and for a seventeenth name.
   */
  signal(name: string, value: number): void;
  /** The newest value of a signal, whichever end it came from; `undefined`: there was none. */
  signalOf(name: string): number | undefined;

  /** The paths that are not over, in order of their ids, those that are being opened among them. */
  readonly paths: readonly QuicPath[];
  /**
   * What happens to paths. Each iterator gets all from when it is made, and ends with the connection; for each path that was
   * "opened" there is one "closed". One that is not read keeps those two kinds and the newest of the others.
   */
  readonly pathEvents: AsyncIterable<PathEvent>;
  /** Whether both ends speak RFC 10069; `undefined` before the handshake tells. */
  readonly isMultipath: boolean | undefined;
  /** The name of the scheduler that decides on which path data goes. */
  readonly schedulerName: string;
  /** The endpoint that it belongs to. */
  readonly endpoint: QuicEndpointLike;
  /** Resolves when the TLS handshake is complete. */
  readonly handshake: Promise<void>;
  /** Where the peer is now. */
  readonly remoteAddr: NetAddr;
  /** The application protocol, once the handshake is complete. */
  readonly protocol: string | undefined;
  /** The host name that the client asked for, once it is known. */
  readonly serverName: string | undefined;
  /** Client: the server's certificates (DER, its own first), once they are known. */
  readonly peerCertificates: readonly Uint8Array[];
  /**
   * Resolves when one of the applications has closed the connection, or an end has without an error; rejects with the
   * error otherwise. Nothing happens to a program that does not look at it.
   */
  readonly closed: Promise<QuicCloseInfo>;
  /** Streams that the peer opens. Ends when the connection was closed, fails when it failed. */
  readonly incomingBidirectionalStreams: ReadableStream<QuicBidirectionalStream>;
  /** Streams that the peer opens to send only. Ends when the connection was closed, fails when it failed. */
  readonly incomingUnidirectionalStreams: ReadableStream<QuicReceiveStream>;
  /** Bytes of the largest datagram that can be sent now; 0: the peer takes none. */
  readonly maxDatagramSize: number;
}

/** A client that wants to connect. It is answered once; the calls after that throw `TypeError`. */
export interface QuicIncoming {
  /** The local IP address that it came to. */
  readonly localIp: string;
  /** Where the client seems to be. */
  readonly remoteAddr: NetAddr;
  /** Whether it has proven that it is there (by a token, RFC 9000 §8.1). */
  readonly remoteAddressValidated: boolean;
  /** Lets it in: resolves when the handshake is complete. With `zeroRtt` the connection is there at once. */
  accept<ZRTT extends boolean = false>(
    options?: QuicAcceptOptions<ZRTT>,
  ): ZRTT extends true ? QuicConn : Promise<QuicConn>;
  /** Sends it away. */
  refuse(): void;
  /** Does not answer; it will ask again. */
  ignore(): void;
}

/** Clients come in here. */
export interface QuicListener extends AsyncIterable<QuicIncoming> {
  /** The next client. Rejects with `Error` when the listener is stopped. */
  incoming(): Promise<QuicIncoming>;
  /**
   * The next connection whose handshake is complete; all clients that come meanwhile are let in. Rejects when a client's
   * handshake fails, unless that client has given up: it may have tried several of its addresses (see `paths` of `connectQuic`).
   */
  accept(): Promise<QuicConn>;
  /** Lets nobody in any more. Connections go on; the endpoint stays open. */
  stop(): void;
  /** Ends when the listener is stopped. */
  [Symbol.asyncIterator](): AsyncIterableIterator<QuicIncoming>;
  /** The endpoint that it belongs to. */
  readonly endpoint: QuicEndpointLike;
}

/** One or several sockets, with the connections that use them. `QuicEndpoint` is the class. */
export interface QuicEndpointLike extends AsyncDisposable {
  /** Where the first socket is bound. */
  readonly addr: NetAddr;
  /** Where all sockets are bound, in the order in which they were. */
  readonly addrs: readonly NetAddr[];
  /** Resolves when the endpoint is closed and nothing of it is pending. */
  readonly closed: Promise<void>;
  /** Lets clients in. Throws `TypeError` or `RangeError` for options that cannot be, `Error` while it listens already. */
  listen(options: QuicListenOptions): QuicListener;
  /** Closes all connections with this, and the sockets when they have taken what is to be said. */
  close(info?: QuicCloseInfo): void;
}

/** Where to bind one socket. */
export interface QuicLocalAddress {
  /** An IP address of this machine. */
  readonly hostname: string;
  /** Default 0: the system chooses. */
  readonly port?: number | undefined;
}

/** An observer of all connections that there will be, or a function that gives each its own by the id that it begins with. */
export type ObserverOption = Observer | ((role: Role, connectionId: Uint8Array) => Observer | undefined);

/** How to make a {@linkcode QuicEndpoint}. */
export interface QuicEndpointOptions {
  /** An IP address of this machine; `::` is all of them, of both families. Default `::`, or `0.0.0.0` without IPv6. */
  readonly hostname?: string | undefined;
  /** Default 0: the system chooses. */
  readonly port?: number | undefined;
  /**
   * Several addresses, a socket for each, in place of `hostname` and `port`. An empty list: sockets are bound when
   * connections are made, one for each family.
   */
  readonly addresses?: readonly QuicLocalAddress[] | undefined;
  /** Which sockets: `"deno"` needs `--unstable-net`, and is the default where it is there. */
  readonly socket?: SocketName | undefined;
  /** Where cryptography comes from. Default: the fastest provider of the platform. */
  readonly crypto?: CryptoProvider | undefined;
  /** Hears of every connection of the endpoint that has no observer of its own. */
  readonly observer?: ObserverOption | undefined;
}

/** What both ends can say of the transport. */
export interface QuicTransportOptions {
  /** Milliseconds without a packet after which one is sent to keep the connection alive. Default: none is. */
  readonly keepAliveInterval?: number | undefined;
  /** Milliseconds of silence after which the connection is given up; 0: never. Default 30000. */
  readonly maxIdleTimeout?: number | undefined;
  /** Bidirectional streams that the peer may have open at once. Default 100. */
  readonly maxConcurrentBidirectionalStreams?: number | undefined;
  /** Unidirectional streams that the peer may have open at once. Default 100. */
  readonly maxConcurrentUnidirectionalStreams?: number | undefined;
  /** `"default"`, `"throughput"` and `"cubic"` are CUBIC; `"low-latency"` and `"newreno"` are NewReno. */
  readonly congestionControl?: "default" | "throughput" | "low-latency" | "cubic" | "newreno" | undefined;
  /**
   * Who decides on which path data goes: the name of a mode, a mode, or a scheduler. A client asks the server for it as well,
   * see `setMode`. Default `"aggregation"`.
   */
  readonly mode?: ModeChoice | undefined;
  /** Paths at once, at least 1; 0: RFC 10069 is not offered. Default 4, or more when more `paths` are asked for. */
  readonly maxPaths?: number | undefined;
  /** All other settings of the transport; the ones above go before them. */
  readonly transport?: TransportConfig | undefined;
  /** Hears of the connection; of each attempt, when several addresses are tried. */
  readonly observer?: ObserverOption | undefined;
  /**
   * Takes lines of an SSLKEYLOGFILE. Without it they are appended to the file that the environment variable
   * `SSLKEYLOGFILE` names, if the program may read it and write there.
   */
  readonly keyLog?: ((line: string) => void) | undefined;
}

/** Decides whether to trust a chain of certificates (DER, the server's own first); throws to refuse. */
export type CertificateVerifier = (chain: readonly Uint8Array[], serverName: string) => void;

/** How to connect. */
export interface ConnectQuicOptions<ZRTT extends boolean = false> extends QuicTransportOptions {
  /** An IP address, or a name: its addresses are tried in turn, 250 ms apart (RFC 8305). */
  readonly hostname: string;
  /** 1 to 65535. */
  readonly port: number;
  /** What the certificate must be for. Default: `hostname`. */
  readonly serverName?: string | undefined;
  /** Application protocols, preferred first; at least one. */
  readonly alpnProtocols: readonly string[];
  /** Authorities to trust besides those of the system, in PEM. */
  readonly caCerts?: readonly string[] | undefined;
  /** In place of the checks of the certificate: a function, or `"insecure"` to trust everyone. */
  readonly verifyCertificate?: "insecure" | CertificateVerifier | undefined;
  /** Where to connect from. Default: a new endpoint that lives as long as the connection. */
  readonly endpoint?: QuicEndpointLike | undefined;
  /** As in Deno. There is no 0-RTT yet: the handshake is always waited for. */
  readonly zeroRtt?: ZRTT | undefined;
  /** Gives the attempt up. */
  readonly signal?: AbortSignal | undefined;
  /**
   * The paths to have: the first carries the handshake, the others are opened when it is confirmed, as with `openPath`, and
   * are among the connection's `paths` from the beginning.
   *
   * When the first gives no answer within 250 ms the others are tried beside it, all at once, each as an attempt of its own with
   * its own socket; at once when this machine does not have the first one's address. A packet of the server's puts that off, by
   * a second at most; the first handshake to be complete wins. Its entry is path 0 then, with its label, cost and status; the
   * other attempts are closed, and their entries are opened like all others. The order of the list is one of preference: of paths
   * that cost the same, the mode `handover` uses the one that was listed first, whichever answered first; those that are opened
   * later come after. An entry that cannot be a path now, as nothing answers there or this machine does not have the address, is
   * tried again after 1, 2, 4, ... 30 s. A path that the application closes stays closed.
   *
   * `"auto"`: every local address that the server may be reached from becomes a path, as far as the mode wants it and
   * `maxPaths` allows, labelled with the name of its interface. That follows the interfaces: the path of an address that goes
   * away ends with its socket, a new address gets a path within a second or two. Addresses are those of the family of the
   * server's; loopback ones only when the server is on loopback. The handshake is tried from the others beside the first as
   * above, so that a dead interface is no obstacle. Needs Deno's `--allow-sys=networkInterfaces`.
   */
  readonly paths?: readonly QuicPathOptions[] | "auto" | undefined;
  /** For the new endpoint: see `QuicEndpointOptions.crypto`. */
  readonly crypto?: CryptoProvider | undefined;
  /** For the new endpoint: see `QuicEndpointOptions.socket`. */
  readonly socket?: SocketName | undefined;
}

/** How to listen. */
export interface QuicListenOptions extends QuicTransportOptions {
  /** Application protocols, preferred first; at least one. */
  readonly alpnProtocols: readonly string[];
  /** The certificate and those between it and an authority, in PEM, the certificate first. */
  readonly cert: string;
  /** Its private key, in PEM. */
  readonly key: string;
  /** Make every client prove its address before anything else (RFC 9000 §8.1.2). Default: only under load. */
  readonly retry?: boolean | undefined;
  /**
   * The modes that clients may ask for: those by name that this program knows, and the application's own. Default: all that
   * it knows.
   */
  readonly acceptModes?: readonly (string | Mode)[] | undefined;
}

/** How to let a client in. */
export interface QuicAcceptOptions<ZRTT extends boolean = false> extends QuicTransportOptions {
  /** In place of those of the listener. */
  readonly alpnProtocols?: readonly string[] | undefined;
  /** Do not wait for the handshake. Default false. */
  readonly zeroRtt?: ZRTT | undefined;
  /** In place of those of the listener. */
  readonly acceptModes?: readonly (string | Mode)[] | undefined;
}
