import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { NUMBER_WINDOW, NumberWindow } from "./number_window.ts";

Deno.test("NumberWindow.add() knows each number once, in any order", () => {
  const number = fc.oneof(fc.nat(50), fc.nat(2 * NUMBER_WINDOW), fc.integer({ min: 2 ** 31 - 20, max: 2 ** 31 + 20 }));
  fc.assert(fc.property(fc.array(number, { maxLength: 300 }), (numbers) => {
    const window = new NumberWindow();
    const seen = new Set<number>();
    let highest = -1;
    for (const n of numbers) {
      const isNew = !seen.has(n) && n > highest - NUMBER_WINDOW;
      assertEquals(window.add(n), isNew, `${n} of ${numbers}`);
      seen.add(n);
      highest = Math.max(highest, n);
    }
  }));
});

Deno.test("NumberWindow.add() takes what is too late for known", () => {
  const window = new NumberWindow();
  assertEquals(window.add(NUMBER_WINDOW), true);
  assertEquals([window.add(0), window.add(1), window.add(1), window.add(NUMBER_WINDOW)], [false, true, false, false]);
  assertEquals(window.add(2 * NUMBER_WINDOW), true);
  assertEquals([window.add(NUMBER_WINDOW), window.add(NUMBER_WINDOW + 1)], [false, true]);
});

Deno.test("NumberWindow.add() takes the highest numbers there are, after any leap", () => {
  const window = new NumberWindow();
  for (const n of [5, 2 ** 53 - 3, 2 ** 53 - 2]) assertEquals([window.add(n), window.add(n)], [true, false]);
  assertEquals(window.add(2 ** 53 - 2 - 100), true);
  assertEquals(window.add(6), false);
});
