/**
 * What happens to the network and to the applications, and when.
 *
 * @module
 */
import type { Connection } from "../../../transport/connection/connection.ts";
import type { Deaths } from "./deaths.ts";
import type { EventAction, EventFrom, Scenario, Side } from "../scenario/types.ts";
import type { Routes } from "./routes.ts";
import type { Stage } from "./stage.ts";

/** Both directions of a link, with the side that sends there. */
const DIRECTIONS = [["up", "client"], ["down", "server"]] as const;

/** The events of a scenario. */
export class Script {
  readonly #scenario: Scenario;
  readonly #stage: Stage;
  readonly #routes: Routes;
  readonly #deaths: Deaths;
  /** What waits until a side has a connection, or an id that it can use. */
  #waiting: (() => boolean)[] = [];

  /** Links that are dead from the start have died at 0. */
  constructor(scenario: Scenario, stage: Stage, routes: Routes, deaths: Deaths) {
    this.#scenario = scenario;
    this.#stage = stage;
    this.#routes = routes;
    this.#deaths = deaths;
    stage.links.forEach((_, link) => {
      for (const [direction, side] of DIRECTIONS) if (this.isDead(link, direction)) deaths.die(link, side, 0);
    });
  }

  /** Whether a link swallows what is handed over now. */
  isDead(link: number, direction: "up" | "down"): boolean {
    const options = this.#stage.links[link]?.[direction].options;
    return options !== undefined && (options.dead || options.unreachable);
  }

  /** Something that events count from happened. */
  begin(from: EventFrom, now: number): void {
    for (const event of this.#scenario.events) {
      if (event.from === from) this.#stage.world.at(now + event.at, (then) => this.#run(event.action, then));
    }
  }

  /** Tries again what could not be done at its time. */
  poll(): void {
    if (this.#waiting.length > 0) this.#waiting = this.#waiting.filter((tryIt) => !tryIt());
  }

  #run(action: EventAction, now: number): void {
    const { client } = this.#stage;
    switch (action.type) {
      case "set":
        return this.#set(action, now);
      case "rebind":
        return this.#stage.links[action.link]?.rebind({ address: action.address });
      case "open":
        return this.#routes.open(action.link, now);
      case "close":
        return this.#routes.close(action.link, now);
      case "status":
        return client.setPathStatus(this.#routes.existing(action.link), action.to, now);
      case "describe":
        return client.describePath(this.#routes.existing(action.link), action.properties);
      case "mode":
        return this.#at(action.side, (connection) => connection.setMode(action.mode, now));
      case "signal":
        return this.#at(action.side, (connection) => {
          for (const [name, value] of Object.entries(action.signals)) connection.signal(name, value, now);
        });
      case "keyUpdate":
        return this.#at(action.side, (connection) => connection.updateKeys());
      case "renewConnectionId":
        return this.#renew(action.link);
    }
  }

  #set({ link, direction, set }: Extract<EventAction, { type: "set" }>, now: number): void {
    const { links } = this.#stage;
    const before = links.map((_, i) => DIRECTIONS.map(([each]) => this.isDead(i, each)));
    links[link]?.set(set, direction);
    links.forEach((_, i) => {
      DIRECTIONS.forEach(([each, side], d) => {
        if (this.isDead(i, each) && !before[i]?.[d]) this.#deaths.die(i, side, now);
      });
    });
  }

  /** Does something with a side's connection as soon as there is one. */
  #at(side: Side, act: (connection: Connection) => void): void {
    const tryIt = (): boolean => {
      const connection = this.#stage.connection(side);
      if (connection === undefined) return false;
      act(connection);
      return true;
    };
    if (!tryIt()) this.#waiting.push(tryIt);
  }

  /** The client sends with another of the server's ids and retires the old one; while there is none it waits for one. */
  #renew(link: number): void {
    const path = this.#routes.existing(link);
    const tryIt = (): boolean =>
      this.#routes.over("client", link) === -1 || this.#stage.client.rotateConnectionId(path);
    if (!tryIt()) this.#waiting.push(tryIt);
  }
}
