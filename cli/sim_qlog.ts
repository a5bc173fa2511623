import { join } from "node:path";
import { qlogFile, type QlogObserver } from "@multipath/qlog";
import type { Scenario } from "../tests/kit/scenario/mod.ts";
import { CommandError } from "./errors.ts";
import { userPath } from "./where.ts";

/** The logs of one run. */
export interface RunLogs {
  readonly observers: { readonly client: QlogObserver; readonly server: QlogObserver };
  /** Writes out what is left. Throws `CommandError` when something could not be written. */
  close(): void;
}

/** Opens the logs of a run; `undefined` when none are wanted. Throws `CommandError` when they cannot be opened. */
export type OpenLogs = (scenario: Scenario, seed: number, suffix: string) => RunLogs | undefined;

/** Makes the directory, which may be there already; nothing without a directory. Throws `CommandError`. */
export async function openLogs(directory: string | undefined): Promise<OpenLogs> {
  if (directory === undefined) return () => undefined;
  const folder = userPath(directory);
  try {
    await Deno.mkdir(folder, { recursive: true });
  } catch (error) {
    throw new CommandError(`Cannot make the directory for logs "${folder}": ${(error as Error).message}`);
  }
  const used = new Map<string, number>();
  return (scenario, seed, suffix) => {
    const wanted = [scenario.name, String(seed), ...(suffix === "" ? [] : [suffix])].join("-").replace(
      /[^\w.-]+/g,
      "_",
    );
    const times = (used.get(wanted) ?? 0) + 1;
    used.set(wanted, times);
    return openRun(join(folder, times === 1 ? wanted : `${wanted}-${times}`), scenario);
  };
}

function openRun(path: string, scenario: Scenario): RunLogs {
  // Without the date, for the same run gives the same file.
  const open = (role: "client" | "server"): QlogObserver => {
    try {
      return qlogFile(`${path}_${role}.sqlog`, { role, title: scenario.name, started: null });
    } catch (error) {
      throw new CommandError(`Cannot open the log "${path}_${role}.sqlog": ${(error as Error).message}`);
    }
  };
  const [client, server] = [open("client"), open("server")];
  return {
    observers: { client, server },
    close() {
      for (const log of [client, server]) log.close();
      const error = client.error ?? server.error;
      if (error !== undefined) throw new CommandError(`Cannot write the logs "${path}_*.sqlog": ${error.message}`);
    },
  };
}
