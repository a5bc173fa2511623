/** Data plans of paths: what is used, what is told of it, and who keeps to it. */
import { assert, assertEquals, assertGreater, assertLess, assertThrows } from "@std/assert";
import { HOLD, type Scheduler, send } from "../../schedulers/scheduler.ts";
import type { ModeChoice } from "../../schedulers/modes.ts";
import type { PathEvent } from "../../transport/paths/path_events.ts";
import { bulk, Requests } from "../kit/apps.ts";
import { Recorder } from "../connection/recorder.ts";
import { Paths } from "./paths.ts";

const BUDGET = 1_000_000;
const SIZE = 4_000_000;
/**
 * What may be under way when a budget ends, with the links below; acknowledgements and probes afterwards, and what a peer in the
 * mode "interactive" sends once more elsewhere than where it was lost.
 */
const EXCESS = 500_000;

/** Likes nothing but the first path, whatever anybody says of it. */
function firstOnly(): Scheduler {
  return {
    name: "first-only",
    schedule: (_work, view) => view.paths[0]!.room > 0 ? send(view.paths[0]!) : HOLD,
    // A plugin may name any path: that must not count as its fault.
    ackPath: (receivedOn) => receivedOn,
  };
}

interface Options {
  readonly direction?: "up" | "down";
  readonly hints?: boolean;
  readonly mode?: ModeChoice;
  readonly bytes?: number;
  /** The links that become paths beside the first. */
  readonly open?: readonly number[];
}

/** Two paths, of which the faster one has a budget, and a transfer. */
function budgeted({ direction = "down", hints = true, mode = "aggregation", bytes = SIZE, open = [1] }: Options) {
  const load = new Requests(bulk(direction, bytes));
  const recorder = new Recorder();
  recorder.reads = false;
  const paths = new Paths({
    links: [{ delayMs: 10, rateMbps: 20 }, { delayMs: 25, rateMbps: 20 }],
    client: { hints, mode },
    server: { mode },
    clientApps: [load.client, recorder],
    serverApps: [load.server],
    open,
    first: { label: "cell" },
  });
  paths.client.setPathBudget(0, BUDGET, 0);
  return { paths, load, recorder };
}

function steps(recorder: Recorder): PathEvent[] {
  return recorder.of("path").filter(({ change }) => change.startsWith("budget-"));
}

function usedOf({ client }: Paths, id = 0): number {
  return client.path(id)?.budget?.used ?? -1;
}

const MODES: ModeChoice[] = [
  "aggregation",
  "interactive",
  "handover",
  "redundant",
  "min-rtt",
  "round-robin",
  "weighted",
];

for (const direction of ["down", "up"] as const) {
  for (const mode of direction === "up" ? [...MODES, firstOnly] : MODES) {
    const name = typeof mode === "function" ? "a plugin that knows no backups" : String(mode);
    Deno.test(`setPathBudget holds for what goes ${direction} with ${name}, with hints and without`, () => {
      for (const hints of [true, false]) {
        const { paths, load, recorder } = budgeted({ direction, mode, hints });
        paths.ready();
        paths.world.require("the transfer", () => load.isDone, 30_000);
        const used = usedOf(paths);
        assertGreater(used, 0.9 * BUDGET);
        assertLess(used, BUDGET + EXCESS);
        assertEquals(paths.client.path(0)?.bytesSent! + paths.client.path(0)?.bytesReceived!, used);
        assertEquals(steps(recorder).map(({ change }) => change), ["budget-low", "budget-spent"]);
        assertEquals(paths.client.stats().scheduler.faults, 0);
        assertEquals(paths.client.path(0)?.status, "backup");
        assertEquals(paths.server.path(0)?.peerStatus, "backup");
      }
    });
  }
}

Deno.test("budget events are complete in themselves, and come once, in order", () => {
  const { paths, load, recorder } = budgeted({});
  paths.ready();
  paths.world.require("the transfer", () => load.isDone, 30_000);
  paths.world.runFor(5000);
  const [low, spent, ...more] = steps(recorder);
  assertEquals(more, []);
  assertEquals([low!.change, low!.path.id, low!.path.label], ["budget-low", 0, "cell"]);
  assertEquals([spent!.change, spent!.path.id, spent!.path.label], ["budget-spent", 0, "cell"]);
  assertEquals([low!.path.budget!.bytes, spent!.path.budget!.bytes], [BUDGET, BUDGET]);
  assertGreater(low!.path.budget!.used, 0.8 * BUDGET - 1);
  assertLess(low!.path.budget!.used, BUDGET);
  assertGreater(spent!.path.budget!.used, BUDGET - 1);
  assert(low!.reason.startsWith("80 % of its budget is used: "), low!.reason);
});

Deno.test("A path whose budget is spent goes on as long as there is no other", () => {
  const { paths, load, recorder } = budgeted({ open: [] });
  paths.ready();
  paths.world.require("the transfer", () => load.isDone, 30_000);
  assertGreater(usedOf(paths), SIZE);
  assertEquals(steps(recorder).map(({ change }) => change), ["budget-low", "budget-spent"]);
});

for (const direction of ["down", "up"] as const) {
  Deno.test(`A path whose budget is spent is used again when the other one dies, and spared when it is back (${direction})`, () => {
    const { paths, load } = budgeted({ direction, bytes: 8_000_000 });
    paths.ready();
    paths.world.require("the budget to end", () => usedOf(paths) >= BUDGET, 30_000);
    paths.world.runFor(300);
    const before = usedOf(paths);
    paths.links[1]!.set({ dead: true });
    paths.world.runFor(1500);
    const during = usedOf(paths);
    assertGreater(during - before, 500_000);
    paths.links[1]!.set({ dead: false });
    paths.world.require("the other path to be back", () => {
      return [paths.client, paths.server].every((end) => end.path(1)?.state === "usable");
    }, paths.world.now + 10_000);
    paths.world.runFor(500);
    const after = usedOf(paths);
    paths.world.require("the transfer", () => load.isDone, paths.world.now + 30_000);
    assertLess(usedOf(paths) - after, EXCESS);
  });
}

Deno.test("A label's budget goes on where the last path with it was, and so does one from the same address", () => {
  for (const label of ["cell", ""]) {
    const load = new Requests(bulk("down", 2_000_000));
    const recorder = new Recorder();
    recorder.reads = false;
    const paths = new Paths({ clientApps: [load.client, recorder], serverApps: [load.server], open: [] }).ready();
    const properties = { label, cost: 0, metered: false };
    const id = paths.open(1, { properties });
    paths.client.setPathBudget(id, 100_000, paths.world.now);
    paths.world.require("the budget to end", () => usedOf(paths, id) >= 100_000, 10_000);
    paths.client.closePath(id, 0, "for now", paths.world.now);
    paths.world.require("the transfer", () => load.isDone, 30_000);
    const { bytesSent, bytesReceived } = recorder.of("path").find(({ change }) => change === "closed")!.path;
    const again = paths.open(1, { properties });
    paths.world.require("it to be open", () => paths.client.path(again)?.state === "usable", paths.world.now + 5000);
    assertEquals(paths.client.path(again)?.status, "backup");
    assertEquals(paths.client.path(again)?.budget?.bytes, 100_000);
    assertGreater(usedOf(paths, again), bytesSent + bytesReceived);
    assertEquals(steps(recorder).map(({ change }) => change), ["budget-low", "budget-spent"]);
    // Another label is another plan, another address too.
    assertEquals(paths.client.path(0)?.budget, undefined);
  }
});

Deno.test("A budget that is raised brings its path back, and its events when it comes to that again", () => {
  const { paths, load, recorder } = budgeted({ bytes: 8_000_000 });
  paths.ready();
  paths.world.require("the budget to end", () => usedOf(paths) >= BUDGET, 30_000);
  paths.world.runFor(300);
  paths.client.setPathBudget(0, 3 * BUDGET, paths.world.now);
  assertEquals(paths.client.path(0)?.status, "available");
  paths.world.require("the transfer", () => load.isDone, 30_000);
  const used = usedOf(paths);
  assert(used > 2.9 * BUDGET && used < 3 * BUDGET + EXCESS, `${used}`);
  const told = steps(recorder).map(({ change, path }) => `${change} ${path.budget!.bytes / BUDGET}`);
  assertEquals(told, ["budget-low 1", "budget-spent 1", "budget-low 3", "budget-spent 3"]);
});

Deno.test("A budget holds whatever the application or the peer says of the path's status, and through a rebinding", () => {
  const { paths, load } = budgeted({ bytes: 6_000_000 });
  paths.ready();
  paths.world.require("half of it to be used", () => usedOf(paths) >= BUDGET / 2, 30_000);
  const before = usedOf(paths);
  paths.links[0]!.rebind();
  paths.world.require("the budget to end", () => usedOf(paths) >= BUDGET, 30_000);
  assertGreater(usedOf(paths), before);
  paths.world.runFor(100);
  paths.client.setPathStatus(0, "available", paths.world.now);
  paths.server.setPathStatus(0, "available", paths.world.now);
  paths.world.require("the transfer", () => load.isDone, 30_000);
  assertLess(usedOf(paths), BUDGET + EXCESS);
  assertEquals(paths.server.path(0)?.peerStatus, "backup");
});

Deno.test("A peer that keeps sending on a path whose budget is spent gets no more than its acknowledgements", () => {
  const load = new Requests(bulk("down", SIZE));
  const recorder = new Recorder();
  recorder.reads = false;
  const paths = new Paths({
    server: { mode: firstOnly },
    clientApps: [load.client, recorder],
    serverApps: [load.server],
  });
  paths.client.setPathBudget(0, BUDGET, 0);
  paths.ready();
  paths.world.require("the transfer", () => load.isDone, 30_000);
  assertEquals(steps(recorder).length, 2);
  const told = paths.clientTrace.frames("sent", "path_status");
  assertLess(told.length, 5);
  const sent = paths.client.stats().paths.map(({ bytesSent }) => bytesSent);
  // What came after that was acknowledged on the other path.
  assertGreater(sent[1]!, sent[0]!);
});

Deno.test("What is pinned to a path goes there although its budget is spent", () => {
  const { paths, load } = budgeted({ direction: "up", bytes: 2_000_000 });
  paths.ready();
  paths.client.setPathBudget(0, 0, paths.world.now);
  const stream = paths.client.openStream("unidirectional")!;
  paths.client.pin(stream, 0);
  const before = paths.client.path(0)!.bytesSent;
  paths.client.write(stream, new Uint8Array(50_000));
  paths.client.finish(stream);
  paths.world.require("the transfer", () => load.isDone, 30_000);
  assertGreater(paths.client.path(0)!.bytesSent - before, 50_000);
});

Deno.test("setPathBudget refuses what is no number from 0", () => {
  const { paths } = budgeted({ open: [] });
  paths.ready();
  for (const bytes of [-1, NaN]) {
    assertThrows(() => paths.client.setPathBudget(0, bytes, paths.world.now), RangeError, "expected bytes from 0");
  }
  paths.client.setPathBudget(0, Infinity, paths.world.now);
  assertEquals(paths.client.path(0)?.budget?.bytes, Infinity);
  // A path that is over, or never was, has no budget.
  paths.client.setPathBudget(77, 1, paths.world.now);
});
