/**
 * Plans from seeds: what may happen in a run, and how often.
 *
 * @module
 */
import fc, { type Arbitrary } from "fast-check";
import { SCHEDULER_NAMES } from "../../schedulers/mod.ts";
import type { TransportConfig } from "../../transport/connection/config.ts";
import type { PathStatus } from "../../transport/paths/path.ts";
import type { StreamKind } from "../../transport/streams/stream_id.ts";
import type { Direction } from "../kit/world.ts";
import type { Damage, Deed, EndName, Operation, Plan, Shape } from "./plan.ts";

type NumberSpaces = NonNullable<TransportConfig["numberSpaces"]>;

const MAX_LINKS = 4;
const MAX_OPERATIONS = 60;
/** Longer than all chaos of a run and the back-off that it leaves behind: nobody may give up. Milliseconds. */
const IDLE = 600_000;
const HANDSHAKE = 500_000;

const end = fc.constantFrom<EndName>("client", "server");
const nth = fc.nat(7);
const code = fc.constantFrom(0, 1, 77, 2 ** 32, 2 ** 53 - 1);
const link = fc.nat(MAX_LINKS - 1);
const status = fc.constantFrom<PathStatus>("available", "available", "backup");
const direction = fc.constantFrom<Direction>("both", "up", "down");
const mode = fc.constantFrom(...SCHEDULER_NAMES);
/** For one stream or one datagram; "": that of the connection. */
const laneMode = fc.oneof({ weight: 3, arbitrary: mode }, { weight: 1, arbitrary: fc.constant("") });
const cost = fc.constantFrom(0, 0, 1, 5.5);
const metered = fc.constantFrom(false, false, true);
const mtu = fc.constantFrom(1500, 1500, 1228, 1300, 1480);

function upTo(low: number, high: number): Arbitrary<number> {
  return fc.integer({ min: low, max: high });
}

/** Mostly small: what a run costs is what it carries. */
const bytes = fc.oneof(
  { weight: 4, arbitrary: upTo(1, 1500) },
  { weight: 4, arbitrary: upTo(1500, 15_000) },
  { weight: 2, arbitrary: upTo(15_000, 60_000) },
  { weight: 1, arbitrary: upTo(60_000, 300_000) },
);

/** Many things happen at once, some after all is quiet. */
const wait = fc.oneof(
  { weight: 2, arbitrary: fc.constant(0) },
  { weight: 4, arbitrary: upTo(1, 20) },
  { weight: 3, arbitrary: upTo(20, 300) },
  { weight: 1, arbitrary: upTo(300, 3000) },
);

const damage: Arbitrary<Damage> = fc.oneof(
  fc.record({ kind: fc.constant("drop" as const) }),
  fc.record({ kind: fc.constant("duplicate" as const) }),
  fc.record({
    kind: fc.constant("delay" as const),
    by: fc.oneof({ weight: 4, arbitrary: upTo(1, 1000) }, { weight: 1, arbitrary: fc.constant(10_000) }),
  }),
  fc.record({ kind: fc.constant("corrupt" as const), at: fc.constantFrom(0, 0.01, 0.5, 0.99) }),
);

const shape: Arbitrary<Shape> = fc.record({
  rateMbps: fc.constantFrom(null, 0.5, 2, 10, 50),
  delayMs: fc.constantFrom(0, 1, 5, 20, 60, 300),
  jitterMs: fc.constantFrom(0, 0, 3, 30),
  reorder: fc.boolean(),
  queuePackets: fc.constantFrom(5, 20, 100, 1000),
  lossPercent: fc.constantFrom(0, 0, 0, 1, 5, 20),
  duplicatePercent: fc.constantFrom(0, 0, 5),
  ecn: fc.boolean(),
});

function deed<T extends Deed["do"]>(
  weight: number,
  what: T,
  rest: { [K in Exclude<keyof Extract<Deed, { do: T }>, "do">]: Arbitrary<Extract<Deed, { do: T }>[K]> },
): { weight: number; arbitrary: Arbitrary<Deed> } {
  const record = { do: fc.constant(what), ...rest } as unknown as { [K in keyof Deed]: Arbitrary<Deed[K]> };
  return { weight, arbitrary: fc.record(record) as unknown as Arbitrary<Deed> };
}

const deeds: Arbitrary<Deed> = fc.oneof(
  deed(14, "openPath", { link, port: fc.nat(2), status, cost, metered }),
  deed(4, "closePath", { end, nth, code }),
  deed(4, "status", { end, nth, status }),
  deed(2, "describe", { nth, label: fc.constantFrom("a", "wifi", "lte"), cost, metered }),
  deed(5, "rebind", { link, address: fc.boolean() }),
  deed(3, "keys", { end }),
  deed(10, "damage", { link, direction, damage, count: fc.constantFrom(1, 2, 5, 20) }),
  deed(5, "cut", { link, direction, how: fc.constantFrom("dead", "unreachable") }),
  deed(5, "mend", { link }),
  deed(4, "shape", { link, direction, shape }),
  deed(2, "mtu", { link, mtu }),
  deed(3, "sleep", { end, ms: fc.constantFrom(1, 50, 400, 3000, 20_000), keeps: fc.boolean() }),
  deed(6, "mode", { end, mode }),
  deed(1, "budget", { end, mode, bytes: fc.constantFrom(0, 2000, 30_000, 1_000_000) }),
  deed(2, "allow", { end, nth, bytes: fc.constantFrom(-1, 0, 2000, 30_000, 1_000_000) }),
  deed(3, "streamMode", { end, nth, mode: laneMode }),
  deed(1, "ask", { mode }),
  deed(1, "askStream", { nth, mode: laneMode }),
  deed(14, "stream", {
    end,
    kind: fc.constantFrom<StreamKind>("bidirectional", "bidirectional", "unidirectional"),
    bytes,
    finish: fc.constantFrom(true, false, false),
  }),
  deed(7, "write", { end, nth, bytes }),
  deed(3, "finish", { end, nth }),
  deed(2, "reset", { end, nth, code }),
  deed(2, "stop", { end, nth, code }),
  deed(2, "priority", { end, nth, urgency: fc.nat(7), incremental: fc.boolean() }),
  deed(2, "pin", { end, nth, path: upTo(-1, 4) }),
  deed(2, "reading", { end, on: fc.boolean() }),
  deed(4, "datagrams", {
    end,
    count: upTo(1, 8),
    bytes: fc.constantFrom(4, 100, 1000, 1200, 1400),
    path: fc.constantFrom(-1, -1, 0, 1, 2),
    life: fc.constantFrom(0, 0, 1, 100),
    mode: fc.oneof({ weight: 3, arbitrary: fc.constant("") }, { weight: 1, arbitrary: mode }),
  }),
  deed(2, "signal", { end, nth: fc.nat(3), value: upTo(0, 1000) }),
  deed(2, "ping", { end }),
  deed(2, "poke", { end }),
);

/** Things that only some plans have. */
const rare = {
  close: deed(1, "close", { end, code }),
  ids: [deed(1, "rotate", { end, nth }), deed(1, "renew", { end, nth })],
};

function operation(of: Arbitrary<Deed>): Arbitrary<Operation> {
  return fc.tuple(wait, of).map(
    ([wait, deed]) => ({ wait, ...deed }),
  );
}

const config: Arbitrary<TransportConfig> = fc.record({
  maxIdleTimeout: fc.constant(IDLE),
  handshakeTimeout: fc.constant(HANDSHAKE),
  keepAlive: fc.constantFrom(0, 0, 3000),
  maxUdpPayload: fc.constantFrom(1452, 1452, 1200),
  initialMaxData: fc.constantFrom(5000, 100_000, 1 << 20),
  initialMaxStreamData: fc.constantFrom(2000, 50_000, 1 << 19),
  sendBuffer: fc.constantFrom(3000, 100_000, 1 << 22),
  maxBidirectionalStreams: fc.constantFrom(1, 3, 100),
  maxUnidirectionalStreams: fc.constantFrom(1, 3, 100),
  maxAckDelay: fc.constantFrom(0, 25, 100),
  activeConnectionIdLimit: fc.constantFrom(2, 4, 8),
  congestion: fc.constantFrom("cubic", "newreno"),
  mode,
  maxAckRanges: fc.constantFrom(2, 8, 64),
  ecn: fc.boolean(),
  mtuDiscovery: fc.boolean(),
  maxPaths: fc.constantFrom(2, 3, 3, 4, 4, 4, 4, 8, 8, 8, 1, 0),
  hints: fc.constantFrom(true, true, false),
  acceptModes: fc.constant(SCHEDULER_NAMES),
  grease: fc.boolean(),
});

/** Lists of operations: in a part of them an end closes in the middle, in another part connection ids change. */
function lists(): Arbitrary<Operation[]> {
  const usual = { weight: 20, arbitrary: deeds };
  const list = (weight: number, of: Arbitrary<Deed>): { weight: number; arbitrary: Arbitrary<Operation[]> } => ({
    weight,
    arbitrary: fc.array(operation(of), { maxLength: MAX_OPERATIONS, size: "max" }),
  });
  return fc.oneof(
    list(12, deeds),
    list(2, fc.oneof(usual, rare.close)),
    list(2, fc.oneof(usual, ...rare.ids)),
  );
}

const SPACES: readonly (readonly [client: NumberSpaces, server: NumberSpaces])[] = [
  ["multiple", "multiple"],
  ["multiple", "multiple"],
  ["multiple", "multiple"],
  ["single", "single"],
  ["single", "single"],
  ["single", "multiple"],
  ["multiple", "single"],
];

/** Plans with this seed for the world. */
export function plans(seed: number): Arbitrary<Plan> {
  const links = fc.tuple(shape, mtu).map(([shape, mtu]) => ({ ...shape, mtu }));
  // Paths share a packet number space where both ends want it.
  const spaces = fc.constantFrom(...SPACES);
  const ends = fc.tuple(config, config, spaces).map(([client, server, [mine, theirs]]) =>
    [
      { ...client, numberSpaces: mine },
      { ...server, numberSpaces: theirs },
    ] as const
  );
  return fc.noBias(
    fc.record({
      seed: fc.constant(seed),
      links: fc.array(links, { minLength: 1, maxLength: MAX_LINKS, size: "max" }),
      shared: fc.constantFrom(false, false, false, true),
      apart: fc.boolean(),
      retry: fc.constantFrom(false, false, false, true),
      patient: fc.constantFrom(true, true, true, false),
      ends,
      operations: lists(),
      healthy: upTo(1, 2 ** MAX_LINKS - 1),
      closer: end,
    }).map(({ ends: [client, server], ...plan }) => ({ ...plan, client, server })),
  );
}
