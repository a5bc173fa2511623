/**
 * Puts the bytes of a stream in order. Each is copied once, from the packet to its place in a block; blocks cover parts
 * of the stream and never overlap. Bytes that come too early lie in their places already when the gap closes, so nothing
 * is copied twice; a bit map per block (made when the first such bytes come) says where they are. Hence memory is bounded
 * by the flow-control window plus an eighth, whatever pieces a peer cuts its data into.
 *
 * @module
 */

/** Bytes of the smallest block. */
const SMALLEST_BLOCK = 2048;

/** Bytes of the largest block, and of the largest piece that a read returns. */
export const LARGEST_BLOCK = 65536;

/** A block of this size may stay, mostly read, with an idle stream. */
const KEPT_BLOCK = 4096;

/** A part of the stream: `[start, start + data.length)`. */
class Block {
  readonly start: number;
  readonly data: Uint8Array<ArrayBuffer>;
  readonly end: number;
  /** Where the last byte that is here ends. */
  high: number;
  /** A bit for each byte that came too early. */
  map: Uint32Array | undefined = undefined;

  constructor(start: number, size: number) {
    this.start = start;
    this.data = new Uint8Array(size);
    this.end = start + size;
    this.high = start;
  }

  /** Marks `[from, to)`, offsets of the stream, as here. */
  mark(from: number, to: number): void {
    this.map ??= new Uint32Array((this.data.length + 31) >>> 5);
    const map = this.map;
    const first = from - this.start;
    const last = to - this.start - 1;
    const firstWord = first >>> 5;
    const lastWord = last >>> 5;
    const firstMask = -1 << (first & 31);
    const lastMask = -1 >>> (31 - (last & 31));
    if (firstWord === lastWord) {
      map[firstWord] = map[firstWord]! | (firstMask & lastMask);
      return;
    }
    map[firstWord] = map[firstWord]! | firstMask;
    for (let word = firstWord + 1; word < lastWord; word++) map[word] = 0xffff_ffff;
    map[lastWord] = map[lastWord]! | lastMask;
  }

  /** The end of the marked bytes that begin at `from`: `from` itself when that byte is not here. */
  runFrom(from: number): number {
    const map = this.map;
    if (map === undefined) return from;
    let at = from - this.start;
    while (at < this.data.length) {
      // The missing bytes of this word from `at` on, as ones.
      const missing = ~map[at >>> 5]! & (-1 << (at & 31));
      if (missing !== 0) {
        at = (at & ~31) + 31 - Math.clz32(missing & -missing);
        break;
      }
      at = (at & ~31) + 32;
    }
    return this.start + Math.min(at, this.data.length);
  }
}

/** The receiving end of a stream of bytes that arrive in pieces, in any order, some of them more than once. */
export class Reassembler {
  /** In order; what was read is no longer among them. */
  readonly #blocks: Block[] = [];
  #read = 0;
  /** Up to here everything has come. */
  #ready = 0;
  /** Where the last byte that is kept ends; above `#ready` when some came too early. */
  #stored = 0;
  #highest = 0;
  #finalSize = -1;
  #size = SMALLEST_BLOCK;
  #discarded = false;

  /** Bytes that can be read now. */
  get available(): number {
    return this.#ready - this.#read;
  }

  /** Bytes read. */
  get consumed(): number {
    return this.#read;
  }

  /** Where the last byte that came ends. */
  get highest(): number {
    return this.#highest;
  }

  /** Bytes in all, once the end has come; -1 before. */
  get finalSize(): number {
    return this.#finalSize;
  }

  /** Whether all bytes and the end are here. */
  get isComplete(): boolean {
    return this.#ready === this.#finalSize;
  }

  /** Whether all bytes were read and the end is known. */
  get isRead(): boolean {
    return this.#read === this.#finalSize;
  }

  /** Bytes of memory held. */
  get memory(): number {
    let sum = 0;
    for (const block of this.#blocks) sum += block.data.length + (block.map?.byteLength ?? 0);
    return sum;
  }

  /**
   * Takes in a piece; `data` is copied. Limits and final sizes are the caller's to check.
   *
   * @returns By how much the highest offset grew.
   */
  insert(offset: number, data: Uint8Array, fin: boolean): number {
    const end = offset + data.length;
    if (fin) this.#finalSize = end;
    const grown = end - this.#highest;
    if (grown > 0) this.#highest = end;
    if (!this.#discarded && end > this.#ready) this.#store(offset, data, end);
    return grown > 0 ? grown : 0;
  }

  /**
   * The next bytes in order, up to `limit` of them; the array and its whole buffer are the caller's. May be less than is
   * available.
   *
   * @returns `undefined` when there is nothing now, `null` at the end.
   */
  read(limit: number = LARGEST_BLOCK): Uint8Array<ArrayBuffer> | undefined | null {
    if (this.#read === this.#ready) return this.isRead ? null : undefined;
    const block = this.#blocks[0]!;
    const from = this.#read - block.start;
    const end = Math.min(this.#ready, block.end, this.#read + limit);
    const length = end - this.#read;
    // Bytes of this block that are not part of this read: unread ones, or ones beyond a gap.
    const more = block.high > end;
    this.#read = end;
    // A buffer of which we keep a part cannot be given away, and a copy of little costs less than a new block.
    const given = !more && length * 2 >= block.data.length;
    const kept = more || (!given && end < block.end && block.data.length <= KEPT_BLOCK);
    if (!kept) this.#blocks.shift();
    if (!kept && end < block.end) this.#size = sizeFor(length);
    if (!given) return block.data.slice(from, from + length);
    return length === block.data.length ? block.data : block.data.subarray(from, from + length);
  }

  /** Throws away what is here and what will come; offsets are still counted. */
  discard(): void {
    this.#blocks.length = 0;
    this.#discarded = true;
    this.#read = this.#ready;
  }

  #store(offset: number, data: Uint8Array, end: number): void {
    let from = Math.max(offset, this.#ready);
    while (from < end) {
      const block = this.#blockFor(from, end);
      const to = Math.min(end, block.end);
      const whole = from === offset && to === end;
      block.data.set(whole ? data : data.subarray(from - offset, to - offset), from - block.start);
      if (to > block.high) block.high = to;
      if (from === this.#ready) this.#ready = to;
      else block.mark(from, to);
      from = to;
    }
    if (end > this.#stored) this.#stored = end;
    if (this.#ready < this.#stored) this.#advance();
  }

  /** Moves `#ready` over bytes that came too early. */
  #advance(): void {
    let index = this.#indexOf(this.#ready);
    while (true) {
      let block = this.#blocks[index];
      if (block !== undefined && block.end === this.#ready) block = this.#blocks[++index];
      if (block === undefined || block.start > this.#ready) return;
      const to = block.runFrom(this.#ready);
      if (to === this.#ready) return;
      this.#ready = to;
      if (to < block.end) return;
    }
  }

  /** The block that has a place for the byte at `from`; made if there is none. */
  #blockFor(from: number, end: number): Block {
    const index = this.#indexOf(from);
    const before = this.#blocks[index];
    if (before !== undefined && from < before.end) return before;
    const next = this.#blocks[index + 1];
    // Data that comes faster than it is read gets larger blocks.
    if (before !== undefined) this.#size = Math.min(this.#size * 2, LARGEST_BLOCK);
    const floor = before === undefined ? this.#ready : before.end;
    const start = from - (from - floor) % this.#size;
    let size = Math.min(this.#size, (next?.start ?? Infinity) - start);
    if (this.#finalSize >= end) size = Math.min(size, this.#finalSize - start);
    const block = new Block(start, size);
    this.#blocks.splice(index + 1, 0, block);
    return block;
  }

  /** The index of the last block that starts at or before an offset; -1 when there is none. */
  #indexOf(offset: number): number {
    const blocks = this.#blocks;
    let high = blocks.length - 1;
    if (high < 0 || blocks[high]!.start <= offset) return high;
    let low = -1;
    while (low < high - 1) {
      const middle = (low + high) >>> 1;
      if (blocks[middle]!.start <= offset) low = middle;
      else high = middle;
    }
    return low;
  }
}

/** The size of the next block when reads take this much at a time. */
function sizeFor(length: number): number {
  let size = SMALLEST_BLOCK;
  while (size < length && size < LARGEST_BLOCK) size *= 2;
  return size;
}
