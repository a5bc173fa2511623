import { assert, assertEquals } from "@std/assert";
import type { StreamFrame } from "../../transport/wire/frames/types.ts";
import type { Trace } from "../kit/trace.ts";
import { recordedPair } from "./recorder.ts";

/** The streams of the STREAM frames with new data that an end sent, in order, repeats left out. */
function order(trace: Trace): number[] {
  const ids = newFrames(trace).map((frame) => frame.streamId);
  return ids.filter((id, i) => i === 0 || ids[i - 1] !== id);
}

function newFrames(trace: Trace): StreamFrame[] {
  const seen = new Map<number, number>();
  const frames: StreamFrame[] = [];
  for (const { frame } of trace.frames("sent", "stream")) {
    const stream = frame as StreamFrame;
    if (stream.offset < (seen.get(stream.streamId) ?? 0)) continue;
    seen.set(stream.streamId, stream.offset + stream.data.length);
    frames.push(stream);
  }
  return frames;
}

Deno.test("Connection sends urgent streams first, whatever the order of writing", () => {
  const { pair, atServer } = recordedPair({ link: { rateMbps: 5, lossPercent: 1 } });
  const urgencies = [5, 1, 7, 3, 0];
  const ids = urgencies.map((urgency) => {
    const id = pair.client.openStream("unidirectional")!;
    pair.client.setPriority(id, urgency, false);
    pair.client.write(id, new Uint8Array(40_000));
    pair.client.finish(id);
    return id;
  });
  pair.world.require("all streams", () => ids.every((id) => atServer.ended.has(id)));
  const expected = ids.map((id, i) => ({ id, urgency: urgencies[i]! })).sort((a, b) => a.urgency - b.urgency);
  assertEquals(order(pair.clientTrace), expected.map(({ id }) => id));
});

Deno.test("Connection lets a stream that becomes urgent overtake the others", () => {
  const { pair, atServer } = recordedPair({ link: { rateMbps: 5 } });
  const [bulk, other] = [0, 1].map(() => {
    const id = pair.client.openStream("unidirectional")!;
    pair.client.setPriority(id, 5, false);
    pair.client.write(id, new Uint8Array(400_000));
    pair.client.finish(id);
    return id;
  });
  pair.world.runFor(100);
  pair.client.setPriority(other!, 1);
  const late = pair.client.openStream("unidirectional")!;
  pair.client.setPriority(late, 0);
  pair.client.write(late, new Uint8Array(5000));
  pair.client.finish(late);
  pair.world.require("all streams", () => atServer.ended.size === 3);
  assertEquals(order(pair.clientTrace), [bulk, late, other, bulk]);
});

Deno.test("Connection lets incremental streams of the same urgency take turns", () => {
  const { pair, atServer } = recordedPair({ link: { rateMbps: 5 } });
  const ids = Array.from({ length: 4 }, () => {
    const id = pair.client.openStream("unidirectional")!;
    pair.client.setPriority(id, 3, true);
    pair.client.write(id, new Uint8Array(50_000));
    pair.client.finish(id);
    return id;
  });
  pair.world.require("all streams", () => ids.every((id) => atServer.ended.has(id)));
  const sent = new Map(ids.map((id) => [id, 0]));
  for (const { streamId, data } of newFrames(pair.clientTrace)) {
    sent.set(streamId, sent.get(streamId)! + data.length);
    const amounts = [...sent.values()];
    // Nobody is ahead of another by more than two packets, until the ends.
    if (Math.max(...amounts) < 48_000) assert(Math.max(...amounts) - Math.min(...amounts) <= 2904);
  }
});

Deno.test("Connection finishes streams that are not incremental one after the other", () => {
  const { pair, atServer } = recordedPair({ link: { rateMbps: 5 } });
  const ids = Array.from({ length: 4 }, () => {
    const id = pair.client.openStream("unidirectional")!;
    pair.client.setPriority(id, 3, false);
    pair.client.write(id, new Uint8Array(50_000));
    pair.client.finish(id);
    return id;
  });
  pair.world.require("all streams", () => ids.every((id) => atServer.ended.has(id)));
  assertEquals(order(pair.clientTrace), ids);
});

Deno.test("Connection repairs losses before it sends new data of the same urgency", () => {
  const { pair, atServer } = recordedPair({ link: { rateMbps: 5 } });
  const id = pair.client.openStream("unidirectional")!;
  let n = 0;
  pair.link.up.tap = () => ++n === 3 ? "drop" : "pass";
  pair.client.write(id, new Uint8Array(300_000));
  pair.client.finish(id);
  pair.world.require("the stream", () => atServer.ended.has(id));
  const lost = pair.clientTrace.first("quic:packet_lost")!;
  const next = pair.clientTrace.first("quic:packet_sent", (data, now) => {
    return now >= lost.now && data.frames.some((frame) => frame.kind === "stream");
  })!;
  const [frame] = next.data.frames.filter((f) => f.kind === "stream") as StreamFrame[];
  const was = pair.clientTrace.first(
    "quic:packet_sent",
    (d) => d.header.number === lost.data.header.number && d.header.type === "one_rtt",
  )!;
  assertEquals(frame!.offset, (was.data.frames.find((f) => f.kind === "stream") as StreamFrame).offset);
});
