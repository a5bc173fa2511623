/**
 * Runs seeds in a thread of its own.
 *
 * @module
 */
import { check, describeFailure } from "./chaos.ts";

/** Seeds to run. */
export interface Batch {
  readonly first: number;
  readonly count: number;
  /** Milliseconds for shortening each that fails. */
  readonly patience: number;
}

/** What became of them: a text for each that failed. */
export interface BatchReport {
  readonly first: number;
  readonly failures: readonly { readonly seed: number; readonly text: string }[];
}

/** The thread, as its own code sees it. */
interface Thread {
  onmessage: ((event: MessageEvent<Batch>) => void) | null;
  postMessage(report: BatchReport): void;
}

const thread = globalThis as unknown as Thread;
thread.onmessage = ({ data: { first, count, patience } }) => {
  const failures: BatchReport["failures"][number][] = [];
  for (let seed = first; seed < first + count; seed++) {
    const failure = check(seed, patience);
    if (failure !== undefined) failures.push({ seed, text: describeFailure(failure) });
  }
  thread.postMessage({ first, failures });
};
