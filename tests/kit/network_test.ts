import {
  assert,
  assertEquals,
  assertFalse,
  assertMatch,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { nobleProvider } from "../../crypto/mod.ts";
import { bulk, Requests } from "./apps.ts";
import { World } from "./network.ts";
import type { NetworkConnectOptions } from "./network_connection.ts";

const TWO = [{ label: "wifi", rateMbps: 40, delayMs: 15 }, { label: "cell", rateMbps: 20, delayMs: 40 }] as const;
const ROUGH = { lossPercent: 1, jitterMs: 3, reorder: true };

/** A transfer over two rough links of which the first dies: the text of its traces. */
function roughRun(seed: number, options: NetworkConnectOptions = {}): string {
  using world = new World({ seed });
  const [wifi] = TWO.map((link) => world.addLink({ ...link, ...ROUGH }));
  const load = new Requests(bulk("both", 200_000, 3));
  const connection = world.connect({ load, ...options });
  world.at(300, () => wifi?.set({ dead: true }));
  world.require("all to arrive", () => load.isDone);
  return connection.traceText();
}

Deno.test("The same seed gives the same traces byte for byte, whatever provider there is; another seed others", () => {
  const first = roughRun(7);
  assert(first.length > 100_000 && first.startsWith("client\n") && first.includes("\nserver\n"));
  assertEquals(first === roughRun(7), true, "two runs with one seed differ");
  assertEquals(first === roughRun(7, { provider: nobleProvider() }), true, "providers differ");
  assertFalse(first === roughRun(8));
});

Deno.test("connect() makes every link a path, in order, with its label", () => {
  using world = new World({ seed: 3 });
  const links = [...TWO, { delayMs: 5 }, { delayMs: 6 }, { delayMs: 7 }, { delayMs: 8 }].map((l) => world.addLink(l));
  const connection = world.connect();
  assertThrows(() => connection.server.connection, Error, "The server has no connection yet");
  assertEquals([connection.isReady, connection.server.usablePaths], [false, 0]);
  connection.ready();
  const { client, server } = connection;
  assertEquals(client.connection.stats().paths.map(({ label }) => label), links.map(({ label }) => label));
  assertEquals(server.usablePaths, 6);
  assertEquals(links.map((link) => connection.pathOver(link)), [0, 1, 2, 3, 4, 5]);
});

Deno.test("connect() opens the links that it is told to; the others later, or never", () => {
  using world = new World();
  const [first, second, third] = [...TWO, { delayMs: 5 }].map((link) => world.addLink(link));
  const connection = world.connect({ open: [third!] }).ready();
  assertEquals([first, second, third].map((link) => connection.pathOver(link!)), [0, undefined, 1]);
  assertEquals(connection.open(second!), 2);
  world.require("the third path", () => connection.server.usablePaths === 3);
});

Deno.test("A connection without RFC 10069 stays on its first link", () => {
  using world = new World();
  for (const link of TWO) world.addLink(link);
  const load = new Requests(bulk("up", 50_000));
  const { client, server } = world.connect({ load, server: { maxPaths: 0 } });
  world.require("all to arrive", () => load.isDone);
  assertEquals([client.usablePaths, server.usablePaths], [1, 1]);
  client.trace.assertNone("multipath:path_assigned", ({ path }) => path !== 0);
});

Deno.test("Two connections share a world when their ends differ, and only then", () => {
  using world = new World();
  const here = world.addLink({ delayMs: 5 });
  const there = world.addLink({ delayMs: 9, server: "192.0.2.2" });
  const loads = [here, there].map((link) => {
    const load = new Requests(bulk("down", 20_000));
    world.connect({ links: [link], load });
    return load;
  });
  world.require("both transfers to end", () => loads.every((load) => load.isDone));
  assertEquals(world.hosts.map(({ name }) => name), ["client", "server", "client 1", "server 1"]);
  assertThrows(() => world.connect({ links: [here] }), TypeError, 'host "client" is at an end of these links');
});

Deno.test("connect() refuses links that cannot be", () => {
  using world = new World();
  assertThrows(() => world.connect(), RangeError, "Cannot connect without links: expected at least one");
  const first = world.addLink({ label: "here" });
  const strange = new World().addLink({ label: "elsewhere" });
  assertThrows(() => world.connect({ links: [strange] }), TypeError, "Cannot connect over elsewhere");
  assertThrows(() => world.connect({ open: [first] }), TypeError, "Cannot open here");
  assertEquals(world.hosts, []);
  assertThrows(() => new World({ seed: -1 }), RangeError, "Seed is -1");
});

Deno.test("Applications can be added at both ends, and see events", () => {
  using world = new World();
  world.addLink({ delayMs: 5 });
  const { client, server } = world.connect();
  const seen: string[] = [];
  client.apps.add({ isDone: true, onEvent: ({ type }) => void seen.push(type) });
  world.require("the server to have a connection", () => server.node.connections.length > 0);
  const load = new Requests(bulk("down", 10), { startOn: "confirmed" });
  server.apps.add(load.server);
  client.apps.add(load.client);
  world.require("the response", () => load.isDone);
  assert(seen.includes("confirmed") && server.apps.isDone);
});

Deno.test("What ends a run names the seed, once, and stays the error that it was", () => {
  const note = /\nSeed 23: new World\(\{ seed: 23 \}\) replays this run$/;
  const world = new World({ seed: 23 });
  world.addLink({ dead: true });
  const connection = world.connect();
  const late = assertThrows(
    () => connection.ready(500),
    Error,
    "expected all paths to be usable at both ends, which are 1",
  );
  assertMatch(late.message, note);
  for (const own of [new TypeError("mine"), new DOMException("mine"), Object.freeze(new RangeError("mine"))]) {
    world.after(10, () => {
      throw own;
    });
    const thrown = assertThrows(() => world.require("nothing", () => false));
    assertStrictEquals(thrown, own);
    if (!Object.isFrozen(own)) assertMatch(own.message, note);
    assertEquals(own.message.split("mine").length, 2);
    assert(own.message.split("Seed 23").length <= 2);
  }
  world.after(10, () => {
    throw new Error("in a short run");
  });
  assertMatch(assertThrows(() => world.runFor(20), Error).message, note);
});

Deno.test("A disposed world does not run, and what was seen stays", async () => {
  let disposed: World | undefined;
  {
    await using world = new World({ seed: 5 });
    world.addLink({ delayMs: 1 });
    disposed = world;
    const { client } = world.connect().ready();
    assert(client.trace.entries.length > 0);
  }
  assertThrows(() => disposed.run(), TypeError, "World is disposed");
  assertThrows(() => disposed.connect(), TypeError, "World is disposed");
  await assertRejects(
    async () => {
      await using world = new World();
      world.require("something", () => false, 1);
    },
    Error,
    "Seed 1",
  );
});
