/** Small scenarios for the tests beside this file. */
import type { Load, Scenario, ScenarioEvent, ScenarioLink, ScenarioSide } from "../scenario/types.ts";

/** A side with all defaults but min-RTT. */
export function side(changes: Partial<ScenarioSide> = {}): ScenarioSide {
  return {
    mode: "min-rtt",
    scheduler: undefined,
    congestion: "cubic",
    numberSpaces: "multiple",
    maxPaths: 4,
    ackRanges: 64,
    payloadLimit: 1452,
    initialWindowPackets: 10,
    connectionWindow: 16_777_216,
    streamWindow: 8_388_608,
    idleTimeout: 30_000,
    pin: new Map(),
    hints: true,
    ...changes,
  };
}

/** A link: 10 ms one way and no limit to its rate, unless something else is said. */
export function link(changes: Partial<ScenarioLink> = {}, number = 0): ScenarioLink {
  return {
    label: `link${number}`,
    both: { delayMs: 10 },
    up: {},
    down: {},
    share: undefined,
    status: "available",
    cost: 0,
    metered: false,
    openMs: 0,
    ...changes,
  };
}

/** One such link and so on, with this load. */
export function scenario(load: Load, changes: Partial<Scenario> = {}): Scenario {
  return {
    name: "small",
    about: "",
    seed: 1,
    limit: 60_000,
    links: [link()],
    events: [],
    client: side(),
    server: side(),
    load,
    cross: [],
    ...changes,
  };
}

/** Requests, each with the place of the one before it that it waits for, or null. */
export function requests(...list: { response: number; request?: number; after?: number | null; at?: number }[]): Load {
  return {
    kind: "requests",
    start: "confirmed",
    list: list.map(({ response, request = 257, after = null, at = 0 }) => ({ request, response, after, at })),
  };
}

/** A bulk transfer down over one stream. */
export function bulk(bytes: number): Load {
  return { kind: "bulk", start: "confirmed", direction: "down", bytes, streams: 1 };
}

/** Something that happens so long after a milestone. */
export function event(from: ScenarioEvent["from"], at: number, action: ScenarioEvent["action"]): ScenarioEvent {
  return { from, at, action };
}
