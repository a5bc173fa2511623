/**
 * How far a long run is, in a file from which it can go on.
 *
 * @module
 */

/** A seed that failed, and what is printed of it. */
export interface Failed {
  readonly seed: number;
  readonly text: string;
}

/** A long run: which of its batches are done, and what failed. */
export class Progress {
  readonly seed: number;
  readonly runs: number;
  readonly batch: number;
  readonly #done: Set<number>;
  readonly #failed: Failed[];

  /** Begins, or goes on with `done`: the first seeds of batches. */
  constructor(
    seed: number,
    runs: number,
    batch: number,
    done: readonly number[] = [],
    failed: readonly Failed[] = [],
  ) {
    this.seed = seed;
    this.runs = runs;
    this.batch = batch;
    this.#done = new Set(done);
    this.#failed = [...failed];
  }

  /** Runs that are done. */
  get count(): number {
    return [...this.#done].reduce((sum, first) => sum + this.sizeOf(first), 0);
  }

  /** What failed so far. */
  get failed(): readonly Failed[] {
    return this.#failed;
  }

  /** How many seeds the batch has that begins with this one. */
  sizeOf(first: number): number {
    return Math.min(this.batch, this.seed + this.runs - first);
  }

  /** First seeds of the batches that are to be done. */
  open(): number[] {
    const open: number[] = [];
    for (let first = this.seed; first < this.seed + this.runs; first += this.batch) {
      if (!this.#done.has(first)) open.push(first);
    }
    return open;
  }

  /** A batch is done. */
  note(first: number, failures: readonly Failed[]): void {
    this.#done.add(first);
    this.#failed.push(...failures);
  }

  /** The text of the file. */
  format(): string {
    const { seed, runs, batch } = this;
    return JSON.stringify({ seed, runs, batch, done: [...this.#done], failed: this.#failed });
  }

  /** Reads that text. Throws `TypeError` when it is of another run, or none. */
  static parse(text: string, seed: number, runs: number): Progress {
    let saved: Partial<{ seed: number; runs: number; batch: number; done: number[]; failed: Failed[] }> | null;
    try {
      saved = JSON.parse(text) as typeof saved;
    } catch {
      throw new TypeError("Progress is no JSON: expected a file that --resume wrote");
    }
    if (saved?.seed !== seed || saved.runs !== runs || saved.batch === undefined) {
      const what = `${saved?.runs} runs from seed ${saved?.seed}`;
      throw new TypeError(`Progress is that of ${what}: expected that of ${runs} runs from seed ${seed}`);
    }
    return new Progress(seed, runs, saved.batch, saved.done ?? [], saved.failed ?? []);
  }
}
