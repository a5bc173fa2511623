import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { HandshakeError } from "../base/errors.ts";
import { ALPN, IDENTITY, pattern, readAll, Server, writeAll } from "./loopback_fixture_test.ts";

Deno.test("QuicListener gives clients in the order in which they came", async () => {
  await using server = new Server();
  const first = await server.pair();
  const second = await server.pair();
  assertEquals([first, second].map(([client, served]) => client.endpoint.addr.port === served.remoteAddr.port), [
    true,
    true,
  ]);
  for (const [client] of [first, second]) client.close();
  await Promise.all([first[1].closed, second[1].closed]);
});

Deno.test("QuicIncoming says who it is", async () => {
  await using server = new Server();
  const connecting = server.connect();
  const incoming = await server.listener.incoming();
  assertEquals(incoming.localIp, "127.0.0.1");
  assertEquals([incoming.remoteAddr.transport, incoming.remoteAddr.hostname], ["udp", "127.0.0.1"]);
  assertEquals(incoming.remoteAddressValidated, false);
  const served = await incoming.accept();
  const client = await connecting;
  assertEquals(incoming.remoteAddr.port, client.endpoint.addr.port);
  assertThrows(() => incoming.ignore(), TypeError);
  await assertRejects(() => incoming.accept(), TypeError);
  client.close();
  await served.closed;
});

Deno.test("QuicListenOptions.retry makes clients prove their address", async () => {
  await using server = new Server({ retry: true });
  const connecting = server.connect();
  const incoming = await server.listener.incoming();
  assertEquals(incoming.remoteAddressValidated, true);
  const served = await incoming.accept();
  const client = await connecting;
  const { readable, writable } = await client.createBidirectionalStream();
  await writeAll(writable, pattern(10));
  const { value } = await served.incomingBidirectionalStreams.getReader().read();
  assertEquals(await readAll(value!.readable), pattern(10));
  await value!.writable.close();
  assertEquals(await readAll(readable), new Uint8Array(0));
  client.close();
  await served.closed;
});

Deno.test("QuicIncoming.accept() takes protocols and limits of its own, and does not wait with zeroRtt", async () => {
  await using server = new Server();
  const connecting = server.connect({ alpnProtocols: ["special"] });
  const incoming = await server.listener.incoming();
  const served = incoming.accept({
    alpnProtocols: ["special"],
    zeroRtt: true,
    maxConcurrentBidirectionalStreams: 1,
  });
  await served.handshake;
  const client = await connecting;
  assertEquals([served.protocol, client.protocol], ["special", "special"]);
  await client.createBidirectionalStream();
  await assertRejects(() => client.createBidirectionalStream());
  const refused = assertRejects(() => server.connect({ alpnProtocols: ["special"] }), HandshakeError);
  await assertRejects(() => server.listener.accept(), HandshakeError);
  await refused;
  client.close();
  await served.closed;
});

Deno.test("QuicIncoming.ignore() does not answer; the client asks again", async () => {
  await using server = new Server();
  const connecting = server.connect({ transport: { initialRtt: 20 } });
  (await server.listener.incoming()).ignore();
  const served = await server.listener.accept();
  const client = await connecting;
  client.close();
  await served.closed;
});

Deno.test("QuicListener does not show a client twice while it waits", async () => {
  await using server = new Server();
  const connecting = server.connect({ transport: { initialRtt: 5 } });
  const incoming = await server.listener.incoming();
  let second = false;
  server.listener.incoming().then(() => second = true, () => {});
  await new Promise((resolve) => setTimeout(resolve, 60));
  const served = await incoming.accept();
  const client = await connecting;
  assertEquals(second, false);
  client.close();
  await served.closed;
});

Deno.test("QuicListener.stop() ends loops, rejects who waits, and refuses clients; connections go on", async () => {
  await using server = new Server();
  const seen: string[] = [];
  const loop = (async () => {
    for await (const incoming of server.listener) {
      seen.push(incoming.localIp);
      await incoming.accept();
    }
  })();
  const client = await server.connect();
  server.listener.stop();
  server.listener.stop();
  await loop;
  await assertRejects(() => server.listener.accept(), Error, "stopped");
  await assertRejects(() => server.connect(), Error, "CONNECTION_REFUSED");
  assertEquals(seen, ["127.0.0.1"]);
  await client.sendDatagram(new Uint8Array(1));
  const again = server.endpoint.listen({ ...IDENTITY, alpnProtocols: [ALPN] });
  const [other] = await Promise.all([server.connect(), again.accept()]);
  other.close();
  client.close();
  await Promise.all([client.closed, other.closed]);
});
