import { networkInterfaces } from "node:os";
import { ipVersion, isLoopback } from "./ip.ts";

/** A local address and the interface that has it. */
export interface LocalInterface {
  /** The interface's name, such as `"wlan0"`. */
  readonly name: string;
  /** As a socket takes it: link-local IPv6 addresses come with their zone (`fe80::1%eth0`). */
  readonly address: string;
  readonly version: 4 | 6;
  /** Whether it reaches this machine only. */
  readonly loopback: boolean;
}

/**
 * The addresses of this machine, in the system's order. Deno asks for `--allow-sys=networkInterfaces`; without it the
 * call throws `NotCapable`.
 */
export function localInterfaces(): LocalInterface[] {
  const found: LocalInterface[] = [];
  for (const [name, addresses] of Object.entries(networkInterfaces())) {
    for (const { address, family, internal } of addresses ?? []) {
      const version = family === "IPv4" ? 4 : 6;
      const linkLocal = version === 6 && address.toLowerCase().startsWith("fe80:") && !address.includes("%");
      found.push({
        name,
        address: linkLocal ? `${address}%${name}` : address,
        version,
        loopback: internal || isLoopback(address),
      });
    }
  }
  return found;
}

/**
 * Those from which a host may be reached, as far as addresses tell: of its family, loopback for loopback alone, link-local
 * for link-local alone. The first of each interface come first, then the second of each, and so on.
 */
export function facing(interfaces: readonly LocalInterface[], remote: string): LocalInterface[] {
  const seen = new Map<string, number>();
  const ranked: { readonly rank: number; readonly each: LocalInterface }[] = [];
  for (const each of interfaces) {
    if (each.version !== ipVersion(remote) || each.loopback !== isLoopback(remote)) continue;
    if (isLinkLocal(each.address) !== isLinkLocal(remote) || zoneOf(each.address) !== zoneOf(remote)) continue;
    const rank = seen.get(each.name) ?? 0;
    seen.set(each.name, rank + 1);
    ranked.push({ rank, each });
  }
  return ranked.sort((a, b) => a.rank - b.rank).map(({ each }) => each);
}

/** Whether it is of one link only (RFC 3927, RFC 4291 §2.5.6). */
function isLinkLocal(address: string): boolean {
  return address.startsWith("169.254.") || /^fe[89ab][0-9a-f]:/i.test(address);
}

function zoneOf(address: string): string {
  const at = address.indexOf("%");
  return at < 0 ? "" : address.slice(at);
}

/** How {@linkcode watchInterfaces} looks. */
export interface WatchInterfacesOptions {
  /** Milliseconds between two looks. Default 1000. */
  readonly interval?: number;
  /** What to look at. Default {@linkcode localInterfaces}. */
  readonly list?: () => readonly LocalInterface[];
  /** Call `onChange` after every look, though nothing has changed. Default false. */
  readonly always?: boolean;
}

/**
 * Calls `onChange` with all addresses now, and again whenever they are others. No platform tells of changes, so it looks;
 * what `list` throws later on counts as "no change". Does not keep the program running. Dispose of it to stop.
 */
export function watchInterfaces(
  onChange: (interfaces: readonly LocalInterface[]) => void,
  options: WatchInterfacesOptions = {},
): Disposable {
  const list = options.list ?? localInterfaces;
  const first = list();
  let known = fingerprint(first);
  onChange(first);
  const timer = setInterval(() => {
    let found: readonly LocalInterface[];
    try {
      found = list();
    } catch {
      return;
    }
    const print = fingerprint(found);
    if (print === known && options.always !== true) return;
    known = print;
    onChange(found);
  }, options.interval ?? 1000);
  unref(timer);
  return { [Symbol.dispose]: (): void => clearInterval(timer) };
}

function fingerprint(interfaces: readonly LocalInterface[]): string {
  return interfaces.map((each) => `${each.name} ${each.address}`).sort().join("\n");
}

function unref(timer: unknown): void {
  if (typeof timer === "object") (timer as { unref?(): void } | null)?.unref?.();
  else (globalThis as { Deno?: { unrefTimer?(id: number): void } }).Deno?.unrefTimer?.(timer as number);
}
