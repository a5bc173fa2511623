/**
 * A scenario with every default filled in, and the result of running one. The file format is described in
 * `tests/kit/scenario/README.md`. Times in milliseconds, sizes in bytes, rates in Mbit/s (10^6).
 *
 * @module
 */
import type { LinkOptions } from "../link_options.ts";

/** Which way application data goes. */
export type LoadDirection = "up" | "down" | "both";

/** Either end. */
export type Side = "client" | "server";

/** A link of a scenario. */
export interface ScenarioLink {
  /** Its name. */
  readonly label: string;
  /** Both directions. */
  readonly both: LinkOptions;
  /** What differs from client to server. */
  readonly up: LinkOptions;
  /** What differs from server to client. */
  readonly down: LinkOptions;
  /** The name of the bottleneck that it shares; `undefined`: none. */
  readonly share: string | undefined;
  /** What the client says of a path over it. */
  readonly status: "available" | "backup";
  /** Relative price of a byte. */
  readonly cost: number;
  /** Whether somebody counts the bytes. */
  readonly metered: boolean;
  /** When the client first has it, after the handshake is confirmed; `null`: no path is opened over it. */
  readonly openMs: number | null;
}

/** From when an event counts its time; "validated": all paths of `openMs` 0 are validated at both ends. */
export type EventFrom = "start" | "confirmed" | "validated";

/** What happens. */
export type EventAction =
  /** The link is another from now on. */
  | { readonly type: "set"; readonly link: number; readonly direction: LoadDirection; readonly set: LinkOptions }
  /** The translator gives the client's end another port, or another address besides. */
  | { readonly type: "rebind"; readonly link: number; readonly address: boolean }
  /** The client opens a path. */
  | { readonly type: "open"; readonly link: number }
  /** The client abandons the path. */
  | { readonly type: "close"; readonly link: number }
  /** The client says another status. */
  | { readonly type: "status"; readonly link: number; readonly to: "available" | "backup" }
  /** The client says something else of the path: its label, what it costs, whether it is metered. */
  | {
    readonly type: "describe";
    readonly link: number;
    readonly properties: { readonly label?: string; readonly cost?: number; readonly metered?: boolean };
  }
  /** An end takes another mode. */
  | { readonly type: "mode"; readonly mode: string; readonly side: Side }
  /** An end's application gives signals. */
  | { readonly type: "signal"; readonly signals: Readonly<Record<string, number>>; readonly side: Side }
  /** An end updates its keys. */
  | { readonly type: "keyUpdate"; readonly side: Side }
  /** The client moves the path to another connection id of the server's. */
  | { readonly type: "renewConnectionId"; readonly link: number };

/** Something that happens at a time. */
export interface ScenarioEvent {
  readonly at: number;
  readonly from: EventFrom;
  readonly action: EventAction;
}

/** How packet numbers are laid out. */
export type NumberSpaces = "multiple" | "single" | "off";

/** One end. */
export interface ScenarioSide {
  /** The mode, or scheduler, by name. */
  readonly mode: string;
  /** A module whose default export makes the scheduler, as an absolute path or URL; `undefined`: the mode's. */
  readonly scheduler: string | undefined;
  /** The congestion controller by name. */
  readonly congestion: string;
  readonly numberSpaces: NumberSpaces;
  readonly maxPaths: number;
  readonly ackRanges: number;
  readonly payloadLimit: number;
  readonly initialWindowPackets: number;
  readonly connectionWindow: number;
  readonly streamWindow: number;
  readonly idleTimeout: number;
  /** Request index to link. */
  readonly pin: ReadonlyMap<number, number>;
  /** Whether the hints extension is offered. */
  readonly hints: boolean;
}

/** When loads begin. */
export type LoadStart = "confirmed" | "complete";

/** A request of a `requests` load. */
export interface ScenarioRequest {
  readonly request: number;
  readonly response: number;
  /** Starts when that response is complete; `null`: at the start. */
  readonly after: number | null;
  /** Milliseconds by which it starts later than that. */
  readonly at: number;
}

/** What applications do. */
export type Load =
  | { readonly kind: "requests"; readonly start: LoadStart; readonly list: readonly ScenarioRequest[] }
  | {
    readonly kind: "bulk";
    readonly start: LoadStart;
    readonly direction: LoadDirection;
    readonly bytes: number;
    readonly streams: number;
  }
  | {
    readonly kind: "stream";
    readonly start: LoadStart;
    readonly direction: LoadDirection;
    readonly duration: number;
    readonly streams: number;
  }
  | {
    readonly kind: "periodic";
    readonly start: LoadStart;
    readonly every: number;
    readonly request: number;
    readonly response: number;
    readonly count: number;
    readonly streams: "one" | "each";
    /** Messages that take longer count as late. */
    readonly late: number;
  }
  | {
    readonly kind: "datagrams";
    readonly start: LoadStart;
    readonly direction: LoadDirection;
    /** 0: as large as fits. */
    readonly bytes: number;
    readonly every: number;
    readonly count: number;
    /** The link; `undefined`: wherever the scheduler says. */
    readonly pin: number | undefined;
  }
  | {
    readonly kind: "video";
    readonly start: LoadStart;
    readonly chunkBytes: number;
    readonly chunkDuration: number;
    readonly chunks: number;
    readonly startBuffer: number;
    readonly maxBuffer: number;
  }
  | { readonly kind: "mixed"; readonly start: LoadStart; readonly parts: readonly Load[] };

/** Other traffic on a link, between a pair of hosts of its own. */
export interface CrossTraffic {
  readonly link: number;
  readonly direction: "up" | "down";
  readonly congestion: string;
  readonly start: number;
  /** `Infinity`: to the end. */
  readonly stop: number;
}

/** A scenario, complete. */
export interface Scenario {
  readonly name: string;
  readonly about: string;
  readonly seed: number;
  /** Virtual time at which the run counts as failed. */
  readonly limit: number;
  readonly links: readonly ScenarioLink[];
  readonly events: readonly ScenarioEvent[];
  readonly client: ScenarioSide;
  readonly server: ScenarioSide;
  readonly load: Load;
  readonly cross: readonly CrossTraffic[];
}

/** What one end sent on one path. Field names are those of the result's JSON from here on. */
export interface DirectionResult {
  packets: number;
  /** UDP payload sent. */
  bytes: number;
  /** Packets declared lost. */
  lost: number;
  /** Stream bytes sent, repeated ones included. */
  streamBytes: number;
  /** Stream bytes sent again, after a loss or without. */
  repeatedBytes: number;
}

/** A path, as it was when the run ended or the path did. */
export interface PathResult {
  id: number;
  link: number;
  label: string;
  /** "open", "suspended", "validating" or "closed", at the client. */
  state: string;
  srttMs: number;
  minRttMs: number;
  cwnd: number;
  up: DirectionResult;
  down: DirectionResult;
}

/** A request or chunk; times are -1 when it did not come to that. */
export interface RequestResult {
  index: number;
  startMs: number;
  endMs: number;
  bytes: number;
}

/** Percentiles are by nearest rank. */
export interface LatencyResult {
  count: number;
  mean: number;
  p50: number;
  p95: number;
  p99: number;
  p999: number;
  max: number;
  late: number;
}

/** How an end got over the death of a link; times are -1 when it did not come to that. */
export interface RecoveryResult {
  link: number;
  side: Side;
  deadMs: number;
  /** When the first ack-eliciting packet that it swallowed was sent. */
  firstLostMs: number;
  /** When that packet's data was first sent elsewhere. */
  movedMs: number;
}

/** What a run gave; the JSON line of `mpquic sim`. */
export interface ScenarioResult {
  scenario: string;
  seed: number;
  client: string;
  server: string;
  numberSpaces: NumberSpaces;
  completed: boolean;
  error: string | null;
  confirmedMs: number;
  validatedMs: number;
  completedMs: number;
  goodputMbps: number;
  bytes: { up: number; down: number };
  paths: PathResult[];
  requests: RequestResult[];
  latencyMs: LatencyResult;
  datagrams: { sent: number; received: number; reordered: number };
  video: { startMs: number; stalls: number; stallMs: number };
  acks: { frames: number; bytes: number; meanBytes: number; maxRanges: number };
  spuriousLosses: number;
  repeatedShare: number;
  recoveries: RecoveryResult[];
  cross: { goodputMbps: number }[];
  series: { stepMs: number; downMbps: number[] };
  wallMs: number;
}
