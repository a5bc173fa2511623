import { minRtt } from "./min_rtt.ts";
import { PartialView } from "./partial_view.ts";
import { checkSettings, keyOf } from "./per_path.ts";
import type { ConnectionView, PathId, PathView, Scheduler, SchedulerFactory, SchedulerHost } from "./scheduler.ts";
import { isHealthy } from "./select.ts";

/** That so much of a budget is gone. */
export interface BudgetNotice {
  /** The path that used it up to there. */
  readonly path: PathId;
  /** The label or id under which the budget is. */
  readonly budget: string;
  /** How much of it is gone. */
  readonly percent: 80 | 100;
  /** Bytes used. */
  readonly usedBytes: number;
  /** Bytes that there were. */
  readonly budgetBytes: number;
  /** When it was noticed: milliseconds on the connection's clock. */
  readonly now: number;
}

/** How {@linkcode budget} is to be. */
export interface BudgetOptions {
  /** UDP payload that each path may send and receive, by label or id; paths that are not named may do as they like. */
  readonly budgetBytes: Readonly<Record<string, number>>;
  /** What is used of it already, on earlier connections for example. Default nothing. */
  readonly usedBytes?: Readonly<Record<string, number>>;
  /** Who decides among the paths that may be used. Default {@linkcode minRtt}. */
  readonly inner?: SchedulerFactory;
  /** The name of the result. Default `"budget"`. */
  readonly name?: string;
  /** Called at 80 and at 100 %, once each per budget and connection. What it throws counts as a fault of the scheduler. */
  readonly onNotice?: (notice: BudgetNotice) => void;
}

const PERCENTS = [80, 100] as const;

/** One data plan. */
interface Plan {
  readonly key: string;
  readonly bytes: number;
  used: number;
  /** How many of {@linkcode PERCENTS} were told. */
  told: number;
}

/**
 * Keeps paths within data plans: when a path has sent and received its `budgetBytes` it is used only when no other path answers,
 * and the peer is told that it is a backup. At 80 and 100 % `onNotice` is called, and `budget` is written to the trace.
 *
 * A client can have the same of the transport, whatever schedules: `budgetBytes` among the options of a path.
 *
 * Paths with the same label, one after the other or at once, share a budget. Each connection counts for itself: `usedBytes`
 * carries a plan on. Throws `RangeError` for bytes that are no number from 0.
 */
export function budget(options: BudgetOptions): SchedulerFactory {
  const { budgetBytes, usedBytes = {}, inner = minRtt } = options;
  checkSettings("Budget", budgetBytes);
  checkSettings("Used budget", usedBytes);
  return (host) => wrap(inner(host), new Plans(options, host), options.name ?? "budget");
}

function wrap(inner: Scheduler, plans: Plans, name: string): Scheduler {
  const shown = new PartialView();
  const show = (view: ConnectionView): ConnectionView => {
    plans.count(view);
    const hasOther = view.paths.some((path) => !plans.isSpent(path) && isHealthy(path, view.now));
    return hasOther ? shown.of(view, (path) => !plans.isSpent(path)) : shown.ofAll(view);
  };
  return {
    name,
    get reinjection() {
      return inner.reinjection;
    },
    schedule: (work, view) => inner.schedule(work, show(view)),
    // An end that only receives is asked nothing but this.
    ackPath(receivedOn, view) {
      const its = show(view);
      if (inner.ackPath !== undefined) return inner.ackPath(receivedOn, its);
      return view.paths.some(({ id }) => id === receivedOn) ? receivedOn : fastestId(its) ?? receivedOn;
    },
    onEvent: (event, view) => inner.onEvent?.(event, show(view)),
  };
}

function fastestId({ paths }: ConnectionView): PathId | undefined {
  let best: PathView | undefined;
  for (const path of paths) if (best === undefined || path.srtt < best.srtt) best = path;
  return best?.id;
}

/** The plans of a connection, and what is used of them. */
class Plans {
  readonly #options: BudgetOptions;
  readonly #host: SchedulerHost;
  readonly #plans = new Map<string, Plan>();
  /** Bytes of each path that are counted already. */
  readonly #seen = new Map<PathId, number>();

  constructor(options: BudgetOptions, host: SchedulerHost) {
    this.#options = options;
    this.#host = host;
    const { budgetBytes, usedBytes = {} } = options;
    for (const [key, bytes] of Object.entries(budgetBytes)) {
      const used = Object.hasOwn(usedBytes, key) ? usedBytes[key]! : 0;
      this.#plans.set(key, { key, bytes, used, told: 0 });
    }
  }

  isSpent(path: PathView): boolean {
    const plan = this.#planOf(path);
    return plan !== undefined && plan.used >= plan.bytes;
  }

  count(view: ConnectionView): void {
    for (const path of view.paths) {
      const plan = this.#planOf(path);
      if (plan === undefined) continue;
      const bytes = path.bytesSent + path.bytesReceived;
      plan.used += bytes - (this.#seen.get(path.id) ?? 0);
      this.#seen.set(path.id, bytes);
      this.#tell(plan, path, view.now);
      // Asked again until it is so: the host may have had enough of requests for this path.
      if (plan.used >= plan.bytes && path.status !== "backup") this.#host.setStatus(path.id, "backup");
    }
  }

  #planOf(path: PathView): Plan | undefined {
    const key = keyOf(this.#options.budgetBytes, path);
    return key === undefined ? undefined : this.#plans.get(key);
  }

  #tell(plan: Plan, path: PathView, now: number): void {
    const { key, bytes, used } = plan;
    while (plan.told < PERCENTS.length && used >= bytes * PERCENTS[plan.told]! / 100) {
      const percent = PERCENTS[plan.told]!;
      plan.told++;
      this.#host.log("budget", { path: path.id, budget: key, percent, usedBytes: used, budgetBytes: bytes });
      this.#options.onNotice?.({ path: path.id, budget: key, percent, usedBytes: used, budgetBytes: bytes, now });
    }
  }
}
