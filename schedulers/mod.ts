/**
 * Schedulers: who decides on which path data goes. {@linkcode Scheduler} is the contract; what is here implements it with
 * nothing but what any plugin can import.
 *
 * @example A scheduler that uses "wifi" as long as it has room, and otherwise what min-RTT does
 * ```ts
 * import { fastest, isHealthy, minRtt, type Scheduler, send } from "@multipath/quic/schedulers";
 *
 * export function wifiFirst(): Scheduler {
 *   const others = minRtt();
 *   return {
 *     name: "wifi-first",
 *     schedule(work, view) {
 *       const wifi = fastest(view, (path) => {
 *         return path.label === "wifi" && path.status === "available" && path.room > 0 && isHealthy(path, view.now);
 *       });
 *       return wifi ? send(wifi) : others.schedule(work, view);
 *     },
 *   };
 * }
 * ```
 *
 * @module
 */
export { aggregation } from "./aggregation.ts";
export { blest } from "./blest.ts";
export { budget, type BudgetNotice, type BudgetOptions } from "./budget.ts";
export { costAware, type CostAwareOptions } from "./cost_aware.ts";
export { ecf } from "./ecf.ts";
export { handover } from "./handover.ts";
export { interactive } from "./interactive.ts";
export { loadBalance, type LoadBalanceOptions } from "./load_balance.ts";
export { minRtt } from "./min_rtt.ts";
export { allPaths, type Mode, oneAndSpares, type PathCandidate, type PathPolicy, type PathWish } from "./mode.ts";
export { DEFAULT_MODE, type ModeChoice, modes, SCHEDULER_NAMES, schedulerByName, schedulerOf } from "./modes.ts";
export type { PerPath } from "./per_path.ts";
export { priority } from "./priority.ts";
export { redundant } from "./redundant.ts";
export { roundRobin } from "./round_robin.ts";
export {
  type ConnectionView,
  type Decision,
  HOLD,
  type PathId,
  type PathStatus,
  type PathView,
  type Reinjection,
  type Scheduler,
  type SchedulerEvent,
  type SchedulerFactory,
  type SchedulerHost,
  send,
  sendCopies,
  type Work,
  type WorkKind,
} from "./scheduler.ts";
export {
  answerTime,
  fastest,
  heldAnswerTime,
  isHealthy,
  isSuspect,
  needsBackup,
  overdue,
  suspectAt,
} from "./select.ts";
export {
  type Download,
  type DownloadPolicy,
  type DownloadPolicyFactory,
  thrifty,
  type ThriftyOptions,
} from "./thrift.ts";
export { weighted } from "./weighted.ts";
