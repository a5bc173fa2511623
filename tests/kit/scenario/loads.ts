/**
 * The load of a scenario file.
 *
 * @module
 */
import { linkIndex } from "./events.ts";
import { DURATION, Fields, oneOf, POSITIVE_DURATION, POSITIVE_SIZE, SIZE } from "./fields.ts";
import type { Load, LoadDirection, LoadStart, ScenarioLink, ScenarioRequest } from "./types.ts";

const DIRECTIONS: readonly LoadDirection[] = ["down", "up", "both"];
const STARTS: readonly LoadStart[] = ["confirmed", "complete"];
/** How many streams, messages, chunks. */
const STREAMS = { least: 1, most: 1000, whole: true };
const COUNT = { least: 1, most: 1e6, whole: true };
/** Largest DATAGRAM of a load: what a UDP payload can be. */
const DATAGRAM = { least: 0, most: 65_527, whole: true };

/** Reads a load's own keys, once the common ones are read. */
type Reader = (fields: Fields, start: LoadStart, links: readonly ScenarioLink[]) => Load;

const KINDS: Readonly<Record<Load["kind"], { readonly keys: readonly string[]; readonly read: Reader }>> = {
  requests: { keys: ["list"], read: readRequests },
  bulk: { keys: ["direction", "bytes", "streams"], read: readBulk },
  stream: { keys: ["direction", "forMs", "streams"], read: readStream },
  periodic: { keys: ["everyMs", "request", "response", "count", "forMs", "streams", "lateMs"], read: readPeriodic },
  datagrams: { keys: ["direction", "bytes", "everyMs", "count", "pin"], read: readDatagrams },
  video: { keys: ["chunkBytes", "chunkMs", "chunks", "startBufferMs", "maxBufferMs"], read: readVideo },
  mixed: { keys: ["parts"], read: readMixed },
};

/** Reads the load under `load`. Throws `ScenarioError`. */
export function readLoad(root: Fields, links: readonly ScenarioLink[]): Load {
  if (!root.has("load")) throw root.wrong("load", "an object");
  return readAt(root, root.pathOf("load"), root.raw("load"), "confirmed", links);
}

function readAt(
  root: Fields,
  path: string,
  value: unknown,
  start: LoadStart,
  links: readonly ScenarioLink[],
): Load {
  const all = ["kind", "start", ...new Set(Object.values(KINDS).flatMap(({ keys }) => keys))];
  const kinds = Object.keys(KINDS) as Load["kind"][];
  const any = new Fields(root.file, path, value, all);
  if (!any.has("kind")) throw any.wrong("kind", oneOf(kinds, undefined));
  const { keys, read } = KINDS[any.word("kind", kinds)];
  const fields = new Fields(root.file, path, value, ["kind", "start", ...keys]);
  return read(fields, fields.word("start", STARTS, start), links);
}

function readRequests(fields: Fields, start: LoadStart): Load {
  const entries = fields.list("list");
  if (entries.length < COUNT.least || entries.length > COUNT.most) {
    throw fields.error("list", `has ${entries.length} entries: expected ${COUNT.least} to ${COUNT.most}`);
  }
  const list = entries.map((value, index): ScenarioRequest => {
    const path = fields.pathOf(`list[${index}]`);
    const entry = new Fields(fields.file, path, value, ["request", "response", "after", "atMs"]);
    const after = entry.numberOrNull("after", { least: 0, most: entries.length - 1, whole: true }, null);
    const { request, response, at } = {
      request: entry.number("request", POSITIVE_SIZE),
      response: entry.number("response", SIZE),
      at: entry.number("atMs", DURATION, 0),
    };
    return { request, response, after, at };
  });
  refuseCycles(fields, list);
  return { kind: "requests", start, list };
}

/** Follows each chain of `after` to its beginning; one that is as long as the list has none. */
function refuseCycles(fields: Fields, list: readonly ScenarioRequest[]): void {
  const isFree = list.map(({ after }) => after === null);
  list.forEach((_, index) => {
    const chain: number[] = [];
    const seen = new Set<number>();
    let at = index;
    while (!isFree[at]) {
      if (seen.has(at)) {
        throw fields.error(`list[${index}].after`, `waits for itself in the end (${[...chain, at].join(" after ")})`);
      }
      seen.add(at);
      chain.push(at);
      at = list[at]?.after as number;
    }
    for (const link of chain) isFree[link] = true;
  });
}

function readBulk(fields: Fields, start: LoadStart): Load {
  const direction = fields.word("direction", DIRECTIONS);
  const bytes = fields.number("bytes", POSITIVE_SIZE);
  return { kind: "bulk", start, direction, bytes, streams: fields.number("streams", STREAMS, 1) };
}

function readStream(fields: Fields, start: LoadStart): Load {
  const direction = fields.word("direction", DIRECTIONS);
  const duration = fields.number("forMs", POSITIVE_DURATION);
  return { kind: "stream", start, direction, duration, streams: fields.number("streams", STREAMS, 1) };
}

function readPeriodic(fields: Fields, start: LoadStart): Load {
  const every = fields.number("everyMs", POSITIVE_DURATION);
  if (fields.has("count") === fields.has("forMs")) {
    throw fields.error(
      "count",
      `and forMs are ${fields.has("count") ? "both" : "neither"} there: expected one of them`,
    );
  }
  // Messages at 0, every, 2 * every, ..., as long as that is before the end.
  const count = fields.has("count")
    ? fields.number("count", COUNT)
    : Math.ceil(fields.number("forMs", POSITIVE_DURATION) / every);
  if (count > COUNT.most) throw fields.wrong("forMs", `at most ${COUNT.most} messages`);
  return {
    kind: "periodic",
    start,
    every,
    count,
    request: fields.number("request", POSITIVE_SIZE),
    response: fields.number("response", SIZE),
    streams: fields.word("streams", ["one", "each"]),
    late: fields.number("lateMs", DURATION, Infinity),
  };
}

function readDatagrams(fields: Fields, start: LoadStart, links: readonly ScenarioLink[]): Load {
  const isPinned = fields.has("pin") && fields.raw("pin") !== null;
  return {
    kind: "datagrams",
    start,
    direction: fields.word("direction", DIRECTIONS),
    bytes: fields.number("bytes", DATAGRAM),
    every: fields.number("everyMs", DURATION),
    count: fields.number("count", COUNT),
    pin: isPinned ? linkIndex(fields, "pin", links) : undefined,
  };
}

function readVideo(fields: Fields, start: LoadStart): Load {
  const chunkDuration = fields.number("chunkMs", POSITIVE_DURATION);
  const chunks = fields.number("chunks", COUNT);
  const startBuffer = fields.number("startBufferMs", DURATION);
  const maxBuffer = fields.number("maxBufferMs", DURATION);
  if (maxBuffer < chunkDuration) {
    throw fields.wrong("maxBufferMs", `at least chunkMs (${chunkDuration}): it takes one chunk`);
  }
  // Nothing more is asked for once another chunk would not fit, and nothing is played before this much is there.
  const reachable = Math.min(chunks, Math.floor(maxBuffer / chunkDuration)) * chunkDuration;
  if (startBuffer > reachable) {
    throw fields.wrong("startBufferMs", `at most ${reachable}: with these chunks the buffer gets no fuller`);
  }
  const chunkBytes = fields.number("chunkBytes", POSITIVE_SIZE);
  return { kind: "video", start, chunkBytes, chunkDuration, chunks, startBuffer, maxBuffer };
}

function readMixed(fields: Fields, start: LoadStart, links: readonly ScenarioLink[]): Load {
  const list = fields.list("parts");
  if (list.length === 0) throw fields.wrong("parts", "at least one load");
  const parts = list.map((value, i) => readAt(fields, fields.pathOf(`parts[${i}]`), value, start, links));
  return { kind: "mixed", start, parts };
}
