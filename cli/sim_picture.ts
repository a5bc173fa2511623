/**
 * The option `--picture`: the picture of one run, in a file that is there only when it is complete.
 *
 * @module
 */
import type { Observer, TraceEvents, TraceName } from "@multipath/quic";
import type { Scenario, ScenarioResult, Side } from "../tests/kit/scenario/mod.ts";
import type { RunScenarioOptions } from "../tests/kit/sim/options.ts";
import { CommandError } from "./errors.ts";
import { openOutput, type Output } from "./output_file.ts";
import type { SimOptions } from "./sim_options.ts";
import { userPath } from "./where.ts";

/** An observer for each end. */
type Observers = Readonly<Record<Side, Observer>>;

/** The picture of a run. */
export interface RunPicture {
  /** What the run is to be told, so that picture and logs hear the same. */
  watch(scenario: Scenario, logs?: Observers): Pick<RunScenarioOptions, "observers" | "onDelivered" | "onAnswered">;
  /** The run is over. */
  draw(result: ScenarioResult): void;
  /** Writes the picture. Throws `CommandError`. */
  save(): Promise<void>;
  /** Leaves nothing behind, unless it was saved. */
  discard(): void;
}

/** Opens the file, before the run, for that may take long; `undefined`: none is wanted. Throws `CommandError`. */
export async function openPicture({ picture }: SimOptions): Promise<RunPicture | undefined> {
  if (picture === undefined) return undefined;
  // The library that draws is loaded by those only who want a picture.
  const { Picture } = await import("./picture/mod.ts");
  const path = userPath(picture.file);
  const output = await orCommandError(path, () => openOutput(path));
  let seen: InstanceType<typeof Picture> | undefined;
  let svg = "";
  return {
    watch(scenario, logs) {
      const { options } = seen = new Picture(scenario);
      if (logs === undefined) return options;
      const { client, server } = options.observers;
      return { ...options, observers: { client: both(client, logs.client), server: both(server, logs.server) } };
    },
    draw(result) {
      svg = seen?.draw(result, picture.end) ?? "";
    },
    save: () => orCommandError(path, () => write(output, svg)),
    discard: () => output.discard(),
  };
}

async function write(output: Output, svg: string): Promise<void> {
  await output.write(new TextEncoder().encode(svg));
  await output.commit();
}

async function orCommandError<T>(path: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw new CommandError(`Cannot write the picture "${path}": ${(error as Error).message}`);
  }
}

function both(first: Observer, second: Observer): Observer {
  return {
    on<N extends TraceName>(name: N, data: TraceEvents[N], now: number): void {
      first.on(name, data, now);
      second.on(name, data, now);
    },
  };
}
