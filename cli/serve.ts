import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { SCHEDULER_NAMES } from "@multipath/quic/schedulers";
import { QuicEndpoint, type QuicListener, type QuicListenOptions } from "../mod.ts";
import { type Arguments, readArguments } from "./arguments.ts";
import type { Command } from "./command.ts";
import { DocumentRoot } from "./document_root.ts";
import { CommandError, ExitCode, UsageError } from "./errors.ts";
import { FileServer } from "./file_server.ts";
import { HQ_INTEROP, HqErrorCode } from "./hq.ts";
import { MODE_HELP, pathsChoice } from "./mode_option.ts";
import { platform } from "./platform.ts";
import { qlogObserver } from "./qlog.ts";
import { type Credentials, selfSigned } from "./self_signed.ts";
import { onSignal } from "./signals.ts";
import { formatHostPort, type HostPort, parseHostPort, userPath } from "./where.ts";

const HELP = `Serves the files of a directory over QUIC (ALPN hq-interop).

Usage: mpquic serve --listen HOST:PORT [--listen HOST:PORT]... --root DIR [options]

  --listen HOST:PORT  Where to listen: an IP address (IPv6 in brackets) or "localhost"; port 0: any. More than once: on all
  --root DIR          The directory. Nothing outside of it is served, not by links either
  --cert FILE         Certificate chain in PEM, the server's own first. Without it, one is made that signs itself
  --key FILE          Its private key in PEM
  --retry             Make every client prove its address first (Retry)
  --qlog DIR          Write a qlog file for each connection
${MODE_HELP}
  -h, --help          This text

A client may ask for another mode, unless --scheduler was given. Keys of connections are appended to the file that
SSLKEYLOGFILE names. Ctrl-C stops.`;

/** How long the end of all connections may take, in milliseconds. */
const STOP_LIMIT = 2000;

/** `mpquic serve` */
export const serveCommand: Command = {
  name: "serve",
  about: "Serve the files of a directory",
  help: HELP,
  async run(args) {
    const given = readArguments(args, {
      flags: ["retry", "no-hints"],
      values: ["root", "cert", "key", "qlog", "mode", "scheduler", "max-paths"],
      lists: ["listen"],
    });
    if (given.has("help")) {
      console.log(HELP);
      return ExitCode.DONE;
    }
    return await serve(given);
  },
};

async function serve(given: Arguments): Promise<number> {
  const root = given.required("root");
  const listens = given.list("listen").map((text) => parseHostPort(text, "--listen"));
  if (listens.length === 0) throw new UsageError('The option "--listen" is missing');
  if ((given.value("cert") === undefined) !== (given.value("key") === undefined)) {
    throw new UsageError('The options "--cert" and "--key" go together');
  }
  const choice = await pathsChoice(given);
  const files = await openRoot(root);
  const observer = await qlogObserver(given.value("qlog"));
  const addresses = listens.flatMap(addressesOf);
  const temporary = given.value("cert") === undefined ? Deno.makeTempDirSync({ prefix: "mpquic-" }) : undefined;
  try {
    const credentials = temporary === undefined
      ? await readCredentials(given)
      : await makeCredentials(addresses, temporary);
    const endpoint = bind(addresses);
    const listener = listen(endpoint, {
      ...credentials,
      ...choice,
      acceptModes: given.value("scheduler") === undefined ? SCHEDULER_NAMES : [],
      alpnProtocols: [HQ_INTEROP],
      retry: given.has("retry"),
      transport: { maxDatagramFrameSize: 0, hints: !given.has("no-hints") },
    });
    using _signals = onSignal(() => {
      endpoint.close({ closeCode: HqErrorCode.STOPPING, reason: "the server is being stopped" });
    });
    announce(files, endpoint.addrs, temporary === undefined ? undefined : join(temporary, "cert.pem"));
    const log = (line: string): void => console.log(`${new Date().toISOString()} ${line}`);
    const accept = observer === undefined ? {} : { observer };
    await new FileServer({ root: files, log, accept: (incoming) => incoming.accept(accept) }).serve(listener);
    await atMost(STOP_LIMIT, endpoint.closed);
    return ExitCode.DONE;
  } finally {
    if (temporary !== undefined) Deno.removeSync(temporary, { recursive: true });
  }
}

async function openRoot(path: string): Promise<DocumentRoot> {
  try {
    return await DocumentRoot.open(userPath(path));
  } catch (error) {
    throw new CommandError(`Cannot serve "${userPath(path)}": ${(error as Error).message}`);
  }
}

async function readCredentials(given: Arguments): Promise<Credentials> {
  const read = async (option: string): Promise<string> => {
    const path = userPath(given.required(option));
    try {
      return await Deno.readTextFile(path);
    } catch (error) {
      throw new CommandError(`Cannot read "--${option}": ${(error as Error).message}`);
    }
  };
  return { cert: await read("cert"), key: await read("key") };
}

async function makeCredentials(addresses: readonly HostPort[], directory: string): Promise<Credentials> {
  const hosts = addresses.flatMap(({ hostname }) => isWildcard(hostname) ? ownAddresses() : [hostname]);
  const credentials = await selfSigned([...new Set(["localhost", "127.0.0.1", "::1", ...hosts.map(withoutZone)])]);
  await Deno.writeTextFile(join(directory, "cert.pem"), credentials.cert);
  return credentials;
}

function bind(addresses: readonly HostPort[]): QuicEndpoint {
  try {
    return new QuicEndpoint({ addresses, ...platform() });
  } catch (error) {
    throw new CommandError(`Cannot listen: ${(error as Error).message}`);
  }
}

function listen(endpoint: QuicEndpoint, options: QuicListenOptions): QuicListener {
  try {
    // Nobody has anything to say to this server but requests.
    return endpoint.listen({
      ...options,
      maxConcurrentUnidirectionalStreams: 0,
    });
  } catch (error) {
    endpoint.close();
    throw new CommandError(`Cannot listen: ${(error as Error).message}`);
  }
}

/** What a name in `--listen` means; the only name is the one that needs no question. */
function addressesOf({ hostname, port }: HostPort): HostPort[] {
  if (hostname === "localhost") return [{ hostname: "127.0.0.1", port }];
  if (hostname.includes(":") || /^\d+(\.\d+){3}$/.test(hostname)) return [{ hostname, port }];
  throw new UsageError(`--listen is "${formatHostPort({ hostname, port })}": expected an IP address or "localhost"`);
}

function isWildcard(hostname: string): boolean {
  return hostname === "0.0.0.0" || hostname === "::";
}

function ownAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map(({ address }) => address));
}

function withoutZone(address: string): string {
  return address.split("%")[0]!;
}

function announce(root: DocumentRoot, addresses: readonly HostPort[], ca: string | undefined): void {
  console.log(`Serving ${root.path}`);
  for (const address of addresses) console.log(`Listening on ${formatHostPort(address)}`);
  const { hostname, port } = addresses[0]!;
  const url = `https://${formatHostPort({ hostname: isWildcard(hostname) ? "localhost" : hostname, port })}/FILE`;
  console.log("To get a file from here:");
  console.log(`  deno task mpquic get ${url}${ca === undefined ? "" : ` --ca ${quoted(ca)}`}`);
}

function quoted(path: string): string {
  return /^[\w/.:\\-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;
}

async function atMost(limit: number, work: Promise<void>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<void>((resolve) => timer = setTimeout(resolve, limit));
  await Promise.race([work, late]);
  clearTimeout(timer);
}
