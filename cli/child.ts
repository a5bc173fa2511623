import { CommandError } from "./errors.ts";

/** The permissions that `mpquic` runs with. */
const PERMISSIONS = ["--allow-net", "--allow-read", "--allow-write", "--allow-env", "--allow-sys"];
/** How long a child may take to end when it is asked to, in milliseconds. */
const STOP_LIMIT = 5000;
/** Characters of output that are kept for whoever waits for some. */
const MAX_KEPT = 1 << 20;

/** How to start a {@linkcode Child}. */
export interface ChildOptions {
  /** Where its standard error goes. Default `"inherit"`. */
  readonly stderr?: "inherit" | "null" | "piped";
  /** Variables in its environment beside those of this process. */
  readonly env?: Readonly<Record<string, string>>;
  /** Options of the runtime, before the program. */
  readonly runtime?: readonly string[];
}

/** `mpquic` in a process of its own. */
export class Child {
  readonly #process: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #wakers = new Set<() => void>();
  readonly #reading: Promise<unknown>;
  readonly name: string;
  #stdout = "";
  #stderr = "";
  #ended = false;

  /** Starts it with these arguments. */
  constructor(args: readonly string[], options: ChildOptions = {}) {
    this.name = args[0] ?? "mpquic";
    const program = import.meta.resolve("./mod.ts");
    const net = typeof (Deno as { listenDatagram?: unknown }).listenDatagram === "function" ? ["--unstable-net"] : [];
    this.#process = new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", ...net, ...PERMISSIONS, ...(options.runtime ?? []), program, ...args],
      stdin: "piped",
      stdout: "piped",
      stderr: options.stderr ?? "inherit",
      env: { ...options.env },
    }).spawn();
    this.#writer = this.#process.stdin.getWriter();
    const reads = [this.#read(this.#process.stdout, (text) => this.#stdout = (this.#stdout + text).slice(-MAX_KEPT))];
    if (options.stderr === "piped") {
      reads.push(this.#read(this.#process.stderr, (text) => this.#stderr = (this.#stderr + text).slice(-MAX_KEPT)));
    }
    this.#reading = Promise.all(reads).finally(() => {
      this.#ended = true;
      this.#wake();
    });
  }

  /** The process. */
  get pid(): number {
    return this.#process.pid;
  }

  /** What it has written to its standard output. */
  get stdout(): string {
    return this.#stdout;
  }

  /** What it has written to its standard error, if that is piped. */
  get stderr(): string {
    return this.#stderr;
  }

  /** Waits until its output has something; throws `CommandError` when it ends without. */
  async waitFor(pattern: RegExp): Promise<RegExpExecArray> {
    while (true) {
      const found = pattern.exec(this.#stdout);
      if (found !== null) return found;
      if (this.#ended) throw new CommandError(`mpquic ${this.name} ended before it was ready${this.#quoted()}`);
      await new Promise<void>((resolve) => this.#wakers.add(resolve));
    }
  }

  /** Writes a line to its standard input, and returns the next line that it answers. */
  async ask(line: string): Promise<string> {
    const before = this.#stdout.length;
    await this.#writer.write(new TextEncoder().encode(`${line}\n`));
    while (true) {
      const answer = /^(.*)\n/.exec(this.#stdout.slice(before))?.[1];
      if (answer !== undefined) return answer;
      if (this.#ended) throw new CommandError(`mpquic ${this.name} ended without an answer${this.#quoted()}`);
      await new Promise<void>((resolve) => this.#wakers.add(resolve));
    }
  }

  /** Waits for its end; returns its exit code. */
  async end(): Promise<number> {
    await this.#reading;
    const { code } = await this.#process.status;
    await this.#writer.close().catch(() => {});
    return code;
  }

  /** Sends a signal, unless it has ended. */
  signal(signal: Deno.Signal): void {
    try {
      this.#process.kill(signal);
    } catch {
      // It has ended.
    }
  }

  /** Asks it to end, and after a while makes it; returns its exit code. Does nothing to one that has ended. */
  async stop(): Promise<number> {
    this.signal("SIGINT");
    const timer = setTimeout(() => this.signal("SIGKILL"), STOP_LIMIT);
    try {
      return await this.end();
    } finally {
      clearTimeout(timer);
    }
  }

  async #read(from: ReadableStream<Uint8Array<ArrayBuffer>>, take: (text: string) => void): Promise<void> {
    for await (const text of from.pipeThrough(new TextDecoderStream())) {
      take(text);
      this.#wake();
    }
  }

  #wake(): void {
    for (const waker of this.#wakers) waker();
    this.#wakers.clear();
  }

  #quoted(): string {
    return this.#stderr.trim() === "" ? "" : `: ${this.#stderr.trim()}`;
  }
}
