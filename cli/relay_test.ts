import { assert, assertEquals } from "@std/assert";
import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { once } from "node:events";
import { openRelay, type Relay } from "./relay.ts";
import type { LinkShape } from "./relay_link.ts";

const PLAIN: LinkShape = { rate: Infinity, delay: 0, queue: Infinity };

interface Host {
  readonly socket: Socket;
  readonly port: number;
  /** The next datagram, as text, with the port it came from. */
  next(): Promise<{ text: string; port: number }>;
}

async function host(): Promise<Host> {
  const socket = createSocket("udp4");
  socket.bind({ address: "127.0.0.1", port: 0 });
  await once(socket, "listening");
  const waiting: { text: string; port: number }[] = [];
  let wanted: ((got: { text: string; port: number }) => void) | undefined;
  socket.on("message", (data: Uint8Array, { port }: RemoteInfo) => {
    const got = { text: new TextDecoder().decode(data), port };
    if (wanted === undefined) waiting.push(got);
    else wanted(got);
    wanted = undefined;
  });
  return {
    socket,
    port: socket.address().port,
    next: () => {
      const got = waiting.shift();
      return got === undefined ? new Promise((resolve) => wanted = resolve) : Promise.resolve(got);
    },
  };
}

async function withRelay(
  up: LinkShape,
  down: LinkShape,
  use: (relay: Relay, client: Host, server: Host) => Promise<void>,
): Promise<void> {
  const [client, server] = await Promise.all([host(), host()]);
  const relay = await openRelay({
    listen: { hostname: "127.0.0.1", port: 0 },
    server: { hostname: "127.0.0.1", port: server.port },
    up,
    down,
  });
  try {
    await use(relay, client, server);
  } finally {
    await relay.close();
    client.socket.close();
    server.socket.close();
  }
}

function send(from: Host, text: string, port: number): void {
  from.socket.send(text, port, "127.0.0.1");
}

const OPTIONS = { sanitizeOps: false, sanitizeResources: false };

Deno.test("Relay carries datagrams both ways and counts them", OPTIONS, async () => {
  await withRelay(PLAIN, PLAIN, async (relay, client, server) => {
    send(client, "hello", relay.address.port);
    const hello = await server.next();
    assertEquals(hello.text, "hello");
    assert(hello.port !== client.port);
    send(server, "you too", hello.port);
    assertEquals(await client.next(), { text: "you too", port: relay.address.port });
    assertEquals(relay.counts.up, { datagrams: 1, bytes: 5, dropped: 0, swallowed: 0 });
    assertEquals(relay.counts.down.bytes, 7);
  });
});

Deno.test("Relay.rebind() comes from another port, and answers to it find the client", OPTIONS, async () => {
  await withRelay(PLAIN, PLAIN, async (relay, client, server) => {
    send(client, "one", relay.address.port);
    const one = await server.next();
    await relay.rebind();
    send(client, "two", relay.address.port);
    const two = await server.next();
    assert(one.port !== two.port);
    send(server, "back", two.port);
    assertEquals((await client.next()).text, "back");
  });
});

Deno.test("Relay.setDead() swallows silently until it is taken back", OPTIONS, async () => {
  await withRelay(PLAIN, PLAIN, async (relay, client, server) => {
    send(client, "a", relay.address.port);
    await server.next();
    relay.setDead(true);
    send(client, "b", relay.address.port);
    while (relay.counts.up.swallowed === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    relay.setDead(false);
    send(client, "c", relay.address.port);
    assertEquals((await server.next()).text, "c");
  });
});

Deno.test("Relay keeps its rate and delay", OPTIONS, async () => {
  const shape: LinkShape = { rate: 20, delay: 15, queue: 1000 };
  await withRelay(shape, shape, async (relay, client, server) => {
    const count = 200;
    const started = performance.now();
    for (let n = 0; n < count; n += 1) {
      client.socket.send(new Uint8Array(1222), relay.address.port, "127.0.0.1");
      if (n % 20 === 19) await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await server.next();
    const first = performance.now() - started;
    for (let n = 1; n < count; n += 1) await server.next();
    const last = performance.now() - started;
    // 0.5 ms each on the wire, 15 ms of delay. Never early; late by what timers and the machine make.
    assert(first >= 15 && last >= 114, `first after ${first} ms, last after ${last} ms`);
    assert(last < 2000, `last after ${last} ms`);
  });
});
