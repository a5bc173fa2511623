import type { ConnectionView, Scheduler, SchedulerFactory, Work } from "../../../schedulers/mod.ts";
import { ask, checkMade, isMistake, readAnswer } from "./answer.ts";

/** Between the core and a scheduler: lets all pass as it is, and remembers what was asked, answered and wrong. */
export class Witness {
  /** All answers, in order, with their times; the questions are counted by it. */
  readonly answers: string[] = [];
  /** The first mistake, and with which question it was made. */
  first: { readonly step: number; readonly what: string } | undefined;
  readonly #factory: SchedulerFactory;

  constructor(factory: SchedulerFactory) {
    this.#factory = factory;
  }

  /** Makes schedulers that are watched. */
  readonly mode: SchedulerFactory = (host) => {
    const made = ask(() => this.#factory(host));
    const mistake = isMistake(made) ? made : checkMade(made);
    if (mistake !== undefined) {
      this.note(mistake.what);
      throw new Error(mistake.what);
    }
    return this.#watch(made as Scheduler);
  };

  /** Something was wrong; only the first is kept. */
  note(what: string): void {
    this.first ??= { step: this.answers.length, what };
  }

  #watch(scheduler: Scheduler): Scheduler {
    const watched: Scheduler = {
      name: scheduler.name,
      get reinjection() {
        return scheduler.reinjection;
      },
      schedule: (work, view) => this.#schedule(scheduler, work, view),
    };
    if (scheduler.ackPath !== undefined) {
      watched.ackPath = (on, view) => this.#watched(() => scheduler.ackPath!(on, view));
    }
    if (scheduler.onEvent !== undefined) {
      watched.onEvent = (event, view) => this.#watched(() => scheduler.onEvent!(event, view));
    }
    return watched;
  }

  #schedule(scheduler: Scheduler, work: Work, view: ConnectionView): ReturnType<Scheduler["schedule"]> {
    const decision = this.#watched(() => scheduler.schedule(work, view));
    const answer = readAnswer(decision, view);
    if (isMistake(answer)) this.note(answer.what);
    else this.answers.push(`${view.now.toFixed(3)} ${work.kind} on ${[answer.path, ...answer.copies].join("+")}`);
    return decision;
  }

  #watched<T>(question: () => T): T {
    const answer = ask(question);
    if (!isMistake(answer)) return answer;
    this.note(answer.what);
    throw new Error(answer.what);
  }
}
