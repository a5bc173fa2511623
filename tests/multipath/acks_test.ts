/**
 * Acknowledgements, windows and packet sizes of several paths: rows 113 to 118 of the checklist in
 * `multipath-spec.md` §8.
 *
 * @module
 */
import { assert, assertEquals, assertGreater } from "@std/assert";
import type { ControllerFactory } from "../../recovery/congestion/controller.ts";
import { newReno } from "../../recovery/congestion/new_reno.ts";
import type { Frame } from "../../transport/wire/frames/types.ts";
import type { Trace } from "../kit/trace.ts";
import { bulk, Requests } from "../kit/apps.ts";
import { Forged, framesIn, rangesOf, ROLES } from "./forged.ts";
import { Paths } from "./paths.ts";

const PING: Frame = { kind: "ping" };

/** Counts, for each route in order of making, what a controller hears. */
class Watched {
  readonly routes: { over: number; sent: number; congestion: number; least: number; most: number }[] = [];

  readonly factory: ControllerFactory = (path) => {
    const inner = newReno()(path);
    const count = { over: 0, sent: 0, congestion: 0, least: Infinity, most: 0 };
    this.routes.push(count);
    const { onSent, onCongestion } = inner;
    inner.onSent = (bytes, inFlight, now) => {
      count.sent++;
      count.least = Math.min(count.least, inner.cwnd);
      count.most = Math.max(count.most, inner.cwnd);
      if (inFlight + bytes > inner.cwnd) count.over++;
      onSent.call(inner, bytes, inFlight, now);
    };
    inner.onCongestion = (event) => {
      count.congestion++;
      onCongestion.call(inner, event);
    };
    return inner;
  };
}

function probesOf(trace: Trace, path: number): number {
  return 2 * trace.count("quic:loss_timer_updated", (d) => d.path === path && d.action === "expired") +
    trace.count("multipath:data_offered_again", (d) => d.path === path);
}

Deno.test("row 113: no path exceeds its own window, and losses on one leave the other's alone", () => {
  const watched = new Watched();
  const load = new Requests(bulk("down", 3_000_000));
  const links = [{ delayMs: 20, rateMbps: null }, { delayMs: 15, rateMbps: null, lossPercent: 3 }];
  const server = { congestion: watched.factory };
  const f = new Paths({ links, server, clientApps: [load.client], serverApps: [load.server] }).ready();
  f.world.require("the transfer", () => load.isDone);
  const [clean, lossy] = watched.routes;
  for (const [path, route] of [clean!, lossy!].entries()) {
    assertGreater(route.sent, 100);
    assert(route.over <= probesOf(f.serverTrace, path), `path ${path}: ${route.over} packets over the window`);
  }
  assertGreater(lossy!.congestion, 3);
  assertEquals(clean!.congestion, 0);
  assertGreater(clean!.most, lossy!.most);
});

for (const role of ROLES) {
  Deno.test(`row 114: the ${role} measures round trips whose way back is another path, and begins its least anew`, () => {
    const f = new Forged(role);
    const least = (): number => f.victim.stats().paths.find((p) => p.id === 1)!.minRtt;
    // What there is to send goes on path 1, then.
    f.victim.setPathStatus(0, "backup", f.world.now);
    f.after(31);
    f.acknowledge([1]);
    const sample = (on: number, delay: number): void => {
      f.victim.write(f.victim.openStream("unidirectional")!, new Uint8Array(100));
      f.world.runFor(delay);
      const packets = f.rogue.caught.filter((p) => p.path === 1).map((p) => p.number);
      f.send([{ kind: "ack", path: 1, delay: 0, ranges: rangesOf(packets), ecn: undefined }], on);
      f.acknowledge([0], 0);
    };
    for (let i = 0; i < 3; i++) sample(1, 31);
    assert(Math.abs(least() - 30) < 2, `${least()}`);
    for (let i = 0; i < 3; i++) sample(0, 45);
    assert(Math.abs(least() - 45) < 2, `${least()} is the least of round trips that end on path 0`);
    f.assertWell();
  });

  Deno.test(`row 115: the ${role} acknowledges though its window is full, not more often than need be`, () => {
    const f = new Forged(role);
    f.victim.write(f.victim.openStream("unidirectional")!, new Uint8Array(200_000));
    f.after(1);
    const full = f.victim.stats().paths;
    for (const path of full) assert(path.inFlight + path.mtu > path.cwnd, `path ${path.id} is full`);
    const before = f.rogue.caught.length;
    for (let i = 0; i < 40; i++) {
      for (const path of [0, 1]) f.send([PING, { kind: "padding", length: 1150 }], path);
      f.after(0.5);
    }
    const acks = f.rogue.caught.slice(before).filter((p) => p.frames.some((g) => g.kind === "ack"));
    const own = acks.filter((p) => p.frames.every((g) => g.kind === "ack"));
    assertGreater(own.length, 30);
    assert(acks.length <= 44, `${acks.length} packets with PATH_ACK for 80 packets`);
    for (const path of f.victim.stats().paths) {
      assertEquals(path.inFlight, full.find((p) => p.id === path.id)!.inFlight);
    }
    for (const path of [0, 1]) assertGreater(framesIn(acks, "ack").filter((a) => a.frame.path === path).length, 15);
  });
}

Deno.test("rows 116, 118: a path with a smaller MTU takes over what was cut for a larger one", () => {
  const load = new Requests(bulk("down", 1_500_000));
  const links = [{ delayMs: 10, rateMbps: 20 }, { delayMs: 20, rateMbps: 20, mtu: 1300 }];
  const f = new Paths({ links, clientApps: [load.client], serverApps: [load.server] }).ready();
  f.world.runFor(300);
  assertEquals(f.server.stats().paths.map((p) => [p.id, p.mtu > 1400]), [[0, true], [1, false]]);
  f.links[0]!.set({ dead: true });
  f.world.require("the transfer", () => load.isDone);
  const sizes = (path: number): number =>
    f.serverTrace.filter("quic:packet_sent", (d) => d.header.path === path && !d.probe)
      .reduce((most, e) => Math.max(most, e.data.size), 0);
  assertGreater(sizes(0), 1400);
  assert(sizes(1) <= 1300 - 28, `${sizes(1)}`);
});

Deno.test("row 117: what a silent path has in flight is sent on another without being lost", () => {
  const load = new Requests(bulk("down", 1_000_000));
  const f = new Paths({ clientApps: [load.client], serverApps: [load.server] }).ready();
  f.world.runFor(150);
  f.links[0]!.set({ dead: true });
  const died = f.world.now;
  f.world.require("the transfer", () => load.isDone);
  const offered = f.serverTrace.first("multipath:data_offered_again", (d) => d.path === 0)!;
  const frames = f.serverTrace.frames("sent", "stream");
  const onDead = frames.filter((g) => g.header.path === 0 && g.now > died && g.now < offered.now);
  assertGreater(onDead.length, 3);
  for (const { frame } of onDead) {
    const again = frames.find((g) =>
      g.header.path === 1 && g.now >= offered.now && g.frame.offset <= frame.offset &&
      g.frame.offset + g.frame.data.length > frame.offset
    );
    assert(again !== undefined, `byte ${frame.offset}`);
    assert(again.now < offered.now + 500, `byte ${frame.offset} after ${again.now - offered.now} ms`);
  }
  f.serverTrace.assertNone("quic:packet_lost", (d) => d.header.path === 0 && d.sentAt > died);
});
