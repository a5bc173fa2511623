import { assertEquals } from "@std/assert";
import type { TransportConfig } from "../../transport/connection/config.ts";
import type { Connection } from "../../transport/connection/connection.ts";
import { PathError } from "../../transport/base/errors.ts";
import { Requests } from "../kit/apps.ts";
import { Random } from "../kit/random.ts";
import { Paths } from "./paths.ts";

/** Runs in the suite; `RANDOM_SEEDS=first,count` in the environment runs others. */
const [FIRST, COUNT] = (Deno.env.get("RANDOM_SEEDS") ?? "1,20").split(",").map(Number) as [number, number];
/** Virtual milliseconds that a run may take. */
const LIMIT = 400_000;
const LINKS = 4;

function pick<T>(random: Random, ...of: readonly T[]): T {
  return of[random.int(of.length)]!;
}

function randomConfig(random: Random): TransportConfig {
  return {
    maxIdleTimeout: 120_000,
    maxPaths: pick(random, 2, 3, 4, 8),
    activeConnectionIdLimit: pick(random, 2, 3, 4, 8),
    maxAckDelay: pick(random, 0, 25, 100),
    congestion: pick(random, "cubic", "newreno"),
    initialMaxData: pick(random, 20_000, 1 << 20),
    maxAckRanges: pick(random, 4, 64),
    ecn: random.chance(0.3),
  };
}

function openIds(connection: Connection): number[] {
  const open = connection.stats().paths.filter(({ state }) => state !== "closing" && state !== "gone");
  return open.map(({ id }) => id);
}

/** Does something that may be refused for reasons of the moment. */
function attempt(run: () => void): boolean {
  try {
    run();
    return true;
  } catch (error) {
    if (error instanceof PathError) return false;
    throw error;
  }
}

/** One thing that may happen in the middle of a run. Path 0, on link 0, always gets something through. */
function happen(paths: Paths, random: Random): string {
  const { world, client, server } = paths;
  const number = random.int(LINKS);
  const link = paths.links[number]!;
  const end = pick(random, client, server);
  const id = pick(random, ...openIds(end));
  const name = `${end.role} path ${id}`;
  switch (random.int(14)) {
    case 0:
    case 1:
    case 2: {
      const status = pick(random, "available", "backup");
      return attempt(() => paths.open(number, { status })) ? `open on ${number}` : "no path more";
    }
    case 3:
    case 4:
      if (id === 0) return "nothing";
      return attempt(() => end.closePath(id, random.int(100), "at random", world.now)) ? `${name} closes` : "the last";
    case 5:
      end.setPathStatus(id, pick(random, "available", "backup"), world.now);
      return `${name} status`;
    case 6:
      end.rotateConnectionId(id);
      return `${name} rotates`;
    case 7:
      end.renewConnectionIds(id);
      return `${name} renews`;
    case 8:
      end.updateKeys();
      return `${end.role} keys`;
    case 9:
      if (number > 0) link.rebind({ address: random.chance(0.5) });
      return `rebind ${number}`;
    case 10:
      if (number > 0) {
        link.set({ dead: true }, pick(random, "up", "down", "both"));
        world.after(random.int(8000), () => link.set({ dead: false }));
      }
      return `outage of ${number}`;
    case 11:
      if (number > 0) {
        link.set({ unreachable: true });
        world.after(random.int(3000), () => link.set({ unreachable: false }));
      }
      return `${number} unreachable`;
    case 12:
      link.set({ lossPercent: random.int(12), duplicatePercent: random.int(5), corruptPercent: random.int(3) });
      return `damage on ${number}`;
    default:
      link.set({ rateMbps: pick(random, 1, 10, 50), delayMs: pick(random, 1, 20, 150), jitterMs: random.int(10) });
      return `other rate on ${number}`;
  }
}

/** One run; throws with what happened when something is wrong. */
function run(seed: number): void {
  const random = new Random(seed);
  const load = new Requests(Array.from({ length: 3 + random.int(10) }, (_, i) => ({
    request: random.int(pick(random, 500, 100_000)),
    response: random.int(pick(random, 500, 400_000)),
    after: i === 0 || random.chance(0.5) ? null : random.int(i),
  })));
  const paths = new Paths({
    seed,
    links: Array.from({ length: LINKS }, () => ({ rateMbps: pick(random, 2, 20), delayMs: pick(random, 1, 15, 80) })),
    client: randomConfig(random),
    server: randomConfig(random),
    clientApps: [load.client],
    serverApps: [load.server],
    open: [],
  }).ready();
  const { world, client, server } = paths;
  const story: string[] = [];
  try {
    for (let i = 0; i < 60 && client.state === "connected" && server.state === "connected"; i++) {
      world.runFor(random.int(pick(random, 5, 50, 500, 2000)));
      story.push(`${world.now.toFixed(0)} ${happen(paths, random)}`);
    }
    assertEquals([client.error, server.error], [undefined, undefined]);
    world.runFor(8001);
    for (const link of paths.links) {
      link.set({ lossPercent: 0, duplicatePercent: 0, corruptPercent: 0, rateMbps: 20, delayMs: 15 });
    }
    world.require("all responses", () => load.isDone, world.now + LIMIT);
    world.runFor(60_000);
    assertEquals([client.error, server.error], [undefined, undefined]);
    // Both know of the same paths, and nothing hangs between life and death.
    const known = (c: Connection): string[] => c.stats().paths.map(({ id, state }) => `${id} ${state}`).sort();
    assertEquals(known(client), known(server));
    assertEquals(known(client).filter((path) => !path.endsWith("usable")), []);
  } catch (error) {
    throw new Error(`Seed ${seed}: ${story.join(", ")}`, { cause: error });
  }
}

Deno.test(`Connection survives whatever happens to its paths, in ${COUNT} random runs`, () => {
  for (let seed = FIRST; seed < FIRST + COUNT; seed++) run(seed);
});
