import { basename } from "node:path";
import { connectQuic, type ConnectQuicOptions, type PathStats, type QuicConn, type QuicPathOptions } from "../mod.ts";
import { type Arguments, readArguments } from "./arguments.ts";
import type { Command } from "./command.ts";
import { type Download, download } from "./download.ts";
import { CommandError, ExitCode, UsageError } from "./errors.ts";
import { describeFailure } from "./failures.ts";
import { formatBytes, formatRate, formatSeconds } from "./format.ts";
import { HQ_INTEROP, HqErrorCode } from "./hq.ts";
import { MODE_HELP, pathsChoice } from "./mode_option.ts";
import { openOutput, type Output, PlainOutput } from "./output_file.ts";
import { nameOf, PathLedger } from "./path_ledger.ts";
import { localHost, parsePaths, type PathSpec } from "./path_spec.ts";
import { type Platform, platform } from "./platform.ts";
import { type Part, Progress, standardError } from "./progress.ts";
import { qlogObserver } from "./qlog.ts";
import { localAddresses, reach } from "./reach.ts";
import { onSignal } from "./signals.ts";
import { formatHostPort, userPath } from "./where.ts";

const HELP = `Gets a file over QUIC (ALPN hq-interop).

Usage: mpquic get https://HOST:PORT/PATH [-o FILE] [options]

  -o, --output FILE  Where to put it; "-" is standard output. Default: the last part of PATH, here, if that is not there yet
  --ca FILE          Trust these authorities too, or this one certificate that signs itself (PEM)
  --insecure         Trust whoever answers
  --json             The last line of standard output is the result as JSON
  --size BYTES       How large the file is, for the progress bar
  --qlog DIR         Write a qlog file for each connection
  -h, --help         This text

Several paths at once (RFC 10069):
  --path LOCAL[,remote=HOST:PORT][,label=NAME][,cost=NUMBER][,metered][,budget=BYTES][,backup]
                     Use a path from this address of this machine, more than once for several: the first one carries the
                     handshake, or the one that answers when it does not; in the mode handover, of equals the one named first is
                     used. remote: where the server has another address for it. cost, metered: in the mode aggregation it is used
                     only when cheaper paths are too slow. budget: what it may send and receive (10MB) before it is used only
                     when no other path works. backup: only then at all
  --path auto        Every address of this machine from which the server answers, the fastest one first
${MODE_HELP}

The server, which sends the file, is asked for MODE too; MODULE schedules only what this end sends. Whether a path's packets
leave through the interface that has its address is up to the system: see mpquic paths --help.

The file gets its name when it is complete; what is there under that name stays until then. The keys of the connection are
appended to the file that SSLKEYLOGFILE names.
Exit codes: 0 done, 1 failed, 2 wrong usage.`;

const HTTPS_PORT = 443;
/** Paths that `--path auto` opens at most, unless `--max-paths` says otherwise. */
const MAX_AUTO_PATHS = 4;

/** `mpquic get` */
export const getCommand: Command = {
  name: "get",
  about: "Get a file",
  help: HELP,
  async run(args) {
    const wantsJson = args.includes("--json");
    try {
      const given = readArguments(args, {
        flags: ["insecure", "json", "no-hints"],
        values: ["output", "ca", "qlog", "size", "mode", "scheduler", "max-paths"],
        lists: ["path"],
        short: { o: "output" },
        positional: ["https://HOST:PORT/PATH"],
      });
      if (given.has("help")) {
        console.log(HELP);
        return ExitCode.DONE;
      }
      return await get(given);
    } catch (error) {
      if (wantsJson) console.log(JSON.stringify({ ok: false, error: (error as Error).message }));
      throw error;
    }
  },
};

interface Wanted {
  readonly url: URL;
  readonly hostname: string;
  readonly port: number;
  readonly target: string;
}

async function get(given: Arguments): Promise<number> {
  const wanted = parseUrl(given.positional[0]!);
  const path = outputPath(given, wanted);
  const size = given.number("size", 0, Number.MAX_SAFE_INTEGER);
  const specs = parsePaths(given.list("path"));
  const choice = await pathsChoice(given);
  checkCount(specs, choice.maxPaths);
  if (given.has("insecure") && given.value("ca") !== undefined) {
    throw new UsageError('The options "--insecure" and "--ca" exclude each other');
  }
  const stop = new AbortController();
  const on = platform();
  const startedAt = performance.now();
  const output = await openFor(path, given.value("output"));
  using _signals = onSignal((signal) => {
    output.discard();
    stop.abort(new CommandError(`Interrupted by ${signal}`));
  });
  try {
    const paths = specs === "auto" ? await allPaths(wanted, choice.maxPaths) : specs;
    const several = { ...choice, ...(paths === undefined ? {} : { paths }) };
    const options = { ...await connectOptions(given, wanted, on, stop.signal), ...several };
    const progress = new Progress(standardError(), basename(path), size, performance.now());
    const conn = await connect(options);
    const ledger = new PathLedger(conn);
    const onStop = (): void => conn.close({ closeCode: HqErrorCode.CANCELLED, reason: "cancelled by the user" });
    stop.signal.addEventListener("abort", onStop);
    try {
      const parts = (): Part[] =>
        ledger.all().map((path) => ({ label: nameOf(path), bytes: path.streamBytesReceived }));
      const onProgress = (bytes: number): void => progress.update(bytes, performance.now(), parts);
      const got = await download(conn, { target: wanted.target, output, onProgress });
      stop.signal.throwIfAborted();
      const seconds = (performance.now() - startedAt) / 1000;
      const stats = { ...conn.stats(), paths: ledger.all() };
      const notes = [...multipathNote(conn, paths), ...missingNotes(conn, paths, stats.paths), ...ledger.notes];
      conn.close({ closeCode: HqErrorCode.NONE, reason: "" });
      await commit(output);
      progress.end();
      report(given, output.path, { got, seconds, stats, notes, on });
    } finally {
      progress.end();
      conn.close({ closeCode: HqErrorCode.CANCELLED, reason: "" });
      await conn[Symbol.asyncDispose]();
    }
    return ExitCode.DONE;
  } catch (error) {
    output.discard();
    if (stop.signal.aborted) throw stop.signal.reason;
    throw describeFailure(error, wanted);
  }
}

function checkCount(specs: readonly PathSpec[] | "auto" | undefined, maxPaths: number | undefined): void {
  if (specs === undefined || maxPaths === undefined) return;
  if (maxPaths === 0) throw new UsageError('The options "--path" and "--max-paths 0" exclude each other');
  if (specs !== "auto" && specs.length > maxPaths) {
    throw new UsageError(`"--path" was given ${specs.length} times: expected no more than "--max-paths", ${maxPaths}`);
  }
}

/** A path from every address from which the server answers, the fastest one first. */
async function allPaths(server: Wanted, maxPaths: number = MAX_AUTO_PATHS): Promise<QuicPathOptions[]> {
  const reached = await reach(localAddresses(), server);
  const answered = reached.filter(({ rtt }) => rtt !== undefined).sort((a, b) => a.rtt! - b.rtt!);
  if (answered.length === 0) {
    throw new CommandError(`No address of this machine gets an answer from ${formatHostPort(server)}`);
  }
  return answered.slice(0, maxPaths).map(({ from, to }) => ({ local: from.address, remote: to!, label: from.device }));
}

function multipathNote(conn: QuicConn, paths: readonly QuicPathOptions[] = []): string[] {
  if (paths.length < 2 || conn.isMultipath !== false) return [];
  return ["the server does not speak RFC 10069: only the first path was used"];
}

/** Addresses from which there was no path, not even one that nobody answered on: this machine does not have them. */
function missingNotes(conn: QuicConn, paths: readonly QuicPathOptions[] = [], had: readonly PathStats[]): string[] {
  if (conn.isMultipath === false) return [];
  const seen = new Set([...conn.paths, ...had].map(({ local }) => local.hostname));
  const missing = new Set(paths.map(({ local = "" }) => localHost(local)).filter((local) => !seen.has(local)));
  return [...missing].map((local) => `there was no path from ${local}: this machine does not have the address`);
}

function parseUrl(text: string): Wanted {
  if (!URL.canParse(text)) throw new UsageError(`"${text}" is no URL: expected https://HOST:PORT/PATH`);
  const url = new URL(text);
  if (url.protocol !== "https:" || url.hostname === "") {
    throw new UsageError(`"${text}" begins with "${url.protocol}": expected https://HOST:PORT/PATH`);
  }
  // A URL resolves "..": what the user typed is sent, so that the server is asked for just that.
  const typed = /^[^:]+:[/\\]{2}[^/?#]*([^#]*)/.exec(text)?.[1] ?? "";
  const target = /^\/[\x21-\x7e]*$/.test(typed) ? typed : `${url.pathname}${url.search}`;
  const hostname = url.hostname.replace(/^\[|\]$/g, "");
  return { url, hostname, port: url.port === "" ? HTTPS_PORT : Number(url.port), target };
}

function outputPath(given: Arguments, { url }: Wanted): string {
  const named = given.value("output");
  if (named === "-") {
    if (given.has("json")) throw new UsageError('The options "--json" and "-o -" exclude each other');
    return "standard output";
  }
  if (named !== undefined) return userPath(named);
  const last = url.pathname.split("/").at(-1)!;
  const name = decode(last).replace(/[/\\\0]/g, "_");
  if (name === "" || name === "." || name === "..") {
    throw new UsageError(`"${url.pathname}" does not end in a name: expected -o FILE`);
  }
  return userPath(name);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

async function openFor(path: string, named: string | undefined): Promise<Output> {
  if (named === "-") return new PlainOutput(path, Deno.stdout);
  if (named === undefined && await Deno.lstat(path).then(() => true, () => false)) {
    throw new CommandError(`"${path}" is there already: use -o FILE to replace it`);
  }
  try {
    return await openOutput(path);
  } catch (error) {
    throw new CommandError(`Cannot write "${path}": ${(error as Error).message}`);
  }
}

async function connectOptions(
  given: Arguments,
  wanted: Wanted,
  on: Platform,
  signal: AbortSignal,
): Promise<ConnectQuicOptions> {
  const ca = given.value("ca");
  const observer = await qlogObserver(given.value("qlog"));
  return {
    hostname: wanted.hostname,
    port: wanted.port,
    alpnProtocols: [HQ_INTEROP],
    signal,
    ...on,
    maxConcurrentBidirectionalStreams: 0,
    maxConcurrentUnidirectionalStreams: 0,
    transport: { maxDatagramFrameSize: 0, hints: !given.has("no-hints") },
    ...(ca === undefined ? {} : { caCerts: [await readCa(ca)] }),
    ...(given.has("insecure") ? { verifyCertificate: "insecure" as const } : {}),
    ...(observer === undefined ? {} : { observer }),
  };
}

async function readCa(file: string): Promise<string> {
  const path = userPath(file);
  const text = await Deno.readTextFile(path).catch((error: unknown) => {
    throw new CommandError(`Cannot read "--ca": ${(error as Error).message}`);
  });
  if (!text.includes("-----BEGIN CERTIFICATE-----")) throw new CommandError(`"${path}" holds no certificate in PEM`);
  return text;
}

async function connect(options: ConnectQuicOptions): Promise<QuicConn> {
  try {
    return await connectQuic(options);
  } catch (error) {
    // What is wrong with a file that the user named, not with the network.
    if (error instanceof TypeError) throw new CommandError(error.message.replace('"caCerts"', '"--ca"'));
    throw error;
  }
}

async function commit(output: Output): Promise<void> {
  try {
    await output.commit();
  } catch (error) {
    throw new CommandError(`Cannot write "${output.path}": ${(error as Error).message}`);
  }
}

interface Outcome {
  readonly got: Download;
  readonly seconds: number;
  readonly stats: ReturnType<QuicConn["stats"]>;
  readonly notes: readonly string[];
  readonly on: Platform;
}

function report(given: Arguments, path: string, { got, seconds, stats, notes, on }: Outcome): void {
  for (const note of notes) console.error(`mpquic: ${note}`);
  const paths = stats.paths.map((each) => ({
    id: each.id,
    label: each.label,
    local: formatHostPort(each.local),
    remote: formatHostPort(each.remote),
    bytes: each.streamBytesReceived,
    srttMs: rounded(each.srtt),
  }));
  if (given.has("json")) {
    const { version, cipher } = stats;
    const { bytes, sha256 } = got;
    const times = { seconds: rounded(seconds), transferSeconds: rounded(got.seconds) };
    const json = { ok: true, bytes, sha256, ...times, paths, version, cipher };
    console.log(JSON.stringify({ ...json, crypto: on.crypto.name, socket: on.socket }));
    return;
  }
  const say = given.value("output") === "-" ? console.error : console.log;
  say(`${path}: ${formatBytes(got.bytes)} in ${formatSeconds(seconds)} (${formatRate(got.bytes / seconds)})`);
  say(`SHA-256 ${got.sha256}`);
  for (const each of paths) {
    const label = each.label === "" ? "" : `${each.label} `;
    say(
      `path ${each.id} ${label}${each.local} - ${each.remote}: ${
        formatBytes(each.bytes)
      }, round trip ${each.srttMs} ms`,
    );
  }
}

function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}
