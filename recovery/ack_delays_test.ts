import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { AckDelays } from "./ack_delays.ts";

function usual(...delays: number[]): number {
  const its = new AckDelays();
  for (const delay of delays) its.sample(delay);
  return its.usual;
}

function times(count: number, delay: number): number[] {
  return Array.from({ length: count }, () => delay);
}

Deno.test("AckDelays takes what three acknowledgements reached", () => {
  assertEquals(usual(), 0);
  assertEquals(usual(25, 25), 0);
  assertEquals(usual(25, 25, 10), 10);
  assertEquals(usual(25, 10, 25, 0, 25, 0), 25);
});

Deno.test("AckDelays waits for what is held back now and then only, as lone full packets are", () => {
  assertEquals(usual(...Array.from({ length: 400 }, (_, i) => i % 10 === 0 ? 25 : 0)), 25);
});

Deno.test("AckDelays forgets within 32 acknowledgements", () => {
  assertEquals(usual(...times(100, 25), ...times(29, 5)), 25);
  assertEquals(usual(...times(100, 25), ...times(30, 5)), 5);
  assertEquals(usual(...times(100, 25), ...times(32, 0)), 0);
});

Deno.test("AckDelays is the third of the last 32 from above", () => {
  fc.assert(fc.property(fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 120 }), (delays) => {
    assertEquals(usual(...delays), delays.slice(-32).sort((a, b) => b - a)[2] ?? 0);
  }));
});
