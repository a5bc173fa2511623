/** Bytes of a block. */
export const BLOCK_SIZE = 65_536;

/** Blocks that are kept for the next writes; more are left to the garbage collector. */
export const MAX_SPARE_BLOCKS = 32;

/** Blocks for bytes that wait to be sent: used again, since new memory at the rate of the data is what grows a process. */
export class BlockPool {
  readonly #spare: Uint8Array[] = [];

  /** A block of {@linkcode BLOCK_SIZE} bytes with whatever is in it. */
  take(): Uint8Array {
    return this.#spare.pop() ?? new Uint8Array(BLOCK_SIZE);
  }

  /** Takes back a block of which nobody has a view any more. */
  give(block: Uint8Array): void {
    if (this.#spare.length < MAX_SPARE_BLOCKS) this.#spare.push(block);
  }

  /** Blocks that wait to be used again. */
  get spare(): number {
    return this.#spare.length;
  }
}
