/** No scheduler, however strange, breaks a transfer. */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Decision, Reinjection, Scheduler, SchedulerFactory } from "../../schedulers/mod.ts";
import { bulk, Requests } from "../kit/apps.ts";
import { Random } from "../kit/random.ts";
import { Paths } from "./paths.ts";

/** How a scheduler behaves: chances out of 100, and a seed. */
interface Temper {
  readonly seed: number;
  readonly holds: number;
  readonly copies: number;
  readonly nonsense: number;
  readonly meddles: number;
  readonly reinjection: Reinjection;
}

const NONSENSE: readonly unknown[] = [
  undefined,
  null,
  "1",
  { path: 9, copies: [] },
  { path: NaN, copies: [] },
  { path: 0 },
  { path: 0, copies: [0] },
  { path: 0, copies: [1, 1, 1] },
  { path: "0", copies: null },
];

function moody(temper: Temper): SchedulerFactory {
  return (host) => {
    const random = new Random(temper.seed);
    const chance = (percent: number): boolean => random.next() * 100 < percent;
    const one = <T>(of: readonly T[]): T => of[Math.floor(random.next() * of.length)]!;
    const meddle = (ids: readonly number[]): void => {
      if (!chance(temper.meddles)) return;
      host.wakeAt(random.next() * 10_000);
      host.probe(one([...ids, 99]));
      host.setStatus(one([...ids, 99]), chance(50) ? "backup" : "available");
    };
    const scheduler: Scheduler = {
      name: "moody",
      reinjection: temper.reinjection,
      schedule(_work, { paths }) {
        const ids = paths.map((path) => path.id);
        meddle(ids);
        if (chance(temper.nonsense)) {
          if (chance(50)) throw new Error("no mood");
          return one(NONSENSE) as Decision;
        }
        if (chance(temper.holds)) return { path: -1, copies: [] };
        const path = one(ids);
        return { path, copies: chance(temper.copies) ? ids.filter((id) => id !== path) : [] };
      },
      ackPath: (receivedOn, { paths }) => chance(temper.nonsense) ? -7 : paths.length > 0 ? one(paths).id : receivedOn,
      onEvent(_event, { paths }) {
        meddle(paths.map((path) => path.id));
        if (chance(temper.nonsense / 10)) throw new Error("not again");
      },
    };
    return scheduler;
  };
}

const temper = fc.record({
  seed: fc.nat(),
  holds: fc.constantFrom(0, 10, 60),
  copies: fc.constantFrom(0, 30, 100),
  nonsense: fc.constantFrom(0, 0, 1, 20),
  meddles: fc.constantFrom(0, 5),
  reinjection: fc.constantFrom<Reinjection>("never", "when-idle", "before-new"),
});

Deno.test("Connection delivers every byte whatever its schedulers do, on links that lose, die and come back", () => {
  const link = fc.record({
    delayMs: fc.integer({ min: 1, max: 80 }),
    rateMbps: fc.constantFrom(2, 10, 50),
    lossPercent: fc.constantFrom(0, 0, 2, 8),
  });
  const world = fc.record({
    seed: fc.nat(),
    links: fc.array(link, { minLength: 1, maxLength: 4 }),
    client: temper,
    server: temper,
    dyingAt: fc.constantFrom(-1, 50, 300),
    swapAt: fc.constantFrom(-1, 120),
  });
  const run = fc.property(world, ({ seed, links, client, server, dyingAt, swapAt }) => {
    const load = new Requests([...bulk("down", 120_000), ...bulk("up", 120_000)]);
    const paths = new Paths({
      seed,
      // That a path cannot be validated over a bad link is another matter.
      links: links.map((link) => ({ ...link, lossPercent: 0 })),
      client: { mode: moody(client) },
      server: { mode: moody(server) },
      clientApps: [load.client],
      serverApps: [load.server],
    }).ready(60_000);
    links.forEach(({ lossPercent }, i) => paths.links[i]!.set({ lossPercent }));
    if (dyingAt >= 0 && links.length > 1) {
      paths.world.after(dyingAt, () => paths.links[0]!.set({ dead: true }));
      paths.world.after(dyingAt + 1500, () => paths.links[0]!.set({ dead: false }));
    }
    if (swapAt >= 0) {
      paths.world.after(swapAt, (now) => paths.server.setMode(moody({ ...server, seed: seed + 1 }), now));
    }
    paths.world.require("both transfers", () => load.isDone, 120_000);
    assertEquals([paths.client.error, paths.server.error], [undefined, undefined]);
    for (const end of [paths.client, paths.server]) assert(["moody", "min-rtt"].includes(end.schedulerName));
  });
  fc.assert(run, { seed: 7, numRuns: 60 });
});
