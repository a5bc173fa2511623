/** What schedulers see of a real connection, and that seeing is all they can do. */
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import type { ConnectionView, PathView, Scheduler, Work } from "../../schedulers/scheduler.ts";
import { minRtt } from "../../schedulers/mod.ts";
import { bulk, Requests } from "../kit/apps.ts";
import { Paths, type PathsOptions } from "./paths.ts";

/** Decides as min-RTT does, and lets others look over its shoulder. */
class Watcher {
  view: ConnectionView | undefined;
  work: Work | undefined;
  onQuestion: ((work: Work, view: ConnectionView) => void) | undefined;

  readonly mode = (): Scheduler => {
    const inner = minRtt();
    return {
      name: "watcher",
      schedule: (work, view) => {
        this.view = view;
        this.work = work;
        this.onQuestion?.(work, view);
        return inner.schedule(work, view);
      },
    };
  };

  get paths(): readonly PathView[] {
    return this.view?.paths ?? [];
  }
}

function download(bytes: number, options: PathsOptions = {}): { watcher: Watcher; load: Requests; paths: Paths } {
  const watcher = new Watcher();
  const load = new Requests(bulk("down", bytes));
  const server = { mode: watcher.mode, ...options.server };
  const paths = new Paths({ ...options, clientApps: [load.client], serverApps: [load.server], server }).ready();
  return { watcher, load, paths };
}

Deno.test("LivePathView shows what the connection's statistics say", () => {
  const { watcher, paths } = download(5_000_000, { first: { label: "wifi", cost: 2, metered: true } });
  for (let i = 0; i < 20; i++) {
    paths.world.runFor(40);
    const stats = paths.server.stats().paths;
    assertEquals(
      watcher.paths.map(({ id, srtt, rttVar, minRtt, cwnd, inFlight, mtu, bytesSent }) => (
        { id, srtt, rttVar, minRtt, cwnd, inFlight, mtu, bytesSent }
      )),
      stats.map(({ id, srtt, rttVar, minRtt, cwnd, inFlight, mtu, bytesSent }) => (
        { id, srtt, rttVar, minRtt, cwnd, inFlight, mtu, bytesSent }
      )),
    );
  }
});

Deno.test("LivePathView knows how much may leave, and when more may", () => {
  const { watcher, paths } = download(5_000_000);
  let [paced, full, open] = [0, 0, 0];
  watcher.onQuestion = (_work, { now, paths }) => {
    for (const { room, readyAt, cwnd, inFlight, mtu } of paths) {
      assert(room === 0 || (room >= mtu && room <= cwnd - inFlight));
      if (readyAt === Infinity) full++;
      else if (readyAt > now) paced++;
      else open++;
      assertEquals(readyAt === Infinity, inFlight + mtu > cwnd);
      assertEquals(room > 0, readyAt <= now);
    }
  };
  paths.world.runFor(600);
  assert(paced > 0 && full > 0 && open > 0, `${[paced, full, open]}`);
});

Deno.test("LivePathView tells silence, acknowledgements and losses", () => {
  const links = [{ delayMs: 10, rateMbps: 20 }, { delayMs: 25, rateMbps: 20, lossPercent: 10 }];
  const { watcher, paths } = download(4_000_000, { links });
  paths.world.runFor(500);
  const [clean, lossy] = watcher.paths as [PathView, PathView];
  const { now } = paths.world;
  for (const path of [clean, lossy]) {
    assert(path.lastAckAt > now - 60 && path.lastAckAt <= now, `acknowledged at ${path.lastAckAt}`);
    assert(path.oldestUnackedAt < now && path.oldestUnackedAt > now - 200, `oldest is of ${path.oldestUnackedAt}`);
    assert(path.ackGap > 0 && path.ackGap < path.srtt, `gap is ${path.ackGap}`);
    assert(path.deliveryRate > 0 && path.deliveryRate < 3000, `rate is ${path.deliveryRate}`);
    assertEquals(path.ptoCount, 0);
  }
  assert(clean.lossRate < 0.02, `${clean.lossRate}`);
  assert(lossy.lossRate > 0.03 && lossy.lossRate < 0.3, `${lossy.lossRate}`);
});

Deno.test("LivePathView counts what went to the address that a path moves away from, until its fate is known", () => {
  const { watcher, load, paths } = download(3_000_000);
  paths.world.runFor(300);
  const [, path] = watcher.paths as [PathView, PathView];
  paths.links[1]!.rebind({ address: true });
  // Its acknowledgements go over the faster path: something else must show the server where the client is now.
  paths.client.sendDatagram(new Uint8Array(100), { path: 1 });
  const states = (): string[] => paths.serverTrace.filter("quic:migration_state_updated").map((e) => e.data.new);
  paths.world.require("the move", () => states().length > 0);
  const moved = paths.world.now;
  // At the new address next to nothing can have been sent.
  assert(path.inFlight > 10_000, `${path.inFlight} bytes in flight`);
  assert(path.oldestUnackedAt < moved, `the oldest is of ${path.oldestUnackedAt}, it moved at ${moved}`);
  assertEquals(paths.server.stats().paths[1]!.inFlight, path.inFlight);
  paths.world.require("the transfer", () => load.isDone);
  paths.world.runFor(2000);
  assertEquals(states(), ["migration_started", "migration_complete"]);
  assertEquals([path.inFlight, path.oldestUnackedAt], [0, Infinity]);
});

Deno.test("LivePathView has nothing to tell of an idle path", () => {
  const { watcher, load, paths } = download(100_000);
  paths.world.require("the transfer", () => load.isDone);
  paths.world.runFor(2000);
  for (const path of watcher.paths) {
    assertEquals([path.inFlight, path.oldestUnackedAt, path.ptoCount], [0, Infinity, 0]);
  }
});

Deno.test("LiveConnectionView tells backlog and credit", () => {
  const { watcher, load, paths } = download(3_000_000);
  const seen: number[][] = [];
  watcher.onQuestion = (work, { backlog, sendWindow }) => {
    if (work.kind === "stream") seen.push([backlog, sendWindow]);
  };
  paths.world.require("the transfer", () => load.isDone);
  assert(seen[0]![0]! > 2_000_000 && seen[0]![0]! <= 3_000_000);
  assert(seen.every(([backlog, sendWindow], i) => sendWindow! > 0 && (i === 0 || backlog! <= seen[i - 1]![0]!)));
  assertEquals([watcher.view?.backlog, watcher.view?.paths.length], [0, 2]);
});

Deno.test("PathView.status is backup when either end says so", () => {
  const { watcher, paths } = download(20_000_000);
  const statuses = (): string[] => {
    paths.world.runFor(100);
    return watcher.paths.map((path) => path.status);
  };
  assertEquals(statuses(), ["available", "available"]);
  paths.client.setPathStatus(1, "backup", paths.world.now);
  assertEquals(statuses(), ["available", "backup"]);
  paths.client.setPathStatus(1, "available", paths.world.now);
  paths.server.setPathStatus(0, "backup", paths.world.now);
  assertEquals(statuses(), ["backup", "available"]);
});

Deno.test("LiveConnectionView lists usable paths only, and keeps the view of each", () => {
  const { watcher, paths } = download(20_000_000, { links: [{ rateMbps: 5 }, { rateMbps: 5 }, { rateMbps: 5 }] });
  paths.world.runFor(100);
  const before = watcher.paths;
  const views = [...before];
  assertEquals(before.map((path) => path.id), [0, 1, 2]);
  paths.world.runFor(100);
  assertStrictEquals(watcher.paths, before);
  paths.links[1]!.set({ dead: true });
  paths.world.runFor(1000);
  assertEquals(watcher.paths.map((path) => path.id), [0, 2]);
  paths.links[1]!.set({ dead: false });
  paths.world.runFor(2500);
  assertEquals(watcher.paths.map((path) => path.id), [0, 1, 2]);
  watcher.paths.forEach((path, i) => assertStrictEquals(path, views[i]));
  paths.client.closePath(2, 0, "enough", paths.world.now);
  paths.world.runFor(500);
  assertEquals(watcher.paths.map((path) => path.id), [0, 1]);
  // Whoever kept the list that was, has it as it was.
  assertEquals(before.map((path) => path.id), [0, 1, 2]);
});

/** Everything that can be had of a view without calling anything. */
function reachable(view: object): unknown[] {
  const prototype: object = Object.getPrototypeOf(view);
  const names = Reflect.ownKeys(prototype).filter((name) => name !== "constructor");
  return [...Reflect.ownKeys(view), ...names].map((name) => Reflect.get(view, name));
}

Deno.test("Views and work lead to nothing but numbers, strings, and views of paths", () => {
  const { watcher, paths } = download(1_000_000);
  paths.world.runFor(100);
  const plain = (value: unknown): boolean => ["number", "string", "boolean"].includes(typeof value);
  for (const path of watcher.paths) assert(reachable(path).every(plain));
  assert(reachable(watcher.work!).every(plain));
  const others = reachable(watcher.view!).filter((value) => !plain(value));
  assertEquals(others, [watcher.paths, watcher.view!.signal] as unknown[]);
  for (const object of [watcher.view!, watcher.work!, ...watcher.paths]) assertEquals(Object.entries(object), []);
});

Deno.test("Views and work cannot be changed", () => {
  const { watcher, paths, load } = download(3_000_000);
  let tried = 0;
  watcher.onQuestion = (work, view) => {
    const targets = [work, view, view.paths[0]!, view.paths];
    for (const target of targets) {
      const prototype: object = Object.getPrototypeOf(target);
      const name = target === view.paths ? "length" : Object.getOwnPropertyNames(prototype).at(-1)!;
      assertThrows(() => (target as unknown as Record<string, unknown>)[name] = 0, TypeError);
      assertThrows(() => Object.defineProperty(target, name, { value: 0 }), TypeError);
      assertThrows(() => (target as unknown as Record<string, unknown>).more = 0, TypeError);
      assertThrows(() => Object.setPrototypeOf(target, {}), TypeError);
      if (target === view.paths) continue;
      assertThrows(() => Object.defineProperty(prototype, name, { value: 0 }), TypeError);
      assertThrows(() => (prototype as Record<string, unknown>).more = 0, TypeError);
    }
    assertThrows(() => (view.paths as PathView[]).pop(), TypeError);
    assertThrows(() => (view.paths as PathView[])[0] = view.paths[1]!, TypeError);
    tried++;
  };
  paths.world.require("the transfer", () => load.isDone);
  assert(tried > 1000);
  assertEquals(paths.serverTrace.count("multipath:scheduler_fault"), 0);
});
