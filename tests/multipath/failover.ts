/**
 * An exchange of data in the middle of which a path dies, and how long the applications wait.
 *
 * @module
 */
import type { TransportConfig } from "../../transport/connection/config.ts";
import type { Connection } from "../../transport/connection/connection.ts";
import type { PathStats } from "../../transport/paths/path_events.ts";
import { bulk, Requests } from "../kit/apps.ts";
import type { WorldLinkOptions } from "../kit/world.ts";
import { Paths } from "./paths.ts";

/** How a path dies. */
export type Death =
  /** Whatever is handed over vanishes. */
  | "silent"
  /** The same, and sends fail. */
  | "unreachable"
  /** Only what the client sends vanishes. */
  | "up"
  /** Only what the server sends vanishes. */
  | "down";

/** What is exchanged. */
export type Load = "up" | "down" | "both" | "duplex";

/** Which exchange, and which death. */
export interface Cut {
  /** Where the bulk of the bytes goes; "both": up and then down, "duplex": at once. */
  readonly load: Load;
  /** Default 200,000 in each direction that has any. */
  readonly bytes?: number;
  /** The link, and so the path, that dies; `undefined`: none does. */
  readonly path: number | undefined;
  readonly death: Death;
  /** The first datagram of the exchange, over all links and directions, that meets the death; counted from 1. */
  readonly at: number;
  readonly seed?: number;
  readonly links?: readonly WorldLinkOptions[];
  readonly transport?: TransportConfig;
}

/** One direction of an exchange. */
export interface Waiting {
  readonly direction: "up" | "down";
  /** The longest time without a new byte in order, from the death on, in milliseconds. */
  wait: number;
  /** When it ended, after the death. */
  endedAfter: number;
  /** One PTO and one round trip of the path that died, and one round trip of the other, by the sender at the death. */
  bound: number;
  /** Whether the windows of the paths that stay were full when the first PTO was over: then data has to wait for one. */
  isFull: boolean;
  /** Whether the request for it had not arrived, and goes behind the bulk of the other direction. */
  isBehind: boolean;
}

/** What came of it. */
export interface Outcome {
  /** Datagrams of the exchange, all links and directions. */
  readonly datagrams: number;
  readonly waits: readonly Waiting[];
  /** From the first request to the last byte. */
  readonly duration: number;
  readonly paths: Paths;
  readonly diedAt: number;
  /** Datagrams that the paths that stayed lost from the death on: more than the bound allows for. */
  readonly lostElsewhere: number;
}

/** Paths are ready, MTU searches over, when the exchange begins. */
const START = 1500;
const MAX_ACK_DELAY = 25;

/** 20 Mbit/s each, 10 and 25 ms one way. */
export const LINKS: readonly WorldLinkOptions[] = [{ delayMs: 10, rateMbps: 20 }, { delayMs: 25, rateMbps: 20 }];

/** A path's PTO by its figures, without back-off. */
export function ptoOf(path: PathStats): number {
  return path.srtt + Math.max(4 * path.rttVar, 1) + MAX_ACK_DELAY;
}

/**
 * By the figures of the end that has to notice: the sender, or while the request is on its way, the client. A round trip takes
 * as long as the links do at least, whatever little was measured so far.
 */
function boundOf(noticing: readonly Connection[], dead: number, links: readonly WorldLinkOptions[]): number {
  let bound = 0;
  for (const connection of noticing) {
    let sum = 0;
    for (const path of connection.stats().paths) {
      const rtt = Math.max(path.srtt, 2 * (links[path.id]!.delayMs ?? 0));
      sum += path.id === dead ? ptoOf(path) + rtt : rtt;
    }
    bound = Math.max(bound, sum);
  }
  return bound;
}

/** Whether no path but the one that died may send another packet. */
function isFull(sender: Connection, dead: number | undefined): boolean {
  return sender.stats().paths.every((path) => path.id === dead || path.inFlight + path.mtu > path.cwnd);
}

/** Datagrams that links other than the one that dies have lost so far. */
function lossesBut(paths: Paths, dead: number | undefined): number {
  let lost = 0;
  for (const [index, { up, down }] of paths.links.entries()) {
    if (index === dead) continue;
    for (const link of [up, down]) for (const count of Object.values(link.counts.dropped)) lost += count;
  }
  return lost;
}

/** Two ends with an exchange to make. */
function pathsFor({ seed = 1, links = LINKS, transport = {} }: Cut, requests: Requests): Paths {
  const [clientApps, serverApps] = [[requests.client], [requests.server]];
  return new Paths({ seed, links, client: transport, server: transport, clientApps, serverApps });
}

/** One for each direction in which something goes. */
function waitsOf(load: Load): Waiting[] {
  const directions = (["up", "down"] as const).filter((direction) => load !== (direction === "up" ? "down" : "up"));
  return directions.map((direction) => (
    { direction, wait: 0, endedAfter: 0, bound: 0, isFull: false, isBehind: false }
  ));
}

/** Who can notice: the one that sends, and the client too while its request may be what was lost. */
function noticing({ client, server }: Paths, direction: "up" | "down", hasBegun: boolean): Connection[] {
  if (direction === "up") return [client];
  return hasBegun ? [server] : [client, server];
}

function kill(link: Paths["links"][number], death: Death): void {
  if (death === "silent") link.set({ dead: true });
  else if (death === "unreachable") link.set({ unreachable: true });
  else link.set({ dead: true }, death);
}

/** Exchanges, and lets the path die. Throws when not all arrives, byte for byte, or the connection does not stay up. */
export function exchange(cut: Cut): Outcome {
  const { load, bytes = 200_000, path: dead, death, at } = cut;
  const list = load === "duplex" ? [...bulk("up", bytes), ...bulk("down", bytes)] : bulk(load, bytes);
  const requests = new Requests(list.map((r) => ({ ...r, delay: START })), {
    at: (time, run) => paths.world.at(time, run),
  });
  const paths: Paths = pathsFor(cut, requests);
  const { world } = paths;
  paths.ready();
  const { startedAt } = requests.exchanges[0]!;
  let [datagrams, diedAt, lostBefore, checkAt] = [0, Infinity, 0, Infinity];
  const waits = waitsOf(load);
  world.onSend = () => {
    if (requests.exchanges[0]!.streamId < 0 || ++datagrams !== at || dead === undefined) return;
    diedAt = world.now;
    lostBefore = lossesBut(paths, dead);
    checkAt = diedAt + Math.max(...[paths.client, paths.server].map((end) => ptoOf(end.stats().paths[dead]!)));
    kill(paths.links[dead]!, death);
    for (const wait of waits) {
      const { direction } = wait;
      wait.bound = boundOf(noticing(paths, direction, had.down > 0), dead, cut.links ?? LINKS);
      wait.isBehind = load === "duplex" && direction === "down" && one.down.requestedAt < 0;
    }
  };
  const had = { up: 0, down: 0, upAt: startedAt, downAt: startedAt };
  const one = { up: requests.exchanges[0]!, down: requests.exchanges.at(-1)! };
  world.require(`the exchange, cut at ${at}`, () => {
    for (const wait of waits) {
      const { direction } = wait;
      if (world.now >= checkAt) wait.isFull = isFull(direction === "up" ? paths.client : paths.server, dead);
      // What comes when all that was asked for is there is not waited for before.
      if (load === "both") had.downAt = Math.max(had.downAt, one.down.requestedAt);
      if (one[direction][direction] === had[direction]) continue;
      had[direction] = one[direction][direction];
      const since = Math.max(had[`${direction}At`], diedAt);
      if (world.now - since > wait.wait) {
        wait.wait = world.now - since;
        wait.endedAfter = world.now - diedAt;
      }
      had[`${direction}At`] = world.now;
    }
    if (world.now >= checkAt) checkAt = Infinity;
    return requests.isDone;
  }, world.now + 60_000);
  world.onSend = undefined;
  for (const end of [paths.client, paths.server]) {
    if (end.state !== "connected") throw new Error(`The connection is ${end.state}: expected it to stay up`);
  }
  return {
    datagrams,
    waits,
    duration: requests.completedAt - startedAt,
    paths,
    diedAt,
    lostElsewhere: lossesBut(paths, dead) - lostBefore,
  };
}

/** The values at some quantiles, and the largest. */
export function quantiles(values: readonly number[], at: readonly number[] = [0.5, 0.95, 1]): number[] {
  const sorted = values.toSorted((a, b) => a - b);
  return at.map((q) => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? NaN);
}
