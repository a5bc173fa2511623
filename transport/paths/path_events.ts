import type { Address } from "../base/address.ts";
import type { PathId } from "../base/role.ts";
import type { Path, PathBudget, PathState, PathStatus } from "./path.ts";

/** How a path does. Milliseconds and bytes. */
export interface PathStats {
  /** The path id. */
  readonly id: PathId;
  /** The application's name for it. */
  readonly label: string;
  /** Our address. */
  readonly local: Address;
  /** The peer's address. */
  readonly remote: Address;
  /** Where it is in its life. */
  readonly state: PathState;
  /** What this end tells the peer about using the path. */
  readonly status: PathStatus;
  /** What the peer says; `undefined`: nothing yet. */
  readonly peerStatus: PathStatus | undefined;
  /** Relative price of a byte. */
  readonly cost: number;
  /** Whether bytes are counted by someone. */
  readonly metered: boolean;
  /** What it may carry, and how much of that is used; `undefined`: it has no budget. */
  readonly budget: PathBudget | undefined;
  /** Smoothed round-trip time. */
  readonly srtt: number;
  /** Least round-trip time seen. */
  readonly minRtt: number;
  /** Variation of the round-trip time. */
  readonly rttVar: number;
  /** Congestion window. */
  readonly cwnd: number;
  /** Bytes sent and neither acknowledged nor lost. */
  readonly inFlight: number;
  /** Largest datagram in use. */
  readonly mtu: number;
  /** UDP payload. */
  readonly bytesSent: number;
  /** UDP payload. */
  readonly bytesReceived: number;
  /** STREAM payload that arrived on it, repeats included. */
  readonly streamBytesReceived: number;
  /** Ack-eliciting packets declared lost. */
  readonly packetsLost: number;
  /** Those of them that were acknowledged after all: they were late, or their acknowledgement was. */
  readonly spuriousLosses: number;
}

/** What happened to a path. */
export type PathChange =
  /** It was opened, here or by the peer; it is being validated. */
  | "opened"
  /** Data can be sent on it. */
  | "usable"
  /** It is silent, or its socket refuses: data goes elsewhere while it is probed. */
  | "suspended"
  /** The peer has another preference for it. */
  | "status"
  /** The peer says what it is: another label, cost, or whether it is metered. */
  | "described"
  /** Its addresses changed. */
  | "migrated"
  /** 80 % of its budget is used. */
  | "budget-low"
  /** All of its budget is used: it is for when no other path works, and the peer is told so. */
  | "budget-spent"
  /** The scheduler made a fault, and min-RTT answered in its place; of no path in particular, `path` is the first. */
  | "scheduler-fault"
  /** The scheduler made too many faults: min-RTT decides from now on; of no path in particular, `path` is the first. */
  | "scheduler-replaced"
  /** It is over; the last event of a path. */
  | "closed";

/** Complete in itself: valid after the path is gone. */
export interface PathEvent {
  /** Tells it from other events. */
  readonly type: "path";
  /** What happened. */
  readonly change: PathChange;
  /** Why, in words. */
  readonly reason: string;
  /** With "closed": the code of PATH_ABANDON. */
  readonly code: number;
  /** With "closed": whether the peer abandoned it. */
  readonly byPeer: boolean;
  /** The path at that moment; with "closed" its final figures. */
  readonly path: PathStats;
}

/** A path's figures now. */
export function pathStats(path: Path): PathStats {
  const { route, properties, budget } = path;
  return {
    id: path.id,
    label: properties.label,
    local: route.local,
    remote: route.remote,
    state: path.state,
    status: path.localStatus,
    peerStatus: path.peerStatus,
    cost: properties.cost,
    metered: properties.metered,
    budget: budget === undefined ? undefined : { bytes: budget.bytes, used: budget.used },
    srtt: route.rtt.smoothed,
    minRtt: route.rtt.min,
    rttVar: route.rtt.variation,
    cwnd: route.controller.cwnd,
    inFlight: path.inFlight,
    mtu: route.mtu.current,
    bytesSent: path.bytesSent,
    bytesReceived: path.bytesReceived,
    streamBytesReceived: path.streamBytesReceived,
    packetsLost: path.packetsLost,
    spuriousLosses: path.spuriousLosses,
  };
}
