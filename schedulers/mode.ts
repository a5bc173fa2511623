import type { DownloadPolicyFactory } from "./thrift.ts";
import type { SchedulerFactory } from "./scheduler.ts";

/** A local address that is, or could be, one end of a path. */
export interface PathCandidate {
  /** The local address, without a port. */
  readonly local: string;
  /** What the application or the system calls it. */
  readonly label: string;
  /** Relative price of a byte; 0 costs nothing. */
  readonly cost: number;
  /** Whether somebody counts the bytes. */
  readonly metered: boolean;
  /** Whether a path uses it and works, does not (yet, or any more), or there is none. */
  readonly state: "usable" | "unusable" | "none";
}

/** What a policy wants of a candidate: a path of that status, or none. */
export type PathWish = "available" | "backup" | "none";

/**
 * Which paths to have. Asked for each candidate when addresses or paths come, go or change, never per packet; the same
 * candidates, the same wishes.
 */
export type PathPolicy = (candidate: PathCandidate, all: readonly PathCandidate[]) => PathWish;

/** What an application wants of several paths, under one name: who schedules, and which paths there should be. */
export interface Mode {
  /** Its name, by which a client may ask its server for it. */
  readonly name: string;
  /** Makes the scheduler of each connection. */
  readonly scheduler: SchedulerFactory;
  /** Which paths to have. */
  readonly paths: PathPolicy;
  /**
   * Which paths a server is to use that knows nothing of what they cost, for want of the hints extension: it is told by path
   * status. Default: all.
   */
  readonly download?: DownloadPolicyFactory | undefined;
}

/** The cheapest address that works, or may, gets a path; the others get paths as backups. The first of equals. */
export function oneAndSpares(): PathPolicy {
  return (candidate, all) => {
    let best = candidate;
    for (const other of all) if (rankOf(other) < rankOf(best)) best = other;
    for (const other of all) {
      if (rankOf(other) > rankOf(best)) continue;
      return other === candidate ? "available" : "backup";
    }
    return "available";
  };
}

/** What does not work comes last, then what costs most. */
function rankOf({ state, cost, metered }: PathCandidate): number {
  return (state === "unusable" ? 2 ** 30 : 0) + (metered ? Math.max(cost, 1) : cost);
}

/** Every address gets a path, all of them available. */
export function allPaths(): PathPolicy {
  return () => "available";
}
