/**
 * The contract between the transport and a scheduler: who decides, packet by packet, on which path application data goes.
 * A scheduler looks at plain, read-only figures and answers; it never acts. All times are milliseconds on the connection's
 * clock, all sizes are bytes.
 *
 * @module
 */

/** Identifies a path of a connection: 0 to 2^32-1, never used twice; the handshake runs on path 0 (RFC 10069). */
export type PathId = number;

/** What the ends think of a path (RFC 10069 §3.3): a backup is not to be used while an available one works. */
export type PathStatus = "available" | "backup";

/**
 * What there is to send: `retransmit` is data that was lost, `stream` is data (or the end) of a stream that was never sent,
 * `datagram` is a DATAGRAM, `reinject` is data that is in flight elsewhere and may go a second time on another path: of a
 * stream, or a DATAGRAM (`streamId` -1) where the peer can tell copies.
 */
export type WorkKind = "retransmit" | "stream" | "datagram" | "reinject";

/**
 * What the next packet would carry. One object per kind, overwritten by the next question of that kind: copy what is to be
 * remembered.
 */
export interface Work {
  /** What sort of data it is. */
  readonly kind: WorkKind;
  /** Bytes of data that wait, 0 when only the end of a stream does; the packet takes as many as fit. */
  readonly bytes: number;
  /** The stream it belongs to; -1 for datagrams. */
  readonly streamId: number;
  /** 0 (first) to 7 (last), of the stream or the datagram (RFC 9218 §4.1). */
  readonly urgency: number;
  /** When it is of no use any more; `Infinity`: never. */
  readonly deadline: number;
  /** The path on which it went last; -1: it was never sent. */
  readonly lastPath: PathId;
  /** When it was sent for the first time; -1: it was never sent. */
  readonly firstSentAt: number;
}

/**
 * A path as a scheduler sees it: live and read-only, nothing but numbers and strings. The object of a path stays the same
 * as long as the path lives.
 */
export interface PathView {
  /** The path's id. */
  readonly id: PathId;
  /** What the application calls it, "wifi" for one; empty when it has no name. */
  readonly label: string;
  /** Relative price of a byte; 0 costs nothing. */
  readonly cost: number;
  /** Whether somebody counts the bytes. */
  readonly metered: boolean;
  /**
   * Place in the order in which the application listed the local addresses, 0 the first; it need not be the order of ids, as
   * the first address to answer has path 0. `Infinity`: it was not listed, or the peer did not say.
   */
  readonly preference: number;
  /** "backup" when either end says so. */
  readonly status: PathStatus;
  /** Smoothed round-trip time; an assumption while `minRtt` is 0. */
  readonly srtt: number;
  /** Mean deviation of the round-trip time. */
  readonly rttVar: number;
  /** Least round-trip time, the peer's delays included; 0: no sample yet. */
  readonly minRtt: number;
  /** Newest sample of the round-trip time; 0: none yet. */
  readonly latestRtt: number;
  /** Congestion window. */
  readonly cwnd: number;
  /** Bytes sent and neither acknowledged nor given up. */
  readonly inFlight: number;
  /**
   * Bytes that may leave at this moment under the congestion window, the pacer and the limit for unvalidated addresses; 0
   * when that is less than a full packet.
   */
  readonly room: number;
  /**
   * When the pacer lets the next full packet go: `now` or earlier when it may go at once, `Infinity` while the window is
   * full, as then only an acknowledgement can help.
   */
  readonly readyAt: number;
  /** Highest delivery rate of the last round trips, bytes per millisecond; 0: not known yet. */
  readonly deliveryRate: number;
  /** Share of packets that were lost of late, 0 to 1; a moving average over about a hundred packets. */
  readonly lossRate: number;
  /** When the oldest packet was sent that awaits an acknowledgement; `Infinity`: none does. */
  readonly oldestUnackedAt: number;
  /** When a packet of the path was last acknowledged for the first time; `-Infinity`: never. */
  readonly lastAckAt: number;
  /**
   * Mean time between acknowledgements that brought news, the peer's delay included; one that is longer than a round trip
   * counts as a round trip. 0: not known yet.
   */
  readonly ackGap: number;
  /**
   * For how long the peer holds acknowledgements back, as it says and as far as they come later than `srtt`: what three of the
   * last 32 reached; at most its max_ack_delay. 0: it acknowledges at once, or is not known yet.
   */
  readonly ackDelay: number;
  /** Probe timeouts in a row without an answer; 0 when all is well. */
  readonly ptoCount: number;
  /** UDP payload of a full packet. */
  readonly mtu: number;
  /** UDP payload sent so far. */
  readonly bytesSent: number;
  /** UDP payload received so far. */
  readonly bytesReceived: number;
  /** When data of streams, or a datagram, last came from the peer on the path; `-Infinity`: never. */
  readonly lastDataAt: number;
}

/** A connection as a scheduler sees it: live and read-only. */
export interface ConnectionView {
  /** The time of the question. */
  readonly now: number;
  /**
   * The usable paths, in order of opening: validated, neither suspended nor closing. Backups are among them and say so in
   * `status`. A new frozen array when the set changes.
   */
  readonly paths: readonly PathView[];
  /** Bytes of stream data that the application wrote and that were never sent, as far as this scheduler decides about it. */
  readonly backlog: number;
  /** Bytes of new stream data that the peer's flow control allows on the whole connection. */
  readonly sendWindow: number;
  /** The latest value of a signal of the application, here or at the peer; `undefined`: there was none. */
  signal(name: string): number | undefined;
}

/**
 * Where the packet goes, and where copies of it go. The core takes from `path` and `copies` what is needed and keeps neither
 * object.
 */
export interface Decision {
  /** A path of the view; -1 in {@linkcode HOLD}. When it has no `room` this is the same as {@linkcode HOLD}. */
  readonly path: PathId;
  /**
   * Paths on which the same data goes once more: different from each other and from `path`, and fewer than there are paths.
   * Those without `room` are left out. Datagrams are copied only where the peer can tell a copy from another one.
   */
  readonly copies: readonly PathId[];
}

/** When data that is in flight is offered once more for other paths. */
export type Reinjection = "never" | "when-idle" | "before-new";

/** What a scheduler is told. */
export type SchedulerEvent =
  /** `bytes` of packets on the path are acknowledged. */
  | { readonly type: "ack"; readonly path: PathId; readonly bytes: number }
  /** `bytes` of packets on the path are declared lost. */
  | { readonly type: "loss"; readonly path: PathId; readonly bytes: number }
  /** The path's probe timeout passed for the `count`th time in a row. */
  | { readonly type: "pto"; readonly path: PathId; readonly count: number }
  /** A path begins; it is not among the usable ones yet. */
  | { readonly type: "path-opened"; readonly path: PathId; readonly label: string }
  /** The path can be used, for the first time or again. */
  | { readonly type: "path-usable"; readonly path: PathId; readonly label: string }
  /** The path is silent or its socket refuses: it cannot be used until it answers a probe. */
  | { readonly type: "path-suspended"; readonly path: PathId; readonly label: string; readonly reason: string }
  /** The path is over. */
  | { readonly type: "path-closed"; readonly path: PathId; readonly label: string; readonly reason: string }
  /** The status of the path is another, at either end. */
  | { readonly type: "status"; readonly path: PathId; readonly status: PathStatus }
  /** A signal has a new value. */
  | { readonly type: "signal"; readonly name: string; readonly value: number }
  /** The time has come that `host.wakeAt` named. */
  | { readonly type: "wake" };

/**
 * Decides on which path application data goes. One instance serves one connection, or those of its streams and datagrams that
 * have a mode of their own; then what others send shows in the figures of paths alone. Whatever it throws, and every answer
 * that makes no sense, is a fault: the lowest round-trip time decides in its place, and after the eighth fault for good.
 * Probes, acknowledgements, validation and flow control never wait for it.
 */
export interface Scheduler {
  /** Its name, for people and traces; at most 64 characters are kept. */
  readonly name: string;
  /** Whether data in flight is offered again; read before each packet. `undefined` is "never". */
  readonly reinjection?: Reinjection | undefined;
  /**
   * Where the next packet goes. Asked once per packet while data waits and a path has room. With nothing in flight
   * anywhere and no pacer that holds a path back, holding for 50 ms is a fault; so is holding all for more
   * than a second, and round trips besides, while other schedulers of the connection send.
   */
  schedule(work: Work, view: ConnectionView): Decision;
  /**
   * The path on which packets received on `receivedOn` are acknowledged: one of the view, which has one at least. Without
   * it: that path itself if it is usable, else the fastest.
   */
  ackPath?(receivedOn: PathId, view: ConnectionView): PathId;
  /** Learns what happened. */
  onEvent?(event: SchedulerEvent, view: ConnectionView): void;
}

/** What a scheduler may ask for. Asking for too much is harmless: what is beyond the limits is ignored. */
export interface SchedulerHost {
  /** A number from 0 up to 1, from a seed of the connection: the same connection, the same numbers. */
  random(): number;
  /**
   * Asks for a "wake" event at a time, at the earliest a millisecond from now; each call replaces the one before, and
   * `Infinity` takes it back. Throws `TypeError` when it is not a number.
   */
  wakeAt(time: number): void;
  /** Has the path send something that the peer must acknowledge; at most one per path per max(srtt, 25 ms). */
  probe(path: PathId): void;
  /**
   * Tells the peer what this end thinks of the path; at most one per path per max(srtt, 25 ms). For the connection's scheduler
   * alone: from that of some streams it is ignored.
   */
  setStatus(path: PathId, status: PathStatus): void;
  /**
   * Writes a line into the trace: names up to 64 characters, up to 16 values, strings up to 256 characters, a thousand lines
   * a second.
   */
  log(name: string, data: Readonly<Record<string, string | number | boolean>>): void;
}

/** Makes the scheduler of one connection. */
export type SchedulerFactory = (host: SchedulerHost) => Scheduler;

const NO_COPIES: readonly PathId[] = Object.freeze([]);

/** Send nothing of this work now; the question comes again with the next acknowledgement, timer or event. */
export const HOLD: Decision = Object.freeze({ path: -1, copies: NO_COPIES });

/** Decisions for low path ids are made once. */
const SENDS: Decision[] = [];
const MOST_KEPT = 64;

/** Sends on a path, without copies. */
export function send(path: Pick<PathView, "id">): Decision {
  const { id } = path;
  return SENDS[id] ?? makeSend(id);
}

/** Sends on a path, and copies of the packet on the other paths. */
export function sendCopies(path: Pick<PathView, "id">, copies: readonly PathId[]): Decision {
  return { path: path.id, copies };
}

function makeSend(id: PathId): Decision {
  const decision = Object.freeze({ path: id, copies: NO_COPIES });
  // In order, so that the list stays dense.
  if (id === SENDS.length && id < MOST_KEPT) SENDS.push(decision);
  return decision;
}
