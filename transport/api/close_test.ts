import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import { ApplicationError, HandshakeError, IdleTimeoutError, TransportError } from "../base/errors.ts";
import { ALPN, pattern, Server, SOCKETS, writeAll } from "./loopback_fixture_test.ts";
import { connectQuic } from "./connect.ts";
import { openSocket } from "../io/open_socket.ts";

Deno.test("QuicConn.close() tells both ends code and reason", async () => {
  await using server = new Server();
  const [client, served] = await server.pair();
  served.close({ closeCode: 4321, reason: "enough" });
  assertEquals(await served.closed, { closeCode: 4321, reason: "enough" });
  assertEquals(await client.closed, { closeCode: 4321, reason: "enough" });
  await client.endpoint.closed;
});

Deno.test("QuicConn.close() settles everything that waits, on both ends", async () => {
  await using server = new Server();
  const [client, served] = await server.pair();
  const { readable, writable } = await client.createBidirectionalStream();
  const writer = writable.getWriter();
  const pending = [
    client.readDatagram(),
    readable.getReader().read(),
    writer.write(new Uint8Array(64 << 20)),
    served.readDatagram(),
  ];
  const results = Promise.allSettled(pending);
  const arrivals = served.incomingBidirectionalStreams.getReader();
  await arrivals.read();
  const next = arrivals.read();
  const uni = client.incomingUnidirectionalStreams.getReader().read();
  client.close({ closeCode: 9, reason: "" });
  client.close({ closeCode: 10, reason: "twice is once" });
  for (const result of await results) {
    assert(result.status === "rejected");
    assertInstanceOf(result.reason, ApplicationError);
    assertEquals(result.reason.code, 9);
  }
  assertEquals([(await next).done, (await uni).done], [true, true]);
  await assertRejects(() => client.createBidirectionalStream(), ApplicationError);
  await assertRejects(() => client.createUnidirectionalStream({ waitUntilAvailable: true }), ApplicationError);
  await assertRejects(() => client.sendDatagram(new Uint8Array(1)), ApplicationError);
  await assertRejects(() => writer.closed, ApplicationError);
  assertEquals(client.maxDatagramSize, 0);
});

Deno.test("QuicConn.close() refuses codes and reasons that cannot be", async () => {
  await using server = new Server();
  const [client] = await server.pair();
  assertThrows(() => client.close({ closeCode: -1, reason: "" }), RangeError, '"closeCode" is -1');
  assertThrows(() => client.close({ closeCode: 1.5, reason: "" }), RangeError, '"closeCode" is 1.5');
  assertThrows(() => client.close({ closeCode: 1, reason: 7 as unknown as string }), TypeError, '"reason"');
  client.close();
  await client.closed;
});

Deno.test("QuicReceiveStream still gives what had arrived when the peer closes", async () => {
  await using server = new Server();
  const [client, served] = await server.pair();
  const stream = await served.createUnidirectionalStream();
  await writeAll(stream, pattern(5000));
  served.close({ closeCode: 0, reason: "bye" });
  await client.closed;
  const { value } = await client.incomingUnidirectionalStreams.getReader().read();
  const back = new Uint8Array(await new Response(value).arrayBuffer());
  assertEquals(back, pattern(5000));
  await client.endpoint.closed;
});

Deno.test("connectQuic() rejects with HandshakeError when the certificate is not trusted", async () => {
  await using server = new Server();
  const accepted = assertRejects(() => server.listener.accept(), HandshakeError);
  const error = await assertRejects(() => server.connect({ caCerts: [] }), HandshakeError);
  assertEquals(error.byPeer, false);
  await accepted;
});

Deno.test("connectQuic() rejects with HandshakeError when the certificate is for another name", async () => {
  await using server = new Server();
  const accepted = assertRejects(() => server.listener.accept(), HandshakeError);
  await assertRejects(() => server.connect({ serverName: "other.example" }), HandshakeError, "other.example");
  await accepted;
});

Deno.test("connectQuic() lets a verifier decide, and trusts everyone when told to", async () => {
  await using server = new Server();
  const shown: [number, string][] = [];
  const [client] = await server.pair({
    caCerts: [],
    verifyCertificate: (chain, name) => void shown.push([chain.length, name]),
  });
  assertEquals(shown, [[1, "127.0.0.1"]]);
  const [other] = await server.pair({ caCerts: [], verifyCertificate: "insecure", serverName: "whatever.example" });
  const accepted = assertRejects(() => server.listener.accept(), HandshakeError);
  const refuse = (): never => {
    throw new Error("not today");
  };
  await assertRejects(() => server.connect({ verifyCertificate: refuse }), HandshakeError, "not today");
  await accepted;
  client.close();
  other.close();
  await Promise.all([client.closed, other.closed]);
});

Deno.test("connectQuic() and accept() reject when no protocol is shared", async () => {
  await using server = new Server();
  const accepted = assertRejects(() => server.listener.accept(), HandshakeError);
  const error = await assertRejects(() => server.connect({ alpnProtocols: ["other"] }), HandshakeError);
  assertEquals([error.byPeer, error.alert], [true, 120]);
  await accepted;
});

Deno.test("QuicConn.closed rejects with IdleTimeoutError when the peer falls silent", async () => {
  await using server = new Server({ maxIdleTimeout: 250 });
  const [client, served] = await server.pair();
  await assertRejects(() => client.closed, IdleTimeoutError);
  await assertRejects(() => served.closed, IdleTimeoutError);
  await assertRejects(() => client.createBidirectionalStream(), IdleTimeoutError);
  await client.endpoint.closed;
});

Deno.test("QuicConn stays open beyond the idle timeout with a keep-alive", async () => {
  await using server = new Server({ maxIdleTimeout: 500 });
  const [client, served] = await server.pair({ keepAliveInterval: 80 });
  const first = served.stats().packetsReceived;
  while (served.stats().packetsReceived < first + 9) await new Promise((resolve) => setTimeout(resolve, 10));
  client.close();
  assertEquals(await served.closed, { closeCode: 0, reason: "" });
});

Deno.test("connectQuic() rejects when nobody answers within the handshake timeout", async () => {
  const silent = openSocket({ hostname: "127.0.0.1" });
  const { port } = silent.local;
  silent.start({ onDatagram() {}, onDead() {} });
  const options = { hostname: "127.0.0.1", port, alpnProtocols: [ALPN], verifyCertificate: "insecure" } as const;
  await assertRejects(() => connectQuic({ ...options, transport: { handshakeTimeout: 50 } }), IdleTimeoutError);
  await silent.close();
});

Deno.test("connectQuic() gives up when its signal says so", async () => {
  const silent = openSocket({ hostname: "127.0.0.1" });
  const { port } = silent.local;
  const stop = new AbortController();
  silent.start({ onDatagram: () => stop.abort(new Error("changed my mind")), onDead() {} });
  const options = { hostname: "127.0.0.1", port, alpnProtocols: [ALPN], verifyCertificate: "insecure" } as const;
  await assertRejects(() => connectQuic({ ...options, signal: stop.signal }), Error, "changed my mind");
  await assertRejects(() => connectQuic({ ...options, signal: AbortSignal.abort() }), DOMException);
  await silent.close();
});

Deno.test("QuicIncoming.refuse() sends the client away at once", async () => {
  await using server = new Server();
  const refused = assertRejects(() => server.connect(), TransportError, "CONNECTION_REFUSED");
  const incoming = await server.listener.incoming();
  incoming.refuse();
  assertThrows(() => incoming.refuse(), TypeError);
  await refused;
});

for (const socket of SOCKETS) {
  Deno.test(`QuicConn ${socket}: disposal leaves nothing behind`, async () => {
    await using server = new Server({}, { hostname: "127.0.0.1", socket });
    {
      const accepted = server.listener.accept();
      await using client = await server.connect({ socket });
      await using served = await accepted;
      const { writable } = await client.createBidirectionalStream();
      const writer = writable.getWriter();
      writer.write(pattern(100_000)).catch(() => {});
      writer.closed.catch(() => {});
      assertEquals(served.protocol, ALPN);
    }
    const [again] = await server.pair({ socket });
    again.close();
    await again.closed;
  });
}

Deno.test("QuicSendStream.close() resolves when the peer has everything and closes with code 0 at once", async () => {
  await using server = new Server();
  const [client, conn] = await server.pair();
  const writer = (await client.createUnidirectionalStream()).getWriter();
  const arrivals = conn.incomingUnidirectionalStreams.getReader();
  const written = writer.write(new Uint8Array(300_000)).then(() => writer.close());
  const { value: readable } = await arrivals.read();
  assertEquals((await new Response(readable!).bytes()).length, 300_000);
  conn.close({ closeCode: 0, reason: "" });
  await written;
  await Promise.all([client.closed, conn.closed]);
});
