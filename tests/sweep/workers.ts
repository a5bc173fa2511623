import type { Job, Outcome } from "./runs.ts";

/** Does all runs in so many threads, and tells each as it ends. Throws when a thread fails, or `onOutcome` does. */
export async function runAll(
  jobs: readonly Job[],
  threads: number,
  onOutcome: (outcome: Outcome) => void,
): Promise<void> {
  const open = [...jobs];
  await Promise.all(Array.from({ length: Math.min(threads, open.length) }, () => work(open, onOutcome)));
}

/** One thread, from its first run to the last one that it gets. */
function work(open: Job[], onOutcome: (outcome: Outcome) => void): Promise<void> {
  const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
  return new Promise<void>((resolve, reject) => {
    const next = (): void => {
      const job = open.shift();
      if (job === undefined) return resolve();
      worker.postMessage(job);
    };
    worker.onmessage = ({ data }: MessageEvent<Outcome>) => {
      try {
        onOutcome(data);
        next();
      } catch (error) {
        reject(error);
      }
    };
    worker.onerror = (event) => {
      event.preventDefault();
      reject(new Error(`A worker failed: ${event.message}`));
    };
    next();
  }).finally(() => worker.terminate());
}
