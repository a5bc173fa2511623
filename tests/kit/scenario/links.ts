/**
 * The links of a scenario file.
 *
 * @module
 */
import { type LinkOptions, linkValueProblem } from "../link_options.ts";
import { quoteValue, ScenarioError } from "./error.ts";
import { DURATION, Fields } from "./fields.ts";
import { type ScenarioFiles, traceAt } from "./files.ts";
import type { ScenarioLink } from "./types.ts";

/** Most links of a scenario. */
export const MAX_LINKS = 8;
/** Kinds of queue limit: at most one is in use. */
const QUEUE_KEYS = ["queueMs", "queueBytes", "queuePackets"] as const;

/** What each direction of a link has for itself, and what an event may set. */
export const DIRECTION_KEYS = [
  "rateMbps",
  "trace",
  "delayMs",
  "jitterMs",
  "reorder",
  ...QUEUE_KEYS,
  "lossPercent",
  "burstLoss",
  "drop",
  "ecn",
  "mtu",
  "overheadBytes",
  "dead",
  "unreachable",
] as const;

const LINK_KEYS = [...DIRECTION_KEYS, "label", "share", "up", "down", "status", "cost", "metered", "openMs"];

/** What the client can say of a path. */
export const STATUSES = ["available", "backup"] as const;
/** The range of `cost`. */
export const COST = { least: 0, most: 1e9 } as const;

/** Reads `links`. Throws `ScenarioError`. */
export function readLinks(root: Fields, files: ScenarioFiles | undefined): ScenarioLink[] {
  const list = root.list("links");
  if (list.length < 1 || list.length > MAX_LINKS) {
    throw root.error("links", `has ${list.length} entries: expected 1 to ${MAX_LINKS}`);
  }
  return list.map((value, index) => readLink(root, value, index, files));
}

function readLink(root: Fields, value: unknown, index: number, files: ScenarioFiles | undefined): ScenarioLink {
  const fields = new Fields(root.file, root.pathOf(`links[${index}]`), value, LINK_KEYS);
  const both = readOptions(fields, files);
  const own = (key: "up" | "down"): LinkOptions => fields.has(key) ? readDirection(fields, key, both, files) : {};
  const openMs = fields.numberOrNull("openMs", DURATION, 0);
  if (index === 0 && openMs !== 0) throw fields.wrong("openMs", "0, for the handshake runs over the first link");
  return {
    label: fields.text("label", `link${index}`),
    both,
    up: own("up"),
    down: own("down"),
    share: fields.raw("share") === null || !fields.has("share") ? undefined : fields.text("share"),
    status: fields.word("status", STATUSES, "available"),
    cost: fields.number("cost", COST, 0),
    metered: fields.flag("metered", false),
    openMs,
  };
}

function readDirection(
  link: Fields,
  key: "up" | "down",
  both: LinkOptions,
  files: ScenarioFiles | undefined,
): LinkOptions {
  const fields = new Fields(link.file, link.pathOf(key), link.raw(key), DIRECTION_KEYS);
  const own: Record<string, unknown> = { ...readOptions(fields, files) };
  // One direction may have another kind of queue than both have, or a rate in place of a trace.
  if (QUEUE_KEYS.some((kind) => fields.has(kind))) {
    for (const kind of QUEUE_KEYS) if (both[kind] !== undefined && !fields.has(kind)) own[kind] = null;
  }
  if (fields.has("rateMbps") && !fields.has("trace") && both.trace !== undefined) own["trace"] = null;
  return own as LinkOptions;
}

/** Reads what an object says of a direction. Throws `ScenarioError`. */
export function readOptions(fields: Fields, files: ScenarioFiles | undefined): LinkOptions {
  const options: Record<string, unknown> = {};
  for (const key of DIRECTION_KEYS) {
    if (!fields.has(key)) continue;
    const value = fields.raw(key);
    if (key === "trace") {
      options[key] = value === null ? null : traceAt(fields, key, files);
      continue;
    }
    if (key === "burstLoss" && value !== null) {
      new Fields(fields.file, fields.pathOf(key), value, ["percent", "meanLength"]);
    }
    const problem = linkValueProblem(key, value);
    if (problem !== undefined) {
      throw new ScenarioError(
        fields.file,
        fields.pathOf(problem.key),
        `is ${said(problem.value)}: ${problem.expected}`,
      );
    }
    options[key] = value;
  }
  const queues = QUEUE_KEYS.filter((key) => (options[key] ?? null) !== null);
  if (queues.length > 1) {
    throw fields.error(queues[1] as string, `stands beside ${queues[0]}: expected one of ${QUEUE_KEYS.join(", ")}`);
  }
  return options as LinkOptions;
}

function said(value: unknown): string {
  return value === undefined ? "missing" : quoteValue(value);
}
