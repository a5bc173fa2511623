import { basename, dirname, join } from "node:path";

/** Where a download goes. */
export interface Output {
  /** The final name. */
  readonly path: string;
  write(data: Uint8Array): Promise<void>;
  /** All is there: the file gets its name. */
  commit(): Promise<void>;
  /** Leaves nothing behind. Does nothing after `commit`. */
  discard(): void;
}

/**
 * Opens an output that appears under its name only when it is complete: it is written beside it and renamed at the end, in
 * place of what was there. A link is followed; what is there and is no regular file (`/dev/null`) is written to as it is.
 * Throws the platform's errors.
 */
export async function openOutput(path: string): Promise<Output> {
  const target = await Deno.realPath(path).catch((error: unknown) => {
    if (error instanceof Deno.errors.NotFound) return path;
    throw error;
  });
  const there = await Deno.stat(target).catch(() => undefined);
  if (there?.isDirectory) throw new Deno.errors.IsADirectory(`"${path}" is a directory`);
  if (there !== undefined && !there.isFile) return new PlainOutput(path, await Deno.open(target, { write: true }));
  const id = crypto.randomUUID().slice(0, 8);
  const partial = join(dirname(target), `.${basename(target).slice(0, 200)}.${id}.part`);
  const file = await Deno.open(partial, { write: true, createNew: true }).catch((error: unknown) => {
    // The name that is not there is one that nobody has typed.
    throw error instanceof Deno.errors.NotFound
      ? new Deno.errors.NotFound(`there is no folder "${dirname(path)}"`)
      : error;
  });
  return new AtomicOutput(target, partial, file);
}

class AtomicOutput implements Output {
  readonly path: string;
  readonly #partial: string;
  readonly #file: Deno.FsFile;
  #state: "open" | "done" = "open";

  constructor(path: string, partial: string, file: Deno.FsFile) {
    this.path = path;
    this.#partial = partial;
    this.#file = file;
  }

  async write(data: Uint8Array): Promise<void> {
    await writeAll(this.#file, data);
  }

  async commit(): Promise<void> {
    if (this.#state === "done") throw new Error("The output was discarded");
    await this.#file.sync();
    // It may have been discarded meanwhile, by a signal.
    if ((this.#state as string) === "done") throw new Error("The output was discarded");
    this.#state = "done";
    this.#file.close();
    try {
      Deno.renameSync(this.#partial, this.path);
    } catch (error) {
      removeQuietly(this.#partial);
      throw error;
    }
  }

  discard(): void {
    if (this.#state === "done") return;
    this.#state = "done";
    this.#file.close();
    removeQuietly(this.#partial);
  }
}

/** A terminal, a pipe, a device: there is nothing to rename. */
export class PlainOutput implements Output {
  readonly path: string;
  readonly #file: { write(data: Uint8Array): Promise<number>; close(): void };
  #open = true;

  constructor(path: string, file: { write(data: Uint8Array): Promise<number>; close(): void }) {
    this.path = path;
    this.#file = file;
  }

  async write(data: Uint8Array): Promise<void> {
    await writeAll(this.#file, data);
  }

  commit(): Promise<void> {
    this.discard();
    return Promise.resolve();
  }

  discard(): void {
    if (this.#open) this.#file.close();
    this.#open = false;
  }
}

async function writeAll(file: { write(data: Uint8Array): Promise<number> }, data: Uint8Array): Promise<void> {
  for (let at = 0; at < data.length;) at += await file.write(data.subarray(at));
}

function removeQuietly(path: string): void {
  try {
    Deno.removeSync(path);
  } catch {
    // It is gone already, or its directory is.
  }
}
