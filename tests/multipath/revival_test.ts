/**
 * Paths that come back, paths that come and go, none at all for a while, and the end of a connection some of whose paths are
 * dead.
 *
 * @module
 */
import { assert, assertEquals, assertGreater } from "@std/assert";
import { IdleTimeoutError } from "../../transport/base/errors.ts";
import { SUSPENDED_PROBE_MAX } from "../../transport/connection/path_trouble.ts";
import { bulk, Requests } from "../kit/apps.ts";
import type { Connection } from "../../transport/connection/connection.ts";
import { Paths } from "./paths.ts";

/** A steady load: a request every 50 ms each way, for as long as is said. */
function steady(duration: number): { load: Requests; start: () => Paths } {
  const count = Math.floor(duration / 50);
  const list = Array.from({ length: count }, (_, i) => ({ request: 3000, response: 3000, delay: 50 * i }));
  const load: Requests = new Requests(list, { at: (time, run) => paths.world.at(time, run) });
  const paths: Paths = new Paths({ clientApps: [load.client], serverApps: [load.server] });
  return { load, start: () => paths.ready() };
}

const stateOf = (end: Connection, id: number): string => end.stats().paths.find((p) => p.id === id)!.state;

for (const dead of [0, 1]) {
  for (const outage of [300, 1500, 6000]) {
    Deno.test(`Path ${dead}, dead for ${outage} ms, is taken back by the next probe and used again`, () => {
      const { load, start } = steady(outage + 4000);
      const f = start();
      const { world } = f;
      world.runFor(500);
      if (dead === 1) { for (const end of [f.client, f.server]) end.setPathStatus(0, "backup", world.now); }
      world.runFor(300);
      f.links[dead]!.set({ dead: true });
      world.runFor(outage);
      const ends = [f.client, f.server];
      // An end with nothing in flight there when it died does not know, but the other has told it.
      const isAvoided = (end: Connection): boolean =>
        stateOf(end, dead) === "suspended" || end.path(dead)!.peerStatus === "backup";
      assertEquals(ends.map(isAvoided), [true, true]);
      assert(ends.some((end) => stateOf(end, dead) === "suspended"));
      f.links[dead]!.set({ dead: false });
      const back = world.now;
      world.require("the path to be usable", () => ends.every((end) => stateOf(end, dead) === "usable"));
      const took = world.now - back;
      // What had been the longest time between probes, which doubles from 100 ms or a PTO, and a round trip.
      const longest = Math.min(SUSPENDED_PROBE_MAX, 2 * outage);
      assert(took <= longest + 60, `${took} ms`);
      const sent = ends.map((end) => end.stats().paths[dead]!.bytesSent);
      world.require("the load", () => load.isDone);
      for (const [i, end] of ends.entries()) assertGreater(end.stats().paths[dead]!.bytesSent, sent[i]! + 20_000);
      assertEquals(ends.map((end) => end.stats().paths[dead]!.peerStatus === "backup"), [false, false]);
    });
  }
}

Deno.test("A suspended path is probed ever more slowly, and at once when something comes on it", () => {
  const f = new Paths().ready();
  f.world.runFor(500);
  f.links[0]!.set({ dead: true });
  f.server.ping();
  f.world.require("the suspension", () => stateOf(f.server, 0) === "suspended");
  const since = f.world.now;
  f.world.runFor(8000);
  const probes = f.serverTrace.filter("quic:packet_sent", (d, now) => d.header.path === 0 && now > since)
    .map((e) => e.now - since);
  const gaps = probes.map((at, i) => at - (probes[i - 1] ?? 0));
  for (const [i, gap] of gaps.entries()) assert(gap <= SUSPENDED_PROBE_MAX + 1 && gap >= (gaps[i - 1] ?? 0) - 1);
  assertGreater(probes.length, 7);
  assert(probes.length < 18, `${probes.length} probes in 8 s`);
  f.links[0]!.set({ dead: false });
  const back = f.world.now;
  f.world.require("the path to be usable", () => stateOf(f.server, 0) === "usable");
  const heard = f.serverTrace.first("quic:packet_received", (d, now) => d.header.path === 0 && now > back)!.now;
  assert(f.world.now - heard < 25, `${f.world.now - heard} ms: a round trip`);
});

for (const [on, off] of [[100, 100], [150, 400], [500, 200], [37, 61]] as const) {
  Deno.test(`A path that works for ${on} ms and does not for ${off} ms harms nothing`, () => {
    const load = new Requests(bulk("both", 3_000_000));
    const f = new Paths({ clientApps: [load.client], serverApps: [load.server] }).ready();
    const { world } = f;
    let [isDead, flaps] = [false, 0];
    const flap = (): void => {
      isDead = !isDead;
      flaps++;
      f.links[0]!.set({ dead: isDead });
      world.after(isDead ? off : on, flap);
    };
    world.after(100, flap);
    const from = world.now;
    world.require("the transfer", () => load.isDone);
    // 3 MB each way take 2.4 s over the other path alone.
    assert(world.now - from < 4000, `${world.now - from} ms, ${flaps} changes`);
    assertEquals([f.client.state, f.server.state], ["connected", "connected"]);
    const repeated = [f.client, f.server].flatMap((end) => end.stats().paths.map((p) => p.streamBytesReceived))
      .reduce((sum, bytes) => sum + bytes, 0) - 6_000_100;
    assert(repeated < 1_500_000, `${repeated} bytes came twice`);
  });
}

for (const first of [0, 1]) {
  for (const back of [0, 1]) {
    Deno.test(`All paths die, path ${first} first, and 5 s later path ${back} is back and carries on`, () => {
      const load = new Requests(bulk("both", 4_000_000));
      const f = new Paths({ clientApps: [load.client], serverApps: [load.server] }).ready();
      const { world } = f;
      world.runFor(300);
      f.links[first]!.set({ dead: true });
      world.runFor(700);
      f.links[1 - first]!.set({ dead: true });
      world.runFor(5000);
      const moved = (): number => load.exchanges[0]!.up + load.exchanges[0]!.down;
      const before = moved();
      f.links[back]!.set({ dead: false });
      const since = world.now;
      world.require("new bytes", () => moved() > before, world.now + 5000);
      const took = world.now - since;
      assert(took <= SUSPENDED_PROBE_MAX + 150, `${took} ms`);
      world.require("the transfer", () => load.isDone);
      assertEquals([f.client.state, f.server.state], ["connected", "connected"]);
    });
  }
}

Deno.test("Both paths die at once, and whichever is back first carries on", () => {
  for (const back of [0, 1]) {
    const load = new Requests(bulk("down", 2_000_000));
    const f = new Paths({ clientApps: [load.client], serverApps: [load.server] }).ready();
    const { world } = f;
    world.runFor(200);
    for (const link of f.links) link.set({ dead: true });
    world.runFor(3000);
    const before = load.exchanges[0]!.down;
    f.links[back]!.set({ dead: false });
    const since = world.now;
    world.require("new bytes", () => load.exchanges[0]!.down > before, world.now + 5000);
    assert(world.now - since <= SUSPENDED_PROBE_MAX + 150, `path ${back}: ${world.now - since} ms`);
    world.require("the transfer", () => load.isDone);
  }
});

Deno.test("A suspended path is used when the only other is abandoned", () => {
  const load = new Requests(bulk("down", 2_000_000));
  const f = new Paths({ clientApps: [load.client], serverApps: [load.server] }).ready();
  const { world } = f;
  world.runFor(200);
  f.links[0]!.set({ dead: true });
  world.require("the suspension", () => stateOf(f.server, 0) === "suspended");
  f.links[0]!.set({ dead: false });
  f.server.closePath(1, 7, "no reason", world.now);
  const from = world.now;
  world.require("the transfer", () => load.isDone);
  assert(world.now - from < 1500, `${world.now - from} ms`);
  world.runFor(2000);
  assertEquals([f.client, f.server].map((end) => end.stats().paths.map((p) => [p.id, p.state])), [
    [[0, "usable"]],
    [[0, "usable"]],
  ]);
});

Deno.test("With all paths dead for good the connection ends with its idle timeout, not before", () => {
  const load = new Requests(bulk("down", 5_000_000));
  const transport = { maxIdleTimeout: 8000 };
  const f = new Paths({ client: transport, server: transport, clientApps: [load.client], serverApps: [load.server] });
  f.ready();
  f.world.runFor(200);
  for (const link of f.links) link.set({ dead: true });
  f.world.runFor(7000);
  assertEquals([f.client.state, f.server.state], ["connected", "connected"]);
  f.world.runFor(3000);
  for (const end of [f.client, f.server]) assert(end.error instanceof IdleTimeoutError);
});

for (const who of ["client", "server"] as const) {
  for (const dead of [0, 1]) {
    Deno.test(`The ${who}'s close arrives though path ${dead} has just died`, () => {
      for (const busy of [false, true]) {
        const load = new Requests(busy ? bulk("down", 3_000_000) : []);
        const f = new Paths({ clientApps: [load.client], serverApps: [load.server] }).ready();
        f.world.runFor(400);
        const [closer, other] = who === "client" ? [f.client, f.server] : [f.server, f.client];
        // The path that dies is the one that was heard of last.
        closer.ping();
        f.world.runFor(dead === 0 ? 25 : 200);
        f.links[dead]!.set({ dead: true });
        closer.close(9, "bye", f.world.now);
        f.world.runFor(200);
        assertEquals([other.state, other.error?.code], ["draining", 9], busy ? "busy" : "quiet");
      }
    });
  }
}
