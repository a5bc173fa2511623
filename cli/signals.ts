/**
 * Ctrl-C and its like.
 *
 * @module
 */
import { ExitCode } from "./errors.ts";

const SIGNALS: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT", "SIGBREAK"]
  : ["SIGINT", "SIGTERM", "SIGHUP"];

/**
 * Milliseconds in which a second signal is the same one: Ctrl-C goes to every process of the terminal, and the task runner
 * hands it on besides.
 */
const SAME = 500;

/** Calls `stop` on the first signal to end. One that comes later than its echo ends the program at once. */
export function onSignal(stop: (signal: Deno.Signal) => void): Disposable {
  let heardAt: number | undefined;
  const listeners = SIGNALS.map((signal) => ({ signal, listener: () => heard(signal) }));
  function heard(signal: Deno.Signal): void {
    const now = performance.now();
    if (heardAt === undefined) {
      heardAt = now;
      stop(signal);
    } else if (now - heardAt > SAME) Deno.exit(ExitCode.FAILED);
  }
  for (const { signal, listener } of listeners) Deno.addSignalListener(signal, listener);
  let listening = true;
  return {
    [Symbol.dispose](): void {
      if (!listening) return;
      listening = false;
      for (const { signal, listener } of listeners) Deno.removeSignalListener(signal, listener);
    },
  };
}
