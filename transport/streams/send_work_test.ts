import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { FakePacket, fakeReceived } from "../base/fake_packet.ts";
import { End, WIDE } from "./fake_pipe.ts";
import type { StreamRecord } from "./send_work.ts";

/** What the stream frames of a packet carry: id, offset, length, and whether they end the stream. */
function carried(packet: FakePacket): (number | boolean)[][] {
  return packet.frames.flatMap((f) => f.kind === "stream" ? [[f.streamId, f.offset, f.data.length, f.fin]] : []);
}

/** An end with streams on each of which `bytes` were written. */
function endWith(streams: number, bytes: number): { end: End; ids: number[] } {
  const end = new End("client");
  const ids = Array.from({ length: streams }, () => end.set.open("bidirectional")!);
  for (const id of ids) end.set.write(id, new Uint8Array(bytes));
  return { end, ids };
}

/** A packet of new data, or of lost data, on a path; empty when there is none. */
function send(end: End, options: { path?: number; now?: number; room?: number; kind?: "retransmit" } = {}): FakePacket {
  const packet = new FakePacket(options);
  const work = end.set.nextWork(options.kind ?? "stream");
  if (work !== undefined) end.set.writeWork(options.kind ?? "stream", packet, work.streamId);
  return packet;
}

function copies(end: End, path: number, scope: "all" | "offered" = "all"): FakePacket {
  const packet = new FakePacket({ path });
  end.set.writeReinject(packet, scope);
  return packet;
}

Deno.test("StreamSet.nextWork() offers new data with its size and urgency", () => {
  const { end, ids } = endWith(1, 3000);
  assertEquals({ ...end.set.nextWork("stream") }, {
    kind: "stream",
    streamId: ids[0]!,
    bytes: 3000,
    urgency: 3,
    deadline: Infinity,
    lastPath: -1,
    firstSentAt: -1,
    lane: undefined,
  });
  assertEquals(end.set.nextWork("retransmit"), undefined);
  assertEquals(end.set.nextReinject(1), undefined);
});

Deno.test("StreamSet.nextWork() offers lost data with its history", () => {
  const { end, ids } = endWith(1, 3000);
  send(end, { path: 2, now: 40 });
  send(end, { path: 1, now: 50 }).lost();
  const lost = end.set.nextWork("retransmit")!;
  assertEquals([lost.streamId, lost.lastPath, lost.firstSentAt], [ids[0]!, 1, 50]);
  assert(lost.bytes > 1100 && lost.bytes < 1200);
  const again = send(end, { path: 2, now: 60, kind: "retransmit" });
  assertEquals(carried(again)[0]![1], 1198);
  again.lost();
  assertEquals(end.set.nextWork("retransmit")!.lastPath, 2);
  assertEquals(end.set.nextWork("retransmit")!.firstSentAt, 50);
});

Deno.test("StreamSet.writeWork() fills a packet with streams of one urgency", () => {
  const { end, ids } = endWith(3, 300);
  end.set.setPriority(ids[2]!, 4);
  const packet = send(end);
  assertEquals(carried(packet), [[ids[0]!, 0, 300, false], [ids[1]!, 0, 300, false]]);
  assertEquals(carried(send(end)), [[ids[2]!, 0, 300, false]]);
  assertEquals(end.set.backlog, 0);
});

Deno.test("StreamSet serves streams of one urgency in turn, packet by packet", () => {
  const { end, ids } = endWith(3, 5000);
  const turns = Array.from({ length: 6 }, () => carried(send(end))[0]![0]);
  assertEquals(turns, [...ids, ...ids]);
});

Deno.test("StreamSet serves streams that are not incremental one after the other", () => {
  const { end, ids } = endWith(3, 2000);
  for (const id of ids.toReversed()) end.set.setPriority(id, 2, false);
  const order = Array.from({ length: 6 }, () => carried(send(end)).map((f) => f[0])).flat();
  assertEquals(order, order.toSorted((a, b) => Number(a) - Number(b)));
});

Deno.test("StreamSet.setPriority() moves a stream that has lost data too", () => {
  const { end, ids } = endWith(2, 1000);
  const packets = [send(end), send(end)];
  for (const packet of packets) packet.lost();
  end.set.setPriority(ids[1]!, 0);
  assertEquals(end.set.nextWork("retransmit")?.streamId, ids[1]!);
});

Deno.test("StreamSet offers only what the filter accepts", () => {
  const { end, ids } = endWith(3, 100);
  const accept = (id: number) => id !== ids[0];
  assertEquals(end.set.nextWork("stream", accept)?.streamId, ids[1]!);
  const packet = new FakePacket();
  end.set.writeWork("stream", packet, ids[1]!, accept);
  assertEquals(carried(packet).map((f) => f[0]), [ids[1]!, ids[2]!]);
  assertEquals(end.set.nextWork("stream", accept), undefined);
  packet.lost();
  assertEquals(end.set.nextWork("retransmit", (id) => id === ids[2])?.streamId, ids[2]!);
});

Deno.test("StreamSet sends the end with the last bytes, or alone, without any credit", () => {
  const end = new End("client", {}, { ...WIDE, initialMaxData: 100 });
  const id = end.set.open("bidirectional")!;
  const other = end.set.open("bidirectional")!;
  end.set.write(id, new Uint8Array(100));
  end.set.finish(id);
  assertEquals(carried(send(end)), [[id, 0, 100, true]]);
  end.set.write(other, new Uint8Array(1));
  assertEquals(end.set.nextWork("stream"), undefined);
  const third = end.set.open("bidirectional")!;
  end.set.finish(third);
  assertEquals(end.set.nextWork("stream")?.bytes, 0);
  assertEquals(carried(send(end)), [[third, 0, 0, true]]);
});

Deno.test("StreamSet sends a lost end again", () => {
  const { end, ids } = endWith(1, 10);
  const first = send(end);
  end.set.finish(ids[0]!);
  send(end).lost();
  assertEquals(end.set.nextWork("retransmit")?.bytes, 0);
  const again = send(end, { kind: "retransmit" });
  assertEquals(carried(again), [[ids[0]!, 10, 0, true]]);
  again.lost();
  first.lost();
  assertEquals(carried(send(end, { kind: "retransmit" })), [[ids[0]!, 0, 10, true]]);
});

Deno.test("StreamSet cuts lost data to the room there is", () => {
  const { end, ids } = endWith(1, 1000);
  send(end).lost();
  const parts = [send(end, { kind: "retransmit", room: 402 }), send(end, { kind: "retransmit" })];
  assertEquals(parts.flatMap(carried), [[ids[0]!, 0, 400, false], [ids[0]!, 400, 600, false]]);
  parts[0]!.lost();
  parts[1]!.acked();
  assertEquals(end.set.nextWork("retransmit")?.bytes, 400);
});

Deno.test("StreamSet leaves small rooms alone unless what is left fits", () => {
  const { end, ids } = endWith(1, 1000);
  assertEquals(carried(send(end, { room: 20 })), []);
  assertEquals(carried(send(end, { room: 998 })).length, 1);
  assertEquals(carried(send(end, { room: 20 })), [[ids[0]!, 996, 4, false]]);
});

Deno.test("StreamSet leaves the length out where data ends the packet, and pads what is too little for one", () => {
  // A frame of stream 0 at offset 0 has two bytes before its length, which has two.
  const sizes = (room: number) =>
    send(endWith(1, 1000).end, { room }).frames.map((f) =>
      f.kind === "stream" ? [f.data.length, f.toEnd] : f.kind === "padding" ? f.length : f.kind
    );
  assertEquals(sizes(1001), [[999, true]]);
  assertEquals(sizes(1002), [[1000, true]]);
  assertEquals(sizes(1003), [1, [1000, true]]);
  assertEquals(sizes(1004), [[1000, false]]);
  assertEquals(sizes(1200), [[1000, false]]);
});

Deno.test("StreamSet fills packets to the last byte while there is data, whatever pieces it was written in", () => {
  const pieces = fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1, maxLength: 8 });
  fc.assert(fc.property(pieces, fc.integer({ min: 100, max: 1400 }), (pieces, room) => {
    const end = new End("client");
    const id = end.set.open("bidirectional")!;
    for (const length of pieces) end.set.write(id, new Uint8Array(length));
    while (end.set.backlog > 0) {
      const packet = send(end, { room });
      const last = packet.frames.at(-1)!;
      assert(last.kind === "stream");
      // Less than is worth a frame may stay free.
      if (end.set.backlog > 0) assert(packet.room < 40, `${packet.room} bytes are free`);
      if (last.toEnd) assertEquals(packet.room, 0);
    }
    assertEquals(end.set.stats(id)?.sending?.sent, pieces.reduce((sum, length) => sum + length, 0));
  }));
});

Deno.test("StreamSet.writeReinject() copies what is in flight elsewhere, once to each other path", () => {
  const { end, ids } = endWith(2, 500);
  const first = send(end, { path: 0, now: 7 });
  assertEquals(carried(copies(end, 0)), []);
  const offer = end.set.nextReinject(1)!;
  assertEquals([offer.kind, offer.streamId, offer.bytes, offer.lastPath, offer.firstSentAt], [
    "reinject",
    ids[0]!,
    500,
    0,
    7,
  ]);
  const copy = copies(end, 1);
  assertEquals(carried(copy), carried(first));
  assertEquals(carried(copies(end, 1)), []);
  assertEquals(carried(copies(end, 2)), carried(first));
  first.lost();
  assertEquals(end.set.nextWork("retransmit"), undefined);
  copy.acked();
  assertEquals([end.set.sendMemory, end.set.nextReinject(3)], [0, undefined]);
});

Deno.test("StreamSet.nextReinject() keeps to the filter", () => {
  const { end, ids } = endWith(2, 500);
  send(end);
  assertEquals(end.set.nextReinject(1, "all", (id) => id === ids[1])?.streamId, ids[1]!);
});

Deno.test("StreamSet.offerAgain() offers what a silent path holds, and nothing else, without losing it", () => {
  const { end, ids } = endWith(1, 3000);
  const silent = send(end, { path: 0 });
  const other = send(end, { path: 1 });
  assertEquals([end.set.hasOffered, end.set.nextReinject(1, "offered")], [false, undefined]);
  assertEquals(end.set.offerAgain(0), true);
  assertEquals(end.set.nextWork("retransmit"), undefined);
  assertEquals(end.set.nextReinject(0, "offered"), undefined);
  const copy = copies(end, 1, "offered");
  assertEquals(carried(copy), carried(silent));
  assertEquals([end.set.hasOffered, end.set.offerAgain(0)], [false, false]);
  silent.lost();
  assertEquals(end.set.nextWork("retransmit"), undefined);
  copy.acked();
  other.acked();
  assertEquals(end.set.stats(ids[0]!)!.sending!.acked, end.set.stats(ids[0]!)!.sending!.sent);
});

Deno.test("StreamSet.offerAgain() offers control frames of a silent path to the next packet", () => {
  const { end, ids } = endWith(1, 10);
  end.set.reset(ids[0]!, 3);
  const silent = end.packet({ path: 0 });
  assertEquals(silent.frames.length, 1);
  end.set.offerAgain(1);
  assertEquals(end.packet({ path: 1 }).frames, []);
  assertEquals(end.set.offerAgain(0), false);
  assertEquals(end.packet({ path: 1 }).frames, silent.frames);
  silent.lost();
  assertEquals(end.packet({ path: 1 }).frames, []);
});

Deno.test("StreamSet.writeAgain() writes once more what is still missing of a frame", () => {
  const { end, ids } = endWith(1, 1000);
  const first = send(end);
  const record = first.records[0]! as StreamRecord;
  assertEquals([record.streamId, record.from, record.to, record.fin, record.path], [ids[0]!, 0, 1000, false, 0]);
  const probe = new FakePacket({ room: 302 });
  assertEquals(end.set.writeAgain(record, probe), true);
  assertEquals(carried(probe), [[ids[0]!, 0, 300, false]]);
  probe.acked();
  const second = new FakePacket();
  assertEquals(end.set.writeAgain(record, second), true);
  assertEquals(carried(second), [[ids[0]!, 300, 700, false]]);
  first.lost();
  assertEquals(end.set.nextWork("retransmit"), undefined);
  second.lost();
  assertEquals(end.set.nextWork("retransmit")?.bytes, 700);
  const third = new FakePacket();
  assertEquals(end.set.writeAgain(record, third), true);
  assertEquals(end.set.nextWork("retransmit"), undefined);
  third.acked();
  assertEquals(end.set.writeAgain(record, new FakePacket()), false);
});

Deno.test("StreamSet keeps quiet about streams that were reset", () => {
  const { end, ids } = endWith(2, 2000);
  const [first, second] = [send(end), send(end)];
  first.lost();
  for (const id of ids) end.set.reset(id, 1);
  second.lost();
  assertEquals([end.set.nextWork("retransmit"), end.set.nextWork("stream"), end.set.nextReinject(1)], [
    undefined,
    undefined,
    undefined,
  ]);
  assertEquals([end.set.offerAgain(0), end.set.backlog, end.set.sendMemory], [false, 0, 0]);
  assertEquals(end.set.writeAgain(first.records[0]!, new FakePacket()), false);
  assertEquals(end.set.writeWork("stream", new FakePacket(), ids[0]!), false);
});

Deno.test("StreamSet keeps the backlog and the window in step with what is written and sent", () => {
  const { end, ids } = endWith(2, 1000);
  assertEquals([end.set.backlog, end.set.sendWindow], [2000, WIDE.initialMaxData]);
  const packet = send(end);
  const sent = carried(packet).reduce((sum, f) => sum + Number(f[2]), 0);
  assertEquals([end.set.backlog, end.set.sendWindow], [2000 - sent, WIDE.initialMaxData - sent]);
  packet.lost();
  send(end, { kind: "retransmit" });
  assertEquals([end.set.backlog, end.set.sendWindow], [2000 - sent, WIDE.initialMaxData - sent]);
  end.set.onFrame({ kind: "stop_sending", streamId: ids[1]!, code: 1 }, fakeReceived());
  assertEquals(end.set.backlog, 0);
});
