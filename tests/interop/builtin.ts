/**
 * Deno's built-in QUIC (quinn, rustls) as the peer: somebody else's idea of the same RFCs.
 *
 * @module
 */
import { type Credentials, selfSigned } from "../../cli/self_signed.ts";
import { connectQuic, type ConnectQuicOptions, type QuicConn, QuicEndpoint } from "../../mod.ts";

/** The application protocol of these tests. */
export const ALPN = "interop";
const LOOPBACK = "127.0.0.1";

/** For tests with the built-in peer, which leaves timers and operations of its own behind. */
export const FOREIGN: { readonly sanitizeOps: false; readonly sanitizeResources: false } = {
  sanitizeOps: false,
  sanitizeResources: false,
};

/** Two connected ends, ours and the built-in one. */
export interface Pair {
  readonly ours: QuicConn;
  readonly theirs: Deno.QuicConn;
}

let made: Promise<Credentials> | undefined;

/** A certificate that all tests of a process share. */
export function credentials(): Promise<Credentials> {
  made ??= selfSigned(["localhost", LOOPBACK]);
  return made;
}

/** Our server, for as long as it is used. */
export async function withOurServer(
  use: (port: number, listener: ReturnType<QuicEndpoint["listen"]>, cert: string) => Promise<void>,
  options: Partial<Parameters<QuicEndpoint["listen"]>[0]> = {},
): Promise<void> {
  const { cert, key } = await credentials();
  const endpoint = new QuicEndpoint({ hostname: LOOPBACK, port: 0 });
  try {
    const listener = endpoint.listen({ cert, key, alpnProtocols: [ALPN], ...options });
    await use(endpoint.addr.port, listener, options.cert ?? cert);
  } finally {
    endpoint.close();
    await endpoint.closed;
  }
}

/** The built-in server, for as long as it is used. */
export async function withBuiltinServer(
  use: (port: number, listener: Deno.QuicListener, cert: string) => Promise<void>,
  options: Partial<Deno.QuicListenOptions> = {},
): Promise<void> {
  const { cert, key } = await credentials();
  const endpoint = new Deno.QuicEndpoint({ hostname: LOOPBACK, port: 0 });
  try {
    const listener = endpoint.listen({ cert, key, alpnProtocols: [ALPN], ...options });
    await use(endpoint.addr.port, listener, options.cert ?? cert);
    listener.stop();
  } finally {
    endpoint.close({ closeCode: 0, reason: "" });
  }
}

/** Our client. */
export function connectOurs(port: number, cert: string, options: Partial<ConnectQuicOptions> = {}): Promise<QuicConn> {
  return connectQuic({ hostname: LOOPBACK, port, alpnProtocols: [ALPN], caCerts: [cert], ...options });
}

/** The built-in client. */
export async function connectBuiltin(
  port: number,
  cert: string,
  options: Partial<Deno.ConnectQuicOptions<false>> = {},
): Promise<Deno.QuicConn> {
  return await Deno.connectQuic({
    hostname: LOOPBACK,
    port,
    serverName: "localhost",
    alpnProtocols: [ALPN],
    caCerts: [cert],
    ...options,
  });
}

/** Runs with a connection between our client and the built-in server, then with one the other way round. */
export async function inBothRoles(use: (pair: Pair, ourRole: "client" | "server") => Promise<void>): Promise<void> {
  await withBuiltinServer(async (port, listener, cert) => {
    const [theirs, ours] = await Promise.all([listener.accept(), connectOurs(port, cert)]);
    await use({ ours, theirs }, "client");
    ours.close();
    await settled(theirs.closed);
  });
  await withOurServer(async (port, listener, cert) => {
    const [ours, theirs] = await Promise.all([listener.accept(), connectBuiltin(port, cert)]);
    await use({ ours, theirs }, "server");
    // Not the other end: it loses its CONNECTION_CLOSE when its pacer holds data back just then, and we would wait 30 s.
    ours.close();
    await settled(theirs.closed);
  });
}

/** Waits for a promise and does not mind how it ends. */
export async function settled(promise: Promise<unknown>): Promise<void> {
  await promise.catch(() => {});
}

/** Bytes that depend on their place and on a seed, so that a swapped or repeated piece shows. */
export function pattern(length: number, seed: number): Uint8Array<ArrayBuffer> {
  const words = new Uint32Array(Math.ceil(length / 4));
  let state = (seed | 1) >>> 0;
  for (let at = 0; at < words.length; at += 1) {
    state ^= state << 13;
    state ^= state >>> 17;
    state = (state ^ (state << 5)) >>> 0;
    words[at] = state;
  }
  return new Uint8Array(words.buffer, 0, length);
}

/** Reads a stream to its end. */
export async function readAll(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  return new Uint8Array(await new Response(stream as ReadableStream<Uint8Array<ArrayBuffer>>).arrayBuffer());
}

/** Writes everything and ends the stream. */
export async function writeAll(stream: WritableStream<Uint8Array>, data: Uint8Array): Promise<void> {
  const writer = stream.getWriter();
  const piece = 65_536;
  for (let at = 0; at < data.length; at += piece) await writer.write(data.subarray(at, at + piece));
  await writer.close();
}
