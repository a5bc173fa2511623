/**
 * `deno task chaos [--runs N] [--seed S] [--resume FILE] [--workers N]`: random operations over a real client and a real
 * server in virtual time, on all cores. What fails is shortened and printed with the command that runs it again, and the
 * exit code is 1. With `--resume` it goes on where the file says, and keeps the file up to date.
 *
 * `deno task chaos --replay PLAN` runs one plan and prints what happens; `--trace` prints the packets too.
 *
 * @module
 */
import { parseArgs } from "@std/cli";
import { formatEntry, Trace } from "../kit/trace.ts";
import { run } from "./chaos.ts";
import { parsePlan } from "./plan.ts";
import { Progress } from "./progress.ts";
import type { Batch, BatchReport } from "./worker.ts";

const DEFAULT_RUNS = 2000;
const DEFAULT_SEED = 1;
/** Seeds that a worker gets at once. */
const BATCH = 50;
/** Milliseconds for shortening a failure. */
const PATIENCE = 20_000;
/** Milliseconds between two lines of progress. */
const TELL_EVERY = 2000;

const USAGE = "Usage: deno task chaos [--runs N] [--seed S] [--resume FILE] [--workers N] | --replay PLAN [--trace]";

/** Does what the command line says; returns the exit code. */
async function main(args: readonly string[]): Promise<number> {
  const options = parseArgs([...args], {
    string: ["runs", "seed", "resume", "workers", "replay"],
    boolean: ["trace", "help"],
    unknown: (name: string) => {
      throw new TypeError(`Unknown argument "${name}"`);
    },
  });
  if (options.help) {
    console.log(USAGE);
    return 0;
  }
  if (options.replay !== undefined) return replay(options.replay, options.trace);
  const seed = numberOf("seed", options.seed, DEFAULT_SEED, 0);
  const runs = numberOf("runs", options.runs, DEFAULT_RUNS, 1);
  const workers = numberOf("workers", options.workers, navigator.hardwareConcurrency, 1);
  const file = options.resume;
  const progress = (file === undefined ? undefined : resume(file, seed, runs)) ?? new Progress(seed, runs, BATCH);
  await runAll(progress, workers, file);
  console.log(`${progress.count} runs from seed ${seed}: ${progress.failed.length} failed`);
  for (const { text } of progress.failed) console.log(text);
  return progress.failed.length > 0 ? 1 : 0;
}

function numberOf(name: string, text: string | undefined, otherwise: number, least: number): number {
  const value = text === undefined ? otherwise : Number(text);
  // The highest seed of a world is 2^53-1; seeds of fast-check have 32 bits.
  if (Number.isInteger(value) && value >= least && value < 2 ** 31) return value;
  throw new TypeError(`"--${name}" is "${text}": expected an integer from ${least} to ${2 ** 31 - 1}`);
}

function resume(file: string, seed: number, runs: number): Progress | undefined {
  let text: string;
  try {
    text = Deno.readTextFileSync(file);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  return Progress.parse(text, seed, runs);
}

/** Gives batches to workers until all are done. */
async function runAll(progress: Progress, workers: number, file: string | undefined): Promise<void> {
  const open = progress.open();
  const [startedAt, before] = [performance.now(), progress.count];
  let toldAt = startedAt;
  const onReport = (report: BatchReport): void => {
    progress.note(report.first, report.failures);
    for (const { text } of report.failures) console.error(text);
    if (file !== undefined) save(file, progress);
    if (performance.now() - toldAt < TELL_EVERY) return;
    toldAt = performance.now();
    const perRun = (toldAt - startedAt) / (progress.count - before);
    const left = Math.round(perRun * (progress.runs - progress.count) / 1000);
    console.error(`${progress.count} of ${progress.runs}, ${progress.failed.length} failed, ${left} s to go`);
  };
  await Promise.all(Array.from({ length: Math.min(workers, open.length) }, () => work(open, progress, onReport)));
}

/** One worker, from the first batch to the last one that it gets. */
function work(open: number[], progress: Progress, onReport: (report: BatchReport) => void): Promise<void> {
  const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
  return new Promise<void>((resolve, reject) => {
    const next = (): void => {
      const first = open.shift();
      if (first === undefined) return resolve();
      worker.postMessage({ first, count: progress.sizeOf(first), patience: PATIENCE } satisfies Batch);
    };
    worker.onmessage = ({ data }: MessageEvent<BatchReport>) => {
      onReport(data);
      next();
    };
    worker.onerror = (event) => {
      event.preventDefault();
      reject(new Error(`A worker failed: ${event.message}`));
    };
    next();
  }).finally(() => worker.terminate());
}

/** A file that is cut short by an interruption would be worth nothing: the new one takes the old one's place whole. */
function save(file: string, progress: Progress): void {
  Deno.writeTextFileSync(`${file}.new`, progress.format());
  Deno.renameSync(`${file}.new`, file);
}

function replay(text: string, withTrace: boolean): number {
  const plan = parsePlan(text);
  const traces = { client: new Trace(), server: new Trace() };
  const lines: { readonly at: number; readonly text: string }[] = [];
  let failure: unknown;
  try {
    run(plan, (text) => lines.push({ at: parseFloat(text), text }), (end) => traces[end]);
  } catch (error) {
    failure = error;
  }
  for (const end of withTrace ? ["client", "server"] as const : []) {
    for (const entry of traces[end].entries) lines.push({ at: entry.now, text: `  ${end} ${formatEntry(entry)}` });
  }
  for (const line of lines.sort((a, b) => a.at - b.at)) console.log(line.text);
  console.log(failure === undefined ? "Nothing is wrong" : failure);
  return failure === undefined ? 0 : 1;
}

if (import.meta.main) {
  try {
    Deno.exit(await main(Deno.args));
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    console.error(`chaos: ${error.message}\n${USAGE}`);
    Deno.exit(2);
  }
}
