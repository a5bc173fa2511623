/**
 * Applications over the sans-IO connection: what an application does, without promises and in virtual time.
 *
 * @module
 */
import type { ConnectionEvent } from "../../transport/connection/events.ts";

/** The commands of a connection that applications use; `Connection` has them all. */
export interface AppConnection {
  nextEvent(): ConnectionEvent | undefined;
  openStream(kind: "bidirectional" | "unidirectional"): number | undefined;
  write(id: number, data: Uint8Array): number;
  finish(id: number): void;
  read(id: number, limit?: number): Uint8Array | undefined | null;
}

/** One application on one connection; several may share it. */
export interface App {
  /** Whether nothing is left to do. */
  readonly isDone: boolean;
  onEvent(event: ConnectionEvent, connection: AppConnection, now: number): void;
  /** Called after all events of an instant. */
  poll?(connection: AppConnection, now: number): void;
}

/** Hands a connection's events to its applications. Its `run` is what a host's `app` calls. */
export class AppDriver {
  readonly connection: AppConnection;
  readonly #apps: App[] = [];
  #closed: Extract<ConnectionEvent, { type: "closed" }> | undefined;

  constructor(connection: AppConnection, ...apps: readonly App[]) {
    this.connection = connection;
    this.#apps.push(...apps);
  }

  /** Whether all applications have done what they had to. */
  get isDone(): boolean {
    return this.#apps.every((app) => app.isDone);
  }

  /** The connection's last event, once it is over. */
  get closed(): Extract<ConnectionEvent, { type: "closed" }> | undefined {
    return this.#closed;
  }

  add(app: App): void {
    this.#apps.push(app);
  }

  /** Takes all events that wait, then lets each application act. */
  run(now: number): void {
    for (let event = this.connection.nextEvent(); event !== undefined; event = this.connection.nextEvent()) {
      if (event.type === "closed") this.#closed = event;
      for (const app of this.#apps) app.onEvent(event, this.connection, now);
    }
    for (const app of this.#apps) app.poll?.(this.connection, now);
  }
}
