import { assert, assertEquals } from "@std/assert";
import { setImmediate } from "node:timers";
import { now } from "./clock.ts";
import { type Bell, Ticker } from "./ticker.ts";

/** A ticker whose calls can be waited for. */
function ticking(bell?: Bell): { ticker: Ticker; ticks: number[]; next: () => Promise<void> } {
  const ticks: number[] = [];
  let wake = (): void => {};
  const ticker = new Ticker(() => {
    ticks.push(now());
    wake();
  }, bell);
  return { ticker, ticks, next: () => new Promise((resolve) => wake = resolve) };
}

Deno.test("Ticker.soon() ticks once however often it is asked", async () => {
  const { ticker, ticks, next } = ticking();
  for (let i = 0; i < 5; i += 1) ticker.soon();
  assertEquals(ticks.length, 0);
  await next();
  ticker.stop();
  assertEquals(ticks.length, 1);
});

Deno.test("Ticker.at() ticks at the earliest deadline it was told, not long before", async () => {
  const { ticker, ticks, next } = ticking();
  const start = now();
  ticker.at(start + 60_000, start);
  ticker.at(start + 8, start);
  ticker.at(start + 30_000, start);
  await next();
  ticker.stop();
  assertEquals(ticks.length, 1);
  assert(ticks[0]! >= start + 6, `after ${ticks[0]! - start} ms`);
});

Deno.test("Ticker.at() takes deadlines that are near, past, far beyond a timer's range, and none", async () => {
  const { ticker, ticks, next } = ticking();
  const start = now();
  ticker.at(Infinity, start);
  ticker.at(start + 1e12, start);
  assertEquals(ticks.length, 0);
  ticker.at(start - 5, start);
  await next();
  ticker.at(start + 0.5, start);
  await next();
  ticker.stop();
  ticker.soon();
  ticker.at(start, start);
  assertEquals(ticks.length, 2);
});

Deno.test("Ticker.afterArrivals() waits for the bell, and what is wanted soon waits with it", async () => {
  let pulled = 0;
  const { ticker, ticks, next } = ticking({
    pull() {
      pulled += 1;
      return true;
    },
  });
  ticker.afterArrivals();
  ticker.afterArrivals();
  ticker.soon();
  await new Promise<void>((resolve) => setImmediate(resolve));
  await new Promise<void>((resolve) => setImmediate(resolve));
  assertEquals([pulled, ticks.length], [1, 0]);
  ticker.onBell();
  ticker.onBell();
  await next();
  assertEquals(ticks.length, 1);
  ticker.stop();
});

Deno.test("Ticker.afterArrivals() does without a bell, and without one that is broken", async () => {
  let pulled = 0;
  const broken = ticking({
    pull() {
      pulled += 1;
      return true;
    },
  });
  for (const { ticker, ticks, next } of [ticking(), ticking({ pull: () => false }), broken]) {
    for (let i = 1; i <= 5; i += 1) {
      ticker.afterArrivals();
      await next();
      assertEquals(ticks.length, i);
    }
    ticker.stop();
  }
  assertEquals(pulled, 3);
});
