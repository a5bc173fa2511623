/**
 * From where a client may reach the server, and where.
 *
 * @module
 */
import type { Address } from "../base/address.ts";
import { PathError, TransportErrorCode } from "../base/errors.ts";
import { ATTEMPT_DELAY, type RaceCandidate, raceCandidates, type RaceEntry } from "../endpoint/connect_race.ts";
import { facing, localInterfaces } from "../io/interfaces.ts";
import { canReach, isLoopback } from "../io/ip.ts";
import { resolveHost } from "../io/resolve.ts";
import { canonical, type PathPlan } from "./path_options.ts";

/** Between two of the server's addresses when all are this machine's own: what answers, answers at once. */
const LOOPBACK_DELAY = 20;

/** The first path of those who say nothing of paths. */
export const NO_PLAN: PathPlan = { local: undefined, remote: undefined, description: {}, status: undefined };

/** A path that may be the first, and the server's addresses that it can reach, preferred first. */
export type Entry = RaceEntry<PathPlan, Address>;

/** One attempt to connect. */
export type Target = RaceCandidate<PathPlan, Address>;

/** Finds the IP addresses of the server for every path. Throws `ResolveError`, and `PathError` for a path that cannot be. */
export async function locate(plans: readonly PathPlan[], server: Address): Promise<Entry[]> {
  const known = new Map<string, string[]>();
  const entries: Entry[] = [];
  for (const plan of plans) {
    const { hostname, port } = plan.remote ?? plans[0]!.remote ?? server;
    const all = known.get(hostname) ?? await resolveHost(hostname);
    known.set(hostname, all);
    const { local } = plan;
    const reached = all.filter((address) => local === undefined || canReach(local.hostname, address));
    if (reached.length === 0) throw cannotReach(hostname, `from ${local?.hostname}: expected an address of its family`);
    entries.push({ from: plan, to: reached.map((each) => ({ hostname: each, port })) });
  }
  return entries;
}

/** Every address of this machine that may reach the server. Throws `ResolveError`, `PathError`, and `NotCapable`. */
export async function locateAll({ hostname, port }: Address): Promise<Entry[]> {
  const interfaces = localInterfaces();
  const addresses = await resolveHost(hostname);
  const delay = delayOf(addresses);
  const entries = new Map<string, { from: PathPlan; to: Address[]; after: number }>();
  addresses.forEach((each, i) => {
    facing(interfaces, each).forEach(({ address, name }, k) => {
      const local = canonical(address);
      const known = entries.get(local);
      const remote = { hostname: each, port };
      if (known !== undefined) return void known.to.push(remote);
      const from = { ...NO_PLAN, local: { hostname: local, port: 0 }, description: { label: name } };
      // The first that reaches an address begins when that address is due.
      entries.set(local, { from, to: [remote], after: i * delay + (k === 0 ? 0 : ATTEMPT_DELAY) });
    });
  });
  if (entries.size === 0) throw cannotReach(hostname, "as no address of this machine is of its kind");
  return [...entries.values()];
}

/** What to try, in order; what two entries say alike is tried once. */
export function targetsOf(entries: readonly Entry[]): Target[] {
  const seen = new Set<string>();
  const delay = delayOf(entries.flatMap(({ to }) => to.map(({ hostname }) => hostname)));
  return raceCandidates(entries, delay).filter(({ from: { local }, to }) => {
    const key = `${local?.hostname} ${local?.port} ${to.hostname} ${to.port}`;
    return !seen.has(key) && seen.add(key);
  });
}

/**
 * What to open besides the first path, once an attempt has won: with IP addresses where hosts were named, and where the first
 * path goes, as far as that can be reached.
 */
export function othersOf(entries: readonly Entry[], { from: first, to: remote }: Target): PathPlan[] {
  return entries.filter(({ from }) => from !== first).map(({ from, to }) => {
    const same = to.find(({ hostname, port }) => hostname === remote.hostname && port === remote.port);
    if (same !== undefined && from.remote === undefined) return from;
    return { ...from, remote: same ?? to[0]! };
  });
}

function delayOf(addresses: readonly string[]): number {
  return addresses.every((each) => isLoopback(each)) ? LOOPBACK_DELAY : ATTEMPT_DELAY;
}

function cannotReach(hostname: string, why: string): PathError {
  return new PathError(`Cannot reach ${hostname} ${why}`, TransportErrorCode.NO_VIABLE_PATH);
}
