import { assert, assertAlmostEquals, assertEquals, assertLess } from "@std/assert";
import type { TransportConfig } from "../../transport/connection/config.ts";
import type { AckFrame, StreamFrame } from "../../transport/wire/frames/types.ts";
import type { Trace } from "../kit/trace.ts";
import { Pair } from "./pair.ts";
import { Rogue } from "./rogue.ts";
import { assertSettled, bulkPair, finish, inFlight } from "./transfers.ts";

const MAX_ACK_DELAY = 25;
/** What ack_delay_exponent 3 makes of a millisecond. */
const DELAY_UNITS = 125;

function quietPair(clear = true, config: TransportConfig = { mtuDiscovery: false }): Pair {
  const pair = new Pair({ link: { rateMbps: null }, client: config, server: config }).confirm();
  assertSettled(pair);
  pair.world.runFor(500);
  if (clear) { for (const trace of [pair.clientTrace, pair.serverTrace]) trace.clear(); }
  return pair;
}

/** The 1-RTT packets with nothing but an ACK that an end sent. */
function pureAcks(trace: Trace): number {
  return trace.count(
    "quic:packet_sent",
    (data) =>
      data.header.type === "one_rtt" && data.frames.every((frame) => frame.kind === "ack" || frame.kind === "padding"),
  );
}

Deno.test("Connection acknowledges a small packet at once", () => {
  const pair = quietPair();
  pair.client.ping();
  const sentAt = pair.world.now;
  pair.world.require("the acknowledgement", () => pair.clientTrace.count("quic:packets_acked") > 0);
  assertAlmostEquals(pair.world.now - sentAt, 30, 0.2);
});

/** As many bytes of a stream as fill a packet: what is in the first of several. */
function fullPacket(pair: Pair): number {
  const from = pair.clientTrace.frames("sent", "stream").length;
  pair.client.write(pair.client.openStream("unidirectional")!, new Uint8Array(3000));
  pair.world.runFor(500);
  const length = (pair.clientTrace.frames("sent", "stream")[from]!.frame as StreamFrame).data.length;
  for (const trace of [pair.clientTrace, pair.serverTrace]) trace.clear();
  return length;
}

Deno.test("Connection acknowledges a lone packet that is full after max_ack_delay, and says so", () => {
  const pair = quietPair();
  const full = fullPacket(pair);
  const before = pair.client.stats().paths[0]!;
  pair.client.write(pair.client.openStream("unidirectional")!, new Uint8Array(full));
  const sentAt = pair.world.now;
  pair.world.require("the acknowledgement", () => pair.clientTrace.count("quic:packets_acked") > 0);
  assertAlmostEquals(pair.world.now - sentAt, 30 + MAX_ACK_DELAY, 0.2);
  const acks = pair.serverTrace.frames("sent", "ack");
  assertEquals(acks.length, 1);
  assertAlmostEquals((acks[0]!.frame as AckFrame).delay, MAX_ACK_DELAY * DELAY_UNITS, 2);
  const metrics = pair.clientTrace.last("quic:metrics_updated")!.data;
  assertAlmostEquals(metrics.latestRtt, 55, 0.2);
  // The peer's delay is not part of the round trip.
  assertAlmostEquals(metrics.smoothedRtt, before.srtt + (30 - before.srtt) / 8, 0.2);
});

for (const [mtu, size] of [[1200, 1080], [1200, 1140], [1452, 1100], [1452, 1250], [1452, 1400]] as const) {
  Deno.test(`Connection acknowledges each message of ${size} bytes at once, where ${mtu} fill a packet`, () => {
    const pair = quietPair(true, { mtuDiscovery: mtu > 1200 });
    for (const everyMs of [100, 40, 15, 5]) {
      for (let i = 0; i < 5; i++) {
        pair.client.write(pair.client.openStream("unidirectional")!, new Uint8Array(size));
        pair.world.runFor(everyMs);
      }
    }
    assertSettled(pair);
    assertEquals(pair.clientTrace.count("quic:packet_sent", (data) => data.size > 1080 && !data.probe), 20);
    for (const { frame } of pair.serverTrace.frames("sent", "ack")) {
      assertLess((frame as AckFrame).delay, 0.1 * DELAY_UNITS);
    }
    assertEquals(pureAcks(pair.serverTrace), 20);
  });
}

Deno.test("Connection acknowledges the rest of a message at once, though it nearly fills a packet", () => {
  const pair = quietPair();
  const full = fullPacket(pair);
  pair.client.write(pair.client.openStream("unidirectional")!, new Uint8Array(3 * full - 30));
  const sentAt = pair.world.now;
  pair.world.require("all to be acknowledged", () => inFlight(pair.client) === 0);
  assertAlmostEquals(pair.world.now - sentAt, 31, 1);
});

Deno.test("Connection knows what fills the peer's packets after the peer's port has changed", () => {
  const pair = quietPair(true, { mtuDiscovery: true });
  pair.link.rebind();
  for (let i = 0; i < 10; i++) {
    pair.client.write(pair.client.openStream("unidirectional")!, new Uint8Array(1400));
    pair.world.runFor(100);
  }
  assertEquals(pair.serverTrace.last("quic:migration_state_updated")?.data.new, "migration_complete");
  const acks = pair.serverTrace.frames("sent", "ack");
  assert(acks.length >= 10, `${acks.length} acknowledgements`);
  for (const { frame } of acks) assertLess((frame as AckFrame).delay, 0.1 * DELAY_UNITS);
});

Deno.test("Connection takes the peer's delays out of its round-trip time", () => {
  const pair = quietPair();
  for (let i = 0; i < 60; i++) {
    pair.client.ping();
    pair.world.runFor(100);
  }
  const { srtt, minRtt, rttVar } = pair.client.stats().paths[0]!;
  assertAlmostEquals(srtt, 30, 1);
  assertAlmostEquals(minRtt, 30, 0.5);
  assertLess(rttVar, 1);
});

Deno.test("Connection does not believe delays above the peer's max_ack_delay", () => {
  const pair = quietPair(false);
  const { srtt } = pair.client.stats().paths[0]!;
  const rogue = new Rogue(pair, "server").takeOver();
  pair.client.ping();
  pair.world.runFor(100);
  const { number } = rogue.caught[0]!;
  // It says that it waited for 80 ms; it had promised to wait for 25 at the most (RFC 9002 §5.3).
  rogue.send({ frames: [{ kind: "ack", path: 0, delay: 80 * DELAY_UNITS, ranges: [number, number], ecn: undefined }] });
  pair.world.runFor(1);
  const metrics = pair.clientTrace.last("quic:metrics_updated")!.data;
  assertAlmostEquals(metrics.latestRtt, 100, 1);
  assertAlmostEquals(metrics.smoothedRtt, srtt + (metrics.latestRtt - MAX_ACK_DELAY - srtt) / 8, 0.01);
});

Deno.test("Connection acknowledges the second packet at once", () => {
  const pair = quietPair();
  const id = pair.client.openStream("bidirectional")!;
  pair.client.write(id, new Uint8Array(2000));
  const sentAt = pair.world.now;
  pair.world.require("the acknowledgement", () => pair.clientTrace.count("quic:packets_acked") > 0);
  assertAlmostEquals(pair.world.now - sentAt, 31, 1);
  // Along with them, one before them that asked for no acknowledgement may be told of.
  const sent = pair.clientTrace.filter("quic:packet_sent").map(({ data }) => data.header.number);
  assertEquals(sent.length, 2);
  const { numbers } = pair.clientTrace.first("quic:packets_acked")!.data;
  assertEquals(numbers.filter((number) => sent.includes(number)), sent);
});

Deno.test("Connection acknowledges every other packet of a bulk transfer", () => {
  const transfer = bulkPair("down", 5_000_000);
  finish(transfer);
  const { pair } = transfer;
  const acks = pureAcks(pair.clientTrace);
  const received = pair.clientTrace.count("quic:packet_received", (data) => data.header.type === "one_rtt");
  assert(acks > 0.4 * received && acks < 0.6 * received, `${acks} acknowledgements for ${received} packets`);
});

Deno.test("Connection acknowledges all that arrives at the same moment at once", () => {
  // Without a rate, a whole train of datagrams arrives in one instant.
  const transfer = bulkPair("down", 5_000_000, { link: { rateMbps: null } });
  finish(transfer);
  const { pair } = transfer;
  const acks = pureAcks(pair.clientTrace);
  const received = pair.clientTrace.count("quic:packet_received", (data) => data.header.type === "one_rtt");
  assertLess(acks, received / 4);
});

Deno.test("Connection carries acknowledgements in packets that it sends anyway", () => {
  const pair = quietPair();
  const full = fullPacket(pair);
  const up = pair.client.openStream("bidirectional")!;
  pair.client.write(up, new Uint8Array(full));
  pair.world.require("data at the server", () => pair.serverTrace.frames("received", "stream").length > 0);
  pair.server.write(up, new Uint8Array(100));
  pair.world.runFor(500);
  assertEquals(pureAcks(pair.serverTrace), 0);
  const [first] = pair.serverTrace.filter("quic:packet_sent");
  assertEquals(first!.data.frames.map((frame) => frame.kind), ["ack", "stream"]);
});

Deno.test("Connection does not acknowledge acknowledgements", () => {
  const pair = quietPair();
  pair.client.ping();
  pair.world.runFor(10_000);
  assertEquals(pair.clientTrace.count("quic:packet_sent"), 1);
  assertEquals(pair.serverTrace.count("quic:packet_sent"), 1);
});

Deno.test("Connection asks for an answer now and then while it only acknowledges", () => {
  const transfer = bulkPair("down", 10_000_000, { link: { rateMbps: 100 }, client: { initialMaxData: 1 << 24 } });
  const { pair } = transfer;
  finish(transfer);
  const sent = pair.clientTrace.filter("quic:packet_sent", (data) => data.header.type === "one_rtt");
  const asked = sent.filter(({ data }) => data.frames.some(({ kind }) => kind !== "ack" && kind !== "padding"));
  assert(sent.length > 1000, `${sent.length} packets: expected many`);
  // One question at a time: a round trip here is at most 60 ms with full queues.
  for (let i = 1; i < asked.length; i++) {
    const wait = asked[i]!.now - asked[i - 1]!.now;
    assertLess(wait, 150, `nothing was asked for ${wait} ms`);
  }
  // What the sender knows to be known is reported no more.
  for (const { frame } of pair.clientTrace.frames("sent", "ack").slice(-100)) {
    const { ranges } = frame as AckFrame;
    assert(ranges.length <= 8, `${ranges.length / 2} ranges in an ACK without any loss`);
    assertLess(ranges[0]! - ranges.at(-1)!, 1500);
  }
  assertSettled(pair);
  assertEquals(inFlight(pair.client), 0);
});

Deno.test("Connection keeps ACK frames short on a link that loses and reorders", () => {
  const transfer = bulkPair("down", 3_000_000, { link: { lossPercent: 5, jitterMs: 4, reorder: true } });
  finish(transfer);
  const { pair } = transfer;
  const most = Math.max(
    ...pair.clientTrace.frames("sent", "ack").map(({ frame }) => (frame as AckFrame).ranges.length),
  );
  assert(most / 2 <= 64, `${most / 2} ranges`);
  const unsent = pair.serverTrace.count("quic:connection_closed") + pair.clientTrace.count("quic:connection_closed");
  assertEquals(unsent, 0);
});
