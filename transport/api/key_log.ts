import { appendFileSync } from "node:fs";
import process from "node:process";

/** The part of Deno's permissions that is used. */
interface Permissions {
  querySync(descriptor: Record<string, string>): { readonly state: string };
}

/**
 * Appends lines to the file that `SSLKEYLOGFILE` names; `undefined` when there is none, or the program may not read the
 * variable or write the file. Never asks the person at the keyboard.
 */
export function environmentKeyLog(): ((line: string) => void) | undefined {
  const { permissions } = (globalThis as unknown as { Deno?: { permissions?: Permissions } }).Deno ?? {};
  const granted = (descriptor: Record<string, string>): boolean =>
    permissions === undefined || permissions.querySync(descriptor).state === "granted";
  if (!granted({ name: "env", variable: "SSLKEYLOGFILE" })) return undefined;
  const path = process.env.SSLKEYLOGFILE;
  if (path === undefined || path === "" || !granted({ name: "write", path })) return undefined;
  return (line) => {
    try {
      appendFileSync(path, `${line}\n`);
    } catch {
      // Losing a debugging aid must not lose the connection.
    }
  };
}
