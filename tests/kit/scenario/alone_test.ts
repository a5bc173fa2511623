import { assertEquals, assertThrows } from "@std/assert";
import { aloneOver } from "./alone.ts";
import { parseScenario } from "./parse.ts";

const FILE = {
  name: "three",
  links: [{ rateMbps: 1 }, { rateMbps: 2, status: "backup", openMs: 50, share: "x" }, { rateMbps: 3, share: "x" }],
  events: [
    { atMs: 1, link: 0, set: { dead: true } },
    { atMs: 2, link: 1, set: { dead: true, cost: 3 } },
    { atMs: 3, open: 1 },
    { atMs: 4, status: 1, to: "available" },
    { atMs: 5, rebind: 1 },
    { atMs: 6, signal: { bufferMs: 1 }, side: "client" },
  ],
  client: { pin: { "0": 1 } },
  load: {
    kind: "mixed",
    parts: [
      { kind: "requests", list: [{ request: 1, response: 1 }] },
      { kind: "datagrams", direction: "up", bytes: 0, everyMs: 1, count: 1, pin: 1 },
    ],
  },
  cross: [{ link: 1, direction: "up" }, { link: 2, direction: "down" }],
};

Deno.test("aloneOver() keeps one link, what happens to it, and what needs no second path", () => {
  const all = parseScenario(JSON.stringify(FILE), "file.json");
  const alone = aloneOver(all, 1);
  assertEquals(alone.links.map(({ both, status, openMs, share }) => [both.rateMbps, status, openMs, share]), [
    [2, "available", 0, undefined],
  ]);
  assertEquals(alone.events.map(({ at, action }) => [at, action.type, "link" in action ? action.link : -1]), [
    [2, "set", 0],
    [2, "describe", 0],
    [5, "rebind", 0],
    [6, "signal", -1],
  ]);
  assertEquals([alone.client.pin.size, alone.cross.map(({ link, direction }) => [link, direction])], [0, [[0, "up"]]]);
  assertEquals(JSON.stringify(alone.load).includes("pin"), false);
  assertEquals(all.links.length, 3);
  assertThrows(() => aloneOver(all, 3), RangeError, "Link is 3: expected 0 to 2");
});
