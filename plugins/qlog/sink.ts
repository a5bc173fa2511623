/**
 * Where the text goes: gathered, then written in large pieces. Nothing here throws once it is open.
 *
 * @module
 */
import { closeSync, openSync, writeSync } from "node:fs";

/** Something that takes bytes at once, as `Deno.FsFile` and `Deno.stdout` do. */
export interface WriterSync {
  /** Writes some of the bytes and returns how many. */
  writeSync(bytes: Uint8Array): number;
  /** Called once, after the last byte. */
  close?(): void;
}

/** Characters that are gathered before they are written. */
const BATCH = 65_536;
/** Longest that something waits while more comes, in milliseconds of the trace. */
const MAX_WAIT = 1000;

/** Gathers text for a writer. After the first failure it takes no more, and says why in `error`. */
export class Sink {
  #writer: WriterSync | undefined;
  #text = "";
  /** When the oldest of what waits was added. */
  #since = 0;
  #error: Error | undefined;

  constructor(writer: WriterSync) {
    this.#writer = writer;
  }

  /** What went wrong; `undefined` while nothing did. */
  get error(): Error | undefined {
    return this.#error;
  }

  /** Takes text at a time of the trace. */
  add(text: string, now: number): void {
    if (this.#writer === undefined) return;
    if (this.#text === "") this.#since = now;
    this.#text += text;
    if (this.#text.length >= BATCH || now - this.#since >= MAX_WAIT) this.flush();
  }

  /** Writes what was gathered. */
  flush(): void {
    const bytes = new TextEncoder().encode(this.#text);
    this.#text = "";
    try {
      for (let at = 0; at < bytes.length && this.#writer !== undefined;) {
        const written = this.#writer.writeSync(bytes.subarray(at));
        if (!(written > 0)) throw new Error("Writer took no bytes");
        at += written;
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Writes what was gathered and lets the writer go. */
  close(): void {
    if (this.#writer === undefined) return;
    this.flush();
    this.#release();
  }

  #release(): void {
    const writer = this.#writer;
    this.#writer = undefined;
    try {
      writer?.close?.();
    } catch (error) {
      this.#error ??= asError(error);
    }
  }

  #fail(error: unknown): void {
    this.#error ??= asError(error);
    this.#release();
  }
}

/** Opens a file for writing, emptied. Throws what the system throws. */
export function openFile(path: string | URL): WriterSync {
  const file = openSync(path, "w");
  return {
    writeSync: (bytes) => writeSync(file, bytes),
    close: () => closeSync(file),
  };
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
