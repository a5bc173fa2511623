import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { DeliveryRate, RATE_ROUNDS } from "./delivery_rate.ts";
import { SentPacket } from "./sent_packets.ts";

class Route {
  readonly rate = new DeliveryRate();
  #number = 0;
  #inFlight = 0;

  send(now: number, size = 1000): SentPacket<never> {
    const packet = new SentPacket<never>(this.#number++, 0, now, size, true, true, []);
    this.rate.onSent(packet, this.#inFlight, now);
    this.#inFlight += size;
    return packet;
  }

  ack(packets: readonly SentPacket<never>[], now: number) {
    for (const packet of packets) {
      this.rate.onAcked(packet, now);
      this.#inFlight -= packet.size;
    }
    return this.rate.sample(0);
  }

  limited(): void {
    this.rate.onAppLimited(this.#inFlight);
  }
}

/** Sends a packet per `gap` and acknowledges each 100 ms later; the last sample. */
function steady(route: Route, start: number, count: number, gap: number) {
  const packets = Array.from({ length: count }, () => undefined as SentPacket<never> | undefined);
  let last: ReturnType<Route["ack"]>;
  for (let step = 0; step < count + 100 / gap; step++) {
    const now = start + step * gap;
    if (step >= 100 / gap) last = route.ack([packets[step - 100 / gap]!], now) ?? last;
    if (step < count) packets[step] = route.send(now);
  }
  return last;
}

Deno.test("sample() measures a steady route", () => {
  const route = new Route();
  assertEquals(route.rate.rate, 0);
  const sample = steady(route, 0, 200, 1);
  assertAlmostEquals(sample!.rate, 1000, 20);
  assertEquals(sample!.appLimited, false);
  assertAlmostEquals(route.rate.rate, 1000, 20);
  assertEquals(route.rate.delivered, 200_000);
});

Deno.test("sample() takes the longer of sending and acknowledging, so bunched ACKs do not raise it", () => {
  const route = new Route();
  const first = route.send(0);
  const rest = Array.from({ length: 10 }, (_, i) => route.send(10 * (i + 1)));
  route.ack([first], 50);
  // Eleven packets sent over 100 ms, acknowledged at once.
  const sample = route.ack(rest, 150);
  assertEquals(sample!.interval, 150);
  assert(sample!.rate <= 100);
});

Deno.test("sample() is nothing without acknowledgments, or quicker than the least RTT", () => {
  const route = new Route();
  assertEquals(route.rate.sample(0), undefined);
  const packet = route.send(0);
  route.rate.onAcked(packet, 5);
  assertEquals(route.rate.sample(10), undefined);
  assertEquals(route.rate.sample(0), undefined);
});

Deno.test("onAppLimited() marks samples until what was in flight is delivered", () => {
  const route = new Route();
  const before = [route.send(0), route.send(1)];
  route.limited();
  const during = route.send(2);
  assertEquals(during.appLimited, true);
  assertEquals(route.ack(before, 100)!.appLimited, false);
  assertEquals(route.ack([during], 102)!.appLimited, true);
  const after = route.send(103);
  assertEquals(after.appLimited, false);
});

Deno.test("rate forgets after some round trips, but not for an application that sends little", () => {
  const route = new Route();
  steady(route, 0, 200, 1);
  for (let i = 0; i < 3 * RATE_ROUNDS; i++) {
    route.limited();
    const packet = route.send(1000 + 200 * i);
    assertEquals(route.ack([packet], 1100 + 200 * i)!.appLimited, true);
  }
  assertAlmostEquals(route.rate.rate, 1000, 20);
  steady(route, 10_000, 400, 10);
  assertAlmostEquals(route.rate.rate, 100, 10);
});
