import { assert, assertEquals, assertGreater, assertInstanceOf, assertMatch } from "@std/assert";
import { HandshakeError, TransportError, TransportErrorCode as Code } from "../../transport/base/errors.ts";
import type { DropReason } from "../../transport/base/observer.ts";
import { FRAMES, LEVEL_BIT } from "../../transport/wire/frame_table.ts";
import type { Frame } from "../../transport/wire/frames/types.ts";
import { bulk, Requests } from "../kit/apps.ts";
import type { Trace } from "../kit/trace.ts";
import { CLIENT_ADDRESS, Pair, SERVER_ADDRESS } from "./pair.ts";
import { Rogue } from "./rogue.ts";

const PING: Frame = { kind: "ping" };

function settled(): Pair {
  const pair = new Pair().confirm();
  pair.world.runFor(500);
  return pair;
}

/** A handshake whose ends both have Handshake keys, and whose server still has Initial keys. */
function halfway(): { readonly pair: Pair; readonly rogue: Rogue } {
  const pair = new Pair();
  pair.world.runFor(20);
  return { pair, rogue: new Rogue(pair, "client").takeOver() };
}

function assertRefused(rogue: Rogue, code: number, type: number, words: RegExp): void {
  const { error } = rogue.victim;
  assertInstanceOf(error, TransportError);
  assertEquals([error.code, error.frameType, error.byPeer], [code, type, false], error.message);
  assertMatch(error.reason, words);
  assertEquals(rogue.frames("connection_close")[0]?.code, code);
}

function dropped(trace: Trace, reason: DropReason): number {
  return trace.count("quic:packet_dropped", (d) => d.reason === reason);
}

for (const level of ["initial", "handshake"] as const) {
  Deno.test(`Connection refuses every frame that does not belong into a packet of level ${level} (RFC 9000 §12.4)`, () => {
    let refused = 0;
    for (const spec of FRAMES.values()) {
      if ((spec.levels & LEVEL_BIT[level]) !== 0) continue;
      const { rogue } = halfway();
      const type = new Uint8Array(4);
      new DataView(type.buffer).setUint32(0, spec.type + 0x8000_0000);
      const shortest = spec.type < 0x40
        ? type.slice(3)
        : spec.type < 0x4000
        ? Uint8Array.of(0x40 | type[2]!, type[3]!)
        : type;
      rogue.send({ level, frames: [shortest, new Uint8Array(40)] });
      assertRefused(rogue, Code.PROTOCOL_VIOLATION, spec.type, /level/);
      refused += 1;
    }
    assertGreater(refused, 25);
  });
}

Deno.test("Connection refuses packets with reserved bits (RFC 9000 §17.2, §17.3.1)", () => {
  for (const level of ["initial", "handshake", "application"] as const) {
    for (const reservedBits of [1, 2, 3]) {
      const half = level === "application" ? undefined : halfway();
      const rogue = half?.rogue ?? new Rogue(settled(), "client").takeOver();
      rogue.send({ level, frames: [PING], reservedBits });
      assertRefused(rogue, Code.PROTOCOL_VIOLATION, 0, /[Rr]eserved/);
    }
  }
});

Deno.test("Connection refuses empty packets at every level", () => {
  for (const level of ["initial", "handshake", "application"] as const) {
    const half = level === "application" ? undefined : halfway();
    const rogue = half?.rogue ?? new Rogue(settled(), "client").takeOver();
    rogue.send({ level, frames: [], numberLength: 4, size: 0 });
    if (level === "initial") {
      // A server looks at Initials only in datagrams of 1200 bytes.
      rogue.victimTrace.assertDropped("initial_too_small");
      rogue.send([{ level, frames: [], numberLength: 4, size: 0 }, { level, frames: [PING] }]);
    }
    assertRefused(rogue, Code.PROTOCOL_VIOLATION, 0, /no frame/);
  }
});

Deno.test("Connection refuses TLS messages where they cannot be", () => {
  // A TLS KeyUpdate in 1-RTT CRYPTO (RFC 9001 §6): unexpected_message.
  for (const role of ["client", "server"] as const) {
    const rogue = new Rogue(settled(), role).takeOver();
    rogue.send({ frames: [{ kind: "crypto", offset: 0, data: Uint8Array.of(24, 0, 0, 1, 0) }] });
    const { error } = rogue.victim;
    assertInstanceOf(error, HandshakeError, `${error}`);
    assertEquals([error.code, error.frameType], [0x10a, 6]);
  }
  const { rogue } = halfway();
  rogue.send({ level: "handshake", frames: [{ kind: "crypto", offset: 0, data: new Uint8Array(36).fill(1) }] });
  assertInstanceOf(rogue.victim.error, HandshakeError);
});

Deno.test("Connection refuses handshake bytes at a level that TLS has left behind (RFC 9001 §4.1.3)", () => {
  for (const gap of [0, 10]) {
    const { pair, rogue } = halfway();
    const [hello] = pair.clientTrace.frames("sent", "crypto");
    const end = hello!.frame.data.length;
    // What was there already may come again.
    rogue.send({ level: "initial", frames: [{ kind: "crypto", offset: end - 9, data: new Uint8Array(9) }] });
    assertEquals(rogue.victim.error, undefined);
    rogue.send({ level: "initial", frames: [{ kind: "crypto", offset: end + gap, data: Uint8Array.of(11, 0, 0, 0) }] });
    assertRefused(rogue, Code.PROTOCOL_VIOLATION, 6, /level "initial"/);
  }
});

Deno.test("Connection refuses handshake bytes that wait when the keys of the next level come", () => {
  const pair = new Pair();
  pair.world.runFor(1);
  // They come before the server has seen the ClientHello.
  const [hello] = pair.clientTrace.frames("sent", "crypto");
  const rogue = new Rogue(pair, "client");
  const offset = hello!.frame.data.length + 5;
  rogue.send({ level: "initial", number: 7, frames: [{ kind: "crypto", offset, data: new Uint8Array(4) }] });
  pair.world.runFor(20);
  const { error } = pair.server;
  assertInstanceOf(error, TransportError);
  assertEquals([error.code, error.frameType], [Code.PROTOCOL_VIOLATION, 6]);
});

Deno.test("Connection refuses handshake bytes beyond what it keeps", () => {
  for (const level of ["initial", "handshake"] as const) {
    const { rogue } = halfway();
    rogue.send({ level, frames: [{ kind: "crypto", offset: 70_000, data: new Uint8Array(10) }] });
    assertRefused(rogue, Code.CRYPTO_BUFFER_EXCEEDED, 6, /./);
  }
});

Deno.test("Connection refuses a DATAGRAM that is larger than it said, or any when it takes none (RFC 9221 §3)", () => {
  for (const limit of [0, 100]) {
    for (const role of ["client", "server"] as const) {
      const config = { maxDatagramFrameSize: limit };
      const pair = new Pair({ client: config, server: config }).confirm();
      pair.world.runFor(500);
      const rogue = new Rogue(pair, role).takeOver();
      // The largest that is allowed: type, length, data.
      if (limit > 0) rogue.send({ frames: [{ kind: "datagram", data: new Uint8Array(limit - 3) }] });
      assertEquals(rogue.victim.error, undefined);
      rogue.send({ frames: [{ kind: "datagram", data: new Uint8Array(limit) }] });
      assertRefused(rogue, Code.PROTOCOL_VIOLATION, 0x31, /./);
    }
  }
});

Deno.test("Connection refuses acknowledgements of numbers that it skipped to catch blind ones (RFC 9000 §21.4)", () => {
  const load = new Requests(bulk("down", 600_000));
  const pair = new Pair({ clientApps: [load.client], serverApps: [load.server] });
  pair.world.require("the transfer", () => load.isDone);
  pair.world.runFor(500);
  const sent = pair.serverTrace.filter("quic:packet_sent", (d) => d.header.type === "one_rtt").map((e) =>
    e.data.header.number
  );
  const largest = Math.max(...sent);
  const numbers = new Set(sent);
  const skipped = Array.from({ length: largest }, (_, n) => n).filter((n) => !numbers.has(n));
  assertGreater(skipped.length, 0);
  const rogue = new Rogue(pair, "client").takeOver();
  rogue.send({
    frames: [{ kind: "ack", path: undefined, delay: 0, ranges: [largest, skipped.at(-1)!], ecn: undefined }],
  });
  assertEquals(rogue.victim.error?.code, Code.PROTOCOL_VIOLATION);
});

Deno.test("Connection drops what is cut off anywhere, and says why", () => {
  const { pair, rogue } = halfway();
  const whole = rogue.seal({ level: "handshake", frames: [PING, new Uint8Array(30)] });
  for (let length = 1; length < whole.length; length++) rogue.deliver(whole.subarray(0, length), { react: false });
  assertEquals(pair.server.state, "handshaking");
  const reasons = new Set(pair.serverTrace.filter("quic:packet_dropped").map((e) => e.data.reason));
  assert(reasons.has("header_parse_error"));
  const end = settled();
  const late = new Rogue(end, "client").takeOver();
  const short = late.seal({ frames: [PING, new Uint8Array(30)] });
  const before = end.serverTrace.count("quic:packet_dropped");
  for (let length = 9; length < short.length; length++) late.deliver(short.subarray(0, length), { react: false });
  assertEquals(end.server.state, "connected");
  assertEquals(end.serverTrace.count("quic:packet_dropped") - before, short.length - 9);
  assertGreater(dropped(end.serverTrace, "decryption_failure"), 10);
  late.deliver(short);
  assertEquals(end.serverTrace.last("quic:packet_received")!.data.frames[0]!.kind, "ping");
});

Deno.test("Connection drops what is replayed, at every level, without an answer", () => {
  const load = new Requests(bulk("both", 100_000));
  const pair = new Pair({ clientApps: [load.client], serverApps: [load.server] });
  const all: { data: Uint8Array; direction: "up" | "down" }[] = [];
  pair.world.onSend = (_link, direction, data) => all.push({ data: data.slice(), direction });
  pair.world.require("the transfer", () => load.isDone);
  pair.world.runFor(1000);
  const sent = [pair.clientHost.sent, pair.serverHost.sent];
  const received = [pair.clientTrace, pair.serverTrace].map((trace) => trace.count("quic:packet_received"));
  for (const { data, direction } of all) {
    const [node, local, remote] = direction === "up"
      ? [pair.serverNode, SERVER_ADDRESS, CLIENT_ADDRESS] as const
      : [pair.clientNode, CLIENT_ADDRESS, SERVER_ADDRESS] as const;
    node.receive({ data, local, remote, ecn: "not-ect" }, pair.world.now);
  }
  pair.world.runFor(0);
  assertEquals([pair.clientHost.sent, pair.serverHost.sent], sent);
  assertEquals([pair.clientTrace, pair.serverTrace].map((trace) => trace.count("quic:packet_received")), received);
  assertGreater(dropped(pair.serverTrace, "duplicate"), 10);
  assertEquals([pair.client.state, pair.server.state], ["connected", "connected"]);
  assertEquals(pair.serverNode.connections.length, 1);
});

Deno.test("Connection drops its own datagrams when they come back", () => {
  const load = new Requests(bulk("both", 50_000));
  const pair = new Pair({ clientApps: [load.client], serverApps: [load.server] });
  pair.world.onSend = (_link, direction, data) => {
    const [node, local, remote] = direction === "up"
      ? [pair.clientNode, CLIENT_ADDRESS, SERVER_ADDRESS] as const
      : [pair.serverNode, SERVER_ADDRESS, CLIENT_ADDRESS] as const;
    const copy = data.slice();
    pair.world.after(1, (now) => node.receive({ data: copy, local, remote, ecn: "not-ect" }, now));
  };
  pair.world.require("the transfer", () => load.isDone);
  assertEquals([pair.client.state, pair.server.state], ["connected", "connected"]);
});

Deno.test("Connection drops what comes to a client from elsewhere (RFC 9000 §9)", () => {
  const pair = settled();
  const rogue = new Rogue(pair, "server");
  const received = pair.clientTrace.count("quic:packet_received");
  rogue.send({ frames: [PING] }, { from: { hostname: "203.0.113.9", port: 443 } });
  rogue.send({ frames: [PING] }, { from: { ...SERVER_ADDRESS, port: 444 } });
  assertEquals(dropped(pair.clientTrace, "unknown_server_address"), 2);
  assertEquals(pair.clientTrace.count("quic:packet_received"), received);
});

Deno.test("Connection drops a server's Initial with a token, and 0-RTT packets", () => {
  const pair = new Pair();
  pair.world.runFor(5);
  const rogue = new Rogue(pair, "server");
  rogue.send({ level: "initial", frames: [PING], token: new Uint8Array(8), sourceId: new Uint8Array(8) });
  pair.clientTrace.assertDropped("unexpected_packet");
  pair.world.runFor(20);
  const forger = new Rogue(pair, "client");
  const zero = forger.seal({ level: "handshake", frames: [PING], size: 1200 });
  zero[0] = 0xd0 | zero[0]! & 0x0f;
  forger.deliver(zero);
  pair.serverTrace.assertSeen("quic:packet_dropped", (d) => d.type === "zero_rtt");
  pair.confirm();
});

Deno.test("Connection drops packets without the fixed bit unless it offered to take them (RFC 9287)", () => {
  for (const grease of [true, false]) {
    const pair = new Pair({ server: { grease } }).confirm();
    pair.world.runFor(500);
    const received = pair.serverTrace.count("quic:packet_received");
    const rogue = new Rogue(pair, "client").takeOver();
    rogue.send({ frames: [PING], fixedBit: false });
    assertEquals(pair.serverTrace.count("quic:packet_received") - received, grease ? 1 : 0);
    assertEquals(dropped(pair.serverTrace, "fixed_bit"), grease ? 0 : 1);
  }
});

Deno.test("Endpoint drops a first Initial that is too small, has too short an id, or does not open", () => {
  const pair = new Pair();
  const { endpoint } = pair.serverNode;
  const give = (data: Uint8Array): void => {
    const arrival = endpoint.receive({ data, local: SERVER_ADDRESS, remote: CLIENT_ADDRESS, ecn: "not-ect" }, 0);
    assertEquals(arrival.kind, "none");
    assertEquals(endpoint.transmit(0, new Uint8Array(1500)), undefined);
  };
  const rogue = new Rogue(pair, "client");
  give(rogue.seal({ level: "initial", frames: [PING], size: 1199 }));
  pair.serverTrace.assertDropped("initial_too_small");
  give(rogue.seal({ level: "initial", frames: [PING], destinationId: new Uint8Array(7) }));
  pair.serverTrace.assertDropped("invalid_length");
  give(rogue.seal({ level: "initial", frames: [PING], destinationId: new Uint8Array(8) }));
  pair.serverTrace.assertDropped("decryption_failure");
  give(new Uint8Array(0));
  assertEquals(endpoint.connections.size, 0);
});
