/**
 * `deno task demo`: a file over two links at once that are shaped in user space, in three processes on this machine.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { type Arguments, readArguments } from "./arguments.ts";
import { Child } from "./child.ts";
import { CommandError, ExitCode, UsageError } from "./errors.ts";
import { formatBytes, formatSeconds, formatTable } from "./format.ts";
import type { RelayCounts } from "./relay.ts";
import { onSignal } from "./signals.ts";

const HELP = `Moves a file from a server to a client over two paths at once, and then over each of them alone.

Usage: deno task demo [options]

  --json         No bars; the last line is the result as JSON
  --bytes BYTES  How large the file is. Default 20000000
  -h, --help     This text

The links are shaped in user space, by a process of their own: "wifi" 40 Mbit/s and 15 ms one way, "cell" 20 Mbit/s and
40 ms, with queues of one and a half bandwidth-delay products: 45 and 120 ms.`;

/** Mbit/s in each direction, milliseconds one way, and where the client's end is. */
const LINKS: readonly { label: string; rate: number; delay: number; local: string }[] = [
  { label: "wifi", rate: 40, delay: 15, local: "127.0.0.1" },
  { label: "cell", rate: 20, delay: 40, local: "127.0.0.2" },
];
/** How long a datagram may wait in a link's queue, in round trips. */
const QUEUE = 1.5;
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
  /** Without the time that it takes to start and connect. */
  readonly transferSeconds: number;
}

/** One transfer, with the bytes that each link carried to the client. */
interface Run {
  readonly got: Got;
  readonly carried: readonly number[];
}

/** What the transfers are made with. */
interface Setting {
  readonly stage: Stage;
  readonly relay: Child;
  /** Where each link begins. */
  readonly fronts: readonly string[];
  readonly ca: string;
  readonly size: number;
  readonly sha256: string;
  readonly json: boolean;
}

async function demo(given: Arguments): Promise<void> {
  const json = given.has("json");
  const size = Math.floor(given.number("bytes", 1, MAX_SIZE) ?? SIZE);
  const say = json ? () => {} : console.log;
  const stage = new Stage();
  let interrupted = false;
  using _signals = onSignal(() => {
    interrupted = true;
    void stage.leave();
  });
  try {
    say(picture());
    const setting = await prepare(stage, size, json);
    say(`${formatBytes(size)} over both:`);
    const both = await transfer(setting, LINKS.map((_, n) => n));
    const alone: Run[] = [];
    for (const [n, { label }] of LINKS.entries()) {
      say(`and over ${label} alone:`);
      alone.push(await transfer(setting, [n]));
    }
    if (json) console.log(asJson(both, alone));
    else say(summary(both, alone));
  } catch (error) {
    throw interrupted ? new CommandError("Interrupted") : error;
  } finally {
    await stage.leave();
  }
}

/** Makes the file, and starts the server and the relay. */
async function prepare(stage: Stage, size: number, json: boolean): Promise<Setting> {
  const sha256 = makeFile(join(stage.directory, "demo.bin"), size);
  const server = stage.start(["serve", "--listen", "127.0.0.1:0", "--root", stage.directory], "inherit");
  const [, address] = await server.waitFor(/Listening on (\S+)/);
  const [, ca] = await server.waitFor(/--ca (\S+)\n/);
  const links = LINKS.flatMap(({ rate, delay }) => [
    "--listen",
    "127.0.0.1:0",
    "--rate",
    String(rate),
    "--delay",
    String(delay),
    "--queue",
    String(QUEUE * 2 * delay),
  ]);
  const relay = stage.start(["relay", "--to", address!, ...links], "inherit");
  await relay.waitFor(/(Relaying .*\n){2}/);
  const fronts = [...relay.stdout.matchAll(/Relaying (\S+) to/g)].map((match) => match[1]!);
  return { stage, relay, fronts, ca: ca!, size, sha256, json };
}

/** Gets the file over some of the links, and checks it. */
async function transfer(setting: Setting, links: readonly number[]): Promise<Run> {
  const { stage, fronts, ca, size, json } = setting;
  const output = join(stage.directory, "received.bin");
  const paths = links.flatMap((n) => {
    const { label, local } = LINKS[n]!;
    return ["--path", `${ownAddress(local)},label=${label},remote=${fronts[n]}`];
  });
  const before = await carriedBy(setting);
  const what = [`https://${fronts[links[0]!]}/demo.bin`, "-o", output, "--ca", ca, "--size", String(size), "--json"];
  const client = stage.start(["get", ...what, ...paths], json ? "null" : "inherit");
  const code = await client.end();
  const got = JSON.parse(client.stdout.trim().split("\n").at(-1) || "{}") as Got;
  if (code !== 0 || !got.ok) throw new CommandError(got.error ?? `mpquic get ended with ${code}`);
  const after = await carriedBy(setting);
  check(output, got, setting);
  return { got, carried: after.map((bytes, n) => bytes - before[n]!) };
}

/** Linux has all of 127.0.0.0/8; elsewhere both paths begin at 127.0.0.1, and the relay's ports tell them apart. */
function ownAddress(address: string): string {
  try {
    Deno.listen({ hostname: address, port: 0 }).close();
    return address;
  } catch {
    return "127.0.0.1";
  }
}

async function carriedBy({ relay }: Setting): Promise<number[]> {
  const { links } = JSON.parse(await relay.ask("stats")) as { links: readonly RelayCounts[] };
  return links.map(({ down }) => down.bytes);
}

function picture(): string {
  const [wifi, cell] = LINKS.map(({ label, rate, delay }) => `${label}: ${rate} Mbit/s, ${delay} ms`);
  return [
    "three processes on this machine, real UDP on loopback:",
    "",
    `             <=== ${wifi} ===>`,
    "  mpquic get                                mpquic relay <=======> mpquic serve",
    `             <=== ${cell} ===>`,
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
function check(path: string, got: Got, { size, sha256 }: Setting): void {
  const written = createHash("sha256").update(Deno.readFileSync(path)).digest("hex");
  if (got.bytes === size && got.sha256 === sha256 && written === sha256) return;
  throw new CommandError(`The file arrived wrong: SHA-256 ${written} instead of ${sha256}`);
}

function asJson({ got, carried }: Run, alone: readonly Run[]): string {
  const paths = LINKS.map(({ label }, id) => ({ id, label, bytes: carried[id] }));
  const seconds = Object.fromEntries(LINKS.map(({ label }, n) => [label, alone[n]!.got.seconds]));
  const { bytes, sha256, transferSeconds } = got;
  return JSON.stringify({ ok: true, bytes, sha256, paths, seconds: got.seconds, alone: seconds, transferSeconds });
}

function summary(both: Run, alone: readonly Run[]): string {
  const rows = [...alone, both].map(({ got, carried }, n) => {
    const name = LINKS[n] === undefined ? "both" : `${LINKS[n].label} alone`;
    const rate = LINKS[n]?.rate ?? LINKS.reduce((sum, link) => sum + link.rate, 0);
    const goodput = got.bytes * 8 / got.transferSeconds / 1e6;
    const share = `${Math.round(100 * goodput / rate)} %`;
    return [name, formatSeconds(got.seconds), `${goodput.toFixed(1)} Mbit/s`, share, ...carried.map(formatBytes)];
  });
  const heading = ["", "time", "rate of transfer", "of the links", ...LINKS.map(({ label }) => `on ${label}`)];
  return `${formatTable([heading, ...rows])}\n\nSHA-256 ${both.got.sha256}, the same at both ends`;
}

async function main(args: readonly string[]): Promise<number> {
  try {
    const given = readArguments(args, { flags: ["json"], values: ["bytes"] });
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
