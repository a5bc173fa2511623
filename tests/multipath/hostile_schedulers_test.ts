/** Five hostile schedulers: what each does to a transfer, which must be next to nothing, and how it is found out. */
import { assert, assertEquals } from "@std/assert";
import { HOLD, minRtt, type Scheduler, type SchedulerFactory, type SchedulerHost } from "../../schedulers/mod.ts";
import { FAULT_LIMIT, HOLD_LIMIT } from "../../transport/connection/scheduler_guard.ts";
import { Recorder } from "../connection/recorder.ts";
import { bulk, Requests } from "../kit/apps.ts";
import { Paths } from "./paths.ts";

const BYTES = 600_000;
/** The slower path's round trip and the delay of its acknowledgement. */
const ROUND_TRIP = 50 + 25;

interface Outcome {
  readonly took: number;
  readonly paths: Paths;
  readonly client: Recorder;
  readonly server: Recorder;
}

/** A transfer each way over two paths, both ends of which schedule so. */
function transfer(mode: SchedulerFactory | string): Outcome {
  const load = new Requests([...bulk("down", BYTES), ...bulk("up", BYTES)]);
  const [client, server] = [new Recorder(), new Recorder()];
  client.reads = server.reads = false;
  const paths = new Paths({
    client: { mode },
    server: { mode },
    clientApps: [load.client, client],
    serverApps: [load.server, server],
  }).ready();
  const began = load.exchanges[0]!.startedAt;
  paths.world.require("both transfers, every byte of which is checked", () => load.isDone);
  assertEquals([paths.client.error, paths.server.error], [undefined, undefined]);
  return { took: load.completedAt - began, paths, client, server };
}

/** How long it takes with min-RTT. */
const usual = transfer("min-rtt").took;

/** That the scheduler was found out at both ends: traced, told as events, and in the statistics. */
function assertFound({ paths, client, server }: Outcome, name: string, fault: string): void {
  const ends = [[paths.clientTrace, paths.client, client], [paths.serverTrace, paths.server, server]] as const;
  for (const [trace, connection, app] of ends) {
    const faults = trace.filter("multipath:scheduler_fault").map(({ data }) => data);
    assertEquals(faults.length, FAULT_LIMIT);
    for (const each of faults) {
      assertEquals(each.scheduler, name);
      assert(each.fault.includes(fault), each.fault);
    }
    assertEquals(app.of("scheduler_fault").length, FAULT_LIMIT);
    assertEquals(app.of("scheduler_replaced").map(({ scheduler }) => scheduler), [name]);
    const { lastFault, ...rest } = connection.stats().scheduler;
    assertEquals(rest, { name: "min-rtt", faults: FAULT_LIMIT, replaced: name });
    assert(lastFault.includes(fault), lastFault);
  }
}

function always(schedule: () => unknown, more: Partial<Scheduler> = {}): SchedulerFactory {
  return () => ({ name: "hostile", schedule: schedule as Scheduler["schedule"], ...more });
}

Deno.test("A scheduler that throws costs no time", () => {
  const it = transfer(always(() => {
    throw new Error("no");
  }));
  assert(it.took <= usual * 1.05, `${it.took} ms, ${usual} with min-RTT`);
  assertFound(it, "hostile", "no");
});

Deno.test("A scheduler that answers nonsense costs no time", () => {
  let turn = 0;
  const nonsense = [undefined, 7, "1", { path: 99, copies: [] }, { path: 0 }, { path: 0, copies: [0, 0, 0] }, []];
  const it = transfer(always(() => nonsense[turn++ % nonsense.length]));
  assert(it.took <= usual * 1.05, `${it.took} ms, ${usual} with min-RTT`);
  assertFound(it, "hostile", "expected");
});

Deno.test("A scheduler that holds for ever costs 50 ms and a round trip for each fault that it is allowed", () => {
  const it = transfer(always(() => HOLD));
  const most = usual + FAULT_LIMIT * (HOLD_LIMIT + ROUND_TRIP);
  assert(it.took <= most, `${it.took} ms: expected at most ${most}`);
  assertFound(it, "hostile", "Held data for 50 ms");
});

const LONG_NAME = "x".repeat(10_000);
const MUCH = Object.fromEntries(Array.from({ length: 50 }, (_, key) => [`key ${key}`, "y".repeat(1000)]));

/** Asks for all that a host has to give, without end, and otherwise does as min-RTT. */
function flooding(host: SchedulerHost): Scheduler {
  const sound = minRtt();
  const flood = (ids: readonly number[]): void => {
    host.wakeAt(0);
    for (let i = 0; i < 10; i++) {
      for (const id of [...ids, 999]) {
        host.probe(id);
        host.setStatus(id, "available");
      }
      host.log(LONG_NAME, MUCH);
    }
  };
  return {
    name: "hostile",
    schedule(work, view) {
      flood(view.paths.map(({ id }) => id));
      return sound.schedule(work, view);
    },
    onEvent: (_event, view) => flood(view.paths.map(({ id }) => id)),
  };
}

Deno.test("A scheduler that floods its host gets what one that asks politely gets", () => {
  const it = transfer(flooding);
  assert(it.took <= usual * 1.1, `${it.took} ms, ${usual} with min-RTT`);
  const { serverTrace, world } = it.paths;
  const logged = serverTrace.filter("multipath:scheduler_log");
  assert(logged.length <= 1000 * Math.ceil(world.now / 1000) + 1000, `${logged.length} lines in ${world.now} ms`);
  const { name, data } = logged[0]!.data;
  assertEquals([name.length, Object.keys(data).length, String(data["key 0"]).length], [64, 16, 256]);
  const statuses = serverTrace.frames("sent", "path_status").length;
  assert(statuses <= 2 * (world.now / 25), `${statuses} statuses in ${world.now} ms`);
});

const LIES: Readonly<Record<string, readonly [name: PropertyDescriptor, shown: string]>> = {
  "is another each time": [{ get: () => `lie ${Math.floor(performance.now() * 1e6)}` }, "lie "],
  "is endless": [{ value: "n".repeat(1_000_000) }, "n".repeat(64)],
  "is empty": [{ value: "" }, "unnamed"],
  "is no text": [{ value: { toString: () => "min-rtt" } }, "unnamed"],
  "is another's": [{ value: "min-rtt" }, "min-rtt"],
};

for (const [what, [name, shown]] of Object.entries(LIES)) {
  Deno.test(`A scheduler whose name ${what} is told apart by its faults, and costs no time`, () => {
    const it = transfer(() => {
      const scheduler: Scheduler = { name: "", schedule: () => undefined as unknown as typeof HOLD };
      return Object.defineProperty(scheduler, "name", name);
    });
    assert(it.took <= usual * 1.05, `${it.took} ms, ${usual} with min-RTT`);
    const { faults, replaced } = it.paths.server.stats().scheduler;
    assertEquals([faults, replaced?.startsWith(shown)], [FAULT_LIMIT, true]);
    const told = it.paths.serverTrace.filter("multipath:scheduler_fault").map(({ data }) => data.scheduler);
    assertEquals(new Set(told), new Set([replaced]));
  });
}

Deno.test("A name that cannot be read makes no scheduler", () => {
  const it = transfer(() =>
    Object.defineProperty(minRtt(), "name", {
      get() {
        throw new Error("guess");
      },
    })
  );
  assert(it.took <= usual * 1.05);
  assertEquals(it.paths.server.stats().scheduler.replaced, "unnamed");
});

Deno.test("Connection.setMode() begins a new account of faults", () => {
  const { paths } = transfer(always(() => 7));
  paths.server.setMode("round-robin", paths.world.now);
  const clean = { name: "round-robin", faults: 0, lastFault: "", replaced: undefined };
  assertEquals(paths.server.stats().scheduler, clean);
});
