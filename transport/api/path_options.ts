/**
 * The options that say which paths to have.
 *
 * @module
 */
import type { Address } from "../base/address.ts";
import { ipVersion, isWildcard, unmapped, withoutBrackets } from "../io/ip.ts";
import { shown } from "./options.ts";
import type { PathStatus, QuicPathDescription, QuicPathOptions } from "./path_types.ts";

/** A path to have, its options checked. */
export interface PathPlan {
  /** Where to send from; port 0: any. `undefined`: where the first path is. */
  readonly local: Address | undefined;
  /** Where to send to; the host may be a name. `undefined`: where the first path goes. */
  readonly remote: Address | undefined;
  /** What was said of it, and only that. */
  readonly description: Partial<{ label: string; cost: number; metered: boolean; budgetBytes: number }>;
  /** `undefined`: nothing was said. */
  readonly status: PathStatus | undefined;
  /** Place in the list that the application gave, 0 the first; absent: in none. */
  readonly preference?: number | undefined;
}

const MAX_PORT = 65_535;

/** Checks what is said of one path; throws `TypeError` and `RangeError` naming the option, which begins with `prefix`. */
export function planPath(options: QuicPathOptions, prefix = ""): PathPlan {
  if (typeof options !== "object" || options === null) {
    throw new TypeError(`${prefix || "Path"} is ${shown(options)}: expected an object`);
  }
  const name = (option: string): string => prefix === "" ? `"${option}"` : `${prefix}.${option}`;
  const { local, remote, status } = options;
  return {
    local: local === undefined ? undefined : localAddress(local, name("local")),
    remote: remote === undefined ? undefined : remoteAddress(remote, name("remote")),
    description: checkDescription(options, name),
    status: status === undefined ? undefined : checkStatus(status, name("status")),
  };
}

/** Checks the option `paths` of a client; throws `TypeError` and `RangeError`. */
export function planPaths(paths: readonly QuicPathOptions[]): PathPlan[] {
  if (!Array.isArray(paths)) throw new TypeError(`"paths" is ${shown(paths)}: expected "auto" or a list`);
  if (paths.length === 0) throw new RangeError('"paths" is empty: expected at least one path');
  return paths.map((path, preference) => ({ ...planPath(path, `"paths"[${preference}]`), preference }));
}

/** Checks a status; throws `TypeError`. */
export function checkStatus(status: unknown, name = '"status"'): PathStatus {
  if (status === "available" || status === "backup") return status;
  throw new TypeError(`${name} is ${shown(status)}: expected "available" or "backup"`);
}

/** Checks what is said of a path; throws `TypeError` and `RangeError`. */
export function checkDescription(
  options: QuicPathDescription,
  name: (option: string) => string = (option) => `"${option}"`,
): PathPlan["description"] {
  if (typeof options !== "object" || options === null) {
    throw new TypeError(`Description is ${shown(options)}: expected an object`);
  }
  const { label, cost, metered, budgetBytes } = options;
  if (label !== undefined && typeof label !== "string") {
    throw new TypeError(`${name("label")} is ${shown(label)}: expected text`);
  }
  if (cost !== undefined && !(typeof cost === "number" && cost >= 0 && cost < Infinity)) {
    throw new RangeError(`${name("cost")} is ${shown(cost)}: expected a finite number from 0`);
  }
  if (metered !== undefined && typeof metered !== "boolean") {
    throw new TypeError(`${name("metered")} is ${shown(metered)}: expected true or false`);
  }
  if (budgetBytes !== undefined && !(typeof budgetBytes === "number" && budgetBytes >= 0)) {
    throw new RangeError(`${name("budgetBytes")} is ${shown(budgetBytes)}: expected a number from 0`);
  }
  return {
    ...(label === undefined ? {} : { label }),
    ...(cost === undefined ? {} : { cost }),
    ...(metered === undefined ? {} : { metered }),
    ...(budgetBytes === undefined ? {} : { budgetBytes }),
  };
}

function localAddress(value: unknown, name: string): Address {
  if (typeof value !== "string") throw new TypeError(`${name} is ${shown(value)}: expected text`);
  const whole = withoutBrackets(value);
  const found = ipVersion(whole) === 0 ? withPort(value) : { hostname: whole, port: 0 };
  const hostname = found === undefined ? "" : canonical(found.hostname);
  if (found === undefined || hostname === "" || isWildcard(hostname)) {
    throw new RangeError(`${name} is "${value}": expected an IP address of this machine, with a port or without`);
  }
  if (found.port > MAX_PORT) {
    throw new RangeError(`${name} has port ${found.port}: expected an integer from 0 to ${MAX_PORT}`);
  }
  return { hostname, port: found.port };
}

function remoteAddress(value: unknown, name: string): Address {
  let found: { hostname: unknown; port: unknown } | undefined;
  if (typeof value === "string") found = withPort(value);
  else if (typeof value === "object" && value !== null) found = value as { hostname: unknown; port: unknown };
  else throw new TypeError(`${name} is ${shown(value)}: expected "host:port"`);
  if (found === undefined || typeof found.hostname !== "string" || found.hostname === "") {
    throw new TypeError(`${name} is ${shown(value)}: expected "host:port"`);
  }
  const { port } = found;
  if (typeof port !== "number" || !Number.isInteger(port) || port < 1 || port > MAX_PORT) {
    throw new RangeError(`${name} has port ${shown(port)}: expected an integer from 1 to ${MAX_PORT}`);
  }
  const hostname = withoutBrackets(found.hostname);
  return { hostname: canonical(hostname) || hostname, port };
}

/** Takes `host:port` apart. */
function withPort(text: string): { hostname: string; port: number } | undefined {
  const match = /^(\[[^\]]+\]|[^:[\]]+):(\d+)$/.exec(text);
  return match === null ? undefined : { hostname: withoutBrackets(match[1]!), port: Number(match[2]) };
}

/** An IP address as the system writes it (RFC 5952), IPv4 in IPv6 as IPv4; empty for what is none. */
export function canonical(hostname: string): string {
  const version = ipVersion(hostname);
  if (version === 0) return "";
  if (version === 4) return hostname;
  const plain = unmapped(hostname.toLowerCase());
  if (ipVersion(plain) === 4) return plain;
  const zone = hostname.indexOf("%");
  const address = zone < 0 ? hostname : hostname.slice(0, zone);
  return new URL(`http://[${address}]/`).hostname.slice(1, -1) + (zone < 0 ? "" : hostname.slice(zone));
}
