/**
 * `mpquic`, the command-line tool.
 *
 * @module
 */
import type { Command } from "./command.ts";
import { CommandError, ExitCode, UsageError } from "./errors.ts";
import { formatTable } from "./format.ts";
import { getCommand } from "./get.ts";
import { nearest } from "../tests/kit/nearest.ts";
import { pathsCommand } from "./paths_command.ts";
import { relayCommand } from "./relay_command.ts";
import { serveCommand } from "./serve.ts";
import { simCommand } from "./sim.ts";
import { environment, userPath } from "./where.ts";

const COMMANDS: readonly Command[] = [serveCommand, getCommand, pathsCommand, relayCommand, simCommand];

function help(): string {
  const list = formatTable([["Command", ""], ...COMMANDS.map(({ name, about }) => [`  ${name}`, about])]);
  return `mpquic: files over QUIC.\n\nUsage: mpquic COMMAND [options]\n\n${list}\n\n"mpquic COMMAND --help" tells more.`;
}

/** Runs a command line; returns the exit code. What went wrong is told on standard error. */
export async function main(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args;
  try {
    if (name === "--help" || name === "-h" || name === "help") {
      console.log(help());
      return ExitCode.DONE;
    }
    const command = commandNamed(name);
    placeKeyLog();
    return await command.run(rest);
  } catch (error) {
    console.error(`mpquic: ${error instanceof Error ? error.message : String(error)}`);
    if (error instanceof UsageError) {
      const known = COMMANDS.some((command) => command.name === name);
      console.error(`"mpquic ${known ? `${name} ` : ""}--help" tells how it is used`);
      return ExitCode.USAGE;
    }
    if (!(error instanceof CommandError)) console.error(error);
    return ExitCode.FAILED;
  }
}

/** The library takes the name of the key log from where the program runs; the user means it from where they stand. */
function placeKeyLog(): void {
  const path = environment("SSLKEYLOGFILE");
  if (path !== undefined && path !== "") Deno.env.set("SSLKEYLOGFILE", userPath(path));
}

function commandNamed(name: string | undefined): Command {
  if (name === undefined) throw new UsageError("A command is missing");
  const found = COMMANDS.find((command) => command.name === name);
  if (found !== undefined) return found;
  if (name.startsWith("-")) throw new UsageError(`Unknown option "${name}"`);
  const near = nearest(name, COMMANDS.map((command) => command.name));
  throw new UsageError(`Unknown command "${name}"${near === undefined ? "" : `; did you mean "${near}"?`}`);
}

if (import.meta.main) Deno.exit(await main(Deno.args));
