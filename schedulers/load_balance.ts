import { ByteShares } from "./byte_shares.ts";
import { checkSettings, settingOf } from "./per_path.ts";
import { HOLD, type SchedulerFactory, send } from "./scheduler.ts";

/** How {@linkcode loadBalance} is to be. */
export interface LoadBalanceOptions {
  /** Whether others take what a full path cannot. Default false: data waits, and the percentages hold. */
  readonly spill?: boolean;
}

/** What percentages add up to, give or take a rounding. */
const WHOLE = 100;
const ROUNDING = 1e-6;

/**
 * A fixed percentage of the bytes per path, as the steering mode "load balancing" of ATSSS does (3GPP TS 23.501 §5.32.8,
 * there in steps of 10 %). While all paths that are named work the percentages hold, at the price of the speed of the slowest
 * for its share; with `spill` they give way to speed. When one fails the others share its part in proportion.
 *
 * Percentages are by label or id and add up to 100; paths that are not named, and those with 0, are used only when there is no
 * other. Without an argument all paths get the same. Throws `RangeError` for other percentages.
 *
 * @example
 * ```ts
 * import { loadBalance } from "@multipath/quic/schedulers";
 *
 * const mode = loadBalance({ wifi: 80, cell: 20 });
 * ```
 */
export function loadBalance(
  percentages?: Readonly<Record<string, number>>,
  options: LoadBalanceOptions = {},
): SchedulerFactory {
  if (percentages !== undefined) checkPercentages(percentages);
  const { spill = false } = options;
  return () => {
    const shares = new ByteShares((path) => percentages === undefined ? 1 : settingOf(percentages, path, 0));
    return {
      name: "load-balance",
      schedule(work, view) {
        let path = shares.next(work, view, spill);
        // Only an acknowledgement brings room to a full path: without one to come another must do.
        if (path !== undefined && path.room === 0 && path.inFlight === 0) path = shares.next(work, view, true);
        return path === undefined || path.room === 0 ? HOLD : send(path);
      },
    };
  };
}

function checkPercentages(percentages: Readonly<Record<string, number>>): void {
  checkSettings("Percentage", percentages, WHOLE);
  const sum = Object.values(percentages).reduce((total, one) => total + one, 0);
  if (Math.abs(sum - WHOLE) <= ROUNDING) return;
  throw new RangeError(`Percentages add up to ${sum}: expected ${WHOLE}`);
}
