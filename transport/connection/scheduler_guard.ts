/**
 * Between the core and a scheduler that may be anybody's: every answer is read once and checked, every throw is caught, and
 * the core can do without.
 *
 * | The scheduler                                        | what follows                                           |
 * |------------------------------------------------------|--------------------------------------------------------|
 * | answers with a usable path, and sound copies         | it is done; without room: as HOLD                      |
 * | throws, names what it cannot, answers with nonsense  | a fault: min-RTT answers this time                     |
 * | holds for 50 ms with nothing in flight or paced      | a fault: min-RTT answers this time                     |
 * | holds for a second while other schedulers send       | a fault: min-RTT answers this time                     |
 * | does either where min-RTT would hold too             | nothing                                                |
 * | throws in `onEvent`, `ackPath` or `reinjection`      | a fault: as if it had none                             |
 * | makes its eighth fault, or cannot be made at all     | min-RTT takes its place for good, `onReplaced` tells   |
 *
 * @module
 */
import { minRtt } from "../../schedulers/min_rtt.ts";
import {
  type ConnectionView,
  type Decision,
  HOLD,
  type PathView,
  type Reinjection,
  type Scheduler,
  type SchedulerEvent,
  type SchedulerFactory,
  type SchedulerHost,
  type Work,
} from "../../schedulers/scheduler.ts";
import type { PathId } from "../base/role.ts";

/** With nothing in flight and no pacer that holds a path back, data that could go is held no longer: milliseconds. */
export const HOLD_LIMIT = 50;
/**
 * While other schedulers of the connection send there is always something in flight, which excuses nobody for so long: in
 * milliseconds, and round trips of the slowest path besides.
 */
export const HOLD_LIMIT_BESIDE = 1000;
const HOLD_ROUNDS_BESIDE = 4;
/** The fault that ends a scheduler's time on a connection. */
export const FAULT_LIMIT = 8;
/** Characters of a scheduler's name, and of what is said of a fault, that are kept. */
const MAX_NAME = 64;
const MAX_REASON = 200;

/** What a {@linkcode SchedulerGuard} asks of its surroundings. */
export interface GuardOptions {
  /** A fault, for the trace. */
  readonly onFault?: ((scheduler: string, fault: string, now: number) => void) | undefined;
  /** The scheduler is replaced by min-RTT for good. */
  readonly onReplaced?: ((scheduler: string, reason: string, now: number) => void) | undefined;
  /** Whether no other scheduler of the connection sends; default: none does. */
  readonly isAlone?: (() => boolean) | undefined;
}

/** Asks a scheduler, and never gets a wrong answer. */
export class SchedulerGuard {
  readonly #options: GuardOptions;
  readonly #fallback: Scheduler = minRtt();
  #scheduler: Scheduler = this.#fallback;
  #name = this.#fallback.name;
  #hears = false;
  #faults = 0;
  #heldSince = Infinity;
  #heldUntil = Infinity;
  /** Since when it has held all that it was asked about, beside others; and when it was last asked. */
  #idleSince = Infinity;
  #askedAt = -Infinity;
  /** The checked answer; the same object each time, which plugins never see. */
  readonly #answer: { path: PathId; copies: readonly PathId[] } = { path: -1, copies: HOLD.copies };
  readonly #copies: PathId[] = [];

  /** Asks min-RTT until there is another. */
  constructor(options: GuardOptions = {}) {
    this.#options = options;
  }

  /** The name of the scheduler in use. */
  get name(): string {
    return this.#name;
  }

  /** Its faults so far. */
  get faults(): number {
    return this.#faults;
  }

  /** Whether it wants to be told of events: none need be made if not. */
  get wantsEvents(): boolean {
    return this.#hears;
  }

  /** Takes another scheduler from now on; one that cannot be made is replaced at once. */
  use(factory: SchedulerFactory, host: SchedulerHost, now: number): void {
    this.#faults = 0;
    this.#idleSince = Infinity;
    this.#released();
    try {
      const scheduler = factory(host);
      if (typeof scheduler?.schedule !== "function") throw new TypeError("The factory made no scheduler");
      this.#scheduler = scheduler;
      this.#name = nameOf(scheduler);
      this.#hears = typeof scheduler.onEvent === "function";
    } catch (error) {
      this.#replace("unnamed", describe(error), now);
    }
  }

  /** The path for this work, and for copies of it: usable ones with room; `HOLD` or the same object each time. */
  schedule(work: Work, view: ConnectionView): Decision {
    const decision = this.#ask(work, view);
    if (decision !== HOLD) {
      this.#heldSince = this.#heldUntil = this.#idleSince = Infinity;
      return decision;
    }
    let fault: string;
    if (this.#holdsTooLong(view)) fault = `Held data for ${HOLD_LIMIT} ms with nothing in flight`;
    else if (work.kind !== "reinject" && this.#holdsBesideOthers(view)) {
      fault = `Held data for ${HOLD_LIMIT_BESIDE} ms while others sent`;
    } else return HOLD;
    const instead = this.#check(this.#fallback.schedule(work, view), view);
    // Where min-RTT waits too, what waits is no worse off: for the one path that is no backup, say, which others fill.
    if (instead !== HOLD) this.#fault(fault, view);
    return instead;
  }

  /** Nothing waits, or nothing could go: whoever holds now does not hold data. */
  idle(): void {
    this.#released();
  }

  /** The path on which packets received on this one are acknowledged; -1: the core is to decide. */
  ackPath(receivedOn: PathId, view: ConnectionView): PathId {
    const scheduler = this.#scheduler;
    if (scheduler === this.#fallback || view.paths.length === 0) return -1;
    try {
      if (scheduler.ackPath === undefined) return -1;
      const path = scheduler.ackPath(receivedOn, view);
      if (find(view, path) !== undefined) return path;
      this.#fault(`Acknowledgements on path ${show(path)}, expected a usable one`, view);
    } catch (error) {
      this.#fault(describe(error), view);
    }
    return -1;
  }

  /** Tells the scheduler what happened. */
  event(event: SchedulerEvent, view: ConnectionView): void {
    try {
      this.#scheduler.onEvent?.(event, view);
    } catch (error) {
      this.#fault(describe(error), view);
    }
  }

  /** When data in flight is offered again. */
  reinjection(view: ConnectionView): Reinjection {
    try {
      const { reinjection } = this.#scheduler;
      if (reinjection === undefined || reinjection === "never") return "never";
      if (reinjection === "when-idle" || reinjection === "before-new") return reinjection;
      this.#fault(`Reinjection is ${show(reinjection)}, expected "never", "when-idle" or "before-new"`, view);
    } catch (error) {
      this.#fault(describe(error), view);
    }
    return "never";
  }

  /** When a scheduler that holds is to be asked again, for it may not hold any longer; `Infinity`: it does not hold. */
  nextTimeout(): number {
    return this.#heldUntil;
  }

  /** The next question tells whether it held too long. */
  onTimeout(now: number): void {
    if (now >= this.#heldUntil) this.#heldUntil = Infinity;
  }

  #ask(work: Work, view: ConnectionView): Decision {
    try {
      const decision = this.#scheduler.schedule(work, view);
      return decision === HOLD ? HOLD : this.#check(decision, view);
    } catch (error) {
      this.#fault(describe(error), view);
    }
    return this.#check(this.#fallback.schedule(work, view), view);
  }

  /** The answer with everything read once: `HOLD`, or what may be done as it is. Throws what is wrong with it. */
  #check(raw: unknown, view: ConnectionView): Decision {
    if (typeof raw !== "object" || raw === null) throw new TypeError(`Answered ${show(raw)}, expected a decision`);
    const { path, copies } = raw as Partial<Decision>;
    if (path === HOLD.path) return HOLD;
    const chosen = find(view, path);
    if (chosen === undefined) throw new RangeError(`Chose path ${show(path)}, expected a usable one`);
    const room = chosen.room;
    const answer = this.#answer;
    answer.path = chosen.id;
    answer.copies = copies === HOLD.copies ? copies : this.#checkCopies(copies, chosen, view);
    return room > 0 ? answer : HOLD;
  }

  /** Those of the copies that have room. */
  #checkCopies(raw: unknown, chosen: PathView, view: ConnectionView): readonly PathId[] {
    if (!Array.isArray(raw)) throw new TypeError(`Copies are ${show(raw)}, expected an array of paths`);
    const { length } = raw;
    const kept = this.#copies;
    kept.length = 0;
    if (length >= view.paths.length) {
      throw new RangeError(`Wants ${length} copies, expected fewer than there are paths`);
    }
    for (let i = 0; i < length; i++) {
      const id: unknown = raw[i];
      if (find(view, id) === undefined) throw new RangeError(`Wants a copy on path ${show(id)}, expected a usable one`);
      if (id === chosen.id || kept.includes(id as PathId)) {
        throw new RangeError(`Wants path ${show(id)} twice, expected once`);
      }
      kept.push(id as PathId);
    }
    let roomy = 0;
    for (const id of kept) if (find(view, id)!.room > 0) kept[roomy++] = id;
    kept.length = roomy;
    return kept;
  }

  /** Whether data is held that could go, and nothing in flight will ever bring the next question. */
  #holdsTooLong(view: ConnectionView): boolean {
    const { paths, now } = view;
    let hasRoom = false;
    let since = now;
    for (let i = 0; i < paths.length; i++) {
      const path = paths[i]!;
      if (path.inFlight > 0) {
        this.#released();
        return false;
      }
      if (path.room > 0) hasRoom = true;
      // To wait for the pacer of the path that is wanted is no stall: that time ends.
      else if (path.readyAt < Infinity) since = Math.max(since, path.readyAt);
    }
    if (!hasRoom) {
      this.#released();
      return false;
    }
    if (this.#heldSince === Infinity) {
      this.#heldSince = since;
      this.#heldUntil = since + HOLD_LIMIT;
    }
    if (now < this.#heldSince + HOLD_LIMIT) return false;
    this.#released();
    return true;
  }

  /** Whether data is held for longer than any answer takes, while others keep something in flight all the time. */
  #holdsBesideOthers(view: ConnectionView): boolean {
    if (this.#options.isAlone?.() !== false) return false;
    const { paths, now } = view;
    let limit = 0;
    for (let i = 0; i < paths.length; i++) limit = Math.max(limit, HOLD_ROUNDS_BESIDE * paths[i]!.srtt);
    limit += HOLD_LIMIT_BESIDE;
    // Who was not asked for that long may have had nothing to send.
    if (now - this.#askedAt > limit) this.#idleSince = now;
    this.#askedAt = now;
    this.#idleSince = Math.min(this.#idleSince, now);
    if (now - this.#idleSince < limit) return false;
    this.#idleSince = Infinity;
    return true;
  }

  #released(): void {
    this.#heldSince = this.#heldUntil = Infinity;
  }

  #fault(fault: string, view: ConnectionView): void {
    const reason = fault.slice(0, MAX_REASON);
    this.#faults++;
    this.#options.onFault?.(this.#name, reason, view.now);
    if (this.#faults >= FAULT_LIMIT && this.#scheduler !== this.#fallback) this.#replace(this.#name, reason, view.now);
  }

  #replace(name: string, reason: string, now: number): void {
    this.#scheduler = this.#fallback;
    this.#name = this.#fallback.name;
    this.#hears = false;
    this.#options.onReplaced?.(name, reason, now);
  }
}

function find(view: ConnectionView, id: unknown): PathView | undefined {
  const { paths } = view;
  for (let i = 0; i < paths.length; i++) if (paths[i]!.id === id) return paths[i];
  return undefined;
}

function nameOf(scheduler: Scheduler): string {
  const name: unknown = scheduler.name;
  return typeof name === "string" && name.length > 0 ? name.slice(0, MAX_NAME) : "unnamed";
}

/** What was thrown, in words; what was thrown may itself be hostile. */
function describe(error: unknown): string {
  try {
    return error instanceof Error ? String(error.message).slice(0, MAX_REASON) : `Threw ${show(error)}`;
  } catch {
    return "Threw something that cannot be described";
  }
}

/** A value in a few words, without calling anything of it. */
function show(value: unknown): string {
  switch (typeof value) {
    case "string":
      return JSON.stringify(value.slice(0, MAX_NAME));
    case "number":
    case "boolean":
    case "undefined":
      return String(value);
    case "object":
      return value === null ? "null" : "an object";
    default:
      return `a ${typeof value}`;
  }
}
