/**
 * One end of a measurement, in a process of its own: `peer.ts server|bulk|two-paths|handshakes IMPLEMENTATION [PORT CERTIFICATE AMOUNT]`.
 * Says what it measured in lines of JSON; a server ends with its standard input.
 *
 * @module
 */
import process from "node:process";
import { selfSigned } from "../../cli/self_signed.ts";
import { connectQuic, QuicEndpoint } from "../../mod.ts";
import type { Bulk, Handshakes, Implementation, Side } from "./figures.ts";

const ALPN = "bench";
const LOOPBACK = "127.0.0.1";
/** Bytes of one write, the same for all. */
const PIECE = 65_536;

/** What the built-in API and ours have in common, as far as it is used here. */
type Conn = Pick<Deno.QuicConn, "close" | "createBidirectionalStream" | "incomingBidirectionalStreams">;

interface Server {
  readonly port: number;
  accept(): Promise<Conn>;
}

function openServer(implementation: Implementation, cert: string, key: string): Server {
  const options = { cert, key, alpnProtocols: [ALPN] };
  if (implementation === "built-in") {
    const endpoint = new Deno.QuicEndpoint({ hostname: LOOPBACK, port: 0 });
    const listener = endpoint.listen(options);
    return { port: endpoint.addr.port, accept: () => listener.accept() };
  }
  const endpoint = new QuicEndpoint({ hostname: LOOPBACK, port: 0, socket: implementation });
  const listener = endpoint.listen(options);
  return { port: endpoint.addr.port, accept: () => listener.accept() as unknown as Promise<Conn> };
}

/** Makes connections, all from one endpoint. */
function openClient(implementation: Implementation, port: number, cert: string): () => Promise<Conn> {
  const options = { hostname: LOOPBACK, port, alpnProtocols: [ALPN], caCerts: [cert], serverName: "localhost" };
  if (implementation === "built-in") {
    const endpoint = new Deno.QuicEndpoint({ hostname: LOOPBACK, port: 0 });
    return async () => await Deno.connectQuic({ ...options, endpoint });
  }
  const endpoint = new QuicEndpoint({ hostname: LOOPBACK, port: 0, socket: implementation });
  return async () => await connectQuic({ ...options, endpoint }) as unknown as Conn;
}

/** Makes one of ours over two paths, of which neither is a limit. */
function openTwoPaths(port: number, cert: string): () => Promise<Conn> {
  return async () => {
    const conn = await connectQuic({
      hostname: LOOPBACK,
      port,
      alpnProtocols: [ALPN],
      caCerts: [cert],
      serverName: "localhost",
      paths: [{ local: LOOPBACK }, { local: "127.0.0.2" }],
    });
    await Promise.all(conn.paths.map((path) => path.ready));
    return conn as unknown as Conn;
  };
}

function seconds({ user, system }: { user: number; system: number }): number {
  return (user + system) / 1e6;
}

function side(cpuSince: ReturnType<typeof process.cpuUsage>): Side {
  return { cpuSeconds: seconds(process.cpuUsage(cpuSince)), peakBytes: peakBytes() };
}

/** The highest resident memory of this process. Linux's `getrusage` would tell that of the parent if it was higher. */
function peakBytes(): number {
  try {
    const kilobytes = /VmHWM:\s+(\d+) kB/.exec(Deno.readTextFileSync("/proc/self/status"))?.[1];
    if (kilobytes !== undefined) return Number(kilobytes) * 1024;
  } catch {
    // Not Linux.
  }
  return process.resourceUsage().maxRSS * 1024;
}

/** Takes in a stream and answers, as JSON, with what that took. */
async function swallow({ readable, writable }: Deno.QuicBidirectionalStream): Promise<void> {
  const before = process.cpuUsage();
  for await (const _ of readable);
  const writer = writable.getWriter();
  await writer.write(new TextEncoder().encode(JSON.stringify(side(before))));
  await writer.close();
}

async function serve(implementation: Implementation): Promise<void> {
  const { cert, key } = await selfSigned(["localhost", LOOPBACK]);
  const server = openServer(implementation, cert, key);
  console.log(JSON.stringify({ port: server.port, cert }));
  void (async () => {
    while (true) {
      const conn = await server.accept().catch(() => undefined);
      if (conn !== undefined) void serveConn(conn);
    }
  })();
  for await (const _ of Deno.stdin.readable);
  Deno.exit(0);
}

async function serveConn(conn: Conn): Promise<void> {
  try {
    for await (const stream of conn.incomingBidirectionalStreams) void swallow(stream).catch(() => {});
  } catch {
    // The client has closed the connection.
  }
}

async function bulk(connect: () => Promise<Conn>, bytes: number): Promise<Bulk> {
  const conn = await connect();
  const { readable, writable } = await conn.createBidirectionalStream();
  const before = process.cpuUsage();
  const startedAt = performance.now();
  const writer = writable.getWriter();
  const piece = new Uint8Array(PIECE).fill(0x5a);
  for (let left = bytes; left > 0; left -= PIECE) await writer.write(left < PIECE ? piece.subarray(0, left) : piece);
  writer.close().catch(() => {});
  const answer = await new Response(readable).text();
  const time = (performance.now() - startedAt) / 1000;
  const client = side(before);
  conn.close({ closeCode: 0, reason: "" });
  return { megabytesPerSecond: bytes / 1e6 / time, client, server: JSON.parse(answer) as Side };
}

async function handshakes(connect: () => Promise<Conn>, count: number): Promise<Handshakes> {
  // The first one pays for what is loaded and compiled once.
  for (let n = 0; n < 20; n += 1) (await connect()).close({ closeCode: 0, reason: "" });
  const before = process.cpuUsage();
  const startedAt = performance.now();
  for (let n = 0; n < count; n += 1) (await connect()).close({ closeCode: 0, reason: "" });
  const time = (performance.now() - startedAt) / 1000;
  return { perSecond: count / time, clientCpuMs: seconds(process.cpuUsage(before)) * 1000 / count };
}

if (import.meta.main) {
  const [role, name, port, cert, amount] = Deno.args;
  const implementation = name as Implementation;
  if (role === "server") await serve(implementation);
  const connect = role === "two-paths"
    ? openTwoPaths(Number(port), cert!)
    : openClient(implementation, Number(port), cert!);
  const result = role === "handshakes"
    ? await handshakes(connect, Number(amount))
    : await bulk(connect, Number(amount));
  console.log(JSON.stringify(result));
  Deno.exit(0);
}
