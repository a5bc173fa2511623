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
  /** Milliseconds after that. */
  readonly at: number;
  /** From when its time counts. */
  readonly from: EventFrom;
  /** What happens. */
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
  /** How its packet numbers are laid out; "off": it does not offer several paths. */
  readonly numberSpaces: NumberSpaces;
  /** Most paths at once; 0: it does not offer several. */
  readonly maxPaths: number;
  /** Most ranges in one ACK. */
  readonly ackRanges: number;
  /** Largest UDP payload that path MTU discovery may reach, bytes. */
  readonly payloadLimit: number;
  /** Initial congestion window, packets. */
  readonly initialWindowPackets: number;
  /** Most that the connection's receive window grows to, bytes. */
  readonly connectionWindow: number;
  /** Most that a stream's receive window grows to, bytes. */
  readonly streamWindow: number;
  /** Longest silence before the connection is given up, milliseconds; 0: never. */
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
  /** Bytes of the request. */
  readonly request: number;
  /** Bytes of the response. */
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
  /** The link, by index. */
  readonly link: number;
  /** Which way the data goes. */
  readonly direction: "up" | "down";
  /** The congestion controller of its sender, by name. */
  readonly congestion: string;
  /** When it begins, virtual milliseconds. */
  readonly start: number;
  /** When it stops; `Infinity`: with the run. */
  readonly stop: number;
}

/** A scenario, complete. */
export interface Scenario {
  /** What it is called. */
  readonly name: string;
  /** Where it comes from and what it shows; may be empty. */
  readonly about: string;
  /** Every random draw comes from it. */
  readonly seed: number;
  /** Virtual time at which the run counts as failed. */
  readonly limit: number;
  /** 1 to 8; path i is opened over link i, in this order. */
  readonly links: readonly ScenarioLink[];
  /** What happens to the network and to the applications. */
  readonly events: readonly ScenarioEvent[];
  /** The end that connects. */
  readonly client: ScenarioSide;
  /** The end that is connected to. */
  readonly server: ScenarioSide;
  /** What the applications do. */
  readonly load: Load;
  /** Other traffic on the links. */
  readonly cross: readonly CrossTraffic[];
}

/** What one end sent on one path. Field names are those of the result's JSON from here on. */
export interface DirectionResult {
  /** QUIC packets sent. */
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
  /** Its path id; -1: an attempt to connect over a link over which there was never a path. */
  id: number;
  /** The index of the link that it runs over. */
  link: number;
  /** That link's name. */
  label: string;
  /** "open", "suspended", "validating" or "closed", at the client. */
  state: string;
  /** Smoothed round-trip time at the sender of most data. */
  srttMs: number;
  /** Least round-trip time at that sender. */
  minRttMs: number;
  /** Congestion window at that sender, bytes. */
  cwnd: number;
  /** What the client sent, an attempt to connect that lost included in the first path over its link. */
  up: DirectionResult;
  /** What the server sent, likewise. */
  down: DirectionResult;
}

/** A request or chunk; times are -1 when it did not come to that. */
export interface RequestResult {
  /** Its place in the load. */
  index: number;
  /** When the client's application wanted it. */
  startMs: number;
  /** When the last byte of the response was delivered to it. */
  endMs: number;
  /** Bytes of the response. */
  bytes: number;
}

/** Percentiles are by nearest rank. */
export interface LatencyResult {
  /** Messages that were answered. */
  count: number;
  /** Mean, milliseconds. */
  mean: number;
  /** Median. */
  p50: number;
  /** 95th percentile. */
  p95: number;
  /** 99th percentile. */
  p99: number;
  /** 99.9th percentile. */
  p999: number;
  /** The slowest. */
  max: number;
  /** Messages that took longer than the load's `lateMs`. */
  late: number;
}

/** How an end got over the death of a link; times are -1 when it did not come to that. */
export interface RecoveryResult {
  /** The link that died, by index. */
  link: number;
  /** The end that sent into it. */
  side: Side;
  /** When it died. */
  deadMs: number;
  /** When the first ack-eliciting packet that it swallowed was sent. */
  firstLostMs: number;
  /** When that packet's data was first sent elsewhere. */
  movedMs: number;
}

/** What a run gave; the JSON line of `mpquic sim`. */
export interface ScenarioResult {
  /** The scenario's name. */
  scenario: string;
  /** The seed of this run. */
  seed: number;
  /** The client's mode. */
  client: string;
  /** The server's mode. */
  server: string;
  /** What both ends together made of their layouts. */
  numberSpaces: NumberSpaces;
  /** Whether the load was completed. */
  completed: boolean;
  /** Why not. */
  error: string | null;
  /** When the handshake was confirmed at the client; -1: it was not. */
  confirmedMs: number;
  /** When all paths of `openMs` 0 were validated at both ends; -1: they were not. */
  validatedMs: number;
  /** When the last application byte was at its receiver; -1: the run did not complete. */
  completedMs: number;
  /** Application bytes delivered, both ways, over the time from the client's first datagram to the last of them. */
  goodputMbps: number;
  /** Application bytes delivered. */
  bytes: { up: number; down: number };
  /** Every path that there was. */
  paths: PathResult[];
  /** Requests and chunks. */
  requests: RequestResult[];
  /** Of periodic messages, or of chunks. */
  latencyMs: LatencyResult;
  /** DATAGRAMs of the load, both directions together. */
  datagrams: { sent: number; received: number; reordered: number };
  /** The player: when it began to play, and how often and how long it stood still. */
  video: { startMs: number; stalls: number; stallMs: number };
  /** ACK and PATH_ACK frames written by the side that receives most data. */
  acks: { frames: number; bytes: number; meanBytes: number; maxRanges: number };
  /** Packets declared lost that had arrived, at both ends. */
  spuriousLosses: number;
  /** Bytes sent more than once without a loss, over bytes delivered. */
  repeatedShare: number;
  /** How each end got over each death of a link. */
  recoveries: RecoveryResult[];
  /** What the other traffic got, in the order of the scenario. */
  cross: { goodputMbps: number }[];
  /** Goodput of each step of time. */
  series: { stepMs: number; downMbps: number[] };
  /** Real time that the run took. */
  wallMs: number;
}
