/**
 * Applications over the sans-IO connection: what an application does, without promises and in virtual time.
 *
 * @module
 */
import type { ConnectionEvent } from "../../transport/connection/events.ts";

/** The commands of a connection that applications use; `Connection` has them all. */
export interface AppConnection {
  /** The next thing that happened; `undefined` when there is nothing new. */
  nextEvent(): ConnectionEvent | undefined;
  /** A new stream; `undefined` while the peer allows no more. */
  openStream(kind: "bidirectional" | "unidirectional"): number | undefined;
  /** Bytes taken; fewer than given when the stream is full, and then `stream_writable` follows. */
  write(id: number, data: Uint8Array): number;
  /** Ends the stream after what was written. */
  finish(id: number): void;
  /** What has arrived; `undefined`: nothing now, `null`: the end. */
  read(id: number, limit?: number): Uint8Array | undefined | null;
}

/** One application on one connection; several may share it. */
export interface App {
  /** Whether nothing is left to do. */
  readonly isDone: boolean;
  /** Something happened. */
  onEvent(event: ConnectionEvent, connection: AppConnection, now: number): void;
  /** Called after all events of an instant. */
  poll?(connection: AppConnection, now: number): void;
}

/** Hands a connection's events to its applications. Its `run` is what a host's `app` calls. */
export class AppDriver {
  /** The connection whose events are handed out. */
  readonly connection: AppConnection;
  #apps: App[] = [];
  #closed: Extract<ConnectionEvent, { type: "closed" }> | undefined;
  /** Hears of events that are held back. */
  #onHeld: ((event: ConnectionEvent, now: number) => void) | undefined;
  #held: ConnectionEvent[] = [];

  /** Begins with these applications. */
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

  /** Adds an application; it hears of what happens from now on. */
  add(app: App): void {
    this.#apps.push(app);
  }

  /** Has the applications of another driver from now on, those included that are added later to either. */
  share(other: AppDriver): void {
    this.#apps = other.#apps;
  }

  /** Keeps what happens from the applications until `release`: for one of several connections, of which one will be theirs. */
  hold(onEvent: (event: ConnectionEvent, now: number) => void): void {
    this.#onHeld = onEvent;
  }

  /** The applications hear now of what was held back, and of all that follows. */
  release(now: number): void {
    this.#onHeld = undefined;
    for (const event of this.#held.splice(0)) this.#hand(event, now);
  }

  /** Takes all events that wait, then lets each application act. */
  run(now: number): void {
    for (let event = this.connection.nextEvent(); event !== undefined; event = this.connection.nextEvent()) {
      if (event.type === "closed") this.#closed = event;
      if (this.#onHeld === undefined) this.#hand(event, now);
      else {
        this.#held.push(event);
        this.#onHeld(event, now);
      }
    }
    if (this.#onHeld === undefined) { for (const app of this.#apps) app.poll?.(this.connection, now); }
  }

  #hand(event: ConnectionEvent, now: number): void {
    for (const app of this.#apps) app.onEvent(event, this.connection, now);
  }
}
