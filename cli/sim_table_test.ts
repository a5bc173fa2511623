import { assertEquals } from "@std/assert";
import type { ScenarioResult } from "../tests/kit/scenario/mod.ts";
import { compareGroups, worstOf, yardstickOf } from "./sim_compare.ts";
import { rowsOf, simTable } from "./sim_table.ts";

const DIRECTION = { packets: 0, bytes: 0, lost: 0, streamBytes: 0, repeatedBytes: 0 };
const PATH = { id: 0, link: 0, state: "open", srttMs: 0, minRttMs: 0, cwnd: 0, up: DIRECTION };

function result(changes: Partial<ScenarioResult>): ScenarioResult {
  return {
    scenario: "some",
    seed: 1,
    client: "min-rtt",
    server: "min-rtt",
    numberSpaces: "multiple",
    completed: true,
    error: null,
    confirmedMs: 40,
    validatedMs: 80,
    completedMs: 1000,
    goodputMbps: 8,
    bytes: { up: 0, down: 1_000_000 },
    paths: [],
    requests: [],
    latencyMs: { count: 0, mean: 0, p50: 0, p95: 0, p99: 0, p999: 0, max: 0, late: 0 },
    datagrams: { sent: 0, received: 0, reordered: 0 },
    video: { startMs: -1, stalls: 0, stallMs: 0 },
    acks: { frames: 0, bytes: 0, meanBytes: 0, maxRanges: 0 },
    spuriousLosses: 0,
    repeatedShare: 0,
    recoveries: [],
    cross: [],
    series: { stepMs: 1000, downMbps: [] },
    wallMs: 12,
    ...changes,
  };
}

const BULK = yardstickOf({ kind: "bulk", start: "confirmed", direction: "down", bytes: 1, streams: 1 });

Deno.test("simTable() shows the columns that say something, and why runs failed", () => {
  const latencyMs = { count: 3, mean: 5, p50: 5, p95: 7, p99: 9, p999: 9, max: 9, late: 0 };
  const paths = [
    { ...PATH, label: "wifi", down: { ...DIRECTION, bytes: 300 } },
    { ...PATH, label: "cell", down: { ...DIRECTION, bytes: 100 } },
    { ...PATH, label: "wifi", down: { ...DIRECTION, bytes: 400 } },
  ];
  const failed = result({ completed: false, error: "Not complete", completedMs: -1, server: "ecf", latencyMs });
  const rows = [{ name: "a", result: result({ paths }) }, { name: "b", result: failed }];
  assertEquals(simTable(rows, "scenario", true).split("\n"), [
    "scenario  seed  modes          ms      Mbit/s  p50 ms  p99 ms  bytes by path         wall ms",
    "a            1  min-rtt        1000.0    8.00       -       -  wifi 88 %, cell 13 %       12",
    "b            1  min-rtt / ecf  failed    8.00     5.0     9.0                             12",
    "",
    "b, seed 1: Not complete",
  ]);
});

Deno.test("rowsOf() gives the mean of the runs that completed, and the worst", () => {
  const runs = [
    result({ seed: 1, completedMs: 100 }),
    result({ seed: 2, completedMs: 300 }),
    result({ seed: 3, completed: false, completedMs: -1, error: "Not complete" }),
  ];
  const rows = rowsOf("a", BULK, runs);
  assertEquals(rows.map(({ seed, result }) => [seed, result.completedMs]), [["mean of 2/3", 200], ["worst: 3", -1]]);
  assertEquals(rowsOf("a", BULK, runs.slice(0, 2)).map(({ seed }) => seed), ["mean of 2", "worst: 2"]);
  assertEquals(rowsOf("a", BULK, runs.slice(0, 1)), [{ name: "a", result: runs[0] as ScenarioResult }]);
});

Deno.test("compareGroups() puts what completes before what does not, and then goes by the load's own measure", () => {
  const fast = result({ completedMs: 100 });
  const slow = result({ completedMs: 200 });
  const failed = result({ completed: false, completedMs: -1 });
  const order = [[fast, failed], [slow, slow], [fast, slow], [fast, fast]];
  const sorted = order.toSorted((a, b) => compareGroups(BULK, a, b));
  assertEquals(sorted, [[fast, fast], [fast, slow], [slow, slow], [fast, failed]]);
  assertEquals(worstOf(BULK, [fast, failed, slow]), failed);

  const video = {
    kind: "video",
    start: "confirmed",
    chunkBytes: 1,
    chunkDuration: 1,
    chunks: 1,
    startBuffer: 0,
    maxBuffer: 9,
  };
  const player = yardstickOf({ kind: "mixed", start: "confirmed", parts: [video as never] });
  const smooth = result({ completedMs: 900, video: { startMs: 500, stalls: 0, stallMs: 0 } });
  const stalling = result({ completedMs: 100, video: { startMs: 100, stalls: 1, stallMs: 10 } });
  assertEquals(compareGroups(player, [smooth], [stalling]) < 0, true);
  const stream = yardstickOf({ kind: "stream", start: "confirmed", direction: "down", duration: 1, streams: 1 });
  assertEquals(compareGroups(stream, [result({ goodputMbps: 9 })], [result({ goodputMbps: 8 })]) < 0, true);
});
