/**
 * What a run can be told beside its scenario, and what a scenario says to a transport.
 *
 * @module
 */
import type { CryptoProvider } from "../../../crypto/provider.ts";
import type { ControllerFactory } from "../../../recovery/congestion/controller.ts";
import type { ModeChoice } from "../../../schedulers/modes.ts";
import type { SchedulerFactory } from "../../../schedulers/scheduler.ts";
import type { SchedulerStats } from "../../../transport/connection/scheduler_seat.ts";
import type { Observer } from "../../../transport/base/observer.ts";
import type { TransportConfig } from "../../../transport/connection/config.ts";
import type { LinkOptions } from "../link_options.ts";
import type { NumberSpaces, Scenario, ScenarioSide, Side } from "../scenario/types.ts";
import type { WorldCrypto } from "../world_provider.ts";

/** A datagram at the moment at which it is handed to a link. */
export interface SentDatagram {
  /** Which link. */
  readonly link: string;
  /** "up": from the client. */
  readonly direction: "up" | "down";
  /** UDP payload; only valid during the call. */
  readonly data: Uint8Array;
  /** Virtual time. */
  readonly now: number;
}

/** What a run can be told beside its scenario. */
export interface RunScenarioOptions {
  /** In place of the scenario's. */
  readonly seed?: number | undefined;
  /** In place of what the sides name. */
  readonly schedulers?: { readonly client?: SchedulerFactory; readonly server?: SchedulerFactory } | undefined;
  /** Congestion controllers beside the built-in ones, by the names that sides use. */
  readonly controllers?: ReadonlyMap<string, ControllerFactory> | undefined;
  /** Hear of each end's connection. */
  readonly observers?: { readonly client?: Observer; readonly server?: Observer } | undefined;
  /** Sees all datagrams, cross traffic included. */
  readonly onDatagram?: ((datagram: SentDatagram) => void) | undefined;
  /** Hears of application bytes when they are delivered; "up": to the server. */
  readonly onDelivered?: ((direction: "up" | "down", bytes: number, now: number) => void) | undefined;
  /** Hears of each message of a `periodic` load and each chunk of a `video` when it was answered to its last byte. */
  readonly onAnswered?: ((startedAt: number, now: number) => void) | undefined;
  /** Hears at the end how each end's scheduler did: one that made too many faults has given way to min-RTT. */
  readonly onScheduler?: ((side: Side, stats: SchedulerStats) => void) | undefined;
  /** "plain": packets are not encrypted, which takes less time and changes nothing else. Default "real". */
  readonly crypto?: WorldCrypto | undefined;
  /** Whose cryptography it is; all give the same bytes. Default: the fastest. */
  readonly provider?: CryptoProvider | undefined;
  /** Tells real time in milliseconds, for `wallMs`. Default: always 0. */
  readonly clock?: (() => number) | undefined;
}

/** Credit that a connection and a stream start with, where the scenario allows as much. */
const INITIAL_DATA = 1 << 20;
const INITIAL_STREAM_DATA = 1 << 19;

/** The settings of one side's transport. Throws `TypeError` for a scheduler from a module that nobody loaded. */
export function transportOf(scenario: Scenario, side: Side, options: RunScenarioOptions): TransportConfig {
  const own = scenario[side];
  const config: Record<string, unknown> = {
    maxIdleTimeout: own.idleTimeout,
    maxUdpPayload: own.payloadLimit,
    initialMaxData: Math.min(INITIAL_DATA, own.connectionWindow),
    initialMaxStreamData: Math.min(INITIAL_STREAM_DATA, own.streamWindow),
    connectionWindow: own.connectionWindow,
    streamWindow: own.streamWindow,
    initialWindowPackets: own.initialWindowPackets,
    congestion: controllerOf(own.congestion, options),
    mode: modeOf(own, side, options),
    maxAckRanges: own.ackRanges,
    maxPaths: own.numberSpaces === "off" ? 0 : own.maxPaths,
    hints: own.hints,
    ecn: marksEcn(scenario),
  };
  if (own.numberSpaces === "single") config.numberSpaces = "single";
  return config;
}

/** A built-in controller's name, or what was given under another one. */
export function controllerOf(name: string, options: RunScenarioOptions): "cubic" | "newreno" | ControllerFactory {
  return options.controllers?.get(name) ?? (name as "cubic" | "newreno");
}

function modeOf(own: ScenarioSide, side: Side, options: RunScenarioOptions): ModeChoice {
  const factory = options.schedulers?.[side];
  if (factory !== undefined) return factory;
  if (own.scheduler === undefined) return own.mode;
  throw new TypeError(`Scheduler of the ${side} is ${own.scheduler}: expected it to be loaded before the run`);
}

/** Endpoints mark their packets where a link would do something about it. */
function marksEcn(scenario: Scenario): boolean {
  const marks = ({ ecn }: LinkOptions): boolean => ecn === true;
  return scenario.links.some(({ both, up, down }) => marks(both) || marks(up) || marks(down)) ||
    scenario.events.some(({ action }) => action.type === "set" && marks(action.set));
}

/** Whether any link is ever dead. */
export function hasDeaths(scenario: Scenario): boolean {
  const isDead = ({ dead, unreachable }: LinkOptions): boolean => dead === true || unreachable === true;
  return scenario.links.some(({ both, up, down }) => isDead(both) || isDead(up) || isDead(down)) ||
    scenario.events.some(({ action }) => action.type === "set" && isDead(action.set));
}

/** What both sides together make of their wishes. */
export function spacesOf({ client, server }: Scenario): NumberSpaces {
  if (client.numberSpaces === "off" || server.numberSpaces === "off") return "off";
  return client.numberSpaces === "single" && server.numberSpaces === "single" ? "single" : "multiple";
}
