/**
 * Several paths that lose, reorder, repeat and damage what they carry: every byte arrives. And what trouble costs where there
 * is none. Twice as many seeds and all rates with MPQUIC_SWEEP=all.
 *
 * @module
 */
import { assert, assertEquals, assertGreater } from "@std/assert";
import { bulk, type RequestOptions, Requests } from "../kit/apps.ts";
import type { WorldLinkOptions } from "../kit/world.ts";
import { Paths } from "./paths.ts";

const ALL = Deno.env.get("MPQUIC_SWEEP") === "all";
const RATES = ALL ? [0, 1, 2, 5, 10, 15, 20] : [1, 5, 20];

function run(links: readonly WorldLinkOptions[], list: readonly RequestOptions[], seed: number): Paths {
  const load: Requests = new Requests(list, { at: (time, go) => paths.world.at(time, go) });
  const paths: Paths = new Paths({ seed, links, clientApps: [load.client], serverApps: [load.server] });
  paths.ready(60_000);
  paths.world.require("every byte", () => load.isDone, paths.world.now + 600_000);
  assertEquals([paths.client.state, paths.server.state], ["connected", "connected"]);
  return paths;
}

for (const lossPercent of RATES) {
  Deno.test(`All bytes arrive over two paths with ${lossPercent} % loss, disorder, repetition and damage`, () => {
    const bad = { lossPercent, jitterMs: 3, reorder: true, duplicatePercent: 2, corruptPercent: 1 };
    const links = [{ delayMs: 10, rateMbps: 20, ...bad }, { delayMs: 25, rateMbps: 20, ...bad }];
    for (let seed = 1; seed <= (ALL ? 8 : 2); seed++) {
      // Both ends send at once.
      const paths = run(links, [...bulk("up", 150_000), ...bulk("down", 150_000)], seed);
      for (const link of paths.links) {
        for (const direction of [link.up, link.down]) assertGreater(direction.counts.delivered, 10);
      }
    }
  });
}

Deno.test("A path dies while the other loses, reorders and damages: all bytes arrive", () => {
  const bad = { lossPercent: 5, jitterMs: 3, reorder: true, duplicatePercent: 2, corruptPercent: 1 };
  const links = [{ delayMs: 10, rateMbps: 20, ...bad }, { delayMs: 25, rateMbps: 20, ...bad }];
  for (let seed = 1; seed <= (ALL ? 20 : 4); seed++) {
    const load = new Requests([...bulk("up", 200_000), ...bulk("down", 200_000)]);
    const f = new Paths({ seed, links, clientApps: [load.client], serverApps: [load.server] }).ready(60_000);
    f.world.runFor(40 * seed);
    f.links[seed % 2]!.set({ dead: true });
    f.world.require("every byte", () => load.isDone, f.world.now + 300_000);
    assertEquals([f.client.state, f.server.state], ["connected", "connected"]);
  }
});

Deno.test("Paths open through 20 % loss each way, as a rule at the first attempt", () => {
  let failed = 0;
  const seeds = ALL ? 100 : 20;
  for (let seed = 1; seed <= seeds; seed++) {
    const links = [{ delayMs: 10, rateMbps: 20 }, { delayMs: 25, rateMbps: 20, lossPercent: 20 }];
    const f = new Paths({ seed, links, open: [] }).ready();
    const states = (): string[] => [f.client, f.server].map((end) => end.path(1)?.state ?? "");
    f.open(1);
    f.world.require(
      "both ends to be of one mind",
      () => states().every((s) => s === "usable") || states().some((s) => s === "closing"),
      f.world.now + 30_000,
    );
    if (states().includes("closing")) failed++;
  }
  assert(failed * 50 <= seeds, `${failed} of ${seeds} paths failed`);
});

const JITTER: readonly WorldLinkOptions[] = [
  { delayMs: 20, rateMbps: 20, jitterMs: 5 },
  { delayMs: 30, rateMbps: 20, jitterMs: 5 },
];
const LOSS: readonly WorldLinkOptions[] = [
  { delayMs: 10, rateMbps: 20, lossPercent: 1 },
  { delayMs: 25, rateMbps: 20, lossPercent: 1 },
];
const BULK = bulk("both", 2_000_000);
const SPARSE: readonly RequestOptions[] = Array.from(
  { length: 150 },
  (_, i) => ({ request: 300, response: 2000, after: i === 0 ? null : i - 1, delay: 20 }),
);

/** Suspensions, and bytes that came twice as a share of all. */
function costs(links: readonly WorldLinkOptions[], list: readonly RequestOptions[]): [number, number] {
  let [suspended, repeated] = [0, 0];
  const total = list.reduce((sum, { request, response }) => sum + request + response, 0);
  const seeds = 2;
  for (let seed = 1; seed <= seeds; seed++) {
    const f = run(links, list, seed);
    for (const trace of [f.clientTrace, f.serverTrace]) {
      suspended += trace.count("multipath:path_state_updated", (d) => d.new === "suspended");
    }
    const arrived = [f.client, f.server].flatMap((end) => end.stats().paths.map((p) => p.streamBytesReceived));
    repeated += (arrived.reduce((sum, bytes) => sum + bytes, 0) - total) / total / seeds;
  }
  return [suspended, repeated];
}

Deno.test("Jitter alone suspends no path, and nothing is sent twice for it", () => {
  for (const list of [BULK, SPARSE]) {
    const [suspended, repeated] = costs(JITTER, list);
    assertEquals(suspended, 0);
    assert(repeated < 0.001, `${repeated}`);
  }
});

Deno.test("A lost packet in a hundred suspends no path, and few bytes are sent twice for it", () => {
  for (const [list, most] of [[BULK, 0.01], [SPARSE, 0.08]] as const) {
    const [suspended, repeated] = costs(LOSS, list);
    assertEquals(suspended, 0);
    assert(repeated < most, `${repeated}`);
  }
});

Deno.test("Datagrams go on over the path that stays, none twice", () => {
  for (const dead of [0, 1]) {
    const got = new Map<number, number>();
    const f = new Paths({
      serverApps: [{
        isDone: true,
        onEvent: (event, _c, now) => {
          if (event.type !== "datagram") return;
          const number = new DataView(event.data.buffer, event.data.byteOffset).getUint32(0);
          assert(!got.has(number), `datagram ${number} came twice`);
          got.set(number, now);
        },
      }],
    }).ready();
    f.world.runFor(300);
    if (dead === 1) { for (const end of [f.client, f.server]) end.setPathStatus(0, "backup", f.world.now); }
    let number = 0;
    const sentAt: number[] = [];
    const send = (now: number): void => {
      const data = new Uint8Array(100);
      new DataView(data.buffer).setUint32(0, number++);
      sentAt.push(now);
      f.client.sendDatagram(data);
      if (number < 150) f.world.after(20, send);
    };
    f.world.after(0, send);
    f.world.runFor(1010);
    const [path, other] = [f.client.stats().paths[dead]!, f.client.stats().paths[1 - dead]!];
    const pto = path.srtt + Math.max(4 * path.rttVar, 1) + 25;
    f.links[dead]!.set({ dead: true });
    const died = f.world.now;
    f.world.runFor(3000);
    assertEquals(number, 150);
    const missing = sentAt.map((at, i) => ({ at, i })).filter(({ i }) => !got.has(i));
    // What is sent before the silence is noticed is gone, as datagrams may be; nothing else is.
    for (const { at } of missing) assert(at > died - 1 && at < died + pto + path.srtt + other.srtt, `${at - died} ms`);
    assertGreater(got.size, 130);
  }
});
