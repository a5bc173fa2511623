import { assert, assertEquals, assertNotEquals } from "@std/assert";
import fc from "fast-check";
import type { ReceivedPacket } from "../base/frame_owner.ts";
import type { Frame } from "../wire/frames/types.ts";
import { arrival, RoutePacket, type RoutePacketOptions, seededRandom } from "./fakes.ts";
import {
  MAX_RESPONDING_ROUTES,
  MAX_RESPONSES_PER_ROUTE,
  MAX_VALIDATION_EXTENSIONS,
  MAX_VALIDATIONS,
  VALIDATION_TIMEOUT_PTOS,
  Validator,
} from "./validator.ts";

const PTO = 100;

interface Setting {
  readonly pto?: number;
  readonly maxPto?: number;
  readonly routeOf?: (packet: ReceivedPacket) => number | undefined;
  readonly heardAt?: () => number;
}

/** A validator whose packets come in on the route that has their path's number. */
function validator(setting: Setting = {}): Validator {
  return new Validator({
    random: seededRandom(),
    pto: () => setting.pto ?? PTO,
    maxPto: () => setting.maxPto ?? PTO,
    routeOf: setting.routeOf ?? ((packet) => packet.path),
    ...(setting.heardAt === undefined ? {} : { heardAt: setting.heardAt }),
  });
}

/** Sends one datagram, if there is anything to send on that route. */
function send(v: Validator, options: RoutePacketOptions & { size?: number }): RoutePacket | undefined {
  const packet = new RoutePacket(options);
  if (!v.hasFrames(packet)) return undefined;
  v.writeFrames(packet);
  v.onDatagramSent(packet.route, options.size ?? 1200);
  return packet;
}

function challengesOf(packet: RoutePacket | undefined): Uint8Array[] {
  return (packet?.frames ?? []).flatMap((frame) => frame.kind === "path_challenge" ? [frame.data] : []);
}

function responsesOf(packet: RoutePacket | undefined): Uint8Array[] {
  return (packet?.frames ?? []).flatMap((frame) => frame.kind === "path_response" ? [frame.data] : []);
}

function response(data: Uint8Array): Frame {
  return { kind: "path_response", data };
}

function bytes(n: number): Uint8Array {
  return new Uint8Array(8).fill(n);
}

Deno.test("Validator.challenge() sends a challenge on its route only", () => {
  const v = validator();
  assert(v.challenge(1, 7, 0));
  assert(v.isValidating(7));
  assertEquals(send(v, { path: 1, route: 8 }), undefined, "another route");
  assertEquals(send(v, { path: 0, route: 7 }), undefined, "another path");
  assertEquals(send(v, { path: 1, route: 7, level: "handshake" }), undefined, "another level");
  assertEquals(challengesOf(send(v, { path: 1, route: 7 })).length, 1);
  assertEquals(send(v, { path: 1, route: 7 }), undefined, "once until a PTO has passed");
});

Deno.test("Validator.writeFrames() every challenge has data of its own (row 47)", () => {
  const v = validator();
  const seen = new Set<string>();
  for (let route = 0; route < 8; route++) {
    v.challenge(0, route, 0);
    seen.add(challengesOf(send(v, { route })).join());
  }
  assertEquals(seen.size, 8);
});

Deno.test("Validator.writeFrames() at most one challenge per packet (row 47)", () => {
  const v = validator();
  v.challenge(0, 0, 0);
  send(v, {});
  v.onTimeout(PTO);
  assertEquals(challengesOf(send(v, { now: PTO })).length, 1);
  assertEquals(send(v, { now: PTO }), undefined);
});

Deno.test("Validator.onTimeout() challenges keep to the rate of Initial packets (row 47)", () => {
  const v = validator({ maxPto: 10_000 });
  v.challenge(0, 0, 0);
  const sentAt: number[] = [];
  for (let now = 0; now < 20 * PTO; now += 10) {
    if (v.nextTimeout() <= now) v.onTimeout(now);
    while (send(v, { now }) !== undefined) sentAt.push(now / PTO);
  }
  // Those sent two and two after 1, 3, 7 and 15, these are apart, so that what loses one need not lose the other.
  assertEquals(sentAt, [0, 1, 2, 3, 5, 7, 11, 15]);
});

Deno.test("Validator.onTimeout() gives a path that is heard the time again, but not for ever", () => {
  let heardAt = 0;
  const v = validator({ heardAt: () => heardAt });
  v.challenge(1, 1, 0);
  send(v, { path: 1, now: 0 });
  const period = VALIDATION_TIMEOUT_PTOS * PTO;
  for (let i = 1; i <= MAX_VALIDATION_EXTENSIONS; i++) {
    heardAt = i * period - 1;
    v.onTimeout(i * period);
    assertEquals(v.nextOutcome(), undefined);
    // Each period begins with a question.
    assertEquals(challengesOf(send(v, { path: 1, now: i * period })).length, 1);
  }
  const end = (MAX_VALIDATION_EXTENSIONS + 1) * period;
  heardAt = end - 1;
  v.onTimeout(end);
  assertEquals(v.nextOutcome()?.ok, false);
  // Silence in one period is enough.
  v.challenge(2, 2, end);
  v.onTimeout(end + period);
  assertEquals(v.nextOutcome()?.ok, false);
});

Deno.test("Validator.onTimeout() gives the size the time again too while the peer is heard (row 37)", () => {
  let heardAt = 0;
  const v = validator({ heardAt: () => heardAt });
  v.challenge(1, 1, 0);
  v.onFrame(response(challengesOf(send(v, { path: 1, route: 1, size: 120 }))[0]!), arrival({ path: 1, now: 40 }));
  assertEquals(v.nextOutcome()?.mtuVerified, false);
  const end = 40 + VALIDATION_TIMEOUT_PTOS * PTO;
  heardAt = end - 1;
  v.onTimeout(end);
  assertEquals(v.nextOutcome(), undefined);
  const [large] = challengesOf(send(v, { path: 1, route: 1, now: end }));
  v.onFrame(response(large!), arrival({ path: 1, now: end + 40 }));
  assertEquals(v.nextOutcome()?.mtuVerified, true);
});

Deno.test("Validator.onTimeout() silence at an address that is proven says nothing of the size: it is asked when heard (row 37)", () => {
  let heardAt = 0;
  const v = validator({ heardAt: () => heardAt });
  v.challenge(1, 1, 0);
  heardAt = 40;
  v.onFrame(response(challengesOf(send(v, { path: 1, route: 1, size: 120 }))[0]!), arrival({ path: 1, now: 40 }));
  assertEquals(v.nextOutcome()?.mtuVerified, false);
  send(v, { path: 1, route: 1, now: 40 });
  v.onTimeout(40 + VALIDATION_TIMEOUT_PTOS * PTO);
  v.startWaiting(100_000);
  assertEquals([v.nextOutcome(), v.nextTimeout(), v.isValidating(1)], [undefined, Infinity, false]);
  assertEquals(send(v, { path: 1, route: 1, now: 100_000 }), undefined);
  // Heard, but what is asked does not get through: that is an answer too.
  heardAt = 200_000;
  v.startWaiting(200_000);
  for (let now = 200_000; v.isValidating(1) && now < 300_000; now = v.nextTimeout()) {
    heardAt = now;
    v.onTimeout(now);
    while (send(v, { path: 1, route: 1, now }) !== undefined);
  }
  assertEquals(v.nextOutcome()?.ok, false);
});

Deno.test("Validator.onTimeout() fails after three times the largest PTO (row 50)", () => {
  const v = validator({ maxPto: 250 });
  v.challenge(2, 5, 1000);
  const deadline = 1000 + VALIDATION_TIMEOUT_PTOS * 250;
  let now = 1000;
  for (let steps = 0; now < deadline; steps++) {
    assert(steps < 20, "the timer does not advance");
    v.onTimeout(now);
    assertEquals(v.nextOutcome(), undefined);
    while (send(v, { path: 2, route: 5, now }) !== undefined);
    now = v.nextTimeout();
  }
  assertEquals(now, deadline);
  v.onTimeout(now);
  assertEquals(v.nextOutcome(), { path: 2, route: 5, ok: false, mtuVerified: false, rttSample: undefined });
  assertEquals(v.nextOutcome(), undefined);
  assertEquals(v.nextTimeout(), Infinity);
  assertEquals(v.isValidating(5), false);
});

Deno.test("Validator.onTimeout() the new route's own PTO counts when it is larger (row 50)", () => {
  const v = validator({ pto: 400, maxPto: 100 });
  v.challenge(0, 0, 0);
  v.onTimeout(1199);
  assertEquals(v.nextOutcome(), undefined);
  v.onTimeout(1200);
  assertEquals(v.nextOutcome()?.ok, false);
});

Deno.test("Validator.onTimeout() fails too when no challenge could be sent", () => {
  const v = validator();
  v.challenge(0, 0, 0);
  assertEquals(v.nextTimeout(), 300);
  v.onTimeout(300);
  assertEquals(v.nextOutcome()?.ok, false);
});

Deno.test("Validator.onFrame() a matching answer validates, with a sample of the round-trip time", () => {
  const v = validator();
  v.challenge(1, 7, 0);
  const [data] = challengesOf(send(v, { path: 1, route: 7, now: 5 }));
  v.onFrame(response(data!), arrival({ path: 1, now: 45 }));
  assertEquals(v.nextOutcome(), { path: 1, route: 7, ok: true, mtuVerified: true, rttSample: 40 });
  assertEquals(v.isValidating(7), false);
  assertEquals(v.nextTimeout(), Infinity);
});

Deno.test("Validator.onFrame() an answer counts on any path, without a sample there (row 49)", () => {
  const v = validator();
  v.challenge(1, 7, 0);
  const [data] = challengesOf(send(v, { path: 1, route: 7 }));
  v.onFrame(response(data!), arrival({ path: 0, now: 40 }));
  assertEquals(v.nextOutcome(), { path: 1, route: 7, ok: true, mtuVerified: true, rttSample: undefined });
});

Deno.test("Validator.onFrame() an answer to an earlier challenge counts", () => {
  const v = validator();
  v.challenge(0, 0, 0);
  const [first] = challengesOf(send(v, {}));
  v.onTimeout(PTO);
  send(v, { now: PTO });
  v.onFrame(response(first!), arrival({ now: 150 }));
  assertEquals(v.nextOutcome()?.rttSample, 150);
});

Deno.test("Validator.onFrame() other data proves nothing, nor does an answer after the end", () => {
  const v = validator();
  v.challenge(0, 0, 0);
  const [data] = challengesOf(send(v, {}));
  v.onFrame(response(bytes(1)), arrival());
  assertEquals(v.nextOutcome(), undefined);
  v.onTimeout(300);
  assertEquals(v.nextOutcome()?.ok, false);
  v.onFrame(response(data!), arrival());
  assertEquals(v.nextOutcome(), undefined);
});

Deno.test("Validator.onAcked() the acknowledgment of a challenge proves nothing (row 49)", () => {
  const v = validator();
  v.challenge(0, 0, 0);
  send(v, {})!.acked(10);
  assertEquals(v.nextOutcome(), undefined);
  assert(v.isValidating(0));
});

Deno.test("Validator.onAcked() where only the size is in question, the acknowledgment shows it (row 37)", () => {
  const v = validator();
  v.challenge(0, 3, 0);
  const first = send(v, { route: 3, size: 120 })!;
  v.onFrame(response(challengesOf(first)[0]!), arrival({ now: 40 }));
  assertEquals(v.nextOutcome()?.mtuVerified, false);
  const small = send(v, { route: 3, size: 120, now: 40 })!;
  small.acked(80);
  assertEquals(v.nextOutcome(), undefined);
  v.onTimeout(40 + PTO);
  const large = send(v, { route: 3, now: 40 + PTO })!;
  large.acked(80 + PTO);
  assertEquals(v.nextOutcome(), { path: 0, route: 3, ok: true, mtuVerified: true, rttSample: undefined });
  assertEquals(v.isValidating(3), false);
  large.acked(81 + PTO);
  assertEquals(v.nextOutcome(), undefined);
});

Deno.test("Validator.onLost() a lost challenge is replaced at once, by another", () => {
  const v = validator();
  v.challenge(0, 0, 0);
  const first = send(v, {})!;
  first.lost(30);
  const second = send(v, { now: 30 })!;
  assertNotEquals(challengesOf(second), challengesOf(first));
  first.lost(30);
  assertEquals(send(v, { now: 30 }), undefined, "only the loss of the newest matters");
});

Deno.test("Validator.onDatagramSent() an answer to a small datagram validates the address, not the MTU (row 37)", () => {
  const v = validator();
  v.challenge(0, 3, 0);
  const [small] = challengesOf(send(v, { route: 3, size: 120 }));
  v.onFrame(response(small!), arrival({ now: 40 }));
  assertEquals(v.nextOutcome(), { path: 0, route: 3, ok: true, mtuVerified: false, rttSample: 40 });
  const [large] = challengesOf(send(v, { route: 3, now: 40 }));
  assertNotEquals(large, small);
  v.onFrame(response(large!), arrival({ now: 80 }));
  assertEquals(v.nextOutcome(), { path: 0, route: 3, ok: true, mtuVerified: true, rttSample: 40 });
  assertEquals(v.isValidating(3), false);
});

Deno.test("Validator.onDatagramSent() a route that does not carry 1200 bytes fails in the end (row 37)", () => {
  const v = validator();
  v.challenge(0, 3, 0);
  const [small] = challengesOf(send(v, { route: 3, size: 120 }));
  v.onFrame(response(small!), arrival({ now: 40 }));
  assertEquals(v.nextOutcome()?.ok, true);
  send(v, { route: 3, now: 40 });
  v.onTimeout(339);
  assertEquals(v.nextOutcome(), undefined);
  v.onTimeout(340);
  assertEquals(v.nextOutcome()?.ok, false);
});

Deno.test("Validator.onDatagramSent() more small answers say nothing new (row 37)", () => {
  const v = validator();
  v.challenge(0, 0, 0);
  for (let i = 0; i < 3; i++) {
    const [data] = challengesOf(send(v, { now: i, size: 120 }));
    if (data !== undefined) v.onFrame(response(data), arrival({ now: i }));
  }
  assertEquals(v.nextOutcome(), { path: 0, route: 0, ok: true, mtuVerified: false, rttSample: 0 });
  assertEquals(v.nextOutcome(), undefined);
});

Deno.test("Validator.onDatagramSent() after a small answer, an expanded challenge under way is enough (row 37)", () => {
  const v = validator();
  v.challenge(0, 0, 0);
  const [small] = challengesOf(send(v, { size: 120 }));
  v.onTimeout(PTO);
  const [large] = challengesOf(send(v, { now: PTO }));
  v.onFrame(response(small!), arrival({ now: 140 }));
  assertEquals(v.nextOutcome()?.mtuVerified, false);
  assertEquals(send(v, { now: 140 }), undefined);
  v.onFrame(response(large!), arrival({ now: 150 }));
  assertEquals(v.nextOutcome()?.mtuVerified, true);
});

Deno.test("Validator.onFrame() a challenge is answered once, where it came in (rows 35 and 48)", () => {
  const v = validator({ routeOf: () => 9 });
  v.onFrame({ kind: "path_challenge", data: bytes(5) }, arrival({ path: 2 }));
  assertEquals(send(v, { path: 2, route: 4 }), undefined);
  assertEquals(send(v, { path: 0, route: 9 }), undefined);
  const packet = send(v, { path: 2, route: 9 })!;
  assertEquals(responsesOf(packet), [bytes(5)]);
  packet.lost(100);
  assertEquals(send(v, { path: 2, route: 9 }), undefined, "an answer is sent just once (RFC 9000 §13.3)");
});

Deno.test("Validator.onFrame() keeps a copy of the data, which is a view of the packet", () => {
  const v = validator();
  const data = bytes(5);
  v.onFrame({ kind: "path_challenge", data }, arrival());
  data.fill(0);
  assertEquals(responsesOf(send(v, {})), [bytes(5)]);
});

Deno.test("Validator.onFrame() answers can wait until there is an id to send with (row 39)", () => {
  const v = validator();
  v.onFrame({ kind: "path_challenge", data: bytes(5) }, arrival({ path: 1 }));
  assertEquals(v.nextDue(() => false), undefined);
  const due = v.nextDue((path, route) => path === 1 && route === 1);
  assertEquals([due?.path, due?.route], [1, 1]);
  assertEquals(responsesOf(send(v, { path: 1 })), [bytes(5)]);
  assertEquals(v.nextDue(() => true), undefined);
});

Deno.test("Validator.onFrame() keeps the newest answers when too many are asked for", () => {
  const v = validator();
  for (let i = 0; i < 100; i++) v.onFrame({ kind: "path_challenge", data: bytes(i) }, arrival());
  const answered = responsesOf(send(v, {}));
  assertEquals(answered.length, MAX_RESPONSES_PER_ROUTE);
  assertEquals(answered.at(-1), bytes(99));
});

Deno.test("Validator.onFrame() routes with answers owed are bounded", () => {
  let route = 0;
  const v = validator({ routeOf: () => route });
  for (route = 0; route < 100; route++) v.onFrame({ kind: "path_challenge", data: bytes(1) }, arrival());
  let answered = 0;
  for (let r = 0; r < 100; r++) if (send(v, { route: r }) !== undefined) answered++;
  assertEquals(answered, MAX_RESPONDING_ROUTES);
});

Deno.test("Validator.onFrame() a challenge from nowhere is not answered", () => {
  const v = validator({ routeOf: () => undefined });
  v.onFrame({ kind: "path_challenge", data: bytes(1) }, arrival());
  assertEquals(v.nextDue(() => true), undefined);
});

Deno.test("Validator.writeFrames() writes no more than fits", () => {
  const v = validator();
  v.challenge(0, 0, 0);
  for (let i = 0; i < 2; i++) v.onFrame({ kind: "path_challenge", data: bytes(i) }, arrival());
  const packet = send(v, { room: 25 })!;
  assertEquals(responsesOf(packet).length, 2);
  assertEquals(challengesOf(packet).length, 0);
  assertEquals(challengesOf(send(v, {})).length, 1);
});

Deno.test("Validator.needsExpansion() true for what would carry a challenge or an answer (rows 47 and 48)", () => {
  const v = validator();
  const target = { level: "application", path: 0, route: 0, now: 0 } as const;
  assertEquals(v.needsExpansion(target), false);
  v.challenge(0, 0, 0);
  assertEquals(v.needsExpansion(target), true);
  assertEquals(v.needsExpansion({ ...target, route: 1 }), false);
  send(v, {});
  assertEquals(v.needsExpansion(target), false);
  v.onFrame({ kind: "path_challenge", data: bytes(1) }, arrival());
  assertEquals(v.needsExpansion(target), true);
});

Deno.test("Validator.challenge() validations at the same time are bounded (row 121)", () => {
  const v = validator();
  for (let route = 0; route < MAX_VALIDATIONS; route++) assert(v.challenge(0, route, 0));
  assertEquals(v.challenge(0, MAX_VALIDATIONS, 0), false);
  assertEquals(v.challenge(0, 0, 0), true, "one under way is no new one");
  v.cancel(0);
  assert(v.challenge(0, MAX_VALIDATIONS, 0));
});

Deno.test("Validator.startWaiting() what found no place begins when another has ended, in order, with all its time", () => {
  const v = validator();
  for (let route = 0; route < MAX_VALIDATIONS + 3; route++) v.challenge(0, route, 0);
  v.startWaiting(10);
  assertEquals(v.isValidating(MAX_VALIDATIONS), false);
  v.cancel(MAX_VALIDATIONS);
  v.cancel(2);
  v.startWaiting(50);
  assertEquals(v.isValidating(MAX_VALIDATIONS + 1), true);
  v.onTimeout(VALIDATION_TIMEOUT_PTOS * PTO);
  v.startWaiting(VALIDATION_TIMEOUT_PTOS * PTO);
  const failed = [];
  for (let outcome = v.nextOutcome(); outcome !== undefined; outcome = v.nextOutcome()) failed.push(outcome.route);
  assertEquals(failed.length, MAX_VALIDATIONS - 1);
  assertEquals([v.isValidating(MAX_VALIDATIONS + 1), v.isValidating(MAX_VALIDATIONS + 2)], [true, true]);
});

Deno.test("Validator.nextDue() nothing is due where there is no id to send with (row 39)", () => {
  let hasId = false;
  const v = new Validator({
    random: seededRandom(),
    pto: () => PTO,
    maxPto: () => PTO,
    routeOf: () => 1,
    hasId: (path, route) => path === 5 && route === 1 && hasId,
  });
  v.challenge(5, 1, 0);
  assertEquals(v.nextDue(() => true), undefined);
  hasId = true;
  assertEquals(v.nextDue(() => true)?.route, 1);
});

Deno.test("Validator.cancel() no outcome, no frames, no timer; late news of its packets is ignored", () => {
  const v = validator();
  v.challenge(0, 0, 0);
  const packet = send(v, {})!;
  v.onFrame({ kind: "path_challenge", data: bytes(1) }, arrival());
  v.cancel(0);
  packet.lost(10);
  v.onFrame(response(challengesOf(packet)[0]!), arrival({ now: 20 }));
  v.onTimeout(1000);
  assertEquals(v.nextOutcome(), undefined);
  assertEquals(v.nextDue(() => true), undefined);
  assertEquals(v.nextTimeout(), Infinity);
  v.cancel(42);
});

Deno.test("Validator two ends find each other over a lossy route, or fail in time (property)", () => {
  fc.assert(fc.property(fc.array(fc.boolean(), { minLength: 4, maxLength: 12 }), (fates) => {
    const client = validator();
    const server = validator();
    client.challenge(0, 0, 0);
    let fate = 0;
    let arrived = false;
    let now = 0;
    while (client.isValidating(0)) {
      if (client.nextTimeout() <= now) client.onTimeout(now);
      for (let out = send(client, { now }); out !== undefined; out = send(client, { now })) {
        if (!(fates[fate++] ?? true)) continue;
        for (const frame of out.frames) server.onFrame(frame, arrival({ now }));
        const back = send(server, { now });
        if (!(fates[fate++] ?? true)) continue;
        for (const frame of back!.frames) client.onFrame(frame, arrival({ now }));
        arrived = true;
      }
      if (client.isValidating(0)) now = client.nextTimeout();
    }
    assertEquals(client.nextOutcome()?.ok, arrived);
    assert(now <= VALIDATION_TIMEOUT_PTOS * PTO);
    return true;
  }));
});
