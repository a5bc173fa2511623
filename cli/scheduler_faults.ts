/**
 * What schedulers did wrong: the core does without them, and whoever wrote one wants to know.
 *
 * @module
 */
import type { PathEvent, QuicConn } from "../mod.ts";
import type { Side } from "../tests/kit/scenario/mod.ts";

/** How a scheduler did on a connection. */
type SchedulerReport = ReturnType<QuicConn["stats"]>["scheduler"];

interface Sum {
  /** Runs in which there were faults. */
  runs: number;
  replaced: number;
  last: string;
  seed: number;
}

/** What a person is to know of the scheduler of one connection: its first fault, and that it was replaced. */
export class FaultNotes {
  #faults = 0;

  /** A line, or nothing. */
  of({ change, reason }: Pick<PathEvent, "change" | "reason">): string | undefined {
    if (change === "scheduler-replaced") return `min-rtt takes the place of the scheduler ${reason}`;
    if (change !== "scheduler-fault" || this.#faults++ > 0) return undefined;
    return `min-rtt answers in place of the scheduler ${reason}`;
  }
}

/** The faults of all runs, summed for each scheduler. */
export class SchedulerFaults {
  readonly #sums = new Map<string, Sum>();

  /** A run with this seed is over; `what` is the scenario. */
  add(what: string, seed: number, side: Side, report: SchedulerReport): void {
    const { name, faults, lastFault, replaced } = report;
    if (faults === 0 && replaced === undefined) return;
    const key = `${what}: the scheduler "${replaced ?? name}" of the ${side}`;
    const sum = this.#sums.get(key) ?? { runs: 0, replaced: 0, last: "", seed };
    sum.runs += 1;
    sum.replaced += replaced === undefined ? 0 : 1;
    this.#sums.set(key, { ...sum, last: lastFault, seed });
  }

  /** A line for each scheduler that made faults. */
  get lines(): string[] {
    return [...this.#sums].map(([key, { runs, replaced, last, seed }]) => {
      const where = runs === 1 ? "" : ` in ${runs} runs`;
      const often = replaced === runs ? "" : ` in ${replaced} of them`;
      const instead = replaced === 0 ? "answered in its place" : `took its place for good${often}`;
      return `${key} made faults${where}, and min-rtt ${instead}; the last, with seed ${seed}: ${last}`;
    });
  }
}
