import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { Reassembler } from "./reassembler.ts";
import { SendBuffer } from "./send_buffer.ts";

/** A buffer of which the first `sent` of `length` bytes went out in frames of 100 bytes on path 0. */
function bufferOf(length: number, sent = 0, size = 100): SendBuffer {
  const buffer = new SendBuffer();
  buffer.append(Uint8Array.from({ length }, (_, i) => i));
  for (let at = 0; at < sent; at += size) buffer.onSent(Math.min(at + size, sent), 0, at);
  return buffer;
}

function partOf(part: { from: number; to: number } | undefined): number[] | undefined {
  return part && [part.from, part.to];
}

Deno.test("SendBuffer sends new data, and knows what is in flight and acknowledged", () => {
  const buffer = bufferOf(300, 200);
  assertEquals([buffer.end, buffer.sent, buffer.unsent, buffer.held, buffer.acked], [300, 200, 100, 300, 0]);
  assertEquals(buffer.onAcked(0, 100), 100);
  assertEquals(buffer.onAcked(0, 100), 0);
  assertEquals([buffer.held, buffer.acked, buffer.hasOutstanding], [200, 100, true]);
  assertEquals(buffer.onAcked(100, 200), 100);
  assertEquals([buffer.held, buffer.hasOutstanding, buffer.isDelivered], [100, false, false]);
});

Deno.test("SendBuffer treats the end of the stream as one place behind the last byte", () => {
  const buffer = bufferOf(100);
  buffer.finish();
  assertEquals(buffer.isFinUnsent, true);
  buffer.onSent(100, 0, 0);
  assertEquals([buffer.isFinUnsent, buffer.unsent], [true, 0]);
  buffer.onSent(101, 0, 0);
  assertEquals(buffer.isFinUnsent, false);
  buffer.onLost(100, 101);
  assertEquals(partOf(buffer.nextLost()), [100, 101]);
  buffer.onResent(100, 101, 0);
  assertEquals(buffer.onAcked(100, 101), 0);
  assertEquals(buffer.isDelivered, false);
  assertEquals(buffer.onAcked(0, 100), 100);
  assertEquals(buffer.isDelivered, true);
});

Deno.test("SendBuffer frees memory that is acknowledged out of order", () => {
  const buffer = bufferOf(300, 300);
  buffer.onAcked(100, 200);
  assertEquals(buffer.held, 200);
  assertEquals(buffer.view(200, 100).length, 100);
});

Deno.test("SendBuffer.nextLost() joins neighbours, and they may be sent in other pieces", () => {
  const buffer = bufferOf(400, 400);
  buffer.onLost(200, 300);
  buffer.onLost(0, 100);
  buffer.onLost(100, 200);
  assertEquals(partOf(buffer.nextLost()), [0, 300]);
  buffer.onResent(0, 250, 1);
  assertEquals(partOf(buffer.nextLost()), [250, 300]);
  buffer.onLost(0, 250);
  assertEquals(partOf(buffer.nextLost()), [0, 300]);
});

Deno.test("SendBuffer counts copies: a part is lost when its last copy is", () => {
  const buffer = bufferOf(100, 100);
  buffer.onCopied(0, 100, 1);
  assertEquals(buffer.onLost(0, 100), false);
  assertEquals(buffer.nextLost(), undefined);
  assertEquals(buffer.onLost(0, 100), true);
  assertEquals(partOf(buffer.nextLost()), [0, 100]);
});

Deno.test("SendBuffer counts copies of half a part apart", () => {
  const buffer = bufferOf(100, 100);
  buffer.onCopied(0, 60, 1);
  buffer.onLost(0, 100);
  assertEquals(partOf(buffer.nextLost()), [60, 100]);
  buffer.onLost(0, 60);
  assertEquals(partOf(buffer.nextLost()), [0, 100]);
});

Deno.test("SendBuffer takes an acknowledgment that comes after the loss", () => {
  const buffer = bufferOf(200, 200);
  buffer.onLost(0, 100);
  buffer.onLost(100, 200);
  assertEquals(partOf(buffer.nextLost()), [0, 200]);
  assertEquals(buffer.onAcked(0, 100), 100);
  assertEquals(partOf(buffer.nextLost()), [100, 200]);
  buffer.onResent(100, 200, 0);
  assertEquals(buffer.onAcked(100, 200), 100);
  assertEquals(buffer.onLost(100, 200), false);
  assertEquals(buffer.hasLost, false);
});

Deno.test("SendBuffer.nextCopy() finds what is not in flight on a path, once for each other path", () => {
  const buffer = bufferOf(300, 300);
  buffer.onAcked(0, 100);
  assertEquals(buffer.nextCopy(0, "all"), undefined);
  assertEquals(partOf(buffer.nextCopy(1, "all")), [100, 200]);
  buffer.onCopied(100, 200, 1);
  assertEquals(partOf(buffer.nextCopy(1, "all")), [200, 300]);
  buffer.onCopied(200, 300, 1);
  assertEquals(buffer.nextCopy(1, "all"), undefined);
  assertEquals(partOf(buffer.nextCopy(2, "all")), [100, 200]);
  // One copy lost on path 1 is no reason for another one there.
  buffer.onLost(100, 200);
  assertEquals(buffer.nextCopy(1, "all"), undefined);
});

Deno.test("SendBuffer.nextCopy() offers again what was lost and sent again", () => {
  const buffer = bufferOf(200, 200);
  buffer.onCopied(0, 100, 1);
  buffer.onCopied(100, 200, 1);
  assertEquals(buffer.nextCopy(1, "all"), undefined);
  buffer.onLost(0, 100);
  buffer.onLost(0, 100);
  assertEquals(buffer.nextCopy(1, "all"), undefined);
  buffer.onResent(0, 100, 0);
  assertEquals(partOf(buffer.nextCopy(1, "all")), [0, 100]);
});

Deno.test("SendBuffer.offerAgain() marks what is in flight on that path only", () => {
  const buffer = bufferOf(200, 200);
  buffer.append(new Uint8Array(100));
  buffer.onSent(300, 1, 5);
  buffer.onCopied(0, 100, 1);
  assertEquals(buffer.hasOffered, false);
  assertEquals(buffer.offerAgain(0), true);
  assertEquals(partOf(buffer.nextCopy(1, "offered")), [100, 200]);
  assertEquals(buffer.nextCopy(0, "offered"), undefined);
  buffer.onCopied(100, 200, 1);
  assertEquals([buffer.hasOffered, buffer.nextCopy(1, "offered")], [false, undefined]);
  assertEquals(buffer.offerAgain(0), false);
  // It was not declared lost: the copy that is left counts.
  buffer.onLost(100, 200);
  assertEquals(buffer.hasLost, false);
});

Deno.test("SendBuffer marks again what is left on silent paths only when a copy elsewhere is lost", () => {
  const buffer = bufferOf(100, 100);
  buffer.offerAgain(0);
  buffer.onCopied(0, 100, 1);
  buffer.onLost(0, 100, 1);
  assertEquals([buffer.hasOffered, buffer.hasLost], [true, false]);
  assertEquals(partOf(buffer.nextCopy(1, "offered")), [0, 100]);
  buffer.onCopied(0, 100, 1);
  // The silent path's own loss says nothing new.
  buffer.onLost(0, 100, 0);
  assertEquals([buffer.hasOffered, buffer.hasLost], [false, false]);
  buffer.onLost(0, 100, 1);
  assertEquals([buffer.hasOffered, buffer.hasLost], [false, true]);
});

Deno.test("SendBuffer.offerAgain() marks what is in flight on several silent paths", () => {
  const buffer = bufferOf(100, 100);
  buffer.onCopied(0, 100, 1);
  assertEquals(buffer.offerAgain(1), false);
  assertEquals(buffer.offerAgain(0), true);
  assertEquals([buffer.nextCopy(0, "offered"), buffer.nextCopy(1, "offered")], [undefined, undefined]);
  assertEquals(partOf(buffer.nextCopy(2, "offered")), [0, 100]);
});

Deno.test("SendBuffer offers a lost copy's path again to those who copy all", () => {
  const buffer = bufferOf(100, 100);
  assertEquals(partOf(buffer.nextCopy(1, "all")), [0, 100]);
  buffer.onCopied(0, 100, 1);
  assertEquals(buffer.nextCopy(1, "all"), undefined);
  buffer.onLost(0, 100, 1);
  assertEquals(partOf(buffer.nextCopy(1, "all")), [0, 100]);
});

Deno.test("SendBuffer forgets offers of what is acknowledged or lost meanwhile", () => {
  const buffer = bufferOf(200, 200);
  buffer.offerAgain(0);
  buffer.onAcked(0, 100);
  assertEquals(partOf(buffer.nextCopy(1, "offered")), [100, 200]);
  buffer.onLost(100, 200);
  assertEquals(buffer.hasOffered, false);
});

Deno.test("SendBuffer.clear() and restart() forget what is in flight", () => {
  const buffer = bufferOf(200, 100);
  buffer.restart();
  assertEquals([buffer.sent, buffer.unsent, buffer.held, buffer.hasOutstanding], [0, 200, 200, false]);
  buffer.onSent(100, 0, 0);
  buffer.clear();
  assertEquals([buffer.held, buffer.unsent, buffer.hasOutstanding, buffer.hasLost], [0, 0, false, false]);
  assertEquals(buffer.onAcked(0, 100), 0);
  assertEquals(buffer.onLost(0, 100), false);
});

/** A frame on the way. */
interface Flying {
  from: number;
  to: number;
  data: Uint8Array;
  fin: boolean;
}

/** The two ends of one stream, with frames between them that arrive, are lost and acknowledged as the steps say. */
class Wire {
  readonly out = new SendBuffer();
  readonly into = new Reassembler();
  readonly flying: Flying[] = [];
  readonly arrived: Flying[] = [];
  written = 0;
  read = 0;

  write(length: number): void {
    if (this.out.isFinished) return;
    this.out.append(Uint8Array.from({ length }, (_, i) => (this.written + i) * 31 >> 3));
    this.written += length;
  }

  /** Sends lost bytes, or else new ones. */
  send(room: number, path: number): void {
    const part = this.out.nextLost();
    const from = part?.from ?? this.out.sent;
    const data = this.out.view(from, part === undefined ? room : Math.min(room, part.to - from));
    const fin = this.out.isFinished && from + data.length === this.out.end &&
      (part === undefined ? this.out.isFinUnsent : part.to > this.out.end);
    if (data.length === 0 && !fin) return;
    const to = from + data.length + (fin ? 1 : 0);
    if (part === undefined) this.out.onSent(to, path, 0);
    else this.out.onResent(from, to, path);
    this.flying.push({ from, to, data: data.slice(), fin });
  }

  copy(room: number, path: number): void {
    const part = this.out.nextCopy(path, "all");
    if (part === undefined) return;
    const length = Math.min(part.to, this.out.end) - part.from;
    const data = length > 0 ? this.out.view(part.from, Math.min(room, length)) : new Uint8Array(0);
    const fin = part.to > this.out.end && part.from + data.length === this.out.end;
    if (data.length === 0 && !fin) return;
    const to = part.from + data.length + (fin ? 1 : 0);
    const from = part.from;
    this.out.onCopied(from, to, path);
    this.flying.push({ from, to, data: data.slice(), fin });
  }

  arrive(pick: number): void {
    const frame = this.flying.splice(pick % Math.max(1, this.flying.length), 1)[0];
    if (frame === undefined) return;
    this.into.insert(frame.from, frame.data, frame.fin);
    this.arrived.push(frame);
    for (let data = this.into.read(); data; data = this.into.read()) {
      assert(data.every((byte, i) => byte === ((this.read + i) * 31 >> 3 & 0xff)));
      this.read += data.length;
    }
  }

  /** Lost on the way, or taken for lost although it arrives. */
  lose(pick: number, late: boolean): void {
    const frame = this.flying.splice(pick % Math.max(1, this.flying.length), 1)[0];
    if (frame === undefined) return;
    this.out.onLost(frame.from, frame.to);
    if (!late) return;
    this.into.insert(frame.from, frame.data, frame.fin);
    this.out.onAcked(frame.from, frame.to);
  }

  ack(pick: number): void {
    const frame = this.arrived.splice(pick % Math.max(1, this.arrived.length), 1)[0];
    if (frame !== undefined) this.out.onAcked(frame.from, frame.to);
  }
}

Deno.test("SendBuffer and Reassembler deliver exact bytes whatever is lost, copied, reordered and acknowledged", () => {
  const step = fc.record({
    what: fc.constantFrom("write", "send", "send", "send", "copy", "arrive", "arrive", "ack", "lose", "late", "offer"),
    size: fc.integer({ min: 0, max: 1500 }),
    pick: fc.nat(50),
    path: fc.nat(2),
  });
  fc.assert(
    fc.property(fc.array(step, { size: "max", maxLength: 120 }), (steps) => {
      const wire = new Wire();
      for (const { what, size, pick, path } of steps) {
        if (what === "write") wire.write(size);
        else if (what === "send") wire.send(size, path);
        else if (what === "copy") wire.copy(size, path);
        else if (what === "arrive") wire.arrive(pick);
        else if (what === "ack") wire.ack(pick);
        else if (what === "offer") wire.out.offerAgain(path);
        else wire.lose(pick, what === "late");
        assertEquals(wire.out.held, wire.written - wire.out.acked);
        assert(wire.out.acked <= wire.into.highest);
      }
      wire.out.finish();
      for (let i = 0; i < 10_000 && !wire.out.isDelivered; i++) {
        wire.send(700, 0);
        wire.arrive(0);
        wire.ack(0);
      }
      assertEquals(wire.out.isDelivered, true);
      assertEquals(wire.out.held, 0);
      assertEquals([wire.read, wire.into.isRead], [wire.written, true]);
    }),
    { numRuns: 500 },
  );
});

Deno.test("SendBuffer keeps its list short while the first byte is missing", () => {
  const buffer = new SendBuffer();
  const byte = new Uint8Array(1);
  const began = 200_000;
  for (let at = 0; at < began; at++) {
    buffer.append(byte);
    buffer.onSent(at + 1, 0, 0);
    if (at > 0) buffer.onAcked(at, at + 1);
  }
  assertEquals(buffer.held, 1);
  buffer.onLost(0, 1);
  assertEquals(partOf(buffer.nextLost()), [0, 1]);
  buffer.onResent(0, 1, 0);
  buffer.onAcked(0, 1);
  assertEquals([buffer.held, buffer.hasOutstanding], [0, false]);
});
