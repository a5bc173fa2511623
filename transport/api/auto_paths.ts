import { allPaths, type PathCandidate, type PathPolicy, type PathWish } from "../../schedulers/mode.ts";
import type { ModeChoice } from "../../schedulers/modes.ts";
import type { Address } from "../base/address.ts";
import { QuicError, TransportErrorCode } from "../base/errors.ts";
import type { PathEvent } from "../paths/path_events.ts";
import { facing, type LocalInterface, localInterfaces, watchInterfaces } from "../io/interfaces.ts";
import { isPermissionError, SocketError } from "../io/socket.ts";
import { BackOff } from "./back_off.ts";
import type { PathHandle } from "./path_handle.ts";
import { canonical } from "./path_options.ts";
import type { ConnPaths } from "./paths.ts";

/** Milliseconds between two looks at the interfaces. */
export const INTERFACES_INTERVAL = 500;
/** Milliseconds between two looks that failures to send cause. */
const MIN_LOOK_GAP = 50;

/** What {@linkcode AutoPaths} works with. */
export interface AutoPathsOptions {
  readonly paths: ConnPaths;
  /** Where the server is. */
  readonly remote: Address;
  /** Paths at once. */
  readonly maxPaths: number;
  /** Whose policy decides which paths there are. */
  readonly mode: ModeChoice | undefined;
  /** Default {@linkcode INTERFACES_INTERVAL}. */
  readonly interval?: number | undefined;
  /** Default: the addresses of this machine. */
  readonly list?: (() => readonly LocalInterface[]) | undefined;
}

/**
 * Keeps a path for every local address that the server may be reached from and the mode's policy wants, as they come and go.
 *
 * | an address | has a path                                         | has none                                    |
 * |------------|----------------------------------------------------|---------------------------------------------|
 * | is there   | its status follows the policy; "none" ends it      | one is opened, after failures with back-off |
 * | went away  | it ends at once with its socket, unless it is the last; then when another is usable | forgotten  |
 */
export class AutoPaths implements Disposable {
  readonly #options: AutoPathsOptions;
  readonly #list: () => readonly LocalInterface[];
  readonly #retries = new Map<string, BackOff>();
  /** Addresses whose path the application has closed. */
  readonly #unwanted = new Set<string>();
  /** What the policy last wanted, where that was told to the path. */
  readonly #told = new Map<PathHandle, PathWish>();
  #policy: PathPolicy;
  #watch: Disposable | undefined;
  #isAsked = false;
  #lookedAt = -Infinity;

  constructor(options: AutoPathsOptions) {
    this.#options = options;
    this.#list = options.list ?? localInterfaces;
    this.#policy = policyOf(options.mode);
  }

  /** Begins. Throws what listing the interfaces throws. */
  start(): void {
    this.#watch = watchInterfaces((interfaces) => this.#look(interfaces), {
      interval: this.#options.interval ?? INTERFACES_INTERVAL,
      list: this.#list,
      always: true,
    });
  }

  /** Another mode may want other paths. */
  setMode(mode: ModeChoice): void {
    this.#policy = policyOf(mode);
    this.#lookSoon();
  }

  /** Something happened to a path. */
  onEvent(handle: PathHandle, event: PathEvent): void {
    if (event.change === "closed") this.#onClosed(handle, event);
    if (event.change === "closed" || event.change === "usable" || event.change === "suspended") this.#lookSoon();
  }

  /** A datagram did not leave: an address may be gone. */
  onSendFailed(): void {
    if (this.#options.paths.now() - this.#lookedAt >= MIN_LOOK_GAP) this.#lookSoon();
  }

  /** Nothing follows any more. */
  [Symbol.dispose](): void {
    this.#watch?.[Symbol.dispose]();
    this.#watch = undefined;
  }

  /** What happens now is told before anything is done about it. */
  #lookSoon(): void {
    if (this.#isAsked) return;
    this.#isAsked = true;
    queueMicrotask(() => {
      this.#isAsked = false;
      if (this.#watch === undefined) return;
      try {
        this.#look(this.#list());
      } catch {
        // The permission was taken back; the next look tries again.
      }
    });
  }

  #look(interfaces: readonly LocalInterface[]): void {
    const { paths, remote } = this.#options;
    if (paths.connection.isMultipath === false) return this[Symbol.dispose]();
    this.#lookedAt = paths.now();
    const found = facing(interfaces, remote.hostname);
    const present = new Set(interfaces.map(({ address }) => canonical(address)));
    for (const local of this.#retries.keys()) if (!present.has(local)) this.#retries.delete(local);
    for (const local of this.#unwanted) if (!present.has(local)) this.#unwanted.delete(local);
    const candidates = found.map((each) => this.#candidate(each));
    const wishes = this.#wishes(candidates);
    candidates.forEach(({ local }, i) => {
      const handle = this.#pathFrom(local);
      if (handle !== undefined) this.#tell(handle, wishes[i]!);
    });
    candidates.forEach((candidate, i) => {
      if (wishes[i] !== "none" && this.#pathFrom(candidate.local) === undefined) this.#open(candidate, wishes[i]!);
    });
    this.#dropLost(present);
  }

  #wishes(candidates: readonly PathCandidate[]): PathWish[] {
    try {
      return candidates.map((candidate) => this.#policy(candidate, candidates));
    } catch {
      // A policy with a fault does not decide again.
      this.#policy = allPaths();
      return candidates.map(() => "available");
    }
  }

  /** Ends paths whose address is gone; the last one stays until there is another. */
  #dropLost(present: ReadonlySet<string>): void {
    for (const handle of this.#options.paths.all) {
      const { hostname } = handle.stats().local;
      if (present.has(canonical(hostname))) continue;
      this.#options.paths.drop(handle, TransportErrorCode.PATH_UNSTABLE_OR_POOR, `The address ${hostname} is gone`);
    }
  }

  #tell(handle: PathHandle, wish: PathWish): void {
    if (wish === "none") {
      this.#options.paths.end(handle, TransportErrorCode.APPLICATION_ABANDON_PATH, "The mode does not want it");
    } else if (this.#told.get(handle) !== wish) {
      // The application's own word counts until the policy changes its mind.
      if (this.#told.has(handle) || wish === "backup") handle.setStatus(wish);
      this.#told.set(handle, wish);
    }
  }

  #open({ local, label }: PathCandidate, wish: PathWish): void {
    const { paths, remote, maxPaths } = this.#options;
    const now = paths.now();
    if (paths.all.length >= maxPaths || this.#unwanted.has(local)) return;
    const retry = this.#retries.get(local) ?? new BackOff(now);
    if (now < retry.at) return;
    this.#retries.set(local, retry);
    retry.begin(now);
    try {
      const status = wish === "backup" ? "backup" : undefined;
      const { handle } = paths.begin({ local: { hostname: local, port: 0 }, remote, description: { label }, status });
      this.#told.set(handle, wish);
    } catch (error) {
      const isExpected = error instanceof QuicError || error instanceof SocketError || isPermissionError(error);
      if (!isExpected) throw error;
      retry.fail(now);
    }
  }

  #onClosed(handle: PathHandle, event: PathEvent): void {
    this.#told.delete(handle);
    const { paths } = this.#options;
    const local = canonical(event.path.local.hostname);
    if (handle.isUnwanted) this.#unwanted.add(local);
    const now = paths.now();
    const retry = this.#retries.get(local) ?? new BackOff(now);
    this.#retries.set(local, retry);
    retry.fail(now);
  }

  #candidate({ name, address }: LocalInterface): PathCandidate {
    const local = canonical(address);
    const stats = this.#pathFrom(local)?.stats();
    const state = stats === undefined ? "none" : stats.state === "usable" ? "usable" : "unusable";
    const { label = name, cost = 0, metered = false } = stats ?? {};
    return { local, label, cost, metered, state };
  }

  #pathFrom(local: string): PathHandle | undefined {
    return this.#options.paths.all.find((each) => canonical(each.stats().local.hostname) === local);
  }
}

function policyOf(mode: ModeChoice | undefined): PathPolicy {
  return typeof mode === "object" && typeof mode.paths === "function" ? mode.paths : allPaths();
}
