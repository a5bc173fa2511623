/**
 * Does runs in a thread of its own.
 *
 * @module
 */
import { runJob } from "./run_job.ts";
import type { Job, Outcome } from "./runs.ts";

/** The thread, as its own code sees it. */
interface Thread {
  onmessage: ((event: MessageEvent<Job>) => void) | null;
  postMessage(outcome: Outcome): void;
}

const thread = globalThis as unknown as Thread;
thread.onmessage = ({ data }) => thread.postMessage(runJob(data));
