import { networkInterfaces } from "node:os";
import { isLoopback } from "./ip.ts";

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

/** How {@linkcode watchInterfaces} looks. */
export interface WatchInterfacesOptions {
  /** Milliseconds between two looks. Default 1000. */
  readonly interval?: number;
  /** What to look at. Default {@linkcode localInterfaces}. */
  readonly list?: () => readonly LocalInterface[];
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
    if (print === known) return;
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
