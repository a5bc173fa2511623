/**
 * `deno task demo`: a file over a link that is shaped in user space, in three processes on this machine.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { type Arguments, readArguments } from "./arguments.ts";
import { Child } from "./child.ts";
import { CommandError, ExitCode, UsageError } from "./errors.ts";
import { formatBytes, formatSeconds } from "./format.ts";
import type { RelayCounts } from "./relay.ts";
import { onSignal } from "./signals.ts";

const HELP = `Moves a file from a server to a client over a link of 20 Mbit/s and 15 ms one way.

Usage: deno task demo [options]

  --json        No bar; the last line is the result as JSON
  --size BYTES  How large the file is. Default 20000000
  -h, --help    This text`;

/** Mbit/s in each direction. */
const RATE = 20;
/** Milliseconds one way. */
const DELAY = 15;
const SIZE = 20_000_000;
const MAX_SIZE = 10_000_000_000;
/** The platform makes so many random bytes at once. */
const PIECE = 65_536;

/** What the demo has started and made, to be taken away in the end. */
class Stage {
  readonly directory: string = Deno.makeTempDirSync({ prefix: "mpquic-demo-" });
  readonly #children: Child[] = [];
  #left: Promise<void> | undefined;

  start(args: readonly string[], stderr: "inherit" | "null" | "piped"): Child {
    if (this.#left !== undefined) throw new CommandError("Interrupted");
    const child = new Child(args, { stderr });
    this.#children.push(child);
    return child;
  }

  leave(): Promise<void> {
    this.#left ??= this.#clean();
    return this.#left;
  }

  async #clean(): Promise<void> {
    await Promise.all(this.#children.map((child) => child.stop()));
    Deno.removeSync(this.directory, { recursive: true });
  }
}

/** What `mpquic get --json` says. */
interface Got {
  readonly ok: boolean;
  readonly error?: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly seconds: number;
  readonly cipher: string;
  readonly crypto: string;
  readonly socket: string;
  readonly paths: readonly { readonly srttMs: number }[];
}

async function demo(given: Arguments): Promise<void> {
  const json = given.has("json");
  const size = Math.floor(given.number("size", 1, MAX_SIZE) ?? SIZE);
  const say = json ? () => {} : console.log;
  const stage = new Stage();
  let interrupted = false;
  using _signals = onSignal(() => {
    interrupted = true;
    void stage.leave();
  });
  try {
    say(picture());
    const sha256 = makeFile(join(stage.directory, "demo.bin"), size);
    const server = stage.start(["serve", "--listen", "127.0.0.1:0", "--root", stage.directory], "inherit");
    const [, address] = await server.waitFor(/Listening on (\S+)/);
    const [, ca] = await server.waitFor(/--ca (\S+)\n/);
    const link = ["--rate", String(RATE), "--delay", String(DELAY)];
    const relay = stage.start(["relay", "--listen", "127.0.0.1:0", "--to", address!, ...link], "inherit");
    const [, front] = await relay.waitFor(/Relaying (\S+) to/);

    const output = join(stage.directory, "received.bin");
    const what = [`https://${front}/demo.bin`, "-o", output, "--ca", ca!, "--size", String(size), "--json"];
    const client = stage.start(["get", ...what], json ? "null" : "inherit");
    const code = await client.end();
    const got = JSON.parse(client.stdout.trim().split("\n").at(-1) || "{}") as Got;
    if (code !== 0 || !got.ok) throw new CommandError(got.error ?? `mpquic get ended with ${code}`);
    const counts = JSON.parse(await relay.ask("stats")) as RelayCounts;
    check(output, got, size, sha256);
    if (json) console.log(asJson(got, counts));
    else say(summary(got, counts));
  } catch (error) {
    throw interrupted ? new CommandError("Interrupted") : error;
  } finally {
    await stage.leave();
  }
}

function picture(): string {
  const link = `${RATE} Mbit/s, ${DELAY} ms`;
  return [
    "three processes on this machine, real UDP on loopback:",
    "",
    `  mpquic get <==== ${link} ====> mpquic relay <=======> mpquic serve`,
    "",
  ].join("\n");
}

/** Makes a file of random bytes; returns its SHA-256. */
function makeFile(path: string, size: number): string {
  const hash = createHash("sha256");
  using file = Deno.openSync(path, { write: true, createNew: true });
  const piece = new Uint8Array(PIECE);
  for (let made = 0; made < size; made += PIECE) {
    const part = piece.subarray(0, Math.min(PIECE, size - made));
    crypto.getRandomValues(part);
    hash.update(part);
    for (let at = 0; at < part.length;) at += file.writeSync(part.subarray(at));
  }
  return hash.digest("hex");
}

/** The client has told what it received; what is in the file counts. */
function check(path: string, got: Got, size: number, sha256: string): void {
  const written = createHash("sha256").update(Deno.readFileSync(path)).digest("hex");
  if (got.bytes === size && got.sha256 === sha256 && written === sha256) return;
  throw new CommandError(`The file arrived wrong: SHA-256 ${written} instead of ${sha256}`);
}

function asJson(got: Got, counts: RelayCounts): string {
  const paths = [{ id: 0, label: "link", bytes: counts.down.bytes }];
  return JSON.stringify({ ok: true, bytes: got.bytes, sha256: got.sha256, paths, seconds: got.seconds });
}

function summary(got: Got, { down }: RelayCounts): string {
  const goodput = got.bytes * 8 / got.seconds / 1e6;
  const share = Math.round(100 * goodput / RATE);
  const { cipher, crypto, socket, paths } = got;
  return [
    `file      ${formatBytes(got.bytes)} in ${formatSeconds(got.seconds)}: ${
      goodput.toFixed(1)
    } Mbit/s, ${share} % of the link`,
    `SHA-256   ${got.sha256}, the same at both ends`,
    `relay     ${
      formatBytes(down.bytes)
    } in ${down.datagrams} datagrams to the client, ${down.dropped} dropped by its queue`,
    `client    ${cipher} (${crypto}), ${socket} sockets, round trip ${paths[0]?.srttMs} ms`,
  ].join("\n");
}

async function main(args: readonly string[]): Promise<number> {
  try {
    const given = readArguments(args, { flags: ["json"], values: ["size"] });
    if (given.has("help")) console.log(HELP);
    else await demo(given);
    return ExitCode.DONE;
  } catch (error) {
    const message = (error as Error).message;
    if (args.includes("--json")) console.log(JSON.stringify({ ok: false, error: message }));
    console.error(`demo: ${message}`);
    return error instanceof UsageError ? ExitCode.USAGE : ExitCode.FAILED;
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
