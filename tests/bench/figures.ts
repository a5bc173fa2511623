/**
 * What is measured, and how figures of several rounds become one.
 *
 * @module
 */

/** Ours by its sockets, or the platform's own QUIC. */
export type Implementation = "deno" | "node" | "built-in";

/** What a transfer took of one process. */
export interface Side {
  readonly cpuSeconds: number;
  /** Resident memory at its highest, with the runtime's own. */
  readonly peakBytes: number;
}

/** One stream of bytes from client to server. */
export interface Bulk {
  readonly megabytesPerSecond: number;
  readonly client: Side;
  readonly server: Side;
}

/** One connection after the other. */
export interface Handshakes {
  readonly perSecond: number;
  readonly clientCpuMs: number;
}

/** Protecting packets of 1200 bytes, in microseconds each. */
export interface Packets {
  readonly provider: string;
  readonly suite: string;
  readonly seal: number;
  readonly open: number;
}

/** All of a run; medians. */
export interface Figures {
  readonly rounds: number;
  readonly bulkBytes: number;
  readonly packets: readonly Packets[];
  readonly bulk: Readonly<Record<Implementation, Bulk>>;
  /** Ours on `Deno.listenDatagram`, over two paths at once: neither is a limit, so this shows what paths cost. */
  readonly twoPaths: Bulk;
  readonly handshakes: Readonly<Record<Implementation, Handshakes>>;
  /** Ours on `Deno.listenDatagram`, as a share of the built-in; and over two paths, as a share of that over one. */
  readonly ratio: { readonly bulk: number; readonly handshakes: number; readonly twoPaths: number };
}

/** The middle one; of an even number the mean of the two. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The median of each number in records of the same shape; of anything else the first. */
export function medians<T>(records: readonly T[]): T {
  const [first] = records;
  if (typeof first === "number") return median(records as readonly number[]) as T;
  if (typeof first !== "object" || first === null) return first as T;
  const keys = Object.keys(first) as (keyof T)[];
  return Object.fromEntries(keys.map((key) => [key, medians(records.map((record) => record[key]))])) as T;
}
