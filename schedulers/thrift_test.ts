import { assertEquals, assertThrows } from "@std/assert";
import { pathView, type PlainPath } from "../tests/kit/views.ts";
import { type DownloadPolicy, thrifty, type ThriftyOptions } from "./thrift.ts";

/** A player that is served at `rate` bytes per millisecond over a path that costs nothing; `at` runs to a time. */
class Player {
  readonly wifi: PlainPath = pathView(0);
  readonly cell: PlainPath = pathView(1, { srtt: 50, cost: 2 });
  readonly awaited: Map<number, number> = new Map();
  readonly policy: DownloadPolicy;
  buffer: number | undefined;
  rate = 0;
  now = 0;

  constructor(options: ThriftyOptions = {}) {
    this.policy = thrifty(options)();
  }

  /** The answers on the way there, each change once. */
  at(time: number): number[] {
    const answers: number[] = [];
    for (; this.now < time; this.now += 25) {
      const { now, wifi, cell, awaited } = this;
      wifi.bytesReceived += 25 * this.rate;
      if (this.rate > 0) wifi.lastDataAt = now;
      for (const [id, bytes] of awaited) awaited.set(id, bytes + 25 * this.rate);
      const most = this.policy({ now, paths: [wifi, cell], awaited, signal: () => this.buffer });
      if (most !== answers.at(-1)) answers.push(most);
    }
    return answers;
  }
}

Deno.test("thrifty() lets costly paths join when data has been arriving for a second, until none is awaited", () => {
  const player = new Player();
  assertEquals(player.at(500), [0]);
  player.awaited.set(0, 0);
  player.rate = 100;
  assertEquals(player.at(1475), [0]);
  assertEquals(player.at(3000), [0, Infinity]);
  player.awaited.clear();
  player.rate = 0;
  assertEquals(player.at(4000), [Infinity, 0]);
});

Deno.test("thrifty() does not take an answer that comes little by little for one that waits", () => {
  const player = new Player({ patience: 300 });
  player.awaited.set(0, 0);
  for (let i = 0; i < 20; i++) {
    player.rate = i % 2 === 0 ? 100 : 0;
    assertEquals(player.at(150 * (i + 1)), [0]);
  }
});

Deno.test("thrifty() compares what answers need with what the signal leaves, with hysteresis", () => {
  const player = new Player();
  // The first answer tells how large answers are: 200 kB in two seconds.
  player.awaited.set(0, 0);
  player.buffer = 10_000;
  player.rate = 100;
  assertEquals(player.at(2000), [0]);
  player.awaited.delete(0);
  player.awaited.set(4, 0);
  // It takes 2000 ms, and 2500 are left.
  player.buffer = 2500;
  assertEquals(player.at(2500), [0]);
  player.buffer = 1200;
  assertEquals(player.at(3000), [0, Infinity]);
  // Less than 300 ms beyond what is needed is not enough to do without.
  player.awaited.set(4, 100_000);
  player.buffer = 1200;
  assertEquals(player.at(3025), [Infinity]);
  player.buffer = 2000;
  assertEquals(player.at(3200), [0]);
});

Deno.test("thrifty() needs costly paths when the cheap one fades, and when it does not answer", () => {
  const player = new Player();
  player.awaited.set(0, 0);
  player.buffer = 3000;
  player.rate = 100;
  assertEquals(player.at(2000), [0]);
  // What is to come is not known, but at this rate a quarter of what has come already takes longer than there is.
  player.rate = 1;
  assertEquals(player.at(3500), [0, Infinity]);
  const other = new Player();
  other.wifi.ptoCount = 1;
  assertEquals(other.at(100), [2]);
  other.cell.status = "backup";
  assertEquals(other.at(200), [Infinity]);
});

Deno.test("thrifty() counts metered paths as costing something, and knows several prices", () => {
  const player = new Player();
  player.wifi.metered = true;
  assertEquals(player.at(100), [1]);
});

Deno.test("thrifty() gives the same answers for the same downloads", () => {
  const run = (): number[][] => {
    const player = new Player();
    player.awaited.set(0, 0);
    player.buffer = 900;
    player.rate = 30;
    return [player.at(1000), player.at(2000)];
  };
  assertEquals(run(), run());
});

Deno.test("thrifty() refuses limits that cannot be", () => {
  assertThrows(() => thrifty({ low: NaN }), RangeError, '"low" is NaN: expected a number');
  assertThrows(() => thrifty({ low: 500, high: 100 }), RangeError, '"high" is 100: expected a number from 500');
  assertThrows(() => thrifty({ patience: -1 }), RangeError, '"patience" is -1: expected a number from 0');
});
