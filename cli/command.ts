/** One command of `mpquic`. */
export interface Command {
  readonly name: string;
  /** What it does, in one line. */
  readonly about: string;
  /** What `--help` prints. */
  readonly help: string;
  /** Runs it with the arguments after its name; returns the exit code. May throw `UsageError` and `CommandError`. */
  run(args: readonly string[]): Promise<number>;
}
