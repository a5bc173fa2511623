import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import { StreamError } from "../base/errors.ts";
import { echo, pattern, readAll, Server, writeAll } from "./loopback_fixture_test.ts";
import { StreamLimitError } from "./streams.ts";
import type { QuicBidirectionalStream, QuicConn } from "./types.ts";

/** A stream, as both ends have it. */
async function opened(client: QuicConn, served: QuicConn): Promise<[QuicBidirectionalStream, QuicBidirectionalStream]> {
  const ours = await client.createBidirectionalStream();
  const writer = ours.writable.getWriter();
  await writer.write(new Uint8Array([1]));
  writer.releaseLock();
  const arrivals = served.incomingBidirectionalStreams.getReader();
  const { value: theirs } = await arrivals.read();
  arrivals.releaseLock();
  const reader = theirs!.readable.getReader();
  assertEquals((await reader.read()).value, new Uint8Array([1]));
  reader.releaseLock();
  return [ours, theirs!];
}

async function closeBoth(client: QuicConn, served: QuicConn): Promise<void> {
  client.close();
  await Promise.all([client.closed, served.closed]);
}

Deno.test("QuicSendStream waits for a reader: a write resolves when the send buffer has taken it all", async () => {
  const small = { streamWindow: 65_536, initialMaxStreamData: 65_536, sendBuffer: 65_536 };
  await using server = new Server({ transport: small });
  const [client, served] = await server.pair({ transport: small });
  const [ours, theirs] = await opened(client, served);
  const writer = ours.writable.getWriter();
  let written = 0;
  const total = 20;
  const writing = (async () => {
    for (; written < total; written += 1) await writer.write(pattern(50_000, written));
    await writer.close();
  })();
  const echoed = await stalls(() => written);
  assert(echoed >= 1 && echoed < 8, `${echoed} chunks were taken before anything was read`);
  const data = await readAll(theirs.readable);
  await writing;
  assertEquals(data.length, total * 50_000);
  for (let i = 0; i < total; i += 1) assertEquals(data.subarray(i * 50_000, (i + 1) * 50_000), pattern(50_000, i));
  await closeBoth(client, served);
});

/** The value when it has not changed for a while. */
async function stalls(value: () => number): Promise<number> {
  for (let last = -1; last !== value();) {
    last = value();
    await new Promise((resolve) => setTimeout(resolve, 40));
  }
  return value();
}

Deno.test("QuicSendStream copies what it is given", async () => {
  await using server = new Server();
  const [client, served] = await server.pair();
  const [ours, theirs] = await opened(client, served);
  const writer = ours.writable.getWriter();
  const data = pattern(1000);
  await writer.write(data);
  data.fill(0);
  await writer.write(new Uint16Array([0x0201, 0x0403]) as unknown as Uint8Array);
  await writer.close();
  assertEquals(await readAll(theirs.readable), new Uint8Array([...pattern(1000), 1, 2, 3, 4]));
  await closeBoth(client, served);
});

Deno.test("QuicSendStream refuses chunks that are no bytes", async () => {
  await using server = new Server();
  const [client, served] = await server.pair();
  const [ours] = await opened(client, served);
  const writer = ours.writable.getWriter();
  writer.closed.catch(() => {});
  await assertRejects(() => writer.write("text" as unknown as Uint8Array), TypeError, "string");
  await closeBoth(client, served);
});

Deno.test("QuicSendStream.abort() resets the stream with the code of its reason, a stuck write or not", async () => {
  await using server = new Server();
  const [client, served] = await server.pair();
  for (const [reason, code, stuck] of [[{ code: 77 }, 77, false], [new Error("x"), 0, false], [{ code: 5 }, 5, true]]) {
    const [ours, theirs] = await opened(client, served);
    const writer = ours.writable.getWriter();
    const write = stuck === true ? assertRejects(() => writer.write(new Uint8Array(64 << 20))) : undefined;
    await writer.abort(reason);
    await write;
    const error = await assertRejects(() => readAll(theirs.readable), StreamError);
    assertEquals([error.code, error.kind, error.byPeer], [code as number, "reset", true]);
  }
  await closeBoth(client, served);
});

Deno.test("QuicReceiveStream.cancel() stops the peer with the code of its reason", async () => {
  await using server = new Server();
  const [client, served] = await server.pair();
  const [ours, theirs] = await opened(client, served);
  const writer = ours.writable.getWriter();
  const write = assertRejects(() => writer.write(new Uint8Array(64 << 20)), StreamError);
  await theirs.readable.cancel({ code: 31 });
  const error = await write;
  assertEquals([error.code, error.kind], [31, "stopped"]);
  await assertRejects(() => writer.closed, StreamError);
  await closeBoth(client, served);
});

Deno.test("QuicSendStream.close() resolves when the peer has everything", async () => {
  await using server = new Server();
  const [client, served] = await server.pair();
  const [ours, theirs] = await opened(client, served);
  await writeAll(ours.writable, pattern(300_000));
  const { packetsReceived } = served.stats();
  assertEquals(await readAll(theirs.readable), pattern(300_000));
  assert(served.stats().packetsReceived - packetsReceived <= 4, "some of it came later");
  await closeBoth(client, served);
});

Deno.test("QuicReceiveStream fills the buffers of BYOB readers", async () => {
  await using server = new Server();
  const [client, served] = await server.pair();
  const [ours, theirs] = await opened(client, served);
  const writing = writeAll(ours.writable, pattern(10_000));
  const reader = theirs.readable.getReader({ mode: "byob" });
  const got: number[] = [];
  let buffer = new Uint8Array(700);
  while (true) {
    const { value, done } = await reader.read(buffer);
    if (done) break;
    assert(value.length <= 700);
    got.push(...value);
    buffer = new Uint8Array(value.buffer);
  }
  assertEquals(new Uint8Array(got), pattern(10_000));
  await writing;
  await closeBoth(client, served);
});

Deno.test("createUnidirectionalStream() carries data one way", async () => {
  await using server = new Server();
  const [client, served] = await server.pair();
  const ours = await served.createUnidirectionalStream({ sendOrder: 2 });
  assertEquals([ours.id, ours.sendOrder], [3n, 2]);
  const writing = writeAll(ours, pattern(5000));
  const { value: theirs } = await client.incomingUnidirectionalStreams.getReader().read();
  assertEquals([theirs!.id, await readAll(theirs!)], [3n, pattern(5000)]);
  await writing;
  await closeBoth(client, served);
});

Deno.test("QuicSendStream.sendOrder puts urgent streams first", async () => {
  const small = { connectionWindow: 100_000, initialMaxData: 100_000 };
  await using server = new Server({ transport: small });
  const [client, served] = await server.pair();
  const done: bigint[] = [];
  const late = await client.createUnidirectionalStream({ sendOrder: -2 });
  const soon = await client.createUnidirectionalStream();
  soon.sendOrder = 3;
  assertEquals(soon.sendOrder, 3);
  assertThrows(() => soon.sendOrder = NaN, RangeError, '"sendOrder" is NaN');
  await assertRejects(() => client.createUnidirectionalStream({ sendOrder: Infinity }), RangeError);
  const writing = [late, soon].map((stream) => writeAll(stream, new Uint8Array(600_000)));
  const reading: Promise<void>[] = [];
  const arrivals = served.incomingUnidirectionalStreams.getReader();
  for (let i = 0; i < 2; i += 1) {
    const { value } = await arrivals.read();
    reading.push(readAll(value!).then(() => void done.push(value!.id)));
  }
  await Promise.all([...reading, ...writing]);
  assertEquals(done, [soon.id, late.id]);
  await closeBoth(client, served);
});

Deno.test("createBidirectionalStream() fails at the peer's limit, or waits for it", async () => {
  await using server = new Server({ maxConcurrentBidirectionalStreams: 3 });
  const [client, served] = await server.pair();
  const serving = echo(served);
  const streams = await Promise.all([1, 2, 3].map(() => client.createBidirectionalStream()));
  const error = await assertRejects(() => client.createBidirectionalStream(), StreamLimitError);
  assertInstanceOf(error, StreamLimitError);
  const later = [4, 5].map(() => client.createBidirectionalStream({ waitUntilAvailable: true }));
  for (const [i, { readable, writable }] of streams.entries()) {
    await writeAll(writable, pattern(100, i));
    assertEquals(await readAll(readable), pattern(100, i));
  }
  for (const { readable, writable } of await Promise.all(later)) {
    await writeAll(writable, pattern(100, 9));
    assertEquals(await readAll(readable), pattern(100, 9));
  }
  const forever = client.createBidirectionalStream({ waitUntilAvailable: true });
  await Promise.allSettled([forever]);
  await closeBoth(client, served);
  await serving;
});

Deno.test("QuicConn carries 300 streams, most of them waiting for their turn", async () => {
  await using server = new Server();
  const [client, served] = await server.pair();
  const serving = echo(served);
  const talk = async (i: number): Promise<void> => {
    const { readable, writable } = await client.createBidirectionalStream({ waitUntilAvailable: true });
    const [, back] = await Promise.all([writeAll(writable, pattern(2000, i)), readAll(readable)]);
    assertEquals(back, pattern(2000, i));
  };
  await Promise.all(Array.from({ length: 300 }, (_, i) => talk(i)));
  await closeBoth(client, served);
  await serving;
});

Deno.test("incomingBidirectionalStreams.cancel() turns streams away", async () => {
  await using server = new Server();
  const [client, served] = await server.pair();
  await served.incomingBidirectionalStreams.cancel();
  const { readable, writable } = await client.createBidirectionalStream();
  const writer = writable.getWriter();
  await writer.write(new Uint8Array(1));
  await assertRejects(() => readAll(readable), StreamError);
  await assertRejects(() => writer.closed, StreamError);
  await closeBoth(client, served);
});
