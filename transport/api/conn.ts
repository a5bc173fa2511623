import type { Address } from "../base/address.ts";
import {
  ApplicationError,
  HandshakeError,
  PathError,
  type QuicError,
  TransportError,
  TransportErrorCode,
} from "../base/errors.ts";
import type { Connection, ConnectionStats } from "../connection/connection.ts";
import type { ConnectionEvent } from "../connection/events.ts";
import type { ConnectionHandler } from "../io/driven.ts";
import { isPermissionError, type SendErrorKind } from "../io/socket.ts";
import type { EndpointCore, ManagedConn } from "./endpoint_core.ts";
import { checkCloseInfo } from "./options.ts";
import { DatagramInbox } from "./inbox.ts";
import { Streams } from "./streams.ts";
import type {
  NetAddr,
  QuicBidirectionalStream,
  QuicCloseInfo,
  QuicConn,
  QuicEndpointLike,
  QuicReceiveStream,
  QuicSendStream,
  QuicSendStreamOptions,
} from "./types.ts";

interface PendingDatagram {
  readonly data: Uint8Array;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** A promise with its handles, which does not trouble a program that never looks at it. */
function quiet<T>(): PromiseWithResolvers<T> {
  const deferred = Promise.withResolvers<T>();
  deferred.promise.catch(() => {});
  return deferred;
}

/** Joins a connection with promises and streams. */
export class Conn implements QuicConn, ManagedConn, ConnectionHandler<ConnectionEvent> {
  readonly endpoint: QuicEndpointLike;
  readonly #core: EndpointCore;
  readonly #connection: Connection;
  readonly #streams: Streams;
  readonly #inbox: DatagramInbox = new DatagramInbox();
  readonly #handshake: PromiseWithResolvers<void> = quiet();
  readonly #closed: PromiseWithResolvers<QuicCloseInfo> = quiet();
  readonly #wake: () => void;
  readonly #remote: Address;
  #datagrams: PendingDatagram[] = [];
  /** What the handshake is said to have failed of, when that tells more than the connection's own error. */
  #cause: Error | undefined;
  #error: Error | undefined;
  #ownsEndpoint = false;

  constructor(core: EndpointCore, connection: Connection, remote: Address) {
    this.endpoint = core.endpoint;
    this.#core = core;
    this.#connection = connection;
    this.#remote = remote;
    const attachment = core.driver.attach(connection, this);
    this.#wake = () => attachment.wake();
    core.add(this);
    this.#streams = new Streams(connection, this.#wake);
  }

  get handshake(): Promise<void> {
    return this.#handshake.promise;
  }

  get closed(): Promise<QuicCloseInfo> {
    return this.#closed.promise;
  }

  get protocol(): string | undefined {
    return this.#connection.alpn;
  }

  get serverName(): string | undefined {
    return this.#connection.serverName;
  }

  get peerCertificates(): readonly Uint8Array[] {
    return this.#connection.peerCertificates;
  }

  get remoteAddr(): NetAddr {
    const { hostname, port } = this.#connection.stats().paths[0]?.remote ?? this.#remote;
    return { transport: "udp", hostname, port };
  }

  get maxDatagramSize(): number {
    return this.#error === undefined ? this.#connection.maxDatagramSize : 0;
  }

  get incomingBidirectionalStreams(): ReadableStream<QuicBidirectionalStream> {
    return this.#streams.bidirectional.stream;
  }

  get incomingUnidirectionalStreams(): ReadableStream<QuicReceiveStream> {
    return this.#streams.unidirectional.stream;
  }

  createBidirectionalStream(options?: QuicSendStreamOptions): Promise<QuicBidirectionalStream> {
    return this.#streams.openBidirectional(options);
  }

  createUnidirectionalStream(options?: QuicSendStreamOptions): Promise<QuicSendStream> {
    return this.#streams.openUnidirectional(options);
  }

  sendDatagram(data: Uint8Array): Promise<void> {
    if (!(data instanceof Uint8Array)) return Promise.reject(new TypeError('"data" is no Uint8Array'));
    if (this.#error !== undefined) return Promise.reject(this.#error);
    const most = this.#connection.maxDatagramSize;
    if (data.length > most) {
      return Promise.reject(new RangeError(`Datagram has ${data.length} bytes: expected at most ${most}`));
    }
    const copy = new Uint8Array(data);
    if (this.#datagrams.length === 0 && this.#connection.sendDatagram(copy)) {
      this.#wake();
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => this.#datagrams.push({ data: copy, resolve, reject }));
  }

  readDatagram(): Promise<Uint8Array<ArrayBuffer>> {
    return this.#inbox.read();
  }

  stats(): ConnectionStats {
    return this.#connection.stats();
  }

  updateKeys(): void {
    this.#connection.updateKeys();
    this.#wake();
  }

  exportKeyingMaterial(label: string, context: Uint8Array, length: number): Uint8Array {
    return this.#connection.exportKeyingMaterial(label, context, length);
  }

  close(info?: QuicCloseInfo): void {
    const { closeCode, reason } = checkCloseInfo(info);
    if (this.#error !== undefined) return;
    this.#connection.close(closeCode, reason, this.#core.driver.now());
    this.#wake();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
    await this.#closed.promise.catch(() => {});
    if (this.#ownsEndpoint) await this.#core.shut();
  }

  /** The endpoint was made for this connection: it goes when the connection does. */
  adoptEndpoint(): void {
    this.#ownsEndpoint = true;
    if (this.#error !== undefined) this.#core.shut();
  }

  /** Ends the connection with a transport error of this end; `cause` is what the application is told. */
  abort(cause: Error, code: number = TransportErrorCode.INTERNAL_ERROR): void {
    this.#cause ??= cause;
    this.#connection.close(code, "", this.#core.driver.now(), false);
    this.#wake();
  }

  onEvent(event: ConnectionEvent): void {
    if (event.type === "connected") this.#handshake.resolve();
    else if (event.type === "datagram") this.#inbox.push(event.data as Uint8Array<ArrayBuffer>);
    else if (event.type === "closed") this.#onClosed(event.error);
    else this.#streams.onEvent(event);
  }

  onTurn(): void {
    while (this.#datagrams.length > 0 && this.#error === undefined) {
      const { data, resolve, reject } = this.#datagrams[0]!;
      if (data.length > this.#connection.maxDatagramSize) {
        reject(new RangeError(`Datagram has ${data.length} bytes, and the path takes no more that large`));
      } else if (this.#connection.sendDatagram(data)) {
        resolve();
        this.#wake();
      } else {
        return;
      }
      this.#datagrams.shift();
    }
  }

  /** A client that cannot send its first packets need not wait for the handshake to time out. */
  onSendFailed(kind: SendErrorKind, error: unknown): void {
    if (this.#connection.state !== "handshaking" || this.#connection.role !== "client") return;
    if (isPermissionError(error)) this.abort(error);
    else if (kind === "unreachable" || kind === "gone") {
      const { hostname } = this.#remote;
      const reason = error instanceof Error ? error.message : String(error);
      const failure = new PathError(`Cannot reach ${hostname}: ${reason}`, TransportErrorCode.NO_VIABLE_PATH);
      failure.cause = error;
      this.abort(failure);
    }
  }

  onSocketDead(local: Address): void {
    for (const path of this.#connection.stats().paths) {
      if (path.local.hostname !== local.hostname || path.local.port !== local.port) continue;
      this.#connection.onSendError(path.local, path.remote, "gone", this.#core.driver.now());
    }
  }

  onGone(): void {
    this.#core.forget(this);
  }

  #onClosed(error: QuicError): void {
    const clean = cleanClose(error);
    const told = this.#cause ?? asHandshakeError(error);
    this.#error = told;
    this.#handshake.reject(told);
    if (clean !== undefined && this.#cause === undefined) this.#closed.resolve(clean);
    else this.#closed.reject(told);
    this.#streams.close(told, clean !== undefined && this.#cause === undefined);
    this.#inbox.close(told);
    for (const { reject } of this.#datagrams.splice(0)) reject(told);
    if (this.#ownsEndpoint) this.#core.shut();
  }
}

/** An alert that the peer sent comes as a transport error of its range of codes (RFC 9001 §4.8). */
function asHandshakeError(error: QuicError): QuicError {
  if (!(error instanceof TransportError) || error instanceof HandshakeError) return error;
  const alert = error.code - TransportErrorCode.CRYPTO_ERROR;
  return alert >= 0 && alert <= 0xff ? new HandshakeError(alert, error.reason, error.byPeer) : error;
}

/** What `closed` resolves with; `undefined` when the connection failed. */
function cleanClose(error: QuicError): QuicCloseInfo | undefined {
  if (error instanceof ApplicationError) return { closeCode: error.code, reason: error.reason };
  if (error instanceof TransportError && error.code === TransportErrorCode.NO_ERROR) {
    return { closeCode: 0, reason: error.reason };
  }
  return undefined;
}
