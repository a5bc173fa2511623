import { assert, assertEquals } from "@std/assert";
import { parseScenario } from "../kit/scenario/mod.ts";
import type { ScenarioResult } from "../kit/scenario/types.ts";
import { runScenario } from "../kit/sim/run.ts";

/** Requests and replies of 750 bytes every 400 ms. */
const PERIODIC = {
  kind: "periodic",
  everyMs: 400,
  request: 750,
  response: 750,
  forMs: 15_000,
  streams: "one",
  lateMs: 50,
};
const LINKS = [{ rateMbps: 10, delayMs: 7.5 }, { rateMbps: 10, delayMs: 12.5 }];

/** A run whose first link loses the client's first datagram, so that the second one has path 0. */
function run(
  seed: number,
  more: { readonly load?: object; readonly links?: object[]; readonly events?: object[]; readonly server?: object } =
    {},
) {
  const [first, ...others] = more.links ?? LINKS;
  const scenario = {
    name: "preference",
    limitMs: 60_000,
    links: [{ ...first, up: { drop: [1] } }, ...others],
    events: more.events ?? [],
    client: { mode: "handover" },
    server: more.server ?? { mode: "handover" },
    load: more.load ?? PERIODIC,
  };
  const result = runScenario(parseScenario(JSON.stringify(scenario), "preference.json"), { seed });
  assertEquals(result.error, null);
  assertEquals(result.paths.find(({ id }) => id === 0)?.link, 1, "the link that answered has path 0");
  return result;
}

/** The share of the stream bytes that went over a link, of each direction. */
function shares({ paths }: ScenarioResult, link: number): { readonly up: number; readonly down: number } {
  const share = (side: "up" | "down"): number => {
    const sum = (list: ScenarioResult["paths"]): number =>
      list.reduce((total, path) => total + path[side].streamBytes, 0);
    return sum(paths.filter((path) => path.link === link)) / sum(paths);
  };
  return { up: share("up"), down: share("down") };
}

Deno.test("Handover goes over to the link that is listed first though another one answered first, in both directions", () => {
  for (let seed = 1; seed <= 10; seed++) {
    const { up, down } = shares(run(seed), 0);
    assert(up > 0.9 && down > 0.9, `seed ${seed}: ${up} up, ${down} down`);
  }
});

Deno.test("Handover downloads over the link that is listed first though the client sends nothing that would show it", () => {
  for (let seed = 1; seed <= 3; seed++) {
    const { down } = shares(run(seed, { load: { kind: "bulk", direction: "down", bytes: 3_000_000 } }), 0);
    assert(down > 0.9, `seed ${seed}: ${down}`);
  }
});

Deno.test("Handover leaves the link that is listed first while it is dead, and goes back, though it has not path 0", () => {
  const events = [
    { atMs: 3205, from: "confirmed", link: 0, set: { dead: true } },
    { atMs: 7000, link: 0, set: { dead: false } },
  ];
  for (let seed = 1; seed <= 5; seed++) {
    const result = run(seed, { events });
    const { up, down } = shares(result, 0);
    const { late } = result.latencyMs;
    assert(up > 0.5 && down > 0.5 && late <= 2, `seed ${seed}: ${up} up, ${down} down, ${late} late`);
  }
});

Deno.test("Handover with a server that is told nothing: it follows the client, and does not lead back to what costs more or comes later", () => {
  const server = { mode: "handover", hints: false };
  for (let seed = 1; seed <= 5; seed++) {
    const { up, down } = shares(run(seed, { server }), 0);
    assert(up > 0.9 && down > 0.9, `seed ${seed}: ${up} up, ${down} down`);
    const [first, other] = LINKS;
    const dear = shares(run(seed, { server, links: [first!, { ...other, cost: 1 }] }), 0);
    assert(dear.up > 0.9 && dear.down > 0.9, `seed ${seed}: ${dear.up} up, ${dear.down} down`);
  }
});

Deno.test("Handover with a server that is told nothing goes back to a link that failed", () => {
  const server = { mode: "handover", hints: false };
  const events = [
    { atMs: 3205, from: "confirmed", link: 0, set: { dead: true } },
    { atMs: 7000, link: 0, set: { dead: false } },
  ];
  for (let seed = 1; seed <= 5; seed++) {
    const { up, down } = shares(run(seed, { server, events }), 0);
    assert(up > 0.5 && down > 0.5, `seed ${seed}: ${up} up, ${down} down`);
  }
});

Deno.test("Handover goes by price before it goes by the order of links", () => {
  const { up, down } = shares(run(1, { links: [{ ...LINKS[0], cost: 1 }, LINKS[1]!] }), 0);
  assertEquals([up, down], [0, 0]);
});
