/**
 * `deno task soak [RUNS]`: transfers over two paths on real sockets, through a relay of which one link dies without a sound at
 * a random moment. Client, server and relay are processes. Checks every byte, and how long the receiving application waits
 * for its next one against one PTO and one round trip of the dead path, one round trip of the other, and 50 ms.
 *
 * @module
 */
import { Child } from "../../cli/child.ts";
import { connectQuic, type QuicConn } from "../../mod.ts";
import { WORLD_CERTIFICATE } from "../kit/identity.ts";
import { ALPN, type Look, Looks, receive, type Received, send, sharedNow } from "./payload.ts";

const SIZE = 50_000_000;
/** Mbit/s of each link: less than the processes of a small machine can do together, or there would be other waits. */
const RATE = 100;
/** Milliseconds one way. */
const DELAYS = [5, 10] as const;
/** What a busy machine may add: milliseconds. */
const ALLOWANCE = 50;
/** Of the runs, how many must keep to the bound. */
const SHARE = 0.95;
const MAX_ACK_DELAY = 25;
/** A run that takes longer has failed: milliseconds. */
const RUN_LIMIT = 60_000;

type Direction = "down" | "up";

interface Plan {
  readonly direction: Direction;
  /** The path that dies. */
  readonly dying: number;
  /** At which byte. */
  readonly at: number;
}

interface Outcome extends Plan {
  readonly wait: number;
  readonly bound: number;
  readonly seconds: number;
}

/** The relay's links. */
interface Place {
  readonly relay: Child;
  readonly ports: readonly number[];
}

async function run({ relay, ports }: Place, plan: Plan): Promise<Outcome> {
  await relay.ask("alive");
  await using conn = await connectQuic({
    hostname: "127.0.0.1",
    port: ports[0]!,
    alpnProtocols: [ALPN],
    caCerts: [WORLD_CERTIFICATE],
    paths: ports.map((port, n) => ({ local: `127.0.0.${n + 1}`, remote: `127.0.0.1:${port}`, label: `link ${n}` })),
  });
  await Promise.all(conn.paths.map((path) => path.ready));
  using own = new Looks(conn);
  const startedAt = performance.now();
  let death: Promise<number> | undefined;
  const onBytes = (bytes: number): void => {
    if (bytes >= plan.at) death ??= kill(relay, plan.dying);
  };
  const { received, looks } = await transfer(conn, plan.direction, onBytes, own);
  const seconds = (performance.now() - startedAt) / 1000;
  if (received.bytes !== SIZE) throw new Error(`${received.bytes} bytes arrived: expected ${SIZE}`);
  if (received.wrongAt >= 0) throw new Error(`Wrong bytes arrived in the piece at ${received.wrongAt}`);
  if (death === undefined) throw new Error("No path died");
  const diedAt = await death;
  return { ...plan, wait: longestWait(received, diedAt), bound: boundOf(looks, plan.dying, diedAt), seconds };
}

async function transfer(
  conn: QuicConn,
  direction: Direction,
  onBytes: (bytes: number) => void,
  own: Looks,
): Promise<{ received: Received; looks: readonly Look[] }> {
  const stream = await conn.createBidirectionalStream();
  const writer = stream.writable.getWriter();
  await writer.write(request(direction === "down" ? `down ${SIZE}` : "up"));
  writer.releaseLock();
  if (direction === "up") {
    const answer = new Response(stream.readable).json() as Promise<Received>;
    await Promise.all([send(stream.writable, SIZE, onBytes), answer]);
    return { received: await answer, looks: own.all };
  }
  const received = await receive(stream.readable, onBytes);
  await stream.writable.close();
  const asking = await conn.createBidirectionalStream();
  await ReadableStream.from([request("looks")]).pipeTo(asking.writable);
  return { received, looks: await new Response(asking.readable).json() as Look[] };
}

function request(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text.padEnd(16));
}

async function kill(relay: Child, link: number): Promise<number> {
  await relay.ask(`${link} dead`);
  return sharedNow();
}

/** The longest time without a new byte from the death on. */
function longestWait({ waits }: Received, diedAt: number): number {
  return waits.reduce((longest, { from, to }) => Math.max(longest, to - Math.max(from, diedAt)), 0);
}

/** By the sender's figures at the death. */
function boundOf(looks: readonly Look[], dying: number, diedAt: number): number {
  const look = looks.findLast(({ at }) => at <= diedAt) ?? looks[0]!;
  let bound = ALLOWANCE;
  for (const { id, srtt, rttVar } of look.paths) {
    bound += srtt;
    if (id === dying) bound += srtt + Math.max(4 * rttVar, 1) + MAX_ACK_DELAY;
  }
  return bound;
}

async function atMost<T>(limit: number, work: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`It took longer than ${limit / 1000} s`)), limit);
  });
  return await Promise.race([work, late]).finally(() => clearTimeout(timer));
}

function planOf(n: number): Plan {
  return {
    direction: n % 2 === 0 ? "down" : "up",
    dying: (n >> 1) % 2,
    at: Math.floor((0.05 + 0.8 * Math.random()) * SIZE),
  };
}

async function soak(runs: number, place: Place): Promise<boolean> {
  const outcomes: Outcome[] = [];
  let failed = 0;
  for (let n = 0; n < runs; n += 1) {
    const plan = planOf(n);
    const what = `${String(n + 1).padStart(3)} ${plan.direction.padEnd(4)} link ${plan.dying} dies at ${mega(plan.at)}`;
    try {
      const outcome = await atMost(RUN_LIMIT, run(place, plan));
      outcomes.push(outcome);
      const { wait, bound, seconds } = outcome;
      const late = wait > bound ? "  late" : "";
      console.log(`${what}: waited ${wait.toFixed(0)} of ${bound.toFixed(0)} ms, ${seconds.toFixed(1)} s${late}`);
    } catch (error) {
      failed += 1;
      console.log(`${what}: failed: ${(error as Error).message}`);
    }
  }
  const within = outcomes.filter(({ wait, bound }) => wait <= bound).length;
  console.log(distribution("wait in ms", outcomes.map(({ wait }) => wait)));
  console.log(distribution("wait - bound", outcomes.map(({ wait, bound }) => wait - bound)));
  console.log(`${within} of ${runs} waited no longer than the bound`);
  console.log(`${outcomes.length} passed, ${failed} failed`);
  return failed === 0 && within >= SHARE * runs;
}

function distribution(name: string, values: readonly number[]): string {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (q: number): string =>
    (sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? NaN).toFixed(0);
  return `${name}: least ${at(0)}, median ${at(0.5)}, 90 % ${at(0.9)}, 95 % ${at(0.95)}, most ${at(1)}`;
}

function mega(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1).padStart(4)} MB`;
}

/** The server, in a process; resolves with its port. */
async function startServer(): Promise<{ process: Deno.ChildProcess; port: number }> {
  const program = import.meta.resolve("./server.ts");
  const args = ["run", "--quiet", "--allow-all", "--unstable-net", program];
  const process = new Deno.Command(Deno.execPath(), { args, stdout: "piped" }).spawn();
  const lines = process.stdout.pipeThrough(new TextDecoderStream());
  const reader = lines.getReader();
  const { value } = await reader.read();
  const port = Number(/Listening on 127\.0\.0\.1:(\d+)/.exec(value ?? "")?.[1]);
  void (async () => {
    for (let part = await reader.read(); !part.done; part = await reader.read()) console.log(part.value.trimEnd());
  })();
  return { process, port };
}

async function main(args: readonly string[]): Promise<number> {
  const runs = Number(args[0] ?? 100);
  if (!Number.isInteger(runs) || runs < 1) {
    console.error(`soak: "${args[0]}" is no number of runs`);
    return 2;
  }
  const { process, port } = await startServer();
  const links = DELAYS.flatMap((delay) => ["--listen", "127.0.0.1:0", "--delay", String(delay)]);
  const shape = ["--rate", String(RATE), "--queue", "30"];
  const relay = new Child(["relay", "--to", `127.0.0.1:${port}`, ...links, ...shape]);
  try {
    await relay.waitFor(/(Relaying .*\n){2}/);
    const ports = [...relay.stdout.matchAll(/Relaying \S+:(\d+) to/g)].map((match) => Number(match[1]));
    return await soak(runs, { relay, ports }) ? 0 : 1;
  } finally {
    await relay.stop();
    process.kill("SIGKILL");
    await process.status;
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
