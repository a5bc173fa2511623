import { assert, assertAlmostEquals, assertEquals, assertLess } from "@std/assert";
import { Requests } from "../kit/apps.ts";
import { Pair } from "./pair.ts";
import { assertSettled, bulkPair, elicitingSentAt, finish, inFlight, moved } from "./transfers.ts";

/** The peer's max_ack_delay, by default. */
const MAX_ACK_DELAY = 25;

/** A confirmed pair in which all that the handshake left to say has been said. */
function quietPair(): Pair {
  const pair = new Pair({ client: { mtuDiscovery: false }, server: { mtuDiscovery: false } }).confirm();
  assertSettled(pair);
  pair.world.runFor(500);
  return pair;
}

/** What the path of the client says a probe timeout takes (RFC 9002 §6.2.1). */
function ptoOf(pair: Pair): number {
  const { srtt, rttVar } = pair.client.stats().paths[0]!;
  return srtt + Math.max(4 * rttVar, 1) + MAX_ACK_DELAY;
}

Deno.test("Connection probes a silent peer after one PTO, and doubles it each time until the idle timeout", () => {
  const pair = quietPair();
  const pto = ptoOf(pair);
  const began = pair.world.now;
  pair.link.set({ dead: true });
  pair.client.write(pair.client.openStream("bidirectional")!, new Uint8Array(10));
  pair.world.require("the client to give up", () => pair.client.state === "closed", began + 100_000);
  const times = [...new Set(elicitingSentAt(pair.clientTrace, began))].map((at) => at - began);
  assertEquals(times[0], 0);
  let expected = 0;
  for (const [i, at] of times.slice(1).entries()) {
    expected += pto * 2 ** i;
    assertAlmostEquals(at, expected, 1e-6 * expected, `probe ${i + 1}`);
  }
  assert(times.length >= 8, `${times.length} times of sending: expected probes until the end`);
  // RFC 9000 §10.1: counted from the first ack-eliciting packet since the peer was heard.
  assertAlmostEquals(pair.world.now - began, 30_000, 1);
  // Two probes each time (RFC 9002 §6.2.4).
  assertEquals(elicitingSentAt(pair.clientTrace, began + 1).length, 2 * (times.length - 1));
});

Deno.test("Connection repairs the loss of a last packet within a PTO and a round trip", () => {
  const pair = quietPair();
  const pto = ptoOf(pair);
  const id = pair.client.openStream("bidirectional")!;
  let dropped = 0;
  pair.link.up.tap = () => dropped++ === 0 ? "drop" : "pass";
  pair.client.write(id, new Uint8Array(500));
  pair.client.finish(id);
  const began = pair.world.now;
  let arrived: number | undefined;
  pair.world.require("the request at the server", () => {
    if (pair.server.stats().paths[0]!.streamBytesReceived >= 500) arrived ??= pair.world.now;
    return arrived !== undefined;
  });
  assertAlmostEquals(arrived! - began, pto + 15.5, 1);
  assertSettled(pair);
});

Deno.test("Connection repairs the loss of the last three packets of a response in about one PTO", () => {
  for (let seed = 1; seed <= 5; seed++) {
    const load = new Requests([{ request: 100, response: 100_000 }]);
    const pair = new Pair({ seed, clientApps: [load.client], serverApps: [load.server] });
    const whole = new Requests([{ request: 100, response: 100_000 }]);
    const clean = new Pair({ seed, clientApps: [whole.client], serverApps: [whole.server] });
    clean.world.require("the response", () => whole.isDone);
    const all = clean.link.down.counts.handed;
    // The last datagrams of data are those before the last few.
    pair.link.set({ drop: [all - 2, all - 1, all] }, "down");
    pair.world.require("the response", () => load.isDone);
    const extra = load.completedAt - whole.completedAt;
    assertLess(extra, 300, `seed ${seed}: the loss cost ${extra} ms`);
    assertSettled(pair);
  }
});

Deno.test("Connection declares a packet lost when the third one sent after it is acknowledged, no sooner", () => {
  const transfer = bulkPair("down", 1_000_000, { server: { mtuDiscovery: false } });
  const { pair } = transfer;
  pair.link.set({ drop: [60] }, "down");
  finish(transfer);
  const lost = pair.serverTrace.filter("quic:packet_lost");
  assertEquals(lost.length, 1);
  const { number } = lost[0]!.data.header;
  const known = new Set<number>();
  let third = 0;
  for (const { data, now } of pair.serverTrace.filter("quic:packets_acked", (d) => d.level === "application")) {
    for (const n of data.numbers) known.add(n);
    const later = pair.serverTrace.filter("quic:packet_sent", (d) => d.header.type === "one_rtt")
      .map((e) => e.data.header.number).filter((n) => n > number);
    if (third === 0 && known.has(later[2]!)) third = now;
  }
  assertEquals(lost[0]!.now, third);
  assertEquals(lost[0]!.data.trigger, "reordering_threshold");
});

Deno.test("Connection declares a packet lost after 9/8 round trips when fewer than three follow", () => {
  const pair = quietPair();
  const id = pair.client.openStream("bidirectional")!;
  let number = 0;
  pair.link.up.tap = () => ++number === 1 ? "drop" : "pass";
  pair.client.write(id, new Uint8Array(100));
  pair.world.runFor(1);
  pair.client.write(id, new Uint8Array(100));
  const began = pair.world.now;
  pair.world.require("the loss", () => pair.clientTrace.count("quic:packet_lost") > 0);
  const lost = pair.clientTrace.first("quic:packet_lost")!;
  assertEquals(lost.data.trigger, "time_threshold");
  // The second is acknowledged at once, for it shows the gap: the first is 9/8 of 30 ms old soon after.
  assertLess(pair.world.now - began, 40);
  assertSettled(pair);
});

Deno.test("Connection resumes after an outage of 3 s with the least window, which then grows", () => {
  for (const direction of ["down", "up"] as const) {
    const transfer = bulkPair(direction, 8_000_000);
    const { pair, load } = transfer;
    const [sender, trace] = direction === "down"
      ? [() => pair.server, pair.serverTrace]
      : [() => pair.client, pair.clientTrace];
    pair.world.require("a megabyte", () => moved(load) > 1_000_000);
    pair.link.set({ dead: true });
    pair.world.runFor(3000);
    pair.link.set({ dead: false });
    const [alive, before] = [pair.world.now, moved(load)];
    pair.world.require("more data", () => moved(load) > before);
    // Back-off has doubled the wait at most to the length of the outage.
    assertLess(pair.world.now - alive, 3100);
    const resumed = pair.world.now;
    pair.world.require("an acknowledgement", () => trace.last("quic:packets_acked")!.now > resumed);
    const { cwnd, mtu } = sender().stats().paths[0]!;
    assertLess(cwnd, 6 * mtu, `${direction}: persistent congestion leaves the least window`);
    finish(transfer);
    const rate = (8_000_000 - before) / (pair.world.now - resumed);
    assert(rate > 0.75 * 2500, `${direction}: ${rate} bytes/ms after the outage`);
    assertSettled(pair);
  }
});

Deno.test("Connection takes losses back that were none", () => {
  const transfer = bulkPair("down", 3_000_000, { link: { rateMbps: 500 } });
  const { pair, load } = transfer;
  pair.world.require("a megabyte", () => moved(load) > 1_000_000);
  const before = pair.server.stats().paths[0]!.cwnd;
  let left = 5;
  pair.link.down.tap = () => left-- > 0 ? { delay: 25 } : "pass";
  pair.world.require("late packets", () => pair.serverTrace.count("quic:spurious_loss") >= 5);
  assert(pair.serverTrace.count("quic:packet_lost") >= 5);
  const after = pair.server.stats().paths[0]!.cwnd;
  assert(after >= before, `The window is ${after}, expected at least the ${before} before the losses`);
  finish(transfer);
  assertSettled(pair);
});

Deno.test("Connection answers sparse requests over a lossy link without long waits", () => {
  const list = Array.from({ length: 100 }, (_, i) => ({
    request: 200,
    response: 2000,
    after: i === 0 ? null : i - 1,
    delay: 200,
  }));
  const waits: number[] = [];
  for (let seed = 1; seed <= 3; seed++) {
    let pair: Pair | undefined = undefined;
    const load = new Requests(list, { at: (time, run) => pair!.world.at(time, run) });
    pair = new Pair({ seed, clientApps: [load.client], serverApps: [load.server] });
    pair.confirm();
    pair.link.set({ lossPercent: 5 });
    pair.world.require("all responses", () => load.isDone, 200_000);
    for (const exchange of load.exchanges) waits.push(exchange.endedAt - exchange.startedAt);
    assertEquals(inFlight(pair.server) < 5000, true);
  }
  waits.sort((a, b) => a - b);
  const at = (share: number): number => waits[Math.floor(share * (waits.length - 1))]!;
  assertLess(at(0.5), 35);
  assertLess(at(0.9), 150);
  assertLess(at(1), 1500, `the longest wait is ${at(1)} ms`);
});
