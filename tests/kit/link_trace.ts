/**
 * Reads files of capacity over time.
 *
 * @module
 */
import { type CapacityStep, type CapacityTrace, OpportunityCapacity, SteppedCapacity } from "./link_capacity.ts";

/** How the name of a Mahimahi trace ends. */
const MAHIMAHI = ".mahi";
/** Largest time in a trace, milliseconds. */
const MAX_TIME = 1e9;
/** Highest rate, Mbit/s. */
const MAX_RATE = 1e9;
/** Most steps or opportunities. */
const MAX_ENTRIES = 5_000_000;

/**
 * Reads a trace: `[[ms, rateMbps], ...]` or `[[ms, rateMbps, delayMs], ...]` in JSON, or, when the name ends in `.mahi`,
 * Mahimahi's one opportunity a line. Throws `RangeError` that says where the text is wrong and what was expected.
 *
 * A JSON trace repeats from the start where its last entry stands, if that says the same as the first; else the last holds as
 * long as the one before it. A single entry holds for ever.
 */
export function parseCapacityTrace(text: string, name: string): CapacityTrace {
  return name.endsWith(MAHIMAHI) ? parseOpportunities(text) : parseSteps(text);
}

function parseOpportunities(text: string): CapacityTrace {
  const times: number[] = [];
  text.split("\n").forEach((raw, i) => {
    const line = raw.trim();
    if (line === "") return;
    const time = /^\d+(\.\d+)?$/.test(line) ? Number(line) : NaN;
    if (!(time <= MAX_TIME)) throw wrong(`line ${i + 1}`, line, `milliseconds from 0 to ${MAX_TIME}`);
    if (time < (times.at(-1) ?? 0)) throw wrong(`line ${i + 1}`, line, `at least ${times.at(-1)}, as above it`);
    times.push(time);
  });
  checkCount(times.length, "one opportunity a line, in milliseconds");
  if (times.at(-1) === 0) throw new RangeError("the last line is 0: expected an opportunity after 0 ms");
  return new OpportunityCapacity(times);
}

function parseSteps(text: string): CapacityTrace {
  let entries: unknown;
  try {
    entries = JSON.parse(text);
  } catch {
    throw new RangeError(`it is no JSON: expected [[ms, rateMbps], ...], or a name that ends in ${MAHIMAHI}`);
  }
  if (!Array.isArray(entries)) throw new RangeError("it is no list: expected [[ms, rateMbps], ...]");
  checkCount(entries.length, "[[ms, rateMbps], ...]");
  const steps: CapacityStep[] = [];
  for (const [i, entry] of (entries as unknown[]).entries()) steps.push(readStep(entry, i, steps));
  if (steps.every(({ rateMbps }) => rateMbps === 0)) throw new RangeError("all its rates are 0: expected one above 0");
  return inRounds(steps);
}

function readStep(entry: unknown, i: number, before: readonly CapacityStep[]): CapacityStep {
  const where = `entry ${i}`;
  const isStep = Array.isArray(entry) && (entry.length === 2 || entry.length === 3) &&
    entry.every((value) => typeof value === "number");
  if (!isStep) throw wrong(where, entry, "[ms, rateMbps] or [ms, rateMbps, delayMs], all numbers");
  const [at, rateMbps, delayMs] = entry as [number, number, number?];
  const [first, last] = [before[0], before.at(-1)];
  if (first === undefined && at !== 0) throw wrong(`time of ${where}`, at, "0");
  if (last !== undefined && !(at > last.at && at <= MAX_TIME)) {
    throw wrong(`time of ${where}`, at, `more than the ${last.at} before it, up to ${MAX_TIME}`);
  }
  if (!(rateMbps >= 0 && rateMbps <= MAX_RATE)) throw wrong(`rate of ${where}`, rateMbps, `0 to ${MAX_RATE} Mbit/s`);
  if (delayMs !== undefined && !(delayMs >= 0 && delayMs <= MAX_TIME)) {
    throw wrong(`delay of ${where}`, delayMs, `0 to ${MAX_TIME} ms`);
  }
  if (first !== undefined && (first.delayMs === undefined) !== (delayMs === undefined)) {
    throw wrong(where, entry, `${first.delayMs === undefined ? "two" : "three"} numbers, as in the first`);
  }
  return { at, rateMbps, delayMs };
}

function inRounds(steps: readonly CapacityStep[]): CapacityTrace {
  const [first, last, beforeLast] = [steps[0] as CapacityStep, steps.at(-1) as CapacityStep, steps.at(-2)];
  if (beforeLast === undefined) return new SteppedCapacity(steps, 1000);
  const closes = last.rateMbps === first.rateMbps && last.delayMs === first.delayMs;
  if (closes) return new SteppedCapacity(steps.slice(0, -1), last.at);
  return new SteppedCapacity(steps, last.at + (last.at - beforeLast.at));
}

function checkCount(count: number, expected: string): void {
  if (count === 0) throw new RangeError(`it is empty: expected ${expected}`);
  if (count > MAX_ENTRIES) throw new RangeError(`it has ${count} entries: expected at most ${MAX_ENTRIES}`);
}

function wrong(where: string, value: unknown, expected: string): RangeError {
  return new RangeError(`${where} is ${(JSON.stringify(value) ?? String(value)).slice(0, 60)}: expected ${expected}`);
}
