/**
 * Pseudo-random numbers that repeat: every draw of a simulation comes from one seed.
 *
 * @module
 */

/** xoshiro128** (Blackman and Vigna, 2018), seeded by SplitMix32. Not for secrets. */
export class Random {
  readonly #seed: number;
  #a: number;
  #b: number;
  #c: number;
  #d: number;
  /** The second value of the last pair that `normal` made. */
  #spare: number | undefined;

  /** `seed`: an integer from 0 to 2^53-1; throws `RangeError` otherwise. */
  constructor(seed: number) {
    if (!Number.isSafeInteger(seed) || seed < 0) {
      throw new RangeError(`Seed is ${seed}: expected an integer from 0 to 2^53-1`);
    }
    this.#seed = seed;
    const mix = splitMix(seed % 2 ** 32, Math.floor(seed / 2 ** 32));
    [this.#a, this.#b, this.#c, this.#d] = [mix(), mix(), mix(), mix()];
    // All zero is the one state that would never leave itself.
    if ((this.#a | this.#b | this.#c | this.#d) === 0) this.#a = 1;
  }

  /** An integer from 0 to 2^32-1. */
  uint32(): number {
    const scrambled = Math.imul(rotate(Math.imul(this.#b, 5), 7), 9) >>> 0;
    const shifted = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= shifted;
    this.#d = rotate(this.#d, 11);
    return scrambled;
  }

  /** A number from 0 (in) to 1 (out), with 53 bits. */
  next(): number {
    const high = this.uint32() >>> 5;
    const low = this.uint32() >>> 6;
    return (high * 2 ** 26 + low) / 2 ** 53;
  }

  /** An integer from 0 to n-1; `n` is an integer from 1 to 2^53. */
  int(n: number): number {
    if (!(n >= 1 && n <= 2 ** 53 && Number.isInteger(n))) {
      throw new RangeError(`Bound is ${n}: expected an integer from 1 to 2^53`);
    }
    return Math.floor(this.next() * n);
  }

  /** Whether something of this probability happens: never at 0, always at 1. */
  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** A number from the normal distribution with mean 0 and standard deviation 1 (polar method of Marsaglia). */
  normal(): number {
    if (this.#spare !== undefined) {
      const spare = this.#spare;
      this.#spare = undefined;
      return spare;
    }
    let x: number, y: number, square: number;
    do {
      x = 2 * this.next() - 1;
      y = 2 * this.next() - 1;
      square = x * x + y * y;
    } while (square >= 1 || square === 0);
    const scale = Math.sqrt(-2 * Math.log(square) / square);
    this.#spare = y * scale;
    return x * scale;
  }

  /** Fills the array; the same number of draws for the same length. */
  fill(into: Uint8Array): void {
    for (let at = 0; at < into.length; at += 4) {
      const word = this.uint32();
      const end = Math.min(at + 4, into.length);
      for (let i = at, shift = 0; i < end; i++, shift += 8) into[i] = word >>> shift;
    }
  }

  /**
   * A source of its own. It depends on this one's seed and the label only, not on what was drawn, so that one part of a
   * simulation can change its draws without disturbing another's.
   */
  fork(label: string): Random {
    let [low, high] = [0x811c9dc5, this.#seed % 2 ** 32];
    for (let i = 0; i < label.length; i++) {
      low = Math.imul(low ^ label.charCodeAt(i), 0x01000193);
      high = Math.imul(rotate(high ^ low, 13), 0x9e3779b1);
    }
    const top = Math.floor(this.#seed / 2 ** 32) ^ high;
    return new Random(((low ^ Math.imul(high, 0x85ebca6b)) >>> 0) + (top & 0x1f_ffff) * 2 ** 32);
  }
}

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

/** SplitMix32, its counter begun at the low half and its increment varied by the high half of a seed. */
function splitMix(low: number, high: number): () => number {
  const step = (0x9e3779b9 + 2 * high) | 1;
  let state = low;
  return () => {
    state = (state + step) | 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return z ^ (z >>> 15);
  };
}
