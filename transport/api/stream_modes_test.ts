import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { modes } from "../../schedulers/mod.ts";
import { pattern, readAll, Server, writeAll } from "./loopback_fixture_test.ts";
import { eventually } from "./paths_fixture_test.ts";
import type { QuicBidirectionalStream, QuicConn } from "./types.ts";

async function next(conn: QuicConn): Promise<QuicBidirectionalStream> {
  const reader = conn.incomingBidirectionalStreams.getReader();
  const { value } = await reader.read();
  reader.releaseLock();
  return value!;
}

async function closeBoth(...conns: QuicConn[]): Promise<void> {
  conns[0]!.close();
  await Promise.all(conns.map((conn) => conn.closed));
}

function names(conn: QuicConn): string[] {
  return conn.stats().streamSchedulers.map(({ name }) => name);
}

Deno.test("stream.mode is what was set, at this end alone, and can be set with the stream", async () => {
  await using server = new Server({ mode: "min-rtt" });
  const [client, served] = await server.pair({ mode: "min-rtt" });
  const stream = await client.createBidirectionalStream({ mode: "interactive" });
  assertEquals([stream.mode, stream.writable.mode], ["interactive", "interactive"]);
  stream.mode = modes.redundant;
  assertEquals(stream.writable.mode, modes.redundant);
  const sending = writeAll(stream.writable, pattern(100_000));
  const theirs = await next(served);
  assertEquals(await readAll(theirs.readable), pattern(100_000));
  await sending;
  assertEquals([theirs.mode, names(client), names(served)], [undefined, ["interactive", "redundant"], []]);
  theirs.writable.mode = "handover";
  theirs.mode = undefined;
  assertEquals(theirs.writable.mode, undefined);
  const [, one] = await Promise.all([writeAll(theirs.writable, pattern(10)), readAll(stream.readable)]);
  assertEquals(one, pattern(10));
  const only = await client.createUnidirectionalStream({ mode: "round-robin" });
  assertEquals(only.mode, "round-robin");
  await closeBoth(client, served);
});

Deno.test("readable.requestMode() sets the mode at the server, which accepts or not", async () => {
  await using server = new Server({ mode: "min-rtt", acceptModes: ["interactive", modes.redundant] });
  const [client, served] = await server.pair();
  const stream = await client.createBidirectionalStream();
  stream.readable.requestMode(modes.redundant);
  const sending = writeAll(stream.writable, pattern(10));
  const theirs = await next(served);
  await eventually("the mode asked for", () => theirs.mode !== undefined);
  assertEquals(theirs.mode, modes.redundant);
  stream.readable.requestMode("handover");
  stream.readable.requestMode("interactive");
  await eventually("another mode", () => theirs.mode !== modes.redundant);
  assertEquals(theirs.mode, "interactive");
  stream.readable.requestMode(undefined);
  await eventually("no mode", () => theirs.mode === undefined);
  assertThrows(() => theirs.readable.requestMode("interactive"), TypeError, "only clients do");
  const nameless = (): unknown => undefined;
  assertThrows(() => stream.readable.requestMode(nameless as unknown as string), TypeError, "without a name");
  await sending;
  await closeBoth(client, served);
  stream.readable.requestMode("interactive");
});

Deno.test("QuicConn.sendDatagram() takes a mode, and refuses what is none", async () => {
  await using server = new Server();
  const [client, served] = await server.pair({ mode: "min-rtt" });
  await client.sendDatagram(pattern(10), { mode: "redundant" });
  assertEquals(await served.readDatagram(), pattern(10));
  assertEquals(names(client), ["redundant"]);
  await assertRejects(() => client.sendDatagram(pattern(1), { mode: "fastest" }), RangeError, 'Mode is "fastest"');
  await closeBoth(client, served);
});

Deno.test("A mode that is none is refused, and changes nothing", async () => {
  await using server = new Server();
  const [client, served] = await server.pair();
  await assertRejects(() => client.createBidirectionalStream({ mode: "fastest" }), RangeError, 'Mode is "fastest"');
  const stream = await client.createBidirectionalStream({ mode: "handover" });
  assertEquals(stream.writable.id, 0n);
  assertThrows(() => stream.mode = 7 as unknown as string, TypeError, "Mode is of no known kind");
  assertEquals(stream.mode, "handover");
  await closeBoth(client, served);
  stream.mode = "interactive";
});
