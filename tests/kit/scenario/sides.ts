/**
 * The two ends in a scenario file, and what a run says in their place.
 *
 * @module
 */
import { CONTROLLER_NAMES } from "../../../recovery/congestion/controllers.ts";
import { DEFAULT_MODE } from "../../../schedulers/modes.ts";
import { Fields } from "./fields.ts";
import { moduleAt, type ScenarioFiles } from "./files.ts";
import { linkIndex } from "./events.ts";
import { controllerName, modeName, numberSpacesName } from "./names.ts";
import type { NumberSpaces, ScenarioLink, ScenarioSide, Side } from "./types.ts";

/** What a run sets in place of what the file says; it holds for both ends. */
export interface ScenarioOverrides {
  /** In place of `mode` and of `scheduler`. */
  readonly mode?: string | undefined;
  /** A module, in place of `mode` and of `scheduler`, as an absolute path or URL. */
  readonly scheduler?: string | undefined;
  /** In place of `congestion`. */
  readonly congestion?: string | undefined;
  /** In place of `numberSpaces`. */
  readonly numberSpaces?: NumberSpaces | undefined;
  /** In place of `seed`. */
  readonly seed?: number | undefined;
}

/** What ends are read with. */
export interface SideSurroundings {
  readonly links: readonly ScenarioLink[];
  readonly files: ScenarioFiles | undefined;
  readonly overrides: ScenarioOverrides;
}

const KEYS = [
  "mode",
  "scheduler",
  "congestion",
  "numberSpaces",
  "maxPaths",
  "ackRanges",
  "payloadLimit",
  "initialWindowPackets",
  "connectionWindow",
  "streamWindow",
  "idleTimeoutMs",
  "pin",
  "hints",
];
/** The controller of those who choose none. */
const DEFAULT_CONGESTION = CONTROLLER_NAMES.includes("cubic") ? "cubic" : "newreno";
const WINDOW = { least: 1, most: 2 ** 40, whole: true };

/** Reads `client` or `server`. Throws `ScenarioError`. */
export function readSide(root: Fields, side: Side, around: SideSurroundings): ScenarioSide {
  const fields = new Fields(root.file, root.pathOf(side), root.has(side) ? root.raw(side) : {}, KEYS);
  const { congestion, numberSpaces } = around.overrides;
  // What a run replaces need not exist, but must be a name all the same.
  for (const key of ["mode", "scheduler", "congestion", "numberSpaces"]) {
    if (fields.has(key) && !(key === "scheduler" && fields.raw(key) === null)) fields.text(key);
  }
  return {
    ...readScheduling(fields, around),
    congestion: congestion ?? (fields.has("congestion") ? controllerName(fields, "congestion") : DEFAULT_CONGESTION),
    numberSpaces: numberSpaces ?? (fields.has("numberSpaces") ? numberSpacesName(fields, "numberSpaces") : "multiple"),
    maxPaths: fields.number("maxPaths", { least: 0, most: 64, whole: true }, 4),
    ackRanges: fields.number("ackRanges", { least: 1, most: 1024, whole: true }, 64),
    payloadLimit: fields.number("payloadLimit", { least: 1200, most: 65_527, whole: true }, 1452),
    initialWindowPackets: fields.number("initialWindowPackets", { least: 1, most: 1000, whole: true }, 10),
    connectionWindow: fields.number("connectionWindow", WINDOW, 16_777_216),
    streamWindow: fields.number("streamWindow", WINDOW, 8_388_608),
    idleTimeout: fields.number("idleTimeoutMs", { least: 0, most: 1e9 }, 30_000),
    pin: readPins(fields, around.links),
    hints: fields.flag("hints", true),
  };
}

/** A name that the run sets for another need not exist: then the file runs before what it names is there. */
function readScheduling(
  fields: Fields,
  { files, overrides }: SideSurroundings,
): Pick<ScenarioSide, "mode" | "scheduler"> {
  if (overrides.mode !== undefined) return { mode: overrides.mode, scheduler: undefined };
  if (overrides.scheduler !== undefined) return { mode: DEFAULT_MODE, scheduler: overrides.scheduler };
  const mode = fields.has("mode") ? modeName(fields, "mode") : DEFAULT_MODE;
  const named = fields.has("scheduler") && fields.raw("scheduler") !== null;
  return { mode, scheduler: named ? moduleAt(fields, "scheduler", files) : undefined };
}

function readPins(side: Fields, links: readonly ScenarioLink[]): Map<number, number> {
  const pins = new Map<number, number>();
  if (!side.has("pin")) return pins;
  const value = side.raw("pin");
  const keys = typeof value === "object" && value !== null ? Object.keys(value) : [];
  const fields = new Fields(side.file, side.pathOf("pin"), value, keys);
  for (const key of keys) {
    if (!/^(0|[1-9]\d{0,8})$/.test(key)) throw fields.error(key, "is no index of a request: expected 0, 1, ...");
    pins.set(Number(key), linkIndex(fields, key, links));
  }
  return pins;
}
