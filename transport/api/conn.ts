import type { Address } from "../base/address.ts";
import {
  ApplicationError,
  HandshakeError,
  PathError,
  type QuicError,
  TransportError,
  TransportErrorCode,
} from "../base/errors.ts";
import { type ModeChoice, schedulerOf } from "../../schedulers/modes.ts";
import type { Connection } from "../connection/connection.ts";
import type { ConnectionStats } from "../connection/connection_stats.ts";
import type { ConnectionEvent } from "../connection/events.ts";
import type { ConnectionHandler } from "../io/driven.ts";
import { isPermissionError, type SendErrorKind } from "../io/socket.ts";
import { type AcceptedModes, modeAskedFor, modeName } from "./accepted_modes.ts";
import { AutoPaths, type AutoPathsOptions } from "./auto_paths.ts";
import type { EndpointCore, ManagedConn } from "./endpoint_core.ts";
import { DatagramInbox } from "./inbox.ts";
import { checkCloseInfo } from "./options.ts";
import { ConnPaths } from "./paths.ts";
import { quiet } from "./quiet.ts";
import type { SocketLease } from "./sockets.ts";
import type { PathPlan } from "./path_options.ts";
import { PlannedPaths } from "./planned_paths.ts";
import { Streams } from "./streams.ts";
import type {
  NetAddr,
  PathEvent,
  QuicBidirectionalStream,
  QuicCloseInfo,
  QuicConn,
  QuicEndpointLike,
  QuicOpenPathOptions,
  QuicPath,
  QuicReceiveStream,
  QuicSendDatagramOptions,
  QuicSendStream,
  QuicSendStreamOptions,
} from "./types.ts";

interface PendingDatagram {
  readonly data: Uint8Array;
  readonly options: QuicSendDatagramOptions;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Where a connection begins. */
export interface ConnBeginning {
  readonly local: Address;
  readonly remote: Address;
  /** The socket, when it is not the endpoint's own. */
  readonly lease?: SocketLease | undefined;
  /** The server's IP addresses, as far as they are known. */
  readonly addresses?: readonly string[] | undefined;
  /** Client: the handshake is complete; nothing was sent since. */
  readonly onConnected?: ((conn: Conn) => void) | undefined;
  /** Server: the modes that the client may ask for. */
  readonly modes?: AcceptedModes | undefined;
}

/** Joins a connection with promises and streams. */
export class Conn implements QuicConn, ManagedConn, ConnectionHandler<ConnectionEvent> {
  readonly endpoint: QuicEndpointLike;
  readonly #core: EndpointCore;
  readonly #connection: Connection;
  readonly #streams: Streams;
  readonly #paths: ConnPaths;
  #auto: AutoPaths | undefined;
  #planned: PlannedPaths | undefined;
  readonly #inbox: DatagramInbox = new DatagramInbox();
  readonly #handshake: PromiseWithResolvers<void> = quiet();
  readonly #closed: PromiseWithResolvers<QuicCloseInfo> = quiet();
  readonly #wake: () => void;
  readonly #beginning: ConnBeginning;
  #datagrams: PendingDatagram[] = [];
  /** What the handshake is said to have failed of, when that tells more than the connection's own error. */
  #cause: Error | undefined;
  #error: Error | undefined;
  #ownsEndpoint = false;

  constructor(core: EndpointCore, connection: Connection, beginning: ConnBeginning) {
    this.endpoint = core.endpoint;
    this.#core = core;
    this.#connection = connection;
    this.#beginning = beginning;
    const attachment = core.driver.attach(connection, this);
    this.#wake = () => attachment.wake();
    core.add(this);
    this.#paths = new ConnPaths({
      connection,
      sockets: core.sockets,
      now: () => core.driver.now(),
      wake: this.#wake,
      onEvent: (handle, event) => {
        this.#auto?.onEvent(handle, event);
        this.#planned?.onEvent(handle, event);
      },
      ...beginning,
    });
    this.#streams = new Streams(connection, this.#paths, this.#wake);
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
    const { hostname, port } = this.#paths.all[0]?.stats().remote ?? this.#beginning.remote;
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

  get paths(): readonly QuicPath[] {
    return this.#paths.all;
  }

  get pathEvents(): AsyncIterable<PathEvent> {
    return this.#paths.feed;
  }

  get isMultipath(): boolean | undefined {
    return this.#connection.isMultipath;
  }

  get schedulerName(): string {
    return this.#connection.schedulerName;
  }

  openPath(options: QuicOpenPathOptions): Promise<QuicPath> {
    return this.#paths.open(options);
  }

  setMode(mode: ModeChoice): void {
    schedulerOf(mode);
    if (this.#error !== undefined) throw this.#error;
    const name = modeName(mode);
    if (name !== undefined && this.#connection.role === "client") this.#connection.requestMode(name);
    this.#connection.setMode(mode, this.#core.driver.now());
    this.#auto?.setMode(mode);
    this.#wake();
  }

  signal(name: string, value: number): void {
    if (this.#error !== undefined) throw this.#error;
    this.#connection.signal(name, value, this.#core.driver.now());
    this.#wake();
  }

  signalOf(name: string): number | undefined {
    return this.#connection.signalOf(name);
  }

  sendDatagram(data: Uint8Array, options: QuicSendDatagramOptions = {}): Promise<void> {
    if (!(data instanceof Uint8Array)) return Promise.reject(new TypeError('"data" is no Uint8Array'));
    if (this.#error !== undefined) return Promise.reject(this.#error);
    const most = this.#connection.maxDatagramSize;
    if (data.length > most) {
      return Promise.reject(new RangeError(`Datagram has ${data.length} bytes: expected at most ${most}`));
    }
    const copy = new Uint8Array(data);
    try {
      if (this.#datagrams.length === 0 && this.#sendNow(copy, options)) return Promise.resolve();
    } catch (error) {
      return Promise.reject(error);
    }
    return new Promise((resolve, reject) => this.#datagrams.push({ data: copy, options, resolve, reject }));
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
    if (event.type === "connected") this.#onConnected();
    else if (event.type === "datagram") this.#inbox.push(event.data as Uint8Array<ArrayBuffer>);
    else if (event.type === "closed") this.#onClosed(event.error);
    else if (event.type === "path") this.#paths.onEvent(event);
    else if (event.type === "mode_requested") this.#onModeRequested(event.name);
    else if (event.type === "stream_mode_requested") this.#onStreamModeRequested(event.id, event.name);
    else if (event.type === "scheduler_fault") this.#paths.onScheduler("fault", event.scheduler, event.fault);
    else if (event.type === "scheduler_replaced") this.#paths.onScheduler("replaced", event.scheduler, event.reason);
    else this.#streams.onEvent(event);
  }

  onTurn(): void {
    while (this.#datagrams.length > 0 && this.#error === undefined) {
      const { data, options, resolve, reject } = this.#datagrams[0]!;
      try {
        if (data.length > this.#connection.maxDatagramSize) {
          reject(new RangeError(`Datagram has ${data.length} bytes, and the path takes no more that large`));
        } else if (this.#sendNow(data, options)) {
          resolve();
        } else {
          break;
        }
      } catch (error) {
        reject(error);
      }
      this.#datagrams.shift();
    }
    this.#paths.onTurn();
  }

  /** A client that cannot send its first packets need not wait for the handshake to time out. */
  onSendFailed(kind: SendErrorKind, error: unknown, local: Address, remote: Address): void {
    if (this.#connection.role !== "client") return;
    if (this.#connection.state !== "handshaking") {
      this.#paths.onSendFailed(kind, error, local, remote);
      if (kind === "unreachable" || kind === "gone") this.#auto?.onSendFailed();
      return;
    }
    if (isPermissionError(error)) this.abort(error);
    else if (kind === "unreachable" || kind === "gone") {
      const { hostname } = this.#beginning.remote;
      const reason = error instanceof Error ? error.message : String(error);
      const failure = new PathError(`Cannot reach ${hostname}: ${reason}`, TransportErrorCode.NO_VIABLE_PATH);
      failure.cause = error;
      this.abort(failure);
    }
  }

  onSocketDead(local: Address, error: Error): void {
    this.#paths.onSocketDead(local, error);
  }

  onGone(): void {
    this.#core.forget(this);
    this.#paths.release();
  }

  /** When the peer was last heard of; -Infinity: not yet. */
  get answeredAt(): number {
    return this.#connection.lastReceivedAt;
  }

  /** Has the paths that were asked for with the connection from now on, as far as there can be any; path 0 is the first. */
  keepPlanned(first: PathPlan, others: readonly PathPlan[]): void {
    if (this.#error !== undefined) return;
    this.#planned = new PlannedPaths(this.#paths, first, others);
    this.#planned.open();
  }

  /** Keeps a path for every local address from now on. Throws what listing the interfaces throws. */
  follow(options: Omit<AutoPathsOptions, "paths" | "remote">): void {
    if (this.#error !== undefined) return;
    this.#auto = new AutoPaths({ ...options, paths: this.#paths, remote: this.#beginning.remote });
    this.#auto.start();
  }

  /** What was said of the first path besides its properties. */
  setFirst(plan: PathPlan): void {
    const { budgetBytes } = plan.description;
    if (budgetBytes !== undefined) this.#connection.setPathBudget(0, budgetBytes, this.#core.driver.now());
    if (plan.status !== undefined) this.#paths.all[0]?.setStatus(plan.status);
  }

  #sendNow(data: Uint8Array, { path, mode }: QuicSendDatagramOptions): boolean {
    const pin = path === undefined ? {} : { path: this.#paths.idOf(path) };
    const options = mode === undefined ? pin : { ...pin, mode };
    if (!this.#connection.sendDatagram(data, options)) return false;
    this.#wake();
    return true;
  }

  #onConnected(): void {
    this.#handshake.resolve();
    this.#beginning.onConnected?.(this);
  }

  #onModeRequested(name: string): void {
    const { modes } = this.#beginning;
    const mode = modes === undefined ? undefined : modeAskedFor(name, modes);
    if (mode === undefined) return;
    this.#connection.setMode(mode, this.#core.driver.now());
    this.#wake();
  }

  /** What a client asks for is refused where there are too many modes already. */
  #onStreamModeRequested(id: number, name: string | undefined): void {
    const { modes } = this.#beginning;
    const mode = modes === undefined || name === undefined ? undefined : modeAskedFor(name, modes);
    if (mode === undefined && name !== undefined) return;
    try {
      this.#streams.onModeRequested(id, mode);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
    }
  }

  #onClosed(error: QuicError): void {
    const clean = cleanClose(error);
    const told = this.#cause ?? asHandshakeError(error);
    this.#error = told;
    this.#handshake.reject(told);
    if (clean !== undefined && this.#cause === undefined) this.#closed.resolve(clean);
    else this.#closed.reject(told);
    this.#auto?.[Symbol.dispose]();
    this.#planned?.[Symbol.dispose]();
    this.#paths.close(told);
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
