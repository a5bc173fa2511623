/**
 * The paths of a connection as the application works with them.
 *
 * @module
 */
import type { PathEvent, PathStats } from "../paths/path_events.ts";
import type { PathState, PathStatus } from "../paths/path.ts";
import type { NetAddr } from "./net_addr.ts";

export type { PathChange, PathEvent, PathStats } from "../paths/path_events.ts";
export type { PathBudget, PathState, PathStatus } from "../paths/path.ts";

/** What the application says of a path. */
export interface QuicPathDescription {
  /** A name, "wifi" for one: schedulers see it, and the server when it speaks the hints extension. Default `""`. */
  readonly label?: string | undefined;
  /** Relative price of a byte, from 0. Default 0. */
  readonly cost?: number | undefined;
  /** Whether somebody counts the bytes. Default false. */
  readonly metered?: boolean | undefined;
  /**
   * A data plan: bytes of UDP payload, from 0, that the path may send and receive. "budget-low" among the `pathEvents` tells that
   * 80 % is used, "budget-spent" that all is, once each. From then on the path is used only while no other works, whatever
   * schedules, and the peer is told that it is a backup; what the application pins to it still goes there. What is under way
   * comes on top. Paths with the same label share what is used (those without: from the same local address), at once or one after
   * the other, so that a path that is opened again goes on where the last one was. Each connection counts for itself; `Infinity`
   * lifts it. Default: no budget.
   */
  readonly budgetBytes?: number | undefined;
}

/** A path to have. */
export interface QuicPathOptions extends QuicPathDescription {
  /**
   * The IP address of this machine to send from, with a port (`"127.0.0.2:0"`) or without. Paths with the same address
   * share a socket. Default: where the connection's first path is.
   */
  readonly local?: string | undefined;
  /**
   * The server's address, `"host:port"` or apart, where it is another than that of the first path. The server must have a
   * socket that is bound to this very address.
   */
  readonly remote?: string | { readonly hostname: string; readonly port: number } | undefined;
  /** `"backup"`: for when no other works (RFC 10069 §3.3). Default `"available"`. */
  readonly status?: PathStatus | undefined;
}

/** How to open a path. */
export interface QuicOpenPathOptions extends QuicPathOptions {
  /** Open a second path even between addresses that have one. Default false: that path is the answer. */
  readonly another?: boolean | undefined;
  /** Gives the attempt up. */
  readonly signal?: AbortSignal | undefined;
}

/** A path, as long as it lives and after: what it says then is how it was at the end. */
export interface QuicPath {
  /** RFC 10069's path id; 0 is the path of the handshake. */
  readonly id: number;
  /** What the application, or the peer, calls it. */
  readonly label: string;
  /** Relative price of a byte. */
  readonly cost: number;
  /** Whether somebody counts the bytes. */
  readonly metered: boolean;
  /** Our address. */
  readonly local: NetAddr;
  /** The peer's address. */
  readonly remote: NetAddr;
  /** Where it is in its life. */
  readonly state: PathState;
  /** What this end tells the peer of using it. */
  readonly status: PathStatus;
  /** What the peer says; `undefined`: nothing yet. */
  readonly peerStatus: PathStatus | undefined;
  /** Resolves when data can be sent on it for the first time; rejects with `PathError` when that will never be. */
  readonly ready: Promise<void>;
  /** Resolves with the last event of the path, its final figures in it. Never rejects. */
  readonly closed: Promise<PathEvent>;
  /** How it does. */
  stats(): PathStats;
  /** Tells the peer whether to use it like any other. Does nothing once it is over. Throws `TypeError` for anything else. */
  setStatus(status: PathStatus): void;
  /** Says something else of it. Does nothing once it is over. Throws `TypeError` and `RangeError` as `openPath` rejects. */
  describe(changes: QuicPathDescription): void;
  /**
   * Abandons the path (RFC 10069 §3.4): what is in flight on it goes on others. Does nothing once it is over. `code` is for
   * PATH_ABANDON, 0x3e by default; `reason` for the event at this end. Throws `PathError` when it is the only path, and
   * `RangeError` for a code that cannot be.
   */
  close(code?: number, reason?: string): void;
}
