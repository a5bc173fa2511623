/**
 * The bytes of a stream that are not acknowledged yet: references to the application's arrays, where it gives them away, or
 * copies in blocks that are used again. Small ones are collected so that many small writes make few frames.
 *
 * @module
 */

import { BLOCK_SIZE, type BlockPool } from "./block_pool.ts";

/** A write below this size may be copied behind the one before it. */
const SMALL_WRITE = 1024;

/** Bytes of an array that collects small writes. */
const COLLECTOR = 8192;

/** Chunks that are gone are taken out of the list when there are this many of them. */
const COMPACT_AT = 256;

const NOTHING = new Uint8Array(0);

interface Chunk {
  readonly start: number;
  data: Uint8Array;
  /** Bytes in use; less than `data.length` in a collector that is being filled. */
  length: number;
  /** Bytes not released yet. */
  left: number;
  /** Ours: more may be copied behind what is in it. */
  readonly collects: boolean;
  /** A block of the pool. */
  readonly pooled: boolean;
}

/** A list of chunks of one stream of bytes, from which parts are released in any order. */
export class SendChunks {
  #chunks: Chunk[] = [];
  /** Chunks before this index are released and empty. */
  #head = 0;
  #end = 0;
  #held = 0;
  /** Where the last view was found: the next is mostly there or in the next. */
  #hint = 0;
  readonly #pool: BlockPool | undefined;

  /** `pool`: where blocks for copies come from. */
  constructor(pool?: BlockPool) {
    this.#pool = pool;
  }

  /** Bytes appended since the beginning. */
  get end(): number {
    return this.#end;
  }

  /** Bytes not released. */
  get held(): number {
    return this.#held;
  }

  /** Appends bytes; the array is kept, and must not change any more. */
  append(data: Uint8Array): void {
    const length = data.length;
    if (length === 0) return;
    if (!this.#collect(data)) this.#add(data, length, false, false);
    this.#end += length;
    this.#held += length;
  }

  /** Appends a copy of the bytes; the array stays the caller's. */
  appendCopy(data: Uint8Array): void {
    const pool = this.#pool;
    if (pool === undefined || data.length < BLOCK_SIZE / 4) {
      this.append(data.slice());
      return;
    }
    for (let at = 0; at < data.length;) {
      let last = this.#chunks[this.#chunks.length - 1];
      if (last === undefined || !last.pooled || last.left === 0 || last.length === BLOCK_SIZE) {
        last = this.#add(pool.take(), 0, false, true);
      }
      const piece = data.subarray(at, at + BLOCK_SIZE - last.length);
      last.data.set(piece, last.length);
      last.length += piece.length;
      last.left += piece.length;
      at += piece.length;
      this.#end += piece.length;
      this.#held += piece.length;
    }
  }

  /** A view of the bytes from `from` on (which must not be released): at most `limit`, at least 1 if there are any. */
  view(from: number, limit: number): Uint8Array {
    if (from >= this.#end || limit <= 0) return NOTHING;
    const chunk = this.#chunks[this.#indexOf(from)]!;
    const at = from - chunk.start;
    const to = Math.min(chunk.length, at + limit);
    return at === 0 && to === chunk.data.length ? chunk.data : chunk.data.subarray(at, to);
  }

  /** Gives up the bytes in `[from, to)`; each must be released only once. */
  release(from: number, to: number): void {
    if (to <= from) return;
    this.#held -= to - from;
    for (let index = this.#indexOf(from); index < this.#chunks.length; index++) {
      const chunk = this.#chunks[index]!;
      if (chunk.start >= to) break;
      chunk.left -= Math.min(to, chunk.start + chunk.length) - Math.max(from, chunk.start);
      if (chunk.left === 0) {
        if (chunk.pooled) this.#pool?.give(chunk.data);
        chunk.data = NOTHING;
      }
    }
    while (this.#head < this.#chunks.length && this.#chunks[this.#head]!.left === 0) this.#head++;
    if (this.#head === this.#chunks.length) {
      this.#chunks = [];
      this.#head = 0;
      this.#hint = 0;
    } else if (this.#head >= COMPACT_AT && this.#head * 2 >= this.#chunks.length) {
      this.#chunks.splice(0, this.#head);
      this.#head = 0;
      this.#hint = 0;
    }
  }

  /** Gives up all bytes. */
  clear(): void {
    this.#chunks = [];
    this.#head = 0;
    this.#hint = 0;
    this.#held = 0;
  }

  /** Copies a small write behind the last one, if that was small too. */
  #collect(data: Uint8Array): boolean {
    const last = this.#chunks[this.#chunks.length - 1];
    if (data.length > SMALL_WRITE || last === undefined || last.left === 0) return false;
    if (last.collects && last.data.length - last.length >= data.length) {
      last.data.set(data, last.length);
      last.length += data.length;
      last.left += data.length;
      return true;
    }
    if (!last.collects && last.length > SMALL_WRITE) return false;
    const block = new Uint8Array(COLLECTOR);
    block.set(data);
    this.#add(block, data.length, true, false);
    return true;
  }

  #add(data: Uint8Array, length: number, collects: boolean, pooled: boolean): Chunk {
    const chunk = { start: this.#end, data, length, left: length, collects, pooled };
    this.#chunks.push(chunk);
    return chunk;
  }

  /** The index of the chunk that holds the byte at an offset. */
  #indexOf(offset: number): number {
    const chunks = this.#chunks;
    for (let index = Math.max(this.#hint, this.#head); index < this.#hint + 2; index++) {
      const chunk = chunks[index];
      if (chunk !== undefined && offset >= chunk.start && offset < chunk.start + chunk.length) {
        return this.#hint = index;
      }
    }
    let low = this.#head;
    let high = chunks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (chunks[middle]!.start <= offset) low = middle;
      else high = middle - 1;
    }
    return this.#hint = low;
  }
}
