/**
 * From what a scenario says to applications that run.
 *
 * @module
 */
import type { Load } from "../scenario/types.ts";
import { DatagramsLoad } from "./datagrams.ts";
import type { LoadContext, RunningLoad } from "./load.ts";
import { PeriodicEach, PeriodicOne } from "./periodic.ts";
import { RequestsLoad, TransferLoad } from "./transfers.ts";
import { VideoLoad } from "./video.ts";

/** Loads of a scenario at once, at most: datagrams say in one byte whose they are. */
const MAX_LOADS = 256;

/**
 * The loads of a scenario, those of a `mixed` one in order. Requests, streams of bulk transfers and chunks are numbered
 * through all of them. Throws `RangeError` when there are more than 256.
 */
export function makeLoads(load: Load, context: LoadContext): RunningLoad[] {
  const parts = flatten(load);
  if (parts.length > MAX_LOADS) throw new RangeError(`Load has ${parts.length} parts: expected at most ${MAX_LOADS}`);
  let index = 0;
  return parts.map((part, tag) => {
    const running = makeLoad(part, context, index, tag);
    index += countOf(part);
    return running;
  });
}

type Part = Exclude<Load, { kind: "mixed" }>;

function flatten(load: Load): Part[] {
  return load.kind === "mixed" ? load.parts.flatMap(flatten) : [load];
}

function makeLoad(load: Part, context: LoadContext, firstIndex: number, tag: number): RunningLoad {
  switch (load.kind) {
    case "requests":
      return new RequestsLoad(load, context, firstIndex);
    case "bulk":
    case "stream":
      return new TransferLoad(load, context, firstIndex);
    case "periodic":
      return load.streams === "one" ? new PeriodicOne(load, context) : new PeriodicEach(load, context);
    case "datagrams":
      return new DatagramsLoad(load, context, tag);
    case "video":
      return new VideoLoad(load, context, firstIndex);
  }
}

/** How many numbers of requests it takes. */
function countOf(load: Part): number {
  if (load.kind === "requests") return load.list.length;
  if (load.kind === "bulk" || load.kind === "stream") return load.streams;
  return load.kind === "video" ? load.chunks : 0;
}
