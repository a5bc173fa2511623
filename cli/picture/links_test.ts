import { assertEquals } from "@std/assert";
import { parseScenario } from "../../tests/kit/scenario/mod.ts";
import { runScenario } from "../../tests/kit/sim/run.ts";
import { describeLink, type Happenings, happeningsOf } from "./links.ts";

const LOAD = { kind: "requests", list: [{ request: 100, response: 100 }] };

function happenings(links: unknown[], events: unknown[], end: number): Happenings {
  const scenario = parseScenario(JSON.stringify({ name: "x", links, events, load: LOAD }), "x.json");
  return happeningsOf(scenario, { ...runScenario(scenario), confirmedMs: 100, validatedMs: -1 }, end);
}

Deno.test("happeningsOf() says when links are down or worse than at the beginning, in the time of the run", () => {
  const { links } = happenings([{ rateMbps: 20, delayMs: 5 }, { dead: true, openMs: null }], [
    { atMs: 50, from: "confirmed", link: 0, set: { rateMbps: 2 } },
    { atMs: 200, link: 0, set: { dead: true } },
    { atMs: 300, link: 0, direction: "up", set: { dead: false } },
    { atMs: 400, link: 0, set: { dead: false, rateMbps: 30 } },
    { atMs: 500, link: 0, direction: "down", set: { lossPercent: 5 } },
    { atMs: 100, from: "validated", link: 1, set: { dead: false } },
  ], 1000);
  assertEquals(links.map(({ spans }) => spans), [
    [
      { from: 150, to: 200, kind: "fade", label: "2 Mbit/s" },
      { from: 200, to: 300, kind: "down", label: "link down" },
      { from: 300, to: 400, kind: "down", label: "down to the client" },
      { from: 500, to: 1000, kind: "fade", label: "5 % loss" },
    ],
    // Nothing was validated: what counts from then did not happen.
    [{ from: 0, to: 1000, kind: "down", label: "link down" }],
  ]);
});

Deno.test("happeningsOf() has what applications and translators do, up to the end", () => {
  const { links, incidents } = happenings([{ delayMs: 5 }, { delayMs: 5 }], [
    { atMs: 10, rebind: 0 },
    { atMs: 20, rebind: 0, address: true },
    { atMs: 150, close: 1 },
    { atMs: 30, status: 1, to: "backup", from: "confirmed" },
    { atMs: 40, mode: "redundant", side: "server" },
    { atMs: 900, keyUpdate: "client" },
  ], 500);
  assertEquals(links.map((link) => link.incidents), [
    [{ at: 10, label: "NAT: new port" }, { at: 20, label: "NAT: new address" }],
    [{ at: 130, label: "application: backup" }, { at: 150, label: "application: close" }],
  ]);
  assertEquals(incidents, [{ at: 40, label: "server: redundant" }]);
});

Deno.test("describeLink() says what a link is in a few words, to the client first", () => {
  const { links } = parseScenario(
    JSON.stringify({
      name: "x",
      links: [
        { up: { rateMbps: 1 }, down: { rateMbps: 16 }, delayMs: 15 },
        { rateMbps: 30, delayMs: 25, lossPercent: 1, cost: 2, metered: true },
        {},
      ],
      load: LOAD,
    }),
    "x.json",
  );
  assertEquals(links.map(describeLink), [
    "16 / 1 Mbit/s, 15 ms",
    "30 Mbit/s, 25 ms, 1 % loss, cost 2, metered",
    "0 ms",
  ]);
});
