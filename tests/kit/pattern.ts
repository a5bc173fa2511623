/**
 * Application bytes that can be made, and checked, from a stream's number and an offset alone: a byte of another stream, or
 * of another place in this one, does not pass.
 *
 * @module
 */
import { Random } from "./random.ts";

const SIZE = 65_536;
const TABLE: Uint8Array = makeTable();

/** Fills `into` with the bytes of pattern `seed` from `offset` on. */
export function fillPattern(into: Uint8Array, seed: number, offset: number): void {
  for (let at = 0; at < into.length;) {
    const start = tableIndex(seed, offset + at);
    const run = Math.min(into.length - at, SIZE - start, SIZE - (offset + at) % SIZE);
    into.set(TABLE.subarray(start, start + run), at);
    at += run;
  }
}

/** Where in `bytes` the pattern is first broken; -1 when it is not. */
export function checkPattern(bytes: Uint8Array, seed: number, offset: number): number {
  for (let at = 0; at < bytes.length;) {
    const start = tableIndex(seed, offset + at);
    const run = Math.min(bytes.length - at, SIZE - start, SIZE - (offset + at) % SIZE);
    for (let i = 0; i < run; i++) if (bytes[at + i] !== TABLE[start + i]) return at + i;
    at += run;
  }
  return -1;
}

/** Blocks of the table follow one another in steps that are prime to its size, so that no two are alike for long. */
function tableIndex(seed: number, at: number): number {
  return (at + Math.floor(at / SIZE) * 40_503 + seed * 9973) % SIZE;
}

function makeTable(): Uint8Array {
  const table = new Uint8Array(SIZE);
  new Random(0).fill(table);
  return table;
}
