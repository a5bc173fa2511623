import { assert, assertEquals, assertRejects } from "@std/assert";
import { ApplicationError } from "../base/errors.ts";
import { DatagramInbox } from "./inbox.ts";
import { pattern, Server, SOCKETS } from "./loopback_fixture_test.ts";

for (const socket of SOCKETS) {
  Deno.test(`QuicConn.sendDatagram() ${socket}: datagrams arrive whole and in their own copies`, async () => {
    await using server = new Server({}, { hostname: "127.0.0.1", socket });
    const [client, served] = await server.pair({ socket });
    const data = pattern(1000);
    await client.sendDatagram(data);
    data.fill(0);
    assertEquals(await served.readDatagram(), pattern(1000));
    await served.sendDatagram(new Uint8Array(0));
    assertEquals(await client.readDatagram(), new Uint8Array(0));
    const largest = pattern(client.maxDatagramSize);
    assert(largest.length > 1000);
    await client.sendDatagram(largest);
    assertEquals(await served.readDatagram(), largest);
    const waiting = [served.readDatagram(), served.readDatagram()];
    await client.sendDatagram(new Uint8Array([1]));
    await client.sendDatagram(new Uint8Array([2]));
    assertEquals((await Promise.all(waiting)).map(([first]) => first), [1, 2]);
    client.close();
    await Promise.all([client.closed, served.closed]);
  });
}

Deno.test("QuicConn.sendDatagram() refuses what is no datagram or too large", async () => {
  await using server = new Server();
  const [client] = await server.pair();
  const size = client.maxDatagramSize + 1;
  await assertRejects(() => client.sendDatagram(new Uint8Array(size)), RangeError, `expected at most ${size - 1}`);
  await assertRejects(() => client.sendDatagram("x" as unknown as Uint8Array), TypeError, '"data"');
  client.close();
  await client.closed;
});

Deno.test("QuicConn.sendDatagram() says that a peer takes none", async () => {
  await using server = new Server({ transport: { maxDatagramFrameSize: 0 } });
  const [client] = await server.pair();
  assertEquals(client.maxDatagramSize, 0);
  await assertRejects(() => client.sendDatagram(new Uint8Array(1)), RangeError, "expected at most 0");
  client.close();
  await client.closed;
});

Deno.test("QuicConn.sendDatagram() waits while the queue is full, and all that wait are sent", async () => {
  await using server = new Server();
  const [client, served] = await server.pair();
  let received = 0;
  const reading = (async () => {
    try {
      while (true) received += (await served.readDatagram()).length > 0 ? 1 : 0;
    } catch (error) {
      return error;
    }
  })();
  const total = 3000;
  await Promise.all(Array.from({ length: total }, () => client.sendDatagram(new Uint8Array(1000).fill(1))));
  while (client.stats().paths[0]!.inFlight > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  client.close();
  assert(await reading instanceof ApplicationError);
  assert(received > total / 2, `${received} of ${total} arrived`);
});

Deno.test("DatagramInbox keeps the newest when nobody reads, and what it has after the end", async () => {
  const inbox = new DatagramInbox();
  for (let i = 0; i < 3000; i += 1) inbox.push(new Uint8Array(1000).fill(i & 255));
  inbox.close(new Error("over"));
  const first = await inbox.read();
  assert(first[0] !== 0, "the oldest is still there");
  let count = 1;
  const error = await assertRejects(async () => {
    while (true) {
      await inbox.read();
      count += 1;
    }
  }, Error);
  assertEquals(error.message, "over");
  assert(count > 500 && count < 1100, `${count} were kept`);
});
