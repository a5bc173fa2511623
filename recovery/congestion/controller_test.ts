import { assert, assertEquals, assertFalse } from "@std/assert";
import fc from "fast-check";
import { ack, congest, lonePath, MTU } from "./_feed.ts";
import { type ControllerFactory, initialWindow, minimumWindow } from "./controller.ts";
import { cubic } from "./cubic.ts";
import { newReno } from "./new_reno.ts";

const kinds: readonly { name: string; make: ControllerFactory; beta: number }[] = [
  { name: "NewReno", make: newReno(), beta: 0.5 },
  { name: "Cubic", make: cubic({ hystart: false }), beta: 0.7 },
];

Deno.test("initialWindow() and minimumWindow() follow RFC 9002 §7.2", () => {
  assertEquals(initialWindow(1200), 12_000);
  assertEquals(initialWindow(1452), 14_520);
  assertEquals(initialWindow(1500), 14_720);
  assertEquals(initialWindow(9000), 18_000);
  assertEquals(minimumWindow(1200), 2400);
});

Deno.test("initialWindow() of so many packets keeps RFC 9002's limit in bytes in proportion", () => {
  assertEquals([initialWindow(1200, 32), initialWindow(1500, 32), initialWindow(1452, 1)], [38_400, 47_104, 1452]);
  assertEquals(initialWindow(9000, 2), 18_000);
});

for (const { name, make, beta } of kinds) {
  Deno.test(`${name} begins in slow start with the initial window`, () => {
    const controller = make(lonePath());
    assertEquals([controller.cwnd, controller.ssthresh, controller.pacingRate], [12_000, Infinity, 0]);
    assert(controller.inSlowStart);
  });

  Deno.test(`${name} begins with as many packets as the path is given, until something changes the window`, () => {
    for (const initialWindowPackets of [1, 4, 32, 200]) {
      const controller = make({ ...lonePath(), initialWindowPackets });
      assertEquals(controller.cwnd, 1200 * initialWindowPackets);
      controller.onMtu?.(1400);
      assertEquals(controller.cwnd, 1400 * initialWindowPackets);
      congest(controller, "loss", 0, 100);
      const { cwnd } = controller;
      controller.onMtu?.(1300);
      assertEquals(controller.cwnd, Math.max(cwnd, 2600));
    }
  });

  Deno.test(`${name} grows by what is acknowledged in slow start (RFC 9002 §7.3.1)`, () => {
    const controller = make(lonePath());
    ack(controller, 12_000, 0, 100);
    assertEquals(controller.cwnd, 24_000);
    ack(controller, 500, 100, 200);
    assertEquals(controller.cwnd, 24_500);
  });

  Deno.test(`${name} does not grow when application-limited (RFC 9002 §7.8)`, () => {
    const controller = make(lonePath());
    ack(controller, 12_000, 0, 100, { appLimited: true });
    assertEquals(controller.cwnd, 12_000);
  });

  Deno.test(`${name} does not grow for packets that are not in flight`, () => {
    const controller = make(lonePath());
    ack(controller, 40, 0, 100, { packets: [{ sentAt: 0, size: 40, inFlight: false }] });
    assertEquals(controller.cwnd, 12_000);
  });

  for (const cause of ["loss", "ecn"] as const) {
    Deno.test(`${name} reduces once per round trip on ${cause} (RFC 9002 §7.3.2)`, () => {
      const controller = make(lonePath());
      ack(controller, 12_000, 0, 100);
      congest(controller, cause, 100, 200);
      const reduced = 24_000 * beta;
      assertEquals([controller.cwnd, controller.inSlowStart], [Math.floor(reduced), false]);
      assertEquals(Math.floor(controller.ssthresh), Math.floor(reduced));
      // Sent before or when the period began: absorbed, and no growth.
      congest(controller, "loss", 150, 250);
      congest(controller, "ecn", 200, 250);
      ack(controller, 5000, 200, 260);
      assertEquals(controller.cwnd, Math.floor(reduced));
      // Sent after it: growth, and a new period.
      ack(controller, 5000, 201, 300);
      assert(controller.cwnd > reduced);
      const before = controller.cwnd;
      congest(controller, cause, 201, 310);
      assert(Math.abs(controller.cwnd - before * beta) <= 1);
    });
  }

  Deno.test(`${name} never goes below two packets`, () => {
    const controller = make(lonePath());
    for (let i = 1; i < 30; i++) congest(controller, "loss", 10 * i, 10 * i + 5);
    assertEquals(controller.cwnd, 2 * MTU);
  });

  Deno.test(`${name} starts over from two packets after persistent congestion (RFC 9002 §7.6.2)`, () => {
    const controller = make(lonePath());
    ack(controller, 48_000, 0, 100);
    congest(controller, "persistent", 100, 2000);
    assertEquals(controller.cwnd, 2 * MTU);
    assert(controller.inSlowStart);
    assert(Math.abs(controller.ssthresh - 60_000 * beta) < 1);
    // What was sent before is acknowledged: the window grows again. What is found lost later changes nothing.
    congest(controller, "loss", 1990, 2010);
    ack(controller, 1200, 1995, 2011);
    assertEquals(controller.cwnd, 3 * MTU);
    assert(Math.abs(controller.ssthresh - 60_000 * beta) < 1);
    congest(controller, "loss", 2001, 2200);
    assertFalse(controller.inSlowStart);
  });

  Deno.test(`${name} takes persistent congestion after the loss was told as well`, () => {
    const controller = make(lonePath());
    congest(controller, "loss", 100, 200);
    congest(controller, "persistent", 100, 200);
    assertEquals(controller.cwnd, 2 * MTU);
    assert(Math.abs(controller.ssthresh - 12_000 * beta) < 1);
  });

  Deno.test(`${name} takes a reduction back when all its loss was spurious`, () => {
    const controller = make(lonePath());
    ack(controller, 12_000, 0, 100);
    congest(controller, "loss", 100, 200, 2400);
    congest(controller, "loss", 150, 210, 1200);
    controller.onSpurious?.({ bytes: 1200, sentAt: 100, now: 220 });
    controller.onSpurious?.({ bytes: 1200, sentAt: 100, now: 220 });
    assertEquals(controller.cwnd, Math.floor(24_000 * beta));
    controller.onSpurious?.({ bytes: 1200, sentAt: 150, now: 230 });
    assertEquals([controller.cwnd, controller.ssthresh], [24_000, Infinity]);
    ack(controller, 1200, 190, 240);
    assertEquals(controller.cwnd, 25_200);
    controller.onSpurious?.({ bytes: 1200, sentAt: 150, now: 250 });
    assertEquals(controller.cwnd, 25_200);
  });

  Deno.test(`${name} takes no reduction back that the network asked for`, () => {
    const marked = make(lonePath());
    congest(marked, "ecn", 100, 200);
    congest(marked, "loss", 110, 210);
    marked.onSpurious?.({ bytes: MTU, sentAt: 110, now: 220 });
    assertEquals(marked.cwnd, 12_000 * beta);
    const both = make(lonePath());
    congest(both, "loss", 100, 200);
    congest(both, "ecn", 150, 210);
    both.onSpurious?.({ bytes: MTU, sentAt: 100, now: 220 });
    assertEquals(both.cwnd, 12_000 * beta);
    const persistent = make(lonePath());
    congest(persistent, "persistent", 100, 200);
    persistent.onSpurious?.({ bytes: MTU, sentAt: 100, now: 220 });
    assertEquals(persistent.cwnd, 2 * MTU);
  });

  Deno.test(`${name} does not mistake loss of an earlier period for its own`, () => {
    const controller = make(lonePath());
    ack(controller, 48_000, 0, 50);
    congest(controller, "loss", 100, 200);
    congest(controller, "loss", 250, 300);
    const twice = controller.cwnd;
    controller.onSpurious?.({ bytes: MTU, sentAt: 100, now: 310 });
    assertEquals(controller.cwnd, twice);
    controller.onSpurious?.({ bytes: MTU, sentAt: 250, now: 320 });
    assert(Math.abs(controller.cwnd - 60_000 * beta) <= 1);
  });

  Deno.test(`${name} scales the initial and the least window with the MTU (RFC 9002 §7.2)`, () => {
    const controller = make(lonePath());
    controller.onMtu?.(1400);
    assertEquals(controller.cwnd, 14_000);
    controller.onMtu?.(9000);
    assertEquals(controller.cwnd, 18_000);
    controller.onMtu?.(1200);
    assertEquals(controller.cwnd, 12_000);
    // What came on top of it meanwhile stays.
    ack(controller, 1200, 0, 100);
    controller.onMtu?.(1400);
    assertEquals(controller.cwnd, 15_200);
    controller.onMtu?.(9000);
    assertEquals(controller.cwnd, 19_200);
    controller.onMtu?.(1200);
    assertEquals(controller.cwnd, 13_200);
    // It is no first window any more.
    congest(controller, "loss", 100, 200);
    const { cwnd } = controller;
    controller.onMtu?.(1400);
    assertEquals(controller.cwnd, cwnd);
    controller.onMtu?.(9000);
    assertEquals(controller.cwnd, 18_000);
  });

  Deno.test(`${name} keeps its window a finite number of at least two packets whatever happens`, () => {
    const step = fc.record({
      kind: fc.constantFrom(
        "ack" as const,
        "loss" as const,
        "ecn" as const,
        "persistent" as const,
        "spurious" as const,
      ),
      bytes: fc.integer({ min: 1, max: 100_000 }),
      age: fc.nat(300),
      wait: fc.nat(200),
      limited: fc.boolean(),
    });
    fc.assert(fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const controller = make(lonePath());
      let now = 0;
      for (const s of steps) {
        now += s.wait;
        const before = controller.cwnd;
        controller.onSent(MTU, s.limited ? 0 : 5000, now);
        if (s.kind === "ack") ack(controller, s.bytes, now - s.age, now, { appLimited: s.limited });
        else if (s.kind === "spurious") controller.onSpurious?.({ bytes: s.bytes, sentAt: now - s.age, now });
        else congest(controller, s.kind, now - s.age, now, s.bytes);
        assert(Number.isFinite(controller.cwnd) && controller.cwnd >= 2 * MTU, `cwnd ${controller.cwnd}`);
        if (s.kind === "ack") assert(controller.cwnd >= before && controller.cwnd <= before + s.bytes + MTU);
        if (s.kind !== "ack" && s.kind !== "spurious") assert(controller.cwnd <= before);
      }
    }));
  });
}

for (const [name, make] of [["NewReno", newReno({ hystart: true })], ["Cubic", cubic()]] as const) {
  Deno.test(`${name} stays in slow start when HyStart++ finds a queue in the middle of a flight alone (RFC 9406 §4.2)`, () => {
    const controller = make(lonePath());
    // Flights of 20 packets, one round trip apart. Each builds a queue of 40 ms that is gone before the next one; the first
    // half of the third was limited by the application.
    for (let flight = 0; flight < 3; flight++) {
      for (let i = 0; i < 20; i++) {
        const sentAt = 200 * flight + i;
        const appLimited = flight === 2 && i < 10;
        ack(controller, MTU, sentAt, sentAt + 100 + 2 * i, { rttSample: 100 + 2 * i, appLimited });
      }
    }
    const { cwnd } = controller;
    ack(controller, MTU, 420, 560, { rttSample: 140 });
    assertEquals(controller.cwnd, cwnd + MTU);
  });
}
