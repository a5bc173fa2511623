/**
 * What happens in a run, as plain data: it can be printed, shortened and run again.
 *
 * @module
 */
import type { TransportConfig } from "../../transport/connection/config.ts";
import type { PathStatus } from "../../transport/paths/path.ts";
import type { StreamKind } from "../../transport/streams/stream_id.ts";
import type { Direction, WorldLinkOptions } from "../kit/world.ts";

/** One of the two ends. */
export type EndName = "client" | "server";

/** Damage that a link does to the next datagrams of one direction. */
export type Damage =
  | { readonly kind: "drop" }
  | { readonly kind: "duplicate" }
  /** They arrive so much later, out of order: milliseconds. */
  | { readonly kind: "delay"; readonly by: number }
  /** The byte at this share of the length, 0 to 1, is changed. */
  | { readonly kind: "corrupt"; readonly at: number };

/** What an operation does. A link, a stream or a path that there is not: `nth` counts on from the first again. */
export type Deed =
  | {
    readonly do: "openPath";
    readonly link: number;
    readonly port: number;
    readonly status: PathStatus;
    readonly cost?: number;
    readonly metered?: boolean;
  }
  | { readonly do: "closePath"; readonly end: EndName; readonly nth: number; readonly code: number }
  | { readonly do: "status"; readonly end: EndName; readonly nth: number; readonly status: PathStatus }
  | {
    readonly do: "describe";
    readonly nth: number;
    readonly label: string;
    readonly cost: number;
    readonly metered?: boolean;
  }
  | { readonly do: "rebind"; readonly link: number; readonly address: boolean }
  | { readonly do: "keys"; readonly end: EndName }
  /** Sends with another of the peer's ids. */
  | { readonly do: "rotate"; readonly end: EndName; readonly nth: number }
  /** Gives the peer other ids. */
  | { readonly do: "renew"; readonly end: EndName; readonly nth: number }
  | {
    readonly do: "damage";
    readonly link: number;
    readonly direction: Direction;
    readonly damage: Damage;
    readonly count: number;
  }
  | { readonly do: "cut"; readonly link: number; readonly direction: Direction; readonly how: "dead" | "unreachable" }
  | { readonly do: "mend"; readonly link: number }
  | { readonly do: "shape"; readonly link: number; readonly direction: Direction; readonly shape: Shape }
  | { readonly do: "mtu"; readonly link: number; readonly mtu: number }
  /** The host is not called for so long; what arrives is lost, or kept until it wakes. */
  | { readonly do: "sleep"; readonly end: EndName; readonly ms: number; readonly keeps: boolean }
  | { readonly do: "mode"; readonly end: EndName; readonly mode: string }
  /** As "mode", with so many bytes for the paths of each link and for path 0. */
  | { readonly do: "budget"; readonly end: EndName; readonly mode: string; readonly bytes: number }
  /** What a path may carry; -1: anything. */
  | { readonly do: "allow"; readonly end: EndName; readonly nth: number; readonly bytes: number }
  /** Of a stream that is sent on; "": that of the connection. */
  | { readonly do: "streamMode"; readonly end: EndName; readonly nth: number; readonly mode: string }
  | { readonly do: "ask"; readonly mode: string }
  /** The client asks for the mode of a stream that it reads; "": that of the connection. */
  | { readonly do: "askStream"; readonly nth: number; readonly mode: string }
  | {
    readonly do: "stream";
    readonly end: EndName;
    readonly kind: StreamKind;
    readonly bytes: number;
    readonly finish: boolean;
  }
  | { readonly do: "write"; readonly end: EndName; readonly nth: number; readonly bytes: number }
  | { readonly do: "finish"; readonly end: EndName; readonly nth: number }
  | { readonly do: "reset"; readonly end: EndName; readonly nth: number; readonly code: number }
  | { readonly do: "stop"; readonly end: EndName; readonly nth: number; readonly code: number }
  | {
    readonly do: "priority";
    readonly end: EndName;
    readonly nth: number;
    readonly urgency: number;
    readonly incremental: boolean;
  }
  /** To the path of that place in the list; -1: to none. */
  | { readonly do: "pin"; readonly end: EndName; readonly nth: number; readonly path: number }
  /** Whether the application reads. */
  | { readonly do: "reading"; readonly end: EndName; readonly on: boolean }
  | {
    readonly do: "datagrams";
    readonly end: EndName;
    readonly count: number;
    readonly bytes: number;
    /** As of "pin". */
    readonly path: number;
    /** Milliseconds after which they are of no use; 0: never. */
    readonly life: number;
    /** As of "streamMode". */
    readonly mode?: string;
  }
  | { readonly do: "signal"; readonly end: EndName; readonly nth: number; readonly value: number }
  | { readonly do: "ping"; readonly end: EndName }
  /** Its deadlines are looked at although none has come. */
  | { readonly do: "poke"; readonly end: EndName }
  | { readonly do: "close"; readonly end: EndName; readonly code: number };

/** A deed, and how long after the one before: milliseconds. */
export type Operation = { readonly wait: number } & Deed;

/** How a link is; what is not said is as the kit has it. */
export type Shape = Pick<
  WorldLinkOptions,
  "rateMbps" | "delayMs" | "jitterMs" | "reorder" | "queuePackets" | "lossPercent" | "duplicatePercent" | "ecn"
>;

/** Everything about a run. */
export interface Plan {
  /** Of the world. */
  readonly seed: number;
  readonly links: readonly (Shape & { readonly mtu: number })[];
  /** Whether all links wait in one queue. */
  readonly shared: boolean;
  /** Whether the server has an address for each link. */
  readonly apart: boolean;
  /** Whether the server makes clients prove their address. */
  readonly retry: boolean;
  readonly client: TransportConfig;
  readonly server: TransportConfig;
  /** Whether the first operation waits until both ends have confirmed the handshake. */
  readonly patient: boolean;
  readonly operations: readonly Operation[];
  /** Links that are well again after the chaos, while all transfers must end: bits, the first link's is 1. */
  readonly healthy: number;
  /** Who closes in the end. */
  readonly closer: EndName;
}

/** A plan on one line, for people to hand on. */
export function formatPlan(plan: Plan): string {
  return JSON.stringify(plan);
}

/** Reads what {@linkcode formatPlan} wrote. Throws `TypeError` when it is not that. */
export function parsePlan(text: string): Plan {
  let plan: Partial<Plan> | null;
  try {
    plan = JSON.parse(text) as Partial<Plan> | null;
  } catch {
    throw new TypeError("Plan is no JSON: expected the text that a failed run prints");
  }
  const isPlan = typeof plan === "object" && plan !== null && Array.isArray(plan.operations) &&
    Array.isArray(plan.links) && typeof plan.seed === "number";
  if (!isPlan) {
    throw new TypeError("Plan has no seed, links and operations: expected the text that a failed run prints");
  }
  return plan as Plan;
}
