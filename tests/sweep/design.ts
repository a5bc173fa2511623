/**
 * Designs of experiments: lists of topologies with two paths each, in the form in which those of "Multipath QUIC: Design and
 * Evaluation" (CoNEXT 2017) were published.
 *
 * @module
 */
import { parseScenario, type Scenario, ScenarioError } from "../kit/scenario/mod.ts";
import { Fields } from "../kit/scenario/fields.ts";
import { JsonError, parseJson } from "../kit/scenario/json_text.ts";

/** A path of a topology. */
export interface PathDesign {
  /** Both directions, Mbit/s. */
  readonly rateMbps: number;
  /** One way, milliseconds. */
  readonly delayMs: number;
  /** Longest that a datagram waits in the queue, milliseconds. */
  readonly queueMs: number;
  /** Datagrams lost at random, percent. */
  readonly lossPercent: number;
}

/** Two paths; which of them comes first makes no difference here. */
export type Topology = readonly [PathDesign, PathDesign];

/** A set of topologies, and what is fetched over each. */
export interface Design {
  /** What is fetched, bytes. */
  readonly bytes: number;
  /** Each only once, in whichever order of its paths came first. */
  readonly topologies: readonly Topology[];
}

/** What is fetched when the file does not say: 20 MB. */
export const DEFAULT_BYTES = 20_000_000;

const KEYS = ["source", "about", "bytes", "topologies"];
const PATH_KEYS = ["bw_mbps", "owd_ms", "queue_s", "loss_pct"];
const BYTES = { least: 1, most: 1e9, whole: true };
const RATE = { least: 0.01, most: 1e5 };
const DELAY = { least: 0, most: 60_000 };
const QUEUE = { least: 0, most: 60 };
const LOSS = { least: 0, most: 50 };
/** A packet as large as links let through: a queue has room for one at least. */
const FULL_PACKET = 1500;
/** Virtual milliseconds after which a run is given up: an hour, and this often the time that the slowest path takes. */
const LIMIT = 3_600_000;
const LIMIT_TIMES = 20;
const LONGEST_LIMIT = 1e9;

/**
 * Reads the text of a design: a list of topologies, or an object with `topologies`, `bytes` (default 20 MB), and `source` and
 * `about` for people. A topology is a list of two paths `{ bw_mbps, owd_ms, queue_s, loss_pct }`.
 *
 * @throws {ScenarioError} naming file, key and what was expected.
 */
export function parseDesign(text: string, file: string): Design {
  const value = jsonOf(text, file);
  const root = new Fields(file, "", Array.isArray(value) ? { topologies: value } : value, KEYS);
  for (const key of ["source", "about"]) root.text(key, "");
  const bytes = root.number("bytes", BYTES, DEFAULT_BYTES);
  const topologies = new Map<string, Topology>();
  root.list("topologies").forEach((each, i) => {
    const topology = readTopology(each, file, `topologies[${i}]`);
    const name = topology.map(pathKey).sort().join(" ");
    if (!topologies.has(name)) topologies.set(name, topology);
  });
  if (topologies.size === 0) throw root.error("topologies", "is empty: expected at least one topology");
  return { bytes, topologies: [...topologies.values()] };
}

function jsonOf(text: string, file: string): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    throw new ScenarioError(file, "", `is no JSON: ${error.message}`);
  }
}

function readTopology(value: unknown, file: string, at: string): Topology {
  if (!Array.isArray(value) || value.length !== 2) throw new ScenarioError(file, at, "is no list of two paths");
  const read = (index: number): PathDesign => {
    const fields = new Fields(file, `${at}[${index}]`, value[index], PATH_KEYS);
    return {
      rateMbps: fields.number("bw_mbps", RATE),
      delayMs: fields.number("owd_ms", DELAY),
      // 0.048 s is 48 ms, not 48.00000000000001.
      queueMs: Number((fields.number("queue_s", QUEUE) * 1000).toFixed(6)),
      lossPercent: fields.number("loss_pct", LOSS, 0),
    };
  };
  return [read(0), read(1)];
}

/** The same text for paths that are alike. */
export function pathKey({ rateMbps, delayMs, queueMs, lossPercent }: PathDesign): string {
  return [rateMbps, delayMs, queueMs, lossPercent].join("/");
}

/** So many of them, spread evenly over the whole list; all when there are no more. */
export function sampleOf<T>(all: readonly T[], count: number): T[] {
  if (count >= all.length) return [...all];
  return Array.from({ length: count }, (_, i) => all[Math.floor(i * all.length / count)] as T);
}

/** A download of `bytes` over these paths; the handshake runs over the first. Throws `ScenarioError`. */
export function scenarioOf(paths: readonly PathDesign[], bytes: number, mode: string): Scenario {
  const slowest = Math.min(...paths.map(({ rateMbps }) => rateMbps));
  const scenario = {
    name: paths.map(pathKey).join(" "),
    limitMs: Math.min(LONGEST_LIMIT, Math.ceil(LIMIT + LIMIT_TIMES * bytes * 8 / (slowest * 1000))),
    links: paths.map(({ rateMbps, delayMs, queueMs, lossPercent }) => {
      const room = FULL_PACKET * 8 / (rateMbps * 1000);
      return { rateMbps, delayMs, lossPercent, queueMs: Math.max(queueMs, room) };
    }),
    client: { mode },
    server: { mode },
    load: { kind: "bulk", direction: "down", bytes },
  };
  return parseScenario(JSON.stringify(scenario), "sweep");
}
