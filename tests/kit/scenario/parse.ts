/**
 * Reads scenario files. The format is described in `README.md` beside this.
 *
 * @module
 */
import { ScenarioError } from "./error.ts";
import { linkIndex, readEvents } from "./events.ts";
import { DURATION, Fields } from "./fields.ts";
import type { ScenarioFiles } from "./files.ts";
import { JsonError, parseJson } from "./json_text.ts";
import { readLinks } from "./links.ts";
import { readLoad } from "./loads.ts";
import { controllerName } from "./names.ts";
import { readSide, type ScenarioOverrides } from "./sides.ts";
import type { CrossTraffic, Load, Scenario, ScenarioLink, ScenarioSide, Side } from "./types.ts";

/** How a file is read. */
export interface ParseOptions {
  /** The files beside it; without, naming one is an error. */
  readonly files?: ScenarioFiles | undefined;
  /** What the run sets in place of what the file says. The file's own words for those things need not exist then. */
  readonly overrides?: ScenarioOverrides | undefined;
}

const KEYS = ["name", "about", "seed", "limitMs", "links", "events", "client", "server", "load", "cross"];
const CROSS_KEYS = ["link", "direction", "congestion", "startMs", "stopMs"];
const SEED = { least: 0, most: Number.MAX_SAFE_INTEGER, whole: true };

/**
 * Reads the text of a scenario file and fills in all defaults. `file` is what it is called in messages.
 *
 * @throws {ScenarioError} naming file, key and what was expected.
 */
export function parseScenario(text: string, file: string, options: ParseOptions = {}): Scenario {
  const { files, overrides = {} } = options;
  const root = new Fields(file, "", jsonOf(text, file), KEYS);
  const name = root.text("name");
  const seed = overrides.seed ?? root.number("seed", SEED, 1);
  const limit = root.number("limitMs", { least: 1, most: DURATION.most }, 60_000);
  const links = readLinks(root, files);
  const load = readLoad(root, links);
  const side = (which: Side): ScenarioSide => {
    const read = readSide(root, which, { links, files, overrides });
    refuseStrayPins(root, which, read, load);
    return read;
  };
  return {
    name,
    about: root.raw("about") === "" ? "" : root.text("about", ""),
    seed,
    limit,
    links,
    events: readEvents(root, links, files),
    client: side("client"),
    server: side("server"),
    load,
    cross: readCross(root, links),
  };
}

function jsonOf(text: string, file: string): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    throw new ScenarioError(file, "", `is no JSON: ${error.message}`);
  }
}

function readCross(root: Fields, links: readonly ScenarioLink[]): CrossTraffic[] {
  return root.list("cross", []).map((value, index) => {
    const fields = new Fields(root.file, root.pathOf(`cross[${index}]`), value, CROSS_KEYS);
    const start = fields.number("startMs", DURATION, 0);
    const stop = fields.numberOrNull("stopMs", DURATION, null) ?? Infinity;
    if (stop <= start) throw fields.wrong("stopMs", `more than startMs (${start})`);
    return {
      link: linkIndex(fields, "link", links),
      direction: fields.word("direction", ["up", "down"]),
      congestion: fields.has("congestion") ? controllerName(fields, "congestion") : "cubic",
      start,
      stop,
    };
  });
}

/** Where the load is nothing but listed requests, it is known which there are. */
function refuseStrayPins(root: Fields, side: Side, { pin }: ScenarioSide, load: Load): void {
  if (load.kind !== "requests") return;
  const most = load.list.length - 1;
  for (const request of pin.keys()) {
    if (request <= most) continue;
    throw root.error(`${side}.pin.${request}`, `is for a request that there is not: expected 0 to ${most}`);
  }
}
