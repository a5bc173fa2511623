import { assertEquals } from "@std/assert";
import { FlightEnd } from "./flight_end.ts";

/** For each datagram whether it is the last of its flight. */
function judge(datagrams: readonly (readonly [size: number, at: number])[]): boolean[] {
  const end = new FlightEnd();
  return datagrams.map(([size, at]) => end.isReached(size, at));
}

Deno.test("FlightEnd takes what no sender would fill for the last, whatever came before", () => {
  assertEquals(judge([[60, 0], [40, 0], [1099, 0], [300, 50], [300, 100]]), [true, true, true, true, true]);
});

Deno.test("FlightEnd waits for more behind what may be full, as it is the largest so far", () => {
  assertEquals(judge([[1200, 0], [1452, 50], [1452, 100], [1500, 150]]), [false, false, false, false]);
});

Deno.test("FlightEnd knows messages that nearly fill a packet, once a full one came", () => {
  const messages = [[1452, 0], [1430, 50], [1430, 70], [1150, 200], [1451, 300]] as const;
  assertEquals(judge(messages), [false, true, true, true, true]);
});

Deno.test("FlightEnd knows the rest of a message, of which all came in one go", () => {
  assertEquals(judge([[1452, 0], [1452, 0.6], [1150, 1.2]]), [false, false, true]);
  assertEquals(judge([[1452, 0], [1452, 0], [1452, 0]]), [false, false, false]);
});

Deno.test("FlightEnd is not fooled by a probe that is larger than all that fills a sender's packets", () => {
  const bulk = Array.from({ length: 100 }, (_, i) => [1350, 10 + i] as const);
  assertEquals(judge([[1500, 0], ...bulk]), [false, true, ...Array.from({ length: 99 }, () => false)]);
});
