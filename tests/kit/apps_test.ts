import { assert, assertEquals, assertThrows } from "@std/assert";
import type { ConnectionEvent } from "../../transport/connection/events.ts";
import { type AppConnection, AppDriver } from "./app.ts";
import { bulk, Requests } from "./apps.ts";
import { checkPattern, fillPattern } from "./pattern.ts";

/** One end of a pair of connections without a network: bytes written here can be read there, a little at a time. */
class FakeConnection implements AppConnection {
  readonly events: ConnectionEvent[] = [];
  readonly incoming = new Map<number, { bytes: number[]; fin: boolean }>();
  peer: FakeConnection | undefined;
  maxStreams = Infinity;
  /** Bytes that a stream takes before it wants to be asked again. */
  readonly window: number;
  #opened = 0;
  #stalled = new Set<number>();
  #room = new Map<number, number>();

  constructor(window: number) {
    this.window = window;
  }

  nextEvent(): ConnectionEvent | undefined {
    return this.events.shift();
  }

  openStream(): number | undefined {
    if (this.#opened >= this.maxStreams) return undefined;
    const id = 4 * this.#opened++;
    this.peer?.events.push({ type: "stream_opened", id });
    return id;
  }

  write(id: number, data: Uint8Array): number {
    const room = this.#room.get(id) ?? this.window;
    const taken = Math.min(room, data.length);
    this.#room.set(id, room - taken);
    if (taken < data.length) this.#stalled.add(id);
    this.#buffer(id).bytes.push(...data.subarray(0, taken));
    this.peer?.events.push({ type: "stream_readable", id });
    return taken;
  }

  finish(id: number): void {
    this.#buffer(id).fin = true;
    this.peer?.events.push({ type: "stream_readable", id });
  }

  read(id: number): Uint8Array | undefined | null {
    const buffer = this.incoming.get(id);
    if (buffer === undefined || (buffer.bytes.length === 0 && !buffer.fin)) return undefined;
    if (buffer.bytes.length === 0) return null;
    return new Uint8Array(buffer.bytes.splice(0, 700));
  }

  /** Everything was acknowledged: there is room again. */
  drain(): void {
    this.#room.clear();
    for (const id of this.#stalled) this.events.push({ type: "stream_writable", id });
    this.#stalled.clear();
  }

  #buffer(id: number): { bytes: number[]; fin: boolean } {
    const peer = this.peer as FakeConnection;
    const buffer = peer.incoming.get(id) ?? { bytes: [], fin: false };
    peer.incoming.set(id, buffer);
    return buffer;
  }
}

function pair(
  requests: Requests,
  window = 1000,
): { client: FakeConnection; server: FakeConnection; run(until?: number): void } {
  const [client, server] = [new FakeConnection(window), new FakeConnection(window)];
  [client.peer, server.peer] = [server, client];
  const drivers = [new AppDriver(client, requests.client), new AppDriver(server, requests.server)];
  client.events.push({ type: "connected", alpn: "x" }, { type: "confirmed" });
  let now = 0;
  const run = (until = 1000): void => {
    for (; now < until && !requests.isDone; now++) {
      for (const driver of drivers) driver.run(now);
      client.drain();
      server.drain();
    }
    assertEquals(drivers.map((d) => d.isDone), [requests.isDone, requests.isDone]);
  };
  return { client, server, run };
}

Deno.test("Requests asks, answers and checks, in pieces that the streams take", () => {
  const requests = new Requests([{ request: 257, response: 10_000 }]);
  pair(requests).run();
  assert(requests.isDone);
  const [exchange] = requests.exchanges;
  assertEquals([exchange?.up, exchange?.down, exchange?.startedAt, exchange?.streamId], [257, 10_000, 0, 0]);
  assert(exchange && exchange.firstByteAt > 0 && exchange.endedAt > exchange.firstByteAt);
  assertEquals(requests.completedAt, exchange.endedAt);
});

Deno.test("Requests starts what depends on a response when that is complete, and what is delayed later", () => {
  const wakes: number[] = [];
  const requests = new Requests([
    { request: 10, response: 5000 },
    { request: 10, response: 10, after: 0 },
    { request: 10, response: 0, delay: 40 },
    { request: 0, response: 10, after: 1, delay: 3 },
  ], { at: (time) => wakes.push(time) });
  pair(requests).run();
  const [first, second, third, fourth] = requests.exchanges;
  assert(first && second && third && fourth);
  assertEquals(second.startedAt, first.endedAt);
  assertEquals(third.startedAt, 40);
  assertEquals(fourth.startedAt, second.endedAt + 3);
  assertEquals(wakes.toSorted((a, b) => a - b), [fourth.startedAt, 40]);
  assertThrows(() => pair(new Requests([{ request: 1, response: 1, delay: 5 }])).run(), TypeError, "wake up");
});

Deno.test("Requests waits for streams when the peer's limit is reached", () => {
  const requests = new Requests(Array(5).fill({ request: 5, response: 5 }));
  const { client, run } = pair(requests);
  client.maxStreams = 2;
  run(20);
  assertEquals(requests.exchanges.filter((e) => e.endedAt >= 0).length, 2);
  client.maxStreams = 5;
  client.events.push({ type: "streams_available", kind: "bidirectional" });
  run(40);
  assert(requests.isDone);
});

Deno.test("Requests fails at a wrong byte, one too many and an early end", () => {
  const broken = (change: (bytes: number[]) => void): () => void => () => {
    const { server, run } = pair(new Requests([{ request: 100, response: 1 }]));
    run(0);
    const client = server.peer as FakeConnection;
    const write = client.write.bind(client);
    client.write = (id, data) => {
      const taken = write(id, data);
      change(server.incoming.get(id)?.bytes ?? []);
      return taken;
    };
    run(10);
  };
  assertThrows(
    broken((bytes) => bytes[50] = (bytes[50] ?? 0) ^ 1),
    Error,
    "Stream 0 at the server has a wrong byte at 50",
  );
  assertThrows(broken((bytes) => bytes.pop()), Error, "ends at byte 99: expected 100");
  const next = new Uint8Array(1);
  fillPattern(next, 0, 100);
  assertThrows(broken((bytes) => bytes.push(...next)), Error, "has 101 bytes: expected 100");
});

Deno.test("bulk() splits evenly and loses nothing", () => {
  assertEquals(bulk("down", 10, 3).map((r) => r.response), [3, 3, 4]);
  assertEquals(bulk("up", 1000, 1), [{ request: 1100, response: 0 }]);
  assertEquals(bulk("both", 1000, 2), [{ request: 600, response: 500 }, { request: 600, response: 500 }]);
  const requests = new Requests(bulk("up", 100_000, 4), { startOn: "connected" });
  pair(requests, 5000).run();
  assertEquals(requests.exchanges.reduce((sum, e) => sum + e.up, 0), 100_400);
  assert(requests.completedAt >= 0);
});

Deno.test("checkPattern() sees a byte of another place or another stream", () => {
  const bytes = new Uint8Array(1000);
  fillPattern(bytes, 3, 200_000);
  assertEquals(checkPattern(bytes, 3, 200_000), -1);
  for (const [seed, offset] of [[3, 200_001], [3, 200_000 + 65_536], [4, 200_000], [3, 0]] as const) {
    const at = checkPattern(bytes, seed, offset);
    assert(at >= 0 && at < 20, `seed ${seed} offset ${offset}: ${at}`);
  }
  assertEquals(checkPattern(bytes.subarray(10), 3, 200_010), -1);
});

Deno.test("fillPattern() makes the same bytes in one piece and in many, across blocks", () => {
  const whole = new Uint8Array(200_000);
  fillPattern(whole, 7, 60_000);
  const pieces = new Uint8Array(200_000);
  for (let at = 0; at < pieces.length; at += 777) fillPattern(pieces.subarray(at, at + 777), 7, 60_000 + at);
  assertEquals(whole, pieces);
  assertEquals(checkPattern(whole, 7, 60_000), -1);
});

Deno.test("bulk() refuses what is no transfer", () => {
  assertThrows(
    () => bulk("sideways" as "up", 5),
    RangeError,
    'Direction is "sideways": expected one of up, down, both',
  );
  for (const bytes of [-5, 1.5, NaN]) {
    assertThrows(() => bulk("down", bytes), RangeError, `Bytes are ${bytes}: expected`);
  }
  for (const streams of [0, 1.5]) assertThrows(() => bulk("up", 5, streams), RangeError, `Streams are ${streams}`);
});
