/**
 * Loads that move bytes: a list of requests, a bulk transfer, a transfer for a time.
 *
 * @module
 */
import type { App } from "../app.ts";
import type { Load, LoadDirection } from "../scenario/types.ts";
import { Exchanges } from "./exchanges.ts";
import { beginsWith, type Exchange, type ExchangeOptions, type LoadContext, type RunningLoad } from "./load.ts";

/** Bytes with which a transfer is asked for. */
export const ASKING = 100;

/** Puts a start before an application: `begin` is called once, with the event that the load waits for. */
export function startingWith(event: "connected" | "confirmed", app: App, begin: (now: number) => void): App {
  return {
    isDone: true,
    onEvent(happened, connection, now): void {
      if (happened.type === event) begin(now);
      app.onEvent(happened, connection, now);
    },
    poll: (connection, now) => app.poll?.(connection, now),
  };
}

/** Requests that start at times, or when others are complete. */
export class RequestsLoad implements RunningLoad {
  /** The application at the client. */
  readonly client: App;
  /** The application at the server. */
  readonly server: App;
  /** Those that have begun. */
  readonly requests: Exchange[] = [];
  readonly #load: Extract<Load, { kind: "requests" }>;
  readonly #context: LoadContext;
  readonly #exchanges: Exchanges;
  readonly #firstIndex: number;

  /** `firstIndex`: the number of the first request in the scenario. */
  constructor(load: Extract<Load, { kind: "requests" }>, context: LoadContext, firstIndex: number) {
    this.#load = load;
    this.#context = context;
    this.#firstIndex = firstIndex;
    this.#exchanges = new Exchanges(context, (done, now) => this.#startAfter(done.index - firstIndex, now));
    this.client = startingWith(beginsWith(load.start), this.#exchanges.client, (now) => this.#startAfter(null, now));
    this.server = this.#exchanges.server;
  }

  /** Whether every response is complete. */
  get isDone(): boolean {
    return this.#exchanges.done === this.#load.list.length;
  }

  /** How many are not. */
  get missing(): string {
    return `${this.#load.list.length - this.#exchanges.done} of ${this.#load.list.length} requests`;
  }

  #startAfter(done: number | null, now: number): void {
    for (const [place, { request, response, after, at }] of this.#load.list.entries()) {
      if (after !== done) continue;
      const begin = (then: number): void => {
        this.requests.push(this.#exchanges.begin({ index: this.#firstIndex + place, request, response }, then));
      };
      if (at > 0) this.#context.at(now + at, begin);
      else begin(now);
    }
  }
}

/** So many bytes, or as many as go in a time, over so many streams at once. */
export class TransferLoad implements RunningLoad {
  /** The application at the client. */
  readonly client: App;
  /** The application at the server. */
  readonly server: App;
  /** One per stream; none for a transfer that ends with its time. */
  readonly requests: Exchange[] = [];
  readonly #streams: number;
  readonly #exchanges: Exchanges;
  readonly #isTimed: boolean;
  #isOver = false;

  /** `firstIndex`: the number of the first request in the scenario. */
  constructor(load: Extract<Load, { kind: "bulk" | "stream" }>, context: LoadContext, firstIndex: number) {
    const exchanges = this.#exchanges = new Exchanges(context);
    this.#streams = load.streams;
    this.#isTimed = load.kind === "stream";
    const bytes = load.kind === "bulk" ? load.bytes : Infinity;
    this.client = startingWith(beginsWith(load.start), exchanges.client, (now) => {
      transferParts(load.direction, bytes, load.streams, firstIndex).forEach((part) => {
        const exchange = exchanges.begin(part, now);
        if (!this.#isTimed) this.requests.push(exchange);
      });
      if (load.kind === "stream") context.at(now + load.duration, () => this.#end());
    });
    this.server = exchanges.server;
  }

  /** Whether every byte is at its receiver, or the time is over. */
  get isDone(): boolean {
    return this.#isTimed ? this.#isOver : this.#exchanges.done === this.#streams;
  }

  /** What is not complete. */
  get missing(): string {
    return this.#isTimed
      ? "the end of the stream"
      : `${this.#streams - this.#exchanges.done} of ${this.#streams} streams`;
  }

  #end(): void {
    this.#isOver = true;
    this.#exchanges.stop();
  }
}

/** Splits bytes evenly over streams. With "both" the server does not wait for the client's data before it sends its own. */
export function transferParts(
  direction: LoadDirection,
  bytes: number,
  streams: number,
  firstIndex: number,
): ExchangeOptions[] {
  return Array.from({ length: streams }, (_, i) => {
    const share = bytes === Infinity ? bytes : Math.floor(bytes * (i + 1) / streams) - Math.floor(bytes * i / streams);
    const request = direction === "down" ? ASKING : ASKING + share;
    const response = direction === "up" ? 0 : share;
    const answerAfter = direction === "both" ? ASKING : request;
    return { index: firstIndex + i, request, response, answerAfter };
  });
}
