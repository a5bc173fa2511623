/**
 * Transfers: a client asks, a server answers, and every byte is checked. Bulk transfers in either direction are requests with
 * much to ask or much to answer.
 *
 * @module
 */
import type { ConnectionEvent } from "../../transport/connection/events.ts";
import type { App, AppConnection } from "./app.ts";
import { PatternReader, PatternWriter } from "./pattern_stream.ts";

/** One request and its response, each on one bidirectional stream of its own. Sizes in bytes. */
export interface RequestOptions {
  /** Bytes of the request. */
  readonly request: number;
  /** Bytes of the response. */
  readonly response: number;
  /** Starts when the response with this index is complete; `null`, the default: at the start. */
  readonly after?: number | null;
  /** Milliseconds by which it starts later than that. Default 0. */
  readonly delay?: number;
}

/** What became of a request. Times in virtual milliseconds, -1 until they are known. */
export interface Exchange {
  /** Its place in the list. */
  readonly index: number;
  /** Bytes of the request. */
  readonly request: number;
  /** Bytes of the response. */
  readonly response: number;
  /** The stream; -1 until it is open. */
  streamId: number;
  /** When the client's application wanted it: the stream may come later. */
  startedAt: number;
  /** When the server's application had the whole request. */
  requestedAt: number;
  /** When the client's application had the first byte of the response. */
  firstByteAt: number;
  /** When the client's application had all of it, the end included. */
  endedAt: number;
  /** Bytes of request and response that arrived. */
  up: number;
  /** Bytes of the response that arrived. */
  down: number;
}

/** When the client begins. */
export type StartOn = "connected" | "confirmed";

interface ClientSide {
  readonly exchange: Exchange;
  readonly writer: PatternWriter;
  readonly reader: PatternReader;
}

interface ServerSide {
  readonly exchange: Exchange;
  readonly reader: PatternReader;
  writer: PatternWriter | undefined;
}

/** Requests and responses: `client` is the application at the client, `server` the one at the server. */
export class Requests {
  /** What became of each, in the order of the list. */
  readonly exchanges: Exchange[];
  /** Goes to the connection at the client. */
  readonly client: App;
  /** Goes to the connection at the server. */
  readonly server: App;
  readonly #list: readonly RequestOptions[];
  readonly #startOn: StartOn;
  readonly #clientSides = new Map<number, ClientSide>();
  readonly #serverSides = new Map<number, ServerSide>();
  /** Indices that wait for a time, with that time; then for a stream. */
  readonly #waiting: { readonly index: number; readonly at: number }[] = [];
  readonly #at: ((time: number, run: () => void) => void) | undefined;

  /** `at` schedules a wake-up of the client's host (`world.at`); needed when a request has a delay. */
  constructor(
    list: readonly RequestOptions[],
    options: { readonly startOn?: StartOn; readonly at?: (time: number, run: () => void) => void } = {},
  ) {
    this.#list = list;
    this.#startOn = options.startOn ?? "confirmed";
    this.#at = options.at;
    this.exchanges = list.map(({ request, response }, index) => ({
      index,
      request,
      response,
      streamId: -1,
      startedAt: -1,
      requestedAt: -1,
      firstByteAt: -1,
      endedAt: -1,
      up: 0,
      down: 0,
    }));
    this.client = this.#makeClient();
    this.server = this.#makeServer();
  }

  /** Whether every response is complete. */
  get isDone(): boolean {
    return this.exchanges.every((e) => e.endedAt >= 0);
  }

  /** When the last byte arrived at its receiver; -1 while some are missing. */
  get completedAt(): number {
    if (!this.isDone) return -1;
    return this.exchanges.reduce((latest, e) => Math.max(latest, e.response > 0 ? e.endedAt : e.requestedAt), -1);
  }

  #makeClient(): App {
    // deno-lint-ignore no-this-alias -- the getter below has a `this` of its own
    const requests = this;
    return {
      get isDone(): boolean {
        return requests.isDone;
      },
      onEvent: (event, connection, now) => this.#onClientEvent(event, connection, now),
      poll: (connection, now) => this.#open(connection, now),
    };
  }

  #makeServer(): App {
    // deno-lint-ignore no-this-alias -- the getter below has a `this` of its own
    const requests = this;
    return {
      get isDone(): boolean {
        return requests.isDone;
      },
      onEvent: (event, connection, now) => this.#onServerEvent(event, connection, now),
    };
  }

  #onClientEvent(event: ConnectionEvent, connection: AppConnection, now: number): void {
    if (event.type === this.#startOn) return this.#startAfter(null, now);
    if (event.type === "stream_writable") this.#clientSides.get(event.id)?.writer.push(connection);
    if (event.type === "stream_readable") this.#readResponse(event.id, connection, now);
  }

  #readResponse(id: number, connection: AppConnection, now: number): void {
    const side = this.#clientSides.get(id);
    if (side === undefined || side.reader.isDone) return;
    side.reader.pull(connection);
    const { exchange, reader } = side;
    exchange.down = reader.at;
    if (reader.at > 0 && exchange.firstByteAt < 0) exchange.firstByteAt = now;
    if (!reader.isDone) return;
    exchange.endedAt = now;
    this.#startAfter(exchange.index, now);
  }

  /** Starts those that waited for this response. */
  #startAfter(done: number | null, now: number): void {
    for (const [index, options] of this.#list.entries()) {
      const exchange = this.exchanges[index] as Exchange;
      if ((options.after ?? null) !== done || exchange.startedAt >= 0) continue;
      const at = now + (options.delay ?? 0);
      exchange.startedAt = at;
      this.#waiting.push({ index, at });
      if (at <= now) continue;
      if (this.#at === undefined) throw new TypeError("Cannot delay a request: expected a way to wake up");
      this.#at(at, () => {});
    }
  }

  /** Opens streams for those whose time has come, as far as the peer's limit lets it. */
  #open(connection: AppConnection, now: number): void {
    for (let i = 0; i < this.#waiting.length;) {
      const { index, at } = this.#waiting[i] as { index: number; at: number };
      if (at > now) {
        i++;
        continue;
      }
      const id = connection.openStream("bidirectional");
      if (id === undefined) return;
      this.#waiting.splice(i, 1);
      this.#begin(id, this.exchanges[index] as Exchange, connection);
    }
  }

  #begin(id: number, exchange: Exchange, connection: AppConnection): void {
    exchange.streamId = id;
    const writer = new PatternWriter(id, 2 * id, exchange.request);
    this.#clientSides.set(id, {
      exchange,
      writer,
      reader: new PatternReader(id, 2 * id + 1, exchange.response, "client"),
    });
    this.#serverSides.set(id, {
      exchange,
      reader: new PatternReader(id, 2 * id, exchange.request, "server"),
      writer: undefined,
    });
    writer.push(connection);
  }

  #onServerEvent(event: ConnectionEvent, connection: AppConnection, now: number): void {
    if (event.type === "stream_writable") this.#serverSides.get(event.id)?.writer?.push(connection);
    if (event.type !== "stream_readable" && event.type !== "stream_opened") return;
    const side = this.#serverSides.get(event.id);
    if (side === undefined || side.reader.isDone) return;
    side.reader.pull(connection);
    side.exchange.up = side.reader.at;
    if (!side.reader.isDone) return;
    side.exchange.requestedAt = now;
    side.writer = new PatternWriter(event.id, 2 * event.id + 1, side.exchange.response);
    side.writer.push(connection);
  }
}

/** Where bulk transfers go, from the client's side. */
const DIRECTIONS: readonly string[] = ["up", "down", "both"];

/**
 * A bulk transfer as requests: `bytes` split evenly over `streams`, each with a small request.
 *
 * @throws {RangeError} when the direction is none, `bytes` no integer from 0 or `streams` none from 1.
 */
export function bulk(direction: "up" | "down" | "both", bytes: number, streams = 1): RequestOptions[] {
  if (!DIRECTIONS.includes(direction)) {
    throw new RangeError(`Direction is "${String(direction)}": expected one of ${DIRECTIONS.join(", ")}`);
  }
  if (!Number.isSafeInteger(bytes) || bytes < 0) throw new RangeError(`Bytes are ${bytes}: expected an integer from 0`);
  if (!Number.isSafeInteger(streams) || streams < 1) {
    throw new RangeError(`Streams are ${streams}: expected an integer from 1`);
  }
  const small = 100;
  return Array.from({ length: streams }, (_, i) => {
    const share = Math.floor(bytes * (i + 1) / streams) - Math.floor(bytes * i / streams);
    return { request: direction === "down" ? small : small + share, response: direction === "up" ? 0 : share };
  });
}
