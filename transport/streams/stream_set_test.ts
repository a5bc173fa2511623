import { assert, assertEquals, assertThrows } from "@std/assert";
import { StreamError } from "../base/errors.ts";
import { type FakePacket, fakeReceived } from "../base/fake_packet.ts";
import type { Frame, MaxDataFrame, MaxStreamDataFrame } from "../wire/frames/types.ts";
import { REMEMBERED_ENDS } from "./control.ts";
import { End, WIDE } from "./fake_pipe.ts";

/** What the stream frames of a packet carry: id, offset, length, and whether they end the stream. */
function carried(packet: FakePacket): (number | boolean)[][] {
  return packet.frames.flatMap((f) => f.kind === "stream" ? [[f.streamId, f.offset, f.data.length, f.fin]] : []);
}

function control(packet: FakePacket): Frame[] {
  return packet.frames.filter((f) => f.kind !== "stream");
}

function opened(end: End, n: number): number[] {
  return Array.from({ length: n }, () => end.set.open("bidirectional")!);
}

Deno.test("StreamSet carries bytes there and back", () => {
  const client = new End("client");
  const server = new End("server");
  const id = client.set.open("bidirectional")!;
  assertEquals(client.set.write(id, Uint8Array.of(1, 2, 3)), 3);
  client.set.finish(id);
  const there = client.packet();
  assertEquals(carried(there), [[0, 0, 3, true]]);
  server.receive(there);
  assertEquals(server.take(), [{ type: "stream_opened", id }, { type: "stream_readable", id }]);
  assertEquals(server.set.read(id), Uint8Array.of(1, 2, 3));
  assertEquals(server.set.read(id), null);
  there.acked();
  assertEquals(client.take(), [{ type: "stream_finished", id }]);
  server.set.write(id, Uint8Array.of(9));
  server.set.finish(id);
  const back = server.packet();
  client.receive(back);
  back.acked();
  assertEquals(client.set.read(id), Uint8Array.of(9));
  assertEquals([client.set.openCount, client.set.read(id), client.set.read(id)], [1, null, undefined]);
  assertEquals([client.set.openCount, server.set.openCount], [0, 0]);
  assertEquals([client.set.stats(id), server.set.stats(id)], [undefined, undefined]);
});

Deno.test("StreamSet.open() waits for the peer's limit, and tells when it lifts", () => {
  const end = new End("client", {}, { ...WIDE, initialMaxStreamsUni: 1, initialMaxStreamsBidi: 0 });
  assertEquals([end.set.open("unidirectional"), end.set.open("unidirectional")], [2, undefined]);
  assertEquals(end.set.open("bidirectional"), undefined);
  const blocked = end.packet();
  assertEquals(blocked.frames, [
    { kind: "streams_blocked", bidirectional: true, limit: 0 },
    { kind: "streams_blocked", bidirectional: false, limit: 1 },
  ]);
  assertEquals(end.set.open("unidirectional"), undefined);
  assertEquals(end.packet().frames, []);
  end.set.onFrame({ kind: "max_streams", bidirectional: false, limit: 2 }, fakeReceived());
  assertEquals(end.take(), [{ type: "streams_available", kind: "unidirectional" }]);
  blocked.lost();
  assertEquals(end.packet().frames, [{ kind: "streams_blocked", bidirectional: true, limit: 0 }]);
  assertEquals([end.set.open("unidirectional"), end.set.open("unidirectional")], [6, undefined]);
  assertEquals(end.packet().frames, [{ kind: "streams_blocked", bidirectional: false, limit: 2 }]);
});

Deno.test("StreamSet.open() works once the limits are known", () => {
  const end = new End("client", {}, null);
  end.set.setPeerLimits({ ...WIDE, initialMaxStreamsBidi: 0 });
  assertEquals(end.set.open("bidirectional"), undefined);
  end.set.setPeerLimits(WIDE);
  assertEquals(end.take(), [{ type: "streams_available", kind: "bidirectional" }]);
  assertEquals(end.set.open("bidirectional"), 0);
});

Deno.test("StreamSet raises the limit on streams as they close", () => {
  const end = new End("server", { limits: { ...WIDE, initialMaxStreamsUni: 4 } });
  const closeNext = (id: number): Frame[] => {
    end.set.onFrame({ kind: "stream", streamId: id, offset: 0, data: new Uint8Array(1), fin: true }, fakeReceived());
    end.set.read(id);
    assertEquals(end.set.openCount, 1);
    assertEquals([end.set.read(id), end.set.openCount], [null, 0]);
    return end.packet().frames;
  };
  assertEquals(closeNext(2), []);
  assertEquals(closeNext(6), [{ kind: "max_streams", bidirectional: false, limit: 6 }]);
  assertEquals(closeNext(10), []);
  end.set.onFrame({ kind: "streams_blocked", bidirectional: false, limit: 6 }, fakeReceived());
  assertEquals(end.packet().frames, [{ kind: "max_streams", bidirectional: false, limit: 7 }]);
});

Deno.test("StreamSet announces credit when half of a window was read, and sends the newest when that is lost", () => {
  const end = new End("server", { limits: { ...WIDE, initialMaxData: 2000, initialMaxStreamDataUni: 1000 } });
  const receive = (offset: number, length: number, now: number) =>
    end.set.onFrame(
      { kind: "stream", streamId: 2, offset, data: new Uint8Array(length), fin: false },
      fakeReceived({ now }),
    );
  receive(0, 1000, 0);
  end.set.read(2, 499);
  assertEquals(end.packet({ now: 1000 }).frames, []);
  end.set.read(2, 1);
  const first = end.packet({ now: 1000 });
  assertEquals(first.frames, [{ kind: "max_stream_data", streamId: 2, limit: 1500 }]);
  end.set.read(2);
  const second = end.packet({ now: 2000 });
  assertEquals(second.frames, [
    { kind: "max_data", limit: 3000 },
    { kind: "max_stream_data", streamId: 2, limit: 2000 },
  ]);
  first.lost();
  assertEquals(end.packet({ now: 2000 }).frames, []);
  second.lost();
  assertEquals(end.packet({ now: 2000 }).frames, second.frames);
});

Deno.test("StreamSet lets windows grow while the reader is fast, up to their ceilings", () => {
  const limits = { ...WIDE, initialMaxData: 1500, initialMaxStreamDataUni: 1000 };
  const end = new End("server", { limits, streamWindow: 4000, connectionWindow: 7000 });
  let offset = 0;
  let streamLimit = 1000;
  let dataLimit = 1500;
  for (let now = 1; now < 50; now++) {
    const length = Math.min(streamLimit, dataLimit) - offset;
    const data = new Uint8Array(length);
    end.set.onFrame({ kind: "stream", streamId: 2, offset, data, fin: false }, fakeReceived({ now }));
    offset += length;
    while (end.set.read(2));
    for (const frame of end.packet({ now }).frames) {
      if (frame.kind === "max_data") dataLimit = frame.limit;
      if (frame.kind === "max_stream_data") streamLimit = frame.limit;
    }
  }
  assertEquals(streamLimit - offset, 4000);
  assert(dataLimit - offset >= 6000 && dataLimit - offset <= 7000, `${dataLimit - offset}`);
});

Deno.test("StreamSet says once for each limit that it is blocked", () => {
  const end = new End("client", {}, { ...WIDE, initialMaxData: 150, initialMaxStreamDataBidiRemote: 100 });
  const [a, b] = opened(end, 2) as [number, number];
  end.set.write(a, new Uint8Array(500));
  const first = end.packet();
  assertEquals(carried(first), [[a, 0, 100, false]]);
  assertEquals(control(end.packet()), [{ kind: "stream_data_blocked", streamId: a, limit: 100 }]);
  end.set.write(a, new Uint8Array(500));
  assertEquals(end.packet().frames, []);
  end.set.write(b, new Uint8Array(500));
  const second = end.packet();
  assertEquals(carried(second), [[b, 0, 50, false]]);
  const blocked = end.packet();
  assertEquals(control(blocked), [{ kind: "data_blocked", limit: 150 }]);
  blocked.lost();
  // With data in flight so few bytes would wait for more.
  first.acked();
  second.acked();
  end.set.onFrame({ kind: "max_data", limit: 160 }, fakeReceived());
  const third = end.packet();
  assertEquals(carried(third), [[b, 50, 10, false]]);
  assertEquals(end.packet().frames, []);
  third.acked();
  assertEquals(control(end.packet()), [{ kind: "data_blocked", limit: 160 }]);
});

Deno.test("StreamSet says that it is blocked once in half a window while credit comes in small steps", () => {
  for (const kind of ["max_data", "max_stream_data"] as const) {
    const window = { [kind === "max_data" ? "initialMaxData" : "initialMaxStreamDataBidiRemote"]: 64_000 };
    const end = new End("client", {}, { ...WIDE, ...window });
    const [id] = opened(end, 1) as [number];
    end.set.write(id, new Uint8Array(500_000));
    const packets = [end.packet({ room: 70_000 })];
    let [told, limit] = [control(end.packet()).length, 64_000];
    for (; limit < 256_000; limit += 2000) {
      end.set.onFrame({ kind, streamId: id, limit } as MaxDataFrame | MaxStreamDataFrame, fakeReceived());
      packets.push(end.packet({ room: 3000 }));
      if (packets.length > 30) packets.shift()!.acked();
      told += control(end.packet()).length;
    }
    assert(told >= 6 && told <= 8, `${told} times`);
    for (const packet of packets) packet.acked();
    assertEquals(control(end.packet()).map((f) => "limit" in f && f.limit), [limit - 2000]);
  }
});

Deno.test("StreamSet waits for more credit than a few bytes while data is in flight, and no longer", () => {
  const end = new End("client", {}, { ...WIDE, initialMaxData: 8000 });
  const [id] = opened(end, 1) as [number];
  end.set.write(id, new Uint8Array(20_000));
  const first = end.packet({ room: 8100 });
  assertEquals(carried(first), [[id, 0, 8000, false]]);
  end.set.onFrame({ kind: "max_data", limit: 8500 }, fakeReceived());
  assertEquals(carried(end.packet()), []);
  first.acked();
  assertEquals(carried(end.packet()), [[id, 8000, 500, false]]);
});

Deno.test("StreamSet answers STOP_SENDING with RESET_STREAM of the same code", () => {
  const end = new End("client");
  const id = end.set.open("bidirectional")!;
  end.set.write(id, new Uint8Array(100));
  const sent = end.packet();
  end.set.write(id, new Uint8Array(100));
  end.set.onFrame({ kind: "stop_sending", streamId: id, code: 77 }, fakeReceived());
  assertEquals(end.take(), [{ type: "stream_stopped", id, code: 77 }]);
  const reset = end.packet();
  assertEquals(reset.frames, [{ kind: "reset_stream", streamId: id, code: 77, finalSize: 100 }]);
  assertEquals([end.set.backlog, end.set.sendMemory], [0, 0]);
  sent.lost();
  assertEquals(end.packet().frames, []);
  for (const step of [() => {}, () => reset.acked()]) {
    step();
    const error = assertThrows(() => end.set.write(id, new Uint8Array(1)), StreamError);
    assertEquals([error.code, error.kind, error.streamId], [77, "stopped", id]);
  }
  end.set.onFrame({ kind: "stop_sending", streamId: id, code: 78 }, fakeReceived());
  assertEquals([end.take(), end.packet().frames], [[], []]);
});

Deno.test("StreamSet.reset() is delivered until it is acknowledged", () => {
  const end = new End("client");
  const id = end.set.open("unidirectional")!;
  end.set.reset(id, 5);
  end.set.reset(id, 6);
  const first = end.packet();
  assertEquals(first.frames, [{ kind: "reset_stream", streamId: id, code: 5, finalSize: 0 }]);
  first.lost();
  const second = end.packet();
  assertEquals(second.frames, first.frames);
  second.acked();
  assertEquals([end.set.openCount, end.take()], [0, []]);
  assertEquals(assertThrows(() => end.set.write(id, new Uint8Array(1)), StreamError).kind, "reset");
});

Deno.test("StreamSet tells of a reset once, and read() throws from then on", () => {
  const end = new End("server");
  end.set.onFrame({ kind: "stream", streamId: 2, offset: 0, data: new Uint8Array(500), fin: false }, fakeReceived());
  end.take();
  for (let i = 0; i < 2; i++) {
    end.set.onFrame({ kind: "reset_stream", streamId: 2, code: 4, finalSize: 600 }, fakeReceived());
  }
  assertEquals(end.take(), [{ type: "stream_reset", id: 2, code: 4 }]);
  for (let i = 0; i < 2; i++) assertEquals(assertThrows(() => end.set.read(2), StreamError).code, 4);
  assertEquals([end.set.openCount, end.set.receiveMemory], [0, 0]);
});

Deno.test("StreamSet never lets a reset look like an end, however long ago it was", () => {
  const end = new End("server");
  const last = 4 * REMEMBERED_ENDS + 2;
  for (let id = 2; id <= last; id += 4) {
    end.set.onFrame({ kind: "stream", streamId: id, offset: 0, data: new Uint8Array(9), fin: false }, fakeReceived());
    end.set.onFrame({ kind: "reset_stream", streamId: id, code: 4, finalSize: 9 }, fakeReceived());
    end.packet().acked();
  }
  assertEquals(end.set.read(2), undefined);
  assertThrows(() => end.set.read(last), StreamError);
  assertEquals(end.take().filter((e) => e.type === "stream_reset" && e.id === 2).length, 1);
});

Deno.test("StreamSet.stopSending() asks the peer to stop until it has", () => {
  const end = new End("server");
  const data = new Uint8Array(500);
  end.set.onFrame({ kind: "stream", streamId: 2, offset: 0, data, fin: false }, fakeReceived());
  end.take();
  end.set.stopSending(2, 8);
  assertEquals([end.set.read(2), end.set.receiveMemory], [undefined, 0]);
  const stop = end.packet();
  assertEquals(stop.frames, [{ kind: "stop_sending", streamId: 2, code: 8 }]);
  end.set.onFrame({ kind: "stream", streamId: 2, offset: 500, data, fin: false }, fakeReceived());
  assertEquals(end.take(), []);
  stop.lost();
  assertEquals(end.packet().frames, stop.frames);
  end.set.onFrame({ kind: "reset_stream", streamId: 2, code: 8, finalSize: 1000 }, fakeReceived());
  assertEquals([end.take(), end.set.openCount, end.set.read(2)], [[], 0, undefined]);
});

Deno.test("StreamSet pushes stream_readable once, and again after a read found the bottom", () => {
  const end = new End("server");
  const receive = (offset: number, fin = false) =>
    end.set.onFrame({ kind: "stream", streamId: 2, offset, data: new Uint8Array(fin ? 0 : 10), fin }, fakeReceived());
  const readable = [{ type: "stream_readable" as const, id: 2 }];
  receive(0);
  assertEquals(end.take().slice(1), readable);
  receive(10);
  assertEquals(end.take(), []);
  end.set.read(2, 5);
  receive(20);
  assertEquals(end.take(), []);
  end.set.read(2);
  receive(30);
  assertEquals(end.take(), readable);
  end.set.read(2);
  assertEquals(end.set.read(2), undefined);
  receive(50);
  assertEquals(end.take(), []);
  receive(40);
  assertEquals(end.take(), readable);
  end.set.read(2);
  receive(60, true);
  assertEquals(end.take(), readable);
  assertEquals(end.set.read(2), null);
});

Deno.test("StreamSet.write() takes what the buffer has room for, and tells when there is more", () => {
  const end = new End("client", { sendBuffer: 1000 });
  const id = end.set.open("bidirectional")!;
  assertEquals(end.set.write(id, new Uint8Array(1500)), 1000);
  assertEquals(end.set.write(id, new Uint8Array(500)), 0);
  const packets = Array.from({ length: 11 }, () => end.packet({ room: 104 }));
  assertEquals(end.set.backlog, 0);
  packets[3]!.acked();
  packets[1]!.acked();
  assertEquals(end.take(), []);
  packets[0]!.acked();
  assertEquals(end.take(), [{ type: "stream_writable", id }]);
  packets[2]!.acked();
  assertEquals(end.take(), []);
  const acked = end.set.stats(id)!.sending!.acked;
  assertEquals(end.set.write(id, new Uint8Array(1500)), acked);
  assertEquals(end.set.sendMemory, 1000);
});

Deno.test("StreamSet bounds what all streams keep, but leaves something to each", () => {
  const end = new End("client", { sendBuffer: 100_000, sendBufferTotal: 150_000 });
  const [a, b, c] = opened(end, 3) as [number, number, number];
  const large = new Uint8Array(200_000);
  assertEquals([a, b, c].map((id) => end.set.write(id, large)), [100_000, 50_000, 16_384]);
  const packets: FakePacket[] = [];
  for (let packet = end.packet(); packet.frames.length > 0; packet = end.packet()) packets.push(packet);
  for (const packet of packets) packet.acked();
  assertEquals(end.take().map((e) => e.type === "stream_writable" && e.id).toSorted(), [a, b, c].toSorted());
  assertEquals(end.set.sendMemory, 0);
});

Deno.test("StreamSet refuses wrong calls", () => {
  const end = new End("client");
  end.set.onFrame({ kind: "stream", streamId: 3, offset: 0, data: new Uint8Array(1), fin: false }, fakeReceived());
  const own = end.set.open("unidirectional")!;
  const bytes = new Uint8Array(1);
  for (const id of [0, 1, 7, -1, 0.5, NaN]) {
    assertThrows(() => end.set.write(id, bytes), RangeError, "never opened");
    assertThrows(() => end.set.read(id), RangeError, "never opened");
    assertThrows(() => end.set.finish(id), RangeError);
    assertThrows(() => end.set.reset(id, 0), RangeError);
    assertThrows(() => end.set.stopSending(id, 0), RangeError);
    assertThrows(() => end.set.setPriority(id, 0), RangeError);
  }
  assertThrows(() => end.set.write(3, bytes), RangeError, "receiving only");
  assertThrows(() => end.set.read(own), RangeError, "sending only");
  for (const urgency of [-1, 8, 1.5, NaN]) assertThrows(() => end.set.setPriority(own, urgency), RangeError, "Urgency");
  for (const code of [-1, 0.5, 2 ** 53]) assertThrows(() => end.set.reset(own, code), RangeError, "code");
  assertThrows(() => end.set.stopSending(3, -1), RangeError, "code");
  for (const limit of [0, -1, NaN]) assertThrows(() => end.set.read(3, limit), RangeError, "limit");
  end.set.finish(own);
  end.set.finish(own);
  assertThrows(() => end.set.write(own, bytes), RangeError, "finished");
});

Deno.test("StreamSet forgives calls that come after the end of a stream", () => {
  const end = new End("client");
  const id = end.set.open("unidirectional")!;
  end.set.finish(id);
  end.packet().acked();
  assertEquals(end.take(), [{ type: "stream_finished", id }]);
  end.set.finish(id);
  end.set.reset(id, 1);
  end.set.setPriority(id, 1);
  assertThrows(() => end.set.write(id, new Uint8Array(1)), RangeError, "finished");
  assertEquals([end.take(), end.packet().frames], [[], []]);
});

Deno.test("StreamSet.stats() tells how far a stream is", () => {
  const end = new End("client");
  const id = end.set.open("bidirectional")!;
  end.set.write(id, new Uint8Array(2000));
  end.packet({ room: 1002 }).acked();
  end.set.onFrame({ kind: "stream", streamId: id, offset: 10, data: new Uint8Array(10), fin: true }, fakeReceived());
  assertEquals(end.set.stats(id), {
    id,
    sending: { state: "send", written: 2000, sent: 1000, acked: 1000 },
    receiving: { state: "size-known", received: 20, read: 0 },
  });
  assertEquals(end.set.backlog, 1000);
  assertEquals(end.set.sendWindow, WIDE.initialMaxData - 1000);
});

Deno.test("StreamSet.restart() sends all again under the limits of a peer that rejected 0-RTT", () => {
  const end = new End("client", {}, { ...WIDE, initialMaxStreamsUni: 3 });
  const [a, b, c] = [0, 1, 2].map(() => end.set.open("unidirectional")!) as [number, number, number];
  for (const id of [a, b]) end.set.write(id, new Uint8Array(100));
  end.set.finish(a);
  end.packet().lost();
  end.set.reset(c, 9);
  end.packet().lost();
  end.set.restart({ ...WIDE, initialMaxData: 150, initialMaxStreamDataUni: 120, initialMaxStreamsUni: 1 });
  assertEquals(end.set.backlog, 200);
  assertEquals(end.packet().frames.map((f) => f.kind), ["stream"]);
  assertEquals(end.packet().frames, []);
  end.set.onFrame({ kind: "max_streams", bidirectional: false, limit: 3 }, fakeReceived());
  const rest = end.packet();
  assertEquals(control(rest), [{ kind: "reset_stream", streamId: c, code: 9, finalSize: 0 }]);
  assertEquals(carried(rest), [[b, 0, 50, false]]);
});
