/**
 * The test kit: networks in virtual time with links, losses and translators, nodes and applications to run on them, and a
 * trace to assert on. Same seed, same run, to the byte.
 *
 * @example A link of 10 Mbit/s, and how long 1222 bytes take over it
 * ```ts
 * import { Link, Random } from "@multipath/quic/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const link = new Link({ rateMbps: 10, delayMs: 7 }, new Random(1));
 * const fate = link.offer(new Uint8Array(1222), "not-ect", 0);
 * assertEquals(fate.dropped === undefined && fate.arrivals[0]?.at, 8);
 * ```
 *
 * @module
 */
export { type App, type AppConnection, AppDriver } from "./app.ts";
export { bulk, type Exchange, type RequestOptions, Requests, type StartOn } from "./apps.ts";
export { type Admission, Bottleneck, type QueueLimit } from "./bottleneck.ts";
export { Clock, type EventClass } from "./clock.ts";
export {
  type Alarm,
  EndpointNode,
  type EndpointNodeOptions,
  WORLD_ALPN,
  type WorldConnectOptions,
} from "./endpoint_node.ts";
export { WORLD_CERTIFICATE, WORLD_KEY, WORLD_NAME, WORLD_TIME } from "./identity.ts";
export {
  Link,
  type LinkArrival,
  type LinkCounts,
  type LinkDrop,
  type LinkFate,
  type Tap,
  type TappedDatagram,
  type TapVerdict,
} from "./link.ts";
export {
  type CapacityStep,
  type CapacityTrace,
  OPPORTUNITY_BYTES,
  OpportunityCapacity,
  SteppedCapacity,
} from "./link_capacity.ts";
export { parseCapacityTrace } from "./link_trace.ts";
export { type BurstLoss, DEFAULT_LINK, type LinkOptions, type ResolvedLink, resolveLink } from "./link_options.ts";
export { Nat } from "./nat.ts";
export { World, type WorldOptions } from "./network.ts";
export { NetworkConnection, type NetworkConnectOptions, NetworkEnd } from "./network_connection.ts";
export type { Node } from "./node.ts";
export { checkPattern, fillPattern } from "./pattern.ts";
export { Random } from "./random.ts";
export * from "./scenario/mod.ts";
export type { RunScenarioOptions, SentDatagram } from "./sim/options.ts";
export { runScenario } from "./sim/run.ts";
export type { Finding, SchedulerRule, Violation } from "./scheduler_suite/rule.ts";
export { SCHEDULER_RULES } from "./scheduler_suite/rules.ts";
export { schedulerViolations, testScheduler } from "./scheduler_suite/test_scheduler.ts";
export { formatEntry, Trace, type TracedFrame, type TraceEntry, type TraceFilter, type TraceOptions } from "./trace.ts";
export { connectionView, pathView, type PlainConnection, type PlainPath, workOf } from "./views.ts";
export {
  type Direction,
  Host,
  type HostOptions,
  type LinkEnds,
  type RunEnd,
  type RunOptions,
  World as BareWorld,
  WorldLink,
  type WorldLinkOptions,
} from "./world.ts";
export { type WorldCrypto, worldProvider } from "./world_provider.ts";
