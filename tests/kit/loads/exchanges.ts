/**
 * Requests and responses, each pair on a bidirectional stream of its own, every byte checked at both ends. Both ends live in
 * one process, so the server knows from the stream's number what is asked.
 *
 * | at the      | when                                     | does                                      |
 * |-------------|------------------------------------------|-------------------------------------------|
 * | client      | begun, and the peer allows a stream      | opens it, pins it, writes the request     |
 * | server      | `answerAfter` bytes of the request came  | pins the stream, writes the response      |
 * | client      | the response ended, the request arrived  | tells whoever began it                    |
 *
 * @module
 */
import type { App, AppConnection } from "../app.ts";
import type { ConnectionEvent } from "../../../transport/connection/events.ts";
import { PatternReader, PatternWriter } from "../pattern_stream.ts";
import type { Exchange, ExchangeOptions, LoadConnection, LoadContext } from "./load.ts";

interface ClientEnd {
  readonly exchange: Exchange;
  readonly writer: PatternWriter;
  readonly reader: PatternReader;
  isPinned: boolean;
}

interface ServerEnd {
  readonly exchange: Exchange;
  readonly reader: PatternReader;
  writer: PatternWriter | undefined;
  isPinned: boolean;
}

/** The exchanges of one load. */
export class Exchanges {
  /** Goes to the connection at the client. */
  readonly client: App;
  /** Goes to the connection at the server. */
  readonly server: App;
  readonly #context: LoadContext;
  readonly #onDone: (exchange: Exchange, now: number) => void;
  readonly #waiting: Exchange[] = [];
  readonly #clientEnds = new Map<number, ClientEnd>();
  readonly #serverEnds = new Map<number, ServerEnd>();
  /** Streams whose path is not there yet. */
  readonly #unpinned: { readonly client: Set<number>; readonly server: Set<number> } = {
    client: new Set(),
    server: new Set(),
  };
  #clientConnection: LoadConnection | undefined;
  #serverConnection: LoadConnection | undefined;
  #done = 0;
  #isStopped = false;

  /** `onDone` hears of each exchange that is complete at both ends. */
  constructor(context: LoadContext, onDone: (exchange: Exchange, now: number) => void = () => {}) {
    this.#context = context;
    this.#onDone = onDone;
    this.client = {
      isDone: true,
      onEvent: (event, connection, now) => this.#onClientEvent(event, connection, now),
      poll: (connection, now) => this.#pollClient(connection as LoadConnection, now),
    };
    this.server = {
      isDone: true,
      onEvent: (event, connection, now) => this.#onServerEvent(event, connection, now),
      poll: (connection) => this.#pollServer(connection as LoadConnection),
    };
  }

  /** How many are complete. */
  get done(): number {
    return this.#done;
  }

  /** Begins one; its stream is opened when the client's applications are polled next. */
  begin(options: ExchangeOptions, now: number): Exchange {
    const exchange: Exchange = {
      answerAfter: options.request,
      ...options,
      startedAt: now,
      stream: -1,
      requestedAt: -1,
      respondedAt: -1,
      endedAt: -1,
    };
    this.#waiting.push(exchange);
    return exchange;
  }

  /** Ends all at both ends at once: whatever has not arrived is given up. */
  stop(): void {
    this.#isStopped = true;
    for (const [id, { writer }] of this.#clientEnds) if (!writer.isDone) this.#clientConnection?.reset(id, 0);
    for (const [id, { writer }] of this.#serverEnds) {
      if (writer !== undefined && !writer.isDone) this.#serverConnection?.reset(id, 0);
    }
  }

  #onClientEvent(event: ConnectionEvent, connection: AppConnection, now: number): void {
    if (event.type !== "stream_writable" && event.type !== "stream_readable") return;
    const end = this.#clientEnds.get(event.id);
    if (end === undefined || this.#isStopped) return;
    if (event.type === "stream_readable") this.#readResponse(end, connection, now);
    else if (end.isPinned) end.writer.push(connection);
  }

  #readResponse({ exchange, reader }: ClientEnd, connection: AppConnection, now: number): void {
    if (reader.isDone) return;
    const bytes = reader.pull(connection);
    if (bytes > 0) this.#context.delivered("down", bytes, now);
    if (exchange.respondedAt < 0 && reader.at === exchange.response && (exchange.response > 0 || reader.isDone)) {
      exchange.respondedAt = now;
    }
    if (!reader.isDone) return;
    exchange.endedAt = now;
    this.#settle(exchange, now);
  }

  #settle(exchange: Exchange, now: number): void {
    if (exchange.endedAt < 0 || exchange.requestedAt < 0) return;
    this.#done++;
    this.#clientEnds.delete(exchange.stream);
    this.#serverEnds.delete(exchange.stream);
    this.#onDone(exchange, now);
  }

  #pollClient(connection: LoadConnection, _now: number): void {
    this.#clientConnection = connection;
    if (this.#isStopped) return;
    while (this.#waiting.length > 0) {
      const id = connection.openStream("bidirectional");
      if (id === undefined) break;
      this.#open(id, this.#waiting.shift() as Exchange);
    }
    for (const id of this.#unpinned.client) {
      const end = this.#clientEnds.get(id);
      if (end !== undefined && !this.#context.pin("client", end.exchange.index, id)) continue;
      this.#unpinned.client.delete(id);
      if (end === undefined) continue;
      end.isPinned = true;
      end.writer.push(connection);
    }
  }

  #open(id: number, exchange: Exchange): void {
    exchange.stream = id;
    this.#clientEnds.set(id, {
      exchange,
      writer: new PatternWriter(id, 2 * id, exchange.request),
      reader: new PatternReader(id, 2 * id + 1, exchange.response, "client"),
      isPinned: false,
    });
    this.#serverEnds.set(id, {
      exchange,
      reader: new PatternReader(id, 2 * id, exchange.request, "server"),
      writer: undefined,
      isPinned: false,
    });
    this.#unpinned.client.add(id);
  }

  #onServerEvent(event: ConnectionEvent, connection: AppConnection, now: number): void {
    if (event.type !== "stream_writable" && event.type !== "stream_readable" && event.type !== "stream_opened") return;
    const end = this.#serverEnds.get(event.id);
    if (end === undefined || this.#isStopped) return;
    if (event.type === "stream_writable") {
      if (end.isPinned) end.writer?.push(connection);
      return;
    }
    if (end.reader.isDone) return;
    const { exchange, reader } = end;
    const bytes = reader.pull(connection);
    if (bytes > 0) this.#context.delivered("up", bytes, now);
    if (end.writer === undefined && reader.at >= exchange.answerAfter && (exchange.request > 0 || reader.isDone)) {
      end.writer = new PatternWriter(event.id, 2 * event.id + 1, exchange.response);
      this.#unpinned.server.add(event.id);
    }
    if (!reader.isDone) return;
    exchange.requestedAt = now;
    this.#settle(exchange, now);
  }

  #pollServer(connection: LoadConnection): void {
    this.#serverConnection = connection;
    if (this.#isStopped) return;
    for (const id of this.#unpinned.server) {
      const end = this.#serverEnds.get(id);
      if (end !== undefined && !this.#context.pin("server", end.exchange.index, id)) continue;
      this.#unpinned.server.delete(id);
      if (end === undefined) continue;
      end.isPinned = true;
      end.writer?.push(connection);
    }
  }
}
