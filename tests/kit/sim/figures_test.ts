import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { TraceEvents } from "../../../transport/base/observer.ts";
import type { Frame } from "../../../transport/wire/frames/types.ts";
import { Deaths } from "./deaths.ts";
import { bulk, event, link, requests, scenario } from "./fixture_test.ts";
import { Ledger } from "./ledger.ts";
import { SideMetrics } from "./metrics.ts";
import { percentile, summarise } from "./percentiles.ts";
import { runScenario } from "./run.ts";

const SERVER = { hostname: "192.0.2.1", port: 443 };

function stream(offset: number, length: number, streamId = 0): Frame {
  return { kind: "stream", streamId, offset, data: new Uint8Array(length), fin: false };
}

/** Metrics, and short ways to tell them something. */
function metrics(): {
  metrics: SideMetrics;
  send(path: number, number: number, ...frames: Frame[]): void;
  lose(path: number, number: number, trigger?: TraceEvents["quic:packet_lost"]["trigger"]): void;
  ack(path: number, ...numbers: number[]): void;
} {
  const metrics = new SideMetrics(() => {}, () => {});
  const header = (path: number, number: number) => ({ type: "one_rtt", number, path }) as const;
  return {
    metrics,
    send: (path, number, ...frames) =>
      metrics.on("quic:packet_sent", {
        header: header(path, number),
        size: 1000,
        frames,
        local: SERVER,
        remote: SERVER,
        ecn: "not-ect",
        probe: false,
      }, 0),
    lose: (path, number, trigger = "time_threshold") =>
      metrics.on("quic:packet_lost", { header: header(path, number), trigger, size: 1000, sentAt: 0 }, 0),
    ack: (path, ...numbers) => metrics.on("quic:packets_acked", { path, level: "application", numbers }, 0),
  };
}

Deno.test("percentile() is the nearest rank", () => {
  const ten = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
  assertEquals([50, 95, 99, 99.9, 100].map((p) => percentile(ten, p)), [5, 10, 10, 10, 10]);
  const thousand = Array.from({ length: 1000 }, (_, i) => i + 1);
  assertEquals([50, 95, 99, 99.9].map((p) => percentile(thousand, p)), [500, 950, 990, 999]);
  assertEquals([percentile([7], 50), percentile([], 50)], [7, 0]);
});

Deno.test("percentile() at least so many are not above it, and fewer below it", () => {
  fc.assert(fc.property(
    fc.array(fc.integer(), { minLength: 1, maxLength: 300 }),
    fc.constantFrom(50, 95, 99, 99.9, 100),
    (values, percent) => {
      const sorted = values.sort((a, b) => a - b);
      const at = percentile(sorted, percent);
      const share = percent * sorted.length / 100 - 1e-6;
      assert(sorted.filter((value) => value <= at).length >= share);
      assert(sorted.filter((value) => value < at).length < share + 2e-6);
    },
  ));
});

Deno.test("summarise() what there is of latencies", () => {
  const { count, mean, p50, max, late } = summarise([30, 10, 20], 2);
  assertEquals([count, mean, p50, max, late], [3, 20, 20, 30, 2]);
  assertEquals(summarise([], 0).mean, 0);
});

Deno.test("Ledger sums up bytes per second", () => {
  const ledger = new Ledger();
  ledger.delivered("down", 125_000, 999);
  ledger.delivered("down", 250_000, 2000);
  ledger.delivered("up", 5, 2500);
  assertEquals(ledger.series(3100), [1, 0, 2, 0]);
  assertEquals([ledger.up, ledger.down, ledger.total, ledger.lastAt], [5, 375_000, 375_005, 2500]);
});

Deno.test("SideMetrics counts packets, bytes and losses per path", () => {
  const { metrics: counts, send, lose, ack } = metrics();
  send(0, 0, stream(0, 500));
  send(0, 1, stream(500, 500));
  send(1, 0, { kind: "ping" });
  lose(0, 1);
  lose(0, 1);
  ack(0, 0);
  lose(0, 0);
  lose(1, 0, "path_abandoned");
  assertEquals(counts.path(0), { packets: 2, bytes: 2000, lost: 1, streamBytes: 1000, repeatedBytes: 0 });
  assertEquals(counts.path(1), { packets: 1, bytes: 1000, lost: 0, streamBytes: 0, repeatedBytes: 0 });
});

Deno.test("SideMetrics tells bytes sent again after a loss from those without", () => {
  const { metrics: counts, send, lose } = metrics();
  send(0, 0, stream(0, 500));
  send(0, 1, stream(500, 500));
  lose(0, 0);
  // Half of it was lost before, half was not.
  send(1, 0, stream(250, 500));
  assertEquals(counts.path(1).repeatedBytes, 500);
  assertEquals(counts.repeatedWithoutLoss, 250);
  // Once sent again it is not lost any more.
  send(1, 1, stream(250, 250));
  assertEquals(counts.repeatedWithoutLoss, 500);
  send(0, 2, stream(0, 250));
  assertEquals(counts.repeatedWithoutLoss, 500);
  // Another stream is another.
  send(0, 3, stream(0, 1000, 4));
  assertEquals(counts.repeatedWithoutLoss, 500);
});

Deno.test("SideMetrics counts copies of datagrams as repeated", () => {
  const { metrics: counts, send } = metrics();
  send(0, 0, { kind: "datagram_numbered", number: 5, data: new Uint8Array(100) });
  send(1, 0, { kind: "datagram_numbered", number: 5, data: new Uint8Array(100) });
  send(1, 1, { kind: "datagram_numbered", number: 6, data: new Uint8Array(100) });
  assertEquals(counts.repeatedWithoutLoss, 100);
});

Deno.test("SideMetrics counts losses that were none, of packets that somebody waited for", () => {
  const { metrics: counts, send, lose } = metrics();
  const spurious = (number: number): void =>
    counts.on("quic:spurious_loss", { header: { type: "one_rtt", number, path: 0 } }, 0);
  send(0, 0, stream(0, 10));
  send(0, 1, { kind: "ack", path: undefined, delay: 0, ranges: [3, 3, 1, 0], ecn: undefined });
  lose(0, 0);
  lose(0, 1);
  spurious(0);
  spurious(1);
  assertEquals(counts.spuriousLosses, 1);
  assertEquals(counts.path(0).lost, 1);
  // Type, largest, delay, count, first range, gap, range: a byte each.
  assertEquals(counts.acks, { frames: 1, bytes: 7, maxRanges: 2 });
});

Deno.test("Deaths: the first packet in vain, and its data elsewhere", () => {
  const deaths = new Deaths();
  deaths.onSent("server", 0, false, [stream(0, 100)], 5);
  deaths.die(0, "server", 10);
  deaths.onSent("server", 0, true, [{ kind: "ack", path: 0, delay: 0, ranges: [0, 0], ecn: undefined }], 11);
  deaths.onSent("server", 0, true, [stream(100, 100)], 12);
  deaths.onSent("server", 0, true, [stream(200, 100)], 13);
  deaths.onSent("server", 1, false, [stream(200, 100)], 20);
  deaths.onSent("client", 1, false, [stream(100, 100)], 21);
  assertEquals(deaths.results, [{ link: 0, side: "server", deadMs: 10, firstLostMs: 12, movedMs: -1 }]);
  deaths.onSent("server", 1, false, [stream(150, 20)], 30);
  deaths.onSent("server", 1, false, [stream(100, 100)], 31);
  assertEquals(deaths.results, [{ link: 0, side: "server", deadMs: 10, firstLostMs: 12, movedMs: 30 }]);
});

Deno.test("Deaths: a PING has nothing to move, a copy of the same instant has moved already", () => {
  const deaths = new Deaths();
  deaths.die(0, "client", 10);
  deaths.onSent("client", 0, true, [{ kind: "ping" }], 12);
  assertEquals(deaths.results[0], { link: 0, side: "client", deadMs: 10, firstLostMs: 12, movedMs: -1 });
  deaths.onSent("client", 1, false, [stream(0, 10)], 15);
  deaths.onSent("client", 0, true, [stream(0, 10)], 15);
  assertEquals(deaths.results[0], { link: 0, side: "client", deadMs: 10, firstLostMs: 12, movedMs: 15 });
});

Deno.test("Deaths: a copy of what went elsewhere before has moved already, unless it was lost there", () => {
  for (const isLost of [false, true]) {
    const deaths = new Deaths();
    deaths.onSent("server", 1, false, [stream(0, 100)], 5);
    deaths.die(0, "server", 10);
    if (isLost) deaths.onLost("server", 1, 0, 0, 100);
    deaths.onSent("server", 0, true, [stream(0, 100)], 12);
    assertEquals(deaths.results[0]!.movedMs, isLost ? -1 : 12);
    deaths.onSent("server", 1, false, [stream(0, 100)], 20);
    assertEquals(deaths.results[0]!.movedMs, isLost ? 20 : 12);
  }
});

Deno.test("runScenario() a link that dies is got over, and the result says when", () => {
  const links = [link({ both: { delayMs: 10, rateMbps: 10 } }), link({ both: { delayMs: 10, rateMbps: 10 } }, 1)];
  const events = [
    event("validated", 200, { type: "set", link: 0, direction: "down", set: { dead: true } }),
    event("validated", 300, { type: "set", link: 0, direction: "down", set: { dead: true, unreachable: true } }),
  ];
  const result = runScenario(scenario(bulk(1_000_000), { links, events }));
  assert(result.completed, result.error ?? "");
  assertEquals(result.recoveries.length, 1);
  const { link: dead, side, deadMs, firstLostMs, movedMs } = result.recoveries[0]!;
  assertEquals([dead, side], [0, "server"]);
  assertAlmostEquals(deadMs, result.validatedMs + 200, 1e-6);
  assert(firstLostMs >= deadMs && firstLostMs < deadMs + 10, `${firstLostMs}`);
  assert(movedMs > firstLostMs && movedMs < firstLostMs + 200, `${movedMs}`);
});

Deno.test("runScenario() a link that is dead from the start has died at 0, for both sides", () => {
  const links = [link(), link({ both: { delayMs: 10 }, down: { dead: true }, up: { unreachable: true } }, 1)];
  const result = runScenario(scenario(requests({ response: 10, at: 500 }), { links }));
  assert(result.completed, result.error ?? "");
  assertEquals(result.recoveries.map(({ link, side, deadMs }) => [link, side, deadMs]), [[1, "client", 0], [
    1,
    "server",
    0,
  ]]);
  assertEquals(result.validatedMs, -1);
});

Deno.test("runScenario() ACKs are those of the side that receives most", () => {
  const load = bulk(500_000);
  const links = [link({ both: { delayMs: 10, rateMbps: 10 } })];
  const down = runScenario(scenario(load, { links }));
  // One for every second packet, or so.
  assert(down.acks.frames > 100 && down.acks.frames < 500, `${down.acks.frames}`);
  assertAlmostEquals(down.acks.meanBytes, down.acks.bytes / down.acks.frames, 1e-9);
  assert(down.acks.maxRanges >= 1);
  const up = runScenario(scenario({ ...load, direction: "up" } as typeof load, { links }));
  assert(up.acks.frames > 100, `${up.acks.frames}`);
});

Deno.test("runScenario() a lossless run repeats nothing, a lossy one what was lost", () => {
  const clean = runScenario(scenario(bulk(200_000), { links: [link({ both: { delayMs: 10 } })] }));
  assertEquals([clean.repeatedShare, clean.paths[0]!.down.repeatedBytes, clean.paths[0]!.down.lost], [0, 0, 0]);
  const drop = [link({ both: { delayMs: 10 }, down: { drop: [20, 21] } })];
  const lossy = runScenario(scenario(bulk(200_000), { links: drop }));
  assertEquals(lossy.paths[0]!.down.lost, 2);
  assert(lossy.paths[0]!.down.repeatedBytes > 2000 && lossy.paths[0]!.down.repeatedBytes <= 2904);
  assertEquals([lossy.repeatedShare, lossy.spuriousLosses], [0, 0]);
});
