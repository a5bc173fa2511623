/**
 * Views made of plain objects, for tests of schedulers: a path with a window that is open and an answer for everything.
 *
 * @module
 */
import type { ConnectionView, PathView, Work } from "../../schedulers/mod.ts";

/** A {@linkcode PathView} whose figures can be changed. */
export type PlainPath = { -readonly [K in keyof PathView]: PathView[K] };

/** A path: 20 ms away, a window of 12000 bytes with nothing in flight, so with room, unless something else is said. */
export function pathView(id: number, changes: Partial<PathView> = {}): PlainPath {
  return {
    id,
    label: `path ${id}`,
    cost: 0,
    metered: false,
    preference: Infinity,
    status: "available",
    srtt: 20,
    rttVar: 2,
    minRtt: 18,
    latestRtt: 20,
    cwnd: 12_000,
    inFlight: 0,
    room: 12_000,
    readyAt: 0,
    deliveryRate: 500,
    lossRate: 0,
    oldestUnackedAt: Infinity,
    lastAckAt: 0,
    ackGap: 5,
    ackDelay: 0,
    ptoCount: 0,
    mtu: 1200,
    bytesSent: 0,
    bytesReceived: 0,
    lastDataAt: -Infinity,
    ...changes,
  };
}

/** A {@linkcode ConnectionView} whose figures can be changed. */
export interface PlainConnection extends ConnectionView {
  /** The time of the question. */
  now: number;
  /** The usable paths. */
  paths: readonly PathView[];
  /** Stream bytes that were never sent. */
  backlog: number;
  /** Bytes that flow control allows. */
  sendWindow: number;
  /** What `signal` answers from. */
  readonly signals: Map<string, number>;
}

/** A connection with these paths, at time 0, with 100 kB waiting and a megabyte of credit unless something else is said. */
export function connectionView(
  paths: readonly PathView[],
  changes: Partial<Pick<ConnectionView, "now" | "backlog" | "sendWindow">> = {},
): PlainConnection {
  const signals = new Map<string, number>();
  return {
    now: 0,
    paths,
    backlog: 100_000,
    sendWindow: 1_000_000,
    signals,
    signal: (name) => signals.get(name),
    ...changes,
  };
}

/** Work: 1000 new bytes of stream 0 unless something else is said. */
export function workOf(changes: Partial<Work> = {}): Work {
  return {
    kind: "stream",
    bytes: 1000,
    streamId: 0,
    urgency: 3,
    deadline: Infinity,
    lastPath: -1,
    firstSentAt: -1,
    ...changes,
  };
}
