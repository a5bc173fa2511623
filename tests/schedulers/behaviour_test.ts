/** What the schedulers promise, in worlds with real connections. */
import { assert, assertEquals } from "@std/assert";
import {
  blest,
  budget,
  type BudgetNotice,
  costAware,
  ecf,
  loadBalance,
  minRtt,
  priority,
  roundRobin,
  type SchedulerFactory,
  weighted,
} from "../../schedulers/mod.ts";
import type { TransportConfig } from "../../transport/connection/config.ts";
import type { PathProperties } from "../../transport/paths/path.ts";
import { bulk, type RequestOptions, Requests } from "../kit/apps.ts";
import type { WorldLinkOptions } from "../kit/world.ts";
import { Paths } from "../multipath/paths.ts";

interface Link extends WorldLinkOptions {
  readonly cost?: number;
  readonly metered?: boolean;
}

interface Setting {
  readonly mode: SchedulerFactory;
  readonly links: readonly Link[];
  readonly requests: readonly RequestOptions[];
  readonly client?: TransportConfig;
}

interface Outcome {
  readonly took: number;
  /** Stream bytes that arrived at the client, by path. */
  readonly bytes: readonly number[];
  readonly load: Requests;
  readonly paths: Paths;
}

/** Downloads whose server schedules so; `live` does something once they have begun. */
function download({ mode, links, requests, client }: Setting, live?: (paths: Paths) => void): Outcome {
  const paths = new Paths({
    links: links.map(({ cost: _cost, metered: _metered, ...link }) => link),
    open: [],
    first: properties(links[0]!),
    server: { mode },
    ...(client === undefined ? {} : { client }),
  }).ready();
  for (let link = 1; link < links.length; link++) paths.open(link, { properties: properties(links[link]!) });
  // The server knows of the paths, and what they cost, before it is asked for anything.
  paths.world.runFor(1000);
  const load = new Requests(requests, { at: (time, run) => paths.world.at(time, run) });
  paths.serverNode.driver(paths.server).add(load.server);
  paths.clientNode.driver(paths.client).add(load.client);
  const began = paths.world.now;
  load.client.onEvent({ type: "confirmed" }, paths.client, began);
  live?.(paths);
  paths.world.require("all to arrive", () => load.isDone);
  assertEquals(paths.server.stats().scheduler.faults, 0);
  const bytes = paths.client.stats().paths.map(({ streamBytesReceived }) => streamBytesReceived);
  return { took: load.completedAt - began, bytes, load, paths };
}

function properties({ label = "", cost = 0, metered = false }: Link): PathProperties {
  return { label, cost, metered };
}

function shareOf(bytes: readonly number[], path: number): number {
  return bytes[path]! / bytes.reduce((sum, one) => sum + one);
}

const EQUAL: readonly Link[] = [{ label: "wifi", rateMbps: 20, delayMs: 10 }, {
  label: "cell",
  rateMbps: 20,
  delayMs: 10,
}];
const BULK = bulk("down", 3_000_000);

Deno.test("weighted() gives bytes by weight while no path is full, and loses no capacity when one is", () => {
  // Small responses never fill a window.
  const small = Array.from({ length: 60 }, (_, i) => ({
    request: 50,
    response: 8000,
    ...(i > 0 ? { after: i - 1 } : {}),
  }));
  const light = download({ mode: weighted({ wifi: 3, cell: 1 }), links: EQUAL, requests: small });
  assert(Math.abs(shareOf(light.bytes, 0) - 0.75) < 0.05, `${light.bytes}`);
  const [heavy, plain] = [weighted({ wifi: 3, cell: 1 }), minRtt].map((mode) =>
    download({ mode, links: EQUAL, requests: BULK }).took
  );
  assert(heavy! < plain! * 1.1, `${heavy} ms, ${plain} with min-RTT`);
});

Deno.test("loadBalance() keeps its percentages in a transfer that fills the paths, and its speed when it may spill", () => {
  for (const percent of [90, 70, 50]) {
    const mode = loadBalance({ wifi: percent, cell: 100 - percent });
    const { bytes } = download({ mode, links: EQUAL, requests: BULK });
    assert(Math.abs(shareOf(bytes, 0) - percent / 100) < 0.02, `${bytes} for ${percent} %`);
  }
  const [strict, spilling] = [false, true].map((spill) =>
    download({ mode: loadBalance({ wifi: 90, cell: 10 }, { spill }), links: EQUAL, requests: BULK }).took
  );
  assert(spilling! < strict! * 0.75, `${spilling} ms, ${strict} without`);
});

Deno.test("loadBalance() goes on with the other path when one dies", () => {
  const mode = loadBalance({ wifi: 50, cell: 50 });
  const { took } = download({ mode, links: EQUAL, requests: BULK }, (paths) => {
    paths.world.after(200, () => paths.links[0]!.set({ dead: true }));
  });
  assert(took < 3000, `${took} ms`);
});

Deno.test("priority() sends on the second path only what the first cannot take", () => {
  const slow = [{ label: "cell", rateMbps: 20, delayMs: 10 }, { label: "wifi", rateMbps: 20, delayMs: 40 }];
  const small = [{ request: 50, response: 10_000 }];
  assertEquals(download({ mode: priority(["wifi"]), links: slow, requests: small }).bytes[0], 0);
  const { bytes } = download({ mode: priority(["wifi"]), links: slow, requests: BULK });
  assert(shareOf(bytes, 1) > 0.35 && bytes[0]! > 0, `${bytes}`);
});

/** Short transfers one after the other, as of a page, over paths that differ ten times. */
const UNLIKE: readonly Link[] = [{ label: "wifi", rateMbps: 10, delayMs: 5 }, {
  label: "sat",
  rateMbps: 10,
  delayMs: 150,
}];

Deno.test("ecf() does not let a slow path delay short transfers, and min-RTT does", () => {
  const page = Array.from({ length: 12 }, (_, i) => ({
    request: 100,
    response: 60_000,
    ...(i > 0 ? { after: i - 1 } : {}),
  }));
  const [waiting, plain] = [ecf, minRtt].map((mode) => download({ mode, links: UNLIKE, requests: page }).took);
  assert(waiting! < plain! * 0.7, `${waiting} ms, ${plain} with min-RTT`);
});

Deno.test("ecf() uses all paths for a long transfer", () => {
  const { took } = download({ mode: ecf, links: EQUAL, requests: bulk("down", 5_000_000) });
  // One link alone takes two seconds.
  assert(took < 1350, `${took} ms`);
});

Deno.test("blest() keeps a slow path from shutting a small window before the fast one", () => {
  const client = { initialMaxData: 100_000, connectionWindow: 100_000, streamWindow: 100_000 };
  const requests = bulk("down", 2_000_000);
  const [careful, fair] = [blest, roundRobin].map((mode) => download({ mode, links: UNLIKE, requests, client }).took);
  assert(careful! < fair! * 0.7, `${careful} ms, ${fair} with round-robin`);
});

const LINES: readonly Link[] = [{ label: "dsl", rateMbps: 10, delayMs: 15 }, {
  label: "lte",
  rateMbps: 30,
  delayMs: 25,
  cost: 1,
  metered: true,
}];

Deno.test("costAware() leaves the costly path alone for what the cheap one delivers in a second, and uses it after that", () => {
  const short = download({ mode: costAware(), links: LINES, requests: bulk("down", 900_000) });
  assertEquals(short.bytes[1], 0);
  const long = download({ mode: costAware(), links: LINES, requests: bulk("down", 6_000_000) });
  // Ten Mbit/s alone take 4.8 s.
  assert(long.took < 3200 && long.bytes[1]! > 1_000_000, `${long.took} ms, ${long.bytes}`);
});

Deno.test("costAware() uses the costly path for as long as the signal says that the cheap one is too slow", () => {
  const run = (bufferMs: number) =>
    download({ mode: costAware(), links: LINES, requests: bulk("down", 2_000_000) }, (paths) => {
      paths.server.signal("bufferMs", bufferMs, paths.world.now);
    });
  // 1.7 s on the cheap path.
  assertEquals(run(5000).bytes[1], 0);
  const late = run(300);
  assert(late.took < 1000 && late.bytes[1]! > 500_000, `${late.took} ms, ${late.bytes}`);
});

Deno.test("costAware() takes the costly path at once when the cheap one dies", () => {
  const { took, bytes } = download({ mode: costAware(), links: LINES, requests: bulk("down", 900_000) }, (paths) => {
    paths.world.after(300, () => paths.links[0]!.set({ dead: true }));
  });
  assert(took < 1500 && bytes[1]! > 300_000, `${took} ms, ${bytes}`);
});

Deno.test("budget() moves a transfer off a path when its plan is used up, and tells", () => {
  const notices: BudgetNotice[] = [];
  const mode = budget({ budgetBytes: { wifi: 1_000_000 }, onNotice: (notice) => notices.push(notice) });
  const { bytes, paths } = download({ mode, links: EQUAL, requests: bulk("down", 4_000_000) });
  // Of what is sent some is headers, and some is lost.
  assert(bytes[0]! > 700_000 && bytes[0]! < 1_000_000, `${bytes}`);
  assertEquals(notices.map(({ percent, path, budget }) => [percent, path, budget]), [[80, 0, "wifi"], [
    100,
    0,
    "wifi",
  ]]);
  for (const { usedBytes, percent } of notices) assert(Math.abs(usedBytes - percent * 10_000) < 3000);
  assertEquals(paths.client.stats().paths[0]!.peerStatus, "backup");
  assertEquals(paths.serverTrace.count("multipath:scheduler_log", ({ name }) => name === "budget"), 2);
});

Deno.test("budget() of a client that downloads has the server spare the path", () => {
  const mode = budget({ budgetBytes: { wifi: 1_000_000 } });
  const { bytes } = download({ mode: minRtt, links: EQUAL, requests: bulk("down", 4_000_000), client: { mode } });
  // What was on the way when it was told arrives too.
  assert(bytes[0]! > 700_000 && bytes[0]! < 1_150_000, `${bytes}`);
});

Deno.test("budget() uses a path that is over its plan when the other dies", () => {
  const mode = budget({ budgetBytes: { wifi: 100_000 } });
  const { took } = download({ mode, links: EQUAL, requests: BULK }, (paths) => {
    paths.world.after(500, () => paths.links[1]!.set({ dead: true }));
  });
  assert(took < 4000, `${took} ms`);
});
