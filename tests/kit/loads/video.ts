/**
 * A player: it fetches one chunk after the other, plays what it has, and stops when it has nothing.
 *
 * | state   | when                                                   | then                             |
 * |---------|--------------------------------------------------------|----------------------------------|
 * | waiting | the buffer reaches `startBuffer`, or can get no larger | playing                          |
 * | playing | the buffer is empty and a chunk is missing             | waiting (a stall)                |
 * | any     | a chunk came, and the next one fits into `maxBuffer`   | the next chunk is asked for      |
 *
 * @module
 */
import type { App } from "../app.ts";
import type { Load } from "../scenario/types.ts";
import { Exchanges } from "./exchanges.ts";
import {
  addLatency,
  beginsWith,
  type Exchange,
  type Latencies,
  type LoadConnection,
  type LoadContext,
  type Playback,
  type RunningLoad,
} from "./load.ts";
import { startingWith } from "./transfers.ts";

type Video = Extract<Load, { kind: "video" }>;

/** Bytes of a request for a chunk. */
const REQUEST = 257;
/** Changes of the buffer from which on the server is told, in milliseconds. */
const SIGNAL_STEP = 50;
/** What the buffer is called as a signal. */
const SIGNAL = "bufferMs";
/** Buffers are sums and differences of times: less than this is rounding. */
const EPSILON = 1e-6;

/** A `video` load: complete with its last chunk. */
export class VideoLoad implements RunningLoad {
  /** The application at the client. */
  readonly client: App;
  /** The application at the server. */
  readonly server: App;
  /** The chunks. */
  readonly requests: Exchange[] = [];
  /** What they took, from request to last byte. */
  readonly latencies: Latencies = { values: [], late: 0 };
  /** How it was to watch. */
  readonly playback: Playback = { startMs: -1, stalls: 0, stallMs: 0 };
  readonly #load: Video;
  readonly #context: LoadContext;
  readonly #exchanges: Exchanges;
  readonly #firstIndex: number;
  #isPlaying = false;
  /** The buffer as it was at `#bufferAt`; it shrinks while playing. */
  #buffer = 0;
  #bufferAt = 0;
  #stalledAt = -1;
  /** What the server was told last; `undefined`: nothing yet. */
  #signalled: number | undefined;
  /** A value that it is to be told when applications are polled. */
  #toSignal: number | undefined;
  /** Timers of an older state do nothing. */
  #generation = 0;

  /** `firstIndex`: the number of the first chunk in the scenario. */
  constructor(load: Video, context: LoadContext, firstIndex: number) {
    this.#load = load;
    this.#context = context;
    this.#firstIndex = firstIndex;
    this.#exchanges = new Exchanges(context, (chunk, now) => this.#onChunk(chunk, now));
    const app: App = {
      isDone: true,
      onEvent: (event, connection, now) => this.#exchanges.client.onEvent(event, connection, now),
      poll: (connection, now) => {
        this.#exchanges.client.poll?.(connection, now);
        this.#signal(connection as LoadConnection, now);
      },
    };
    this.client = startingWith(beginsWith(load.start), app, (now) => this.#ask(now));
    this.server = this.#exchanges.server;
  }

  /** Whether the last chunk is there. */
  get isDone(): boolean {
    return this.#exchanges.done === this.#load.chunks;
  }

  /** How many chunks are not. */
  get missing(): string {
    return `${this.#load.chunks - this.#exchanges.done} of ${this.#load.chunks} chunks`;
  }

  #bufferNow(now: number): number {
    return this.#isPlaying ? Math.max(0, this.#buffer - (now - this.#bufferAt)) : this.#buffer;
  }

  #settleBuffer(now: number): void {
    this.#buffer = this.#bufferNow(now);
    if (this.#buffer < EPSILON) this.#buffer = 0;
    this.#bufferAt = now;
  }

  #onChunk(chunk: Exchange, now: number): void {
    addLatency(this.#context, this.latencies, chunk.startedAt, Infinity, chunk.respondedAt);
    this.#settleBuffer(now);
    this.#buffer += this.#load.chunkDuration;
    this.#update(now);
  }

  /** Whether a chunk fits. One that never would is taken when there is nothing else to play. */
  get #hasRoom(): boolean {
    const { chunkDuration, maxBuffer } = this.#load;
    return this.#buffer + chunkDuration <= Math.max(maxBuffer, chunkDuration) + EPSILON;
  }

  get #hasMore(): boolean {
    return this.requests.length < this.#load.chunks;
  }

  /** Asks for the next chunk, starts to play, stops or tells the buffer: whatever it is time for. */
  #update(now: number): void {
    const isFetching = this.requests.length > this.#exchanges.done;
    const mayFetch = !isFetching && this.#hasMore && this.#hasRoom;
    if (mayFetch) this.#ask(now);
    const growsNoMore = !isFetching && !mayFetch;
    if (!this.#isPlaying && (this.#buffer >= this.#load.startBuffer - EPSILON || growsNoMore)) this.#play(now);
    else if (this.#isPlaying && this.#buffer === 0 && !this.isDone) this.#stall(now);
    if (this.playback.startMs < 0) return;
    const { chunkDuration, maxBuffer } = this.#load;
    const change = Math.abs(this.#buffer - (this.#signalled ?? Infinity));
    if (change >= SIGNAL_STEP - EPSILON) this.#toSignal = this.#signalled = this.#buffer;
    if (!this.#isPlaying || this.isDone) return;
    const untilTold = this.#buffer - ((this.#signalled ?? this.#buffer) - SIGNAL_STEP);
    const untilRoom = this.#hasMore && !this.#hasRoom ? this.#buffer - (maxBuffer - chunkDuration) : Infinity;
    const untilNext = Math.min(this.#buffer, untilTold > 0 ? untilTold : Infinity, untilRoom);
    this.#wakeAfter(untilNext, now);
  }

  #wakeAfter(delay: number, now: number): void {
    const generation = ++this.#generation;
    this.#context.at(now + Math.max(EPSILON, delay), (then) => {
      if (generation !== this.#generation || this.isDone) return;
      this.#settleBuffer(then);
      this.#update(then);
    });
  }

  #ask(now: number): void {
    const index = this.#firstIndex + this.requests.length;
    this.requests.push(this.#exchanges.begin({ index, request: REQUEST, response: this.#load.chunkBytes }, now));
  }

  #play(now: number): void {
    this.#isPlaying = true;
    this.#bufferAt = now;
    if (this.playback.startMs < 0) this.playback.startMs = now;
    if (this.#stalledAt >= 0) this.playback.stallMs += now - this.#stalledAt;
    this.#stalledAt = -1;
  }

  #stall(now: number): void {
    this.#isPlaying = false;
    this.playback.stalls++;
    this.#stalledAt = now;
  }

  #signal(connection: LoadConnection, now: number): void {
    if (this.#toSignal === undefined) return;
    connection.signal(SIGNAL, this.#toSignal, now);
    this.#toSignal = undefined;
  }
}
