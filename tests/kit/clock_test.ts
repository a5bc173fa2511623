import { assert, assertEquals, assertThrows } from "@std/assert";
import { Clock, type EventClass } from "./clock.ts";
import { Random } from "./random.ts";

/** Runs all there is, and returns the names in the order in which they ran. */
function drain(clock: Clock): void {
  while (clock.nextAt < Infinity) {
    clock.advance(clock.nextAt);
    while (clock.runNext("network") || clock.runNext("timer") || clock.runNext("application"));
  }
}

Deno.test("Clock runs arrivals, then timers, then the application, each in order of creation", () => {
  const clock = new Clock();
  const ran: string[] = [];
  const add = (at: number, kind: EventClass, name: string): void => clock.schedule(at, kind, () => ran.push(name));
  add(5, "application", "app 1");
  add(5, "timer", "timer 1");
  add(5, "network", "net 1");
  add(4, "application", "early");
  add(5, "network", "net 2");
  add(5, "application", "app 2");
  drain(clock);
  assertEquals(ran, ["early", "net 1", "net 2", "timer 1", "app 1", "app 2"]);
  assertEquals(clock.now, 5);
});

Deno.test("Clock orders any set of events by time", () => {
  const clock = new Clock();
  const random = new Random(1);
  const ran: number[] = [];
  for (let i = 0; i < 2000; i++) {
    clock.schedule(random.int(500), "network", (now) => {
      ran.push(now);
      if (random.chance(0.3)) clock.schedule(now + random.int(100), "network", (later) => ran.push(later));
    });
  }
  drain(clock);
  assert(ran.length > 2000);
  assertEquals(ran, ran.toSorted((a, b) => a - b));
});

Deno.test("Clock puts what is late at now, and never goes back", () => {
  const clock = new Clock(100);
  clock.schedule(50, "timer", () => {});
  assertEquals(clock.nextAt, 100);
  clock.advance(20);
  assertEquals(clock.now, 100);
  assert(clock.runNext("timer"));
  assertEquals(clock.waiting, 0);
});

Deno.test("Clock does not skip events, and refuses what is no time", () => {
  const clock = new Clock();
  clock.schedule(10, "network", () => {});
  assertThrows(() => clock.advance(11), RangeError);
  assertThrows(() => clock.schedule(NaN, "network", () => {}), RangeError);
  clock.schedule(Infinity, "timer", () => {});
  assertEquals(clock.waiting, 1);
});

Deno.test("Clock.runNext() keeps a later class back while an earlier one is due", () => {
  const clock = new Clock();
  clock.schedule(0, "network", () => {});
  clock.schedule(0, "application", () => {});
  assert(!clock.runNext("application"));
  assert(clock.runNext("network"));
  assert(clock.runNext("application"));
  assert(!clock.runNext("application"));
});
