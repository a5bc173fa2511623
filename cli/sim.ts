import { controllerNames, numberSpacesNames, type Scenario, type ScenarioResult } from "../tests/kit/scenario/mod.ts";
import { runScenario } from "../tests/kit/sim/run.ts";
import { readArguments } from "./arguments.ts";
import type { Command } from "./command.ts";
import { ExitCode } from "./errors.ts";
import { MODE_NAMES_HELP } from "./mode_option.ts";
import { compareGroups, type Variant, variantsOf, type Yardstick, yardstickOf } from "./sim_compare.ts";
import { readSimFiles, type SimFile } from "./sim_files.ts";
import { SchedulerFaults } from "./scheduler_faults.ts";
import { SCHEDULER_HELP } from "./scheduler_option.ts";
import { SIM_ARGUMENTS, type SimOptions, simOptions } from "./sim_options.ts";
import { openPicture, type RunPicture } from "./sim_picture.ts";
import { type OpenLogs, openLogs } from "./sim_qlog.ts";
import { rowsOf, type SimRow, simTable } from "./sim_table.ts";

const HELP =
  `Runs scenarios in virtual time: real connections and packets over simulated links. Same file, same seed, same result.

Usage: mpquic sim FILE... [options]

  --json              A line of JSON for each run, in the order given. Default: a table
  --mode MODE         In place of both sides' mode
${MODE_NAMES_HELP}
${SCHEDULER_HELP}
  --congestion NAME   In place of both sides' congestion controller: ${controllerNames().join(", ")}
  --number-spaces S   In place of both sides' layout of packet numbers: ${numberSpacesNames().join(", ")}
  --seed N            In place of the file's seed
  --seeds N           N runs, with the seeds from there on; the table has their mean and the worst
  --compare           Each built-in mode, and each link alone, best first
  --picture FILE      An SVG picture of the run: a lane for each link over time, and what the applications got
  --picture-end END   Whose view it shows: client, server or both. Default: of the end that sends most
  --qlog DIR          Two qlog files for each run, one for each end
  -h, --help          This text

tests/kit/scenario/README.md describes the files. Times are virtual milliseconds from the client's first datagram; "ms" is
when the last byte arrived, "wall ms" how long the run took here. All files are checked before the first run.
Exit codes: 0 every run completed, 1 one did not, 2 wrong usage, or a file is wrong.`;

/** `mpquic sim` */
export const simCommand: Command = {
  name: "sim",
  about: "Run scenarios over simulated links in virtual time",
  help: HELP,
  async run(args) {
    const given = readArguments(args, SIM_ARGUMENTS);
    if (given.has("help")) {
      console.log(HELP);
      return ExitCode.DONE;
    }
    const options = await simOptions(given);
    const { files, errors } = await readSimFiles(options);
    if (errors.length > 0) {
      for (const error of errors) console.error(`mpquic: ${error}`);
      return ExitCode.USAGE;
    }
    const logs = await openLogs(options.qlog);
    const picture = await openPicture(options);
    const faults = new SchedulerFaults();
    const run = { options, logs, faults, picture };
    try {
      const isGood = options.compare ? compare(files, run) : runAll(files, run);
      for (const line of faults.lines) console.error(`mpquic: ${line}`);
      await picture?.save();
      return isGood ? ExitCode.DONE : ExitCode.FAILED;
    } finally {
      picture?.discard();
    }
  },
};

/** What all runs of a command have. */
interface Running {
  readonly options: SimOptions;
  readonly logs: OpenLogs;
  readonly faults: SchedulerFaults;
  readonly picture: RunPicture | undefined;
}

/** Runs each file as it is; returns whether every run completed. */
function runAll(files: readonly SimFile[], running: Running): boolean {
  const { options, picture } = running;
  let allCompleted = true;
  const rows: SimRow[] = [];
  for (const { scenario, schedulers } of files) {
    const variant = { name: scenario.name, scenario, schedulers };
    const results = runSeeds(variant, running, "", (result) => {
      picture?.draw(result);
      if (options.json) console.log(JSON.stringify(result));
    });
    allCompleted &&= results.every(({ completed }) => completed);
    rows.push(...rowsOf(scenario.name, yardstickOf(scenario.load), results));
  }
  if (!options.json) console.log(simTable(rows, "scenario", true));
  return allCompleted;
}

/** Runs each file in every way there is; returns whether every run completed. */
function compare(files: readonly SimFile[], running: Running): boolean {
  const { options } = running;
  let allCompleted = true;
  files.forEach((file, i) => {
    const yardstick = yardstickOf(file.scenario.load);
    const groups = variantsOf(file).map((variant) => {
      return { name: variant.name, results: runSeeds(variant, running, variant.name) };
    });
    groups.sort((a, b) => compareGroups(yardstick, a.results, b.results));
    allCompleted &&= groups.every(({ results }) => results.every(({ completed }) => completed));
    if (options.json) printCompared(groups);
    else console.log(`${i > 0 ? "\n" : ""}${comparison(file.scenario, yardstick, groups)}`);
  });
  return allCompleted;
}

interface Group {
  readonly name: string;
  readonly results: readonly ScenarioResult[];
}

/** The way it was run stands beside what every result has. */
function printCompared(groups: readonly Group[]): void {
  for (const { name, results } of groups) {
    for (const result of results) console.log(JSON.stringify({ ...result, variant: name }));
  }
}

function comparison(scenario: Scenario, yardstick: Yardstick, groups: readonly Group[]): string {
  const about = scenario.about === "" ? "" : ` (${scenario.about})`;
  const table = simTable(groups.flatMap(({ name, results }) => rowsOf(name, yardstick, results)), "way", false);
  return `${scenario.name}${about}, best first by ${yardstick.name}:\n\n${table}`;
}

function runSeeds(
  { scenario, schedulers }: Variant,
  { options, logs, faults, picture }: Running,
  suffix: string,
  onResult: (result: ScenarioResult) => void = () => {},
): ScenarioResult[] {
  return Array.from({ length: options.seeds }, (_, i) => {
    const seed = scenario.seed + i;
    const log = logs(scenario, seed, suffix);
    try {
      const observers = log?.observers;
      const result = runScenario(scenario, {
        seed,
        schedulers,
        clock: () => performance.now(),
        onScheduler: (side, report) => faults.add(scenario.name, seed, side, report),
        ...(observers === undefined ? {} : { observers }),
        ...picture?.watch(scenario, observers),
      });
      onResult(result);
      return result;
    } finally {
      log?.close();
    }
  });
}
