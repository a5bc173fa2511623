/**
 * A client that connects as `connectQuic` does: over its first link, and beside it over the others when that does not answer. The
 * applications of both ends have the connection that wins.
 *
 * | at the | when                                                  | does                                                  |
 * |--------|-------------------------------------------------------|-------------------------------------------------------|
 * | client | `ConnectRace` says so                                 | begins an attempt, a connection of its own            |
 * | client | the handshake of an attempt is complete               | its applications have it; the other attempts are closed |
 * | client | all attempts have failed                              | the applications hear of the end of the first         |
 * | server | the handshake of a connection is complete             | its applications have it: no other one will be complete |
 *
 * @module
 */
import type { Connection } from "../../transport/connection/connection.ts";
import { ConnectRace, raceCandidates } from "../../transport/endpoint/connect_race.ts";
import type { AppDriver } from "./app.ts";
import type { Alarm, EndpointNode, WorldConnectOptions } from "./endpoint_node.ts";

/** What a {@linkcode RacingClient} is made of. */
export interface RacingClientOptions {
  /** The client's node. */
  readonly client: EndpointNode;
  /** The server's; its `onAccepted` is to call `onAccepted` of the race. */
  readonly server: EndpointNode;
  /** How many links there are to try, preferred first; at least one. */
  readonly links: number;
  /** How to connect over one of them. */
  readonly connect: (link: number, now: number) => WorldConnectOptions;
  /** The time now. */
  readonly now: number;
  /** An attempt won. */
  readonly onWon?: ((link: number, now: number) => void) | undefined;
}

/** An attempt that was begun. */
export interface Attempt {
  /** The link's place. */
  readonly link: number;
  /** The client's connection. */
  readonly connection: Connection;
}

/** The attempts of one client, and the connection that came of them. */
export class RacingClient implements Alarm {
  /** All that were begun, in order. */
  readonly attempts: Attempt[] = [];
  readonly #options: RacingClientOptions;
  readonly #race: ConnectRace;
  #isLost = false;
  #server: Connection | undefined;
  /** The first of the server's drivers, whose applications all have. */
  #answering: AppDriver | undefined;

  /** Begins the first attempt; what connecting throws goes through. */
  constructor(options: RacingClientOptions) {
    this.#options = options;
    const links = Array.from({ length: options.links }, (_, link) => ({ from: link, to: [link] }));
    this.#race = new ConnectRace(raceCandidates(links).map(({ time }) => time), options.now);
    options.client.alarm = this;
    this.#advance(options.now);
  }

  /** Whether it is known which connection it is: there was but one link to try, or an attempt won, or all have failed. */
  get isDecided(): boolean {
    return this.#options.links === 1 || this.#race.winner !== undefined || this.#isLost;
  }

  /** The link of the connection. */
  get link(): number {
    return this.#race.winner ?? 0;
  }

  /** The connection that won; until then that of the first attempt. */
  get connection(): Connection {
    return this.#connectionOver(this.link) as Connection;
  }

  /** The server's end of it, once there is one; with several links to try, once the handshake is complete there. */
  get server(): Connection | undefined {
    return this.#options.links === 1 ? this.#options.server.connections[0] : this.#server;
  }

  /** The server let a client in. */
  onAccepted(connection: Connection, driver: AppDriver): void {
    if (this.#options.links === 1) return;
    if (this.#answering === undefined) this.#answering = driver;
    else driver.share(this.#answering);
    driver.hold((event, now) => {
      // One that lost is closed before anything could complete it.
      if (event.type !== "connected") return;
      this.#server = connection;
      driver.release(now);
    });
  }

  nextTimeout(): number {
    return this.#race.nextTimeout();
  }

  onTimeout(now: number): void {
    this.#advance(now);
  }

  onSendError(local: { readonly hostname: string }, now: number): void {
    if (this.#race.isOver) return;
    const isTried = this.attempts.some(({ link, connection }) =>
      this.#race.stateOf(link) === "running" && connection.path(0)?.local.hostname === local.hostname
    );
    if (!isTried) return;
    this.#race.hurry(now);
    this.#advance(now);
  }

  #advance(now: number): void {
    const answeredAt = (link: number): number => this.#connectionOver(link)?.lastReceivedAt ?? -Infinity;
    const next = (): number | undefined => this.#race.begin(now, answeredAt);
    for (let link = next(); link !== undefined; link = next()) this.#begin(link, now);
  }

  #begin(link: number, now: number): void {
    const { client, connect, links } = this.#options;
    const connection = client.connect(connect(link, now));
    this.attempts.push({ link, connection });
    if (links === 1) return;
    const driver = client.driver(connection);
    const [first] = this.attempts as [Attempt];
    if (first.connection !== connection) driver.share(client.driver(first.connection));
    driver.hold((event, then) => {
      if (event.type === "connected") this.#onConnected(link, driver, then);
      else if (event.type === "closed") this.#onClosed(link, then);
    });
  }

  #onConnected(link: number, driver: AppDriver, now: number): void {
    if (!this.#race.complete(link)) return;
    for (const other of this.#race.end()) this.#connectionOver(other)?.close(0, "", now);
    this.#options.onWon?.(link, now);
    driver.release(now);
  }

  #onClosed(link: number, now: number): void {
    if (this.#race.stateOf(link) !== "running") return;
    this.#race.fail(link, now);
    this.#advance(now);
    if (!this.#race.isLost) return;
    this.#isLost = true;
    this.#options.client.driver(this.connection).release(now);
  }

  #connectionOver(link: number): Connection | undefined {
    return this.attempts.find((attempt) => attempt.link === link)?.connection;
  }
}
