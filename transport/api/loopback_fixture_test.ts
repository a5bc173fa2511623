/**
 * A server and clients on loopback, for the tests of this folder.
 *
 * @module
 */
import { WORLD_CERTIFICATE, WORLD_KEY } from "../../tests/kit/identity.ts";
import type { SocketName } from "../io/socket.ts";
import { connectQuic } from "./connect.ts";
import { QuicEndpoint } from "./endpoint.ts";
import type { ConnectQuicOptions, QuicConn, QuicEndpointOptions, QuicListener, QuicListenOptions } from "./types.ts";

/** Both kinds of sockets. */
export const SOCKETS: readonly SocketName[] = ["deno", "node"];
/** The application protocol of these tests. */
export const ALPN = "test";

/** The server's certificate and key. */
export const IDENTITY: { readonly cert: string; readonly key: string } = { cert: WORLD_CERTIFICATE, key: WORLD_KEY };

/** A listening endpoint on 127.0.0.1, or elsewhere. */
export class Server implements AsyncDisposable {
  readonly endpoint: QuicEndpoint;
  readonly listener: QuicListener;

  constructor(options: Partial<QuicListenOptions> = {}, endpoint: QuicEndpointOptions = { hostname: "127.0.0.1" }) {
    this.endpoint = new QuicEndpoint(endpoint);
    this.listener = this.endpoint.listen({
      ...IDENTITY,
      alpnProtocols: [ALPN],
      ...options,
    });
  }

  get port(): number {
    return this.endpoint.addr.port;
  }

  connect(options: Partial<ConnectQuicOptions> = {}): Promise<QuicConn> {
    return connectQuic({
      hostname: "127.0.0.1",
      port: this.port,
      alpnProtocols: [ALPN],
      caCerts: [WORLD_CERTIFICATE],
      ...options,
    });
  }

  /** Both ends of a new connection. */
  async pair(options: Partial<ConnectQuicOptions> = {}): Promise<[client: QuicConn, server: QuicConn]> {
    return await Promise.all([this.connect(options), this.listener.accept()]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.endpoint[Symbol.asyncDispose]();
  }
}

/** Sends back what comes on every bidirectional stream, until the connection ends. */
export async function echo(conn: QuicConn): Promise<void> {
  const streams: Promise<void>[] = [];
  try {
    for await (const { readable, writable } of conn.incomingBidirectionalStreams) {
      streams.push(readable.pipeTo(writable).catch(() => {}));
    }
  } catch {
    // The connection failed; the test looks at that itself.
  }
  await Promise.all(streams);
}

/** Lets everyone in and sends back what they send, until the listener is stopped. */
export async function echoAll(listener: QuicListener): Promise<void> {
  const conns: Promise<void>[] = [];
  for await (const incoming of listener) {
    conns.push(incoming.accept().then(echo, () => {}));
  }
  await Promise.all(conns);
}

/** Bytes that depend on where they are. */
export function pattern(length: number, seed = 0): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 31 + (i >> 8) * 7 + seed) & 255);
}

/** Writes all of it and ends the stream. */
export async function writeAll(writable: WritableStream<Uint8Array>, data: Uint8Array, chunk = 65_536): Promise<void> {
  const writer = writable.getWriter();
  for (let at = 0; at < data.length; at += chunk) await writer.write(data.subarray(at, at + chunk));
  await writer.close();
}

/** Reads to the end. */
export async function readAll(readable: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  for await (const chunk of readable) chunks.push(chunk as Uint8Array<ArrayBuffer>);
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}
