/**
 * Now, in milliseconds from an arbitrary start; never goes back. The only clock of the transport: everything below
 * `transport/io` is told the time.
 */
export function now(): number {
  return performance.now();
}
