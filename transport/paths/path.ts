import type { PathId } from "../base/role.ts";
import type { Route } from "./route.ts";

/**
 * The life of a path.
 *
 * | state      | event                                   | next       |
 * |------------|-----------------------------------------|------------|
 * | opening    | ids and limits of both ends allow it    | validating |
 * | validating | PATH_RESPONSE, or the 4-tuple is known  | usable     |
 * | validating | no answer in time, refused              | closing    |
 * | usable     | silence, two PTO, a send error          | suspended  |
 * | suspended  | fresh evidence: a probe is answered     | usable     |
 * | usable, suspended, validating | PATH_ABANDON sent or received | closing |
 * | closing    | 3 PTO after the peer's PATH_ABANDON     | gone       |
 * | closing    | 3 PTO after it acknowledged ours        | gone       |
 */
export type PathState = "opening" | "validating" | "usable" | "suspended" | "closing" | "gone";

/** What an end thinks of a path (RFC 10069 §3.3). */
export type PathStatus = "available" | "backup";

/** What the application says of a path. */
export interface PathProperties {
  /** A name; it means nothing to the transport. */
  readonly label: string;
  /** Relative price of a byte; 0 costs nothing. */
  readonly cost: number;
  /** Whether bytes are counted by someone. */
  readonly metered: boolean;
  /** Place in the order in which the application listed its paths, 0 the first; `undefined`: not listed. */
  readonly preference?: number | undefined;
}

/** What a path may carry before it is spared. UDP payload, sent and received. */
export interface PathBudget {
  /** How much it is; `Infinity`: no limit. */
  readonly bytes: number;
  /** How much of it is used, by all paths that share it. */
  readonly used: number;
}

/** What is taken for granted of a path that nobody described. */
export const UNDESCRIBED: PathProperties = { label: "", cost: 0, metered: false };

/**
 * What is said of a path, on top of what was said before. Throws `RangeError` when the cost is not a number, the preference
 * not an integer, from 0.
 */
export function describePath(
  changes: Partial<PathProperties> = {},
  before: PathProperties = UNDESCRIBED,
): PathProperties {
  const { label = before.label, cost = before.cost, metered = before.metered } = changes;
  const { preference = before.preference } = changes;
  if (!(cost >= 0 && cost < Infinity)) {
    throw new RangeError(`Cost of a path is ${cost}: expected a finite number from 0`);
  }
  if (preference === undefined) return { label, cost, metered };
  if (!(Number.isSafeInteger(preference) && preference >= 0)) {
    throw new RangeError(`Preference of a path is ${preference}: expected an integer from 0`);
  }
  return { label, cost, metered, preference };
}

/** Whether nothing is said of a path that it is not taken for anyway. */
export function isUndescribed(properties: PathProperties): boolean {
  return isSame(properties, UNDESCRIBED);
}

function isSame(a: PathProperties, b: PathProperties): boolean {
  return a.label === b.label && a.cost === b.cost && a.metered === b.metered && a.preference === b.preference;
}

/** 4-tuples beside the one in use that a path keeps state for; a stranger who forwards packets gets no more. */
export const MAX_CANDIDATES = 2;

/**
 * A path: its id and, through the space layout, its packet numbers, which survive migration. Everything that belongs to the
 * way through the network is in its {@linkcode Route}.
 */
export class Path {
  readonly id: PathId;
  #properties: PathProperties;
  route: Route;
  /** The last validated route, while the present one is not validated yet (RFC 9000 §9.3.2). */
  previous: Route | undefined;
  /** Other 4-tuples from which the peer probes the path; bounded by `MAX_CANDIDATES`. */
  readonly candidates: Route[] = [];
  state: PathState;
  /** When a packet was last received on it. */
  lastReceivedAt = -Infinity;
  /** When one with application data was. */
  lastDataAt = -Infinity;
  /** Whether it does not answer while others do: what must arrive goes there. */
  isSilent = false;
  /** Since when data may be sent on it, this time. */
  usableAt = -Infinity;
  /** What this end thinks of it. */
  localStatus: PathStatus = "available";
  /** What it may carry; `undefined`: nobody counts. */
  budget: PathBudget | undefined;
  /** Whether that is used up: then it is for when no other works. */
  isSpent = false;
  /** What the peer told us; `undefined`: nothing yet. */
  peerStatus: PathStatus | undefined;
  /** STREAM payload received on it. */
  streamBytesReceived = 0;
  /** What routes that are over had sent, received and lost. */
  readonly #past = { bytesSent: 0, bytesReceived: 0, packetsLost: 0, spuriousLosses: 0 };

  constructor(id: PathId, route: Route, properties: PathProperties, state: PathState) {
    this.id = id;
    this.route = route;
    this.#properties = properties;
    this.state = state;
  }

  /** What is said of it, at this end or, newer, by the peer. */
  get properties(): PathProperties {
    return this.#properties;
  }

  /** Says something else of it; returns whether it is anything new. Throws `RangeError` as {@linkcode describePath}. */
  describe(changes: Partial<PathProperties>): boolean {
    const properties = describePath(changes, this.#properties);
    if (isSame(properties, this.#properties)) return false;
    this.#properties = properties;
    return true;
  }

  /** A route of the path is over; its figures stay. */
  retire(route: Route): void {
    this.#past.bytesSent += route.bytesSent;
    this.#past.bytesReceived += route.bytesReceived;
    this.#past.packetsLost += route.packetsLost;
    this.#past.spuriousLosses += route.spuriousLosses;
  }

  /** Bytes sent and neither acknowledged nor lost, those to the address that it moves away from with them. */
  get inFlight(): number {
    return this.route.inFlight + (this.previous?.inFlight ?? 0);
  }

  /** UDP payload, over all routes. */
  get bytesSent(): number {
    return this.#past.bytesSent + this.route.bytesSent + (this.previous?.bytesSent ?? 0);
  }

  /** UDP payload, over all routes. */
  get bytesReceived(): number {
    return this.#past.bytesReceived + this.route.bytesReceived + (this.previous?.bytesReceived ?? 0);
  }

  /** Ack-eliciting packets declared lost, over all routes. */
  get packetsLost(): number {
    return this.#past.packetsLost + this.route.packetsLost + (this.previous?.packetsLost ?? 0);
  }

  /** Those of them that were acknowledged after all, over all routes. */
  get spuriousLosses(): number {
    return this.#past.spuriousLosses + this.route.spuriousLosses + (this.previous?.spuriousLosses ?? 0);
  }
}
