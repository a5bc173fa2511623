import { assert, assertEquals } from "@std/assert";
import { defaultQueue, type LinkShape, OVERHEAD, RelayLink } from "./relay_link.ts";

/** 1222 + 28 bytes at 10 Mbit/s: one millisecond each. */
const SIZE = 1250 - OVERHEAD;
const SHAPE: LinkShape = { rate: 10, delay: 15, queue: 20 };

function recorded(shape: LinkShape = SHAPE): { link: RelayLink<number>; got: number[] } {
  const got: number[] = [];
  return { link: new RelayLink<number>(shape, (item) => got.push(item)), got };
}

Deno.test("RelayLink delivers after the time on the wire and the delay", () => {
  const { link, got } = recorded();
  assert(link.offer(1, SIZE, 100));
  assertEquals(link.nextDue, 116);
  link.drain(115.99);
  assertEquals(got, []);
  link.drain(116);
  assertEquals(got, [1]);
  assertEquals(link.nextDue, Infinity);
});

Deno.test("RelayLink spaces a burst by its rate, whenever it is drained", () => {
  const { link, got } = recorded();
  for (let n = 0; n < 10; n += 1) link.offer(n, SIZE, 0);
  link.drain(16.5);
  assertEquals(got, [0]);
  link.drain(20.5);
  assertEquals(got, [0, 1, 2, 3, 4]);
  link.offer(10, SIZE, 20.5);
  link.drain(26);
  assertEquals(got.length, 10);
  assertEquals(link.nextDue, 36.5);
});

Deno.test("RelayLink drops at the tail of its queue and counts it", () => {
  const { link, got } = recorded();
  let taken = 0;
  for (let n = 0; n < 100; n += 1) if (link.offer(n, SIZE, 0)) taken += 1;
  assertEquals(taken, 20);
  assertEquals(link.counts.dropped, 80);
  link.drain(1000);
  assertEquals(got.length, 20);
  assertEquals(link.counts, { datagrams: 20, bytes: 20 * SIZE, dropped: 80, swallowed: 0 });
});

Deno.test("RelayLink carries its whole rate over time, with a sender that keeps the queue filled and a lazy timer", () => {
  const { link } = recorded();
  for (let now = 0; now < 10_000; now += 7) {
    while (link.offer(0, SIZE, now));
    link.drain(now);
  }
  const expected = 10 * 1000 / 8 * (10_000 - 15) / (SIZE + OVERHEAD) * SIZE;
  assert(Math.abs(link.counts.bytes - expected) < 0.005 * expected, `${link.counts.bytes} of ${expected}`);
});

Deno.test("RelayLink when dead swallows what comes, and what was under way arrives", () => {
  const { link, got } = recorded();
  link.offer(1, SIZE, 0);
  link.dead = true;
  assert(!link.offer(2, SIZE, 1));
  link.drain(100);
  assertEquals(got, [1]);
  assertEquals(link.counts.swallowed, 1);
  link.dead = false;
  assert(link.offer(3, SIZE, 100));
});

Deno.test("RelayLink.reshape() holds from the next datagram on and lets nothing overtake", () => {
  const { link, got } = recorded();
  link.offer(1, SIZE, 0);
  link.reshape({ rate: 100, delay: 1, queue: 20 });
  link.offer(2, SIZE, 0);
  link.drain(15.9);
  assertEquals(got, []);
  link.drain(16);
  assertEquals(got, [1, 2]);
});

Deno.test("RelayLink without a rate only delays", () => {
  const { link, got } = recorded({ rate: Infinity, delay: 5, queue: 1 });
  for (let n = 0; n < 50; n += 1) assert(link.offer(n, SIZE, 0));
  link.drain(5);
  assertEquals(got.length, 50);
});

Deno.test("defaultQueue() is a round trip's worth, and never less than ten datagrams", () => {
  assertEquals(defaultQueue(20, 30), 30);
  assertEquals(defaultQueue(1, 30), 120);
});
