import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { Amplification, AMPLIFICATION_FACTOR } from "./amplification.ts";

Deno.test("Amplification() nothing may leave before something came (row 34, RFC 9000 §8.1)", () => {
  const amplification = new Amplification();
  assertEquals(amplification.validated, false);
  assertEquals(amplification.room, 0);
});

Deno.test("Amplification.room three times the bytes received, less those sent (rows 34 and 125)", () => {
  const amplification = new Amplification();
  amplification.received(1200);
  assertEquals(amplification.room, 3600);
  amplification.sent(1200);
  amplification.sent(1200);
  assertEquals(amplification.room, 1200);
  amplification.sent(1200);
  assertEquals(amplification.room, 0);
  amplification.received(40);
  assertEquals(amplification.room, 120);
});

Deno.test("Amplification.room is never negative", () => {
  const amplification = new Amplification();
  amplification.received(10);
  amplification.sent(100);
  assertEquals(amplification.room, 0);
});

Deno.test("Amplification.room is nothing while it is too little for any packet", () => {
  const amplification = new Amplification();
  amplification.received(26);
  assertEquals(amplification.room, 0);
  amplification.received(1);
  assertEquals(amplification.room, 81);
});

Deno.test("Amplification.validate() lifts the limit", () => {
  const amplification = new Amplification();
  amplification.validate();
  assertEquals(amplification.validated, true);
  assertEquals(amplification.room, Infinity);
  amplification.sent(1e9);
  assertEquals(amplification.room, Infinity);
});

Deno.test("Amplification(true) starts without a limit", () => {
  assertEquals(new Amplification(true).room, Infinity);
});

Deno.test("Amplification.room a sender that keeps to it never exceeds the factor (property)", () => {
  fc.assert(fc.property(
    fc.array(fc.record({ receives: fc.boolean(), bytes: fc.integer({ min: 1, max: 1500 }) }), { maxLength: 60 }),
    (steps) => {
      const amplification = new Amplification();
      let received = 0;
      let sent = 0;
      for (const { receives, bytes } of steps) {
        if (receives) {
          amplification.received(bytes);
          received += bytes;
        } else if (bytes <= amplification.room) {
          amplification.sent(bytes);
          sent += bytes;
        }
        if (sent > AMPLIFICATION_FACTOR * received) return false;
      }
      return true;
    },
  ));
});

Deno.test("Amplification.hold() nothing may be sent while there is no connection id for it", () => {
  const amplification = new Amplification(true);
  amplification.hold(true);
  assertEquals([amplification.room, amplification.validated], [0, true]);
  amplification.hold(false);
  assertEquals(amplification.room, Infinity);
});
