import { assert, assertEquals } from "@std/assert";
import { connectQuic, type QuicConn, QuicEndpoint, type QuicListener } from "../../mod.ts";
import type { TransportConfig } from "../../transport/connection/config.ts";
import { WORLD_CERTIFICATE, WORLD_KEY } from "../kit/identity.ts";
import { pattern, transfer } from "./relayed.ts";

const ALPN = ["test"];
const DATA = pattern(500_000);
/** Fifty handshakes in one instant take a busy machine a while. */
const PATIENT: TransportConfig = { handshakeTimeout: 60_000 };

function listen(endpoint: QuicEndpoint, transport: TransportConfig = {}): QuicListener {
  return endpoint.listen({
    cert: WORLD_CERTIFICATE,
    key: WORLD_KEY,
    alpnProtocols: ALPN,
    mode: "round-robin",
    transport,
  });
}

function connect(port: number, more: Partial<Parameters<typeof connectQuic>[0]> = {}): Promise<QuicConn> {
  const roots = [WORLD_CERTIFICATE];
  return connectQuic({
    hostname: "127.0.0.1",
    port,
    alpnProtocols: ALPN,
    caCerts: roots,
    mode: "round-robin",
    ...more,
  });
}

Deno.test("A server on two addresses: paths to both carry data", async () => {
  await using endpoint = new QuicEndpoint({ addresses: [{ hostname: "127.0.0.1" }, { hostname: "127.0.0.9" }] });
  const listener = listen(endpoint);
  const remote = `127.0.0.9:${endpoint.addrs[1]!.port}`;
  const paths = [{ local: "127.0.0.1" }, { local: "127.0.0.2", remote }];
  const [client, served] = await Promise.all([connect(endpoint.addr.port, { paths }), listener.accept()]);
  await client.paths[1]!.ready;
  assertEquals(served.paths[1]!.local, endpoint.addrs[1]);
  assertEquals(client.paths.map((path) => path.remote), [...endpoint.addrs]);
  await served.paths[1]!.ready;
  assertEquals(await transfer(served, client, DATA), DATA);
  assertEquals(await transfer(client, served, DATA), DATA);
  for (const { bytesSent, bytesReceived } of client.stats().paths) assert(bytesSent > 50_000 && bytesReceived > 50_000);
  // From the first path's address to the server's second is another path again.
  const cross = await client.openPath({ remote: { hostname: "127.0.0.9", port: endpoint.addrs[1]!.port } });
  assertEquals([cross.id, cross.local], [2, client.paths[0]!.local]);
  client.close();
  await client.endpoint.closed;
});

Deno.test("Fifty connections with two paths each: all move data on both, and all sockets end", async () => {
  const endpoint = new QuicEndpoint({ hostname: "127.0.0.1" });
  const listener = listen(endpoint, PATIENT);
  const data = DATA.subarray(0, 60_000);
  const serving: Promise<void>[] = [];
  const accepting = (async () => {
    for (let i = 0; i < 50; i += 1) serving.push(answer(await listener.accept()));
  })();
  const clients = Array.from({ length: 50 }, async (_, i) => {
    const paths = [{ local: "127.0.0.1" }, { local: `127.0.0.${i + 2}` }];
    const conn = await connect(endpoint.addr.port, { paths, transport: PATIENT });
    try {
      await conn.paths[1]!.ready;
      await useAll(conn, data);
    } finally {
      conn.close();
      await conn.endpoint.closed;
    }
  });
  try {
    await Promise.all([accepting, ...clients]);
  } finally {
    // A server that missed a CONNECTION_CLOSE, as its socket was full, would wait until it is idle.
    endpoint.close();
    await Promise.allSettled([...clients, ...serving]);
    await endpoint.closed;
  }
});

/**
 * Sends data to and fro until some came on every path. An end that found a path slow, or silent, while all fifty shook hands may
 * come back to it only after PTOs of what it measured then.
 */
async function useAll(conn: QuicConn, data: Uint8Array): Promise<void> {
  const until = performance.now() + 60_000;
  for (let round = 0; leastReceived(conn) < 10_000; round += 1) {
    assert(performance.now() < until, `${leastReceived(conn)} bytes after ${round} rounds`);
    await roundTrip(conn, data);
    if (round >= 20) await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Sends back what comes, until the connection ends, however it does: the client says what was wrong. */
async function answer(conn: QuicConn): Promise<void> {
  try {
    for await (const { readable, writable } of conn.incomingBidirectionalStreams) await readable.pipeTo(writable);
  } catch {
    await conn.closed.catch(() => {});
  }
}

async function roundTrip(conn: QuicConn, data: Uint8Array): Promise<void> {
  const { readable, writable } = await conn.createBidirectionalStream();
  const writer = writable.getWriter();
  const [back] = await Promise.all([new Response(readable).bytes(), writer.write(data).then(() => writer.close())]);
  assertEquals(back, data);
}

/** Bytes that came on the path on which the fewest did. */
function leastReceived(conn: QuicConn): number {
  return Math.min(...conn.stats().paths.map(({ bytesReceived }) => bytesReceived));
}

Deno.test("One endpoint for ten connections with two paths each shares the sockets, which end with the last of them", async () => {
  await using endpoint = new QuicEndpoint({ hostname: "127.0.0.1" });
  const listener = listen(endpoint);
  await using shared = new QuicEndpoint({ addresses: [] });
  const paths = [{ local: "127.0.0.1" }, { local: "127.0.0.2" }];
  const pairs = await Promise.all(Array.from({ length: 10 }, () =>
    Promise.all([
      connect(endpoint.addr.port, { endpoint: shared, paths }),
      listener.accept(),
    ])));
  await Promise.all(pairs.flatMap(([client]) => client.paths.map(({ ready }) => ready)));
  assertEquals(shared.addrs.length, 2);
  for (const [client] of pairs) client.close();
  while (shared.addrs.length > 0) await new Promise((resolve) => setTimeout(resolve, 10));
  const [again] = await Promise.all([connect(endpoint.addr.port, { endpoint: shared, paths }), listener.accept()]);
  assertEquals(shared.addrs.length, 2);
  again.close();
});
