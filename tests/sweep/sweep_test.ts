import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { aloneOver, ScenarioError } from "../kit/scenario/mod.ts";
import { runScenario } from "../kit/sim/run.ts";
import { aggregationBenefit, distributionOf } from "./benefit.ts";
import { chartOf, stepsOf } from "./chart.ts";
import { DEFAULT_BYTES, type Design, parseDesign, type PathDesign, sampleOf, scenarioOf } from "./design.ts";
import { readOptions } from "./mod.ts";
import { findingsOf, tableOf } from "./report.ts";
import { casesOf, formatHead, formatOutcome, jobsOf, type Outcome, parseOutcomes } from "./runs.ts";
import { runJob } from "./run_job.ts";
import { runAll } from "./workers.ts";

const FOLDER = new URL("./designs/", import.meta.url);
const MODE = "aggregation";
const FAST: PathDesign = { rateMbps: 20, delayMs: 10, queueMs: 50, lossPercent: 0 };
const SLOW: PathDesign = { rateMbps: 5, delayMs: 20, queueMs: 50, lossPercent: 0 };

function designNamed(name: string): Design {
  return parseDesign(Deno.readTextFileSync(new URL(name, FOLDER)), name);
}

function refused(design: unknown, message: string): void {
  assertThrows(() => parseDesign(JSON.stringify(design), "d.json"), ScenarioError, message);
}

Deno.test("The aggregation benefit is that of the formula", () => {
  assertEquals(aggregationBenefit(10, [10, 5]), 0);
  assertEquals(aggregationBenefit(15, [10, 5]), 1);
  assertEquals(aggregationBenefit(15, [5, 10]), 1);
  assertAlmostEquals(aggregationBenefit(12, [10, 5]), 0.4);
  assertAlmostEquals(aggregationBenefit(8, [10, 5]), -0.4);
  assertAlmostEquals(aggregationBenefit(9.9, [10, 0.1]), -1);
  assertAlmostEquals(aggregationBenefit(9, [6, 2, 1]), 1);
  for (const wrong of [0, -1, NaN, Infinity]) {
    assertThrows(() => aggregationBenefit(wrong, [1, 2]), RangeError, `Goodput is ${wrong}: expected more than 0`);
    assertThrows(() => aggregationBenefit(1, [wrong, 2]), RangeError, `Goodput is ${wrong}: expected more than 0`);
  }
  assertThrows(() => aggregationBenefit(1, [1]), RangeError, "Paths are 1: expected at least 2");
});

Deno.test("The aggregation benefit has no unit, and no order of paths", () => {
  const goodput = fc.double({ min: 0.01, max: 1000, noNaN: true });
  fc.assert(fc.property(goodput, goodput, goodput, goodput, (together, a, b, unit) => {
    const benefit = aggregationBenefit(together, [a, b]);
    const other = aggregationBenefit(together * unit, [b * unit, a * unit]);
    assertAlmostEquals(other, benefit, 1e-6 * Math.max(1, Math.abs(benefit)));
    assertEquals(benefit > 0, together > Math.max(a, b));
  }));
});

Deno.test("A distribution has quartiles by nearest rank", () => {
  assertEquals(distributionOf([0.4, -0.1, 0.2, 0, 0.3]), {
    count: 5,
    min: -0.1,
    lowerQuartile: 0,
    median: 0.2,
    upperQuartile: 0.3,
    max: 0.4,
    aboveZero: 0.6,
  });
  const { count, median, aboveZero } = distributionOf([]);
  assertEquals([count, median, aboveZero], [0, 0, 0]);
});

Deno.test("The published designs have 253 topologies each, which are run from either path", () => {
  const names = [...Deno.readDirSync(FOLDER)].map(({ name }) => name).sort();
  assertEquals(names, ["high_bdp.json", "low_bdp.json", "low_bdp_loss.json", "low_bdp_small.json"]);
  for (const name of names) {
    const { bytes, topologies } = designNamed(name);
    assertEquals([topologies.length, bytes], [253, name.includes("small") ? 256_000 : DEFAULT_BYTES]);
    const cases = casesOf(topologies, { bytes, mode: MODE });
    assertEquals([cases.length, jobsOf(cases).length <= 4 * 253], [506, true]);
    for (const { together } of cases) scenarioOf(together.paths, bytes, MODE);
  }
});

Deno.test("A list of topologies as published is a design; what is there from either path counts once", () => {
  const [a, b] = [{ bw_mbps: 51.83, owd_ms: 10.5, queue_s: 0.048, loss_pct: 0.5 }, {
    bw_mbps: 5,
    owd_ms: 1,
    queue_s: 0,
  }];
  const { bytes, topologies } = parseDesign(JSON.stringify([[a, b], [b, a]]), "d.json");
  assertEquals(bytes, 20_000_000);
  assertEquals(topologies, [[{ rateMbps: 51.83, delayMs: 10.5, queueMs: 48, lossPercent: 0.5 }, {
    rateMbps: 5,
    delayMs: 1,
    queueMs: 0,
    lossPercent: 0,
  }]]);
  const { links } = scenarioOf(topologies[0]!, bytes, MODE);
  // A queue that holds nothing would let nothing pass.
  assertEquals(links.map(({ both }) => both.queueMs), [48, 2.4]);
});

Deno.test("A design that is wrong is refused with file, key and what was expected", () => {
  const path = { bw_mbps: 1, owd_ms: 1, queue_s: 1, loss_pct: 0 };
  assertThrows(() => parseDesign("{", "d.json"), ScenarioError, "d.json: is no JSON");
  refused([], 'd.json: "topologies" is empty: expected at least one topology');
  refused(5, "d.json: expected an object");
  refused({ topologies: [[path, path]], byte: 1 }, '"byte" is not a key that is known here: did you mean "bytes"?');
  refused({ topologies: [[path, path]], bytes: 0.5 }, '"bytes" is 0.5: expected a whole number from 1');
  refused([[path]], 'd.json: "topologies[0]" is no list of two paths');
  refused([[path, { ...path, bw_mbps: 0 }]], '"topologies[0][1].bw_mbps" is 0: expected a number from 0.01');
  refused([[path, { bw_mbps: 1, queue_s: 1 }]], '"topologies[0][1].owd_ms" is missing: expected a number');
});

Deno.test("A sample is spread evenly, and no larger than what there is", () => {
  assertEquals(sampleOf([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], 4), [0, 2, 5, 7]);
  assertEquals(sampleOf([0, 1], 9), [0, 1]);
  assertEquals(sampleOf([0, 1], Infinity), [0, 1]);
});

Deno.test("A path alone is run once for both starting paths, and as a scenario over that link alone", () => {
  const cases = casesOf([[FAST, SLOW]], { bytes: 100_000, mode: MODE });
  const jobs = jobsOf(cases);
  assertEquals(jobs.map(({ paths }) => paths), [[FAST, SLOW], [FAST], [SLOW], [SLOW, FAST]]);
  assertEquals(casesOf([[FAST, FAST]], { bytes: 1, mode: MODE }).length, 1);
  const lossy = { ...SLOW, lossPercent: 2 };
  const whole = scenarioOf([FAST, lossy], 300_000, MODE);
  for (const [link, path] of [FAST, lossy].entries()) {
    const { completedMs } = runScenario(aloneOver(whole, link), { crypto: "plain" });
    const outcome = runJob({ key: "x", paths: [path], bytes: 300_000, mode: MODE });
    assertEquals(outcome, { key: "x", ms: completedMs, error: null });
  }
});

Deno.test("Finished runs are read back; a line that was cut short is not", () => {
  const kind = { bytes: 1000, mode: MODE };
  const outcomes: Outcome[] = [{ key: "a", ms: 12.5, error: null }, { key: "b", ms: null, error: "Not complete" }];
  const text = formatHead(kind) + outcomes.map(formatOutcome).join("");
  for (let cut = 0; cut <= text.length; cut++) {
    const left = text.length - cut;
    const lines = text.slice(0, left).split("\n").length - 2;
    assertEquals(parseOutcomes(text.slice(0, left), "f", kind), outcomes.slice(0, Math.max(0, lines)));
  }
  assertThrows(
    () => parseOutcomes(text, "f", { bytes: 5, mode: "min-rtt" }),
    TypeError,
    "f: has runs of 1000 bytes in mode aggregation: expected runs of 5 bytes in mode min-rtt",
  );
  for (const wrong of ["x", "null", '{"key":1,"ms":1,"error":null}', '{"key":"a","ms":-1,"error":null}']) {
    const message = "f: line 2 is no finished run: expected a file that a sweep wrote";
    assertThrows(() => parseOutcomes(`${formatHead(kind)}${wrong}\n`, "f", kind), TypeError, message);
  }
});

Deno.test("Findings: cases by which path is first, and those whose runs did not complete are left out and told", () => {
  const cases = casesOf([[FAST, SLOW], [FAST, { ...SLOW, delayMs: 1 }]], { bytes: 1000, mode: MODE });
  const [first, second, third] = cases.map(({ together }) => together.key) as [string, string, string];
  const outcomes = new Map<string, Outcome>();
  const put = (key: string, ms: number | null): unknown => outcomes.set(key, { key, ms, error: ms ? null : "Dead" });
  for (const { key } of jobsOf(cases)) put(key, 100);
  // Goodputs 1 and 1/4 alone; 5/4, which is all, and 7/8 together.
  put("20/10/50/0", 100);
  put("5/20/50/0", 400);
  put(first, 80);
  put(second, 800 / 7);
  put(third, null);
  const { groups, failed, without } = findingsOf(cases, outcomes);
  assertEquals(
    groups.map(({ benefits }) => benefits.map((value) => Number(value.toFixed(9)))),
    [
      [1, -0.5, 0],
      [1, 0],
      [-0.5],
    ].map((list) => list),
  );
  assertEquals([failed.map(({ key }) => key), without], [[third], 1]);
  assertEquals(tableOf(groups.slice(2)).split("\n")[1]?.split(/ {2,}/), [
    "worse path first",
    "1",
    ...Array<string>(5).fill("-0.500"),
    "0.0 %",
  ]);
  outcomes.delete(first);
  assertThrows(() => findingsOf(cases, outcomes), RangeError, "is missing");
});

Deno.test("A sample of short files over published topologies: every run completes, in threads as here", async () => {
  const { bytes, topologies } = designNamed("low_bdp_small.json");
  const cases = casesOf(sampleOf(topologies, 4), { bytes, mode: MODE });
  const jobs = jobsOf(cases);
  const outcomes = new Map<string, Outcome>();
  await runAll(jobs, 2, (outcome) => outcomes.set(outcome.key, outcome));
  assertEquals(outcomes.size, jobs.length);
  assertEquals(outcomes.get(jobs[0]!.key), runJob(jobs[0]!));
  const { groups, failed, without } = findingsOf(cases, outcomes);
  assertEquals([failed, without], [[], 0]);
  assertEquals(groups.map(({ benefits }) => benefits.length), [8, 4, 4]);
  for (const { together, alone } of cases) {
    // No faster than all links together.
    const rate = together.paths.reduce((sum, { rateMbps }) => sum + rateMbps, 0);
    assert((outcomes.get(together.key)?.ms ?? 0) > bytes * 8 / (rate * 1000));
    for (const { key, paths } of alone) {
      assert((outcomes.get(key)?.ms ?? 0) > bytes * 8 / ((paths[0]?.rateMbps ?? 0) * 1000));
    }
  }
  const chart = chartOf(groups, "a sample");
  assert(chart.startsWith("<svg") && chart.includes("a sample") && chart.includes("worse path first"));
});

Deno.test("Two good paths add up, from whichever a long download starts", () => {
  const cases = casesOf([[FAST, { ...FAST, rateMbps: 15 }]], { bytes: 10_000_000, mode: MODE });
  const outcomes = new Map(jobsOf(cases).map((job) => [job.key, runJob(job)]));
  const benefits = findingsOf(cases, outcomes).groups[0]?.benefits ?? [];
  assertEquals(benefits.length, 2);
  for (const benefit of benefits) assert(benefit > 0.7 && benefit <= 1.05, `benefit is ${benefit}`);
});

Deno.test("A chart shows the cumulative distribution; what lies beyond it still counts", () => {
  assertEquals(stepsOf([0.5, -7, 0, 30]), [[-1, 0.25], [0, 0.5], [0.5, 0.75], [1.5, 0.75]]);
  assertEquals(stepsOf([0]), [[-1, 0], [0, 1], [1.5, 1]]);
});

Deno.test("The command line: one clear error for each mistake", () => {
  assertEquals(readOptions(["d.json", "--sample", "5", "--resume"]), {
    file: "d.json",
    sample: 5,
    mode: "aggregation",
    out: "sweep",
    resume: true,
  });
  assertEquals(readOptions(["--help"]), undefined);
  const mistakes: [args: string[], message: string][] = [
    [[], "FILE is missing"],
    [["a", "b"], '"b" is one argument too many: expected one FILE'],
    [["a", "--nope"], 'Unknown argument "--nope"'],
    [["a", "--sample", "0"], '"--sample" is "0": expected a whole number from 1'],
    [["a", "--sample", "many"], '"--sample" is "many": expected a whole number from 1'],
    [["a", "--sample"], '"--sample" is empty: expected a value'],
    [["a", "--mode", "min-rt"], 'did you mean "min-rtt"?'],
    [["a", "--out", "x", "--out", "y"], '"--out" is given 2 times: expected once'],
  ];
  for (const [args, message] of mistakes) assertThrows(() => readOptions(args), TypeError, message);
});
