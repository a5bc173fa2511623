/**
 * The rules that every scheduler is to keep, as functions that return what was wrong. Each is tried on walks over views that are
 * made up, where it applies to single answers, and in worlds with real connections, where it applies to what comes of them.
 *
 * | Rule                            | on walks                                 | in worlds                                   |
 * |---------------------------------|------------------------------------------|---------------------------------------------|
 * | answers every question          | with paths that come and go              |                                             |
 * | never holds ...                 | each answer while nothing is in flight   | in all of them: the core need not help      |
 * | never picks an unusable path    | with paths that come and go              | in all of them                              |
 * | spares backups ...              | beside a path that answers all the time  | bytes on a backup beside a path that works  |
 * | keeps duplicates bounded        | copies, each on another path             | bytes that arrive more than once            |
 * | has every byte arrive once      |                                          | losses, several streams, datagrams          |
 * | survives a single path          | with one path                            | with one link                               |
 * | survives all paths blocked      | windows that are full for a while        | links that are dead for a while, all of them|
 * | survives paths coming and going | in every step                            | links that die, paths that close and open   |
 * | survives reordering             |                                          | links that reorder, and lose a little       |
 * | survives a mode swap ...        | before each tenth question               | every few datagrams                         |
 * | decides the same ...            | each walk twice                          | a world twice                               |
 *
 * @module
 */
import type { SchedulerFactory } from "../../../schedulers/mod.ts";
import { Random } from "../random.ts";
import type { MistakeKind } from "./answer.ts";
import type { Finding, SchedulerRule } from "./rule.ts";
import { type SuiteLink, SuiteWorld, type SuiteWorldOptions } from "./suite_world.ts";
import { walk, type WalkOptions } from "./walk.ts";

/** Walks of each sort, their steps, and worlds of each sort. */
const WALKS = 25;
const STEPS = 150;
const WORLDS = 5;

/** Two links that differ as Wi-Fi and a cellular network do. */
const TWO_LINKS: readonly SuiteLink[] = [
  { label: "wifi", delayMs: 10, rateMbps: 20 },
  { label: "cell", delayMs: 30, rateMbps: 10 },
];

/** Mistakes that break a rule about what a scheduler has to survive. */
const FATAL: readonly MistakeKind[] = ["threw", "unusable", "held"];

type Sort = Omit<WalkOptions, "seed" | "steps">;

/** The mistakes of these kinds on walks of this sort. */
function onWalks(factory: SchedulerFactory, kinds: readonly MistakeKind[], ...sorts: readonly Sort[]): Finding[] {
  const found: Finding[] = [];
  for (const sort of sorts) {
    for (let seed = 1; seed <= WALKS; seed++) {
      for (const { kind, step, what } of walk(factory, { seed, steps: STEPS, ...sort }).mistakes) {
        if (kinds.includes(kind)) found.push({ seed, step, what });
      }
    }
  }
  return found;
}

type Build = (random: Random, seed: number) => Omit<SuiteWorldOptions, "seed" | "factory">;

/** What went wrong in worlds of this sort; `live` does things to each. */
function inWorlds(
  factory: SchedulerFactory,
  build: Build,
  live?: (world: SuiteWorld, random: Random) => void,
): Finding[] {
  const found: Finding[] = [];
  for (let seed = 1; seed <= WORLDS; seed++) {
    const random = new Random(seed).fork("rule");
    const world = new SuiteWorld({ seed, factory, ...build(random, seed) });
    live?.(world, random);
    const finding = world.finish();
    if (finding !== undefined) found.push(finding);
  }
  return found;
}

const answers: SchedulerRule = {
  name: "answers every question",
  check: (factory) => onWalks(factory, ["threw"], {}, { churn: 0.3 }),
};

const neverHolds: SchedulerRule = {
  name: "never holds while nothing is in flight, data waits and a path has room",
  check: (factory) => onWalks(factory, ["held"], {}, { churn: 0.2 }, { hasSteady: true, churn: 0.2 }),
};

const neverUnusable: SchedulerRule = {
  name: "never picks an unusable path",
  check: (factory) => onWalks(factory, ["unusable"], {}, { churn: 0.5 }),
};

/** Of the bytes of a transfer, what may be on a backup that nobody needs: a share, beside some for the beginning. */
const SPARE_SHARE = 0.05;
const SPARE_BYTES = 3000;

const sparesBackups: SchedulerRule = {
  name: "spares backups while others work",
  check: (factory) => [
    ...onWalks(factory, ["backup"], { hasSteady: true }, { hasSteady: true, churn: 0.3 }),
    ...backupBytes(factory),
  ],
};

/** A backup that is faster than the path that is to be used. */
function backupBytes(factory: SchedulerFactory): Finding[] {
  const bytes = 300_000;
  const [seed, requests] = [1, [{ request: 100, response: bytes }]];
  const links: SuiteLink[] = [{ label: "wifi", delayMs: 25, rateMbps: 20 }, {
    label: "cell",
    delayMs: 5,
    rateMbps: 20,
    status: "backup",
  }];
  const world = new SuiteWorld({ seed, factory, links, requests });
  const finding = world.finish();
  if (finding !== undefined) return [finding];
  const spent = world.client.stats().paths.find(({ id }) => id === 1)?.streamBytesReceived ?? 0;
  if (spent <= bytes * SPARE_SHARE + SPARE_BYTES) return [];
  const what = `sent ${spent} of ${bytes} bytes on a backup: expected none beside a path that works`;
  return [{ seed, step: world.witness.answers.length, what }];
}

/** Beside one of each byte on each path, this share of them may come again: losses that were none. */
const REPEATED_SHARE = 0.05;

const boundsDuplicates: SchedulerRule = {
  name: "keeps duplicates bounded",
  check: (factory) => [
    ...onWalks(factory, ["copies"], {}, { churn: 0.3 }),
    ...repeatedBytes(factory),
  ],
};

function repeatedBytes(factory: SchedulerFactory): Finding[] {
  const bytes = 200_000;
  const [seed, requests] = [1, [{ request: 100, response: bytes }]];
  const world = new SuiteWorld({ seed, factory, links: TWO_LINKS, requests });
  const finding = world.finish();
  if (finding !== undefined) return [finding];
  // What is on the way may be copies too.
  world.world.runFor(500);
  const arrived = world.client.stats().paths.reduce((sum, path) => sum + path.streamBytesReceived, 0);
  const most = bytes * TWO_LINKS.length * (1 + REPEATED_SHARE);
  if (arrived <= most) return [];
  const what = `had ${arrived} bytes arrive for ${bytes}: expected at most one of each on each path`;
  return [{ seed, step: world.witness.answers.length, what }];
}

const everyByteOnce: SchedulerRule = {
  name: "has every byte arrive once",
  check: (factory) =>
    inWorlds(factory, (random) => ({
      links: TWO_LINKS.map((link) => ({ ...link, lossPercent: random.int(4), duplicatePercent: random.int(3) })),
      requests: [
        { request: 100, response: 60_000 },
        { request: 40_000, response: 30_000 },
        { request: 20, response: 1, after: 0 },
        { request: 20, response: 20_000, after: 1, delay: 300 },
      ],
      datagrams: 40,
    })),
};

const onePath: SchedulerRule = {
  name: "survives a single path",
  check: (factory) => [
    ...onWalks(factory, FATAL, { paths: 1 }, { paths: 1, blocks: 0.05 }),
    ...inWorlds(factory, (random) => ({
      links: [{ label: ["wifi", "cell", ""][random.int(3)]!, delayMs: 5 + random.int(40), rateMbps: 20 }],
      datagrams: 10,
      within: 3000,
    })),
  ],
};

const allBlocked: SchedulerRule = {
  name: "survives all paths blocked",
  check: (factory) => [
    ...onWalks(factory, FATAL, { blocks: 0.2 }, { blocks: 0.1, churn: 0.1, paths: 2 }),
    ...inWorlds(factory, () => ({ links: TWO_LINKS, within: 20_000 }), (world, random) => {
      const at = random.int(80);
      for (const link of world.links) {
        world.after(at, () => link.set({ dead: true }));
        world.after(at + 300 + random.int(1500), () => link.set({ dead: false }));
      }
    }),
  ],
};

/** How often something happens to a path, for how long, and how often: milliseconds. */
const CHANGE_EVERY = 40;
const CHANGES = 25;

const churn: SchedulerRule = {
  name: "survives paths coming and going at any step",
  check: (factory) => [
    ...onWalks(factory, FATAL, { churn: 1 }, { churn: 0.5, paths: 1 }),
    ...inWorlds(
      factory,
      () => ({ links: [...TWO_LINKS, { label: "dsl", delayMs: 20, rateMbps: 8 }], within: 30_000 }),
      (world, random) => {
        for (let i = 0; i < CHANGES; i++) world.after(random.int(CHANGES * CHANGE_EVERY), () => change(world, random));
        // The first link is there in the end, so that all can arrive.
        world.after(CHANGES * CHANGE_EVERY, () => world.links[0]!.set({ dead: false }));
      },
    ),
  ],
};

/** A link dies or comes back, a path is closed or opened, or has another status. */
function change(world: SuiteWorld, random: Random): void {
  const link = random.int(world.links.length);
  const { client } = world;
  const { now } = world.world;
  const usable = client.stats().paths.filter(({ state }) => state === "usable");
  const id = usable[random.int(Math.max(usable.length, 1))]?.id;
  const what = random.int(5);
  if (what === 0) world.links[link]!.set({ dead: true });
  else if (what === 1) world.links[link]!.set({ dead: false });
  else if (what === 2) tolerate(() => world.open(link));
  else if (id === undefined) return;
  else if (what === 3) tolerate(() => client.closePath(id, 0, "walk", now));
  else client.setPathStatus(id, random.chance(0.5) ? "backup" : "available", now);
}

/** What cannot be at that moment (the last path cannot be closed, ids run out) is no matter here. */
function tolerate(command: () => void): void {
  try {
    command();
  } catch {
    return;
  }
}

const reordering: SchedulerRule = {
  name: "survives reordering",
  check: (factory) =>
    inWorlds(factory, (random) => ({
      links: TWO_LINKS.map((link) => ({
        ...link,
        jitterMs: 3 + random.int(10),
        reorder: true,
        lossPercent: random.int(2),
      })),
      datagrams: 20,
      within: 20_000,
    })),
};

/** Datagrams between two swaps, at most. */
const SWAP_EVERY = 12;

const swaps: SchedulerRule = {
  name: "survives a mode swap at any packet",
  check: (factory) => [
    ...onWalks(factory, FATAL, { swaps: 0.1 }, { swaps: 0.1, churn: 0.3 }),
    ...inWorlds(factory, () => ({ links: TWO_LINKS, datagrams: 10 }), (world, random) => {
      const modes = [world.witness.mode, "min-rtt", world.witness.mode, "round-robin"];
      let [left, next] = [random.int(SWAP_EVERY), 1];
      world.world.onSend = () => {
        if (left-- > 0) return;
        left = 1 + random.int(SWAP_EVERY);
        world.after(0, () => world.setMode(modes[next++ % modes.length]!));
      };
    }),
  ],
};

const sameDecisions: SchedulerRule = {
  name: "decides the same for the same seed",
  check: (factory) => {
    const found: Finding[] = [];
    for (let seed = 1; seed <= WALKS; seed++) {
      const run = () => walk(factory, { seed, steps: STEPS, churn: 0.1 }).answers;
      found.push(...difference(seed, run(), run()));
    }
    const run = () => {
      const world = new SuiteWorld({ seed: 1, factory, links: TWO_LINKS.map((link) => ({ ...link, lossPercent: 1 })) });
      world.finish();
      return world.witness.answers;
    };
    found.push(...difference(1, run(), run()));
    return found;
  },
};

/** The first answer that is another the second time. */
function difference(seed: number, first: readonly string[], second: readonly string[]): Finding[] {
  const step = first.findIndex((answer, i) => answer !== second[i]);
  if (step < 0 && first.length === second.length) return [];
  const at = step < 0 ? first.length : step;
  const what = `answered ${first[at] ?? "nothing"}, and ${second[at] ?? "nothing"} the second time: expected the same`;
  return [{ seed, step: at, what }];
}

/** All rules, in the order in which they are best put right. */
export const SCHEDULER_RULES: readonly SchedulerRule[] = Object.freeze([
  answers,
  neverHolds,
  neverUnusable,
  sparesBackups,
  boundsDuplicates,
  everyByteOnce,
  onePath,
  allBlocked,
  churn,
  reordering,
  swaps,
  sameDecisions,
]);
