import { assertEquals, assertGreater, assertNotEquals } from "@std/assert";
import fc from "fast-check";
import { TransportErrorCode } from "../../transport/base/errors.ts";
import type { Connection } from "../../transport/connection/connection.ts";
import type { Frame } from "../../transport/wire/frames/types.ts";
import { bulk, Requests } from "../kit/apps.ts";
import { applicationFrame, handshakeFrame } from "./arbitrary.ts";
import { CLIENT_ADDRESS, Pair, type PairOptions, SERVER_ADDRESS } from "./pair.ts";
import { joined, Rogue } from "./rogue.ts";

/** What happens to one datagram. */
interface Mutation {
  readonly direction: "up" | "down";
  /** Counted from 1. */
  readonly number: number;
  readonly kind: "flip" | "cut" | "grow" | "splice" | "twice" | "late" | "other port";
  /** Where, as a share of the length. */
  readonly at: number;
  readonly value: number;
}

const mutation: fc.Arbitrary<Mutation> = fc.record({
  direction: fc.constantFrom("up" as const, "down" as const),
  number: fc.integer({ min: 1, max: 30 }),
  kind: fc.constantFrom("flip", "cut", "grow", "splice", "twice", "late", "other port"),
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  value: fc.integer({ min: 1, max: 255 }),
});

/** The datagrams that arrive in the place of one. */
function mutated(data: Uint8Array, before: Uint8Array | undefined, m: Mutation): Uint8Array {
  const at = Math.min(data.length - 1, Math.floor(m.at * data.length));
  if (m.kind === "flip") data[at]! ^= m.value;
  if (m.kind === "cut") return data.slice(0, at);
  if (m.kind === "grow") return joined([data, new Uint8Array(m.value).fill(m.value)]);
  if (m.kind === "splice" && before !== undefined) return joined([data.subarray(0, at), before.subarray(at)]);
  return data;
}

/** Applies mutations to what a pair sends. */
function mutate(pair: Pair, mutations: readonly Mutation[]): void {
  for (const direction of ["up", "down"] as const) {
    const own = new Map(mutations.filter((m) => m.direction === direction).map((m) => [m.number, m]));
    let before: Uint8Array | undefined;
    pair.link[direction].tap = ({ number, data }) => {
      const m = own.get(number);
      const copy = data.slice();
      if (m === undefined) {
        before = copy;
        return "pass";
      }
      const result = mutated(copy, before, m);
      const [node, local, remote] = direction === "up"
        ? [pair.serverNode, SERVER_ADDRESS, CLIENT_ADDRESS] as const
        : [pair.clientNode, CLIENT_ADDRESS, SERVER_ADDRESS] as const;
      const from = m.kind === "other port" ? { ...remote, port: 1000 + m.value } : remote;
      const arrive = (now: number): void =>
        node.receive({ data: result.slice(), local, remote: from, ecn: "not-ect" }, now);
      pair.world.after(15, arrive);
      if (m.kind === "twice") pair.world.after(16, arrive);
      if (m.kind === "late") pair.world.after(15 + 4 * m.value, arrive);
      return "drop";
    };
  }
}

/** An end must have ended for a reason that is not a fault of its own. */
function assertProper(connection: Connection | undefined, what: string): void {
  const code = connection?.error?.code;
  assertNotEquals(code, TransportErrorCode.INTERNAL_ERROR, `${what}: ${connection?.error?.stack}`);
}

Deno.test("Connection survives any mutation of datagrams: it transfers, or both ends say what is wrong", () => {
  let whole = 0;
  fc.assert(
    fc.property(fc.array(mutation, { minLength: 1, maxLength: 12 }), fc.nat(1000), (mutations, seed) => {
      const load = new Requests(bulk("both", 40_000), { startOn: "connected" });
      const pair = new Pair({ seed, clientApps: [load.client], serverApps: [load.server] });
      mutate(pair, mutations);
      pair.world.run({ until: () => load.isDone || pair.client.state === "closed", limit: 60_000 });
      if (load.isDone) whole += 1;
      else assertEquals(pair.client.state, "closed", "neither done nor closed");
      assertProper(pair.client, "client");
      for (const server of pair.serverNode.connections) assertProper(server, "server");
    }),
    { numRuns: 150, seed: 1 },
  );
  // Nobody without keys can do worse than delay: packets that are changed are dropped.
  assertGreater(whole, 140);
});

interface Step {
  readonly level: "initial" | "handshake" | "application";
  readonly frames: readonly (Frame | Uint8Array)[];
  readonly path: number;
  readonly wait: number;
}

const piece: fc.Arbitrary<Frame | Uint8Array> = fc.oneof(
  { weight: 12, arbitrary: applicationFrame },
  { weight: 1, arbitrary: fc.uint8Array({ minLength: 1, maxLength: 30 }) },
);
const step: fc.Arbitrary<Step> = fc.record({
  level: fc.constant("application" as const),
  frames: fc.array(piece, { minLength: 1, maxLength: 4 }),
  path: fc.oneof({ weight: 6, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(2) }),
  wait: fc.constantFrom(0, 0, 1, 30, 300),
});
const handshakeStep: fc.Arbitrary<Step> = fc.record({
  level: fc.constantFrom("initial" as const, "handshake" as const),
  frames: fc.array(fc.oneof({ weight: 9, arbitrary: handshakeFrame }, { weight: 1, arbitrary: applicationFrame }), {
    minLength: 1,
    maxLength: 3,
  }),
  path: fc.constant(0),
  wait: fc.constantFrom(0, 1, 30, 300),
});

/** Says all that to the victim, lets it live on for a while, and looks how it does. */
function say(pair: Pair, rogue: Rogue, steps: readonly Step[]): void {
  for (const { level, frames, path, wait } of steps) {
    if (rogue.victim.state !== "connected" && rogue.victim.state !== "handshaking") break;
    const known = path === 0 ||
      rogue.victimTrace.frames("sent", "new_connection_id").some((f) => f.frame.path === path);
    rogue.send({ level, frames, path: known ? path : 0 });
    pair.world.runFor(wait);
  }
  assertProper(rogue.victim, "victim");
  pair.world.runFor(5000);
  assertProper(rogue.victim, "victim");
  const { error, state } = rogue.victim;
  if (error !== undefined) assertEquals(state, "closed");
}

for (const multipath of [false, true]) {
  for (const role of ["client", "server"] as const) {
    const name = multipath ? "multipath" : "one path";
    Deno.test(`Connection takes any frames from the ${role}, over ${name}: it goes on, or ends with a proper error`, () => {
      let survived = 0;
      fc.assert(
        fc.property(fc.array(step, { minLength: 1, maxLength: 12 }), (steps) => {
          const config = { maxPaths: multipath ? 3 : 0 };
          const options: PairOptions = { client: config, server: config };
          const pair = new Pair(options).confirm();
          pair.world.runFor(100);
          const rogue = new Rogue(pair, role).takeOver();
          const id = rogue.victim.openStream("bidirectional")!;
          rogue.victim.write(id, new Uint8Array(5000));
          say(pair, rogue, steps);
          if (rogue.victim.error === undefined) survived += 1;
        }),
        { numRuns: 250, seed: multipath ? 3 : 2 },
      );
      assertGreater(survived, 5);
    });
  }
}

Deno.test("Connection takes any handshake packets: it goes on, or ends with a proper error", () => {
  for (const role of ["client", "server"] as const) {
    fc.assert(
      fc.property(
        fc.array(handshakeStep, { minLength: 1, maxLength: 8 }),
        fc.integer({ min: 17, max: 60 }),
        (steps, at) => {
          const pair = new Pair();
          pair.world.runFor(role === "client" ? Math.min(at, 40) : at);
          const rogue = new Rogue(pair, role).takeOver();
          say(pair, rogue, steps);
        },
      ),
      { numRuns: 150, seed: 4 },
    );
  }
});
