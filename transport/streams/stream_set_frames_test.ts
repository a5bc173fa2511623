import { assertEquals, assertThrows } from "@std/assert";
import { TransportError, TransportErrorCode } from "../base/errors.ts";
import { fakeReceived } from "../base/fake_packet.ts";
import type { Frame } from "../wire/frames/types.ts";
import { End, WIDE } from "./fake_pipe.ts";

// Ids: 0, 4 are the client's bidirectional streams, 1, 5 the server's; 2, 6 and 3, 7 the unidirectional ones.
const BYTES = new Uint8Array(10);

function data(streamId: number, offset = 0, fin = false, length = 10): Frame {
  return { kind: "stream", streamId, offset, data: new Uint8Array(length), fin };
}

const KINDS: readonly ((streamId: number) => Frame)[] = [
  data,
  (streamId) => ({ kind: "reset_stream", streamId, code: 1, finalSize: 10 }),
  (streamId) => ({ kind: "stream_data_blocked", streamId, limit: 0 }),
  (streamId) => ({ kind: "stop_sending", streamId, code: 1 }),
  (streamId) => ({ kind: "max_stream_data", streamId, limit: 5 }),
];

function errorOf(end: End, frame: Frame): number | undefined {
  try {
    end.set.onFrame(frame, fakeReceived());
  } catch (error) {
    if (error instanceof TransportError) return error.code;
    throw error;
  }
  return undefined;
}

const STATE = TransportErrorCode.STREAM_STATE_ERROR;
const LIMIT = TransportErrorCode.STREAM_LIMIT_ERROR;

Deno.test("StreamSet refuses frames about own streams that were never opened", () => {
  for (const make of KINDS) {
    assertEquals(errorOf(new End("client"), make(0)), STATE);
    assertEquals(errorOf(new End("client"), make(2)), STATE);
    assertEquals(errorOf(new End("server"), make(1)), STATE);
  }
});

Deno.test("StreamSet refuses frames in the wrong direction", () => {
  const end = new End("client");
  end.set.open("unidirectional");
  assertEquals(KINDS.map((make) => errorOf(end, make(2))), [STATE, STATE, STATE, undefined, undefined]);
  assertEquals(KINDS.map((make) => errorOf(end, make(3))), [undefined, undefined, undefined, STATE, STATE]);
});

Deno.test("StreamSet accepts all frames about bidirectional streams; each opens one of the peer", () => {
  for (const make of KINDS) {
    const end = new End("client");
    end.set.open("bidirectional");
    assertEquals(errorOf(end, make(0)), undefined);
    assertEquals(errorOf(end, make(1)), undefined);
    assertEquals(end.events.filter((e) => e.type === "stream_opened"), [{ type: "stream_opened", id: 1 }]);
    assertEquals(end.set.openCount, 2);
  }
});

Deno.test("StreamSet opens all lower streams of a kind with one", () => {
  const end = new End("server");
  assertEquals(errorOf(end, data(8)), undefined);
  assertEquals(end.take(), [
    { type: "stream_opened", id: 0 },
    { type: "stream_opened", id: 4 },
    { type: "stream_opened", id: 8 },
    { type: "stream_readable", id: 8 },
  ]);
  assertEquals(errorOf(end, data(4)), undefined);
  assertEquals(end.take(), [{ type: "stream_readable", id: 4 }]);
});

Deno.test("StreamSet refuses streams beyond the limit", () => {
  const limits = { ...WIDE, initialMaxStreamsBidi: 3, initialMaxStreamsUni: 0 };
  for (const make of KINDS) {
    const end = new End("server", { limits });
    assertEquals(errorOf(end, make(12)), LIMIT);
    assertEquals(errorOf(end, make(8)), undefined);
  }
  assertEquals(errorOf(new End("server", { limits }), data(2)), LIMIT);
  assertEquals(errorOf(new End("server", { limits }), data(Number.MAX_SAFE_INTEGER - 3)), LIMIT);
});

Deno.test("StreamSet refuses data beyond the limits that it announced", () => {
  const limits = {
    initialMaxData: 100,
    initialMaxStreamDataBidiLocal: 20,
    initialMaxStreamDataBidiRemote: 30,
    initialMaxStreamDataUni: 40,
    initialMaxStreamsBidi: 10,
    initialMaxStreamsUni: 10,
  };
  const flow = TransportErrorCode.FLOW_CONTROL_ERROR;
  for (const { id, most } of [{ id: 0, most: 20 }, { id: 1, most: 30 }, { id: 3, most: 40 }]) {
    const end = new End("client", { limits });
    end.set.open("bidirectional");
    assertEquals(errorOf(end, data(id, 0, false, most)), undefined);
    assertEquals(errorOf(end, data(id, most, false, 1)), flow);
    assertEquals(errorOf(end, { kind: "reset_stream", streamId: id, code: 0, finalSize: most + 1 }), flow);
  }
  const end = new End("client", { limits });
  for (const id of [3, 7]) assertEquals(errorOf(end, data(id, 0, false, 40)), undefined);
  assertEquals(errorOf(end, data(11, 0, false, 20)), undefined);
  assertEquals(errorOf(end, data(15, 0, false, 1)), flow);
});

Deno.test("StreamSet refuses another final size", () => {
  const end = new End("server");
  assertEquals(errorOf(end, data(0, 0, true)), undefined);
  assertEquals(errorOf(end, data(0, 0, true, 9)), TransportErrorCode.FINAL_SIZE_ERROR);
  assertEquals(errorOf(end, data(0, 10)), TransportErrorCode.FINAL_SIZE_ERROR);
});

Deno.test("StreamSet names the frame at fault", () => {
  const types = KINDS.map((make) => {
    const error = assertThrows(() => new End("client").set.onFrame(make(0), fakeReceived()), TransportError);
    return error.frameType;
  });
  assertEquals(types, [0x08, 0x04, 0x15, 0x05, 0x11]);
});

Deno.test("StreamSet ignores late frames about closed streams", () => {
  const end = new End("server");
  end.set.onFrame(data(0, 0, true), fakeReceived());
  while (end.set.read(0));
  end.set.finish(0);
  end.packet().acked();
  assertEquals(end.set.openCount, 0);
  end.take();
  for (const make of KINDS) assertEquals(errorOf(end, make(0)), undefined);
  assertEquals(errorOf(end, data(0, 1000)), undefined);
  assertEquals(end.take(), []);
  assertEquals(end.packet().frames, []);
});

Deno.test("StreamSet takes limits that do not grow for nothing", () => {
  const end = new End("client", {}, { ...WIDE, initialMaxData: 100, initialMaxStreamDataBidiRemote: 50 });
  const id = end.set.open("bidirectional")!;
  end.set.onFrame({ kind: "max_data", limit: 10 }, fakeReceived());
  end.set.onFrame({ kind: "max_stream_data", streamId: id, limit: 10 }, fakeReceived());
  end.set.onFrame({ kind: "max_streams", bidirectional: true, limit: 0 }, fakeReceived());
  end.set.write(id, new Uint8Array(200));
  assertEquals(end.set.nextWork("stream")?.bytes, 50);
  end.set.onFrame({ kind: "max_stream_data", streamId: id, limit: 500 }, fakeReceived());
  assertEquals(end.set.nextWork("stream")?.bytes, 100);
  end.set.onFrame({ kind: "max_data", limit: 180 }, fakeReceived());
  assertEquals(end.set.nextWork("stream")?.bytes, 180);
  assertEquals(end.set.open("bidirectional"), 4);
});

Deno.test("StreamSet.onFrame() refuses kinds that are not routed to it", () => {
  assertThrows(
    () => new End("client").set.onFrame({ kind: "crypto", offset: 0, data: BYTES }, fakeReceived()),
    TypeError,
  );
});
