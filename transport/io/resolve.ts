import { lookup } from "node:dns/promises";
import { ipVersion, withoutBrackets } from "./ip.ts";

/** Asks the system: all addresses of a name, in its order of preference. */
export type Lookup = (hostname: string) => Promise<readonly string[]>;

/** The name has no address, or could not be asked for. */
export class ResolveError extends Error {
  /** `"ResolveError"`. */
  override name = "ResolveError";
  /** The name in question. */
  readonly hostname: string;

  /** `reason` says what the system said. */
  constructor(hostname: string, reason: string, cause?: unknown) {
    super(`Cannot resolve "${hostname}": ${reason}`, { cause });
    this.hostname = hostname;
  }
}

/**
 * The IP addresses of a host, in the order in which to try them: the families take turns, the one that the system put
 * first first (RFC 8305 §4). A literal is its own answer, and `localhost` is `::1` and `127.0.0.1` without a question
 * (RFC 6761 §6.3). Throws `ResolveError`.
 */
export async function resolveHost(hostname: string, ask: Lookup = systemLookup): Promise<string[]> {
  const name = withoutBrackets(hostname);
  if (ipVersion(name) !== 0) return [name];
  if (isLocalhost(name)) return ["::1", "127.0.0.1"];
  let found: readonly string[];
  try {
    found = await ask(name);
  } catch (error) {
    if (error instanceof Error && error.name === "NotCapable") throw error;
    throw new ResolveError(name, (error as { code?: string }).code ?? String(error), error);
  }
  const addresses = interleaved([...new Set(found)].filter((address) => ipVersion(address) !== 0));
  if (addresses.length === 0) throw new ResolveError(name, "it has no address");
  return addresses;
}

async function systemLookup(hostname: string): Promise<string[]> {
  const found = await lookup(hostname, { all: true, verbatim: true });
  return found.map(({ address }) => address);
}

function isLocalhost(name: string): boolean {
  const plain = name.toLowerCase().replace(/\.$/, "");
  return plain === "localhost" || plain.endsWith(".localhost");
}

function interleaved(addresses: readonly string[]): string[] {
  const first = addresses.filter((address) => ipVersion(address) === ipVersion(addresses[0]!));
  const second = addresses.filter((address) => ipVersion(address) !== ipVersion(addresses[0]!));
  const order: string[] = [];
  for (let at = 0; at < Math.max(first.length, second.length); at += 1) {
    if (at < first.length) order.push(first[at]!);
    if (at < second.length) order.push(second[at]!);
  }
  return order;
}
