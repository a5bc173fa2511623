import type { CryptoProvider, RandomBytes } from "../../crypto/provider.ts";
import { retryIntegrityTag } from "../../crypto/retry_integrity.ts";
import { type Address, type Datagram, sameAddress, type Transmit } from "../base/address.ts";
import { TransportErrorCode } from "../base/errors.ts";
import type { DropReason, Observer } from "../base/observer.ts";
import type { PathId, Role } from "../base/role.ts";
import { MIN_DATAGRAM_SIZE, type TransportConfig } from "../connection/config.ts";
import { Connection } from "../connection/connection.ts";
import type { ClientTls, CommonOptions } from "../connection/options.ts";
import type { CidRegistry } from "../paths/cid_issuer.ts";
import type { PathProperties } from "../paths/path.ts";
import { idKey } from "../wire/connection_id.ts";
import { hasFixedBit, type Header, MAX_CID_LENGTH, parseHeader, writeRetry } from "../wire/header.ts";
import { WireError } from "../wire/reader.ts";
import { statelessResetSize, writeStatelessReset } from "../wire/stateless_reset.ts";
import { QUIC_V1, writeVersionNegotiation } from "../wire/version.ts";
import { Writer } from "../wire/writer.ts";
import { CidTable } from "./cid_table.ts";
import {
  DEFAULT_ID_LENGTH,
  DEFAULT_MAX_HANDSHAKES,
  DEFAULT_RETRY_ABOVE,
  type EndpointConfig,
  MAX_QUEUED_ANSWERS,
  MAX_RESETS_PER_SECOND,
} from "./config.ts";
import { Incoming, opensAsInitial } from "./incoming.ts";
import { closeInitial } from "./refusal.ts";
import { AddressTokens } from "./tokens.ts";

/** Where a datagram went. */
export type Arrival =
  /** To a connection, which is to be polled now. */
  | { readonly kind: "connection"; readonly connection: Connection }
  /** A client wants to connect: `accept`, `refuse`, `retry` or `ignore` it. */
  | { readonly kind: "incoming"; readonly incoming: Incoming }
  /** Nowhere; an answer of the endpoint's own may wait in `transmit`. */
  | { readonly kind: "none" };

/** How to connect. */
export interface ConnectOptions {
  /** The local address to send from. */
  readonly local: Address;
  /** The server's address. */
  readonly remote: Address;
  /** How the server proves itself. */
  readonly tls: ClientTls;
  /** Settings; see `TransportConfig`. */
  readonly transport?: TransportConfig | undefined;
  /** A token from an earlier connection to this server. */
  readonly token?: Uint8Array | undefined;
  /** What is said of the first path. */
  readonly path?: Partial<PathProperties> | undefined;
  /** The time. */
  readonly now: number;
}

const NOWHERE: Arrival = { kind: "none" };
/** How long a client counts as waiting when nobody answers it, in milliseconds: as long as its handshake may take. */
const WAITING_LIFETIME = 10_000;
const RESET_TOKEN_LENGTH = 16;
const RESET_KEY_LENGTH = 32;

/** Many connections over the same sockets, without any I/O: finds the connection of a datagram, answers those that have none. */
export class Endpoint {
  readonly #config: EndpointConfig;
  readonly #provider: CryptoProvider;
  readonly #random: RandomBytes;
  readonly #idLength: number;
  readonly #table = new CidTable();
  readonly #tokens: AddressTokens;
  readonly #resetKey = new Uint8Array(RESET_KEY_LENGTH);
  readonly #connections = new Set<Connection>();
  readonly #handshakes = new Set<Connection>();
  /** Clients that wait for an answer, by the destination id that they made up; oldest first. */
  readonly #waiting = new Map<string, Incoming>();
  #answers: { bytes: Uint8Array; local: Address; remote: Address }[] = [];
  #resets = 0;
  #resetSecond = 0;

  /** Throws `RangeError` for an id length or a reset key that cannot be. */
  constructor(config: EndpointConfig) {
    this.#config = config;
    this.#provider = config.provider;
    this.#random = config.random;
    this.#idLength = config.idLength ?? DEFAULT_ID_LENGTH;
    if (!(this.#idLength >= 4 && this.#idLength <= MAX_CID_LENGTH)) {
      throw new RangeError(`"idLength" is ${this.#idLength}: expected a number from 4 to ${MAX_CID_LENGTH}`);
    }
    this.#tokens = new AddressTokens(config.provider, config.random, config.server?.transport?.handshakeTimeout);
    config.random(this.#resetKey);
    if (config.resetKey !== undefined) {
      if (config.resetKey.length !== RESET_KEY_LENGTH) {
        throw new RangeError(`"resetKey" has ${config.resetKey.length} bytes: expected ${RESET_KEY_LENGTH}`);
      }
      this.#resetKey.set(config.resetKey);
    }
  }

  /** All connections that are not closed. */
  get connections(): ReadonlySet<Connection> {
    return this.#connections;
  }

  /** Takes in a datagram. Its bytes are decrypted in place and not kept. */
  receive(datagram: Datagram, now: number): Arrival {
    const { data } = datagram;
    if (data.length === 0) return NOWHERE;
    if ((data[0]! & 0x80) === 0) return this.#receiveShort(datagram, now);
    let header: Header;
    try {
      header = parseHeader(data, 0, data.length, this.#idLength);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      return this.#drop("header_parse_error", datagram, now, error.message);
    }
    const connection = this.#table.find(data, 6, header.destinationId.length);
    if (connection !== undefined) return this.#give(connection, datagram, now);
    return this.#receiveUnknown(header, datagram, now);
  }

  /** Begins a connection. Throws `TypeError` for TLS options that cannot be. */
  connect(options: ConnectOptions): Connection {
    const connection = this.#add((registry) =>
      new Connection({
        ...this.#common("client", options.local, options.remote, registry, options.now),
        role: "client",
        tls: options.tls,
        config: options.transport,
        token: options.token,
        path: options.path,
      })
    );
    return connection;
  }

  /** Lets a client in. The connection is to be polled. */
  accept(incoming: Incoming, now: number): Connection {
    const server = this.#config.server;
    if (server === undefined) throw new TypeError("Cannot accept: the endpoint has no server configuration");
    this.#answer(incoming);
    const newTokens = server.newTokens ?? true;
    const connection = this.#add((registry) =>
      new Connection({
        ...this.#common("server", incoming.local, incoming.remote, registry, now),
        role: "server",
        tls: server.tls,
        config: server.transport,
        initialDestination: incoming.destinationId,
        clientSource: incoming.sourceId,
        originalDestination: incoming.originalDestination,
        addressValidated: incoming.validated,
        newToken: newTokens ? (hosts, at) => this.#tokens.newToken(hosts, at) : undefined,
      })
    );
    // The client goes on using the id that it made up until it hears ours.
    this.#table.add(incoming.destinationId, connection, 0);
    this.#firstIds.set(connection, incoming.destinationId);
    this.#handshakes.add(connection);
    for (const datagram of [incoming.datagram, ...incoming.later]) {
      connection.receive({ ...datagram, data: datagram.data.slice() }, now);
    }
    return connection;
  }

  /** Sends a client away with CONNECTION_REFUSED. */
  refuse(incoming: Incoming, _now: number): void {
    this.#answer(incoming);
    this.#turnAway(incoming, TransportErrorCode.CONNECTION_REFUSED);
  }

  /** Does not answer a client; it will ask again. */
  ignore(incoming: Incoming): void {
    this.#answer(incoming);
  }

  /** Makes a client prove its address (RFC 9000 §8.1.2). Throws `TypeError` when it has. */
  retry(incoming: Incoming, now: number): void {
    if (incoming.validated) throw new TypeError("Cannot retry: the client has already proven its address");
    this.#answer(incoming);
    const sourceId = this.#newId();
    const token = this.#tokens.retry(incoming.remote, incoming.destinationId, now);
    const bytes = new Uint8Array(64 + token.length);
    const w = new Writer(bytes);
    const { tagAt } = writeRetry(w, {
      version: QUIC_V1,
      destinationId: incoming.sourceId,
      sourceId,
      token,
    });
    bytes.set(retryIntegrityTag(this.#provider, incoming.destinationId, bytes.subarray(0, tagAt)), tagAt);
    this.#queue(bytes.subarray(0, tagAt + 16), incoming.local, incoming.remote);
  }

  /** Answers of the endpoint's own; connections are polled apart. */
  transmit(_now: number, buffer: Uint8Array): Transmit | undefined {
    const answer = this.#answers.shift();
    if (answer === undefined) return undefined;
    const { bytes, local, remote } = answer;
    buffer.set(bytes);
    return { local, remote, length: bytes.length, segment: bytes.length, ecn: "not-ect" };
  }

  /** The earliest deadline of all connections. */
  nextTimeout(): number {
    let next = Infinity;
    for (const connection of this.#connections) next = Math.min(next, connection.nextTimeout());
    return next;
  }

  /** Runs the timers of all connections that are due, and forgets those that are closed. */
  handleTimeout(now: number): void {
    for (const connection of this.#connections) {
      if (connection.nextTimeout() <= now) connection.handleTimeout(now);
      if (connection.state === "closed") this.forget(connection);
    }
  }

  /** The connection is over: nothing finds it any more. */
  forget(connection: Connection): void {
    if (!this.#connections.delete(connection)) return;
    this.#handshakes.delete(connection);
    const first = this.#firstIds.get(connection);
    if (first !== undefined) this.#table.remove(first);
    connection.dispose();
  }

  readonly #firstIds = new WeakMap<Connection, Uint8Array>();

  #receiveShort(datagram: Datagram, now: number): Arrival {
    const { data } = datagram;
    const connection = data.length > this.#idLength ? this.#table.find(data, 1, this.#idLength) : undefined;
    if (connection !== undefined) return this.#give(connection, datagram, now);
    // It may be a stateless reset for one of ours: only connections know the tokens of their peers.
    for (const candidate of this.#connections) {
      if (candidate.isResetBy(datagram)) return this.#give(candidate, datagram, now);
    }
    this.#reset(datagram, now);
    return this.#drop("unknown_connection_id", datagram, now);
  }

  /** A long header that belongs to no connection: a new client, or something to be told off. */
  #receiveUnknown(header: Header, datagram: Datagram, now: number): Arrival {
    const { server } = this.#config;
    if (server === undefined) return this.#drop("unknown_connection_id", datagram, now);
    if (header.type === "unknown_version") {
      if (datagram.data.length < MIN_DATAGRAM_SIZE) return this.#drop("initial_too_small", datagram, now);
      this.#negotiate(header, datagram);
      return this.#drop("unsupported_version", datagram, now);
    }
    if (header.type !== "initial") return this.#drop("unknown_connection_id", datagram, now);
    if (datagram.data.length < MIN_DATAGRAM_SIZE) return this.#drop("initial_too_small", datagram, now);
    if (header.destinationId.length < 8) {
      return this.#drop("invalid_length", datagram, now, "destination id under 8 bytes");
    }
    return this.#receiveInitial(header, datagram, now);
  }

  #receiveInitial(header: Header, datagram: Datagram, now: number): Arrival {
    const server = this.#config.server!;
    this.#forgetWaiting(now);
    const waiting = this.#waiting.get(idKey(header.destinationId));
    if (waiting !== undefined) {
      if (!sameAddress(waiting.remote, datagram.remote)) return this.#drop("unknown_connection_id", datagram, now);
      waiting.keep(datagram);
      return NOWHERE;
    }
    const pending = this.#handshakes.size + this.#waiting.size;
    if (pending >= (server.maxHandshakes ?? DEFAULT_MAX_HANDSHAKES)) return this.#drop("server_busy", datagram, now);
    if (!hasFixedBit(header) && server.transport?.grease === false) return this.#drop("fixed_bit", datagram, now);
    if (!opensAsInitial(this.#provider, header, datagram.data)) return this.#drop("decryption_failure", datagram, now);
    const check = header.token.length > 0 ? this.#tokens.check(header.token, datagram.remote, now) : undefined;
    const validated = check?.kind === "retry" || check?.kind === "new_token";
    const original = check?.kind === "retry" ? check.originalDestination : undefined;
    const incoming = new Incoming(datagram, header, validated, original, now);
    if (check?.kind === "refused") {
      this.#turnAway(incoming, TransportErrorCode.INVALID_TOKEN);
      return this.#drop("token_invalid", datagram, now);
    }
    const mustProve = server.retry === true || pending >= (server.retryAbove ?? DEFAULT_RETRY_ABOVE);
    if (mustProve && !validated) {
      this.retry(incoming, now);
      return NOWHERE;
    }
    this.#waiting.set(idKey(header.destinationId), incoming);
    return { kind: "incoming", incoming };
  }

  #answer(incoming: Incoming): void {
    incoming.answer();
    const key = idKey(incoming.destinationId);
    if (this.#waiting.get(key) === incoming) this.#waiting.delete(key);
  }

  /** Clients that nobody answers do not count for ever. */
  #forgetWaiting(now: number): void {
    for (const [key, incoming] of this.#waiting) {
      if (now - incoming.arrivedAt < WAITING_LIFETIME) return;
      this.#waiting.delete(key);
    }
  }

  /** Tells a client that it gets no connection, without keeping anything of it. */
  #turnAway({ destinationId, sourceId, local, remote }: Incoming, code: number): void {
    this.#queue(closeInitial(this.#provider, destinationId, sourceId, this.#newId(), code), local, remote);
  }

  #give(connection: Connection, datagram: Datagram, now: number): Arrival {
    connection.receive(datagram, now);
    if (connection.state === "connected") this.#handshakes.delete(connection);
    else if (connection.state === "closed") this.forget(connection);
    return { kind: "connection", connection };
  }

  #add(make: (registry: CidRegistry) => Connection): Connection {
    // Ids are registered while the connection is being made.
    const made: { connection?: Connection } = {};
    const early: { id: Uint8Array; path: PathId }[] = [];
    const connection = make({
      add: (id, path) => {
        if (made.connection === undefined) early.push({ id, path });
        else this.#table.add(id, made.connection, path);
      },
      remove: (id) => this.#table.remove(id),
      has: (id) => this.#table.has(id),
    });
    made.connection = connection;
    for (const { id, path } of early) this.#table.add(id, connection, path);
    this.#connections.add(connection);
    return connection;
  }

  #common(role: Role, local: Address, remote: Address, registry: CidRegistry, now: number): CommonOptions {
    const { observer, keyLog } = this.#config;
    const id = new Uint8Array(8);
    this.#random(id);
    return {
      local,
      remote,
      provider: this.#provider,
      random: this.#random,
      observer: typeof observer === "function" ? observer(role, id) : observer,
      keyLog,
      idLength: this.#idLength,
      registry,
      resetTokenFor: (connectionId) => this.#resetToken(connectionId),
      now,
    };
  }

  #resetToken(id: Uint8Array): Uint8Array {
    return this.#provider.hmac("sha256", this.#resetKey, id).slice(0, RESET_TOKEN_LENGTH);
  }

  #newId(): Uint8Array {
    const id = new Uint8Array(this.#idLength);
    this.#random(id);
    return id;
  }

  #negotiate(header: Header, datagram: Datagram): void {
    const random = new Uint8Array(5);
    this.#random(random);
    const reserved = (random[0]! * 0x1000000 + (random[1]! << 16) + (random[2]! << 8) + random[3]!) >>> 0;
    const grease = ((reserved & 0xf0f0f0f0) | 0x0a0a0a0a) >>> 0;
    const bytes = new Uint8Array(7 + 255 + 255 + 8);
    const length = writeVersionNegotiation(bytes, header.sourceId, header.destinationId, [QUIC_V1, grease], random[4]!);
    this.#queue(bytes.subarray(0, length), datagram.local, datagram.remote);
  }

  /** RFC 9000 §10.3: smaller than what caused it, and not too many. */
  #reset(datagram: Datagram, now: number): void {
    const second = Math.floor(now / 1000);
    if (second !== this.#resetSecond) {
      this.#resetSecond = second;
      this.#resets = 0;
    }
    const size = statelessResetSize(datagram.data.length);
    if (size === undefined || this.#resets >= MAX_RESETS_PER_SECOND) return;
    this.#resets += 1;
    const bytes = new Uint8Array(size);
    const token = this.#resetToken(datagram.data.slice(1, 1 + this.#idLength));
    writeStatelessReset(bytes, token, size, this.#random);
    this.#queue(bytes, datagram.local, datagram.remote);
  }

  #queue(bytes: Uint8Array, local: Address, remote: Address): void {
    if (this.#answers.length < MAX_QUEUED_ANSWERS) this.#answers.push({ bytes, local, remote });
  }

  #drop(reason: DropReason, datagram: Datagram, now: number, detail?: string): Arrival {
    const { observer } = this.#config;
    if (observer !== undefined && typeof observer !== "function") {
      traceDrop(observer, reason, datagram, now, detail);
    }
    return NOWHERE;
  }
}

function traceDrop(observer: Observer, reason: DropReason, datagram: Datagram, now: number, detail?: string): void {
  try {
    observer.on("quic:packet_dropped", { reason, size: datagram.data.length, detail, remote: datagram.remote }, now);
  } catch {
    // A broken observer must not break the endpoint.
  }
}
