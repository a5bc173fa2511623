import { assert, assertEquals } from "@std/assert";
import { setImmediate } from "node:timers";
import type { Address } from "../base/address.ts";
import type { ConnectionHandler } from "./driven.ts";
import { Driver } from "./driver.ts";
import { type FakeConnection, FakeEndpoint, type FakeEvent, FakeSocket } from "./fakes.ts";
import { openSocket } from "./open_socket.ts";
import type { SocketName } from "./socket.ts";

const PEER: Address = { hostname: "127.0.0.1", port: 9 };

/** As often as the event loop comes round. */
async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) await new Promise<void>((resolve) => setImmediate(resolve));
}

interface Bench {
  endpoint: FakeEndpoint;
  driver: Driver<FakeConnection, Address, FakeEvent>;
  socket: FakeSocket;
  incoming: Address[];
  dead: Error[];
}

function bench(clock?: () => number): Bench {
  const endpoint = new FakeEndpoint();
  const incoming: Address[] = [];
  const dead: Error[] = [];
  const handler = { onIncoming: (each: Address) => incoming.push(each), onDead: (error: Error) => dead.push(error) };
  const driver = new Driver<FakeConnection, Address, FakeEvent>(endpoint, handler, clock);
  const socket = new FakeSocket("127.0.0.1", 1);
  driver.addSocket(socket);
  return { endpoint, driver, socket, incoming, dead };
}

function collecting(): ConnectionHandler<FakeEvent> & { events: FakeEvent[] } {
  const events: FakeEvent[] = [];
  return { events, onEvent: (event) => events.push(event) };
}

Deno.test("Driver delivers what arrived in one batch before it sends, and then sends once", async () => {
  const { endpoint, driver, socket } = bench();
  const connection = endpoint.connect(socket.local, PEER);
  let seen = 0;
  driver.attach(connection, {
    onEvent() {
      seen += 1;
      connection.outbox = [new Uint8Array([seen])];
    },
  });
  await turns(1);
  for (let i = 0; i < 10; i += 1) socket.arrive(new Uint8Array(100), PEER);
  await turns(1);
  assertEquals(seen, 10);
  assertEquals(socket.sent.map(({ data }) => [...data]), [[10]]);
  await driver.close();
});

Deno.test("Driver cuts a train into its datagrams", async () => {
  const { endpoint, driver, socket } = bench();
  const connection = endpoint.connect(socket.local, PEER);
  connection.train = 5;
  connection.queue(4);
  connection.outbox.push(new Uint8Array(7));
  driver.attach(connection, collecting());
  await turns(1);
  await turns(1);
  assertEquals(socket.sent.map(({ data }) => data.length), [1200, 1200, 1200, 1200, 7]);
  await driver.close();
});

Deno.test("Driver lets connections take turns, a burst each", async () => {
  const { endpoint, driver, socket } = bench();
  const peers = [11, 12, 13].map((port) => ({ hostname: "127.0.0.1", port }));
  for (const peer of peers) {
    const connection = endpoint.connect(socket.local, peer);
    connection.queue(100);
    driver.attach(connection, collecting());
  }
  await turns(60);
  assertEquals(socket.sent.length, 300);
  const ports = socket.sent.map(({ remote }) => remote.port);
  let longest = 0;
  for (let from = 0, to = 0; to <= ports.length; to += 1) {
    if (ports[to] === ports[from]) continue;
    longest = Math.max(longest, to - from);
    from = to;
  }
  assert(longest <= 40, `${longest} in a row`);
  assert(new Set(ports.slice(0, 110)).size === 3, "one waited for another to finish");
  await driver.close();
});

Deno.test("Driver takes datagrams in between bursts", async () => {
  const { endpoint, driver, socket } = bench();
  const connection = endpoint.connect(socket.local, PEER);
  connection.queue(500);
  const sentBefore: number[] = [];
  driver.attach(connection, { onEvent: () => sentBefore.push(socket.sent.length) });
  await turns(2);
  socket.arrive(new Uint8Array(2), PEER);
  await turns(40);
  assertEquals(socket.sent.length, 500);
  assert(sentBefore[0]! < 200, `answered after ${sentBefore[0]} datagrams`);
  await driver.close();
});

Deno.test("Driver stops asking connections while the socket takes nothing, and goes on when it does", async () => {
  const { endpoint, driver, socket } = bench();
  const connection = endpoint.connect(socket.local, PEER);
  connection.queue(1000);
  socket.holds = true;
  driver.attach(connection, collecting());
  await turns(50);
  const waiting = 1000 - connection.outbox.length;
  assert(waiting >= 32 && waiting <= 400, `${waiting} wait in the socket`);
  socket.holds = false;
  socket.release();
  await turns(200);
  assertEquals([connection.outbox.length, socket.sent.length], [0, 1000]);
  assertEquals(socket.sent.map(({ data }) => data[0]), Array.from({ length: 1000 }, (_, i) => i & 255));
  await driver.close();
});

Deno.test("Driver goes on with other sockets while one is full, and that one loses datagrams", async () => {
  const { endpoint, driver, socket } = bench();
  const other = new FakeSocket("127.0.0.2", 2);
  driver.addSocket(other);
  const stuck = endpoint.connect(socket.local, PEER);
  const free = endpoint.connect(other.local, { hostname: "127.0.0.1", port: 10 });
  socket.holds = true;
  for (const connection of [stuck, free]) {
    connection.queue(600);
    driver.attach(connection, collecting());
  }
  for (let i = 0; i < 100 && free.outbox.length + stuck.outbox.length > 0; i += 1) await turns(40);
  assertEquals([other.sent.length, stuck.outbox.length], [600, 0]);
  socket.holds = false;
  socket.release();
  await turns(400);
  assert(socket.sent.length < 300, `${socket.sent.length} waited in the socket`);
  await driver.close();
});

Deno.test("Driver calls handleTimeout() at its deadline, not before", async () => {
  let now = 1000;
  const { endpoint, driver, socket } = bench(() => now);
  const connection = endpoint.connect(socket.local, PEER);
  connection.deadline = 1000.5;
  const handler = collecting();
  driver.attach(connection, handler);
  await turns(5);
  assertEquals(handler.events, []);
  now = 1000.5;
  await turns(2);
  assertEquals(handler.events, [{ type: "timeout", at: 1000.5 }]);
  await driver.close();
});

Deno.test("Driver tells the connection, and its handler, why a datagram did not leave", async () => {
  const { endpoint, driver, socket } = bench();
  const connection = endpoint.connect(socket.local, PEER);
  connection.queue(1);
  socket.error = Object.assign(new Error("no route"), { code: "ENETUNREACH" });
  const failures: unknown[] = [];
  const attachment = driver.attach(connection, { onEvent() {}, onSendFailed: (kind) => failures.push(kind) });
  await turns(2);
  assertEquals([connection.sendErrors, failures], [["unreachable"], ["unreachable"]]);
  Object.assign(connection, { local: { hostname: "192.0.2.1", port: 1 } });
  connection.queue(1);
  attachment.wake();
  await turns(2);
  assertEquals(connection.sendErrors, ["unreachable", "gone"]);
  await driver.close();
});

Deno.test("Driver forgets a connection that is closed, after its last events", async () => {
  const { endpoint, driver, socket } = bench();
  const connection = endpoint.connect(socket.local, PEER);
  const order: string[] = [];
  const attachment = driver.attach(connection, {
    onEvent: (event) => order.push(event.type),
    onGone: () => order.push("gone"),
  });
  await turns(1);
  connection.take(new Uint8Array(1));
  connection.state = "closed";
  attachment.wake();
  await turns(1);
  attachment.wake();
  await turns(2);
  assertEquals(order, ["datagram", "gone"]);
  assertEquals([[...driver.connections], endpoint.forgotten], [[], [connection]]);
  await driver.close();
});

Deno.test("Driver reports a dead socket to the connections, and the last one to the endpoint", async () => {
  const { endpoint, driver, socket, dead } = bench();
  const other = new FakeSocket("127.0.0.2", 2);
  driver.addSocket(other);
  const told: Address[] = [];
  driver.attach(endpoint.connect(socket.local, PEER), { onEvent() {}, onSocketDead: (local) => told.push(local) });
  socket.die(new Error("gone"));
  assertEquals([told, dead.length, driver.locals], [[socket.local], 0, [other.local]]);
  other.die(new Error("gone too"));
  assertEquals([told.length, dead.map(({ message }) => message)], [2, ["gone too"]]);
  await driver.close();
});

Deno.test("Driver sends by the socket that is bound to the local address", async () => {
  const { endpoint, driver, socket } = bench();
  const other = new FakeSocket("127.0.0.2", 2);
  driver.addSocket(other);
  const a = endpoint.connect({ ...socket.local }, PEER);
  const b = endpoint.connect({ ...other.local }, { hostname: "127.0.0.1", port: 10 });
  for (const connection of [a, b]) {
    connection.queue(1);
    driver.attach(connection, collecting());
  }
  await turns(2);
  assertEquals([socket.sent.length, other.sent.length], [1, 1]);
  assertEquals(other.sent[0]!.remote.port, 10);
  await driver.close();
});

Deno.test("Driver.localFor() prefers a socket of the peer's family to one for both", async () => {
  const { driver, socket } = bench();
  assertEquals(driver.localFor("127.0.0.7"), socket.local);
  assertEquals(driver.localFor("::1"), undefined);
  const both = new FakeSocket("::", 3);
  driver.addSocket(both);
  assertEquals([driver.localFor("127.0.0.7"), driver.localFor("::1")], [socket.local, both.local]);
  await driver.close();
});

Deno.test("Driver.close() sends what is left, waits for the socket, closes it and takes nothing more in", async () => {
  const { endpoint, driver, socket, incoming } = bench();
  const connection = endpoint.connect(socket.local, PEER);
  const handler = collecting();
  const attachment = driver.attach(connection, handler);
  await turns(1);
  connection.queue(3);
  socket.holds = true;
  const closed = driver.close();
  await turns(2);
  assertEquals([socket.sent.length, socket.closes], [1, 0]);
  socket.holds = false;
  socket.release();
  await closed;
  assertEquals([socket.sent.length, socket.closes], [3, 1]);
  socket.arrive(new Uint8Array(5), { hostname: "127.0.0.1", port: 77 });
  attachment.wake();
  await turns(2);
  assertEquals([incoming, handler.events], [[], []]);
});

for (const name of ["deno", "node"] satisfies SocketName[]) {
  Deno.test(`Driver moves a megabyte each way between two ${name} sockets`, async () => {
    const total = 1000;
    const ends = [0, 1].map(() => {
      const endpoint = new FakeEndpoint();
      const driver = new Driver<FakeConnection, Address, FakeEvent>(endpoint, { onIncoming() {}, onDead() {} });
      const socket = openSocket({ hostname: "127.0.0.1", name });
      driver.addSocket(socket);
      return { endpoint, driver, local: socket.local };
    });
    const done = ends.map(({ endpoint, driver, local }, i) => {
      const connection = endpoint.connect(local, ends[1 - i]!.local);
      let received = 0;
      let credit = 0;
      return new Promise<void>((resolve) => {
        const attachment = driver.attach(connection, {
          // One out for one in, from a window of 30: nothing is lost in the kernel's buffers.
          onEvent() {
            received += 1;
            credit += 1;
            if (received === total) resolve();
            else if (received + 30 <= total) connection.queue(1);
          },
        });
        connection.queue(30);
        attachment.wake();
      });
    });
    await Promise.all(done);
    await Promise.all(ends.map(({ driver }) => driver.close()));
  });

  Deno.test(`Driver answers without a connection and reports strangers, ${name} sockets`, async () => {
    const endpoint = new FakeEndpoint();
    let report = (_: Address): void => {};
    const stranger = new Promise<Address>((resolve) => report = resolve);
    const driver = new Driver<FakeConnection, Address, FakeEvent>(endpoint, { onIncoming: report, onDead() {} });
    const socket = openSocket({ hostname: "127.0.0.1", name });
    driver.addSocket(socket);
    const peer = openSocket({ hostname: "127.0.0.1", name });
    let answered = (_: number): void => {};
    const answer = new Promise<number>((resolve) => answered = resolve);
    peer.start({ onDatagram: (data) => answered(data.length), onDead() {} });
    const ignore = { taken() {}, failed() {} };
    peer.send(new Uint8Array(33).fill(0xff), socket.local, ignore);
    assertEquals(await answer, 33);
    peer.send(new Uint8Array(5), socket.local, ignore);
    assertEquals(await stranger, peer.local);
    await Promise.all([driver.close(), peer.close()]);
  });
}

Deno.test("Driver that is late itself looks at what arrived before it lets deadlines pass", async () => {
  let now = 1000;
  const { endpoint, driver, socket } = bench(() => now);
  const connection = endpoint.connect(socket.local, PEER);
  connection.deadline = 1000.5;
  const handler = collecting();
  driver.attach(connection, handler);
  await turns(2);
  now = 1200;
  const send = socket.send.bind(socket);
  // The answer waits in the socket, before the bell.
  socket.send = (data, remote, receipt) => {
    if (data.length === 1) socket.arrive(new Uint8Array(100), PEER);
    send(data, remote, receipt);
  };
  driver.wake();
  await turns(5);
  assertEquals(handler.events.map(({ type }) => type), ["datagram", "timeout"]);
  await driver.close();
});

Deno.test("Driver.removeSocket() closes one socket, and the others go on", async () => {
  const { endpoint, driver, socket, dead } = bench();
  const other = new FakeSocket("127.0.0.2", 2);
  driver.addSocket(other);
  const connection = endpoint.connect(other.local, PEER);
  driver.attach(connection, collecting());
  driver.removeSocket(socket.local);
  driver.removeSocket(socket.local);
  connection.queue(1);
  await turns(3);
  assertEquals([socket.closes, other.closes, other.sent.length], [1, 0, 1]);
  assertEquals(driver.locals, [other.local]);
  driver.removeSocket(other.local);
  const last = new FakeSocket("127.0.0.3", 3);
  driver.addSocket(last);
  assertEquals([driver.locals, dead], [[last.local], []]);
  await driver.close();
  assertEquals([socket.closes, other.closes, last.closes], [1, 1, 1]);
});
