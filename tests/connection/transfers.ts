import { assertEquals } from "@std/assert";
import type { Connection } from "../../transport/connection/connection.ts";
import { bulk, Requests } from "../kit/apps.ts";
import type { Trace } from "../kit/trace.ts";
import { Pair, type PairOptions } from "./pair.ts";

/** A pair that moves bytes, and what moves. */
export interface Transfer {
  readonly pair: Pair;
  readonly load: Requests;
}

/** A pair with a bulk load, not run yet. */
export function bulkPair(direction: "up" | "down" | "both", bytes: number, options: PairOptions = {}): Transfer {
  const load = new Requests(bulk(direction, bytes));
  const pair = new Pair({ ...options, clientApps: [load.client], serverApps: [load.server] });
  return { pair, load };
}

/** Runs until all of a load has arrived, byte for byte. */
export function finish({ pair, load }: Transfer, limit = 120_000): void {
  pair.world.require("the whole transfer", () => load.isDone, pair.world.now + limit);
}

/** Bytes in flight on all paths of a connection. */
export function inFlight(connection: Connection): number {
  return connection.stats().paths.reduce((sum, path) => sum + path.inFlight, 0);
}

/** Bytes that a load has moved so far. */
export function moved(load: Requests): number {
  return load.exchanges.reduce((sum, exchange) => sum + exchange.up + exchange.down, 0);
}

/** Waits until nothing is in flight at either end, and checks that both are well. */
export function assertSettled(pair: Pair, limit = 20_000): void {
  pair.world.require(
    "nothing to be in flight",
    () => inFlight(pair.client) === 0 && inFlight(pair.server) === 0,
    pair.world.now + limit,
  );
  assertEquals([pair.client.state, pair.server.state], ["connected", "connected"]);
  assertEquals([pair.client.error, pair.server.error], [undefined, undefined]);
}

/** When packets with ack-eliciting frames left, of those that `from` picks. */
export function elicitingSentAt(trace: Trace, from = 0): number[] {
  const quiet = new Set(["ack", "padding", "connection_close"]);
  return trace
    .filter("quic:packet_sent", (data, now) => now >= from && data.frames.some((frame) => !quiet.has(frame.kind)))
    .map((entry) => entry.now);
}
