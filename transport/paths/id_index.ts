interface Entry<T> {
  readonly id: Uint8Array;
  readonly value: T;
  next: Entry<T> | undefined;
}

/**
 * A map from connection ids to values that is asked for every packet: it looks a view of the packet up without making a
 * string of it.
 */
export class IdIndex<T> {
  readonly #buckets = new Map<number, Entry<T>>();
  #size = 0;

  /** Ids in the index. */
  get size(): number {
    return this.#size;
  }

  /** Adds an id that is not there yet; its bytes must not change. */
  add(id: Uint8Array, value: T): void {
    const hash = hashOf(id);
    this.#buckets.set(hash, { id, value, next: this.#buckets.get(hash) });
    this.#size++;
  }

  /** The value of an id; `undefined` when it is not there. */
  get(id: Uint8Array): T | undefined {
    let entry = this.#buckets.get(hashOf(id));
    while (entry !== undefined && !sameId(entry.id, id)) entry = entry.next;
    return entry?.value;
  }

  /** Removes an id; `false` when it is not there. */
  remove(id: Uint8Array): boolean {
    const hash = hashOf(id);
    let before: Entry<T> | undefined;
    for (let entry = this.#buckets.get(hash); entry !== undefined; before = entry, entry = entry.next) {
      if (!sameId(entry.id, id)) continue;
      if (before !== undefined) before.next = entry.next;
      else if (entry.next !== undefined) this.#buckets.set(hash, entry.next);
      else this.#buckets.delete(hash);
      this.#size--;
      return true;
    }
    return false;
  }

  /** All values, in no particular order. */
  *values(): Generator<T> {
    for (const first of this.#buckets.values()) {
      for (let entry: Entry<T> | undefined = first; entry !== undefined; entry = entry.next) yield entry.value;
    }
  }
}

/** Whether two connection ids are the same. */
export function sameId(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Ids are random, so a few bytes tell them apart; 30 bits stay a small integer. */
function hashOf(id: Uint8Array): number {
  let hash = id.length;
  const end = Math.min(id.length, 5);
  for (let i = 0; i < end; i++) hash = (hash * 61 + id[i]!) & 0x3fffffff;
  return hash;
}
