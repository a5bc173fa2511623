/**
 * A trace to assert on: it keeps what an observer hears. Tests look here for what happened inside, not at private fields.
 *
 * @module
 */
import type { DropReason, Observer, TracedHeader, TraceEvents, TraceName } from "../../transport/base/observer.ts";
import type { Frame, FrameKind } from "../../transport/wire/frames/types.ts";

/** One event, with copies of its data. */
export interface TraceEntry<N extends TraceName = TraceName> {
  /** The name of the event. */
  readonly name: N;
  /** Its data, copied. */
  readonly data: TraceEvents[N];
  /** When it was. */
  readonly now: number;
}

/** Which entries of a name are meant. */
export type TraceFilter<N extends TraceName> = (data: TraceEvents[N], now: number) => boolean;

/** A frame, with the packet that it was in. */
export interface TracedFrame<K extends FrameKind = FrameKind> {
  /** The frame, copied. */
  readonly frame: Extract<Frame, { readonly kind: K }>;
  /** The header of its packet. */
  readonly header: TracedHeader;
  /** When the packet was sent or received. */
  readonly now: number;
}

/** What to keep. */
export interface TraceOptions {
  /** Only events of these names; default all. */
  readonly names?: readonly TraceName[];
  /** Keep the bytes of streams and the like too; by default arrays longer than 64 bytes become zeros of the same length. */
  readonly payloads?: boolean;
  /** Most entries; older ones are let go. Default 1000000. */
  readonly limit?: number;
}

/** Arrays up to this many bytes (ids, tokens, challenges) are kept as they are. */
const SMALL = 64;
const ZEROS = new Uint8Array(65_536);

/** Keeps events, and answers questions about them. */
export class Trace implements Observer {
  readonly #names: ReadonlySet<string> | undefined;
  readonly #payloads: boolean;
  readonly #limit: number;
  #entries: TraceEntry[] = [];

  /** Keeps what the options say. */
  constructor(options: TraceOptions = {}) {
    this.#names = options.names === undefined ? undefined : new Set(options.names);
    this.#payloads = options.payloads ?? false;
    this.#limit = options.limit ?? 1_000_000;
  }

  /** Hears one event. */
  on<N extends TraceName>(name: N, data: TraceEvents[N], now: number): void {
    if (this.#names !== undefined && !this.#names.has(name)) return;
    if (this.#entries.length >= this.#limit) this.#entries = this.#entries.slice(this.#limit >> 1);
    this.#entries.push({ name, data: copyOfData(data, this.#payloads), now } as unknown as TraceEntry);
  }

  /** All that was kept, in order. */
  get entries(): readonly TraceEntry[] {
    return this.#entries;
  }

  /** Forgets all so far. */
  clear(): void {
    this.#entries = [];
  }

  /** The events of a name, those that `where` picks. */
  filter<N extends TraceName>(name: N, where: TraceFilter<N> = () => true): TraceEntry<N>[] {
    const ofName = this.#entries.filter((e) => e.name === name) as unknown as TraceEntry<N>[];
    return ofName.filter((e) => where(e.data, e.now));
  }

  /** How many events there are of a name. */
  count<N extends TraceName>(name: N, where?: TraceFilter<N>): number {
    return this.filter(name, where).length;
  }

  /** The first event of a name. */
  first<N extends TraceName>(name: N, where?: TraceFilter<N>): TraceEntry<N> | undefined {
    return this.filter(name, where)[0];
  }

  /** The last event of a name. */
  last<N extends TraceName>(name: N, where?: TraceFilter<N>): TraceEntry<N> | undefined {
    return this.filter(name, where).at(-1);
  }

  /** All frames of a kind in the packets that were sent or received. */
  frames<K extends FrameKind>(direction: "sent" | "received", kind: K): TracedFrame<K>[] {
    const found: TracedFrame<K>[] = [];
    const packets = direction === "sent" ? this.filter("quic:packet_sent") : this.filter("quic:packet_received");
    for (const { data, now } of packets) {
      for (const frame of data.frames) {
        if (frame.kind !== kind) continue;
        found.push({ frame: frame as TracedFrame<K>["frame"], header: data.header, now });
      }
    }
    return found;
  }

  /** Throws an `Error` with the end of the trace unless the event is there; returns the first one. */
  assertSeen<N extends TraceName>(name: N, where?: TraceFilter<N>): TraceEntry<N> {
    const first = this.first(name, where);
    if (first === undefined) throw new Error(`${name} is not in the trace: expected at least one\n${this.tail()}`);
    return first;
  }

  /** Throws an `Error` with the first one when the event is there. */
  assertNone<N extends TraceName>(name: N, where?: TraceFilter<N>): void {
    const first = this.first(name, where);
    if (first !== undefined) throw new Error(`${name} is in the trace: expected none\n${formatEntry(first)}`);
  }

  /** Throws an `Error` unless there are exactly so many. */
  assertCount<N extends TraceName>(name: N, expected: number, where?: TraceFilter<N>): void {
    const count = this.count(name, where);
    if (count !== expected) {
      throw new Error(`${name} is ${count} times in the trace: expected ${expected}\n${this.tail()}`);
    }
  }

  /** Throws an `Error` unless a datagram or packet was dropped for this reason. */
  assertDropped(reason: DropReason): void {
    this.assertSeen("quic:packet_dropped", (data) => data.reason === reason);
  }

  /** The last entries, a line each, for people. */
  tail(count = 20): string {
    return this.#entries.slice(-count).map(formatEntry).join("\n");
  }
}

/** A copy of an event's data. Without `payloads`, arrays longer than 64 bytes become zeros of the same length. */
export function copyOfData<T>(value: T, payloads: boolean): T {
  return copyOf(value, payloads) as T;
}

function copyOf(value: unknown, payloads: boolean): unknown {
  if (value instanceof Uint8Array) {
    if (payloads || value.length <= SMALL) return value.slice();
    return value.length <= ZEROS.length ? ZEROS.subarray(0, value.length) : new Uint8Array(value.length);
  }
  if (Array.isArray(value)) return value.map((item) => copyOf(item, payloads));
  if (value instanceof Map) return new Map([...value].map(([key, item]) => [key, copyOf(item, payloads)]));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, copyOf(item, payloads)]));
}

/** One entry on one line: time, name, data, with bytes as hexadecimal or as their length. */
export function formatEntry(entry: TraceEntry): string {
  const data = JSON.stringify(entry.data, (_key, value) => {
    if (!(value instanceof Uint8Array)) return value instanceof Map ? [...value] : value;
    return value.length <= 20
      ? [...value].map((b) => b.toString(16).padStart(2, "0")).join("")
      : `${value.length} bytes`;
  });
  return `${entry.now.toFixed(3)} ${entry.name} ${data}`;
}
