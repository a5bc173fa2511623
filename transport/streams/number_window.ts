/** How far below the highest number one may come and still be told from one that came before. */
export const NUMBER_WINDOW = 8192;

/**
 * The numbers that came, of those within {@linkcode NUMBER_WINDOW} of the highest. What is below counts as come: to take
 * something twice is worse than to miss what is so late. One kilobyte, once there is a number.
 */
export class NumberWindow {
  /** One bit for each number, at its remainder. */
  #bits: Uint32Array | undefined;
  /** One above the highest. */
  #end = 0;

  /** Whether the number is new; it has come from now on. */
  add(number: number): boolean {
    const bits = this.#bits ??= new Uint32Array(NUMBER_WINDOW / 32);
    if (number >= this.#end) this.#advance(bits, number + 1);
    else if (number < this.#end - NUMBER_WINDOW) return false;
    const at = number % NUMBER_WINDOW;
    const bit = 1 << (at & 31);
    if ((bits[at >> 5]! & bit) !== 0) return false;
    bits[at >> 5]! |= bit;
    return true;
  }

  /** Numbers that enter the window take the places of those that leave it. */
  #advance(bits: Uint32Array, end: number): void {
    if (end - this.#end >= NUMBER_WINDOW) {
      bits.fill(0);
    } else {
      for (let number = this.#end; number < end; number++) {
        const at = number % NUMBER_WINDOW;
        bits[at >> 5]! &= ~(1 << (at & 31));
      }
    }
    this.#end = end;
  }
}
