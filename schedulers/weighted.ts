import { ByteShares } from "./byte_shares.ts";
import { checkSettings, type PerPath, settingOf } from "./per_path.ts";
import { HOLD, type SchedulerFactory, send } from "./scheduler.ts";

/**
 * Shares by weight: a path of weight 3 gets three times the bytes of one of weight 1, as long as both have room; what a full
 * path cannot take goes to the others (weighted round robin of draft-bonaventure-iccrg-schedulers, with a deficit in bytes as
 * in Shreedhar and Varghese, SIGCOMM 1995, in place of packets).
 *
 * Paths that are not named have weight 1; those of weight 0 are used only when there is no other. Backups and paths that do
 * not answer have no share while there are others. Throws `RangeError` for a weight that is no number from 0; one from a
 * function is checked with every question.
 *
 * @example Three quarters over Wi-Fi
 * ```ts
 * import { weighted } from "@multipath/quic/schedulers";
 *
 * const mode = weighted({ wifi: 3, cell: 1 });
 * ```
 */
export function weighted(weights: PerPath = {}): SchedulerFactory {
  if (typeof weights !== "function") checkSettings("Weight", weights);
  return () => {
    const shares = new ByteShares((path) => settingOf(weights, path, 1));
    return {
      name: "weighted",
      schedule(work, view) {
        const path = shares.next(work, view, true);
        return path === undefined ? HOLD : send(path);
      },
    };
  };
}
