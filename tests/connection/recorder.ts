import type { ConnectionEvent } from "../../transport/connection/events.ts";
import type { Connection } from "../../transport/connection/connection.ts";
import type { App, AppConnection } from "../kit/app.ts";
import { Pair, type PairOptions } from "./pair.ts";

type EventType = ConnectionEvent["type"];

/** An application that remembers what it is told, and reads what comes unless it is told not to. */
export class Recorder implements App {
  readonly isDone = true;
  readonly events: ConnectionEvent[] = [];
  /** Bytes read per stream. */
  readonly received: Map<number, number> = new Map();
  /** Streams read to their end. */
  readonly ended: Set<number> = new Set();
  /** Whether to read at once what comes. */
  reads = true;
  /** Called for each event, before anything is read. */
  onArrival: ((event: ConnectionEvent, connection: Connection, now: number) => void) | undefined;

  onEvent(event: ConnectionEvent, connection: AppConnection, now: number): void {
    this.events.push(event);
    this.onArrival?.(event, connection as Connection, now);
    if (event.type === "stream_readable" && this.reads) this.pull(event.id, connection);
  }

  /** Reads all there is of a stream; what the last read gave, without its bytes. */
  pull(id: number, connection: AppConnection): "ended" | "empty" {
    for (;;) {
      const data = connection.read(id);
      if (data === undefined) return "empty";
      if (data === null) {
        this.ended.add(id);
        return "ended";
      }
      this.received.set(id, (this.received.get(id) ?? 0) + data.length);
    }
  }

  /** Events of a type, in order. */
  of<T extends EventType>(type: T): Extract<ConnectionEvent, { type: T }>[] {
    return this.events.filter((event) => event.type === type) as Extract<ConnectionEvent, { type: T }>[];
  }
}

/** A confirmed pair with a recorder at each end. */
export function recordedPair(
  options: PairOptions = {},
): { readonly pair: Pair; readonly atClient: Recorder; readonly atServer: Recorder } {
  const [atClient, atServer] = [new Recorder(), new Recorder()];
  const pair = new Pair({ ...options, clientApps: [atClient], serverApps: [atServer] }).confirm();
  return { pair, atClient, atServer };
}
