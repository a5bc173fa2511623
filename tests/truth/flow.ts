/**
 * One flow or two, downwards over one link, in virtual time, with what closed forms need to be held against them.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import type { ControllerFactory } from "../../recovery/congestion/controller.ts";
import { parseScenario } from "../kit/scenario/mod.ts";
import type { ScenarioResult } from "../kit/scenario/types.ts";
import { runScenario } from "../kit/sim/run.ts";

/** UDP payload of every full packet: the least that path MTU discovery starts with, and here the most too. */
export const PACKET = 1200;

/** IPv4 and UDP headers: what a link counts beside the UDP payload when nothing else is said. */
export const OVERHEAD = 28;

/** A scenario's text as an object; keys as in the files. */
export type Keys = Readonly<Record<string, unknown>>;

/** What a flow is. */
export interface Flow {
  readonly name: string;
  readonly seed?: number;
  /** Keys of the one link. */
  readonly link: Keys;
  /** Keys of both ends, beside those that make packets of {@linkcode PACKET} bytes on a single path. */
  readonly side?: Keys;
  /** Seconds that the server has data for, from the confirmed handshake on. */
  readonly seconds: number;
  readonly cross?: readonly Keys[];
  /** In place of the server's controller. */
  readonly controller?: ControllerFactory;
}

/**
 * Runs it. The scenario goes through the reader of files, so that what is tested is what a file says. Packets are not
 * encrypted, which changes nothing in virtual time.
 */
export function runFlow({ name, seed = 1, link, side = {}, seconds, cross = [], controller }: Flow): ScenarioResult {
  const both = { mode: "min-rtt", numberSpaces: "off", payloadLimit: PACKET, ...side };
  const file = {
    name,
    seed,
    limitMs: (seconds + 10) * 1000,
    links: [link],
    client: both,
    server: both,
    load: { kind: "stream", direction: "down", forMs: seconds * 1000 },
    cross,
  };
  const read = parseScenario(JSON.stringify(file), `${name}.json`);
  const scenario = controller === undefined ? read : { ...read, server: { ...read.server, congestion: "given" } };
  const controllers = new Map(controller === undefined ? [] : [["given", controller]]);
  const result = runScenario(scenario, { crypto: "plain", controllers });
  assertEquals(result.error, null);
  return result;
}

/** Mean goodput down in Mbit/s from second `from` up to second `to`, both counted from the client's first datagram. */
export function goodput({ series }: ScenarioResult, from: number, to: number): number {
  assert(series.downMbps.length >= to, `${series.downMbps.length} s of series: expected ${to}`);
  return mean(series.downMbps.slice(from, to));
}

/** The arithmetic mean. */
export function mean(values: readonly number[]): number {
  assert(values.length > 0);
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Fails unless `actual` is within `share` of `expected` (0.02: two percent); says both, and how far apart they are. */
export function assertWithin(actual: number, expected: number, share: number, what: string): void {
  const off = actual / expected - 1;
  const words = `${what}: ${actual.toPrecision(4)} instead of ${expected.toPrecision(4)}, ${(100 * off).toFixed(1)} %`;
  assert(Math.abs(off) <= share, `${words} off: expected at most ${100 * share} %`);
}
