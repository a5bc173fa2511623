import { assert } from "@std/assert";
import { minRtt, type SchedulerFactory } from "@multipath/quic/schedulers";
import { parseScenario, Random, runScenario, type Scenario, type ScenarioResult } from "@multipath/quic/testing";
import factory from "./mod.ts";

/** What is asked of fades that are drawn, with one run of each: which chunk is the slowest of a few is a matter of luck. */
const GAIN_DRAWN = 0.05;

/** Steps of a fade that comes and goes gradually. */
const STEPS = 6;

type Json = Record<string, unknown>;

/** A number between two, to a thousandth. */
function between(random: Random, least: number, most: number): number {
  return Math.round(1000 * (least + (most - least) * random.next())) / 1000;
}

/** The events of one fade of link 0. */
function fade(kind: string, from: number, length: number, rate: number, depth: number): Json[] {
  const set = (at: number, changes: Json): Json => ({ atMs: Math.round(at), link: 0, set: changes });
  if (kind === "lossy") {
    return [set(from, { burstLoss: { percent: 30, meanLength: 15 } }), set(from + length, { burstLoss: null })];
  }
  if (kind === "dead") return [set(from, { dead: true }), set(from + length, { dead: false })];
  const steps = kind === "sudden" ? 1 : STEPS;
  const rateAt = (share: number): number => Math.round(1000 * rate * (depth / rate) ** share) / 1000;
  const events: Json[] = [];
  for (let i = 1; i <= steps; i++) {
    const away = (i - 1) * length / 2 / steps;
    events.push(set(from + away, { rateMbps: rateAt(i / steps) }));
    events.push(set(from + length - away, { rateMbps: rateAt((i - 1) / steps) }));
  }
  return events;
}

/** A video over Wi-Fi that fades now and then, in one of four ways, and a cellular network: all of it drawn. */
export function drawFades(seed: number, chunks: number): Scenario {
  const random = new Random(seed).fork("fades");
  const kind = ["sudden", "gradual", "sudden", "gradual", "lossy", "dead"][seed % 6]!;
  const wifi = {
    label: "wifi",
    rateMbps: between(random, 15, 40),
    delayMs: between(random, 5, 20),
    jitterMs: between(random, 0, 4),
    lossPercent: between(random, 0, 0.8),
  };
  const cell = {
    label: "cell",
    rateMbps: between(random, 8, 15),
    delayMs: between(random, 25, 70),
    jitterMs: between(random, 2, 8),
    lossPercent: between(random, 0, 0.2),
  };
  const [length, depth, every] = [between(random, 500, 3000), between(random, 0.1, 2), between(random, 3500, 8000)];
  const events: Json[] = [];
  for (let at = between(random, 2000, 6000); at < chunks * 1000; at += every * between(random, 0.9, 1.1)) {
    events.push(...fade(kind, at, length, wifi.rateMbps, depth));
  }
  const chunkBytes = Math.round(between(random, 400_000, 600_000));
  const load = { kind: "video", chunkBytes, chunkMs: 1000, chunks, startBufferMs: 1000, maxBufferMs: 3000 };
  const name = `${kind} ${seed}`;
  return parseScenario(JSON.stringify({ name, seed, limitMs: 200_000, links: [wifi, cell], events, load }), name);
}

/** A run with a scheduler at both ends. */
function run(scenario: Scenario, mode: SchedulerFactory, seed = scenario.seed): ScenarioResult {
  const result = runScenario(scenario, { seed, crypto: "plain", schedulers: { client: mode, server: mode } });
  assert(result.completed, `${scenario.name}, seed ${seed}: ${result.error}`);
  return result;
}

/** By what share the slowest chunk in a hundred comes sooner than with min-RTT. */
function gain(own: readonly ScenarioResult[], plain: readonly ScenarioResult[]): number {
  const mean = (results: readonly ScenarioResult[]): number =>
    results.reduce((sum, { latencyMs }) => sum + latencyMs.p99, 0) / results.length;
  return 1 - mean(own) / mean(plain);
}

function repeatedOf(results: readonly ScenarioResult[]): number {
  return results.reduce((sum, { repeatedShare }) => sum + repeatedShare, 0) / results.length;
}

Deno.test("xlink() has the slow chunks of xlink-fade come sooner by a fifth and more, over 20 seeds, for 2.1 % of the bytes", () => {
  const url = new URL("../../tests/scenarios/xlink-fade.json", import.meta.url);
  const scenario = parseScenario(Deno.readTextFileSync(url), "xlink-fade");
  const seeds = Array.from({ length: 20 }, (_, i) => i + 1);
  const own = seeds.map((seed) => run(scenario, factory, seed));
  const plain = seeds.map((seed) => run(scenario, minRtt, seed));
  assert(gain(own, plain) >= 0.25, `${gain(own, plain)}`);
  for (const { repeatedShare, seed } of own) assert(repeatedShare <= 0.021, `seed ${seed}: ${repeatedShare}`);
});

Deno.test("xlink() has slow chunks come sooner when rates collapse that are drawn, and not much later whatever happens", () => {
  const runs = Array.from({ length: 12 }, (_, i) => {
    const scenario = drawFades(i + 1, 24);
    const isCollapse = /^(sudden|gradual)/.test(scenario.name);
    return { isCollapse, own: run(scenario, factory), plain: run(scenario, minRtt) };
  });
  const own = runs.map((each) => each.own);
  const collapses = runs.filter(({ isCollapse }) => isCollapse);
  const gained = gain(collapses.map((each) => each.own), collapses.map((each) => each.plain));
  assert(gained >= GAIN_DRAWN, `${gained}`);
  const overall = gain(own, runs.map((each) => each.plain));
  assert(overall >= -GAIN_DRAWN, `${overall}`);
  assert(repeatedOf(own) <= 0.021, `${repeatedOf(own)}`);
});
