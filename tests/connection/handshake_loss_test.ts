import { assert, assertEquals } from "@std/assert";
import { Random } from "../kit/random.ts";
import { bulk, Requests } from "../kit/apps.ts";
import type { TapVerdict } from "../kit/link.ts";
import { Pair } from "./pair.ts";

/** How many datagrams of each direction are ill-treated, one per run. */
const FIRST = 20;
const DIRECTIONS = ["up", "down"] as const;
/** Enough for more than 20 datagrams each way. */
const BYTES = 60_000;

type Treatment = (data: Uint8Array, random: Random) => TapVerdict;

/** A transfer both ways while one datagram is ill-treated; returns how long it took. */
function transferWith(direction: "up" | "down", number: number, treat: Treatment): number {
  const load = new Requests(bulk("both", 2 * BYTES, 2), { startOn: "connected" });
  const pair = new Pair({ clientApps: [load.client], serverApps: [load.server] });
  const random = new Random(number);
  let treated = 0;
  pair.link[direction].tap = (datagram) => {
    if (datagram.number !== number) return "pass";
    treated += 1;
    return treat(datagram.data, random);
  };
  pair.world.require(
    `the transfer in spite of datagram ${number} ${direction}`,
    () => load.isDone && pair.client.isConfirmed && pair.server.isConfirmed,
    8000,
  );
  assertEquals(treated, 1, `datagram ${number} ${direction} was never sent`);
  assertEquals(pair.serverNode.connections.length, 1);
  assertEquals([pair.client.state, pair.server.state], ["connected", "connected"]);
  return load.completedAt;
}

function corrupt(data: Uint8Array, random: Random): TapVerdict {
  const at = random.int(data.length);
  data[at] = data[at]! ^ (1 + random.int(255));
  return "pass";
}

const TREATMENTS: readonly (readonly [string, Treatment])[] = [
  ["lost", () => "drop"],
  ["doubled", () => "duplicate"],
  ["late by 40 ms, behind others", () => ({ delay: 40 })],
  ["late by 2500 ms, after probes", () => ({ delay: 2500 })],
  ["changed in one byte", corrupt],
  ["cut to nothing but noise", (data, random) => {
    random.fill(data);
    return "pass";
  }],
];

for (const [name, treat] of TREATMENTS) {
  for (const direction of DIRECTIONS) {
    Deno.test(`Connection completes and transfers with any one of the first ${FIRST} datagrams ${direction} ${name}`, () => {
      for (let number = 1; number <= FIRST; number++) {
        const took = transferWith(direction, number, treat);
        // One probe timeout of a handshake without samples is 999 ms; nothing here costs more than two.
        assert(took < 3500, `datagram ${number} ${direction} ${name}: took ${took} ms`);
      }
    });
  }
}

Deno.test("Connection completes when any two of the first 6 datagrams are lost", () => {
  for (let a = 1; a <= 6; a++) {
    for (let b = a; b <= 6; b++) {
      const load = new Requests(bulk("both", 20_000), { startOn: "connected" });
      const pair = new Pair({
        link: { up: { drop: [a] }, down: { drop: [b] } },
        clientApps: [load.client],
        serverApps: [load.server],
      });
      pair.world.require(`the transfer without datagrams ${a} up and ${b} down`, () => load.isDone, 9900);
    }
  }
});

Deno.test("Connection completes over a link that loses 30 % in each direction, with any of 20 seeds", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const load = new Requests(bulk("both", 20_000), { startOn: "connected" });
    const pair = new Pair({
      seed,
      link: { lossPercent: 30 },
      client: { handshakeTimeout: 60_000, maxIdleTimeout: 120_000 },
      server: { handshakeTimeout: 60_000, maxIdleTimeout: 120_000 },
      clientApps: [load.client],
      serverApps: [load.server],
    });
    pair.world.require(`the transfer with seed ${seed}`, () => load.isDone, 120_000);
  }
});

Deno.test("Connection completes over a link that reorders, doubles and damages, with any of 20 seeds", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const load = new Requests(bulk("both", 50_000), { startOn: "connected" });
    const pair = new Pair({
      seed,
      link: { jitterMs: 30, reorder: true, duplicatePercent: 20, corruptPercent: 10 },
      clientApps: [load.client],
      serverApps: [load.server],
    });
    pair.world.require(`the transfer with seed ${seed}`, () => load.isDone, 60_000);
    assertEquals(pair.serverNode.connections.filter((c) => c.state === "connected").length, 1);
  }
});
