import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { crestOf, held, partOf, peaksOf, type Point, spansOf, spansWithout, thinCurve } from "./thin.ts";
import type { Curve } from "./trace.ts";

const WIDTH = 1000;
const curves = fc.array(
  fc.record({ at: fc.double({ min: 0, max: WIDTH, noNaN: true }), value: fc.integer({ min: 0, max: 99 }) }),
  { minLength: 1, maxLength: 200 },
).map((samples): Curve => {
  const sorted = samples.toSorted((a, b) => a.at - b.at);
  return { times: sorted.map(({ at }) => at), values: sorted.map(({ value }) => value) };
});
const columnCounts = fc.integer({ min: 1, max: 300 });

function columnOf(at: number, columns: number): number {
  return Math.min(columns - 1, Math.floor(at / WIDTH * columns));
}

/** The value of a curve at a time, before its first one `undefined`. */
function valueAt({ times, values }: Curve, at: number): number | undefined {
  return values[times.findLastIndex((time) => time <= at)];
}

Deno.test("thinCurve() keeps extremes and the last value of each column, in order, and at most three points of each", () => {
  fc.assert(fc.property(curves, columnCounts, (curve, columns) => {
    const points = thinCurve(curve, WIDTH, columns) as [number, number][];
    assert(points.every(([x], i) => i === 0 || x >= points[i - 1]![0]));
    for (let column = 0; column < columns; column++) {
      const inside = curve.values.filter((_, i) => columnOf(curve.times[i]!, columns) === column);
      const kept = points.filter(([x]) => columnOf(x, columns) === column).map(([, y]) => y);
      assert(kept.length <= 3);
      assertEquals(kept.length > 0, inside.length > 0);
      if (inside.length === 0) continue;
      assertEquals([Math.min(...kept), Math.max(...kept)], [Math.min(...inside), Math.max(...inside)]);
      assertEquals(kept.at(-1), inside.at(-1));
    }
  }));
});

Deno.test("crestOf() is nowhere below the curve, and nowhere above what the column saw", () => {
  fc.assert(fc.property(curves, columnCounts, (curve, columns) => {
    const crest = crestOf(curve, WIDTH, columns);
    assert(crest.times.every((time, i) => i === 0 || time >= crest.times[i - 1]!));
    const end = curve.times.at(-1)!;
    for (const [i, at] of curve.times.entries()) {
      if (at < end) assert(valueAt(crest, at)! >= curve.values[i]!, `below at ${at}`);
    }
    const known = new Set(curve.values);
    assert(crest.values.every((value) => known.has(value)));
    assert(crest.times.length <= 2 * columns + 2);
  }));
  // A peak of no length is as wide as its column, and the rest of the curve is where it was.
  const peak = { times: [0, 50, 50, 90], values: [1, 9, 1, 1] };
  assertEquals(crestOf(peak, 100, 10), { times: [0, 10, 50, 60, 90, 90], values: [1, 1, 9, 1, 1, 1] });
});

Deno.test("partOf() has the values of the curve between two times and begins and ends there", () => {
  const times = fc.tuple(
    fc.double({ min: 0, max: WIDTH, noNaN: true }),
    fc.double({ min: 0, max: WIDTH, noNaN: true }),
  );
  fc.assert(fc.property(curves, times, (curve, [a, b]) => {
    const [from, to] = [Math.min(a, b), Math.max(a, b)];
    const part = partOf(curve, from, to);
    if (curve.times[0]! > to) return assertEquals(part.times, []);
    assert(part.times.every((time) => time >= from && time <= to));
    assertEquals(part.times[0], Math.max(from, curve.times[0]!));
    assertEquals(part.times.at(-1), to);
    for (const at of part.times) assertEquals(valueAt(part, at), valueAt(curve, at));
  }));
});

Deno.test("spansOf() covers every moment, with spans in order that do not touch", () => {
  const moments = fc.array(fc.double({ min: 0, max: WIDTH, noNaN: true }), { maxLength: 100 });
  fc.assert(fc.property(moments, columnCounts, (all, columns) => {
    const spans = spansOf(all, WIDTH, columns);
    const tolerance = 1e-6;
    for (const at of all) assert(spans.some(([from, to]) => at >= from - tolerance && at <= to + tolerance));
    assert(spans.every(([from], i) => i === 0 || from > spans[i - 1]![1]));
    assert(spans.every(([from, to]) => to - from >= WIDTH / columns - tolerance));
  }));
});

Deno.test("peaksOf() keeps the highest point of each column", () => {
  assertEquals(peaksOf([[1, 5], [2, 7], [3, 6], [55, 1]], 100, 10), [[2, 7], [55, 1]]);
});

Deno.test("held() lets a value stand through a pause; spansWithout() is what is left of the time", () => {
  assertEquals(held({ times: [0, 1, 9], values: [4, 5, 6] }, 5), { times: [0, 1, 9, 9], values: [4, 5, 5, 6] });
  assertEquals(spansWithout([[2, 3], [5, 9]], 10), [[0, 2], [3, 5], [9, 10]]);
  assertEquals(spansWithout([[0, 10]], 10), []);
  assertEquals(spansWithout([], 10), [[0, 10]]);
  const none: Point[] = thinCurve({ times: [], values: [] }, 10, 5);
  assertEquals([none, crestOf({ times: [], values: [] }, 10, 5).times], [[], []]);
});
