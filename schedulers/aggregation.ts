import { costAware } from "./cost_aware.ts";
import { ecf } from "./ecf.ts";
import type { Scheduler, SchedulerHost } from "./scheduler.ts";

/**
 * All capacity when it is needed, no money spent when it is not: earliest completion first ({@linkcode ecf}) over the paths
 * that cost nothing, joined by those that do only while the others cannot deliver in time ({@linkcode costAware}).
 *
 * Acknowledgements go where their packets came from: those of a fat downlink must not fill the thin uplink of another path.
 */
export function aggregation(host: SchedulerHost): Scheduler {
  return costAware({ name: "aggregation", inner: ecf })(host);
}
