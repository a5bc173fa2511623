import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { detectLoss, K_PACKET_THRESHOLD, K_TIME_THRESHOLD, lossDelay } from "./loss.ts";
import { Rtt } from "./rtt.ts";
import { SentPacket, SentPackets } from "./sent_packets.ts";

interface Options {
  readonly route?: number;
  readonly size?: number;
  readonly quiet?: boolean;
  readonly probe?: boolean;
}

function send(sent: SentPackets<never>, number: number, sentAt: number, o: Options = {}): void {
  const eliciting = o.quiet !== true;
  sent.add(new SentPacket(number, o.route ?? 0, sentAt, o.size ?? 1000, eliciting, eliciting, [], false, o.probe));
}

function steadyRtt(milliseconds: number): Rtt {
  const rtt = new Rtt();
  for (let i = 0; i < 200; i++) rtt.sample(milliseconds, 0, -1000);
  return rtt;
}

function numbers(packets: readonly SentPacket<never>[]): number[] {
  return packets.map((p) => p.number);
}

Deno.test("detectLoss() takes three packets later for lost (kPacketThreshold, RFC 9002 §6.1.1)", () => {
  assertEquals(K_PACKET_THRESHOLD, 3);
  const sent = new SentPackets<never>();
  for (let n = 0; n < 6; n++) send(sent, n, 0);
  sent.ack([2, 2]);
  assertEquals(detectLoss(sent, 0, steadyRtt(100), 0, 1).lost, []);
  sent.ack([3, 3]);
  assertEquals(numbers(detectLoss(sent, 0, steadyRtt(100), 0, 1).lost), [0]);
  sent.ack([5, 5]);
  assertEquals(numbers(detectLoss(sent, 0, steadyRtt(100), 0, 1).lost), [1]);
});

Deno.test("detectLoss() takes 9/8 of the round trip for lost (kTimeThreshold, RFC 9002 §6.1.2)", () => {
  assertEquals(K_TIME_THRESHOLD, 1.125);
  const sent = new SentPackets<never>();
  send(sent, 0, 0);
  send(sent, 1, 10);
  send(sent, 2, 20);
  sent.ack([2, 2]);
  const rtt = steadyRtt(80);
  assertEquals(detectLoss(sent, 0, rtt, 0, 89), {
    lost: [],
    nextAt: 90,
    bytes: 0,
    newestSentAt: -Infinity,
    persistent: false,
  });
  const found = detectLoss(sent, 0, rtt, 0, 90);
  assertEquals([numbers(found.lost), found.nextAt, found.bytes, found.newestSentAt], [[0], 100, 1000, 0]);
  assertEquals(numbers(detectLoss(sent, 0, rtt, 0, 100).lost), [1]);
  assertEquals(detectLoss(sent, 0, rtt, 0, 100).nextAt, Infinity);
});

Deno.test("lossDelay() uses the larger of latest and smoothed, and the granularity (RFC 9002 §6.1.2)", () => {
  const rtt = steadyRtt(80);
  rtt.sample(40, 0, 0);
  assertEquals(lossDelay(rtt), 75 * 1.125);
  rtt.sample(800, 0, 0);
  assertEquals(lossDelay(rtt), 900);
  assertEquals(lossDelay(steadyRtt(0)), 1);
});

Deno.test("detectLoss() never takes a packet for lost that was sent after all acknowledged ones", () => {
  const sent = new SentPackets<never>();
  for (let n = 0; n < 5; n++) send(sent, n, n);
  const rtt = steadyRtt(1);
  assertEquals(detectLoss(sent, 0, rtt, 0, 1e6), {
    lost: [],
    nextAt: Infinity,
    bytes: 0,
    newestSentAt: -Infinity,
    persistent: false,
  });
  sent.ack([1, 1]);
  assertEquals(numbers(detectLoss(sent, 0, rtt, 0, 1e6).lost), [0]);
  assertEquals(sent.outstanding, 3);
});

Deno.test("detectLoss() compares orders on the route, not numbers", () => {
  const sent = new SentPackets<never>();
  // A slow route (1) and a fast one (2) share the numbers; all of the fast route's are acknowledged first.
  for (let n = 0; n < 20; n++) send(sent, n, n, { route: n % 4 === 0 ? 1 : 2 });
  for (let n = 0; n < 20; n++) if (n % 4 !== 0) sent.ack([n, n]);
  assertEquals(detectLoss(sent, 1, steadyRtt(500), 0, 40).lost, []);
  assertEquals(detectLoss(sent, 2, steadyRtt(20), 0, 40).lost, []);
  sent.ack([12, 12]);
  assertEquals(numbers(detectLoss(sent, 1, steadyRtt(500), 0, 510).lost), [0]);
});

Deno.test("detectLoss() is not misled by skipped numbers", () => {
  const sent = new SentPackets<never>();
  send(sent, 0, 0);
  send(sent, 2, 0);
  send(sent, 4, 0);
  sent.ack([4, 4]);
  assertEquals(detectLoss(sent, 0, steadyRtt(100), 0, 1).lost, []);
});

Deno.test("detectLoss() counts neither MTU probes nor bare ACKs as congestion (RFC 9000 §14.4)", () => {
  const sent = new SentPackets<never>();
  send(sent, 0, 0, { size: 300 });
  send(sent, 1, 1, { probe: true, size: 1400 });
  send(sent, 2, 2, { quiet: true, size: 50 });
  for (let n = 3; n < 6; n++) send(sent, n, n);
  sent.ack([5, 5]);
  const found = detectLoss(sent, 0, steadyRtt(100), 0, 10);
  assertEquals([numbers(found.lost), found.bytes, found.newestSentAt], [[0, 1, 2], 300, 0]);
  const probes = new SentPackets<never>();
  send(probes, 0, 0, { probe: true });
  for (let n = 1; n < 4; n++) send(probes, n, n);
  probes.ack([3, 3]);
  const probe = detectLoss(probes, 0, steadyRtt(100), 0, 10);
  assertEquals([probe.lost.length, probe.bytes, probe.newestSentAt], [1, 0, -Infinity]);
});

Deno.test("detectLoss() finds a packet lost at the very time it asked to look again", () => {
  fc.assert(fc.property(
    fc.double({ min: 0, max: 1e9, noNaN: true }),
    fc.double({ min: 0.001, max: 1e5, noNaN: true }),
    (sentAt, milliseconds) => {
      const sent = new SentPackets<never>();
      send(sent, 0, sentAt);
      send(sent, 1, sentAt);
      sent.ack([1, 1]);
      const rtt = steadyRtt(milliseconds);
      const { nextAt } = detectLoss(sent, 0, rtt, 0, sentAt);
      assertEquals(detectLoss(sent, 0, rtt, 0, nextAt).lost.length, 1);
    },
  ));
});

Deno.test("every packet ends acknowledged or lost, none both, and flight ends at zero", () => {
  const script = fc.record({
    count: fc.integer({ min: 1, max: 120 }),
    routes: fc.integer({ min: 1, max: 3 }),
    arrives: fc.array(fc.boolean(), { minLength: 120, maxLength: 120 }),
    delays: fc.array(fc.nat(40), { minLength: 120, maxLength: 120 }),
  });
  fc.assert(fc.property(script, ({ count, routes, arrives, delays }) => {
    const sent = new SentPackets<never>();
    const rtt = steadyRtt(30);
    let flight = 0;
    const acked = new Set<number>();
    const lost = new Set<number>();
    const events: { at: number; number: number; isAck: boolean }[] = [];
    for (let n = 0; n < count; n++) {
      events.push({ at: n, number: n, isAck: false });
      // The last packet of each route always arrives, late: without one nothing tells of the loss of a tail.
      if (n >= count - routes) events.push({ at: 1000 + n, number: n, isAck: true });
      else if (arrives[n]) events.push({ at: n + 30 + delays[n]!, number: n, isAck: true });
    }
    events.sort((a, b) => a.at - b.at || Number(a.isAck) - Number(b.isAck));
    for (const event of events) {
      if (!event.isAck) {
        send(sent, event.number, event.at, { route: event.number % routes });
        flight += 1000;
        continue;
      }
      const result = sent.ack([event.number, event.number]);
      for (const p of result.newlyAcked) {
        assert(!lost.has(p.number) && !acked.has(p.number));
        acked.add(p.number);
        flight -= p.size;
      }
      for (const p of result.spurious) assert(lost.has(p.number));
      for (let route = 0; route < routes; route++) {
        for (const p of detectLoss(sent, route, rtt, 0, event.at).lost) {
          assert(!acked.has(p.number) && !lost.has(p.number));
          lost.add(p.number);
          flight -= p.size;
        }
      }
      assert(flight >= 0);
    }
    assertEquals([acked.size + lost.size, sent.outstanding, flight], [count, 0, 0]);
  }));
});
