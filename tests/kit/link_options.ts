/**
 * What a link can be told, with the default of each thing.
 *
 * @module
 */

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
const NULLABLE: ReadonlySet<string> = new Set(["rateMbps", "queueMs", "queueBytes", "queuePackets", "burstLoss"]);
const QUEUES = ["queueMs", "queueBytes", "queuePackets"] as const;

/** Changes `base` by `options`; throws `TypeError` for an unknown key and `RangeError` for a value out of range. */
export function resolveLink(options: LinkOptions, base: ResolvedLink = DEFAULT_LINK): ResolvedLink {
  const resolved: Record<string, unknown> = { ...base };
  // Naming one kind of queue limit replaces another that stood before.
  if (QUEUES.some((q) => options[q] !== undefined)) { for (const q of QUEUES) resolved[q] = null; }
  for (const [key, value] of Object.entries(options)) {
    if (value === undefined) continue;
    if (!(key in DEFAULT_LINK)) throw new TypeError(`Cannot set up the link: "${key}" is no option of a link`);
    checkValue(key, value);
    resolved[key] = value;
  }
  if (QUEUES.filter((q) => resolved[q] !== null).length > 1) {
    throw new TypeError("Cannot set up the link: expected one of queueMs, queueBytes and queuePackets");
  }
  return resolved as unknown as ResolvedLink;
}

function checkValue(key: string, value: unknown): void {
  if (value === null && NULLABLE.has(key)) return;
  const range = RANGES[key];
  if (range !== undefined) {
    if (typeof value === "number" && value >= range[0] && value <= range[1]) return;
    throw new RangeError(`"${key}" of a link is ${value}: expected a number from ${range[0]} to ${range[1]}`);
  }
  if (key === "drop" || key === "duplicate") {
    if (Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 1)) return;
    throw new RangeError(`"${key}" of a link is ${value}: expected numbers of datagrams, counted from 1`);
  }
  if (key === "burstLoss") return checkBurst(value as BurstLoss);
  if (typeof value !== "boolean") throw new TypeError(`"${key}" of a link is ${value}: expected true or false`);
}

function checkBurst(burst: BurstLoss): void {
  const { percent, meanLength } = burst;
  if (!(percent >= 0 && percent <= 100)) {
    throw new RangeError(`"burstLoss.percent" of a link is ${percent}: expected a number from 0 to 100`);
  }
  if (!(meanLength >= 1)) {
    throw new RangeError(`"burstLoss.meanLength" of a link is ${meanLength}: expected a number of at least 1`);
  }
  if (percent < 100 && burstEntry(burst) > 1) {
    const most = 100 * meanLength / (meanLength + 1);
    throw new RangeError(`"burstLoss.percent" of a link is ${percent}: expected at most ${most} for that meanLength`);
  }
}

/** The probability of going from the good state to the bad one, per datagram. */
export function burstEntry(burst: BurstLoss): number {
  const share = burst.percent / 100;
  return share >= 1 ? 1 : share / ((1 - share) * burst.meanLength);
}
