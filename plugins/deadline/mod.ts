/**
 * A scheduler for data that is of no use later: voice, controls, frames of a game. What has a deadline goes on the cheapest path
 * that still makes it; all else as another scheduler says.
 *
 * @example
 * ```ts
 * import { deadline } from "@multipath/deadline";
 *
 * const mode = deadline({ margin: 10 });
 * ```
 *
 * @module
 */
import { deadline } from "./deadline.ts";
import type { SchedulerFactory } from "@multipath/quic/schedulers";

export { deadline, type DeadlineOptions } from "./deadline.ts";

/** {@linkcode deadline} without options, for `mpquic --scheduler`. */
const factory: SchedulerFactory = deadline();
export default factory;
