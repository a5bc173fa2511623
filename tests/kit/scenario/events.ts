/**
 * The events of a scenario file.
 *
 * @module
 */
import { ScenarioError } from "./error.ts";
import { DURATION, Fields } from "./fields.ts";
import type { ScenarioFiles } from "./files.ts";
import { COST, DIRECTION_KEYS, readOptions, STATUSES } from "./links.ts";
import { modeName } from "./names.ts";
import type { EventAction, EventFrom, LoadDirection, ScenarioEvent, ScenarioLink } from "./types.ts";

/** The key that says what happens, with the keys that may stand beside it. */
const KINDS: Readonly<Record<string, readonly string[]>> = {
  set: ["link", "direction"],
  rebind: ["address"],
  open: [],
  close: [],
  status: ["to"],
  mode: ["side"],
  signal: ["side"],
  keyUpdate: [],
  renewConnectionId: [],
};
const KIND_KEYS = Object.keys(KINDS);
const COMMON_KEYS = ["atMs", "from"];
const FROM: readonly EventFrom[] = ["start", "confirmed", "validated"];
const DIRECTIONS: readonly LoadDirection[] = ["both", "up", "down"];
const SIDES = ["client", "server"] as const;
/** What `set` may have: what is told to the link, one direction, and what the client says of the path. */
const SET_KEYS = [...DIRECTION_KEYS, "up", "down", "label", "status", "cost", "metered"];
/** Keys of a link that an event cannot change, with what does it instead. */
const FIXED: Readonly<Record<string, string>> = {
  share: "which links share a queue stays as it is",
  openMs: 'an event with "open" opens a path',
};
/** Longest name of a signal, and the range of its value. */
const MAX_SIGNAL_NAME = 32;
const SIGNAL = { least: -Number.MAX_VALUE, most: Number.MAX_VALUE };

/** What events are read with. */
interface Surroundings {
  readonly links: readonly ScenarioLink[];
  readonly files: ScenarioFiles | undefined;
}

/** Reads `events`. One that sets several things gives several, at the same time. Throws `ScenarioError`. */
export function readEvents(
  root: Fields,
  links: readonly ScenarioLink[],
  files: ScenarioFiles | undefined,
): ScenarioEvent[] {
  return root.list("events", []).flatMap((value, index) => {
    const all = [...COMMON_KEYS, ...KIND_KEYS, ...new Set(Object.values(KINDS).flat())];
    const fields = new Fields(root.file, root.pathOf(`events[${index}]`), value, all);
    const kind = kindOf(fields);
    const at = fields.number("atMs", DURATION);
    const from = fields.word("from", FROM, "start");
    return readActions(kind, fields, { links, files }).map((action) => ({ at, from, action }));
  });
}

function kindOf(fields: Fields): string {
  const kinds = KIND_KEYS.filter((key) => fields.has(key));
  const [kind] = kinds;
  if (kind === undefined) {
    throw new ScenarioError(
      fields.file,
      fields.path,
      `does not say what happens: expected one of ${KIND_KEYS.join(", ")}`,
    );
  }
  if (kinds.length > 1) throw fields.error(kinds[1] as string, `stands beside "${kind}": expected one thing per event`);
  const known = [...COMMON_KEYS, kind, ...(KINDS[kind] as readonly string[])];
  const stray = fields.keys.find((key) => !known.includes(key));
  if (stray !== undefined) {
    throw fields.error(stray, `does not go with "${kind}": expected nothing beside ${known.join(", ")}`);
  }
  return kind;
}

function readActions(kind: string, fields: Fields, around: Surroundings): EventAction[] {
  const link = (): number => linkIndex(fields, kind, around.links);
  switch (kind) {
    case "set":
      return readSet(fields, around);
    case "rebind":
      return [{ type: "rebind", link: link(), address: fields.flag("address", false) }];
    case "open":
    case "close":
    case "renewConnectionId":
      return [{ type: kind, link: link() }];
    case "status":
      return [{ type: "status", link: link(), to: fields.word("to", STATUSES) }];
    case "mode":
      return [{ type: "mode", mode: modeName(fields, "mode"), side: fields.word("side", SIDES) }];
    case "signal":
      return [{ type: "signal", signals: readSignals(fields), side: fields.word("side", SIDES) }];
    default:
      return [{ type: "keyUpdate", side: fields.word("keyUpdate", SIDES) }];
  }
}

function readSet(event: Fields, { links, files }: Surroundings): EventAction[] {
  const link = linkIndex(event, "link", links);
  const direction = event.word("direction", DIRECTIONS, "both");
  const path = event.pathOf("set");
  const fixed = Object.keys(FIXED).find((key) => Object.hasOwn(Object(event.raw("set")), key));
  if (fixed !== undefined) {
    throw new ScenarioError(event.file, `${path}.${fixed}`, `cannot be set by an event: ${FIXED[fixed]}`);
  }
  const fields = new Fields(event.file, path, event.raw("set"), SET_KEYS);
  if (fields.keys.length === 0) throw event.wrong("set", "at least one key of a link");
  const actions: EventAction[] = [];
  const set = readOptions(fields, files);
  if (Object.keys(set).length > 0) actions.push({ type: "set", link, direction, set });
  for (const way of ["up", "down"] as const) {
    if (!fields.has(way)) continue;
    if (direction !== "both") {
      throw fields.error(way, `stands beside the direction "${direction}": expected one of them`);
    }
    const own = new Fields(event.file, fields.pathOf(way), fields.raw(way), DIRECTION_KEYS);
    actions.push({ type: "set", link, direction: way, set: readOptions(own, files) });
  }
  if (fields.has("status")) actions.push({ type: "status", link, to: fields.word("status", STATUSES) });
  const properties = {
    ...(fields.has("label") ? { label: fields.text("label") } : {}),
    ...(fields.has("cost") ? { cost: fields.number("cost", COST) } : {}),
    ...(fields.has("metered") ? { metered: fields.flag("metered", false) } : {}),
  };
  if (Object.keys(properties).length > 0) actions.push({ type: "describe", link, properties });
  return actions;
}

function readSignals(event: Fields): Record<string, number> {
  const value = event.raw("signal");
  const names = typeof value === "object" && value !== null ? Object.keys(value) : [];
  const fields = new Fields(event.file, event.pathOf("signal"), value, names);
  if (names.length === 0) throw event.wrong("signal", 'names with numbers, such as {"bufferMs": 400}');
  for (const name of names) {
    const { length } = new TextEncoder().encode(name);
    if (length < 1 || length > MAX_SIGNAL_NAME) {
      throw fields.error(name, `is no name of a signal: expected 1 to ${MAX_SIGNAL_NAME} bytes`);
    }
  }
  return Object.fromEntries(names.map((name) => [name, fields.number(name, SIGNAL)]));
}

/** The index of a link under a key. Throws `ScenarioError` when there is no such link. */
export function linkIndex(fields: Fields, key: string, links: readonly ScenarioLink[]): number {
  const value = fields.raw(key);
  if (typeof value === "number" && Number.isInteger(value) && links[value] !== undefined) return value;
  const indices = links.length === 1 ? "0, the only link" : `the index of a link, 0 to ${links.length - 1}`;
  throw fields.wrong(key, indices);
}
