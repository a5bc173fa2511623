/**
 * An observer of one end that keeps what a picture shows of each path: numbers over time, and moments.
 *
 * @module
 */
import type { Observer, TracedHeader, TraceEvents, TraceName } from "@multipath/quic";
import { SideMetrics } from "../../tests/kit/sim/metrics.ts";

/** Something that changes over time: it has a value from each time to the next one. Times rise. */
export interface Curve {
  /** Virtual milliseconds. */
  readonly times: number[];
  /** From those times on. */
  readonly values: number[];
}

/** What a path is good for. */
export type PathPhase = "validating" | "available" | "backup" | "suspended" | "closing" | "gone";

/** What an end knew of a path. */
export interface PathTrace {
  /** Its id. */
  readonly id: number;
  /** Congestion window, bytes. */
  readonly window: Curve;
  /** Bytes in flight. */
  readonly inFlight: Curve;
  /** Smoothed round-trip time, milliseconds. */
  readonly rtt: Curve;
  /** What it was good for, from when. */
  readonly phases: { readonly at: number; readonly phase: PathPhase }[];
  /** When packets with stream data or DATAGRAMs were sent. */
  readonly data: number[];
  /** When such packets were sent that repeat what no lost packet had carried. */
  readonly copies: number[];
  /** When packets were sent that were declared lost later. */
  readonly lost: number[];
  /** When what was in flight was offered to other paths. */
  readonly offered: number[];
  /** When probe timeouts expired. */
  readonly timeouts: number[];
  /** How it ended. */
  closed: { readonly at: number; readonly code: number } | undefined;
  /** Bytes of packets with stream data or DATAGRAMs. */
  dataBytes: number;
}

/** A packet in flight. */
interface Sent {
  readonly path: PathTrace;
  readonly size: number;
}

/** The parts of a path's phase, which come from different events. */
interface Condition {
  state: string;
  /** What each end says of it. */
  readonly status: { local: string; remote: string };
}

/** Frames that a packet may consist of without being in flight (RFC 9002 §2); PADDING is no part of the trace. */
const FREE: ReadonlySet<string> = new Set(["ack", "connection_close"]);
const DATA: ReadonlySet<string> = new Set(["stream", "datagram", "datagram_numbered"]);

/** What one end's trace says of each path. */
export class EndTrace implements Observer {
  /** When the last packet was sent or received. */
  lastAt = 0;
  readonly #paths = new Map<number, PathTrace>();
  readonly #conditions = new Map<number, Condition>();
  readonly #isShared: boolean;
  /** Number space to packets. */
  readonly #sent = new Map<string, Map<number, Sent>>();
  /** Knows what was sent before. */
  readonly #metrics: SideMetrics;

  /** `isShared`: all paths have one number space. */
  constructor(isShared = false) {
    this.#isShared = isShared;
    this.#metrics = new SideMetrics(() => {}, () => {}, isShared);
  }

  /** All paths, by id. */
  get paths(): PathTrace[] {
    return [...this.#paths.values()].sort((a, b) => a.id - b.id);
  }

  /** What was sent with data in it on all paths, bytes of packets. */
  get dataBytes(): number {
    return this.paths.reduce((sum, { dataBytes }) => sum + dataBytes, 0);
  }

  /** Hears one event. */
  on<N extends TraceName>(name: N, data: TraceEvents[N], now: number): void {
    if (name === "quic:packet_sent" || name === "quic:packet_received") this.lastAt = now;
    const repeated = this.#metrics.repeatedWithoutLoss;
    this.#metrics.on(name, data, now);
    switch (name) {
      case "quic:packet_sent":
        return this.#onSent(
          data as TraceEvents["quic:packet_sent"],
          this.#metrics.repeatedWithoutLoss > repeated,
          now,
        );
      case "quic:packets_acked":
        return this.#onAcked(data as TraceEvents["quic:packets_acked"], now);
      case "quic:packet_lost":
        return this.#onLost(data as TraceEvents["quic:packet_lost"], now);
      case "quic:key_discarded":
        return this.#onKeyDiscarded((data as TraceEvents["quic:key_discarded"]).keyType, now);
      case "quic:metrics_updated":
        return this.#onMetrics(data as TraceEvents["quic:metrics_updated"], now);
      case "quic:loss_timer_updated":
        return this.#onTimer(data as TraceEvents["quic:loss_timer_updated"], now);
      default:
        return this.#onPath(name, data, now);
    }
  }

  #onPath(name: TraceName, data: TraceEvents[TraceName], now: number): void {
    switch (name) {
      case "multipath:path_assigned":
        return this.#onAssigned((data as TraceEvents["multipath:path_assigned"]).path, now);
      case "multipath:path_state_updated": {
        const { path, new: state } = data as TraceEvents["multipath:path_state_updated"];
        this.#conditionOf(path).state = state;
        return this.#addPhase(path, now);
      }
      case "multipath:path_status_updated": {
        const { path, owner, status } = data as TraceEvents["multipath:path_status_updated"];
        this.#conditionOf(path).status[owner] = status;
        return this.#addPhase(path, now);
      }
      case "multipath:path_closed": {
        const { path, code } = data as TraceEvents["multipath:path_closed"];
        this.#pathOf(path).closed ??= { at: now, code };
        return;
      }
      case "multipath:data_offered_again":
        this.#pathOf((data as TraceEvents["multipath:data_offered_again"]).path).offered.push(now);
    }
  }

  #pathOf(id: number): PathTrace {
    let path = this.#paths.get(id);
    if (path === undefined) {
      const curve = (): Curve => ({ times: [], values: [] });
      path = {
        id,
        window: curve(),
        inFlight: curve(),
        rtt: curve(),
        phases: [],
        data: [],
        copies: [],
        lost: [],
        offered: [],
        timeouts: [],
        closed: undefined,
        dataBytes: 0,
      };
      this.#paths.set(id, path);
    }
    return path;
  }

  #conditionOf(id: number): Condition {
    let condition = this.#conditions.get(id);
    if (condition === undefined) {
      // The first path is there with the connection; all others are validated before anything else.
      condition = {
        state: id === 0 ? "usable" : "validating",
        status: { local: "available", remote: "available" },
      };
      this.#conditions.set(id, condition);
    }
    return condition;
  }

  #onAssigned(id: number, now: number): void {
    const condition = this.#conditionOf(id);
    if (condition.state === "opening") condition.state = "validating";
    this.#addPhase(id, now);
  }

  #addPhase(id: number, now: number): void {
    const { phases } = this.#pathOf(id);
    const phase = phaseOf(this.#conditionOf(id));
    if (phases.at(-1)?.phase !== phase) phases.push({ at: now, phase });
  }

  #onSent({ header, size, frames }: TraceEvents["quic:packet_sent"], isCopy: boolean, now: number): void {
    const path = this.#pathOf(header.path);
    if (path.phases.length === 0) this.#addPhase(header.path, now);
    if (frames.some(({ kind }) => DATA.has(kind))) {
      path.data.push(now);
      path.dataBytes += size;
    }
    if (isCopy) path.copies.push(now);
    if (frames.every(({ kind }) => FREE.has(kind))) return;
    this.#spaceOf(header).set(header.number, { path, size });
    add(path.inFlight, size, now);
  }

  #spaceOf({ type, path }: TracedHeader): Map<number, Sent> {
    return this.#space(type === "one_rtt" || type === "zero_rtt" ? this.#nameOf(path) : type);
  }

  #nameOf(path: number): string {
    return this.#isShared ? "application" : `path ${path}`;
  }

  #space(name: string): Map<number, Sent> {
    let space = this.#sent.get(name);
    if (space === undefined) this.#sent.set(name, space = new Map());
    return space;
  }

  #onAcked({ path, level, numbers }: TraceEvents["quic:packets_acked"], now: number): void {
    const space = this.#space(level === "initial" || level === "handshake" ? level : this.#nameOf(path));
    for (const number of numbers) this.#remove(space, number, now);
  }

  #onLost({ header, trigger, sentAt }: TraceEvents["quic:packet_lost"], now: number): void {
    const path = this.#remove(this.#spaceOf(header), header.number, now);
    // What was on its way when its path ended may have arrived.
    if (trigger !== "path_abandoned" && trigger !== "migration") path?.lost.push(sentAt);
  }

  #remove(space: Map<number, Sent>, number: number, now: number): PathTrace | undefined {
    const sent = space.get(number);
    if (sent === undefined) return undefined;
    space.delete(number);
    add(sent.path.inFlight, -sent.size, now);
    return sent.path;
  }

  /** The packets of a level are forgotten with its keys. */
  #onKeyDiscarded(level: string, now: number): void {
    const space = this.#space(level);
    for (const number of [...space.keys()]) this.#remove(space, number, now);
  }

  #onMetrics({ path, smoothedRtt, cwnd }: TraceEvents["quic:metrics_updated"], now: number): void {
    const { window, rtt } = this.#pathOf(path);
    put(window, cwnd, now);
    if (Number.isFinite(smoothedRtt)) put(rtt, smoothedRtt, now);
  }

  #onTimer({ action, kind, path }: TraceEvents["quic:loss_timer_updated"], now: number): void {
    if (action === "expired" && kind === "pto") this.#pathOf(path).timeouts.push(now);
  }
}

function phaseOf({ state, status }: Condition): PathPhase {
  if (state === "opening") return "validating";
  if (state !== "usable") return state as PathPhase;
  return status.local === "backup" || status.remote === "backup" ? "backup" : "available";
}

function add(curve: Curve, change: number, now: number): void {
  put(curve, (curve.values.at(-1) ?? 0) + change, now);
}

function put({ times, values }: Curve, value: number, now: number): void {
  if (values.at(-1) === value) return;
  times.push(now);
  values.push(value);
}
