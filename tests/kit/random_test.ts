import { assert, assertAlmostEquals, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { Random } from "./random.ts";

function draws(random: Random, n: number): number[] {
  return Array.from({ length: n }, () => random.uint32());
}

Deno.test("Random repeats itself for a seed, and differs for every other", () => {
  assertEquals(draws(new Random(7), 5), draws(new Random(7), 5));
  const seen = new Set<string>();
  for (let seed = 0; seed < 1000; seed++) seen.add(draws(new Random(seed), 2).join());
  seen.add(draws(new Random(2 ** 32), 2).join());
  seen.add(draws(new Random(2 ** 53 - 1), 2).join());
  assertEquals(seen.size, 1002);
});

Deno.test("Random has the values that it has had", () => {
  // Recorded here, so that a change of the generator, which changes every simulation, cannot go unseen.
  assertEquals(draws(new Random(1), 4), [393288148, 2174103013, 3814759091, 2092745082]);
});

Deno.test("Random.next() is uniform on 0 to 1", () => {
  const random = new Random(1);
  const buckets = new Array<number>(10).fill(0);
  const n = 100_000;
  for (let i = 0; i < n; i++) {
    const value = random.next();
    assert(value >= 0 && value < 1);
    const bucket = Math.floor(value * 10);
    buckets[bucket] = (buckets[bucket] ?? 0) + 1;
  }
  // Chi-squared with 9 degrees of freedom: below 27.9 with probability 0.999.
  const chi = buckets.reduce((sum, count) => sum + (count - n / 10) ** 2 / (n / 10), 0);
  assert(chi < 27.9, `chi-squared ${chi}`);
});

Deno.test("Random.normal() has mean 0, deviation 1, and tails", () => {
  const random = new Random(2);
  const n = 100_000;
  let [sum, squares, far] = [0, 0, 0];
  for (let i = 0; i < n; i++) {
    const value = random.normal();
    sum += value;
    squares += value * value;
    if (Math.abs(value) > 2) far++;
  }
  assertAlmostEquals(sum / n, 0, 0.015);
  assertAlmostEquals(squares / n, 1, 0.02);
  assertAlmostEquals(far / n, 0.0455, 0.003);
});

Deno.test("Random.int() stays below its bound and reaches every value", () => {
  const random = new Random(3);
  const seen = new Set(Array.from({ length: 200 }, () => random.int(6)));
  assertEquals([...seen].sort(), [0, 1, 2, 3, 4, 5]);
  assertEquals(random.int(1), 0);
  assertThrows(() => random.int(0), RangeError);
  assertThrows(() => random.int(1.5), RangeError);
});

Deno.test("Random.fill() fills every byte", () => {
  const bytes = new Uint8Array(1001);
  new Random(4).fill(bytes);
  assert(new Set(bytes).size > 240);
  assertNotEquals(bytes[1000], bytes[999]);
  const empty = new Uint8Array(0);
  new Random(4).fill(empty);
});

Deno.test("Random.fork() depends on seed and label, not on what was drawn", () => {
  const [fresh, used] = [new Random(5), new Random(5)];
  draws(used, 100);
  assertEquals(draws(fresh.fork("link0 up"), 3), draws(used.fork("link0 up"), 3));
  const labels = ["", "a", "b", "ab", "ba", "link0 up", "link0 down", "link1 up"];
  const first = new Set(labels.map((label) => fresh.fork(label).uint32()));
  assertEquals(first.size, labels.length);
  assertNotEquals(draws(new Random(6).fork("a"), 2), draws(new Random(5).fork("a"), 2));
  assertNotEquals(draws(new Random(5 + 2 ** 32).fork("a"), 2), draws(new Random(5).fork("a"), 2));
});

Deno.test("Random refuses seeds that are no integers from 0 to 2^53-1", () => {
  for (const seed of [-1, 0.5, NaN, 2 ** 53]) assertThrows(() => new Random(seed), RangeError);
});
