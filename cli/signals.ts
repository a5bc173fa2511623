/**
 * Ctrl-C and its like.
 *
 * @module
 */

const SIGNALS: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT", "SIGBREAK"]
  : ["SIGINT", "SIGTERM", "SIGHUP"];

/** Calls `stop` on the first signal to end. The second one ends the program as if nobody listened. */
export function onSignal(stop: (signal: Deno.Signal) => void): Disposable {
  const listeners = SIGNALS.map((signal) => ({ signal, listener: () => heard(signal) }));
  let listening = true;
  function heard(signal: Deno.Signal): void {
    dispose();
    stop(signal);
  }
  function dispose(): void {
    if (!listening) return;
    listening = false;
    for (const { signal, listener } of listeners) Deno.removeSignalListener(signal, listener);
  }
  for (const { signal, listener } of listeners) Deno.addSignalListener(signal, listener);
  return { [Symbol.dispose]: dispose };
}
