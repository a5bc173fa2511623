import { assertEquals, assertThrows } from "@std/assert";
import { TransportError, TransportErrorCode } from "../base/errors.ts";
import { FakePacket, type FakePacketOptions, fakeReceived } from "../base/fake_packet.ts";
import type { Level } from "../base/role.ts";
import { CRYPTO_BUFFER_LIMIT, CryptoStreams } from "./crypto_streams.ts";
import { randomFrom } from "./fake_pipe.ts";

function bytes(from: number, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => from + i);
}

function send(it: CryptoStreams, options: FakePacketOptions = { level: "initial" }): FakePacket {
  const packet = new FakePacket(options);
  if (it.hasFrames(packet)) it.writeFrames(packet);
  return packet;
}

/** Offset and length of the CRYPTO frames of a packet. */
function carried(packet: FakePacket): number[][] {
  return packet.frames.flatMap((f) => f.kind === "crypto" ? [[f.offset, f.data.length]] : []);
}

function receive(it: CryptoStreams, level: Level, offset: number, data: Uint8Array): void {
  it.onFrame({ kind: "crypto", offset, data }, fakeReceived({ level }));
}

Deno.test("CryptoStreams has a stream for each level", () => {
  const it = new CryptoStreams();
  it.write("initial", bytes(0, 10));
  it.write("handshake", bytes(50, 20));
  assertEquals(it.hasFrames(new FakePacket()), false);
  assertEquals(it.hasFrames(new FakePacket({ level: "early" })), false);
  assertEquals(carried(send(it, { level: "initial" })), [[0, 10]]);
  assertEquals(carried(send(it, { level: "handshake" })), [[0, 20]]);
  receive(it, "application", 0, bytes(7, 3));
  assertEquals([it.read("initial"), it.read("application")], [undefined, bytes(7, 3)]);
  assertEquals(it.read("early"), undefined);
});

Deno.test("CryptoStreams cuts to the room, and sends lost bytes before new ones", () => {
  const it = new CryptoStreams();
  it.write("initial", bytes(0, 3000));
  const packets = [1, 2].map(() => send(it));
  assertEquals(packets.flatMap(carried), [[0, 1196], [1196, 1195]]);
  packets[0]!.lost();
  assertEquals(carried(send(it)), [[0, 1196]]);
  packets[1]!.lost();
  assertEquals(carried(send(it, { level: "initial", room: 1500 })), [[1196, 1195], [2391, 295]]);
  assertEquals(carried(send(it)), [[2686, 314]]);
  assertEquals(carried(send(it)), []);
});

Deno.test("CryptoStreams knows what is not acknowledged", () => {
  const it = new CryptoStreams();
  assertEquals(it.hasOutstanding("initial"), false);
  it.write("initial", bytes(0, 10));
  assertEquals(it.hasOutstanding("initial"), true);
  const packet = send(it);
  assertEquals(it.hasOutstanding("initial"), true);
  packet.acked();
  assertEquals(it.hasOutstanding("initial"), false);
});

Deno.test("CryptoStreams.writeAgain() writes what is missing once more, at its level", () => {
  const it = new CryptoStreams();
  it.write("initial", bytes(0, 100));
  const first = send(it);
  const probe = new FakePacket({ level: "initial", room: 63 });
  assertEquals(it.writeAgain(first.records[0]!, probe), true);
  assertEquals(carried(probe), [[0, 60]]);
  probe.acked();
  assertEquals(it.writeAgain(first.records[0]!, new FakePacket({ level: "handshake" })), false);
  const next = new FakePacket({ level: "initial" });
  assertEquals(it.writeAgain(first.records[0]!, next), true);
  assertEquals(carried(next), [[60, 40]]);
  first.lost();
  assertEquals(it.hasFrames(new FakePacket({ level: "initial" })), false);
  next.acked();
  assertEquals(it.writeAgain(first.records[0]!, new FakePacket({ level: "initial" })), false);
});

Deno.test("CryptoStreams.discard() ends a level, both ways", () => {
  const it = new CryptoStreams();
  it.write("initial", bytes(0, 10));
  const packet = send(it);
  it.write("initial", bytes(10, 10));
  receive(it, "initial", 0, bytes(0, 5));
  it.discard("initial");
  packet.lost();
  receive(it, "initial", 0, bytes(0, 100_000));
  it.write("initial", bytes(0, 10));
  assertEquals([carried(send(it)), it.read("initial"), it.hasOutstanding("initial")], [[], undefined, false]);
  assertEquals(it.writeAgain(packet.records[0]!, new FakePacket({ level: "initial" })), false);
});

Deno.test("CryptoStreams.offerAgain() offers what a silent path holds to others", () => {
  const it = new CryptoStreams();
  it.write("application", bytes(0, 100));
  const silent = send(it, { path: 0 });
  assertEquals(carried(send(it, { path: 1 })), []);
  it.offerAgain(0);
  assertEquals(carried(send(it, { path: 0 })), []);
  assertEquals(carried(send(it, { path: 1 })), [[0, 100]]);
  assertEquals(carried(send(it, { path: 2 })), []);
  silent.lost();
  assertEquals(carried(send(it, { path: 1 })), []);
});

Deno.test("CryptoStreams refuses bytes too far ahead", () => {
  const it = new CryptoStreams();
  receive(it, "handshake", CRYPTO_BUFFER_LIMIT - 1, bytes(0, 1));
  const error = assertThrows(() => receive(it, "handshake", CRYPTO_BUFFER_LIMIT, bytes(0, 1)), TransportError);
  assertEquals([error.code, error.frameType], [TransportErrorCode.CRYPTO_BUFFER_EXCEEDED, 0x06]);
  const read = new CryptoStreams(100);
  receive(read, "initial", 0, bytes(0, 100));
  read.read("initial");
  receive(read, "initial", 100, bytes(0, 100));
  assertThrows(() => receive(read, "initial", 200, bytes(0, 1)), TransportError);
});

Deno.test("CryptoStreams refuses bytes in 0-RTT packets", () => {
  const error = assertThrows(() => receive(new CryptoStreams(), "early", 0, bytes(0, 1)), TransportError);
  assertEquals(error.code, TransportErrorCode.PROTOCOL_VIOLATION);
  assertThrows(() => new CryptoStreams().onFrame({ kind: "ping" }, fakeReceived()), TypeError);
});

Deno.test("CryptoStreams delivers in order over a path that loses and reorders", () => {
  const random = randomFrom(11);
  const from = new CryptoStreams();
  const to = new CryptoStreams();
  const received: number[] = [];
  let flying: FakePacket[] = [];
  for (let round = 0; round < 3000; round++) {
    if (round < 50) from.write("handshake", bytes(round * 300, 300));
    const packet = send(from, { level: "handshake", room: 100 + Math.floor(random() * 1100) });
    if (packet.frames.length > 0) flying.push(packet);
    flying = flying.filter((it) => {
      if (random() < 0.7) return true;
      if (random() < 0.3) {
        it.lost();
        return false;
      }
      for (const frame of it.frames) to.onFrame(frame, fakeReceived({ level: "handshake" }));
      it.acked();
      return false;
    });
    for (let data = to.read("handshake"); data !== undefined; data = to.read("handshake")) received.push(...data);
  }
  assertEquals(Uint8Array.from(received), bytes(0, 15_000));
  assertEquals(from.hasOutstanding("handshake"), false);
});
