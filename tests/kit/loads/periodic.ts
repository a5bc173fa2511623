/**
 * A request every so often, and what its response took: from the moment at which the application wanted to write the request
 * to the last byte of the response.
 *
 * @module
 */
import type { App, AppConnection } from "../app.ts";
import type { ConnectionEvent } from "../../../transport/connection/events.ts";
import { PatternReader, PatternWriter } from "../pattern_stream.ts";
import type { Load } from "../scenario/types.ts";
import { Exchanges } from "./exchanges.ts";
import { addLatency, beginsWith, type Latencies, type LoadContext, type RunningLoad } from "./load.ts";
import { startingWith } from "./transfers.ts";

type Periodic = Extract<Load, { kind: "periodic" }>;

/** Calls `run` with 0, 1, 2, ... at the beginning and every so often after it, `count` times. */
export function everySoOften(
  context: LoadContext,
  begin: number,
  every: number,
  count: number,
  run: (i: number, now: number) => void,
): void {
  const step = (i: number): void => {
    if (i >= count) return;
    // From the beginning each time, so that errors of rounding do not add up.
    context.at(begin + i * every, (now) => {
      run(i, now);
      step(i + 1);
    });
  };
  step(0);
}

/** Each message on a stream of its own: none waits for another. */
export class PeriodicEach implements RunningLoad {
  /** The application at the client. */
  readonly client: App;
  /** The application at the server. */
  readonly server: App;
  /** What the messages took. */
  readonly latencies: Latencies = { values: [], late: 0 };
  readonly #count: number;

  /** Nothing happens before the load's start. */
  constructor(load: Periodic, context: LoadContext) {
    const { request, response } = load;
    this.#count = load.count;
    const exchanges = new Exchanges(context, ({ startedAt, respondedAt }) => {
      addLatency(context, this.latencies, startedAt, load.late, respondedAt);
    });
    this.client = startingWith(beginsWith(load.start), exchanges.client, (begin) => {
      everySoOften(
        context,
        begin,
        load.every,
        load.count,
        (_i, now) => exchanges.begin({ index: -1, request, response }, now),
      );
    });
    this.server = exchanges.server;
  }

  /** Whether all messages were answered. */
  get isDone(): boolean {
    return this.latencies.values.length === this.#count;
  }

  /** How many were not. */
  get missing(): string {
    return `${this.#count - this.latencies.values.length} of ${this.#count} messages`;
  }
}

/** All messages on one stream: a late one holds up those behind it. */
export class PeriodicOne implements RunningLoad {
  /** The application at the client. */
  readonly client: App;
  /** The application at the server. */
  readonly server: App;
  /** What the messages took. */
  readonly latencies: Latencies = { values: [], late: 0 };
  readonly #load: Periodic;
  readonly #context: LoadContext;
  /** When each message was to be written. */
  readonly #startedAt: number[] = [];
  #stream = -1;
  #request: PatternWriter | undefined;
  #response: PatternWriter | undefined;
  #asked: PatternReader | undefined;
  #answered: PatternReader | undefined;
  /** Messages of which the server has the whole request. */
  #requested = 0;

  /** Nothing happens before the load's start. */
  constructor(load: Periodic, context: LoadContext) {
    this.#load = load;
    this.#context = context;
    const app: App = {
      isDone: true,
      onEvent: (event, connection, now) => this.#onClientEvent(event, connection, now),
      poll: (connection) => this.#write(connection),
    };
    this.client = startingWith(beginsWith(load.start), app, (begin) => {
      everySoOften(context, begin, load.every, load.count, (_i, now) => this.#startedAt.push(now));
    });
    this.server = { isDone: true, onEvent: (event, connection, now) => this.#onServerEvent(event, connection, now) };
  }

  /** Whether all messages were answered. */
  get isDone(): boolean {
    return this.latencies.values.length === this.#load.count;
  }

  /** How many were not. */
  get missing(): string {
    return `${this.#load.count - this.latencies.values.length} of ${this.#load.count} messages`;
  }

  #write(connection: AppConnection): void {
    const { request, response, count } = this.#load;
    if (this.#startedAt.length === 0) return;
    if (this.#request === undefined) {
      const id = connection.openStream("bidirectional");
      if (id === undefined) return;
      this.#stream = id;
      this.#request = new PatternWriter(id, 2 * id, request * count, 0);
      this.#asked = new PatternReader(id, 2 * id, request * count, "server");
      this.#response = new PatternWriter(id, 2 * id + 1, response * count, 0);
      this.#answered = new PatternReader(id, 2 * id + 1, response * count, "client");
    }
    const allowed = request * this.#startedAt.length;
    if (this.#request.allowed === allowed) return;
    this.#request.allowed = allowed;
    this.#request.push(connection);
  }

  #onClientEvent(event: ConnectionEvent, connection: AppConnection, now: number): void {
    if (!("id" in event) || event.id !== this.#stream) return;
    if (event.type === "stream_writable") this.#request?.push(connection);
    if (event.type !== "stream_readable" || this.#answered === undefined) return;
    const bytes = this.#answered.pull(connection);
    if (bytes > 0) this.#context.delivered("down", bytes, now);
    const { response } = this.#load;
    if (response > 0) this.#complete(Math.floor(this.#answered.at / response), now);
  }

  #complete(until: number, now: number): void {
    const { values } = this.latencies;
    while (values.length < until) {
      addLatency(this.#context, this.latencies, this.#startedAt[values.length]!, this.#load.late, now);
    }
  }

  #onServerEvent(event: ConnectionEvent, connection: AppConnection, now: number): void {
    if (!("id" in event) || event.id !== this.#stream || this.#asked === undefined) return;
    if (event.type === "stream_writable") this.#response?.push(connection);
    if (event.type !== "stream_readable" && event.type !== "stream_opened") return;
    const bytes = this.#asked.pull(connection);
    if (bytes > 0) this.#context.delivered("up", bytes, now);
    const requested = Math.floor(this.#asked.at / this.#load.request);
    if (requested === this.#requested || this.#response === undefined) return;
    this.#requested = requested;
    const { response, count } = this.#load;
    // Without responses a message is complete when its request is, and the stream ends with the last one.
    if (response === 0) this.#complete(requested, now);
    if (response === 0 && requested < count) return;
    this.#response.allowed = requested * response;
    this.#response.push(connection);
  }
}
