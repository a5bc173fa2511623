/**
 * What relative paths are relative to, and addresses as people type them.
 *
 * @module
 */
import { resolve } from "node:path";
import { UsageError } from "./errors.ts";

/** A host (name or IP literal without brackets) and a UDP port. */
export interface HostPort {
  readonly hostname: string;
  readonly port: number;
}

/** A variable of the environment; `undefined` too where it may not be read, without asking anybody. */
export function environment(variable: string): string | undefined {
  return Deno.permissions.querySync({ name: "env", variable }).state === "granted" ? Deno.env.get(variable) : undefined;
}

/** The directory where the user stands: a task runs in the project's root and says in INIT_CWD where it was called. */
export function userDirectory(): string {
  return environment("INIT_CWD") ?? Deno.cwd();
}

/** A path as the user means it, absolute. */
export function userPath(path: string): string {
  return resolve(userDirectory(), path);
}

/** Reads `127.0.0.1:4433`, `[::1]:4433`, `localhost:4433`; throws `UsageError` naming `what`. */
export function parseHostPort(text: string, what: string): HostPort {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  const hostname = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (hostname === undefined || hostname.trim() !== hostname || !(port <= 65_535)) {
    throw new UsageError(`${what} is "${text}": expected HOST:PORT, such as 127.0.0.1:4433 or [::1]:4433`);
  }
  return { hostname, port };
}

/** `127.0.0.1:443`, `[::1]:443`. */
export function formatHostPort({ hostname, port }: HostPort): string {
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}
