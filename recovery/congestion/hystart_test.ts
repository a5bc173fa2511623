import { assert, assertEquals, assertFalse } from "@std/assert";
import {
  CSS_GROWTH_DIVISOR,
  CSS_ROUNDS,
  HyStart,
  MAX_RTT_THRESH,
  MIN_RTT_DIVISOR,
  MIN_RTT_THRESH,
  N_RTT_SAMPLE,
} from "./hystart.ts";

/** Acknowledges a round's packets, all sent at its beginning, with these samples. */
class Rounds {
  readonly hystart = new HyStart();
  #now = 0;

  next(samples: readonly number[]): boolean {
    const sentAt = this.#now;
    this.#now += 100;
    let isOver = false;
    for (const sample of samples) isOver = this.hystart.onAcked(sentAt, sample, this.#now);
    return isOver;
  }

  same(rtt: number, count: number = N_RTT_SAMPLE): boolean {
    return this.next(new Array(count).fill(rtt));
  }
}

Deno.test("HyStart has the constants of RFC 9406 §4.3", () => {
  assertEquals([MIN_RTT_THRESH, MAX_RTT_THRESH, MIN_RTT_DIVISOR, N_RTT_SAMPLE], [4, 16, 8, 8]);
  assertEquals([CSS_GROWTH_DIVISOR, CSS_ROUNDS], [4, 5]);
});

Deno.test("HyStart slows down when a round's least RTT exceeds the last one's by an eighth", () => {
  for (
    const [last, next, expected] of [
      [100, 112, "slow-start"],
      [100, 112.5, "conservative"],
      // At least 4 ms, at most 16 ms.
      [10, 13.9, "slow-start"],
      [10, 14, "conservative"],
      [400, 415, "slow-start"],
      [400, 416, "conservative"],
    ] as const
  ) {
    const rounds = new Rounds();
    rounds.same(last);
    rounds.same(next);
    assertEquals(rounds.hystart.phase, expected, `${last} then ${next}`);
  }
});

Deno.test("HyStart judges the least of a round, after eight samples", () => {
  const rounds = new Rounds();
  rounds.same(100);
  rounds.same(130, N_RTT_SAMPLE - 1);
  assertEquals(rounds.hystart.phase, "slow-start");
  const spread = new Rounds();
  spread.same(100);
  spread.next([130, 130, 130, 101, 130, 130, 130, 130, 130]);
  assertEquals(spread.hystart.phase, "slow-start");
});

Deno.test("HyStart takes no notice of acknowledgments without a sample", () => {
  const rounds = new Rounds();
  rounds.same(100);
  rounds.same(Infinity, 50);
  rounds.same(130);
  // The round without samples leaves nothing to compare with.
  assertEquals(rounds.hystart.phase, "slow-start");
});

Deno.test("HyStart grows by a quarter in conservative slow start, for five rounds", () => {
  const rounds = new Rounds();
  rounds.same(100);
  assertEquals(rounds.hystart.growth(1200), 1200);
  rounds.same(130);
  assertEquals(rounds.hystart.growth(1200), 300);
  // The round in which it began is the first of the five.
  for (let i = 1; i < CSS_ROUNDS; i++) assertFalse(rounds.same(130));
  assert(rounds.same(130));
  assertEquals(rounds.hystart.phase, "done");
});

Deno.test("HyStart goes back to slow start when the RTT falls below where it slowed down", () => {
  const rounds = new Rounds();
  rounds.same(100);
  rounds.same(130);
  rounds.same(131);
  assertEquals(rounds.hystart.phase, "conservative");
  rounds.same(129);
  assertEquals([rounds.hystart.phase, rounds.hystart.growth(1200)], ["slow-start", 1200]);
  // And may slow down anew, for five rounds of its own.
  rounds.same(160);
  assertEquals(rounds.hystart.phase, "conservative");
  for (let i = 1; i < CSS_ROUNDS; i++) assertFalse(rounds.same(160));
  assert(rounds.same(160));
});
