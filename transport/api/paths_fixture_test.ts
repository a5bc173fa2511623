/**
 * What the tests of paths in this folder share.
 *
 * @module
 */
import { assert } from "@std/assert";
import type { PathEvent, QuicConn, QuicPath } from "./types.ts";

/** Two paths to a server on 127.0.0.1. */
export const TWO_PATHS = [{ local: "127.0.0.1", label: "wifi" }, { local: "127.0.0.2", label: "cell", cost: 1 }];

/** Collects the events of a connection from now on. */
export class PathLog {
  readonly events: PathEvent[] = [];
  readonly done: Promise<void>;
  #onEvent: (() => void) | undefined;

  constructor(conn: QuicConn) {
    const iterator = conn.pathEvents[Symbol.asyncIterator]();
    this.done = this.#read(iterator);
  }

  /** The changes of a path, in order. */
  of(id: number): string[] {
    return this.events.filter(({ path }) => path.id === id).map(({ change }) => change);
  }

  /** Waits for a change of a path. */
  async until(change: string, id: number): Promise<PathEvent> {
    while (true) {
      const found = this.events.find((event) => event.change === change && event.path.id === id);
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => this.#onEvent = resolve);
    }
  }

  async #read(iterator: AsyncIterator<PathEvent>): Promise<void> {
    for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) {
      this.events.push(next.value);
      this.#onEvent?.();
    }
  }
}

/** Looks again and again, for what no event tells. */
export async function eventually(what: string, holds: () => boolean, within = 20_000): Promise<void> {
  for (const end = performance.now() + within; !holds();) {
    assert(performance.now() < end, `${what} did not come about`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** The path of a connection with that id. */
export function pathOf(conn: QuicConn, id: number): QuicPath {
  const found = conn.paths.find((path) => path.id === id);
  assert(found !== undefined, `there is no path ${id}`);
  return found;
}

/** Closes a connection whose endpoint is its own, and waits until nothing of it is left. */
export async function closeAll(...conns: QuicConn[]): Promise<void> {
  for (const conn of conns) {
    conn.close();
    await conn.endpoint.closed;
  }
}
