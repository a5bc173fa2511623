import type { PathStats, QuicConn } from "../mod.ts";
import { FaultNotes } from "./scheduler_faults.ts";

/** What a connection's paths carried, those that are over among them. */
export class PathLedger {
  readonly #conn: Pick<QuicConn, "stats">;
  readonly #ended = new Map<number, PathStats>();
  readonly #notes: string[] = [];
  /** The newest path that nobody answered on, by its ends: it is tried again and again. */
  readonly #unanswered = new Map<string, number>();

  /** Follows the paths of a connection until it ends. */
  constructor(conn: Pick<QuicConn, "stats" | "pathEvents">) {
    this.#conn = conn;
    void this.#follow(conn.pathEvents);
  }

  /** What happened that a person should know of, a line each; to be taken before the connection ends, and its paths with it. */
  get notes(): readonly string[] {
    return this.#notes;
  }

  /** How all paths do, or did, in order of their ids. */
  all(): PathStats[] {
    const known = new Map(this.#ended);
    for (const path of this.#conn.stats().paths) known.set(path.id, path);
    return [...known.values()].sort((a, b) => a.id - b.id);
  }

  /** A path is over; returns whether that is news. */
  #end(path: PathStats): boolean {
    this.#ended.set(path.id, path);
    if (path.bytesReceived > 0) return true;
    const ends = `${path.local.hostname} ${path.remote.hostname} ${path.remote.port}`;
    const before = this.#unanswered.get(ends);
    if (before !== undefined) this.#ended.delete(before);
    this.#unanswered.set(ends, path.id);
    return before === undefined;
  }

  async #follow(events: QuicConn["pathEvents"]): Promise<void> {
    const faults = new FaultNotes();
    for await (const { change, path, reason } of events) {
      const fault = faults.of({ change, reason });
      if (fault !== undefined) this.#notes.push(fault);
      const name = nameOf(path);
      if (change === "closed" && this.#end(path)) this.#notes.push(`path ${path.id} (${name}) is over: ${reason}`);
      if (change === "budget-low" || change === "budget-spent") {
        this.#notes.push(`path ${path.id} (${name}): ${reason}`);
      }
      if (change === "suspended") this.#notes.push(`path ${path.id} (${name}) is suspended: ${reason}`);
    }
  }
}

/** What to call a path: its label, or where it begins. */
export function nameOf(path: Pick<PathStats, "label" | "local">): string {
  return path.label === "" ? path.local.hostname : path.label;
}
