/**
 * The client of `namespace_test.ts`. It runs in a network namespace that it shares with nobody, makes a second one for the
 * server and two links between them, and takes addresses away while it is connected. Says on its last line what it saw.
 *
 * @module
 */
import { connectQuic, type PathEvent, type QuicConn } from "../../mod.ts";
import { networkInterfaces } from "node:os";
import { WORLD_CERTIFICATE } from "../kit/identity.ts";

/** What happened to one path, and when: milliseconds from the change of the address. */
export interface Seen {
  readonly change: string;
  readonly local: string;
  readonly label: string;
  readonly reason: string;
  readonly after: number;
}

/** What the client reports. */
export interface NamespaceReport {
  /** On which link it connected while the other was dead. */
  readonly withoutFirst: string;
  /** The paths at the beginning: label and local address. */
  readonly first: readonly string[];
  readonly gone: Seen;
  readonly socketsAfterGone: readonly string[];
  readonly back: Seen;
  readonly added: Seen;
  readonly firstGone: Seen;
  readonly last: Seen;
  /** Bytes that came back, of all that were sent. */
  readonly echoed: number;
  readonly atEnd: { readonly paths: readonly string[]; readonly sockets: readonly string[] };
}

/** Runs a command; throws with what it said when it fails. */
async function run(...command: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(command[0]!, { args: command.slice(1), stdin: "null" }).output();
  if (!success) throw new Error(`${command.join(" ")}: ${new TextDecoder().decode(stderr)}`);
}

/**
 * More paths than there ever are: the id of one that is closed is free after three PTOs at both ends, which on a busy machine are
 * longer than an address stays away here.
 */
export const MANY_PATHS = { maxPaths: 8 };

/** The server's address. */
const SERVER = "10.77.9.1";

const ip = (...args: string[]): Promise<void> => run("ip", ...args);

const LINKS = ["wifi", "cell"] as const;

/** Gives an address to a link, and the way to the server from there, which goes with the last address of the link. */
async function addAddress(link: 0 | 1, host: number): Promise<void> {
  await ip("addr", "add", `10.77.${link}.${host}/24`, "dev", LINKS[link]);
  await ip("route", "replace", "default", "via", `10.77.${link}.1`, "dev", LINKS[link], "table", `10${link}`);
}

function removeAddress(link: 0 | 1, host: number): Promise<void> {
  return ip("addr", "del", `10.77.${link}.${host}/24`, "dev", LINKS[link]);
}

/** Two links, "wifi" and "cell", from here to the namespace of that process; what comes from one's addresses leaves by it. */
async function connectNamespaces(there: (...args: string[]) => Promise<void>, pid: number): Promise<void> {
  await ip("link", "set", "lo", "up");
  await there("link", "set", "lo", "up");
  await there("addr", "add", `${SERVER}/32`, "dev", "lo");
  for (const link of [0, 1] as const) {
    const [name, far] = [LINKS[link], `${LINKS[link]}2`];
    await ip("link", "add", name, "type", "veth", "peer", "name", far);
    await ip("link", "set", far, "netns", String(pid));
    await there("addr", "add", `10.77.${link}.1/24`, "dev", far);
    await there("link", "set", far, "up");
    await ip("link", "set", name, "up");
    await ip("rule", "add", "from", `10.77.${link}.0/24`, "table", `10${link}`);
    await addAddress(link, 2);
  }
}

/** The events of a connection, and waiting for one of them. */
class Events {
  readonly #seen: { readonly event: PathEvent; readonly at: number }[] = [];
  #onEvent: (() => void) | undefined;
  #isOver = false;

  constructor(conn: QuicConn) {
    (async () => {
      for await (const event of conn.pathEvents) {
        this.#seen.push({ event, at: performance.now() });
        this.#onEvent?.();
      }
      this.#isOver = true;
      this.#onEvent?.();
    })();
  }

  async find(change: string, local: string, since: number): Promise<Seen> {
    while (true) {
      const found = this.#seen.find(({ event, at }) =>
        at >= since && event.change === change && event.path.local.hostname === local
      );
      if (found !== undefined) {
        const { event, at } = found;
        return { change, local, label: event.path.label, reason: event.reason, after: Math.round(at - since) };
      }
      if (this.#isOver) {
        const said = this.#seen.map(({ event: { change, path, reason } }) =>
          `${change} ${path.local.hostname}: ${reason}`
        );
        throw new Error(`The connection is over before ${local} is ${change}:\n${said.join("\n")}`);
      }
      await new Promise<void>((resolve) => this.#onEvent = resolve);
    }
  }
}

async function echo(conn: QuicConn, size: number): Promise<number> {
  const { readable, writable } = await conn.createBidirectionalStream();
  const writer = writable.getWriter();
  writer.write(new Uint8Array(size)).then(() => writer.close());
  return (await new Response(readable).arrayBuffer()).byteLength;
}

function connect(port: number): Promise<QuicConn> {
  return connectQuic({
    hostname: SERVER,
    serverName: "127.0.0.1",
    port,
    alpnProtocols: ["test"],
    caCerts: [WORLD_CERTIFICATE],
    paths: "auto",
    mode: "round-robin",
    transport: MANY_PATHS,
  });
}

/** Connects while the first interface is dead. */
async function deadFirst(port: number, there: Server["there"]): Promise<string> {
  await there("link", "set", "wifi2", "down");
  const conn = await connect(port);
  const { label } = conn.paths[0]!;
  conn.close();
  await conn.endpoint.closed;
  await there("link", "set", "wifi2", "up");
  return label;
}

async function scenario({ port, there }: Server): Promise<NamespaceReport> {
  const withoutFirst = await deadFirst(port, there);
  const conn = await connect(port);
  const events = new Events(conn);
  const locals = (): string[] => conn.paths.map(({ local, label }) => `${label} ${local.hostname}`);
  const sockets = (): string[] => conn.endpoint.addrs.map(({ hostname }) => hostname);
  const since = (): number => performance.now();
  await Promise.all(conn.paths.map(({ ready }) => ready));
  const first = locals();
  let echoed = await echo(conn, 300_000);

  let start = since();
  await removeAddress(1, 2);
  const gone = await events.find("closed", "10.77.1.2", start);
  const socketsAfterGone = sockets();
  echoed += await echo(conn, 300_000);

  start = since();
  await addAddress(1, 2);
  const back = await events.find("usable", "10.77.1.2", start);

  start = since();
  await addAddress(1, 3);
  const added = await events.find("usable", "10.77.1.3", start);

  // The path of the handshake, with data on the way.
  start = since();
  const rest = echo(conn, 3_000_000);
  await removeAddress(0, 2);
  const firstGone = await events.find("closed", "10.77.0.2", start);
  echoed += await rest;

  // All that are left, the primary address and with it the other: only then a new one.
  start = since();
  await removeAddress(1, 2);
  await addAddress(0, 4);
  const last = await events.find("usable", "10.77.0.4", start);
  echoed += await echo(conn, 300_000);
  for (const local of ["10.77.1.2", "10.77.1.3"]) await events.find("closed", local, start);
  const report = { withoutFirst, first, gone, socketsAfterGone, back, added, firstGone, last, echoed };
  const atEnd = { paths: locals(), sockets: sockets() };
  conn.close();
  await conn.endpoint.closed;
  return { ...report, atEnd };
}

/** The server, from the client's side. */
interface Server {
  readonly port: number;
  /** Runs `ip` in its namespace. */
  readonly there: (...args: string[]) => Promise<void>;
}

/** Starts the server in a namespace of its own, with links to it. */
async function withServer<T>(use: (server: Server) => Promise<T>): Promise<T> {
  const script = new URL("namespace_server.ts", import.meta.url).pathname;
  const child = new Deno.Command("unshare", {
    args: ["-n", Deno.execPath(), "run", "-A", "--no-lock", "--unstable-net", ...Deno.args, script, SERVER],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  try {
    const there = (...args: string[]): Promise<void> => run("nsenter", "-t", String(child.pid), "-n", "ip", ...args);
    await connectNamespaces(there, child.pid);
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode("go\n"));
    await writer.close();
    const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    const { value = "" } = await reader.read();
    return await use({ port: Number(value), there });
  } finally {
    child.kill("SIGKILL");
    await child.status;
  }
}

if (import.meta.main) {
  // Not even by a mistake in this file is anything sent beyond the namespace.
  const names = Object.keys(networkInterfaces());
  if (names.length > 0) throw new Error(`This is no new network namespace: it has ${names.join()}`);
  console.log(JSON.stringify(await withServer(scenario)));
  Deno.exit(0);
}
