/**
 * Fewer points than there were events: what a column of pixels cannot tell apart is not drawn twice.
 *
 * @module
 */
import type { Curve } from "./trace.ts";

/** A point, or the gap between two lines. */
export type Point = [x: number, y: number] | [null, null];

/** From one time to another, milliseconds. */
export type Span = readonly [from: number, to: number];

/** A break in a line. */
export const GAP: Point = [null, null];

/**
 * The points of a curve: at most three for each of so many columns of the time from 0 to `width`, which are its lowest, its
 * highest and its last.
 */
export function thinCurve({ times, values }: Curve, width: number, columns: number): Point[] {
  const points: Point[] = [];
  for (let from = 0; from < times.length;) {
    const column = columnOf(times[from] as number, width, columns);
    let to = from + 1;
    while (to < times.length && columnOf(times[to] as number, width, columns) === column) to++;
    for (const i of extremesOf(values, from, to)) points.push([times[i] as number, values[i] as number]);
    from = to;
  }
  return points;
}

/**
 * A curve that has the highest value of each of so many columns of the time from 0 to `width` all through that column: peaks
 * are as wide as a column, however short they were.
 */
export function crestOf({ times, values }: Curve, width: number, columns: number): Curve {
  const crest: Curve = { times: [], values: [] };
  let [highest, last, column] = [-Infinity, 0, -1];
  for (const [i, time] of [...times, Infinity].entries()) {
    const next = time === Infinity ? columns : columnOf(time, width, columns);
    if (next !== column && column >= 0) {
      push(crest, Math.max(times[0] as number, column * width / columns), highest);
      // What was last holds from the next column on, unless there is more to come in it.
      if (next > column + 1 && next < columns) push(crest, (column + 1) * width / columns, last);
      highest = last;
    }
    if (time === Infinity) break;
    column = next;
    last = values[i] as number;
    highest = Math.max(highest, last);
  }
  if (times.length > 0) push(crest, times.at(-1) as number, last);
  return crest;
}

/** A curve between two times, with the values that it has at both. */
export function partOf({ times, values }: Curve, from: number, to: number): Curve {
  const part: Curve = { times: [], values: [] };
  let last: number | undefined;
  for (const [i, time] of times.entries()) {
    if (time > to) break;
    if (time > from && part.times.length === 0 && last !== undefined) push(part, from, last);
    last = values[i] as number;
    if (time >= from) push(part, time, last);
  }
  if (last === undefined) return part;
  if (part.times.length === 0) push(part, from, last);
  if ((part.times.at(-1) as number) < to) push(part, to, last);
  return part;
}

/** A curve that is drawn from point to point, with its value standing where it did not change for longer than `pause`. */
export function held({ times, values }: Curve, pause: number): Curve {
  const curve: Curve = { times: [], values: [] };
  for (const [i, time] of times.entries()) {
    if (i > 0 && time - (times[i - 1] as number) > pause) push(curve, time, values[i - 1] as number);
    push(curve, time, values[i] as number);
  }
  return curve;
}

function push({ times, values }: Curve, time: number, value: number): void {
  times.push(time);
  values.push(value);
}

/** The time up to `end` without these spans, which are in order. */
export function spansWithout(spans: readonly Span[], end: number): Span[] {
  const rest: Span[] = [];
  let from = 0;
  for (const [start, stop] of [...spans, [end, end] as const]) {
    if (start > from) rest.push([from, start]);
    from = Math.max(from, stop);
  }
  return rest;
}

/** Where the lowest, the highest and the last of the values are, in order. */
function extremesOf(values: readonly number[], from: number, to: number): number[] {
  let [low, high] = [from, from];
  for (let i = from; i < to; i++) {
    if ((values[i] as number) < (values[low] as number)) low = i;
    if ((values[i] as number) > (values[high] as number)) high = i;
  }
  return [...new Set([low, high, to - 1])].sort((a, b) => a - b);
}

/**
 * Moments as spans of time: those in the same column or in neighbouring ones are one span, and each is at least a column
 * wide.
 */
export function spansOf(moments: readonly number[], width: number, columns: number): [from: number, to: number][] {
  const marked = [...new Set(moments.map((at) => columnOf(at, width, columns)))].sort((a, b) => a - b);
  const spans: [number, number][] = [];
  for (const column of marked) {
    const last = spans.at(-1);
    if (last !== undefined && last[1] === column) last[1] = column + 1;
    else spans.push([column, column + 1]);
  }
  return spans.map(([from, to]) => [from * width / columns, to * width / columns]);
}

/** The highest value in each column, at its own time. */
export function peaksOf(points: readonly (readonly [x: number, y: number])[], width: number, columns: number): [
  x: number,
  y: number,
][] {
  const highest = new Map<number, readonly [number, number]>();
  for (const point of points) {
    const column = columnOf(point[0], width, columns);
    const known = highest.get(column);
    if (known === undefined || point[1] > known[1]) highest.set(column, point);
  }
  return [...highest.values()].map(([x, y]): [number, number] => [x, y]).sort((a, b) => a[0] - b[0]);
}

function columnOf(at: number, width: number, columns: number): number {
  return Math.min(columns - 1, Math.max(0, Math.floor(at / width * columns)));
}
