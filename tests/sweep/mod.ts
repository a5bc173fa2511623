/**
 * `deno task sweep FILE [--sample N] [--mode M] [--out DIR] [--resume]`: runs every topology of a design in virtual time, over
 * both paths from either of them and over each path alone, on all cores, and prints how the aggregation benefit is
 * distributed. Finished runs are kept in DIR as JSON lines, from which `--resume` goes on, with a chart beside them.
 *
 * Exit codes: 0 every run completed, 1 one did not, 2 wrong usage, or a file is wrong.
 *
 * @module
 */
import { parseArgs } from "@std/cli";
import { DEFAULT_MODE, SCHEDULER_NAMES } from "../../schedulers/modes.ts";
import { formatBytes, formatSeconds } from "../../cli/format.ts";
import { oneOf } from "../kit/scenario/fields.ts";
import { ScenarioError } from "../kit/scenario/mod.ts";
import { chartOf } from "./chart.ts";
import { type Design, parseDesign, sampleOf } from "./design.ts";
import { findingsOf, tableOf } from "./report.ts";
import { casesOf, formatHead, formatOutcome, type Job, jobsOf, type Outcome, parseOutcomes } from "./runs.ts";
import { runAll } from "./workers.ts";

const DEFAULT_OUT = "sweep";
/** Milliseconds between two lines of progress. */
const TELL_EVERY = 2000;

const USAGE = `Usage: deno task sweep FILE [--sample N] [--mode M] [--out DIR] [--resume]

  FILE          A design: tests/sweep/designs/*.json, or a list of topologies as published
  --sample N    Only N of its topologies, spread evenly
  --mode M      ${SCHEDULER_NAMES.join(", ")}. Default: ${DEFAULT_MODE}
  --out DIR     Where finished runs and the chart are kept. Default: ${DEFAULT_OUT}
  --resume      Go on with the finished runs that are there`;

/** What the command line says. */
interface SweepOptions {
  readonly file: string;
  readonly sample: number;
  readonly mode: string;
  readonly out: string;
  readonly resume: boolean;
}

/** Reads the command line; `undefined`: help is wanted. Throws `TypeError`. */
export function readOptions(args: readonly string[]): SweepOptions | undefined {
  const given = parseArgs([...args], {
    string: ["sample", "mode", "out", "_"],
    boolean: ["resume", "help"],
    alias: { h: "help" },
    collect: ["sample", "mode", "out"],
    unknown: (name: string) => {
      if (name.startsWith("-")) throw new TypeError(`Unknown argument "${name}"`);
    },
  });
  if (given.help) return undefined;
  const [file, ...more] = given._.map(String);
  if (file === undefined) throw new TypeError("FILE is missing");
  if (more.length > 0) throw new TypeError(`"${more[0]}" is one argument too many: expected one FILE`);
  const mode = single("mode", given.mode) ?? DEFAULT_MODE;
  if (!SCHEDULER_NAMES.includes(mode)) {
    throw new TypeError(`"--mode" is "${mode}": expected ${oneOf(SCHEDULER_NAMES, mode)}`);
  }
  return {
    file,
    sample: readSample(single("sample", given.sample)),
    mode,
    out: single("out", given.out) ?? DEFAULT_OUT,
    resume: given.resume,
  };
}

function single(name: string, values: readonly string[]): string | undefined {
  if (values.length > 1) throw new TypeError(`"--${name}" is given ${values.length} times: expected once`);
  if (values[0] === "") throw new TypeError(`"--${name}" is empty: expected a value`);
  return values[0];
}

function readSample(text: string | undefined): number {
  if (text === undefined) return Infinity;
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= 1) return value;
  throw new TypeError(`"--sample" is "${text}": expected a whole number from 1`);
}

/** Does what the command line says; returns the exit code. Throws `TypeError` and `ScenarioError` for what is wrong with it. */
async function main(args: readonly string[]): Promise<number> {
  const options = readOptions(args);
  if (options === undefined) {
    console.log(USAGE);
    return 0;
  }
  const design = readDesign(options.file);
  const cases = casesOf(sampleOf(design.topologies, options.sample), { bytes: design.bytes, mode: options.mode });
  const jobs = jobsOf(cases);
  const name = `${options.file.replace(/^.*[/\\]/, "").replace(/\.json$/, "")}-${options.mode}`;
  const path = `${options.out}/${name}`;
  const outcomes = begin(`${path}.jsonl`, design, options);
  const startedAt = performance.now();
  await runOpen(jobs, outcomes, `${path}.jsonl`);
  const took = formatSeconds((performance.now() - startedAt) / 1000);

  const { groups, failed, without } = findingsOf(cases, outcomes);
  console.log(
    `Aggregation benefit of ${formatBytes(design.bytes)} over two paths, ${name}: ${jobs.length} runs, ${took}\n`,
  );
  console.log(tableOf(groups));
  Deno.writeTextFileSync(`${path}.svg`, chartOf(groups, `${name}, ${formatBytes(design.bytes)}`));
  console.log(`\nFinished runs: ${path}.jsonl, chart: ${path}.svg`);
  for (const { key, error } of failed) console.error(`Run ${key}: ${error}`);
  if (without > 0) console.error(`${without} of ${cases.length} cases are left out: a run of theirs did not complete`);
  return failed.length > 0 ? 1 : 0;
}

function readDesign(file: string): Design {
  return parseDesign(files(file, () => Deno.readTextFileSync(file)), file);
}

/** What goes wrong with a file is told in one line. */
function files<T>(file: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (error instanceof TypeError || !(error instanceof Error)) throw error;
    // The runtime closes its messages with what it called, and on which file.
    throw new TypeError(`${file}: ${error.message.replace(/: \w+ '.*$/, "")}`);
  }
}

/** Opens the file of finished runs; returns what counts of it. */
function begin(file: string, { bytes }: Design, { mode, out, resume }: SweepOptions): Map<string, Outcome> {
  return files(file, () => {
    Deno.mkdirSync(out, { recursive: true });
    const before = resume ? parseOutcomes(textOf(file), file, { bytes, mode }) : [];
    // Whole lines only: what is appended must not go on where a line was cut short.
    Deno.writeTextFileSync(`${file}.new`, formatHead({ bytes, mode }) + before.map(formatOutcome).join(""));
    Deno.renameSync(`${file}.new`, file);
    return new Map(before.map((outcome) => [outcome.key, outcome]));
  });
}

function textOf(file: string): string {
  try {
    return Deno.readTextFileSync(file);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

/** Does the runs that are not finished yet, and adds each to the file as it ends. */
async function runOpen(jobs: readonly Job[], outcomes: Map<string, Outcome>, file: string): Promise<void> {
  const open = jobs.filter(({ key }) => !outcomes.has(key));
  const startedAt = performance.now();
  let done = 0;
  let toldAt = startedAt;
  console.error(`${jobs.length - open.length} of ${jobs.length} runs are done`);
  await runAll(open, navigator.hardwareConcurrency, (outcome) => {
    outcomes.set(outcome.key, outcome);
    Deno.writeTextFileSync(file, formatOutcome(outcome), { append: true });
    done += 1;
    const now = performance.now();
    if (now - toldAt < TELL_EVERY) return;
    toldAt = now;
    const left = formatSeconds((now - startedAt) / done * (open.length - done) / 1000);
    console.error(`${jobs.length - open.length + done} of ${jobs.length} runs are done, ${left} to go`);
  });
}

if (import.meta.main) {
  try {
    Deno.exit(await main(Deno.args));
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof ScenarioError)) throw error;
    console.error(`sweep: ${error.message} (--help tells the usage)`);
    Deno.exit(2);
  }
}
