import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import fc from "fast-check";
import { type Decision, HOLD, type Scheduler, type SchedulerHost, send } from "../../schedulers/scheduler.ts";
import { connectionView, pathView, type PlainConnection, workOf } from "../../tests/kit/views.ts";
import { FAULT_LIMIT, HOLD_LIMIT, SchedulerGuard } from "./scheduler_guard.ts";

const HOST: SchedulerHost = { random: () => 0, wakeAt() {}, probe() {}, setStatus() {}, log() {} };
const WORK = workOf();

/** A guard around a scheduler, and what it told. */
class Guarded {
  readonly faults: string[] = [];
  readonly replaced: string[] = [];
  readonly guard = new SchedulerGuard({
    onFault: (scheduler, fault) => this.faults.push(`${scheduler}: ${fault}`),
    onReplaced: (scheduler, reason) => this.replaced.push(`${scheduler}: ${reason}`),
  });
  readonly view: PlainConnection;

  constructor(scheduler: Partial<Scheduler> | (() => unknown), ...srtts: number[]) {
    const times = srtts.length === 0 ? [30, 10, 20] : srtts;
    this.view = connectionView(times.map((srtt, id) => pathView(id, { srtt })));
    const made = typeof scheduler === "function" ? { schedule: scheduler as Scheduler["schedule"] } : scheduler;
    const whole: Scheduler = { name: "suspect", schedule: () => HOLD };
    // Getters stay getters.
    this.guard.use(() => Object.defineProperties(whole, Object.getOwnPropertyDescriptors(made)), HOST, 0);
  }

  ask(): Decision {
    const { path, copies } = this.guard.schedule(WORK, this.view);
    return { path, copies: [...copies] };
  }
}

/** The path with the lowest round-trip time in {@linkcode Guarded}. */
const FASTEST = { path: 1, copies: [] };

Deno.test("SchedulerGuard hands on what a sound scheduler says", () => {
  const it = new Guarded(() => ({ path: 2, copies: [0] }));
  assertEquals(it.ask(), { path: 2, copies: [0] });
  assertEquals(it.faults, []);
  assertEquals(it.guard.name, "suspect");
});

Deno.test("SchedulerGuard uses min-RTT before it is given anything", () => {
  const guard = new SchedulerGuard();
  assertEquals(guard.name, "min-rtt");
  assertEquals(guard.schedule(WORK, connectionView([pathView(0), pathView(1, { srtt: 5 })])).path, 1);
});

const throwing = (thrown: unknown) => () => {
  throw thrown;
};
const hostile: Readonly<Record<string, readonly [answer: () => unknown, fault: string]>> = {
  "an error": [throwing(new Error("no")), "no"],
  "something that is no error": [throwing({ message: 7 }), "Threw an object"],
  "an error that cannot be described": [
    throwing(Object.defineProperty(new Error(), "message", { get: throwing(new Error("twice")) })),
    "Threw something that cannot be described",
  ],
  "nothing": [() => undefined, "Answered undefined, expected a decision"],
  "null": [() => null, "Answered null, expected a decision"],
  "a number": [() => 1, "Answered 1, expected a decision"],
  "a promise": [() => Promise.resolve(HOLD), "Chose path undefined, expected a usable one"],
  "no path": [() => ({ copies: [] }), "Chose path undefined, expected a usable one"],
  "NaN": [() => ({ path: NaN, copies: [] }), "Chose path NaN, expected a usable one"],
  "a path that there is not": [() => ({ path: 3, copies: [] }), "Chose path 3, expected a usable one"],
  "a path as text": [() => ({ path: "1", copies: [] }), 'Chose path "1", expected a usable one'],
  "a path that counts as text": [() => ({ path: { valueOf: () => 1 }, copies: [] }), "Chose path an object"],
  "a getter that throws": [
    () => ({
      get path() {
        throw new Error("got you");
      },
      copies: [],
    }),
    "got you",
  ],
  "no copies": [() => ({ path: 0 }), "Copies are undefined, expected an array of paths"],
  "copies that are no array": [() => ({ path: 0, copies: { length: 1, 0: 1 } }), "Copies are an object"],
  "a copy on its own path": [() => ({ path: 0, copies: [0] }), "Wants path 0 twice, expected once"],
  "the same copy twice": [() => ({ path: 0, copies: [1, 1] }), "Wants path 1 twice, expected once"],
  "a copy on a path that there is not": [() => ({ path: 0, copies: [7] }), "Wants a copy on path 7"],
  "a copy nowhere": [() => ({ path: 0, copies: [, 1] }), "Wants a copy on path undefined"],
  "too many copies": [() => ({ path: 0, copies: [1, 2, 3] }), "Wants 3 copies, expected fewer than there are paths"],
  "endless copies": [() => ({ path: 0, copies: new Array(4e9) }), "Wants 4000000000 copies"],
  "a path whose value changes": [changing, "Chose path 9, expected a usable one"],
};

/** Says a path that there is only to those who ask twice. */
function changing(): unknown {
  let asked = 0;
  return {
    get path() {
      return asked++ === 0 ? 9 : 0;
    },
    copies: [],
  };
}

for (const [what, [answer, fault]] of Object.entries(hostile)) {
  Deno.test(`SchedulerGuard lets min-RTT answer for a scheduler that answers ${what}`, () => {
    const it = new Guarded(answer);
    assertEquals(it.ask(), FASTEST);
    assertEquals(it.faults.length, 1);
    assert(it.faults[0]!.startsWith(`suspect: ${fault}`), it.faults[0]);
  });
}

Deno.test("SchedulerGuard reads every answer once", () => {
  let reads = 0;
  const it = new Guarded(() => ({
    get path() {
      reads++;
      return 0;
    },
    get copies() {
      reads++;
      return [2];
    },
  }));
  assertEquals(it.ask(), { path: 0, copies: [2] });
  assertEquals(reads, 2);
});

Deno.test("SchedulerGuard takes a path without room for HOLD, and leaves out copies without room", () => {
  const it = new Guarded(() => ({ path: 0, copies: [1, 2] }));
  it.view.paths = [pathView(0), pathView(1, { room: 0 }), pathView(2)];
  assertEquals(it.ask(), { path: 0, copies: [2] });
  it.view.paths = [pathView(0, { room: 0 }), pathView(1), pathView(2)];
  assertStrictEquals(it.guard.schedule(WORK, it.view), HOLD);
  assertEquals(it.faults, []);
});

Deno.test("SchedulerGuard takes -1 for HOLD, whoever made the object", () => {
  const it = new Guarded(() => ({ path: -1, copies: [5] }));
  assertStrictEquals(it.guard.schedule(WORK, it.view), HOLD);
  assertEquals(it.faults, []);
});

Deno.test("SchedulerGuard ends holding for 50 ms while nothing is in flight, and wakes the core for it", () => {
  const it = new Guarded(() => HOLD);
  it.view.now = 1000.3;
  assertEquals(it.ask().path, -1);
  assertEquals(it.guard.nextTimeout(), 1000.3 + HOLD_LIMIT);
  it.view.now = 1000.3 + HOLD_LIMIT - 0.1;
  assertEquals(it.ask().path, -1);
  it.view.now = it.guard.nextTimeout();
  it.guard.onTimeout(it.view.now);
  assertEquals(it.guard.nextTimeout(), Infinity);
  assertEquals(it.ask(), FASTEST);
  assertEquals(it.faults, ["suspect: Held data for 50 ms with nothing in flight"]);
});

Deno.test("SchedulerGuard lets a scheduler wait for the pacer of the path that it wants, and 50 ms longer", () => {
  const it = new Guarded(() => HOLD);
  it.view.now = 1000;
  it.view.paths = [pathView(0, { room: 0, readyAt: 1900 }), pathView(1)];
  for (; it.view.now < 1900 + HOLD_LIMIT; it.view.now += 10) assertEquals(it.ask().path, -1);
  assertEquals([it.faults, it.guard.nextTimeout()], [[], 1900 + HOLD_LIMIT]);
  it.view.paths = [pathView(0), pathView(1)];
  it.ask();
  assertEquals(it.faults, ["suspect: Held data for 50 ms with nothing in flight"]);
});

Deno.test("SchedulerGuard finds no fault with holding where min-RTT would hold too: only a backup has room", () => {
  const it = new Guarded(() => HOLD);
  it.view.paths = [pathView(0, { room: 0, readyAt: Infinity }), pathView(1, { status: "backup" })];
  for (it.view.now = 0; it.view.now < 500; it.view.now += 10) assertEquals(it.ask().path, -1);
  assertEquals(it.faults, []);
  it.view.paths = [pathView(0, { room: 0, readyAt: Infinity }), pathView(1)];
  for (; it.view.now < 500 + 2 * HOLD_LIMIT; it.view.now += 10) it.ask();
  assertEquals(it.faults[0], "suspect: Held data for 50 ms with nothing in flight");
});

Deno.test("SchedulerGuard lets a scheduler hold as long as something is in flight or no path has room", () => {
  for (const path of [pathView(0, { inFlight: 1 }), pathView(0, { room: 0 })]) {
    const it = new Guarded(() => HOLD);
    it.view.paths = [path, pathView(1, { room: path.room })];
    for (it.view.now = 0; it.view.now < 500; it.view.now += 10) assertEquals(it.ask().path, -1);
    assertEquals([it.faults, it.guard.nextTimeout()], [[], Infinity]);
  }
});

Deno.test("SchedulerGuard counts the time anew when something was sent, or nothing waited, in between", () => {
  let holds = true;
  const it = new Guarded(() => holds ? HOLD : send({ id: 0 }));
  const interrupt = [() => it.guard.idle(), () => {
    holds = false;
    it.ask();
    holds = true;
  }];
  for (let i = 0; i < 6; i++) {
    it.view.now = i * 40;
    assertEquals(it.ask().path, -1);
    interrupt[i % 2]!();
  }
  assertEquals(it.faults, []);
});

Deno.test("SchedulerGuard replaces a scheduler with its eighth fault, for good, and says so once", () => {
  const it = new Guarded(throwing(new Error("again")));
  for (let i = 1; i < FAULT_LIMIT; i++) it.ask();
  assertEquals([it.guard.faults, it.guard.name, it.replaced], [7, "suspect", []]);
  it.ask();
  assertEquals([it.guard.name, it.replaced], ["min-rtt", ["suspect: again"]]);
  for (let i = 0; i < 20; i++) assertEquals(it.ask(), FASTEST);
  assertEquals([it.faults.length, it.replaced.length], [FAULT_LIMIT, 1]);
});

Deno.test("SchedulerGuard counts the faults of all methods together", () => {
  const no = throwing(new Error("no"));
  const it = new Guarded({
    get reinjection(): "never" {
      throw new Error("no");
    },
    onEvent: no,
    ackPath: no,
  });
  for (let i = 0; i < 3; i++) {
    it.guard.event({ type: "wake" }, it.view);
    assertEquals(it.guard.ackPath(0, it.view), -1);
    assertEquals(it.guard.reinjection(it.view), "never");
  }
  assertEquals([it.faults.length, it.guard.name], [FAULT_LIMIT, "min-rtt"]);
});

Deno.test("SchedulerGuard gives another scheduler a clean slate", () => {
  const it = new Guarded(throwing(new Error("no")));
  for (let i = 0; i < FAULT_LIMIT; i++) it.ask();
  it.guard.use(() => ({ name: "better", schedule: () => send({ id: 2 }) }), HOST, 0);
  assertEquals([it.guard.faults, it.guard.name, it.ask().path], [0, "better", 2]);
});

Deno.test("SchedulerGuard replaces at once what cannot be made", () => {
  const wrong = [throwing(new Error("broken")), () => undefined, () => ({ name: "no" }), () => ({
    schedule: () => HOLD,
    get name() {
      throw new Error("nameless");
    },
  })];
  for (const factory of wrong) {
    const it = new Guarded(() => HOLD);
    it.guard.use(factory as () => Scheduler, HOST, 0);
    assertEquals([it.guard.name, it.replaced.length, it.ask()], ["min-rtt", 1, FASTEST]);
  }
});

Deno.test("SchedulerGuard keeps names and reasons short", () => {
  const it = new Guarded({ name: "n".repeat(1000), schedule: throwing(new Error("m".repeat(10_000))) });
  it.ask();
  assertEquals([it.guard.name.length, it.faults[0]!.length < 300], [64, true]);
  it.guard.use(() => ({ name: 7 as unknown as string, schedule: () => HOLD }), HOST, 0);
  assertEquals(it.guard.name, "unnamed");
});

Deno.test("SchedulerGuard.ackPath() does not ask where no path is usable", () => {
  const it = new Guarded({ ackPath: (_path, view) => view.paths[0]!.id });
  it.view.paths = [];
  assertEquals([it.guard.ackPath(0, it.view), it.faults], [-1, []]);
});

Deno.test("SchedulerGuard.ackPath() takes usable paths only", () => {
  let answer: unknown = 2;
  const it = new Guarded({ ackPath: () => answer as number });
  assertEquals(it.guard.ackPath(0, it.view), 2);
  for (answer of [3, -1, NaN, undefined, "1"]) assertEquals(it.guard.ackPath(0, it.view), -1);
  assertEquals(it.faults.length, 5);
  assertEquals(new Guarded({}).guard.ackPath(0, it.view), -1);
});

Deno.test("SchedulerGuard.reinjection() takes the three words only", () => {
  let word: unknown;
  const it = new Guarded({
    get reinjection() {
      return word as "never";
    },
  });
  const said = [undefined, "never", "when-idle", "before-new", "always"].map((next) => {
    word = next;
    return it.guard.reinjection(it.view);
  });
  assertEquals(said, ["never", "never", "when-idle", "before-new", "never"]);
  assertEquals(it.faults.length, 1);
});

Deno.test("SchedulerGuard tells events only to those who want them", () => {
  const heard: string[] = [];
  const it = new Guarded({ onEvent: (event) => heard.push(event.type) });
  it.guard.event({ type: "wake" }, it.view);
  assertEquals([it.guard.wantsEvents, heard], [true, ["wake"]]);
  assertEquals(new Guarded(() => HOLD).guard.wantsEvents, false);
  assertEquals(new SchedulerGuard().wantsEvents, false);
});

Deno.test("SchedulerGuard never gives an answer that could not be carried out, whatever it is told", () => {
  const id = fc.oneof(fc.integer({ min: -1, max: 5 }), fc.anything());
  const answer = fc.oneof(
    fc.record({ path: id, copies: fc.oneof(fc.array(id, { maxLength: 5 }), fc.anything()) }),
    fc.anything(),
  );
  const path = fc.record({ room: fc.constantFrom(0, 12_000), inFlight: fc.constantFrom(0, 1200) });
  const run = fc.property(fc.array(fc.tuple(answer, fc.array(path, { maxLength: 4 }))), (questions) => {
    let next: unknown;
    const it = new Guarded(() => next);
    for (const [said, paths] of questions) {
      next = said;
      it.view.paths = paths.map((figures, i) => pathView(i, figures));
      it.view.now += 17;
      const decision = it.guard.schedule(WORK, it.view);
      if (decision === HOLD) continue;
      const used = [decision.path, ...decision.copies];
      assertEquals(new Set(used).size, used.length);
      for (const one of used) assert(it.view.paths.some((p) => p.id === one && p.room > 0));
    }
  });
  fc.assert(run, { seed: 10069, numRuns: 500 });
});
