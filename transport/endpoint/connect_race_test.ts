import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { ConnectRace, MAX_ATTEMPTS, MAX_PUT_OFF, raceCandidates } from "./connect_race.ts";

const SILENT = (): number => -Infinity;

/** All that begin at a time. */
function begun(race: ConnectRace, now: number, answeredAt: (index: number) => number = SILENT): number[] {
  const found: number[] = [];
  for (let next = race.begin(now, answeredAt); next !== undefined; next = race.begin(now, answeredAt)) found.push(next);
  return found;
}

Deno.test("ConnectRace begins with the first, and with all others beside it when it is silent", () => {
  const race = new ConnectRace([0, 250, 250, 500], 1000);
  assertEquals(begun(race, 1000), [0]);
  assertEquals([race.nextTimeout(), begun(race, 1249)], [1250, []]);
  assertEquals(begun(race, 1250), [1, 2]);
  assertEquals([race.nextTimeout(), begun(race, 1500), race.nextTimeout()], [1500, [3], Infinity]);
});

Deno.test("ConnectRace: the first to complete wins, the others under way are to be closed, those that wait never begin", () => {
  const race = new ConnectRace([0, 250, 500], 0);
  begun(race, 0);
  begun(race, 250);
  assertEquals([race.complete(2), race.complete(1), race.complete(0)], [false, true, false]);
  assertEquals([race.winner, race.isOver, race.end(), race.isOver], [1, false, [0], true]);
  assertEquals([0, 1, 2].map((index) => race.stateOf(index)), ["closed", "won", "closed"]);
  assertEquals([begun(race, 10_000), race.nextTimeout(), race.isLost], [[], Infinity, false]);
});

Deno.test("ConnectRace: a failure begins the next at once, and moves those after them forward", () => {
  const race = new ConnectRace([0, 250, 500], 0.1);
  begun(race, 0.1);
  race.fail(0, 30.25);
  assertEquals(begun(race, 30.25), [1]);
  assertEquals(race.nextTimeout(), 280.25);
  race.hurry(40);
  assertEquals(begun(race, 40, () => 39), [2]);
  race.fail(1, 50);
  assertEquals([race.isLost, race.isOver], [false, false]);
  race.fail(2, 60);
  assertEquals([race.isLost, race.isOver, race.nextTimeout()], [true, true, Infinity]);
});

Deno.test("ConnectRace: an answer puts the others off by the delay from then, again and again for a second", () => {
  const race = new ConnectRace([0, 250], 0);
  begun(race, 0);
  assertEquals([begun(race, 250, () => 40), race.nextTimeout()], [[], 290]);
  for (let now = 290; now < 250 + MAX_PUT_OFF; now = race.nextTimeout()) {
    assertEquals(begun(race, now, () => now - 5), []);
  }
  assertEquals(race.nextTimeout(), 250 + MAX_PUT_OFF);
  assertEquals(begun(race, 250 + MAX_PUT_OFF, () => 249 + MAX_PUT_OFF), [1]);
});

Deno.test("ConnectRace: no more than so many are under way, and another begins when one has failed", () => {
  const race = new ConnectRace(Array.from({ length: MAX_ATTEMPTS + 2 }, () => 0), 0);
  assertEquals(begun(race, 0).length, MAX_ATTEMPTS);
  assertEquals(race.nextTimeout(), Infinity);
  race.fail(3, 1);
  assertEquals(begun(race, 1), [MAX_ATTEMPTS]);
});

Deno.test("ConnectRace refuses what cannot be", () => {
  assertThrows(() => new ConnectRace([], 0), RangeError, "nothing to try");
  for (const time of [-1, NaN, Infinity]) assertThrows(() => new ConnectRace([0, time], 0), RangeError, `${time} ms`);
});

Deno.test("ConnectRace: whatever happens, each attempt begins in time, one at most wins, and none is forgotten", () => {
  const times = fc.array(fc.integer({ min: 0, max: 4 }).map((step) => 250 * step), { minLength: 1, maxLength: 24 });
  const steps = fc.array(
    fc.record({
      after: fc.double({ min: 0, max: 300, noNaN: true }),
      what: fc.constantFrom("answer", "fail", "hurry", "complete", "nothing", "nothing"),
      who: fc.nat(23),
    }),
    { maxLength: 40 },
  );
  fc.assert(fc.property(times, steps, fc.nat(1e6), (times, steps, start) => {
    const race = new ConnectRace(times, start);
    const answers = new Map<number, number>();
    const running = new Set<number>();
    const seen = new Set<number>();
    let now = start;
    let failed = 0;
    const begin = (): void => {
      for (const index of begun(race, now, (each) => answers.get(each) ?? -Infinity)) {
        assert(!seen.has(index));
        seen.add(index);
        running.add(index);
      }
      assert(running.size <= MAX_ATTEMPTS);
      if (failed < times.length) assert(running.size > 0, "somebody is under way until all have failed");
      const late = times.some((time, i) => !seen.has(i) && now > start + time + MAX_PUT_OFF);
      assert(!late || running.size === MAX_ATTEMPTS);
    };
    begin();
    for (const { after, what, who } of steps) {
      const end = now + after;
      while (race.nextTimeout() <= end) {
        now = Math.max(now, race.nextTimeout());
        begin();
      }
      now = end;
      if (what === "answer") answers.set(who, now);
      if (what === "hurry") race.hurry(now);
      if (what === "fail" && running.delete(who)) failed += 1;
      if (what === "fail") race.fail(who, now);
      if (what === "complete" && running.has(who)) {
        assert(race.complete(who));
        running.delete(who);
        assertEquals(new Set(race.end()), running);
        assertEquals([race.isOver, race.winner, race.nextTimeout()], [true, who, Infinity]);
        return;
      }
      begin();
      assertEquals(race.isLost, failed === times.length);
    }
  }));
});

Deno.test("raceCandidates() joins local addresses and the server's: one first, then all others, then the next address of each", () => {
  const entries = [{ from: "wifi", to: [1, 2] }, { from: "cell", to: [1, 2] }, { from: "usb", to: [3] }];
  const all = raceCandidates(entries).map(({ from, to, time }) => `${from}-${to}@${time}`);
  assertEquals(all, ["wifi-1@0", "wifi-2@250", "cell-1@250", "usb-3@250", "cell-2@500"]);
  const near = raceCandidates(entries.slice(0, 2), 20).map(({ from, to, time }) => `${from}-${to}@${time}`);
  assertEquals(near, ["wifi-1@0", "wifi-2@20", "cell-1@250", "cell-2@270"]);
  assertEquals(raceCandidates([{ from: "a", to: [1] }, { from: "b", to: [1], after: 0 }]).map(({ time }) => time), [
    0,
    0,
  ]);
});
