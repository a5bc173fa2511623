/**
 * The paths of a run: over which link each goes, what became of it, and the client that opens them.
 *
 * | a link of the client    | happens                              | then                                      |
 * |-------------------------|--------------------------------------|-------------------------------------------|
 * | has no path             | `openMs` after the confirmation      | a path is opened                          |
 * | first, has no path      | another one has path 0               | a path is opened at the confirmation      |
 * | has a path              | the path ends by itself              | another is opened after a while           |
 * | has a path              | the application closes it            | none is opened until the application does |
 *
 * @module
 */
import { PathError, TransportErrorCode } from "../../../transport/base/errors.ts";
import type { PathEvent, PathStats } from "../../../transport/paths/path_events.ts";
import type { Scenario, Side } from "../scenario/types.ts";
import type { Stage } from "./stage.ts";

/** Milliseconds before a path that ended by itself is tried again; doubles each time, up to the last. */
const FIRST_RETRY = 1000;
const LAST_RETRY = 30_000;
/** A path that lived for so long did work. */
const LONG_LIFE = 10_000;

/** A path of a run. */
export interface RunPath {
  /** Its id. */
  readonly id: number;
  /** The link's place in the scenario. */
  readonly link: number;
  /** When it was opened. */
  readonly openedAt: number;
  /** What each end said of it last. */
  readonly last: { client: PathStats | undefined; server: PathStats | undefined };
  /** Whether it is over at that end. */
  readonly isOver: { client: boolean; server: boolean };
  /** Whether data could be sent on it at that end at some time. */
  readonly wasUsable: { client: boolean; server: boolean };
}

/** All paths of a run. */
export class Routes {
  readonly #scenario: Scenario;
  readonly #stage: Stage;
  readonly #paths = new Map<number, RunPath>();
  /** The newest path of each link. */
  readonly #newest = new Map<number, RunPath>();
  /** Links whose path the application closed. */
  readonly #closed = new Set<number>();
  readonly #retries = new Map<number, number>();

  /** Path 0 is over link 0, unless an attempt over another one wins. */
  constructor(scenario: Scenario, stage: Stage) {
    this.#scenario = scenario;
    this.#stage = stage;
    this.#add(0, 0, 0);
  }

  /** All there were, by id. */
  get all(): RunPath[] {
    return [...this.#paths.values()].sort((a, b) => a.id - b.id);
  }

  /** The link of a path; -1: there was none of that id. */
  linkOf(path: number): number {
    return this.#paths.get(path)?.link ?? -1;
  }

  /** The newest path over a link: `undefined` while that side has none yet, -1 when it is over. */
  over(side: Side, link: number): number | undefined {
    const path = this.#newest.get(link);
    if (path === undefined) return undefined;
    if (path.isOver[side]) return -1;
    const state = this.#stage[side]?.path(path.id)?.state;
    if (state === "closing" || state === "gone") return -1;
    return state === undefined ? undefined : path.id;
  }

  /** The newest path over a link at the client. Throws `PathError` when there was none. */
  existing(link: number): number {
    const path = this.#newest.get(link);
    if (path === undefined) throw new PathError(`Link ${link} has no path: expected it to be open`);
    return path.id;
  }

  /** The attempt over this link won: path 0 is there. */
  beginOver(link: number): void {
    if (this.linkOf(0) === link) return;
    this.#newest.delete(this.linkOf(0));
    this.#add(0, link, 0);
  }

  /** The handshake is confirmed: the client has its links now, or later. */
  begin(now: number): void {
    this.#scenario.links.forEach(({ openMs, status }, link) => {
      if (link === this.linkOf(0)) {
        if (status === "backup") this.#stage.client.setPathStatus(0, status, now);
      } else if (link === 0 || openMs === 0) this.#tryOpen(link, now);
      else if (openMs !== null) this.#stage.world.at(now + openMs, (then) => this.#tryOpen(link, then));
    });
  }

  /** Whether all paths that were opened at once are usable at both ends. */
  get areValidated(): boolean {
    for (const { link, wasUsable } of this.#newest.values()) {
      const isFirst = link === 0 || this.#scenario.links[link]?.openMs === 0;
      if (isFirst && !(wasUsable.client && wasUsable.server)) return false;
    }
    return true;
  }

  /** The client's application wants a path over the link. Throws `PathError` when there can be none. */
  open(link: number, now: number): void {
    this.#closed.delete(link);
    if (this.over("client", link) !== -1 && this.#newest.has(link)) return;
    const { label, cost, metered, status } = this.#scenario.links[link]!;
    const addresses = this.#stage.addressesOf(link);
    const id = this.#stage.client.openPath({
      ...addresses,
      properties: { label, cost, metered, preference: link },
      status,
    }, now);
    this.#add(id, link, now);
  }

  /** The client's application wants the link's path no more. Throws `PathError` when it cannot be closed. */
  close(link: number, now: number): void {
    const code = TransportErrorCode.APPLICATION_ABANDON_PATH;
    this.#stage.client.closePath(this.existing(link), code, "The application closes it", now);
    this.#closed.add(link);
  }

  /** An end said something of a path. */
  onEvent(side: Side, event: PathEvent, now: number): void {
    const path = this.#paths.get(event.path.id);
    if (path === undefined) return;
    path.last[side] = event.path;
    if (event.change === "usable") path.wasUsable[side] = true;
    if (event.change !== "closed") return;
    path.isOver[side] = true;
    if (side === "client") this.#retry(path, now);
  }

  #retry({ link, openedAt }: RunPath, now: number): void {
    if (this.#closed.has(link) || this.#stage.client.isMultipath !== true) return;
    const before = now - openedAt >= LONG_LIFE ? 0 : this.#retries.get(link) ?? 0;
    const delay = Math.min(LAST_RETRY, Math.max(FIRST_RETRY, 2 * before));
    this.#retries.set(link, delay);
    this.#stage.world.at(now + delay, (then) => {
      if (!this.#closed.has(link)) this.#tryOpen(link, then);
    });
  }

  /** Clients that may not have another path go on without. */
  #tryOpen(link: number, now: number): void {
    if (this.#stage.client.isMultipath !== true || this.#stage.client.error !== undefined) return;
    try {
      this.open(link, now);
    } catch (error) {
      if (!(error instanceof PathError)) throw error;
    }
  }

  #add(id: number, link: number, openedAt: number): void {
    const path: RunPath = {
      id,
      link,
      openedAt,
      last: { client: undefined, server: undefined },
      isOver: { client: false, server: false },
      wasUsable: { client: false, server: false },
    };
    this.#paths.set(id, path);
    this.#newest.set(link, path);
  }
}
