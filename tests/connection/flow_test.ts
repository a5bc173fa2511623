import { assert, assertEquals, assertLess } from "@std/assert";
import type { TraceEvents } from "../../transport/base/observer.ts";
import { bulk, Requests } from "../kit/apps.ts";
import { Pair } from "./pair.ts";
import { recordedPair } from "./recorder.ts";
import { assertSettled, bulkPair, finish, inFlight, moved } from "./transfers.ts";

const KIB = 1024;

Deno.test("Connection obeys the limit of a stream, says that it is held back, and goes on when it is read", () => {
  const { pair, atServer } = recordedPair({ server: { initialMaxStreamData: 20_000, streamWindow: 20_000 } });
  atServer.reads = false;
  const id = pair.client.openStream("unidirectional")!;
  pair.client.write(id, new Uint8Array(100_000));
  pair.client.finish(id);
  pair.world.runFor(2000);
  assertEquals(pair.server.stats().paths[0]!.streamBytesReceived, 20_000);
  const blocked = pair.clientTrace.frames("sent", "stream_data_blocked");
  assertEquals(blocked.map(({ frame }) => [frame.streamId, frame.limit]), [[id, 20_000]]);
  atServer.reads = true;
  pair.world.after(0, () => atServer.pull(id, pair.server));
  pair.world.require("the stream", () => atServer.ended.has(id));
  assertEquals(atServer.received.get(id), 100_000);
  assertSettled(pair);
});

Deno.test("Connection obeys the limit of all streams together", () => {
  const { pair, atServer } = recordedPair({ server: { initialMaxData: 30_000, connectionWindow: 30_000 } });
  atServer.reads = false;
  const ids = [0, 1, 2].map(() => {
    const id = pair.client.openStream("unidirectional")!;
    pair.client.write(id, new Uint8Array(50_000));
    pair.client.finish(id);
    return id;
  });
  pair.world.runFor(2000);
  assertEquals(pair.server.stats().paths[0]!.streamBytesReceived, 30_000);
  assertEquals(pair.clientTrace.frames("sent", "data_blocked").map(({ frame }) => frame.limit), [30_000]);
  atServer.reads = true;
  pair.world.after(0, () => ids.forEach((id) => atServer.pull(id, pair.server)));
  pair.world.require("all streams", () => ids.every((id) => atServer.ended.has(id)));
  assertSettled(pair);
});

Deno.test("Connection gets over lost credit, in both directions, with any of 10 seeds", () => {
  for (let seed = 1; seed <= 10; seed++) {
    const config = { initialMaxData: 15_000, connectionWindow: 15_000, initialMaxStreamData: 8000, streamWindow: 8000 };
    const load = new Requests(bulk("both", 200_000, 4));
    const pair = new Pair({
      seed,
      link: { lossPercent: 15 },
      client: { ...config, handshakeTimeout: 60_000 },
      server: { ...config, handshakeTimeout: 60_000 },
      clientApps: [load.client],
      serverApps: [load.server],
    });
    pair.world.require(`the transfer with seed ${seed}`, () => load.isDone, 120_000);
    assertSettled(pair);
  }
});

Deno.test("Connection tells a blocked peer again of credit that was lost on the way", () => {
  const { pair, atServer } = recordedPair({ server: { initialMaxStreamData: 60_000, streamWindow: 60_000 } });
  const id = pair.client.openStream("unidirectional")!;
  pair.client.write(id, new Uint8Array(500_000));
  pair.client.finish(id);
  pair.world.require("some of the stream", () => (atServer.received.get(id) ?? 0) > 200_000);
  // All that the server says while this lasts is lost, and its probes become slow to come.
  pair.link.set({ dead: true }, "down");
  pair.world.runFor(1500);
  const [alive, before] = [pair.world.now, atServer.received.get(id)!];
  pair.link.set({ dead: false }, "down");
  pair.world.require("more of the stream", () => atServer.received.get(id)! > before + 60_000);
  const waited = pair.clientTrace.filter("quic:packet_sent", (_data, now) => now > alive)[0]!.now - alive;
  // One round trip to hear of credit from the client's next probe on.
  assertLess(pair.world.now - alive, waited + 300);
  pair.world.require("the stream", () => atServer.ended.has(id));
  assertSettled(pair);
});

Deno.test("Connection widens its windows until a long fast link is full", () => {
  const observer = undefined;
  for (const direction of ["down", "up"] as const) {
    const transfer = bulkPair(direction, 25_000_000, {
      link: { rateMbps: 100, delayMs: 100 },
      client: { sendBuffer: 1 << 23 },
      server: { sendBuffer: 1 << 23 },
      clientEndpoint: { observer },
      serverEndpoint: { observer },
    });
    const { pair, load } = transfer;
    // 2.5 MB fit on the way; streams begin with 0.5 MB, the connection with 1 MB.
    pair.world.require("the windows to grow", () => moved(load) > 10_000_000);
    const began = pair.world.now;
    finish(transfer);
    const rate = 15_000_000 / (pair.world.now - began);
    // The initial windows allow 5000 bytes/ms; the last round trip and a loss at the end of slow start cost a little.
    assert(rate > 0.7 * 12_500, `${direction}: ${rate} bytes/ms, expected most of 12500`);
  }
});

Deno.test("Connection fills 1 Gbit/s over 100 ms when it is given the memory", () => {
  const observer = undefined;
  const big = { sendBuffer: 1 << 25, streamWindow: 1 << 25, connectionWindow: 1 << 26 };
  const transfer = bulkPair("down", 110_000_000, {
    link: { rateMbps: 1000, delayMs: 50 },
    client: big,
    server: big,
    clientEndpoint: { observer },
    serverEndpoint: { observer },
  });
  const { pair, load } = transfer;
  pair.world.require("the windows to grow", () => moved(load) > 60_000_000);
  const began = pair.world.now;
  const before = moved(load);
  finish(transfer);
  const rate = (110_000_000 - before) / (pair.world.now - began);
  assert(rate > 0.8 * 125_000, `${rate} bytes/ms, expected most of 125000`);
});

Deno.test("Connection never gives more credit than its windows may grow to", () => {
  const client = {
    initialMaxStreamData: 64 * KIB,
    streamWindow: 512 * KIB,
    initialMaxData: 96 * KIB,
    connectionWindow: 1024 * KIB,
  };
  const transfer = bulkPair("down", 20_000_000, { link: { rateMbps: 500, delayMs: 25 }, client });
  const { pair } = transfer;
  let [widest, widestOfAll, read] = [0, 0, 0];
  finish(transfer);
  for (const { name, data } of pair.clientTrace.entries) {
    if (name !== "quic:packet_received" && name !== "quic:packet_sent") continue;
    for (const frame of (data as TraceEvents["quic:packet_sent"]).frames) {
      if (frame.kind === "stream") read = Math.max(read, frame.offset + frame.data.length);
      if (frame.kind === "max_stream_data") widest = Math.max(widest, frame.limit - read);
      if (frame.kind === "max_data") widestOfAll = Math.max(widestOfAll, frame.limit - read);
    }
  }
  assert(widest > 400 * KIB && widest <= 512 * KIB, `the stream's window grew to ${widest}`);
  assert(widestOfAll > 600 * KIB && widestOfAll <= 1024 * KIB, `the connection's window grew to ${widestOfAll}`);
});

Deno.test("Connection does not widen windows that limit nobody", () => {
  // 5 Mbit/s over 30 ms: 19 KB are on the way and some in the queue, 512 KB are allowed.
  const transfer = bulkPair("down", 5_000_000, { link: { rateMbps: 5 } });
  finish(transfer);
  const { pair } = transfer;
  const first = pair.clientTrace.frames("sent", "max_stream_data").at(-1)!;
  assert(first.frame.limit <= 5_000_000 + 512 * KIB, `limit ${first.frame.limit}`);
});

Deno.test("Connection holds a writer back when its reader is slow", () => {
  const { pair, atServer } = recordedPair({
    link: { rateMbps: 100 },
    client: { sendBuffer: 100_000 },
    server: { initialMaxStreamData: 50_000, streamWindow: 200_000 },
  });
  atServer.reads = false;
  const id = pair.client.openStream("unidirectional")!;
  let written = 0;
  let read = 0;
  const write = (): void => {
    for (let taken = 1; taken > 0;) written += taken = pair.client.write(id, new Uint8Array(10_000));
  };
  write();
  pair.world.runFor(100);
  for (let i = 0; i < 500; i++) {
    pair.world.runFor(10);
    // 100 KB/s are read, on a link that carries 12.5 MB/s.
    read += pair.server.read(id, 1000)?.length ?? 0;
    write();
    assertLess(inFlight(pair.client), 250_000);
    assert(written - read <= 100_000 + 200_000, `${written - read} bytes are somewhere between`);
  }
  assert(read > 490_000, `${read} bytes were read`);
});
