/** What a client says of costly paths to a server that knows no prices: by path status alone. */
import { assert, assertEquals, assertGreater, assertLess } from "@std/assert";
import type { Mode } from "../../schedulers/mode.ts";
import { modes } from "../../schedulers/modes.ts";
import type { PathStatus } from "../../transport/paths/path.ts";
import { bulk, Requests } from "../kit/apps.ts";
import { parseScenario, type ScenarioResult, type Side } from "../kit/scenario/mod.ts";
import { runScenario } from "../kit/sim/run.ts";
import { Trace } from "../kit/trace.ts";
import { Recorder } from "../connection/recorder.ts";
import { Paths } from "./paths.ts";

const COSTLY = { label: "cell", cost: 1, metered: true };

interface VideoRun {
  readonly result: ScenarioResult;
  /** The share of stream bytes on the costly link. */
  readonly share: number;
  /** How often the client said something of the costly path. */
  readonly said: number;
}

/** Runs a video over a line that costs nothing and one that is metered, without hints at one of the ends. */
function play(name: string, chunks: number, without: Side, seed = 1): VideoRun {
  const text = Deno.readTextFileSync(new URL(`../scenarios/${name}.json`, import.meta.url));
  const raw = JSON.parse(text);
  raw[without].hints = false;
  raw.load.chunks = chunks;
  const client = new Trace({ limit: 1_000_000 });
  const result = runScenario(parseScenario(JSON.stringify(raw), name), {
    seed,
    crypto: "plain",
    observers: { client },
  });
  const down = (link: number): number =>
    result.paths.filter((path) => path.link === link).reduce((sum, path) => sum + path.down.streamBytes, 0);
  const said = client.count("multipath:path_status_updated", ({ owner }) => owner === "local");
  return { result, share: down(1) / (down(0) + down(1)), said };
}

// Bounds are those of the same loads with hints.
const VIDEOS: [name: string, chunks: number, mostShare: number][] = [
  ["hybrid-5", 12, 0.005],
  ["hybrid-12", 12, 0.005],
  ["hybrid-20", 12, 0.3],
  ["hybrid-40", 12, 1],
  ["music", 60, 0.25],
];

for (const [name, chunks, mostShare] of VIDEOS) {
  Deno.test(`Without hints, path status alone keeps ${name} from stalling and the metered path spared`, () => {
    for (const without of ["client", "server"] as const) {
      const { result, share, said } = play(name, chunks, without);
      assert(result.completed, result.error ?? "");
      assertEquals([result.video.stalls, result.video.startMs < 2000], [0, true], JSON.stringify(result.video));
      assertLess(share, mostShare + Number.EPSILON);
      // Something of a chunk costs a word and its taking back.
      assertLess(said, 2 * chunks + 5);
    }
  });
}

interface Download {
  readonly paths: Paths;
  readonly load: Requests;
  statuses(): (PathStatus | undefined)[];
}

/** A file over 8 Mbit/s that cost nothing and 20 that do; the client's mode decides. */
function download(bytes: number, mode: Mode | string = "aggregation", hints = false, rateMbps = 8): Download {
  const load = new Requests(bulk("down", bytes));
  const paths = new Paths({
    links: [{ delayMs: 10, rateMbps }, { delayMs: 25, rateMbps: 20 }],
    client: { hints, mode },
    clientApps: [load.client],
    serverApps: [load.server],
    open: [],
  });
  paths.world.require("the handshake to be confirmed", () => paths.client.isConfirmed);
  paths.open(1, { properties: COSTLY });
  return { paths, load, statuses: () => paths.server.stats().paths.map(({ peerStatus }) => peerStatus) };
}

function costlyBytes({ paths }: Download): number {
  return paths.client.path(1)?.streamBytesReceived ?? -1;
}

Deno.test("A costly path is a backup to the server until a file has been arriving for a second, and again when it is there", () => {
  const d = download(4_000_000);
  d.paths.world.require("the path", () => d.paths.client.path(1)?.state === "usable");
  d.paths.world.runFor(800);
  assertEquals(costlyBytes(d), 0);
  assertEquals(d.statuses()[1], "backup");
  // The application itself has said nothing of the kind.
  assertEquals(d.paths.client.path(1)?.status, "available");
  d.paths.world.require("the costly path to join", () => d.statuses()[1] === "available", d.paths.world.now + 1000);
  d.paths.world.require("the transfer", () => d.load.isDone, 30_000);
  assertGreater(costlyBytes(d), 500_000);
  d.paths.world.runFor(500);
  assertEquals(d.statuses()[1], "backup");
});

Deno.test("A file that the cheap path brings within a second costs nothing", () => {
  const d = download(1_500_000, "aggregation", false, 20);
  d.paths.world.require("the transfer", () => d.load.isDone, 30_000);
  assertEquals(costlyBytes(d), 0);
});

Deno.test("A server with hints judges for itself, and a mode that minds no cost leaves all paths to it", () => {
  for (const [mode, hints] of [["aggregation", true], ["min-rtt", false], [modes.interactive, false]] as const) {
    const d = download(1_000_000, mode, hints);
    d.paths.world.require("the transfer", () => d.load.isDone, 30_000);
    assertEquals(d.statuses()[1], undefined);
  }
});

Deno.test("When the mode is changed, what was said of costly paths changes with it", () => {
  const d = download(4_000_000);
  d.paths.world.runFor(300);
  assertEquals(d.statuses()[1], "backup");
  d.paths.client.setMode("min-rtt", d.paths.world.now);
  d.paths.world.runFor(100);
  assertEquals(d.statuses()[1], "available");
  d.paths.client.setMode("aggregation", d.paths.world.now);
  d.paths.world.runFor(100);
  assertEquals(d.statuses()[1], "backup");
});

Deno.test("When no cheap path works any more, the costly ones are for the server to use", () => {
  const d = download(4_000_000);
  d.paths.world.runFor(400);
  d.paths.links[0]!.set({ dead: true });
  d.paths.world.require("the transfer", () => d.load.isDone, 30_000);
  assertEquals(d.statuses()[1], "available");
});

Deno.test("What the application says of a costly path still counts: a backup stays one", () => {
  const d = download(4_000_000);
  d.paths.client.setPathStatus(1, "backup", d.paths.world.now);
  d.paths.world.require("the transfer", () => d.load.isDone, 30_000);
  assertEquals(d.statuses()[1], "backup");
  assertLess(costlyBytes(d), 100_000);
});

Deno.test("A stream on which something comes now and then waits for no path", () => {
  const recorder = new Recorder();
  const paths = new Paths({ client: { hints: false }, clientApps: [recorder], open: [] });
  paths.world.require("the handshake to be confirmed", () => paths.client.isConfirmed);
  paths.open(1, { properties: COSTLY });
  const stream = paths.client.openStream("bidirectional")!;
  paths.client.write(stream, Uint8Array.of(1));
  paths.world.runFor(100);
  for (let i = 0; i < 40; i++) {
    paths.world.after(i * 250, () => void paths.server.write(stream, new Uint8Array(2000)));
  }
  paths.world.runFor(10_000);
  assertEquals(recorder.received.get(stream), 80_000);
  assertEquals(paths.server.path(1)?.peerStatus, "backup");
});

Deno.test("A download policy that throws or answers nonsense is heard no more, and that is told", () => {
  const faults = [() => NaN, () => -1, () => {
    throw new Error("no");
  }];
  for (const policy of faults) {
    const recorder = new Recorder();
    const mode: Mode = { ...modes.aggregation, name: "own", download: () => policy };
    const paths = new Paths({ client: { hints: false, mode }, clientApps: [recorder], open: [] });
    paths.world.require("the handshake to be confirmed", () => paths.client.isConfirmed);
    paths.open(1, { properties: COSTLY });
    paths.world.runFor(1000);
    assertEquals(recorder.of("scheduler_fault").length, 1);
    assertEquals(paths.client.path(1)?.state, "usable");
    assertEquals(paths.server.path(1)?.peerStatus, undefined);
  }
});
