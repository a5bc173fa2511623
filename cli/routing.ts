/**
 * How this system chooses the interface of a packet, and what makes it look at the source address.
 *
 * @module
 */
import { isIP } from "node:net";
import type { LocalAddress } from "./reach.ts";

/** What is known of the system's routes. */
export interface Routing {
  /** Addresses and networks with a rule of their own; `undefined`: unknown. */
  readonly bySource: readonly string[] | undefined;
  /** Gateways by interface and family, as far as they are known: `"eth0 4"`. */
  readonly gateways: ReadonlyMap<string, string>;
}

/** The first routing table that the printed commands use. */
const FIRST_TABLE = 101;
/** Where `ip` of iproute2 is. The permission to run just this is asked for by path, so that other systems are not warned. */
const IP = ["/usr/sbin/ip", "/sbin/ip", "/usr/bin/ip", "/bin/ip"];

/** Asks `ip`, where it is there and may be run. Never throws: what cannot be known is unknown. */
export async function readRouting(): Promise<Routing> {
  const unknown: Routing = { bySource: undefined, gateways: new Map() };
  if (Deno.build.os !== "linux") return unknown;
  for (const program of IP) {
    const { state } = await Deno.permissions.query({ name: "run", command: program });
    if (state !== "granted") continue;
    const answers = await Promise.all([
      ask(program, "-4", "rule"),
      ask(program, "-6", "rule"),
      ask(program, "-4", "route"),
      ask(program, "-6", "route"),
    ]);
    const [rules4, rules6, routes4, routes6] = answers;
    if (rules4 === undefined || routes4 === undefined) continue;
    return parseRouting([...rules4, ...rules6 ?? []], routes4, routes6 ?? []);
  }
  return unknown;
}

/** One entry of `ip -json rule` or `ip -json route`. */
export type IpEntry = Readonly<Record<string, unknown>>;

/** Reads what `ip -json` says. */
export function parseRouting(
  rules: readonly IpEntry[],
  routes4: readonly IpEntry[],
  routes6: readonly IpEntry[],
): Routing {
  const bySource = rules.map(({ src }) => src).filter((src): src is string => typeof src === "string" && src !== "all");
  const gateways = new Map<string, string>();
  for (const [version, routes] of [[4, routes4], [6, routes6]] as const) {
    for (const { dst, gateway, dev } of routes) {
      const key = `${String(dev)} ${version}`;
      if (dst === "default" && typeof gateway === "string" && !gateways.has(key)) gateways.set(key, gateway);
    }
  }
  return { bySource, gateways };
}

/** Commands that give every address but the first interface's own a table of its own; none where there is nothing to choose. */
export function adviceFor(locals: readonly LocalAddress[], { bySource, gateways }: Routing): string[] {
  if (Deno.build.os !== "linux") return [];
  const advice: string[] = [];
  let table = FIRST_TABLE;
  for (const version of [4, 6]) {
    const those = locals.filter(({ address, loopback }) => !loopback && isIP(address) === version);
    if (new Set(those.map(({ device }) => device)).size < 2) continue;
    for (const { address, device, network } of those) {
      if (bySource?.includes(address)) continue;
      const ip = version === 6 ? "ip -6" : "ip";
      const gateway = gateways.get(`${device} ${version}`) ?? "GATEWAY";
      if (network !== undefined) advice.push(`${ip} route add ${network} dev ${device} src ${address} table ${table}`);
      advice.push(`${ip} route add default via ${gateway} dev ${device} table ${table}`);
      advice.push(`${ip} rule add from ${address} table ${table}`);
      table += 1;
    }
  }
  if (advice.some((line) => line.includes("GATEWAY"))) {
    advice.push('# GATEWAY: the router behind that interface; without one leave out "via GATEWAY"');
  }
  return advice;
}

async function ask(program: string, family: string, what: string): Promise<IpEntry[] | undefined> {
  try {
    const { success, stdout } = await new Deno.Command(program, { args: ["-json", family, what] }).output();
    return success ? JSON.parse(new TextDecoder().decode(stdout) || "[]") as IpEntry[] : undefined;
  } catch {
    return undefined;
  }
}
