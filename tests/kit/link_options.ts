/**
 * What a link can be told, with the default of each thing.
 *
 * @module
 */

import type { CapacityTrace } from "./link_capacity.ts";

/** Losses in bursts: the two-state model of Gilbert. In the bad state every datagram is lost. */
export interface BurstLoss {
  /** Share of datagrams lost in the long run, 0 to 100. */
  readonly percent: number;
  /** Mean number of datagrams in a row in the bad state, at least 1. */
  readonly meanLength: number;
}

/** One direction of a link. Times in milliseconds, sizes in bytes. */
export interface LinkOptions {
  /** Mbit/s (10^6 bit/s); `null`: unlimited, and then nothing ever queues. Default `null`. */
  readonly rateMbps?: number | null;
  /**
   * Capacity over time, and maybe delay, in place of `rateMbps` and `delayMs`; see {@linkcode parseCapacityTrace}. Naming a
   * rate later ends it. Default `null`.
   */
  readonly trace?: CapacityTrace | null;
  /** One-way delay. Default 0. */
  readonly delayMs?: number;
  /** Standard deviation of the delay: normal, cut at three deviations and at zero delay. Default 0. */
  readonly jitterMs?: number;
  /** Whether datagrams may overtake one another. Default false: first in, first out. */
  readonly reorder?: boolean;
  /** Refuse a datagram when the queueing delay is already this long. */
  readonly queueMs?: number | null;
  /** Or: refuse it when its bytes do not fit beside those that wait. */
  readonly queueBytes?: number | null;
  /**
   * Or: refuse it when so many wait. None of the three: one bandwidth-delay product (the rate times the sum of both
   * directions' delays), at least ten full packets.
   */
  readonly queuePackets?: number | null;
  /** Independent loss, 0 to 100. Default 0. */
  readonly lossPercent?: number;
  /** Losses in bursts, beside `lossPercent`. Default `null`. */
  readonly burstLoss?: BurstLoss | null;
  /** Exactly these datagrams are lost, counted from 1 as they are handed over. Default none. */
  readonly drop?: readonly number[];
  /** Mark ECN-capable datagrams CE when half the queue limit is in use. Default false. */
  readonly ecn?: boolean;
  /** Largest packet, `overheadBytes` included; larger ones vanish. Default 1500. */
  readonly mtu?: number;
  /** Bytes per datagram on the wire beside the UDP payload. Default 28: IPv4 and UDP. */
  readonly overheadBytes?: number;
  /** All that is handed over vanishes; what was accepted before still arrives. Default false. */
  readonly dead?: boolean;
  /** As `dead`, and the sending host's send fails. Default false. */
  readonly unreachable?: boolean;
  /** Exactly these datagrams arrive twice, counted as `drop`. Default none. */
  readonly duplicate?: readonly number[];
  /** Share of datagrams that arrive twice, 0 to 100. Default 0. */
  readonly duplicatePercent?: number;
  /** Share of datagrams of which one byte arrives changed, 0 to 100. Default 0. */
  readonly corruptPercent?: number;
}

/** {@linkcode LinkOptions} with nothing left open. */
export type ResolvedLink = Required<LinkOptions>;

/** The defaults. */
export const DEFAULT_LINK: ResolvedLink = {
  rateMbps: null,
  trace: null,
  delayMs: 0,
  jitterMs: 0,
  reorder: false,
  queueMs: null,
  queueBytes: null,
  queuePackets: null,
  lossPercent: 0,
  burstLoss: null,
  drop: [],
  ecn: false,
  mtu: 1500,
  overheadBytes: 28,
  dead: false,
  unreachable: false,
  duplicate: [],
  duplicatePercent: 0,
  corruptPercent: 0,
};

/** Lowest and highest value of each number; `null` stands where the option may be null. */
const RANGES: Readonly<Record<string, readonly [low: number, high: number]>> = {
  rateMbps: [1e-6, 1e9],
  delayMs: [0, 1e9],
  jitterMs: [0, 1e9],
  queueMs: [1e-9, 1e9],
  queueBytes: [1, 2 ** 53 - 1],
  queuePackets: [1, 2 ** 53 - 1],
  lossPercent: [0, 100],
  mtu: [1, 65_575],
  overheadBytes: [0, 1000],
  duplicatePercent: [0, 100],
  corruptPercent: [0, 100],
};
const NULLABLE: ReadonlySet<string> = new Set([
  "rateMbps",
  "trace",
  "queueMs",
  "queueBytes",
  "queuePackets",
  "burstLoss",
]);
const QUEUES = ["queueMs", "queueBytes", "queuePackets"] as const;

/**
 * Changes `base` by `options`; throws `TypeError` for an unknown key and what should be true or false, `RangeError` for a value
 * out of range.
 */
export function resolveLink(options: LinkOptions, base: ResolvedLink = DEFAULT_LINK): ResolvedLink {
  const resolved: Record<string, unknown> = { ...base };
  // Naming one kind of queue limit replaces another that stood before, and naming a rate replaces a trace.
  if (QUEUES.some((q) => options[q] !== undefined)) { for (const q of QUEUES) resolved[q] = null; }
  if (options.rateMbps !== undefined) resolved.trace = null;
  for (const [key, value] of Object.entries(options)) {
    if (value === undefined) continue;
    if (!Object.hasOwn(DEFAULT_LINK, key)) {
      throw new TypeError(`Cannot set up the link: "${key}" is no option of a link`);
    }
    const problem = linkValueProblem(key, value);
    if (problem !== undefined) {
      const message = `"${problem.key}" of a link is ${problem.value}: ${problem.expected}`;
      throw typeof DEFAULT_LINK[key as keyof LinkOptions] === "boolean"
        ? new TypeError(message)
        : new RangeError(message);
    }
    resolved[key] = value;
  }
  if (QUEUES.filter((q) => resolved[q] !== null).length > 1) {
    throw new TypeError("Cannot set up the link: expected one of queueMs, queueBytes and queuePackets");
  }
  return resolved as unknown as ResolvedLink;
}

/** What is wrong with a value of a link. */
export interface LinkValueProblem {
  /** The key, or the key within it. */
  readonly key: string;
  /** What stands there. */
  readonly value: unknown;
  /** `"expected ..."`. */
  readonly expected: string;
}

/** What is wrong with the value of one option; `undefined`: nothing. */
export function linkValueProblem(key: string, value: unknown): LinkValueProblem | undefined {
  if (value === null && NULLABLE.has(key)) return undefined;
  const range = Object.hasOwn(RANGES, key) ? RANGES[key] : undefined;
  if (range !== undefined) return rangeProblem(key, value, range);
  if (key === "burstLoss") return burstProblem(value);
  if (key === "trace") {
    const isTrace = typeof (value as Partial<CapacityTrace> | undefined)?.timeOf === "function";
    return isTrace ? undefined : { key, value, expected: "expected a capacity trace" };
  }
  if (key === "drop" || key === "duplicate") {
    const isList = Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 1);
    return isList ? undefined : { key, value, expected: "expected a list of numbers of datagrams, counted from 1" };
  }
  return typeof value === "boolean" ? undefined : { key, value, expected: "expected true or false" };
}

function rangeProblem(key: string, value: unknown, range: readonly [number, number]): LinkValueProblem | undefined {
  if (typeof value === "number" && value >= range[0] && value <= range[1]) return undefined;
  const orNull = NULLABLE.has(key) ? ", or null" : "";
  return { key, value, expected: `expected a number from ${range[0]} to ${range[1]}${orNull}` };
}

function burstProblem(value: unknown): LinkValueProblem | undefined {
  if (typeof value !== "object" || value === null) {
    return { key: "burstLoss", value, expected: 'expected {"percent": ..., "meanLength": ...}, or null' };
  }
  const { percent, meanLength } = value as Partial<BurstLoss>;
  const percentKey = "burstLoss.percent";
  if (!(typeof percent === "number" && percent >= 0 && percent <= 100)) {
    return { key: percentKey, value: percent, expected: "expected a number from 0 to 100" };
  }
  if (!(typeof meanLength === "number" && meanLength >= 1)) {
    return { key: "burstLoss.meanLength", value: meanLength, expected: "expected a number of at least 1" };
  }
  if (percent === 100 || burstEntry({ percent, meanLength }) <= 1) return undefined;
  const most = 100 * meanLength / (meanLength + 1);
  return { key: percentKey, value: percent, expected: `expected at most ${most} for that meanLength` };
}

/** The probability of going from the good state to the bad one, per datagram. */
export function burstEntry(burst: BurstLoss): number {
  const share = burst.percent / 100;
  return share >= 1 ? 1 : share / ((1 - share) * burst.meanLength);
}
