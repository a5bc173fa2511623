import { assert, assertEquals } from "@std/assert";
import { now } from "./clock.ts";
import { Ticker } from "./ticker.ts";

/** A ticker whose calls can be waited for. */
function ticking(): { ticker: Ticker; ticks: number[]; next: () => Promise<void> } {
  const ticks: number[] = [];
  let wake = (): void => {};
  const ticker = new Ticker(() => {
    ticks.push(now());
    wake();
  });
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
