import { assert, assertEquals } from "@std/assert";
import { ReceiveCredit, SendCredit } from "./credit.ts";

Deno.test("SendCredit.take() gives what there is", () => {
  const credit = new SendCredit(100);
  assertEquals(credit.take(70), 70);
  assertEquals(credit.take(70), 30);
  assertEquals(credit.take(1), 0);
  assertEquals([credit.used, credit.room, credit.limit], [100, 0, 100]);
});

Deno.test("SendCredit.raise() ignores limits that are not larger", () => {
  const credit = new SendCredit(100);
  assertEquals(credit.raise(100), false);
  assertEquals(credit.raise(50), false);
  assertEquals(credit.limit, 100);
  assertEquals(credit.raise(101), true);
  assertEquals(credit.room, 101);
});

Deno.test("SendCredit.restart() begins anew", () => {
  const credit = new SendCredit(100);
  credit.take(80);
  credit.restart(40);
  assertEquals([credit.used, credit.room], [0, 40]);
});

Deno.test("ReceiveCredit.room tells what may still come", () => {
  const credit = new ReceiveCredit(100, 100);
  assertEquals(credit.room, 100);
  credit.receive(70, 0);
  assertEquals([credit.room, credit.received], [30, 70]);
});

Deno.test("ReceiveCredit announces a new limit when half of a window that may grow is used up", () => {
  const credit = new ReceiveCredit(100, 1000);
  credit.receive(100, 0);
  assertEquals(credit.consume(49), false);
  assertEquals(credit.update(10, 1000), 100);
  assertEquals(credit.consume(1), true);
  assertEquals(credit.isPressing, true);
  assertEquals(credit.update(10, 1000), 150);
  assertEquals([credit.isDue, credit.isPressing], [false, false]);
});

// In halves a peer that such a window limits would have little more than half of it on the way.
Deno.test("ReceiveCredit announces a window that cannot grow in small steps, in no hurry until half is used up", () => {
  for (
    const { window, step } of [{ window: 6400, step: 200 }, { window: 96_000, step: 2400 }, {
      window: 640_000,
      step: 10_000,
    }]
  ) {
    const credit = new ReceiveCredit(window, window);
    credit.receive(window, 0);
    assertEquals(credit.consume(step - 1), false);
    assertEquals(credit.consume(1), true);
    assertEquals(credit.isPressing, false);
    assertEquals(credit.update(10, 1000), window + step);
    assertEquals([credit.isDue, credit.window], [false, window]);
    credit.consume(window / 2);
    assertEquals(credit.isPressing, true);
  }
});

Deno.test("SendCredit.isScant tells when the rest is not worth a packet, of small windows a quarter", () => {
  for (const { limit, least } of [{ limit: 100_000, least: 1000 }, { limit: 400, least: 100 }]) {
    const credit = new SendCredit(limit);
    credit.take(limit - least);
    assertEquals(credit.isScant, false);
    credit.take(1);
    assertEquals(credit.isScant, true);
    credit.raise(limit + 1);
    assertEquals(credit.isScant, false);
  }
});

Deno.test("ReceiveCredit doubles a window that is used up within four round trips, up to the ceiling", () => {
  const credit = new ReceiveCredit(100, 300);
  credit.receive(100, 0);
  credit.consume(50);
  // 50 bytes in 40 ms: the window in 80 ms, less than four round trips of 50 ms.
  assertEquals(credit.update(50, 40), 250);
  assertEquals(credit.window, 200);
  credit.receive(150, 60);
  credit.consume(200);
  assertEquals(credit.update(50, 80), 550);
  assertEquals(credit.window, 300);
  credit.receive(300, 90);
  credit.consume(300);
  assertEquals(credit.update(50, 100), 850);
  assertEquals(credit.window, 300);
});

Deno.test("ReceiveCredit keeps the window of a reader that takes its time", () => {
  for (const { now, limit } of [{ now: 119, limit: 260 }, { now: 120, limit: 160 }, { now: 1000, limit: 160 }]) {
    const credit = new ReceiveCredit(100, 10_000);
    credit.receive(100, 0);
    credit.consume(60);
    assertEquals(credit.update(50, now), limit);
  }
});

Deno.test("ReceiveCredit measures from the first byte, not from the making", () => {
  const credit = new ReceiveCredit(100, 1000);
  credit.receive(60, 5000);
  credit.consume(60);
  credit.update(50, 5010);
  assertEquals(credit.window, 200);
});

Deno.test("ReceiveCredit.widen() lets the window grow within the ceiling", () => {
  const credit = new ReceiveCredit(100, 300);
  credit.widen(200);
  assertEquals(credit.window, 200);
  credit.widen(150);
  assertEquals(credit.window, 200);
  credit.widen(1000);
  assertEquals(credit.window, 300);
  assertEquals(credit.isDue, true);
  assertEquals(credit.update(50, 0), 300);
});

Deno.test("ReceiveCredit of a window of nothing stays closed", () => {
  const credit = new ReceiveCredit(0, 1000);
  assertEquals([credit.isDue, credit.room], [false, 0]);
});

Deno.test("ReceiveCredit.stretch() doubles a window of which most is behind a gap, up to the ceiling", () => {
  const credit = new ReceiveCredit(1000, 4000);
  credit.receive(900, 0);
  assert(!credit.stretch(399));
  assert(credit.stretch(400));
  assertEquals(credit.window, 2000);
  assert(credit.isDue);
  assertEquals(credit.update(10, 1), 2000);
  assert(!credit.stretch(799));
  credit.receive(1000, 2);
  assert(credit.stretch(1900));
  assertEquals(credit.update(10, 3), 4000);
  assert(!credit.stretch(4000));
});
