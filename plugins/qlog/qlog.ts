import type { Observer, Role, TraceEvents, TraceName } from "@multipath/quic/transport";
import { type QlogEvent, Translator } from "./events.ts";
import { openFile, Sink, type WriterSync } from "./sink.ts";
import { hex, type JsonObject } from "./values.ts";

/** What stands in the head of a file, and what is left out of it. */
export interface QlogOptions {
  /** A title, for people. */
  readonly title?: string;
  /** Which end it is; by default it is learned from the first event. */
  readonly role?: Role;
  /** A name for this end, such as a host's. */
  readonly name?: string;
  /** Joins files that belong together: the connection id that the client chose first, in hexadecimal. */
  readonly groupId?: string;
  /** When the log began, for people; `null` leaves it out, so that two runs of a simulation are the same. Default: now. */
  readonly started?: Date | null;
  /** Events to write; default all. */
  readonly events?: readonly TraceName[];
}

/** An observer that writes a file. Disposing of it closes the file. */
export interface QlogObserver extends Observer, Disposable {
  /** Why nothing is written any more, once something went wrong. */
  readonly error: Error | undefined;
  /** Writes out what was gathered. */
  flush(): void;
  /** Writes out what was gathered and closes the file; what comes later is left out. Happens by itself when the connection is gone. */
  close(): void;
}

/** Schemas of the files: the drafts', and what this implementation adds to them. */
export const QLOG_SCHEMAS: { readonly file: string; readonly events: readonly string[] } = {
  file: "urn:ietf:params:qlog:file:sequential-14",
  events: [
    "urn:ietf:params:qlog:events:quic-13",
    "https://jsr.io/@multipath/qlog/112026/quic#multipath",
    "https://jsr.io/@multipath/qlog/112026/multipath",
  ],
};

const RECORD_START = "\x1e";
const RECORD_END = "\n";

class QlogWriter implements QlogObserver {
  readonly #sink: Sink;
  readonly #options: QlogOptions;
  readonly #translator: Translator;
  readonly #wanted: ReadonlySet<string> | undefined;
  #hasHead = false;
  #sawClose = false;
  #isGone = false;
  #error: Error | undefined;

  constructor(writer: WriterSync, options: QlogOptions) {
    this.#sink = new Sink(writer);
    this.#options = options;
    this.#translator = new Translator(options.role);
    this.#wanted = options.events === undefined ? undefined : new Set(options.events);
  }

  get error(): Error | undefined {
    return this.#error ?? this.#sink.error;
  }

  on<N extends TraceName>(name: N, data: TraceEvents[N], now: number): void {
    try {
      // Translated even when not wanted: later events refer to what it tells.
      const events = this.#translator.translate(name, data);
      if (this.#wanted === undefined || this.#wanted.has(name)) { for (const event of events) this.#write(event, now); }
      this.#watchEnd(name, data);
    } catch (error) {
      this.#error ??= error instanceof Error ? error : new Error(String(error));
    }
  }

  flush(): void {
    this.#sink.flush();
  }

  close(): void {
    this.#sink.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #write(event: QlogEvent, now: number): void {
    if (!this.#hasHead) {
      this.#hasHead = true;
      this.#sink.add(record(this.#head()), now);
    }
    // Microseconds are enough, and keep the lines short.
    const time = Math.round(now * 1000) / 1000;
    this.#sink.add(record({ time, name: event.name, ...tupleOf(event), data: event.data }), now);
  }

  #head(): JsonObject {
    const { title, name, groupId } = this.#options;
    const started = this.#options.started === undefined ? new Date() : this.#options.started;
    return {
      file_schema: QLOG_SCHEMAS.file,
      serialization_format: "application/qlog+json-seq",
      title,
      trace: {
        common_fields: {
          group_id: groupId,
          time_format: "relative_to_epoch",
          reference_time: { clock_type: "monotonic", epoch: "unknown", wall_clock_time: started?.toISOString() },
        },
        vantage_point: { name, type: this.#translator.role ?? "unknown" },
        event_schemas: QLOG_SCHEMAS.events,
      },
    };
  }

  /** The last event is the second of these two, whichever comes first. */
  #watchEnd<N extends TraceName>(name: N, data: TraceEvents[N]): void {
    if (name === "quic:connection_closed") this.#sawClose = true;
    else if (name === "quic:connection_state_updated") {
      this.#isGone = (data as TraceEvents["quic:connection_state_updated"]).new === "closed";
    } else return;
    if (this.#sawClose) this.#sink.flush();
    if (this.#sawClose && this.#isGone) this.#sink.close();
  }
}

function tupleOf(event: QlogEvent): JsonObject {
  return event.tuple === undefined ? {} : { tuple: event.tuple };
}

function record(value: JsonObject): string {
  return RECORD_START + JSON.stringify(value) + RECORD_END;
}

/**
 * Writes the trace of one connection as qlog (JSON text sequences) to a file, or to anything that takes bytes at once. Never
 * disturbs the connection: after a failed write it goes quiet. The file is emptied first; throws what the system throws when
 * it cannot be opened.
 */
export function qlogFile(to: string | URL | WriterSync, options: QlogOptions = {}): QlogObserver {
  const isPath = typeof to === "string" || to instanceof URL;
  return new QlogWriter(isPath ? openFile(to) : to, options);
}

/**
 * For endpoints with many connections: gives each a file of its own in a folder that exists, named by the connection id that
 * it began with and by role. A file that cannot be opened leaves its connection without a log.
 */
export function qlogFolder(
  folder: string,
  options: QlogOptions = {},
): (role: Role, connectionId: Uint8Array) => QlogObserver | undefined {
  return (role, connectionId) => {
    const groupId = hex(connectionId);
    try {
      const path = `${folder.replace(/[/\\]+$/, "")}/${groupId}_${role}.sqlog`;
      return qlogFile(path, { ...options, role, groupId });
    } catch {
      return undefined;
    }
  };
}
