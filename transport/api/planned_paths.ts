import { QuicError } from "../base/errors.ts";
import type { PathEvent } from "../paths/path_events.ts";
import { isPermissionError, SocketError } from "../io/socket.ts";
import { BackOff } from "./back_off.ts";
import type { PathHandle } from "./path_handle.ts";
import type { PathPlan } from "./path_options.ts";
import type { ConnPaths } from "./paths.ts";

/**
 * Keeps the paths that were asked for with the connection.
 *
 * | an entry of `paths` | happens                                                      | then                                |
 * |---------------------|--------------------------------------------------------------|-------------------------------------|
 * | has no path         | its time has come                                            | one is opened                       |
 * | has no path         | it cannot be: no such local address now, too many paths      | tried again, after longer and longer |
 * | has a path          | the path ends by itself: nothing answers there, its socket died | tried again, after longer and longer |
 * | has a path          | the application closes it                                    | none is opened any more             |
 */
export class PlannedPaths implements Disposable {
  readonly #paths: ConnPaths;
  readonly #plans = new Map<PathPlan, BackOff>();
  readonly #byHandle = new Map<PathHandle, PathPlan>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** `first` is what path 0 was planned as. */
  constructor(paths: ConnPaths, first: PathPlan, others: readonly PathPlan[]) {
    this.#paths = paths;
    const [zero] = paths.all;
    const now = paths.now();
    // Without an address of its own it could only be opened where another path is.
    if (first.local !== undefined && zero !== undefined) this.#keep(first, now, zero);
    for (const plan of others) this.#keep(plan, now);
  }

  /** Opens what there can be now. */
  open(): void {
    clearTimeout(this.#timer);
    // Only the handshake tells whether the peer has more than one.
    if (this.#paths.connection.isMultipath === false) return this[Symbol.dispose]();
    const now = this.#paths.now();
    const open = new Set(this.#byHandle.values());
    let next = Infinity;
    for (const [plan, backOff] of this.#plans) {
      if (open.has(plan)) continue;
      if (backOff.at <= now) this.#begin(plan, backOff, now);
      if (backOff.at > now) next = Math.min(next, backOff.at);
    }
    if (next < Infinity) this.#timer = setTimeout(() => this.open(), next - now);
  }

  /** Something happened to a path. */
  onEvent(handle: PathHandle, event: PathEvent): void {
    const plan = this.#byHandle.get(handle);
    if (plan === undefined || event.change !== "closed") return;
    this.#byHandle.delete(handle);
    if (handle.isUnwanted) this.#plans.delete(plan);
    else this.#plans.get(plan)?.fail(this.#paths.now());
    this.open();
  }

  /** Nothing is opened any more. */
  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#plans.clear();
    this.#byHandle.clear();
  }

  #keep(plan: PathPlan, now: number, handle?: PathHandle): void {
    this.#plans.set(plan, new BackOff(now));
    if (handle !== undefined) this.#byHandle.set(handle, plan);
  }

  #begin(plan: PathPlan, backOff: BackOff, now: number): void {
    backOff.begin(now);
    try {
      this.#byHandle.set(this.#paths.begin(plan).handle, plan);
    } catch (error) {
      const isExpected = error instanceof QuicError || error instanceof SocketError || isPermissionError(error);
      if (!isExpected) throw error;
      backOff.fail(now);
    }
  }
}
