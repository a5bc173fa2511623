import { assertEquals, assertThrows } from "@std/assert";
import { TransportError, TransportErrorCode } from "../base/errors.ts";
import { ReceiveCredit } from "./credit.ts";
import { type ReceiveState, ReceiveStream } from "./receive_stream.ts";

const DATA = new Uint8Array(100);
const STATES: readonly ReceiveState[] = ["recv", "size-known", "data-recvd", "data-read", "reset-read"];

function create(window = 1000, shared = 5000): { stream: ReceiveStream; shared: ReceiveCredit } {
  const credit = new ReceiveCredit(shared, shared);
  return { stream: new ReceiveStream(4, new ReceiveCredit(window, window), credit), shared: credit };
}

/** A stream of 300 bytes in a state; in the first two bytes 100 to 200 are missing. */
function streamIn(state: ReceiveState): { stream: ReceiveStream; shared: ReceiveCredit } {
  const it = create();
  it.stream.onData(0, DATA, false, 0);
  it.stream.onData(200, DATA, state !== "recv" && state !== "reset-read", 0);
  if (state === "reset-read") it.stream.onReset(400, 0);
  if (state === "data-recvd" || state === "data-read") it.stream.onData(100, DATA, false, 0);
  if (state === "data-read") { while (it.stream.read()); }
  return it;
}

/** Each column of the table in the file: what a step makes of each state. */
function becomes(step: (stream: ReceiveStream) => void): ReceiveState[] {
  return STATES.map((state) => {
    const { stream } = streamIn(state);
    assertEquals(stream.state, state);
    step(stream);
    return stream.state;
  });
}

function assertCode(code: number, frameType: number, call: () => void): void {
  const error = assertThrows(call, TransportError);
  assertEquals([error.code, error.frameType], [code, frameType]);
}

Deno.test("ReceiveStream goes through the states of RFC 9000 §3.2", () => {
  const last: ReceiveState[] = ["data-recvd", "data-read", "reset-read"];
  assertEquals(becomes((it) => it.onData(150, new Uint8Array(20), false, 0)), ["recv", "size-known", ...last]);
  assertEquals(becomes((it) => it.onData(100, DATA, false, 0)), ["recv", "data-recvd", ...last]);
  assertEquals(becomes((it) => it.state === "reset-read" || it.onData(200, DATA, true, 0)), [
    "size-known",
    "size-known",
    ...last,
  ]);
  assertEquals(becomes((it) => it.onReset(it.state === "reset-read" ? 400 : 300, 0)), [
    "reset-read",
    "reset-read",
    ...last,
  ]);
  assertEquals(becomes((it) => it.stop(1)), ["recv", "data-read", "data-read", "data-read", "reset-read"]);
  assertEquals(
    becomes((it) => {
      while (it.read());
    }),
    ["recv", "size-known", "data-read", "data-read", "reset-read"],
  );
});

Deno.test("ReceiveStream refuses what changes the final size", () => {
  for (const state of ["size-known", "data-recvd", "data-read"] as const) {
    const { stream } = streamIn(state);
    const code = TransportErrorCode.FINAL_SIZE_ERROR;
    assertCode(code, 0x08, () => stream.onData(250, DATA, false, 0));
    assertCode(code, 0x08, () => stream.onData(0, DATA, true, 0));
    assertCode(code, 0x08, () => stream.onData(250, DATA, true, 0));
    assertCode(code, 0x04, () => stream.onReset(299, 0));
    assertCode(code, 0x04, () => stream.onReset(301, 0));
  }
});

Deno.test("ReceiveStream refuses a final size below what was received", () => {
  assertCode(TransportErrorCode.FINAL_SIZE_ERROR, 0x08, () => streamIn("recv").stream.onData(199, DATA, true, 0));
  assertCode(TransportErrorCode.FINAL_SIZE_ERROR, 0x04, () => streamIn("recv").stream.onReset(299, 0));
  const { stream } = streamIn("reset-read");
  assertCode(TransportErrorCode.FINAL_SIZE_ERROR, 0x04, () => stream.onReset(401, 0));
  assertCode(TransportErrorCode.FINAL_SIZE_ERROR, 0x08, () => stream.onData(350, DATA, false, 0));
});

Deno.test("ReceiveStream refuses data beyond its own limit and beyond the connection's", () => {
  const code = TransportErrorCode.FLOW_CONTROL_ERROR;
  const own = create(1000, 5000).stream;
  own.onData(900, DATA, false, 0);
  assertCode(code, 0x08, () => own.onData(901, DATA, false, 0));
  assertCode(code, 0x04, () => create(1000, 5000).stream.onReset(1001, 0));
  const { stream, shared } = create(1000, 500);
  shared.receive(450, 0);
  stream.onData(0, new Uint8Array(50), false, 0);
  assertCode(code, 0x08, () => stream.onData(50, new Uint8Array(1), false, 0));
  assertCode(code, 0x04, () => stream.onReset(51, 0));
  stream.onData(0, new Uint8Array(50), true, 0);
  assertEquals(stream.state, "data-recvd");
});

Deno.test("ReceiveStream counts each byte once for flow control", () => {
  const { stream, shared } = create();
  stream.onData(500, DATA, false, 0);
  assertEquals([stream.received, shared.received], [600, 600]);
  stream.onData(0, DATA, false, 0);
  stream.onData(450, DATA, false, 0);
  assertEquals([stream.received, shared.received, shared.consumed], [600, 600, 0]);
  assertEquals(stream.read()?.length, 100);
  assertEquals([shared.consumed, stream.credit.consumed], [100, 100]);
});

Deno.test("ReceiveStream gives credit back for what a reset leaves unread", () => {
  const { stream, shared } = create();
  stream.onData(0, DATA, false, 0);
  stream.read(40);
  assertEquals(stream.onReset(800, 0), true);
  assertEquals([shared.received, shared.consumed], [800, 800]);
  assertEquals([stream.memory, stream.isReadable], [0, false]);
  assertEquals(stream.onReset(800, 0), false);
  assertEquals(shared.consumed, 800);
});

Deno.test("ReceiveStream.stop() throws away what is here and what comes, and gives credit for it", () => {
  const { stream, shared } = create();
  stream.onData(0, DATA, false, 0);
  assertEquals(stream.stop(9), true);
  assertEquals(stream.stop(9), false);
  assertEquals([shared.consumed, stream.memory, stream.read(), stream.isReadable], [100, 0, undefined, false]);
  stream.onData(100, DATA, false, 0);
  assertEquals([shared.received, shared.consumed, stream.state], [200, 200, "recv"]);
  assertEquals([stream.isStopDue, stream.stopCode, stream.isCreditDue], [true, 9, false]);
  stream.onReset(300, 0);
  assertEquals([shared.consumed, stream.state, stream.isStopDue], [300, "reset-read", false]);
});

Deno.test("ReceiveStream.stop() ends with the final size", () => {
  const { stream, shared } = create();
  stream.stop(9);
  stream.onData(700, DATA, true, 0);
  assertEquals([shared.received, shared.consumed, stream.state], [800, 800, "data-read"]);
});

Deno.test("ReceiveStream.stop() need not tell the peer once all is here", () => {
  assertEquals(STATES.map((state) => streamIn(state).stream.stop(1)), [true, true, false, false, false]);
});

Deno.test("ReceiveStream is readable while it has bytes or an end to tell", () => {
  const { stream } = create();
  assertEquals(stream.isReadable, false);
  stream.onData(0, DATA, false, 0);
  assertEquals(stream.isReadable, true);
  stream.read();
  assertEquals([stream.isReadable, stream.read()], [false, undefined]);
  stream.onData(100, new Uint8Array(0), true, 0);
  assertEquals([stream.isReadable, stream.read(), stream.state], [true, null, "data-read"]);
});

Deno.test("ReceiveStream wants a larger limit only while the size is not known", () => {
  const { stream } = create(200);
  stream.onData(0, DATA, false, 0);
  stream.read();
  assertEquals(stream.isCreditDue, true);
  stream.onData(100, DATA, true, 0);
  assertEquals(stream.isCreditDue, false);
});
