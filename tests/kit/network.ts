/**
 * The world as tests use it: it connects real clients and servers, belongs to a block, and names its seed when a run fails.
 *
 * @module
 */
import { NetworkConnection, type NetworkConnectOptions } from "./network_connection.ts";
import { type RunEnd, type RunOptions, World as BareWorld } from "./world.ts";

/** What a {@linkcode World} begins with. */
export interface WorldOptions {
  /** All that is random follows from it: an integer from 0 to 2^53-1. Default 1. */
  readonly seed?: number;
  /** The time at which it begins, in milliseconds. Default 0. */
  readonly start?: number;
}

/**
 * A network in virtual time, for `await using` in a test. It needs no permission, and holds nothing that had to be given back:
 * disposing only ends its use.
 *
 * What is thrown while it runs, and what `require` throws, has the seed at the end of its message.
 *
 * @example A transfer over two links, of which one dies
 * ```ts
 * import { bulk, Requests, World } from "@multipath/quic/testing";
 *
 * await using world = new World({ seed: 7 });
 * const wifi = world.addLink({ label: "wifi", rateMbps: 40, delayMs: 15 });
 * world.addLink({ label: "cell", rateMbps: 20, delayMs: 40 });
 * const load = new Requests(bulk("down", 1_000_000));
 * const { client } = world.connect({ load });
 * world.at(200, () => wifi.set({ dead: true }));
 * world.require("all to arrive", () => load.isDone, 20_000);
 * client.trace.assertSeen("multipath:path_state_updated", (data) => data.path === 1 && data.new === "usable");
 * ```
 */
export class World extends BareWorld implements Disposable, AsyncDisposable {
  /** What it was made from; the same seed gives the same run, to the byte. */
  readonly seed: number;
  readonly #noted = new WeakSet<Error>();
  #isDisposed = false;

  /** Throws `RangeError` when the seed is out of range. */
  constructor(options: WorldOptions = {}) {
    super(options);
    this.seed = options.seed ?? 1;
  }

  /**
   * Puts a real client and a real server at the ends of the links: real TLS, real packets. The handshake begins when the
   * world runs, over the first link, and beside it over the others when that does not answer; when it is confirmed all other
   * links become paths. Throws `RangeError` when there are no links, and
   * `TypeError` when they are of another world or have hosts at their ends already.
   */
  connect(options: NetworkConnectOptions = {}): NetworkConnection {
    this.#mustBeInUse();
    return new NetworkConnection(this, options);
  }

  /** As it says; what is thrown by an application, a scheduled action or `until` goes through. */
  override run(options: RunOptions = {}): RunEnd {
    this.#mustBeInUse();
    try {
      return super.run(options);
    } catch (error) {
      throw this.#note(error);
    }
  }

  /** Runs until something holds. Throws an `Error` that says what was waited for, and the seed, when it does not come to hold. */
  override require(what: string, until: () => boolean, limit?: number): void {
    try {
      super.require(what, until, limit);
    } catch (error) {
      throw this.#note(error);
    }
  }

  /** Ends its use: what its connections and traces know can still be read, but time stands still. */
  [Symbol.dispose](): void {
    this.#isDisposed = true;
  }

  /** The same, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    this[Symbol.dispose]();
    return Promise.resolve();
  }

  #mustBeInUse(): void {
    if (this.#isDisposed) throw new TypeError("World is disposed: expected one in use");
  }

  /** The error stays the one that was thrown, so that whoever expects it finds it; it only says more. */
  #note(error: unknown): unknown {
    if (!(error instanceof Error) || this.#noted.has(error)) return error;
    this.#noted.add(error);
    const value = `${error.message}\nSeed ${this.seed}: new World({ seed: ${this.seed} }) replays this run`;
    // Not an assignment: some errors have a getter there, some are frozen and stay as they are.
    Reflect.defineProperty(error, "message", { value, configurable: true, writable: true });
    return error;
  }
}
