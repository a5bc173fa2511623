import { assert, assertEquals, assertRejects } from "@std/assert";
import type { QuicConn } from "./types.ts";
import { QuicEndpoint } from "./endpoint.ts";
import { echoAll, pattern, readAll, Server, SOCKETS, writeAll } from "./loopback_fixture_test.ts";

for (const socket of SOCKETS) {
  Deno.test(`connectQuic() ${socket}: echo, and what both ends know of the connection`, async () => {
    await using server = new Server({}, { hostname: "127.0.0.1", socket });
    const [client, served] = await server.pair({ serverName: "localhost", socket });
    assertEquals([client.protocol, served.protocol], ["test", "test"]);
    assertEquals(served.serverName, "localhost");
    assertEquals(client.remoteAddr, { transport: "udp", hostname: "127.0.0.1", port: server.port });
    assertEquals(served.remoteAddr.port, client.endpoint.addr.port);
    assertEquals([served.endpoint, server.endpoint.addr.port], [server.endpoint, server.port]);
    assertEquals(client.peerCertificates.length, 1);
    const exported = client.exportKeyingMaterial("EXPORTER-test", new Uint8Array(0), 32);
    assertEquals(served.exportKeyingMaterial("EXPORTER-test", new Uint8Array(0), 32), exported);
    const { readable, writable } = await client.createBidirectionalStream();
    await writeAll(writable, pattern(1000));
    const { value: theirs } = await served.incomingBidirectionalStreams.getReader().read();
    assertEquals([theirs!.readable.id, theirs!.writable.id], [readable.id, writable.id]);
    assertEquals(await readAll(theirs!.readable), pattern(1000));
    await writeAll(theirs!.writable, pattern(500, 9));
    assertEquals(await readAll(readable), pattern(500, 9));
    client.close();
    await Promise.all([client.closed, served.closed]);
  });

  Deno.test(`QuicSendStream ${socket}: 8 MB each way at once, unharmed`, async () => {
    await using server = new Server({}, { hostname: "127.0.0.1", socket });
    const served = echoAll(server.listener);
    const client = await server.connect({ socket });
    const data = pattern(8_000_000);
    const { readable, writable } = await client.createBidirectionalStream();
    const [, back] = await Promise.all([writeAll(writable, data), readAll(readable)]);
    assertEquals(back.length, data.length);
    assert(back.every((byte, i) => byte === data[i]));
    client.close();
    server.listener.stop();
    await served;
  });

  Deno.test(`QuicEndpoint ${socket}: 200 connections at once to one server`, async () => {
    // A machine with other work to do needs its time for so many handshakes: what counts is that all are served.
    const patient = { transport: { handshakeTimeout: 60_000, maxIdleTimeout: 90_000 } };
    await using server = new Server(patient, { hostname: "127.0.0.1", socket });
    const served = echoAll(server.listener);
    await using endpoint = new QuicEndpoint({ hostname: "127.0.0.1", socket });
    const talk = async (i: number): Promise<QuicConn> => {
      const conn = await server.connect({ endpoint, ...patient });
      const { readable, writable } = await conn.createBidirectionalStream();
      const [, back] = await Promise.all([writeAll(writable, pattern(3000, i)), readAll(readable)]);
      assertEquals(back, pattern(3000, i));
      return conn;
    };
    const conns = await Promise.all(Array.from({ length: 200 }, (_, i) => talk(i)));
    assertEquals(new Set(conns.map((conn) => conn.endpoint)).size, 1);
    for (const conn of conns) conn.close();
    server.listener.stop();
    await served;
  });

  Deno.test(`QuicEndpoint ${socket}: serves on several addresses`, async () => {
    const addresses = [{ hostname: "127.0.0.1" }, { hostname: "127.0.0.2" }, { hostname: "::1" }];
    await using server = new Server({}, { addresses, socket });
    const served = echoAll(server.listener);
    assertEquals(server.endpoint.addrs.map(({ hostname }) => hostname), ["127.0.0.1", "127.0.0.2", "::1"]);
    for (const { hostname, port } of server.endpoint.addrs) {
      const conn = await server.connect({ hostname, port, serverName: "localhost", socket });
      assertEquals(conn.remoteAddr.hostname, hostname);
      const { readable, writable } = await conn.createBidirectionalStream();
      await writeAll(writable, pattern(10));
      assertEquals(await readAll(readable), pattern(10));
      conn.close();
    }
    server.listener.stop();
    await served;
  });
}

Deno.test("QuicConn.updateKeys() changes the keys, and the connection goes on", async () => {
  await using server = new Server();
  const served = echoAll(server.listener);
  const client = await server.connect();
  for (let i = 0; i < 3; i += 1) {
    if (i > 0) client.updateKeys();
    const { readable, writable } = await client.createBidirectionalStream();
    await writeAll(writable, pattern(5000, i));
    assertEquals(await readAll(readable), pattern(5000, i));
  }
  assert(client.stats().keyUpdates >= 1);
  client.close();
  server.listener.stop();
  await served;
});

Deno.test("connectQuic() tries the addresses of a name until one answers", async () => {
  await using four = new Server({}, { hostname: "127.0.0.1" });
  const [client] = await four.pair({ hostname: "localhost" });
  assertEquals(client.remoteAddr.hostname, "127.0.0.1");
  client.close();
  await using six = new Server({}, { hostname: "::1" });
  const [other] = await six.pair({ hostname: "localhost" });
  assertEquals(other.remoteAddr.hostname, "::1");
  other.close();
  await Promise.all([client.closed, other.closed]);
});

Deno.test("connectQuic() reaches a server on all addresses over both families", async () => {
  await using server = new Server({}, {});
  const served = echoAll(server.listener);
  for (const hostname of ["127.0.0.1", "[::1]"]) {
    const conn = await server.connect({ hostname, serverName: "localhost" });
    const { readable, writable } = await conn.createBidirectionalStream();
    await writeAll(writable, pattern(5000));
    assertEquals(await readAll(readable), pattern(5000));
    conn.close();
  }
  server.listener.stop();
  await served;
});

Deno.test("connectQuic() shares an endpoint that also listens", async () => {
  await using one = new Server();
  await using two = new Server();
  const [client, served] = await one.pair({ endpoint: two.endpoint });
  assertEquals(served.remoteAddr.port, two.port);
  const [back] = await two.pair({ endpoint: one.endpoint });
  assertEquals(back.remoteAddr.port, two.port);
  client.close();
  back.close();
  await Promise.all([client.closed, back.closed]);
});

Deno.test("QuicEndpoint.close() ends what is on it, on both sides, and lets go of the port", async () => {
  const server = new Server();
  const { port } = server;
  const [client, served] = await server.pair();
  const waiting = server.listener.incoming();
  server.endpoint.close({ closeCode: 5, reason: "over" });
  await assertRejects(() => waiting, Error, "stopped");
  assertEquals(await served.closed, { closeCode: 5, reason: "over" });
  assertEquals(await client.closed, { closeCode: 5, reason: "over" });
  await server.endpoint.closed;
  assertEquals(server.endpoint.addr.port, port);
  await using again = new QuicEndpoint({ hostname: "127.0.0.1", port });
  assertEquals(again.addr.port, port);
  await assertRejects(() => server.connect({ endpoint: server.endpoint }), Error, "endpoint is closed");
});
