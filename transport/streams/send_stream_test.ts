import { assertEquals } from "@std/assert";
import { type SendState, SendStream } from "./send_stream.ts";

/** A stream in a state, with 100 bytes written of which as many were sent as the state needs. */
function streamIn(state: SendState): SendStream {
  const stream = new SendStream(0, 1000, true);
  stream.buffer.append(new Uint8Array(100));
  if (state === "ready") return stream;
  if (state === "reset-sent" || state === "reset-recvd") {
    stream.onSent(60, false, 0, 0);
    stream.reset(7, false);
    if (state === "reset-recvd") stream.onResetAcked();
    return stream;
  }
  if (state === "send") {
    stream.onSent(100, false, 0, 0);
    return stream;
  }
  stream.buffer.finish();
  stream.onSent(100, true, 0, 0);
  if (state === "data-recvd") stream.onAcked(0, 101);
  return stream;
}

const STATES: readonly SendState[] = ["ready", "send", "data-sent", "reset-sent", "data-recvd", "reset-recvd"];

/** Each row of the table in the file: what a step makes of each state. */
function becomes(step: (stream: SendStream) => void): SendState[] {
  return STATES.map((state) => {
    const stream = streamIn(state);
    assertEquals(stream.state, state);
    step(stream);
    return stream.state;
  });
}

Deno.test("SendStream is reset from every state in which data may be missing", () => {
  const after = ["reset-sent", "reset-sent", "reset-sent", "reset-sent", "data-recvd", "reset-recvd"];
  assertEquals(becomes((stream) => stream.reset(3, false)), after as SendState[]);
  assertEquals(becomes((stream) => stream.reset(3, true)), after as SendState[]);
});

Deno.test("SendStream ends when its RESET_STREAM is acknowledged", () => {
  assertEquals(becomes((stream) => stream.onResetAcked()), [
    "ready",
    "send",
    "data-sent",
    "reset-recvd",
    "data-recvd",
    "reset-recvd",
  ]);
});

Deno.test("SendStream ends when all its data and its end are acknowledged", () => {
  assertEquals(becomes((stream) => stream.onAcked(0, stream.buffer.sent + 1)), [
    "ready",
    "send",
    "data-recvd",
    "reset-sent",
    "data-recvd",
    "reset-recvd",
  ]);
});

Deno.test("SendStream knows in which states it sends, takes bytes and is done", () => {
  const all = STATES.map(streamIn);
  assertEquals(all.map((it) => it.isSending), [true, true, true, false, false, false]);
  assertEquals(all.map((it) => it.isWritable), [true, true, false, false, false, false]);
  assertEquals(all.map((it) => it.isDone), [false, false, false, false, true, true]);
  assertEquals(all.map((it) => it.sendable), [100, 0, 0, 0, 0, 0]);
});

Deno.test("SendStream.reset() keeps the final size and nothing else", () => {
  const stream = new SendStream(0, 1000, true);
  stream.buffer.append(new Uint8Array(100));
  stream.onSent(60, false, 0, 0);
  assertEquals(stream.reset(7, true), true);
  assertEquals([stream.finalSize, stream.end, stream.buffer.held], [60, { code: 7, isStopped: true }, 0]);
  assertEquals(stream.reset(8, false), false);
  assertEquals(stream.end?.code, 7);
});

Deno.test("SendStream is blocked by its own credit only while it has more to send", () => {
  const stream = new SendStream(0, 50, true);
  assertEquals(stream.isBlocked, false);
  stream.buffer.append(new Uint8Array(100));
  assertEquals([stream.isBlocked, stream.sendable], [false, 50]);
  stream.onSent(50, false, 0, 0);
  assertEquals([stream.isBlocked, stream.sendable], [true, 0]);
  stream.credit.raise(100);
  stream.onSent(100, false, 0, 0);
  assertEquals(stream.isBlocked, false);
  stream.buffer.finish();
  assertEquals([stream.isBlocked, stream.onlyFin], [false, true]);
});

Deno.test("SendStream.restart() sends all of it again under a new limit", () => {
  const stream = streamIn("data-sent");
  stream.restart(10);
  assertEquals([stream.state, stream.sendable, stream.credit.used], ["ready", 10, 0]);
  assertEquals(stream.buffer.isFinUnsent, true);
});
