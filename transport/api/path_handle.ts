import type { Address } from "../base/address.ts";
import { PathError, TransportErrorCode } from "../base/errors.ts";
import type { Connection } from "../connection/connection.ts";
import type { PathState, PathStatus } from "../paths/path.ts";
import type { PathEvent, PathStats } from "../paths/path_events.ts";
import type { NetAddr } from "./net_addr.ts";
import { checkDescription, checkStatus } from "./path_options.ts";
import type { QuicPath, QuicPathDescription } from "./path_types.ts";
import { quiet } from "./quiet.ts";
import type { SocketLease } from "./sockets.ts";

/** What a path needs of its connection. */
export interface PathHost {
  readonly connection: Connection;
  now(): number;
  /** There may be something to send. */
  wake(): void;
}

/**
 * One path for the application.
 *
 * | state   | event                                           | next   |
 * |---------|-------------------------------------------------|--------|
 * | asked   | "opened"; path 0 begins with it                 | open   |
 * | asked, open | "closed", or the connection is over         | closed |
 */
export class PathHandle implements QuicPath {
  readonly id: number;
  readonly #host: PathHost;
  readonly #ready: PromiseWithResolvers<void> = quiet();
  readonly #closed: PromiseWithResolvers<PathEvent> = quiet();
  #phase: "asked" | "open" | "closed";
  /** The connection is over. */
  #lost = false;
  #wasUsable = false;
  /** How it was when it was last looked at. */
  #last: PathStats;
  /** What was said of it before it was open. */
  #said: QuicPathDescription | undefined;
  /** The socket that it uses. */
  lease: SocketLease | undefined;
  /** The application closed it. */
  isUnwanted = false;
  /** Why it cannot be, when that tells more than its event. */
  cause: Error | undefined;

  constructor(host: PathHost, id: number, first: PathStats) {
    this.#host = host;
    this.id = id;
    this.#last = first;
    this.#phase = host.connection.path(id) === undefined ? "asked" : "open";
  }

  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  get closed(): Promise<PathEvent> {
    return this.#closed.promise;
  }

  get label(): string {
    return this.stats().label;
  }

  get cost(): number {
    return this.stats().cost;
  }

  get metered(): boolean {
    return this.stats().metered;
  }

  get local(): NetAddr {
    return netAddr(this.stats().local);
  }

  get remote(): NetAddr {
    return netAddr(this.stats().remote);
  }

  get state(): PathState {
    return this.stats().state;
  }

  get status(): PathStatus {
    return this.stats().status;
  }

  get peerStatus(): PathStatus | undefined {
    return this.stats().peerStatus;
  }

  /** Whether it is over. */
  get isClosed(): boolean {
    return this.#phase === "closed";
  }

  /** Whether nothing arrives on it any more. */
  get isGone(): boolean {
    return this.#phase === "closed" && (this.#lost || this.#host.connection.path(this.id)?.state !== "closing");
  }

  stats(): PathStats {
    if (this.#phase === "closed") {
      const state = this.isGone ? "gone" : "closing";
      if (this.#last.state !== state) this.#last = { ...this.#last, state };
    } else if (this.#phase === "open") {
      this.#last = this.#host.connection.path(this.id) ?? this.#last;
    }
    return this.#last;
  }

  setStatus(status: PathStatus): void {
    checkStatus(status);
    if (this.#phase === "closed") return;
    this.#last = { ...this.#last, status };
    this.#host.connection.setPathStatus(this.id, status, this.#host.now());
    this.#host.wake();
  }

  describe(changes: QuicPathDescription): void {
    const checked = checkDescription(changes);
    if (this.#phase === "asked") {
      const { budgetBytes: _, ...shown } = checked;
      this.#last = { ...this.#last, ...shown };
      this.#said = { ...this.#said, ...checked };
    } else if (this.#phase === "open") {
      this.#describe(checked);
    }
  }

  close(code: number = TransportErrorCode.APPLICATION_ABANDON_PATH, reason = "Closed by the application"): void {
    if (!Number.isInteger(code) || code < 0 || code > Number.MAX_SAFE_INTEGER) {
      throw new RangeError(`"code" is ${String(code)}: expected an integer from 0 to 2^53-1`);
    }
    if (typeof reason !== "string") throw new TypeError(`"reason" is a ${typeof reason}: expected text`);
    this.abandon(code, reason);
    this.isUnwanted = true;
  }

  /** As `close`, for reasons of our own. */
  abandon(code: number, reason: string): void {
    if (this.#phase === "closed") return;
    this.#host.connection.closePath(this.id, code, reason, this.#host.now());
    this.#host.wake();
  }

  /** Something happened to it. */
  onEvent(event: PathEvent): void {
    this.#last = event.path;
    switch (event.change) {
      case "opened":
        if (this.#phase === "asked") this.#phase = "open";
        this.#tellMore();
        break;
      case "usable":
        this.#wasUsable = true;
        this.#ready.resolve();
        break;
      case "closed":
        this.#finish(event, new PathError(`Cannot open a path: ${lowered(event.reason)}`, event.code, event.byPeer));
    }
  }

  /** The connection is over; the event that says so. `undefined`: the path was over before. */
  onConnectionOver(error: Error): PathEvent | undefined {
    this.#lost = true;
    if (this.#phase === "closed") return undefined;
    const reason = `The connection is over: ${error.message}`;
    const path: PathStats = { ...this.stats(), state: "gone" };
    const event: PathEvent = { type: "path", change: "closed", reason, code: 0, byPeer: false, path };
    this.#last = path;
    this.#finish(event, error);
    return event;
  }

  #finish(event: PathEvent, error: Error): void {
    this.#phase = "closed";
    if (!this.#wasUsable) this.#ready.reject(this.cause ?? error);
    this.#closed.resolve(event);
  }

  #tellMore(): void {
    if (this.#said === undefined) return;
    const said = checkDescription(this.#said);
    this.#said = undefined;
    // It may be closing again by now.
    if (this.#host.connection.path(this.id)?.state === "closing") return;
    this.#describe(said);
  }

  #describe({ budgetBytes, ...properties }: ReturnType<typeof checkDescription>): void {
    const { connection } = this.#host;
    connection.describePath(this.id, properties);
    if (budgetBytes !== undefined) connection.setPathBudget(this.id, budgetBytes, this.#host.now());
    this.#host.wake();
  }
}

/** The figures of a path that does not exist yet. */
export function unopened(id: number, local: Address, remote: Address, said: QuicPathDescription): PathStats {
  const { label = "", cost = 0, metered = false } = said;
  return {
    id,
    label,
    local,
    remote,
    state: "opening",
    status: "available",
    peerStatus: undefined,
    cost,
    metered,
    budget: undefined,
    srtt: 0,
    minRtt: 0,
    rttVar: 0,
    cwnd: 0,
    inFlight: 0,
    mtu: 0,
    bytesSent: 0,
    bytesReceived: 0,
    streamBytesReceived: 0,
    packetsLost: 0,
    spuriousLosses: 0,
  };
}

function netAddr({ hostname, port }: Address): NetAddr {
  return { transport: "udp", hostname, port };
}

function lowered(text: string): string {
  return text.slice(0, 1).toLowerCase() + text.slice(1);
}
