/**
 * How a command ends: its exit codes and the two errors that it may throw.
 *
 * @module
 */

/** What the shell sees. */
export const ExitCode: {
  /** All was done. */
  readonly DONE: 0;
  /** It was tried and failed, or was interrupted. */
  readonly FAILED: 1;
  /** The command line is wrong; nothing was tried. */
  readonly USAGE: 2;
} = { DONE: 0, FAILED: 1, USAGE: 2 };

/** The command line is wrong. */
export class UsageError extends Error {
  override name = "UsageError";
}

/** It cannot be done, for a reason that the message tells to the person at the keyboard. */
export class CommandError extends Error {
  override name = "CommandError";
}
