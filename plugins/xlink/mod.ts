/**
 * A scheduler for video after XLINK (SIGCOMM 2021): when what the player still has to play gets short, data that is stuck on a
 * path that fades goes once more on another, and acknowledgements go on the fastest path.
 *
 * @example
 * ```ts
 * import { xlink } from "@multipath/xlink";
 *
 * const mode = xlink({ low: 1000, high: 4000 });
 * ```
 *
 * @module
 */
import type { SchedulerFactory } from "@multipath/quic/schedulers";
import { xlink } from "./xlink.ts";

export { xlink, type XlinkOptions } from "./xlink.ts";

/** {@linkcode xlink} without options, for `mpquic --scheduler`. */
const factory: SchedulerFactory = xlink();
export default factory;
