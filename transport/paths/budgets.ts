/**
 * Data plans: how many bytes paths may carry before they are spared.
 *
 * | bytes used of the plan | what is told                        | its paths                                               |
 * |------------------------|-------------------------------------|---------------------------------------------------------|
 * | less than 80 %         | –                                   | are used as any other                                   |
 * | 80 %                   | "budget-low", once                  | are used as any other                                   |
 * | 100 %                  | "budget-spent", once                | are used only while no other works; the peer is told so |
 * | its `bytes` are raised | both again, when it comes to that   | follow what is used of it now                           |
 *
 * @module
 */
import type { PathId } from "../base/role.ts";
import type { Path, PathBudget } from "./path.ts";

/** A step of a plan that was reached. */
export type BudgetStep = "budget-low" | "budget-spent";

/** What budgets work with. */
export interface BudgetsParts {
  /** The path of that id, if there is one. */
  readonly pathOf: (id: PathId) => Path | undefined;
  /** Whether anything may be told of paths yet. */
  readonly mayTell: () => boolean;
  /** Tells of a step that the path's plan has reached. */
  readonly onStep: (path: Path, step: BudgetStep, reason: string, now: number) => void;
  /** The path is to be spared from now on, or need not be any more. */
  readonly onSpent: (path: Path, isSpent: boolean, now: number) => void;
}

const STEPS: readonly { readonly step: BudgetStep; readonly percent: number }[] = [
  { step: "budget-low", percent: 80 },
  { step: "budget-spent", percent: 100 },
];

/** One data plan. Bytes are UDP payload, sent and received. */
class Plan implements PathBudget {
  bytes: number;
  /** How many of {@linkcode STEPS} were told. */
  told = 0;
  readonly members = new Set<Path>();
  /** What paths used that are gone. */
  #past = 0;

  constructor(bytes: number) {
    this.bytes = bytes;
  }

  get used(): number {
    let used = this.#past;
    for (const path of this.members) used += usedBy(path);
    return used;
  }

  get isSpent(): boolean {
    return this.used >= this.bytes;
  }

  hasReached(step: number): boolean {
    return this.used >= this.bytes * STEPS[step]!.percent / 100;
  }

  /** The path is gone; what it used stays used. */
  retire(path: Path): void {
    if (this.members.delete(path)) this.#past += usedBy(path);
  }
}

/**
 * The data plans of a connection. Paths with the same label share one, at once or one after the other: a path that is closed
 * and opened again goes on where the last one was, with a budget or without. Those without a label share by local address.
 */
export class Budgets {
  readonly #parts: BudgetsParts;
  readonly #plans = new Map<string, Plan>();
  /** Budgets of paths that are not open yet. */
  readonly #waiting = new Map<PathId, number>();

  constructor(parts: BudgetsParts) {
    this.#parts = parts;
  }

  /** Sets the budget of a path, open or yet to be; `Infinity`: as much as it likes. Throws `RangeError` below 0. */
  set(id: PathId, bytes: number, now: number): void {
    if (!(bytes >= 0)) throw new RangeError(`Budget of path ${id} is ${bytes}: expected bytes from 0`);
    const path = this.#parts.pathOf(id);
    if (path === undefined) {
      this.#waiting.set(id, bytes);
      return;
    }
    const plan = this.#planOf(path) ?? this.#make(keyOf(path), bytes);
    plan.bytes = bytes;
    // What lies above the new marks is told when it comes to that.
    while (plan.told > 0 && !plan.hasReached(plan.told - 1)) plan.told--;
    this.#join(path, plan, now);
    this.check(now);
  }

  /** There is such a path from now on. */
  onOpened(path: Path, now: number): void {
    const bytes = this.#waiting.get(path.id);
    this.#waiting.delete(path.id);
    const plan = this.#plans.get(keyOf(path));
    if (plan !== undefined) this.#join(path, plan, now);
    if (bytes !== undefined) this.set(path.id, bytes, now);
  }

  /** It will never be open. */
  cancel(id: PathId): void {
    this.#waiting.delete(id);
  }

  /** It is gone, and nothing more can come on it. */
  onGone(id: PathId): void {
    for (const plan of this.#plans.values()) {
      for (const path of plan.members) if (path.id === id) plan.retire(path);
    }
  }

  /** Bytes were sent or received. */
  check(now: number): void {
    if (this.#plans.size === 0) return;
    for (const plan of this.#plans.values()) {
      this.#tell(plan, now);
      const { isSpent } = plan;
      for (const path of plan.members) if (path.isSpent !== isSpent) this.#spend(path, isSpent, now);
    }
  }

  #tell(plan: Plan, now: number): void {
    while (plan.told < STEPS.length && plan.hasReached(plan.told)) {
      // "closed" is the last event of a path.
      const path = [...plan.members].findLast(({ state }) => state !== "closing" && state !== "gone");
      if (path === undefined || !this.#parts.mayTell()) return;
      const { step, percent } = STEPS[plan.told++]!;
      const reason = `${percent} % of its budget is used: ${plan.used} of ${plan.bytes} bytes`;
      this.#parts.onStep(path, step, reason, now);
    }
  }

  #join(path: Path, plan: Plan, now: number): void {
    path.budget = plan;
    plan.members.add(path);
    if (path.isSpent !== plan.isSpent) this.#spend(path, plan.isSpent, now);
  }

  #spend(path: Path, isSpent: boolean, now: number): void {
    path.isSpent = isSpent;
    if (path.state !== "closing" && path.state !== "gone") this.#parts.onSpent(path, isSpent, now);
  }

  #make(key: string, bytes: number): Plan {
    const plan = new Plan(bytes);
    this.#plans.set(key, plan);
    return plan;
  }

  /** The plan that the path is in already, be its label another by now; else the one that it belongs to. */
  #planOf(path: Path): Plan | undefined {
    for (const plan of this.#plans.values()) if (plan.members.has(path)) return plan;
    return this.#plans.get(keyOf(path));
  }
}

function keyOf({ properties, route }: Path): string {
  return properties.label === "" ? `from ${route.local.hostname}` : `label ${properties.label}`;
}

function usedBy(path: Path): number {
  return path.bytesSent + path.bytesReceived;
}
