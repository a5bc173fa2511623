/**
 * What all loads have in common: the connection that they use, what they are told, and what they measure.
 *
 * @module
 */
import type { App, AppConnection } from "../app.ts";
import type { LoadStart, Side } from "../scenario/types.ts";

/** The commands of a connection that loads use; `Connection` has them all. */
export interface LoadConnection extends AppConnection {
  /** Gives up sending on a stream. */
  reset(id: number, code: number): void;
  /** Queues a datagram; `false`: it is too large, or too many wait. */
  sendDatagram(data: Uint8Array, options?: { readonly id?: number; readonly path?: number }): boolean;
  /** The largest datagram that fits now; 0: none. */
  readonly maxDatagramSize: number;
  /** Tells the schedulers a number. */
  signal(name: string, value: number, now: number): void;
}

/** What a load learns of the world around it. */
export interface LoadContext {
  /** Has something done at a time. */
  at(time: number, run: (now: number) => void): void;
  /** Application bytes were delivered. */
  delivered(direction: "up" | "down", bytes: number, now: number): void;
  /** A message, or a chunk, was answered to its last byte. */
  answered(startedAt: number, now: number): void;
  /** Pins the stream of a request where the scenario says so; `false` while that path is not there yet. */
  pin(side: Side, request: number, stream: number): boolean;
  /** The path over a link; `undefined` while there is none at that side, -1 when there will be none any more. */
  pathOver(side: Side, link: number): number | undefined;
}

/** One request and its response, in bytes. */
export interface ExchangeOptions {
  /** Its number in the scenario: what the result lists it under and pins refer to; -1: none. */
  readonly index: number;
  /** Infinity: until it is stopped. */
  readonly request: number;
  /** Infinity: until it is stopped. */
  readonly response: number;
  /** Bytes of the request after which the server answers. Default: all. */
  readonly answerAfter?: number;
}

/** What became of it. Times are -1 until they are known. */
export interface Exchange extends Required<ExchangeOptions> {
  /** When the client's application wanted it; the stream may come later. */
  readonly startedAt: number;
  /** -1 until it is open. */
  stream: number;
  /** When the server's application had the whole request. */
  requestedAt: number;
  /** When the client's application had the last byte of the response, or its end when there is none. */
  respondedAt: number;
  /** When the client's application had the end of the response. */
  endedAt: number;
}

/** Delays of messages. */
export interface Latencies {
  /** Milliseconds, in the order in which the messages were complete. */
  readonly values: number[];
  /** Those that took longer than the load allows. */
  late: number;
}

/** What became of a load's datagrams, both directions together. */
export interface DatagramCounts {
  /** Given to the connection. */
  sent: number;
  /** Delivered to the application. */
  received: number;
  /** Delivered after one that was sent later. */
  reordered: number;
}

/** How a player did. */
export interface Playback {
  /** When it began; -1: it did not. */
  startMs: number;
  /** How often it stopped for want of data after that. */
  stalls: number;
  /** For how long in all. */
  stallMs: number;
}

/** A load that runs: an application for each end, and what they measured. */
export interface RunningLoad {
  /** Goes to the connection at the client. */
  readonly client: App;
  /** Goes to the connection at the server. */
  readonly server: App;
  /** Whether everything is done at both ends. */
  readonly isDone: boolean;
  /** What is still missing, in words. */
  readonly missing: string;
  /** Those that the result lists. */
  readonly requests?: readonly Exchange[];
  /** Of periodic messages, and of chunks. */
  readonly latencies?: Latencies;
  /** Of a `datagrams` load. */
  readonly datagrams?: DatagramCounts;
  /** Of a `video` load. */
  readonly playback?: Playback;
}

/** The event at the client with which a load begins. */
export function beginsWith(start: LoadStart): "connected" | "confirmed" {
  return start === "complete" ? "connected" : "confirmed";
}

/** Counts a message in that was answered now. */
export function addLatency(
  context: LoadContext,
  latencies: Latencies,
  startedAt: number,
  late: number,
  now: number,
): void {
  const value = now - startedAt;
  latencies.values.push(value);
  if (value > late) latencies.late++;
  context.answered(startedAt, now);
}
