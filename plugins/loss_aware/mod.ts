/**
 * A scheduler to which losses count: it takes the path on which data arrives first if what gets lost on the way is counted in.
 *
 * @example
 * ```ts
 * import { lossAware } from "@multipath/loss-aware";
 *
 * const mode = lossAware;
 * ```
 *
 * @module
 */
export { lossAware } from "./loss_aware.ts";
export { lossAware as default } from "./loss_aware.ts";
