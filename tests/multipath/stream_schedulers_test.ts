/** The schedulers of a connection with several: who shares one, who hears what, and what a broken one can spoil. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import v8 from "node:v8";
import vm from "node:vm";
import {
  HOLD,
  minRtt,
  type Scheduler,
  type SchedulerEvent,
  type SchedulerFactory,
  type SchedulerHost,
  send,
} from "../../schedulers/mod.ts";
import { FAULT_LIMIT, HOLD_LIMIT_BESIDE } from "../../transport/connection/scheduler_guard.ts";
import { KEEP_UNUSED, MAX_LANES } from "../../transport/connection/scheduler_seats.ts";
import { bytesByPath, Mixed } from "./mixed.ts";

v8.setFlagsFromString("--expose-gc");
const collect = vm.runInNewContext("gc") as () => void;

/** Min-RTT under a name that counts how often it was made. */
class Counted {
  made = 0;
  readonly factory: SchedulerFactory;

  constructor(name = "counted", more: (host: SchedulerHost) => Partial<Scheduler> = () => ({})) {
    this.factory = (host) => {
      this.made++;
      return { name, schedule: minRtt().schedule, ...more(host) };
    };
  }
}

function names(mixed: Mixed): string[] {
  return mixed.paths.client.stats().streamSchedulers.map(({ name }) => name);
}

Deno.test("Streams with one mode share its scheduler, with the connection too when that is its mode", () => {
  const [own, main] = [new Counted("own"), new Counted("main")];
  const mixed = new Mixed({ client: { mode: main.factory } });
  mixed.finish(...[own, own, main, own].map(({ factory }) => mixed.write(20_000, factory)));
  assertEquals([own.made, main.made, names(mixed)], [1, 1, ["own"]]);
  assertEquals(mixed.paths.client.schedulerName, "main");
});

Deno.test("A stream keeps its mode when the connection takes that one, and when it takes another again", () => {
  const own = new Counted("own");
  const mixed = new Mixed({ client: { mode: "min-rtt" } });
  const { client, world } = mixed.paths;
  const [stream, plain] = [mixed.write(2_000_000, own.factory), mixed.write(2_000_000)];
  const seen: [string, string[]][] = [];
  for (const mode of [own.factory, "round-robin", own.factory]) {
    world.runFor(50);
    seen.push([client.schedulerName, names(mixed)]);
    client.setMode(mode, world.now);
  }
  world.runFor(50);
  seen.push([client.schedulerName, names(mixed)]);
  mixed.finish(stream, plain);
  assertEquals(seen, [["min-rtt", ["own"]], ["own", []], ["round-robin", ["own"]], ["own", []]]);
  assertEquals(own.made, 4);
});

Deno.test("A scheduler that nobody has any more is kept for a while, and then let go", () => {
  const own = new Counted("own");
  const mixed = new Mixed();
  const { world } = mixed.paths;
  mixed.finish(mixed.write(5000, own.factory));
  world.runFor(KEEP_UNUSED / 2);
  mixed.finish(mixed.write(5000, own.factory));
  assertEquals(own.made, 1);
  world.runFor(KEEP_UNUSED + 1000);
  assertEquals(names(mixed), []);
  mixed.finish(mixed.write(5000, own.factory));
  assertEquals(own.made, 2);
});

Deno.test("There are as many modes of streams at a time as are allowed; those that are unused make room", () => {
  const mixed = new Mixed();
  const { client } = mixed.paths;
  const ids = Array.from({ length: MAX_LANES }, () => mixed.open(new Counted().factory));
  const another = mixed.open();
  const fail = () => client.setStreamMode(another, new Counted().factory);
  assertThrows(fail, RangeError, `${MAX_LANES} are in use, which is the most`);
  assertThrows(() => client.sendDatagram(new Uint8Array(1), { mode: new Counted().factory }), RangeError);
  client.setStreamMode(ids[3]!, undefined);
  client.setStreamMode(another, new Counted("last").factory);
  mixed.paths.world.runFor(1);
  client.sendDatagram(new Uint8Array(1));
  mixed.paths.world.runFor(50);
  assertEquals(names(mixed).length, MAX_LANES);
  assertEquals(names(mixed).at(-1), "last");
});

Deno.test("Each scheduler hears of everything, is woken when it asked for it, and has its own dice", () => {
  const heard: Record<string, string[]> = { main: [], own: [] };
  const dice: number[] = [];
  const listening = (name: string): SchedulerFactory => (host) => {
    dice.push(host.random());
    host.wakeAt(host.random() + 1000);
    return {
      name,
      schedule: minRtt().schedule,
      onEvent(event: SchedulerEvent) {
        heard[name]!.push(event.type);
      },
    };
  };
  const mixed = new Mixed({ client: { mode: listening("main") } });
  const { client, links, world } = mixed.paths;
  const [own, plain] = [mixed.write(1_500_000, listening("own")), mixed.write(1_500_000)];
  world.runFor(200);
  client.signal("bufferMs", 100, world.now);
  client.setPathStatus(1, "backup", world.now);
  world.runFor(100);
  client.setPathStatus(1, "available", world.now);
  links[0]!.set({ dead: true });
  mixed.finish(own, plain);
  client.closePath(0, 0, "enough", world.now);
  // The last path that is left is never suspended.
  client.ping();
  links[1]!.set({ dead: true });
  world.runFor(500);
  links[1]!.set({ dead: false });
  world.runFor(500);
  const kinds = ["ack", "loss", "pto", "path-suspended", "path-closed", "status", "signal", "wake"];
  for (const name of ["main", "own"]) for (const kind of kinds) assert(heard[name]!.includes(kind), `${name}: ${kind}`);
  assertEquals(new Set(dice).size, 2);
});

Deno.test("A scheduler of a stream says nothing of paths to the peer", () => {
  const telling = new Counted("telling", (host) => ({
    onEvent: (_event, view) => view.paths.forEach(({ id }) => host.setStatus(id, "backup")),
  }));
  const mixed = new Mixed();
  mixed.finish(mixed.write(100_000, telling.factory));
  assertEquals(
    mixed.paths.clientTrace.frames("sent", "path_status").filter(({ frame }) => {
      return frame.kind === "path_status" && frame.status === "backup";
    }),
    [],
  );
});

/** What becomes of a plain stream and one with this scheduler beside it. */
function beside(
  schedule: Scheduler["schedule"],
): { readonly plainTook: number; readonly mixed: Mixed; hostile: number } {
  const mixed = new Mixed({ client: { mode: "min-rtt" } });
  const start = mixed.paths.world.now;
  const [hostile, plain] = [mixed.write(200_000, () => ({ name: "hostile", schedule })), mixed.write(1_000_000)];
  mixed.finish(plain);
  const plainTook = mixed.paths.world.now - start;
  mixed.finish(hostile);
  return { plainTook, mixed, hostile };
}

const usual = beside(minRtt().schedule).plainTook;
const HOSTILE: Readonly<Record<string, Scheduler["schedule"]>> = {
  throws() {
    throw new Error("no");
  },
  "answers nonsense": () => ({ path: 99, copies: [] }),
  "holds for ever": () => HOLD,
};

for (const [what, schedule] of Object.entries(HOSTILE)) {
  Deno.test(`A scheduler of one stream that ${what} harms no other, and is reported under its own name`, () => {
    const { plainTook, mixed } = beside(schedule);
    assert(plainTook <= usual * 1.05, `${plainTook} ms, ${usual} beside one that is sound`);
    const { scheduler, streamSchedulers } = mixed.paths.client.stats();
    assertEquals(scheduler, { name: "min-rtt", faults: 0, lastFault: "", replaced: undefined });
    const [own] = streamSchedulers;
    assertEquals([own!.name, own!.replaced, own!.faults], ["min-rtt", "hostile", FAULT_LIMIT]);
    const faults = mixed.atClient.of("scheduler_fault");
    assertEquals(faults.map((fault) => fault.scheduler), new Array(FAULT_LIMIT).fill("hostile"));
    assertEquals(mixed.paths.clientTrace.count("multipath:scheduler_fault"), FAULT_LIMIT);
    assertEquals(mixed.atClient.of("scheduler_replaced").map((replaced) => replaced.scheduler), ["hostile"]);
  });
}

Deno.test("A stream whose scheduler holds for ever goes on beside others that never end", () => {
  const mixed = new Mixed({ client: { mode: "min-rtt" } });
  const { client, world } = mixed.paths;
  const held = mixed.write(5000, () => ({ name: "holding", schedule: () => HOLD }));
  const endless = mixed.open();
  const start = world.now;
  while (!mixed.atServer.ended.has(held) && world.now < start + 30_000) {
    client.write(endless, new Uint8Array(100_000));
    world.runFor(20);
  }
  // The first packets go at the first fault; what is acknowledged then may bring the rest of them.
  assert(world.now - start < FAULT_LIMIT * (HOLD_LIMIT_BESIDE + 500), `${world.now - start} ms`);
  assert(mixed.atClient.of("scheduler_fault")[0]!.fault.includes("while others sent"));
  assertEquals(client.stats().scheduler.faults, 0);
});

Deno.test("A scheduler that holds most of the time beside others, with reason, makes no fault", () => {
  const patient: SchedulerFactory = () => ({
    name: "patient",
    // One packet each 300 ms, whatever there is room for.
    schedule: (_work, view) => view.now >= next ? (next = view.now + 300, send(view.paths[0]!)) : HOLD,
  });
  let next = 0;
  const mixed = new Mixed({ client: { mode: "min-rtt" } });
  const [slow, plain] = [mixed.write(10_000, patient), mixed.write(4_000_000)];
  mixed.finish(plain);
  assertEquals(mixed.paths.clientTrace.count("multipath:scheduler_fault"), 0);
  mixed.finish(slow);
});

Deno.test("What is in flight is offered again to those who want it, and only what is theirs", () => {
  const offered = new Set<number>();
  const again: SchedulerFactory = () => ({
    name: "again",
    reinjection: "before-new",
    schedule(work, view) {
      if (work.kind === "reinject") offered.add(work.streamId);
      return minRtt().schedule(work, view);
    },
  });
  const mixed = new Mixed({ client: { mode: "min-rtt" }, links: [{ rateMbps: 20 }, { rateMbps: 20 }] });
  const ids = [mixed.write(300_000), mixed.write(300_000, again), mixed.write(300_000)];
  mixed.finish(...ids);
  assertEquals([...offered], [ids[1]]);
  const sent = ids.map((id) => {
    return Object.values(bytesByPath(mixed.paths.clientTrace, id)).reduce((a, b) => a + b);
  });
  assert(sent[1]! > 400_000 && sent[0]! < 330_000 && sent[2]! < 330_000, sent.join(" "));
});

Deno.test("Memory stays flat over 10,000 streams with modes of their own", () => {
  const mixed = new Mixed({ links: [{ delayMs: 1 }, { delayMs: 1 }] });
  const { client, world, clientTrace, serverTrace } = mixed.paths;
  const modes = ["interactive", "redundant", "round-robin", undefined] as const;
  const used: number[] = [];
  for (let round = 0; round < 100; round++) {
    for (let i = 0; i < 100; i++) {
      const id = mixed.open(modes[i % modes.length]);
      client.write(id, Uint8Array.of(i));
      client.finish(id);
      if (i % 25 === 24) world.runFor(10);
    }
    for (const kept of [clientTrace, serverTrace]) kept.clear();
    for (const app of [mixed.atClient, mixed.atServer]) {
      app.events.length = 0;
      app.received.clear();
      app.ended.clear();
    }
    if (round % 10 !== 9) continue;
    collect();
    used.push(Deno.memoryUsage().heapUsed);
  }
  assertEquals(names(mixed), ["interactive", "redundant", "round-robin"]);
  const growth = used.at(-1)! - used[4]!;
  assert(growth < 500_000, used.map((bytes) => (bytes / 1e6).toFixed(2)).join(" "));
});
