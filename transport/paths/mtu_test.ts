import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  MTU_BASE,
  MTU_BLACK_HOLE_LOSSES,
  MTU_BLACK_HOLE_PAUSE,
  MTU_CEILING,
  MTU_MAX_PROBES,
  MTU_RAISE_AFTER,
  MTU_STEP,
  MtuProbe,
} from "./mtu.ts";

/** Probes over a route that carries `carries` bytes until nothing is left to try; the sizes tried, in order. */
function search(mtu: MtuProbe, carries: number, now: number): number[] {
  const tried: number[] = [];
  for (let size = mtu.probeSize(now); size !== undefined; size = mtu.probeSize(now)) {
    assert(tried.length < 100, "the search does not end");
    tried.push(size);
    mtu.onSent(size);
    if (size <= carries) mtu.onAcked(size, true, now);
    else mtu.onLost(size, true, now, now);
  }
  return tried;
}

Deno.test("MtuProbe() uses 1200 bytes and does not probe before start (RFC 9000 §14)", () => {
  const mtu = new MtuProbe();
  assertEquals(mtu.current, MTU_BASE);
  assertEquals(mtu.probeSize(0), undefined);
  assertEquals(mtu.nextTimeout(), Infinity);
});

Deno.test("MtuProbe.probeSize() tries the ceiling first and is content with it", () => {
  const mtu = new MtuProbe();
  mtu.start(0);
  assertEquals(search(mtu, 1500, 0), [MTU_CEILING]);
  assertEquals(mtu.current, MTU_CEILING);
  assertEquals(mtu.nextTimeout(), Infinity);
});

Deno.test("MtuProbe.probeSize() has one probe in flight at a time", () => {
  const mtu = new MtuProbe();
  mtu.start(0);
  const size = mtu.probeSize(0);
  assertEquals(mtu.probeSize(0), size, "asking alone sends nothing");
  mtu.onSent(size!);
  assertEquals(mtu.probeSize(0), undefined);
});

Deno.test("MtuProbe.onLost() three lost probes end the search at a size (RFC 8899 §5.1.2)", () => {
  const mtu = new MtuProbe();
  mtu.start(0);
  for (let i = 0; i < MTU_MAX_PROBES; i++) {
    assertEquals(mtu.probeSize(0), MTU_CEILING);
    mtu.onSent(MTU_CEILING);
    mtu.onLost(MTU_CEILING, true, 0, 0);
  }
  const next = mtu.probeSize(0)!;
  assert(next > MTU_BASE && next < MTU_CEILING, `${next}`);
  assertEquals(mtu.current, MTU_BASE);
});

Deno.test("MtuProbe.onLost() a probe that gets through the second time counts", () => {
  const mtu = new MtuProbe();
  mtu.start(0);
  mtu.onSent(mtu.probeSize(0)!);
  mtu.onLost(MTU_CEILING, true, 0, 0);
  mtu.onSent(mtu.probeSize(1)!);
  mtu.onAcked(MTU_CEILING, true, 2);
  assertEquals(mtu.current, MTU_CEILING);
});

Deno.test("MtuProbe.probeSize() finds the size of any route to within the step (property)", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1200, max: 9000 }), fc.integer({ min: 1200, max: 9000 }), (carries, ceiling) => {
      const mtu = new MtuProbe({ ceiling });
      mtu.start(0);
      const tried = search(mtu, carries, 0);
      const best = Math.min(carries, ceiling);
      assert(mtu.current <= best && best - mtu.current < MTU_STEP, `${mtu.current} for ${best}`);
      assert(tried.length <= 1 + MTU_MAX_PROBES * 11, `${tried.length} probes`);
      assert(tried.every((size) => size > MTU_BASE && size <= ceiling));
      return true;
    }),
  );
});

Deno.test("MtuProbe.setCeiling() the peer's max_udp_payload_size caps the search, down to 1200", () => {
  const mtu = new MtuProbe();
  mtu.setCeiling(1300, 0);
  mtu.start(0);
  assertEquals(search(mtu, 1500, 0), [1300]);
  mtu.setCeiling(1000, 0);
  assertEquals(mtu.current, MTU_BASE);
  assertEquals(mtu.probeSize(0), undefined);
  mtu.setCeiling(1400, 0);
  assertEquals(search(mtu, 1500, 0), [1400]);
});

Deno.test("MtuProbe({ ceiling: 1200 }) never probes", () => {
  const mtu = new MtuProbe({ ceiling: 1200 });
  mtu.start(0);
  assertEquals(mtu.probeSize(0), undefined);
  assertEquals(mtu.nextTimeout(), Infinity);
});

Deno.test("MtuProbe.nextTimeout() a finished search begins again after 600 s (RFC 8899 §5.1.1)", () => {
  const mtu = new MtuProbe();
  mtu.start(0);
  search(mtu, 1300, 1000);
  assertEquals(mtu.nextTimeout(), 1000 + MTU_RAISE_AFTER);
  mtu.onTimeout(1000 + MTU_RAISE_AFTER - 1);
  assertEquals(mtu.probeSize(1000), undefined);
  mtu.onTimeout(1000 + MTU_RAISE_AFTER);
  assertEquals(mtu.nextTimeout(), Infinity);
  assertEquals(mtu.probeSize(1000 + MTU_RAISE_AFTER), MTU_CEILING);
  search(mtu, 1500, 1000 + MTU_RAISE_AFTER);
  assertEquals(mtu.current, MTU_CEILING);
});

Deno.test("MtuProbe.onLost() full-size losses at three moments without an ack of that size are a black hole", () => {
  const mtu = new MtuProbe();
  mtu.start(0);
  search(mtu, 1500, 0);
  for (let i = 0; i < MTU_BLACK_HOLE_LOSSES; i++) {
    assertEquals(mtu.current, MTU_CEILING);
    mtu.onLost(1452, false, 100 + i, 100 + i);
    mtu.onAcked(60, false, 100 + i);
  }
  assertEquals(mtu.current, MTU_BASE);
  assertEquals(mtu.probeSize(200), undefined);
  assertEquals(mtu.nextTimeout(), 102 + MTU_BLACK_HOLE_PAUSE);
  mtu.onTimeout(102 + MTU_BLACK_HOLE_PAUSE);
  assertEquals(mtu.probeSize(102 + MTU_BLACK_HOLE_PAUSE), MTU_CEILING);
});

Deno.test("MtuProbe.onLost() a burst of losses at one moment is no black hole", () => {
  const mtu = new MtuProbe();
  mtu.start(0);
  search(mtu, 1500, 0);
  for (let i = 0; i < 50; i++) mtu.onLost(1452, false, 100, 100);
  assertEquals(mtu.current, MTU_CEILING);
});

Deno.test("MtuProbe.onLost() losses of packets that were sent before the last one was found are no black hole", () => {
  const mtu = new MtuProbe();
  mtu.start(0);
  search(mtu, 1500, 0);
  // An overflowing queue: what it refused within a round trip is found bit by bit.
  for (let i = 0; i < 50; i++) mtu.onLost(1452, false, 60 + i / 2, 100 + i);
  assertEquals(mtu.current, MTU_CEILING);
  for (let i = 1; i < MTU_BLACK_HOLE_LOSSES; i++) mtu.onLost(1452, false, 150 * i, 150 * i + 50);
  assertEquals(mtu.current, MTU_BASE);
});

Deno.test("MtuProbe.onAcked() a large packet that gets through clears the suspicion", () => {
  const mtu = new MtuProbe();
  mtu.start(0);
  search(mtu, 1500, 0);
  for (let i = 0; i < 20; i++) {
    mtu.onLost(1452, false, 100 + i, 100 + i);
    if (i % 2 === 1) mtu.onAcked(1400, false, 100 + i);
  }
  assertEquals(mtu.current, MTU_CEILING);
});

Deno.test("MtuProbe.onLost() losses of packets no larger than 1200 bytes say nothing", () => {
  const mtu = new MtuProbe();
  mtu.start(0);
  search(mtu, 1500, 0);
  for (let i = 0; i < 20; i++) mtu.onLost(1200, false, 100 + i, 100 + i);
  assertEquals(mtu.current, MTU_CEILING);
});

Deno.test("MtuProbe.onAcked() late acks from before the fall back change nothing", () => {
  const mtu = new MtuProbe();
  mtu.start(0);
  search(mtu, 1500, 0);
  for (let i = 0; i < MTU_BLACK_HOLE_LOSSES; i++) mtu.onLost(1452, false, 100 + i, 100 + i);
  mtu.onAcked(1452, false, 200);
  mtu.onAcked(1452, true, 200);
  mtu.onLost(1452, true, 200, 200);
  assertEquals(mtu.current, MTU_BASE);
});

Deno.test("MtuProbe.onTooLarge() a refused probe is replaced by a smaller one at once", () => {
  const mtu = new MtuProbe();
  mtu.start(0);
  mtu.onSent(mtu.probeSize(0)!);
  mtu.onTooLarge(MTU_CEILING, 0);
  const tried = search(mtu, 1399, 0);
  assert(tried.every((size) => size < MTU_CEILING));
  assert(mtu.current > 1399 - MTU_STEP && mtu.current <= 1399);
});

Deno.test("MtuProbe.onTooLarge() a size in use goes back to 1200 and is searched below the refusal", () => {
  const mtu = new MtuProbe();
  mtu.start(0);
  search(mtu, 1500, 0);
  mtu.onTooLarge(1452, 10);
  assertEquals(mtu.current, MTU_BASE);
  const tried = search(mtu, 1380, 10);
  assert(tried.every((size) => size < 1452));
  assert(mtu.current > 1380 - MTU_STEP);
  assertEquals(mtu.nextTimeout(), 10 + MTU_RAISE_AFTER);
});

Deno.test("MtuProbe.onTooLarge() not even 1200 bytes: stays at 1200 and stops", () => {
  const mtu = new MtuProbe();
  mtu.start(0);
  mtu.onTooLarge(900, 5);
  assertEquals(mtu.current, MTU_BASE);
  assertEquals(mtu.probeSize(5), undefined);
  assertEquals(mtu.nextTimeout(), 5 + MTU_RAISE_AFTER);
});

Deno.test("MtuProbe.onTooLarge() before start limits the first search", () => {
  const mtu = new MtuProbe();
  mtu.onTooLarge(1400, 0);
  assertEquals(mtu.probeSize(0), undefined);
  mtu.start(0);
  assertEquals(mtu.probeSize(0), 1399);
});

Deno.test("MtuProbe any input keeps the size in range and ends (property)", () => {
  const step = fc.record({
    what: fc.constantFrom("probe-ack", "probe-loss", "ack", "loss", "refuse", "time"),
    size: fc.integer({ min: 1000, max: 1500 }),
    later: fc.integer({ min: 0, max: 400_000 }),
  });
  fc.assert(fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
    const mtu = new MtuProbe();
    mtu.start(0);
    let now = 0;
    for (const { what, size, later } of steps) {
      now += later;
      const probe = mtu.probeSize(now);
      if (probe !== undefined) mtu.onSent(probe);
      const candidate = probe ?? size;
      if (what === "probe-ack") mtu.onAcked(candidate, true, now);
      else if (what === "probe-loss") mtu.onLost(candidate, true, now, now);
      else if (what === "ack") mtu.onAcked(Math.min(size, mtu.current), false, now);
      else if (what === "loss") mtu.onLost(Math.min(size, mtu.current), false, now, now);
      else if (what === "refuse") mtu.onTooLarge(size, now);
      else mtu.onTimeout(now);
      assert(mtu.current >= MTU_BASE && mtu.current <= MTU_CEILING);
      if (what === "refuse") assert(mtu.current < size || mtu.current === MTU_BASE);
      const next = mtu.probeSize(now);
      assert(next === undefined || (next > mtu.current && next <= MTU_CEILING), `${next}`);
    }
    search(mtu, 1452, now);
    return true;
  }));
});
