/**
 * The sending end of a stream of bytes: what was written, and for each part that was sent, where it stands. The end of
 * the stream is one more place behind the last byte, so that a FIN is sent, lost and acknowledged as bytes are.
 *
 * | A part is | sent      | copied            | acked | lost                            |
 * |-----------|-----------|-------------------|-------|---------------------------------|
 * | new       | in flight | –                 | –     | –                               |
 * | in flight | –         | in flight, +1     | acked | in flight, -1; lost if none left |
 * | lost      | in flight | –                 | acked | –                               |
 * | acked     | –         | –                 | –     | –                               |
 *
 * @module
 */
import type { BlockPool } from "./block_pool.ts";
import type { PathId } from "../base/role.ts";
import { SendChunks } from "./send_chunks.ts";

/** Acknowledged parts in the list are joined when they are so many, and more than half. */
const JOIN_AT = 64;

/** Parts at the front that are gone are taken out of the list when they are so many, and more than half. */
const COMPACT_AT = 256;

/** Paths of which a buffer remembers how far copying got; more make it forget, and look again from the start. */
const MOST_CURSORS = 16;

/** A part of the stream that was sent, `[from, to)`. What the outside may know of it. */
export interface SentPart {
  /** The first byte. */
  readonly from: number;
  /** One more than the last byte; the end of the stream counts as a byte. */
  readonly to: number;
  /** The path of the last transmission that was no copy. */
  readonly path: PathId;
  /** When it was sent for the first time. */
  readonly sentAt: number;
}

/** Which parts `nextCopy` looks for: all in flight, or those that `offerAgain` marked. */
export type CopyScope = "all" | "offered";

type PartState = "in-flight" | "lost" | "acked";

class Part implements SentPart {
  from: number;
  to: number;
  state: PartState = "in-flight";
  copies = 1;
  path: PathId;
  sentAt: number;
  /** Paths besides `path` to which it was copied since it was last in no flight. */
  others: PathId[] | undefined = undefined;
  /** Those of the paths on which it went that were silent when it was offered again. */
  doubts: PathId[] | undefined = undefined;
  offered = false;

  constructor(from: number, to: number, path: PathId, sentAt: number) {
    this.from = from;
    this.to = to;
    this.path = path;
    this.sentAt = sentAt;
  }

  wentOn(path: PathId): boolean {
    return this.path === path || (this.others !== undefined && this.others.includes(path));
  }

  /** Whether it went on silent paths only. */
  get isDoubtful(): boolean {
    const doubts = this.doubts;
    if (doubts === undefined || !doubts.includes(this.path)) return false;
    return this.others === undefined || this.others.every((path) => doubts.includes(path));
  }

  /** The path is silent. */
  doubt(path: PathId): void {
    if (this.doubts?.includes(path) !== true) (this.doubts ??= []).push(path);
  }

  /** A copy goes out on the path; one that probes a silent path leaves that in doubt. */
  copied(path: PathId): void {
    this.copies++;
    if (!this.wentOn(path)) (this.others ??= []).push(path);
  }

  /** A copy is lost on the path, of several: it may go there once more. */
  left(path: PathId): void {
    if (this.others === undefined) return;
    const others = this.others.filter((other) => other !== path);
    if (this.path === path) this.path = others.shift() ?? path;
    this.others = others.length > 0 ? others : undefined;
  }
}

/** Bytes to send, with what became of each. */
export class SendBuffer {
  readonly #chunks: SendChunks;
  /** What was sent and is not all acknowledged, in order and without gaps: `[#base, #next)`. */
  #parts: Part[] = [];
  #head = 0;
  #base = 0;
  #next = 0;
  #isFinished = false;
  #acked = 0;
  #ackedParts = 0;
  #lostParts = 0;
  #lostBytes = 0;
  /** No part before this offset is lost. */
  #lostFrom = 0;
  #offeredParts = 0;
  #cursors: Map<PathId, number> | undefined = undefined;

  /** `pool`: where blocks for copies of what is written come from. */
  constructor(pool?: BlockPool) {
    this.#chunks = new SendChunks(pool);
  }

  /** Bytes written. */
  get end(): number {
    return this.#chunks.end;
  }

  /** Where new data begins: bytes that were sent at least once. */
  get sent(): number {
    return Math.min(this.#next, this.#chunks.end);
  }

  /** Bytes that were never sent. */
  get unsent(): number {
    return this.#chunks.end - this.sent;
  }

  /** Bytes written and not acknowledged: what the buffer keeps. */
  get held(): number {
    return this.#chunks.held;
  }

  /** Bytes acknowledged. */
  get acked(): number {
    return this.#acked;
  }

  /** Whether nothing more will be written. */
  get isFinished(): boolean {
    return this.#isFinished;
  }

  /** Whether the end of the stream is still to be sent for the first time. */
  get isFinUnsent(): boolean {
    return this.#isFinished && this.#next <= this.#chunks.end;
  }

  /** Whether all bytes and the end were acknowledged. */
  get isDelivered(): boolean {
    return this.#isFinished && this.#base > this.#chunks.end;
  }

  /** Whether anything is lost and not sent again yet. */
  get hasLost(): boolean {
    return this.#lostParts > 0;
  }

  /** Bytes that are lost and not sent again yet. */
  get lostBytes(): number {
    return this.#lostBytes;
  }

  /** Whether anything that was sent is not acknowledged yet. */
  get hasOutstanding(): boolean {
    return this.#head < this.#parts.length;
  }

  /** Whether anything that `offerAgain` marked is still to be copied. */
  get hasOffered(): boolean {
    return this.#offeredParts > 0;
  }

  /** Appends bytes; the array is kept. */
  append(data: Uint8Array): void {
    this.#chunks.append(data);
  }

  /** Appends a copy of the bytes. */
  appendCopy(data: Uint8Array): void {
    this.#chunks.appendCopy(data);
  }

  /** Nothing more will be written. */
  finish(): void {
    this.#isFinished = true;
  }

  /** A view of bytes that are not acknowledged: at most `limit`, mostly as many, at least 1 if there are any. */
  view(from: number, limit: number): Uint8Array {
    return this.#chunks.view(from, limit);
  }

  /** New data up to `to` goes out. */
  onSent(to: number, path: PathId, now: number): void {
    this.#parts.push(new Part(this.#next, to, path, now));
    this.#next = to;
  }

  /** The first part that is lost, joined with lost parts right behind it; to be written whole or in part. */
  nextLost(): SentPart | undefined {
    if (this.#lostParts === 0) return undefined;
    let index = this.#indexOf(Math.max(this.#lostFrom, this.#base));
    while (this.#parts[index]!.state !== "lost") index++;
    const part = this.#parts[index]!;
    this.#lostFrom = part.from;
    let behind = index + 1;
    while (this.#parts[behind]?.state === "lost") part.to = this.#parts[behind++]!.to;
    if (behind > index + 1) {
      this.#lostParts -= behind - index - 1;
      this.#parts.splice(index + 1, behind - index - 1);
    }
    return part;
  }

  /** The beginning of a lost part, up to `to`, goes out again. */
  onResent(from: number, to: number, path: PathId): void {
    const part = this.#parts[this.#cut(from)]!;
    if (to < part.to) this.#cut(to);
    part.state = "in-flight";
    part.copies = 1;
    part.path = path;
    part.doubts = undefined;
    this.#lostParts--;
    this.#lostBytes -= this.#sizeOf(part);
    // Copies of it may be wanted again on any path.
    if (this.#cursors !== undefined) {
      for (const [key, at] of this.#cursors) if (at > from) this.#cursors.set(key, from);
    }
  }

  /** The first part within `[from, to)` that is not acknowledged. */
  firstUnacked(from: number, to: number): SentPart | undefined {
    for (let index = this.#indexOf(Math.max(from, this.#base)); index < this.#parts.length; index++) {
      const part = this.#parts[index]!;
      if (part.from >= to) return undefined;
      if (part.state !== "acked" && part.to > from) return part;
    }
    return undefined;
  }

  /** Whether the part that begins at `from` is lost: to send it is `onResent`, else `onCopied`. */
  isLost(from: number): boolean {
    return this.#parts[this.#indexOf(from)]?.state === "lost";
  }

  /** A copy of `[from, to)`, which lies within one part in flight, goes out. */
  onCopied(from: number, to: number, path: PathId): void {
    const index = this.#cut(from);
    const part = this.#parts[index]!;
    if (to < part.to) this.#cut(to);
    part.copied(path);
    if (!part.isDoubtful) this.#unoffer(part);
  }

  /** The first part in flight that did not go on `path` since it was last sent. */
  nextCopy(path: PathId, scope: CopyScope): SentPart | undefined {
    if (this.#head === this.#parts.length || (scope === "offered" && this.#offeredParts === 0)) return undefined;
    const cursor = scope === "all" ? this.#cursors?.get(path) ?? 0 : 0;
    for (let index = this.#indexOf(Math.max(cursor, this.#base)); index < this.#parts.length; index++) {
      const part = this.#parts[index]!;
      if (part.state !== "in-flight" || part.wentOn(path) || (scope === "offered" && !part.offered)) continue;
      if (scope === "all") this.#setCursor(path, part.from);
      return part;
    }
    if (scope === "all") this.#setCursor(path, this.#next);
    return undefined;
  }

  /** The path is silent: marks what is in flight on this and other silent paths only; whether any is marked. */
  offerAgain(path: PathId): boolean {
    for (let index = this.#head; index < this.#parts.length; index++) {
      const part = this.#parts[index]!;
      if (part.state !== "in-flight" || !part.wentOn(path)) continue;
      part.doubt(path);
      if (part.isDoubtful) this.#offer(part);
    }
    return this.#offeredParts > 0;
  }

  /** `[from, to)` arrived; the number of bytes of which that is news. */
  onAcked(from: number, to: number): number {
    if (to <= this.#base || from >= this.#next) return 0;
    let bytes = 0;
    let index = this.#enter(from);
    for (; index < this.#parts.length; index++) {
      const part = this.#parts[index]!;
      if (part.from >= to) break;
      if (part.state === "acked") continue;
      if (to < part.to) this.#cut(to);
      bytes += this.#settle(part);
    }
    this.#acked += bytes;
    while (this.#head < this.#parts.length && this.#parts[this.#head]!.state === "acked") {
      this.#base = this.#parts[this.#head++]!.to;
      this.#ackedParts--;
    }
    this.#tidy();
    return bytes;
  }

  /**
   * A copy of `[from, to)` is gone, which went on `path` (-1: who knows); whether that leaves bytes lost. What is then in
   * flight on silent paths only is marked again.
   */
  onLost(from: number, to: number, path: PathId = -1): boolean {
    if (to <= this.#base || from >= this.#next) return false;
    let index = this.#enter(from);
    for (; index < this.#parts.length; index++) {
      const part = this.#parts[index]!;
      if (part.from >= to) break;
      if (part.state !== "in-flight") continue;
      if (to < part.to) this.#cut(to);
      if (--part.copies > 0) {
        part.left(path);
        this.#forgetCopied(path, part.from);
        if (part.isDoubtful || (path < 0 && part.doubts !== undefined)) this.#offer(part);
        continue;
      }
      this.#unoffer(part);
      part.state = "lost";
      part.others = undefined;
      part.doubts = undefined;
      this.#lostParts++;
      this.#lostBytes += this.#sizeOf(part);
      if (part.from < this.#lostFrom) this.#lostFrom = part.from;
    }
    return this.#lostParts > 0;
  }

  /** Gives up everything: the stream was reset. */
  clear(): void {
    this.#chunks.clear();
    this.#forgetParts();
    this.#next = Math.max(this.#next, this.#chunks.end);
    this.#base = this.#next;
  }

  /** As if nothing had been sent; not after anything was acknowledged. */
  restart(): void {
    this.#forgetParts();
    this.#next = 0;
  }

  #forgetParts(): void {
    this.#parts = [];
    this.#head = 0;
    this.#ackedParts = 0;
    this.#lostParts = 0;
    this.#lostBytes = 0;
    this.#lostFrom = 0;
    this.#offeredParts = 0;
    this.#cursors = undefined;
  }

  /** Marks a part as acknowledged and frees its bytes; their number. */
  #settle(part: Part): number {
    if (part.state === "lost") {
      this.#lostParts--;
      this.#lostBytes -= this.#sizeOf(part);
    }
    this.#unoffer(part);
    part.state = "acked";
    part.others = undefined;
    this.#ackedParts++;
    const to = Math.min(part.to, this.#chunks.end);
    this.#chunks.release(part.from, to);
    return Math.max(0, to - part.from);
  }

  /** Bytes of a part; the end of the stream is none. */
  #sizeOf({ from, to }: Part): number {
    return Math.max(0, Math.min(to, this.#chunks.end) - from);
  }

  #offer(part: Part): void {
    if (part.offered) return;
    part.offered = true;
    this.#offeredParts++;
  }

  /** What begins at `from` may go on the path again: it must be found. */
  #forgetCopied(path: PathId, from: number): void {
    const at = this.#cursors?.get(path);
    if (at !== undefined && at > from) this.#cursors!.set(path, from);
  }

  #unoffer(part: Part): void {
    if (!part.offered) return;
    part.offered = false;
    this.#offeredParts--;
  }

  #setCursor(path: PathId, at: number): void {
    this.#cursors ??= new Map();
    if (this.#cursors.size >= MOST_CURSORS && !this.#cursors.has(path)) this.#cursors.clear();
    this.#cursors.set(path, at);
  }

  /** Keeps the list as short as what is in flight, give or take a factor. */
  #tidy(): void {
    if (this.#head === this.#parts.length) {
      this.#parts.length = 0;
      this.#head = 0;
    } else if (this.#head >= COMPACT_AT && this.#head * 2 >= this.#parts.length) {
      this.#parts.splice(0, this.#head);
      this.#head = 0;
    }
    if (this.#ackedParts < JOIN_AT || this.#ackedParts * 2 < this.#parts.length - this.#head) return;
    const joined: Part[] = [];
    for (let index = this.#head; index < this.#parts.length; index++) {
      const part = this.#parts[index]!;
      const last = joined[joined.length - 1];
      if (part.state === "acked" && last?.state === "acked") last.to = part.to;
      else joined.push(part);
    }
    this.#ackedParts -= this.#parts.length - this.#head - joined.length;
    this.#parts = joined;
    this.#head = 0;
  }

  /** The index where a fate of `[from, …)` begins to matter; acknowledged parts are not cut for it. */
  #enter(from: number): number {
    const index = this.#indexOf(Math.max(from, this.#base));
    return this.#parts[index]!.state === "acked" || this.#parts[index]!.from >= from ? index : this.#cut(from);
  }

  /** Makes a part begin at an offset within what was sent; returns its index. */
  #cut(offset: number): number {
    const index = this.#indexOf(offset);
    const part = this.#parts[index]!;
    if (part.from === offset) return index;
    const rest = new Part(offset, part.to, part.path, part.sentAt);
    part.to = offset;
    rest.state = part.state;
    rest.copies = part.copies;
    rest.others = part.others?.slice();
    rest.doubts = part.doubts?.slice();
    rest.offered = part.offered;
    if (rest.offered) this.#offeredParts++;
    if (rest.state === "lost") this.#lostParts++;
    else if (rest.state === "acked") this.#ackedParts++;
    this.#parts.splice(index + 1, 0, rest);
    return index + 1;
  }

  /** The index of the part that holds an offset within what was sent; the list must not be empty. */
  #indexOf(offset: number): number {
    const parts = this.#parts;
    let low = this.#head;
    // Mostly the front: acknowledgments come in order.
    if (low < parts.length && offset < parts[low]!.to) return low;
    let high = parts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (parts[middle]!.from <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
