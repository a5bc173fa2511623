import { type Address, sameAddress } from "../base/address.ts";
import { PathError, TransportErrorCode } from "../base/errors.ts";
import type { Connection } from "../connection/connection.ts";
import type { PathEvent } from "../paths/path_events.ts";
import { canReach, ipVersion } from "../io/ip.ts";
import { resolveHost } from "../io/resolve.ts";
import { isPermissionError, type SendErrorKind } from "../io/socket.ts";
import { shown } from "./options.ts";
import { PathFeed } from "./path_feed.ts";
import { PathHandle, type PathHost, unopened } from "./path_handle.ts";
import { type PathPlan, planPath } from "./path_options.ts";
import type { QuicOpenPathOptions, QuicPath } from "./path_types.ts";
import type { SocketLease, Sockets } from "./sockets.ts";

/** What the paths of a connection work with. */
export interface ConnPathsParts {
  readonly connection: Connection;
  readonly sockets: Sockets;
  readonly now: () => number;
  readonly wake: () => void;
  /** Where path 0 is. */
  readonly local: Address;
  readonly remote: Address;
  /** Its socket, when that is not the endpoint's own. */
  readonly lease?: SocketLease | undefined;
  /** The server's IP addresses, as far as they are known. */
  readonly addresses?: readonly string[] | undefined;
  /** Something happened to a path. */
  readonly onEvent?: ((handle: PathHandle, event: PathEvent) => void) | undefined;
}

/** The paths of a connection: those that there are, their sockets, and what is told of them. */
export class ConnPaths implements PathHost {
  readonly connection: Connection;
  readonly feed: PathFeed = new PathFeed();
  readonly #parts: ConnPathsParts;
  /** By id. An id that was never spoken of may come again before the end of its first path was told. */
  readonly #handles = new Map<number, PathHandle[]>();
  /** Those that are over and may still hear from the peer. */
  readonly #leaving = new Set<PathHandle>();
  #error: Error | undefined;

  constructor(parts: ConnPathsParts) {
    const { connection, local, remote, lease } = parts;
    this.connection = connection;
    this.#parts = parts;
    const first = connection.path(0) ?? unopened(0, local, remote, {});
    this.#add(new PathHandle(this, 0, first), lease);
  }

  /** Those that are not over, in order of their ids. */
  get all(): PathHandle[] {
    const found: PathHandle[] = [];
    for (const handles of this.#handles.values()) for (const each of handles) if (!each.isClosed) found.push(each);
    return found.sort((a, b) => a.id - b.id);
  }

  now(): number {
    return this.#parts.now();
  }

  wake(): void {
    this.#parts.wake();
  }

  /** The path of that id, or that path, if it is one of these and not over. */
  find(path: QuicPath | number): PathHandle | undefined {
    if (typeof path === "number") return this.#handles.get(path)?.find((each) => !each.isClosed);
    return this.all.find((each) => each === path);
  }

  /** The id of a path to send on. Throws `TypeError` for what is no path, `PathError` for one that is over. */
  idOf(path: QuicPath | number): number {
    const id = typeof path === "number" ? path : path instanceof PathHandle ? path.id : undefined;
    if (id === undefined) {
      throw new TypeError(`"path" is ${shown(path)}: expected a path of the connection, or its id`);
    }
    if (this.find(path) === undefined) throw new PathError(`Cannot send on path ${id}: it is not open`);
    return id;
  }

  /** Opens a path; resolves when it is usable. */
  async open(options: QuicOpenPathOptions): Promise<PathHandle> {
    const plan = planPath(options);
    const { signal, another = false } = options;
    signal?.throwIfAborted();
    this.#mustBeAble();
    const remote = await this.#resolve(plan, signal);
    signal?.throwIfAborted();
    this.#mustBeAble();
    const { handle, isNew } = this.begin({ ...plan, remote }, another);
    await whileWaiting(handle.ready, signal, () => isNew && this.#giveUp(handle));
    return handle;
  }

  /** Begins to open a path, or finds the one that there is. Its remote host is an IP address. Throws what `open` rejects with. */
  begin(plan: PathPlan, another = false): { readonly handle: PathHandle; readonly isNew: boolean } {
    const lease = this.#lease(plan);
    const remote = plan.remote ?? this.#remoteFor(lease.local.hostname);
    try {
      if (remote === undefined || !canReach(lease.local.hostname, remote.hostname)) {
        const where = remote === undefined ? "the server" : remote.hostname;
        throw new PathError(`Cannot open a path: ${where} cannot be reached from ${lease.local.hostname}`);
      }
      const known = another ? undefined : this.at(lease.local, remote);
      if (known === undefined) return { handle: this.#begin(plan, lease, remote), isNew: true };
      lease.release();
      if (Object.keys(plan.description).length > 0) known.describe(plan.description);
      if (plan.status !== undefined) known.setStatus(plan.status);
      return { handle: known, isNew: false };
    } catch (error) {
      lease.release();
      throw error;
    }
  }

  /** The path between these addresses. */
  at(local: Address, remote: Address): PathHandle | undefined {
    return this.all.find((each) => {
      const stats = each.stats();
      return sameAddress(stats.local, local) && sameAddress(stats.remote, remote);
    });
  }

  /** Abandons a path; `false` when it is the last. */
  end(handle: PathHandle, code: number, reason: string): boolean {
    try {
      handle.abandon(code, reason);
      return true;
    } catch (error) {
      // It is the last, or over already.
      if (error instanceof PathError) return false;
      throw error;
    }
  }

  /** Abandons a path whose local address is gone, and closes its socket at once; `false` when it is the last. */
  drop(handle: PathHandle, code: number, reason: string): boolean {
    if (!this.end(handle, code, reason)) return false;
    this.#release(handle);
    return true;
  }

  onEvent(event: PathEvent): void {
    const { id } = event.path;
    const handle = this.#handles.get(id)?.[0] ?? this.#add(new PathHandle(this, id, event.path), undefined);
    handle.onEvent(event);
    if (event.change === "closed") {
      this.#remove(handle);
      if (handle.lease !== undefined) this.#leaving.add(handle);
    }
    this.feed.push(event);
    this.#parts.onEvent?.(handle, event);
  }

  /** The scheduler made a fault, or was replaced for its faults. */
  onScheduler(what: "fault" | "replaced", name: string, why: string): void {
    const path = this.all[0]?.stats() ?? this.connection.path(0);
    if (path === undefined) return;
    const reason = `${name}: ${why}`;
    this.feed.push({ type: "path", change: `scheduler-${what}`, reason, code: 0, byPeer: false, path });
  }

  /** The connection has had its turn. */
  onTurn(): void {
    for (const handle of this.#leaving) if (handle.isGone) this.#release(handle);
  }

  /** A datagram did not leave: a path that is being opened there cannot be. */
  onSendFailed(kind: SendErrorKind, error: unknown, local: Address, remote: Address): void {
    const refused = isPermissionError(error);
    if (!refused && kind !== "unreachable" && kind !== "gone") return;
    for (const handle of this.all) {
      const stats = handle.stats();
      if (stats.state !== "opening" && stats.state !== "validating") continue;
      if (!sameAddress(stats.local, local) || !sameAddress(stats.remote, remote)) continue;
      const reason = error instanceof Error ? error.message : String(error);
      const where = `${remote.hostname} from ${local.hostname}`;
      handle.cause = refused ? error : because(new PathError(`Cannot open a path to ${where}: ${reason}`), error);
      this.end(handle, TransportErrorCode.PATH_UNSTABLE_OR_POOR, `The socket refuses to send: ${reason}`);
    }
  }

  /** A socket died: its paths cannot be any more. */
  onSocketDead(local: Address, error: Error): void {
    for (const handle of this.all) {
      const { local: its, remote } = handle.stats();
      if (!sameAddress(its, local)) continue;
      const reason = `Its socket died: ${error.message}`;
      if (this.end(handle, TransportErrorCode.PATH_UNSTABLE_OR_POOR, reason)) continue;
      this.connection.onSendError(its, remote, "gone", this.now());
    }
  }

  /** The connection is over: all that is told of its paths has been told. */
  close(error: Error): void {
    this.#error = error;
    for (const handle of [...this.all, ...this.#leaving]) {
      const event = handle.onConnectionOver(error);
      if (event === undefined) continue;
      this.feed.push(event);
      this.#leaving.add(handle);
    }
    this.#handles.clear();
    this.feed.end();
  }

  /** Nothing is sent any more: the sockets are free. */
  release(): void {
    for (const handle of [...this.all, ...this.#leaving]) this.#release(handle);
  }

  #add(handle: PathHandle, lease: SocketLease | undefined): PathHandle {
    handle.lease = lease;
    const known = this.#handles.get(handle.id);
    if (known === undefined) this.#handles.set(handle.id, [handle]);
    else known.push(handle);
    return handle;
  }

  #remove(handle: PathHandle): void {
    const left = (this.#handles.get(handle.id) ?? []).filter((each) => each !== handle);
    if (left.length > 0) this.#handles.set(handle.id, left);
    else this.#handles.delete(handle.id);
  }

  #release(handle: PathHandle): void {
    handle.lease?.release();
    handle.lease = undefined;
    this.#leaving.delete(handle);
  }

  #begin(plan: PathPlan, lease: SocketLease, remote: Address): PathHandle {
    const { connection } = this;
    const { label = "", cost = 0, metered = false, budgetBytes } = plan.description;
    const properties = { label, cost, metered, preference: plan.preference };
    const now = this.now();
    const id = connection.openPath({ local: lease.local, remote, properties, status: "available" }, now);
    const handle = this.#add(new PathHandle(this, id, unopened(id, lease.local, remote, properties)), lease);
    if (budgetBytes !== undefined) connection.setPathBudget(id, budgetBytes, now);
    if (plan.status !== undefined) handle.setStatus(plan.status);
    this.wake();
    return handle;
  }

  #mustBeAble(): void {
    if (this.#error !== undefined) throw this.#error;
    if (this.connection.isMultipath === false && this.connection.role === "client") {
      throw new PathError("Cannot open a path: the peer does not speak RFC 10069, or this end does not offer it");
    }
    if (this.connection.role === "server") throw new PathError("Cannot open a path: only clients open paths");
  }

  #lease(plan: PathPlan): SocketLease {
    const { sockets } = this.#parts;
    if (plan.local !== undefined) return sockets.lease(plan.local);
    const { remote } = plan;
    for (const handle of this.all) {
      const { local } = handle.stats();
      if (remote !== undefined && !canReach(local.hostname, remote.hostname)) continue;
      const lease = sockets.leaseAt(local);
      if (lease !== undefined) return lease;
    }
    throw new PathError(
      `Cannot open a path: expected "local", as no path has a socket that reaches ${remote?.hostname}`,
    );
  }

  /** Where the server is for a local address: where it is known to be, if that can be reached. */
  #remoteFor(hostname: string): Address | undefined {
    const remotes = [...this.all.map((each) => each.stats().remote), this.#parts.remote];
    const found = remotes.find((remote) => canReach(hostname, remote.hostname));
    if (found !== undefined) return found;
    const other = this.#parts.addresses?.find((address) => canReach(hostname, address));
    return other === undefined ? undefined : { hostname: other, port: this.#parts.remote.port };
  }

  async #resolve(plan: PathPlan, signal: AbortSignal | undefined): Promise<Address | undefined> {
    const { local, remote } = plan;
    if (remote === undefined || ipVersion(remote.hostname) !== 0) return remote;
    const addresses = await whileWaiting(resolveHost(remote.hostname), signal);
    return { hostname: chooseAddress(addresses, local?.hostname), port: remote.port };
  }

  #giveUp(handle: PathHandle): void {
    this.end(handle, TransportErrorCode.APPLICATION_ABANDON_PATH, "Given up by the application");
  }
}

function because<E extends Error>(error: E, cause: unknown): E {
  error.cause = cause;
  return error;
}

/** The first address that can be reached from the local one; else the first. */
export function chooseAddress(addresses: readonly string[], local: string | undefined): string {
  return addresses.find((address) => local === undefined || canReach(local, address)) ?? addresses[0]!;
}

/** Waits for a promise, or for the signal: then rejects with its reason after `onAbort`. */
async function whileWaiting<T>(promise: Promise<T>, signal: AbortSignal | undefined, onAbort?: () => void): Promise<T> {
  if (signal === undefined) return await promise;
  const aborted = Promise.withResolvers<never>();
  const abort = (): void => {
    onAbort?.();
    aborted.reject(signal.reason);
  };
  signal.addEventListener("abort", abort);
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
