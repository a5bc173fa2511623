import { assert, assertEquals } from "@std/assert";
import { runScenario } from "../sim/run.ts";
import { parseScenario } from "./parse.ts";
import type { ScenarioResult } from "./types.ts";

const TRACES: Readonly<Record<string, string>> = {
  // 10 Mbit/s and 2 in turns of half a second: 6 in the mean.
  "turns.json": "[[0, 10], [500, 2], [1000, 10]]",
  // One opportunity of 1500 bytes every 2 ms: 6 Mbit/s.
  "steady.mahi": "2\n4\n6\n8\n",
  // 10 Mbit/s, and nothing at all from 400 to 700 ms of each second.
  "outage.json": "[[0, 10], [400, 0], [700, 10], [1000, 10]]",
};

function run(links: unknown[], bytes: number): ScenarioResult {
  const file = { name: "traced", links, load: { kind: "bulk", direction: "down", bytes } };
  const files = { read: (name: string) => TRACES[name] ?? "", locate: (name: string) => name };
  return runScenario(parseScenario(JSON.stringify(file), "traced.json", { files, overrides: { mode: "min-rtt" } }));
}

function completesAt(result: ScenarioResult): number {
  assertEquals([result.completed, result.error], [true, null]);
  return result.completedMs;
}

Deno.test("A transfer over a trace takes what the trace can carry, and little more", () => {
  for (const trace of ["turns.json", "steady.mahi"]) {
    // 3 MB at 6 Mbit/s take 4 s, and 2 % more with headers.
    const took = completesAt(run([{ trace, delayMs: 10, queueMs: 300 }], 3_000_000));
    assert(took >= 3900 && took <= 4800, `${trace}: ${took}`);
  }
});

Deno.test("A transfer over a trace with outages goes on after each of them", () => {
  const took = completesAt(run([{ trace: "outage.json", delayMs: 10, queueBytes: 200_000 }], 2_000_000));
  // 2 MB at 7 Mbit/s in the mean take 2.3 s.
  assert(took >= 2250 && took <= 3400, String(took));
});

Deno.test("Links that share a trace share its capacity", () => {
  const shared = { trace: "turns.json", delayMs: 10, queueMs: 300, share: "core" };
  const took = completesAt(run([shared, shared], 3_000_000));
  assert(took >= 3900 && took <= 4900, String(took));
});
