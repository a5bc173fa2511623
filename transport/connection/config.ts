/**
 * What a connection can be told, with the default of each thing and the limits that keep a stranger's share bounded.
 *
 * @module
 */
import { DEFAULT_MODE, type ModeChoice, schedulerOf } from "../../schedulers/modes.ts";
import type { ControllerFactory } from "../../recovery/congestion/controller.ts";

/** What can be set per connection. All times in milliseconds, all sizes in bytes. */
export interface TransportConfig {
  /** Longest silence before the connection is given up (RFC 9000 §10.1); 0: never. Default 30000. */
  readonly maxIdleTimeout?: number;
  /** Longest that a handshake may take. Default 10000. */
  readonly handshakeTimeout?: number;
  /** A PING after this much quiet keeps the connection alive; 0: no keep-alive. Default 0. */
  readonly keepAlive?: number;
  /** Largest UDP payload that path MTU discovery may reach, 1200 to 65527. Default 1452. */
  readonly maxUdpPayload?: number;
  /** Credit that the connection starts with; grows by itself up to `connectionWindow`. Default 1048576. */
  readonly initialMaxData?: number;
  /** Credit that each stream starts with; grows by itself up to `streamWindow`. Default 524288. */
  readonly initialMaxStreamData?: number;
  /** Most that the connection's window grows to. Default 16777216. */
  readonly connectionWindow?: number;
  /** Most that a stream's window grows to. Default 8388608. */
  readonly streamWindow?: number;
  /** Most bytes of one stream that wait to be sent or acknowledged. Default 4194304. */
  readonly sendBuffer?: number;
  /** Bidirectional streams that the peer may have open at once. Default 100. */
  readonly maxBidirectionalStreams?: number;
  /** Unidirectional streams that the peer may have open at once. Default 100. */
  readonly maxUnidirectionalStreams?: number;
  /** Largest DATAGRAM frame taken (RFC 9221); 0: none. Default 65535. */
  readonly maxDatagramFrameSize?: number;
  /** Longest that an acknowledgement is held back (RFC 9000 §13.2.1), below 16384. Default 25. */
  readonly maxAckDelay?: number;
  /** Connection ids of the peer that are kept per path, at least 2 (RFC 9000 §5.1.1). Default 4. */
  readonly activeConnectionIdLimit?: number;
  /** Round-trip time assumed before the first sample (RFC 9002 §6.2.2). Default 333. */
  readonly initialRtt?: number;
  /** Initial congestion window in packets (RFC 9002 §7.2). Default 10. */
  readonly initialWindowPackets?: number;
  /** Congestion controller of each route. Default `"cubic"`. */
  readonly congestion?: "cubic" | "newreno" | ControllerFactory;
  /** Who decides on which path data goes: a mode, the name of one, or a scheduler. Default `"aggregation"`. */
  readonly mode?: ModeChoice;
  /** Most ranges in one ACK. Default 64. */
  readonly maxAckRanges?: number;
  /**
   * How 1-RTT packets of several paths are numbered: each path for itself, as RFC 10069 has it, or all in one space, which is
   * an experiment, needs the same setting at both ends (else it is `"multiple"`), and has no ECN. Default `"multiple"`.
   */
  readonly numberSpaces?: "multiple" | "single";
  /** Mark packets ECT(0) and react to CE (RFC 9000 §13.4); only where the socket can mark. Default false. */
  readonly ecn?: boolean;
  /** Search for a larger MTU than 1200 (RFC 8899). Default true. */
  readonly mtuDiscovery?: boolean;
  /** Offer RFC 10069 with this many paths at once, at least 1; 0: do not offer it. Default 4. */
  readonly maxPaths?: number;
  /**
   * Offer the hints extension: to a server that has it too, a client tells its signals, the labels, costs and order of its paths,
   * and the mode that it would like. Default true.
   */
  readonly hints?: boolean;
  /** Server: the modes that a client may ask for. Default {@linkcode ACCEPTED_MODES}. */
  readonly acceptModes?: readonly string[];
  /** Send reserved parameters, versions and fixed bits now and then so that peers stay tolerant. Default true. */
  readonly grease?: boolean;
  /** Whether the peer may move to other addresses (RFC 9000 §18.2, disable_active_migration). Default true. */
  readonly allowMigration?: boolean;
}

/** A {@linkcode TransportConfig} with nothing left open. */
export type ResolvedConfig = Required<TransportConfig>;

/** The modes that a server lets clients ask for, unless something else is said. */
export const ACCEPTED_MODES: readonly string[] = [
  "interactive",
  "handover",
  "aggregation",
  "redundant",
  "min-rtt",
  "round-robin",
];

/** The defaults. */
export const DEFAULT_CONFIG: ResolvedConfig = {
  maxIdleTimeout: 30_000,
  handshakeTimeout: 10_000,
  keepAlive: 0,
  maxUdpPayload: 1452,
  initialMaxData: 1 << 20,
  initialMaxStreamData: 1 << 19,
  connectionWindow: 1 << 24,
  streamWindow: 1 << 23,
  sendBuffer: 1 << 22,
  maxBidirectionalStreams: 100,
  maxUnidirectionalStreams: 100,
  maxDatagramFrameSize: 65_535,
  maxAckDelay: 25,
  activeConnectionIdLimit: 4,
  initialRtt: 333,
  initialWindowPackets: 10,
  congestion: "cubic",
  mode: DEFAULT_MODE,
  maxAckRanges: 64,
  numberSpaces: "multiple",
  ecn: false,
  mtuDiscovery: true,
  maxPaths: 4,
  hints: true,
  acceptModes: ACCEPTED_MODES,
  grease: true,
  allowMigration: true,
};

/** Lowest and highest value of each number above. */
const RANGES: Readonly<Record<string, readonly [number, number]>> = {
  maxIdleTimeout: [0, 2 ** 53 - 1],
  handshakeTimeout: [1, 2 ** 53 - 1],
  keepAlive: [0, 2 ** 53 - 1],
  maxUdpPayload: [1200, 65_527],
  initialMaxData: [0, 2 ** 53 - 1],
  initialMaxStreamData: [0, 2 ** 53 - 1],
  connectionWindow: [1, 2 ** 40],
  streamWindow: [1, 2 ** 40],
  sendBuffer: [1, 2 ** 40],
  maxBidirectionalStreams: [0, 2 ** 40],
  maxUnidirectionalStreams: [0, 2 ** 40],
  maxDatagramFrameSize: [0, 65_535],
  maxAckDelay: [0, 2 ** 14 - 1],
  activeConnectionIdLimit: [2, 16],
  initialRtt: [1, 60_000],
  initialWindowPackets: [1, 1000],
  maxAckRanges: [1, 1024],
  maxPaths: [0, 64],
};

const NUMBER_SPACES: readonly unknown[] = ["multiple", "single"];

/**
 * Fills in the defaults; throws `RangeError` naming the key whose value is out of range, `TypeError` for an unknown key and a
 * wrong type.
 */
export function resolveConfig(config: TransportConfig = {}): ResolvedConfig {
  const resolved: Record<string, unknown> = { ...DEFAULT_CONFIG };
  for (const [key, value] of Object.entries(config)) {
    if (value === undefined) continue;
    if (!Object.hasOwn(DEFAULT_CONFIG, key)) {
      throw new TypeError(`Cannot configure the transport: "${key}" is not a setting`);
    }
    const range = RANGES[key];
    if (range !== undefined && !(typeof value === "number" && value >= range[0] && value <= range[1])) {
      throw new RangeError(`"${key}" is ${value}: expected a number from ${range[0]} to ${range[1]}`);
    }
    if (typeof resolved[key] === "boolean" && typeof value !== "boolean") {
      throw new TypeError(`"${key}" is ${JSON.stringify(value)}: expected true or false`);
    }
    resolved[key] = value;
  }
  if (!NUMBER_SPACES.includes(resolved.numberSpaces)) {
    throw new RangeError(`"numberSpaces" is ${String(resolved.numberSpaces)}: expected "multiple" or "single"`);
  }
  schedulerOf(resolved.mode as ModeChoice);
  return resolved as unknown as ResolvedConfig;
}

/** Packets that arrived before the keys to open them and are kept until then, at most. */
export const MAX_BUFFERED_PACKETS = 16;
/** The smallest largest: every path must carry UDP payloads of this size (RFC 9000 §14). */
export const MIN_DATAGRAM_SIZE = 1200;
/** Packets without anything ack-eliciting in a row before one carries a PING, so that ACK state can be trimmed. */
export const MAX_SILENT_PACKETS = 40;
/** Longest token that a client takes: with it, an Initial packet still has room for a useful part of a ClientHello. */
export const MAX_TOKEN_LENGTH = 1000;
/** Longest reason phrase that is sent in CONNECTION_CLOSE. */
export const MAX_REASON_LENGTH = 256;
