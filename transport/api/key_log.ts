/** The part of Deno that is used. */
interface DenoHost {
  readonly permissions: { querySync(descriptor: Record<string, string>): { readonly state: string } };
  readonly env: { get(name: string): string | undefined };
  writeTextFileSync(path: string, text: string, options: { readonly append: boolean }): void;
}

/** The part of Node that is used. Its modules are asked for by need: loading them costs megabytes. */
interface NodeHost {
  readonly env: Readonly<Record<string, string | undefined>>;
  getBuiltinModule(name: "node:fs"): { appendFileSync(path: string, text: string): void };
}

/** An environment, and how to append to a file. */
interface Host {
  readonly path: string | undefined;
  append(path: string, text: string): void;
}

/**
 * Appends lines to the file that `SSLKEYLOGFILE` names; `undefined` when there is none, or the program may not read the
 * variable or write the file. Never asks the person at the keyboard.
 */
export function environmentKeyLog(): ((line: string) => void) | undefined {
  const host = findHost();
  const path = host?.path;
  if (host === undefined || path === undefined || path === "") return undefined;
  return (line) => {
    try {
      host.append(path, `${line}\n`);
    } catch {
      // Losing a debugging aid must not lose the connection.
    }
  };
}

function findHost(): Host | undefined {
  const { Deno: deno, process: node } = globalThis as unknown as { Deno?: DenoHost; process?: NodeHost };
  if (deno !== undefined) {
    const granted = (descriptor: Record<string, string>): boolean =>
      deno.permissions.querySync(descriptor).state === "granted";
    if (!granted({ name: "env", variable: "SSLKEYLOGFILE" })) return undefined;
    const path = deno.env.get("SSLKEYLOGFILE");
    if (path === undefined || path === "" || !granted({ name: "write", path })) return undefined;
    return { path, append: (to, text) => deno.writeTextFileSync(to, text, { append: true }) };
  }
  if (node === undefined) return undefined;
  return {
    path: node.env.SSLKEYLOGFILE,
    append: (to, text) => node.getBuiltinModule("node:fs").appendFileSync(to, text),
  };
}
