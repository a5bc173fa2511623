import { assert, assertEquals, assertThrows } from "@std/assert";
import vm from "node:vm";
import v8 from "node:v8";
import { StreamError } from "../../transport/base/errors.ts";
import type { StreamFrame } from "../../transport/wire/frames/types.ts";
import { bulk, Requests } from "../kit/apps.ts";
import { Pair } from "./pair.ts";
import { recordedPair, Recorder } from "./recorder.ts";
import { assertSettled } from "./transfers.ts";

Deno.test("Connection carries 200 bidirectional streams at once within a limit of 30", () => {
  const load = new Requests(bulk("both", 2_000_000, 200));
  const pair = new Pair({
    link: { lossPercent: 1 },
    server: { maxBidirectionalStreams: 30 },
    clientApps: [load.client],
    serverApps: [load.server],
  });
  pair.world.require("all responses", () => load.isDone);
  assertEquals(new Set(load.exchanges.map((exchange) => exchange.streamId)).size, 200);
  assert(pair.serverTrace.frames("sent", "max_streams").length > 0);
  assertSettled(pair);
});

Deno.test("Connection carries streams of all four kinds at once", () => {
  const { pair, atClient, atServer } = recordedPair({ link: { lossPercent: 2 } });
  const size = 50_000;
  const sent: Record<"up" | "down", number[]> = { up: [], down: [] };
  for (let i = 0; i < 20; i++) {
    for (const kind of ["bidirectional", "unidirectional"] as const) {
      for (const [way, connection] of [["up", pair.client], ["down", pair.server]] as const) {
        const id = connection.openStream(kind)!;
        sent[way].push(id);
        assertEquals(connection.write(id, new Uint8Array(size)), size);
        connection.finish(id);
      }
    }
  }
  pair.world.require("all streams", () => atServer.ended.size === 40 && atClient.ended.size === 40);
  assertSettled(pair);
  pair.world.runFor(1);
  for (const id of sent.up) assertEquals(atServer.received.get(id), size);
  for (const id of sent.down) assertEquals(atClient.received.get(id), size);
  assertEquals(
    atClient.of("stream_finished").map((event) => event.id).sort((a, b) => a - b),
    sent.up.sort((a, b) => a - b),
  );
  assertEquals(atServer.of("stream_opened").length, 40);
});

Deno.test("Connection resets a stream: the peer learns the code, and flow control loses nothing", () => {
  const { pair, atServer } = recordedPair({
    link: { lossPercent: 3 },
    server: { initialMaxData: 100_000, connectionWindow: 100_000, initialMaxStreamData: 60_000 },
  });
  // Many more bytes than the window, all of which is given up half-way and counts all the same.
  for (let i = 0; i < 20; i++) {
    const id = pair.client.openStream("unidirectional")!;
    pair.client.write(id, new Uint8Array(60_000));
    pair.world.runFor(40);
    pair.client.reset(id, 1000 + i);
    pair.world.require(`reset ${i}`, () => atServer.of("stream_reset").length === i + 1);
    assertEquals(atServer.of("stream_reset").at(-1)!.code, 1000 + i);
    assertEquals(atServer.of("stream_reset").at(-1)!.id, id);
    assertThrows(() => pair.server.read(id), StreamError);
    assertThrows(() => pair.client.write(id, new Uint8Array(1)), StreamError);
  }
  const id = pair.client.openStream("unidirectional")!;
  pair.client.write(id, new Uint8Array(300_000));
  pair.client.finish(id);
  pair.world.require("a stream after all these", () => atServer.ended.has(id));
  assertEquals(atServer.received.get(id), 300_000);
  assertSettled(pair);
});

Deno.test("Connection stops a stream: the peer resets it with the code that it was given", () => {
  const { pair, atClient, atServer } = recordedPair();
  const id = pair.client.openStream("bidirectional")!;
  pair.client.write(id, new Uint8Array(2_000_000));
  atServer.onArrival = (event, connection) => {
    if (event.type === "stream_readable" && event.id === id) connection.stopSending(id, 77);
  };
  pair.world.require("the news", () => atClient.of("stream_stopped").length === 1);
  assertEquals(atClient.of("stream_stopped")[0], { type: "stream_stopped", id, code: 77 });
  assertThrows(() => pair.client.write(id, new Uint8Array(1)), StreamError);
  assertEquals(pair.clientTrace.frames("sent", "reset_stream")[0]!.frame.code, 77);
  // The other half goes on.
  pair.server.write(id, new Uint8Array(100));
  pair.server.finish(id);
  pair.world.require("the answer", () => atClient.ended.has(id));
  assertEquals(atClient.received.get(id), 100);
  assertSettled(pair);
});

Deno.test("Connection closes the halves of a stream apart", () => {
  const { pair, atClient, atServer } = recordedPair();
  const id = pair.client.openStream("bidirectional")!;
  pair.client.finish(id);
  pair.world.require("the end at the server", () => atServer.ended.has(id));
  assertThrows(() => pair.client.write(id, new Uint8Array(1)), RangeError);
  for (let i = 0; i < 5; i++) {
    pair.server.write(id, new Uint8Array(10));
    pair.world.runFor(100);
    assertEquals(atClient.received.get(id), 10 * (i + 1));
  }
  assertEquals(atClient.ended.has(id), false);
  pair.server.finish(id);
  pair.world.require("the end at the client", () => atClient.ended.has(id));
  assertSettled(pair);
});

Deno.test("Connection carries streams without a byte, and an end that comes after the data", () => {
  const { pair, atServer } = recordedPair();
  const empty = pair.client.openStream("unidirectional")!;
  pair.client.finish(empty);
  const late = pair.client.openStream("unidirectional")!;
  pair.client.write(late, new Uint8Array(10));
  pair.world.require("both", () => atServer.ended.has(empty) && atServer.received.get(late) === 10);
  assertEquals(atServer.received.get(empty), undefined);
  assertEquals(atServer.ended.has(late), false);
  pair.client.finish(late);
  pair.world.require("the end", () => atServer.ended.has(late));
  const frames = pair.clientTrace.frames("sent", "stream").map(({ frame }) => frame as StreamFrame)
    .filter((frame) => frame.streamId === late);
  assertEquals(frames.map((f) => [f.offset, f.data.length, f.fin]), [[0, 10, false], [10, 0, true]]);
});

Deno.test("Connection delivers the end of a stream although only the end was lost", () => {
  const { pair, atServer } = recordedPair();
  const id = pair.client.openStream("unidirectional")!;
  pair.client.write(id, new Uint8Array(10));
  pair.world.runFor(200);
  let dropped = 0;
  pair.link.up.tap = () => dropped++ === 0 ? "drop" : "pass";
  pair.client.finish(id);
  pair.world.require("the end", () => atServer.ended.has(id), pair.world.now + 400);
  assertSettled(pair);
});

Deno.test("Connection makes opens wait at the peer's limit, and says when they need not any more", () => {
  const { pair, atClient, atServer } = recordedPair({
    server: { maxBidirectionalStreams: 2, maxUnidirectionalStreams: 1 },
  });
  const [a, b] = [pair.client.openStream("bidirectional")!, pair.client.openStream("bidirectional")!];
  assertEquals([a, b, pair.client.openStream("bidirectional")], [0, 4, undefined]);
  assertEquals([pair.client.openStream("unidirectional"), pair.client.openStream("unidirectional")], [2, undefined]);
  pair.world.runFor(200);
  assertEquals(pair.clientTrace.frames("sent", "streams_blocked").length, 2);
  assertEquals(atClient.of("streams_available"), []);
  for (const id of [a, b]) {
    pair.client.finish(id);
    pair.world.require("the request", () => atServer.ended.has(id));
    pair.server.finish(id);
  }
  pair.world.require("room for more", () => atClient.of("streams_available").length === 1);
  assertEquals(atClient.of("streams_available"), [{ type: "streams_available", kind: "bidirectional" }]);
  assertEquals(pair.client.openStream("bidirectional"), 8);
  assertEquals(pair.client.openStream("unidirectional"), undefined);
  assertSettled(pair);
});

Deno.test("Connection has used 10,000 streams one after the other, and its memory is what it was", () => {
  v8.setFlagsFromString("--expose-gc");
  const gc = vm.runInNewContext("gc") as () => void;
  const observer = undefined;
  const [atClient, atServer] = [new Recorder(), new Recorder()];
  const options = { clientEndpoint: { observer }, serverEndpoint: { observer }, link: { rateMbps: null, delayMs: 1 } };
  const pair = new Pair({ ...options, clientApps: [atClient], serverApps: [atServer] }).confirm();
  atServer.onArrival = (event, connection) => {
    if (event.type === "stream_readable" && atServer.pull(event.id, connection) === "ended") {
      connection.finish(event.id);
    }
  };
  const use = (count: number): void => {
    for (let i = 0; i < count; i++) {
      const id = pair.client.openStream("bidirectional");
      if (id === undefined) {
        pair.world.require("another stream", () => atClient.of("streams_available").length > 0);
      } else {
        pair.client.write(id, new Uint8Array(20));
        pair.client.finish(id);
        pair.world.require("the answer", () => atClient.ended.has(id));
      }
      for (const recorder of [atClient, atServer]) {
        recorder.events.length = 0;
        recorder.ended.clear();
        recorder.received.clear();
      }
    }
    gc();
  };
  use(2000);
  const before = Deno.memoryUsage().heapUsed;
  use(10_000);
  const grown = Deno.memoryUsage().heapUsed - before;
  assert(grown < 1_500_000, `${grown} bytes more after 10,000 streams`);
});
