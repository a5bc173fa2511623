import { assert, assertEquals, assertThrows } from "@std/assert";
import type { SchedulerHost } from "../../schedulers/scheduler.ts";
import { Trace } from "../../tests/kit/trace.ts";
import type { PathId } from "../base/role.ts";
import { seededRandom } from "../paths/fakes.ts";
import { LimitedHost, MAX_LOG_LINES } from "./scheduler_host.ts";

/** A host with paths 0 (srtt 10 ms) and 1 (srtt 100 ms), and what it was asked for. */
class Hosted {
  now = 1000;
  readonly srtt = new Map<PathId, number>([[0, 10], [1, 100]]);
  readonly asked: string[] = [];
  readonly trace = new Trace();
  readonly host: LimitedHost;

  constructor(seed = 1) {
    this.host = new LimitedHost({
      name: () => "mine",
      now: () => this.now,
      srttOf: (path) => this.srtt.get(path),
      random: seededRandom(seed),
      probe: (path, now) => this.asked.push(`probe ${path} at ${now}`),
      setStatus: (path, status, now) => this.asked.push(`${path} is ${status} at ${now}`),
      onWake: (now) => this.asked.push(`wake at ${now}`),
      observer: this.trace,
    });
  }

  get facade(): SchedulerHost {
    return this.host.facade;
  }
}

Deno.test("LimitedHost.facade leads nowhere and cannot be changed", () => {
  const { facade } = new Hosted();
  assertEquals(Object.keys(facade).sort(), ["log", "probe", "random", "setStatus", "wakeAt"]);
  assertThrows(() => (facade as { random: unknown }).random = () => 4, TypeError);
  const { random } = facade;
  assert(random() >= 0);
});

Deno.test("LimitedHost.random() gives numbers from 0 up to 1, the same for the same seed", () => {
  const draw = (seed: number) => {
    const { facade } = new Hosted(seed);
    return Array.from({ length: 1000 }, () => facade.random());
  };
  const numbers = draw(1);
  assert(numbers.every((n) => n >= 0 && n < 1));
  assert(Math.abs(numbers.reduce((sum, n) => sum + n) / 1000 - 0.5) < 0.05);
  assertEquals(draw(1), numbers);
  assert(draw(2)[0] !== numbers[0]);
});

Deno.test("LimitedHost.wakeAt() has one timer, of which the last call counts", () => {
  const it = new Hosted();
  it.facade.wakeAt(1010);
  it.facade.wakeAt(1020);
  assertEquals(it.host.nextTimeout(), 1020);
  it.host.onTimeout(1019);
  assertEquals(it.asked, []);
  it.host.onTimeout(1020);
  it.host.onTimeout(1030);
  assertEquals([it.asked, it.host.nextTimeout()], [["wake at 1020"], Infinity]);
  it.facade.wakeAt(1040);
  it.facade.wakeAt(Infinity);
  assertEquals(it.host.nextTimeout(), Infinity);
});

Deno.test("LimitedHost.wakeAt() never wakes at once, and refuses what is no time", () => {
  const it = new Hosted();
  for (const time of [0, -Infinity, 1000, 1000.5]) {
    it.facade.wakeAt(time);
    assertEquals(it.host.nextTimeout(), 1001);
  }
  for (const time of [NaN, "1010", undefined]) assertThrows(() => it.facade.wakeAt(time as number), TypeError);
});

Deno.test("LimitedHost.probe() and setStatus() are limited per path, by the round trip and 25 ms", () => {
  const it = new Hosted();
  for (; it.now < 1200; it.now += 5) {
    it.facade.probe(0);
    it.facade.probe(1);
    if (it.now < 1030) it.facade.setStatus(0, "backup");
  }
  const of = (what: string) => it.asked.filter((asked) => asked.startsWith(what)).length;
  assertEquals([of("probe 0"), of("probe 1"), of("0 is backup")], [8, 2, 2]);
});

Deno.test("LimitedHost ignores paths that there are not, and refuses what is no status", () => {
  const it = new Hosted();
  for (const path of [2, -1, NaN, "0", undefined]) {
    it.facade.probe(path as number);
    it.facade.setStatus(path as number, "backup");
  }
  assertEquals(it.asked, []);
  assertThrows(() => it.facade.setStatus(0, "standby" as "backup"), TypeError);
});

Deno.test("LimitedHost.retire() makes it deaf", () => {
  const it = new Hosted();
  it.facade.wakeAt(1010);
  it.host.retire();
  it.facade.wakeAt(1010);
  it.facade.probe(0);
  it.facade.setStatus(0, "backup");
  it.facade.log("late", {});
  assertEquals([it.asked, it.host.nextTimeout(), it.trace.entries.length], [[], Infinity, 0]);
});

Deno.test("LimitedHost.log() traces a bounded line", () => {
  const it = new Hosted();
  it.facade.log("chose", { path: 1, fast: true, why: "room" });
  const many = Object.fromEntries(
    Array.from({ length: 50 }, (_, i) => [`key ${i} ${"k".repeat(100)}`, "v".repeat(999)]),
  );
  it.facade.log("n".repeat(500), many);
  it.facade.log("odd", { list: [1, 2] as unknown as string });
  const lines = it.trace.entries.map((entry) => entry.data as { name: string; data: Record<string, unknown> });
  assertEquals(lines[0], { scheduler: "mine", name: "chose", data: { path: 1, fast: true, why: "room" } } as never);
  assertEquals([lines[1]!.name.length, Object.keys(lines[1]!.data).length], [64, 16]);
  for (const [key, value] of Object.entries(lines[1]!.data)) {
    assertEquals([key.length, (value as string).length], [64, 256]);
  }
  assertEquals(lines[2]!.data, { list: "1,2" });
});

Deno.test("LimitedHost.log() writes a thousand lines a second at most", () => {
  const it = new Hosted();
  const lines = () => it.trace.count("multipath:scheduler_log");
  for (let i = 0; i < 3 * MAX_LOG_LINES; i++) it.facade.log("line", { i });
  assertEquals(lines(), MAX_LOG_LINES);
  it.now += 999;
  it.facade.log("line", {});
  assertEquals(lines(), MAX_LOG_LINES);
  it.now += 1;
  it.facade.log("line", {});
  assertEquals(lines(), MAX_LOG_LINES + 1);
});
