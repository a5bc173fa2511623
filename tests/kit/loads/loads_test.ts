import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { roundRobin } from "../../../schedulers/round_robin.ts";
import type { ScenarioResult } from "../scenario/types.ts";
import type { Load } from "../scenario/types.ts";
import { minRtt } from "../../../schedulers/min_rtt.ts";
import { bulk, event, link, requests, scenario, side } from "../sim/fixture_test.ts";
import { runScenario } from "../sim/run.ts";

// With 10 ms one way and no time on the wire: connected at 20, confirmed at 40, one round trip is 20.

function completed(result: ScenarioResult): ScenarioResult {
  assertEquals(result.error, null);
  assert(result.completed);
  return result;
}

function near(actual: number, expected: number): void {
  assertAlmostEquals(actual, expected, 1e-3);
}

Deno.test("runScenario() requests start when the handshake is confirmed, and take a round trip", () => {
  const result = completed(runScenario(scenario(requests({ response: 1000 }))));
  near(result.confirmedMs, 40);
  near(result.validatedMs, 40);
  near(result.completedMs, 60);
  assertEquals(result.bytes, { up: 257, down: 1000 });
  assertEquals(result.requests.map(({ index, bytes }) => [index, bytes]), [[0, 1000]]);
  near(result.requests[0]!.startMs, 40);
  near(result.requests[0]!.endMs, 60);
  near(result.goodputMbps, 1257 * 8 / 60_000);
});

Deno.test("runScenario() a load may start one round trip earlier", () => {
  const load: Load = { ...requests({ response: 1000 }), start: "complete" };
  const result = completed(runScenario(scenario(load)));
  near(result.requests[0]!.startMs, 20);
  near(result.completedMs, 40);
});

Deno.test("runScenario() a request waits for another one, and for its time", () => {
  const load = requests({ response: 1000, at: 7 }, { response: 500, after: 0, at: 5 }, {
    response: 0,
    request: 10,
    after: 1,
  });
  const result = completed(runScenario(scenario(load)));
  assertEquals(result.requests.map(({ startMs }) => Math.round(startMs)), [47, 72, 92]);
  assertEquals(result.requests.map(({ endMs }) => Math.round(endMs)), [67, 92, 112]);
  near(result.completedMs, 102);
});

Deno.test("runScenario() a hundred and fifty requests at once wait for streams", () => {
  const result = completed(runScenario(scenario(requests(...Array.from({ length: 150 }, () => ({ response: 10 }))))));
  assertEquals(result.bytes, { up: 150 * 257, down: 1500 });
  assertEquals(result.requests.length, 150);
  assert(result.requests.every(({ endMs }) => endMs >= 60));
});

Deno.test("runScenario() bulk is split evenly over streams", () => {
  const result = completed(runScenario(scenario({ ...bulk(10_001), streams: 4 } as Load)));
  assertEquals(result.bytes, { up: 400, down: 10_001 });
  assertEquals(result.requests.map(({ bytes }) => bytes), [2500, 2500, 2500, 2501]);
});

Deno.test("runScenario() bulk up is complete when the server has it, one way after it was sent", () => {
  const result = completed(runScenario(scenario({ ...bulk(5000), direction: "up" } as Load)));
  assertEquals(result.bytes, { up: 5100, down: 0 });
  near(result.completedMs, 50);
});

Deno.test("runScenario() bulk both ways does not wait for the other way", () => {
  const rated = link({ both: { delayMs: 10, rateMbps: 8 } });
  const load: Load = { ...bulk(200_000), direction: "both" } as Load;
  const result = completed(runScenario(scenario(load, { links: [rated] })));
  assertEquals(result.bytes, { up: 200_100, down: 200_000 });
  // One after the other would take 400 ms for the bytes alone.
  assert(result.completedMs < 400, `${result.completedMs}`);
});

Deno.test("runScenario() bulk fills a link of 8 Mbit/s", () => {
  const rated = link({ both: { delayMs: 10, rateMbps: 8 } });
  const result = completed(runScenario(scenario(bulk(2_000_000), { links: [rated] })));
  assert(result.completedMs >= 2000 && result.completedMs < 2250, `${result.completedMs}`);
  const { stepMs, downMbps } = result.series;
  assertEquals(stepMs, 1000);
  assertAlmostEquals(downMbps.reduce((sum, mbps) => sum + mbps, 0) * 125_000, 2_000_000, 1);
  assert(downMbps[1]! > 7.4 && downMbps[1]! <= 8);
});

Deno.test("runScenario() a stream ends with its time, whatever is on its way", () => {
  const rated = link({ both: { delayMs: 10, rateMbps: 8 } });
  for (const direction of ["down", "up", "both"] as const) {
    const load: Load = { kind: "stream", start: "confirmed", direction, duration: 1500, streams: 2 };
    const result = completed(runScenario(scenario(load, { links: [rated] })));
    const end = result.confirmedMs + 1500;
    assert(result.completedMs <= end && result.completedMs > end - 20, `${direction} ${result.completedMs}`);
    const bytes = direction === "up" ? result.bytes.up : result.bytes.down;
    assert(bytes > 1_200_000 && bytes < 1_500_000, `${direction} ${bytes}`);
  }
});

Deno.test("runScenario() periodic messages take a round trip each, on one stream or on one each", () => {
  for (const streams of ["one", "each"] as const) {
    const load: Load = {
      kind: "periodic",
      start: "confirmed",
      every: 50,
      request: 100,
      response: 200,
      count: 30,
      streams,
      late: 19,
    };
    const result = completed(runScenario(scenario(load)));
    assertEquals(result.bytes, { up: 3000, down: 6000 });
    assertEquals([result.latencyMs.count, result.latencyMs.late], [30, 30]);
    for (const key of ["mean", "p50", "p95", "p99", "p999", "max"] as const) near(result.latencyMs[key], 20);
    near(result.completedMs, 40 + 29 * 50 + 20);
    assertEquals(completed(runScenario(scenario({ ...load, late: 21 }))).latencyMs.late, 0);
  }
});

Deno.test("runScenario() a message that is late holds up those behind it on one stream only", () => {
  const load = (streams: "one" | "each"): Load => ({
    kind: "periodic",
    start: "confirmed",
    every: 5,
    request: 100,
    response: 100,
    count: 20,
    streams,
    late: 22,
  });
  // One response is lost, those after it are not.
  const events = [
    event("confirmed", 28, { type: "set", link: 0, direction: "down", set: { dead: true } }),
    event("confirmed", 32, { type: "set", link: 0, direction: "down", set: { dead: false } }),
  ];
  const one = completed(runScenario(scenario(load("one"), { events })));
  const each = completed(runScenario(scenario(load("each"), { events })));
  assertEquals(each.latencyMs.late, 1);
  assert(one.latencyMs.late > 2, `${one.latencyMs.late}`);
});

Deno.test("runScenario() messages without responses on one stream are complete at the server", () => {
  const load: Load = {
    kind: "periodic",
    start: "confirmed",
    every: 30,
    request: 5,
    response: 0,
    count: 3,
    streams: "one",
    late: 11,
  };
  const result = completed(runScenario(scenario(load)));
  assertEquals([result.bytes, result.latencyMs.count, result.latencyMs.late], [{ up: 15, down: 0 }, 3, 0]);
  near(result.latencyMs.max, 10);
  near(result.completedMs, 40 + 60 + 10);
});

function datagrams(changes: Partial<Extract<Load, { kind: "datagrams" }>> = {}): Load {
  return {
    kind: "datagrams",
    start: "confirmed",
    direction: "both",
    bytes: 100,
    every: 10,
    count: 10,
    pin: undefined,
    ...changes,
  };
}

Deno.test("runScenario() datagrams that are lost are counted out, and do not fail the run", () => {
  const events = [
    event("confirmed", 25, { type: "set", link: 0, direction: "down", set: { dead: true } }),
    event("confirmed", 55, { type: "set", link: 0, direction: "down", set: { dead: false } }),
  ];
  const down = completed(runScenario(scenario(datagrams({ direction: "down" }), { events })));
  assertEquals(down.datagrams, { sent: 10, received: 7, reordered: 0 });
  assertEquals(down.bytes, { up: 0, down: 700 });
  near(down.completedMs, 40 + 90 + 10);
  assertEquals(completed(runScenario(scenario(datagrams()))).datagrams, { sent: 20, received: 20, reordered: 0 });
});

Deno.test("runScenario() datagrams of one byte, and as large as fits", () => {
  const tiny = completed(runScenario(scenario(datagrams({ direction: "up", bytes: 1, every: 1, count: 700 }))));
  assertEquals(tiny.datagrams, { sent: 700, received: 700, reordered: 0 });
  const large = completed(runScenario(scenario(datagrams({ direction: "up", bytes: 0, every: 20, count: 20 }))));
  assertEquals(large.datagrams.received, 20);
  assert(large.bytes.up / 20 > 1200 && large.bytes.up / 20 < 1440, `${large.bytes.up / 20}`);
});

Deno.test("runScenario() datagrams over a near and a far link arrive out of order", () => {
  const links = [link(), link({ both: { delayMs: 50 } }, 1)];
  const result = completed(
    runScenario(scenario(datagrams({ direction: "up", every: 4, count: 100 }), { links }), {
      schedulers: { client: roundRobin },
    }),
  );
  assertEquals(result.datagrams.received, 100);
  assert(result.datagrams.reordered > 20 && result.datagrams.reordered < 60, `${result.datagrams.reordered}`);
});

Deno.test("runScenario() datagrams go where they are pinned", () => {
  const links = [link(), link({ both: { delayMs: 30 } }, 1)];
  const result = completed(runScenario(scenario(datagrams({ direction: "down", pin: 1, bytes: 1000 }), { links })));
  assertEquals(result.datagrams.received, 10);
  assert(result.paths[1]!.down.bytes > 10_000 && result.paths[0]!.down.bytes < 8000);
  assert(result.completedMs >= result.confirmedMs + 90 + 30 - 1e-3, `${result.completedMs}`);
});

function video(changes: Partial<Extract<Load, { kind: "video" }>> = {}): Load {
  return {
    kind: "video",
    start: "confirmed",
    chunkBytes: 1000,
    chunkDuration: 1000,
    chunks: 5,
    startBuffer: 1000,
    maxBuffer: 3000,
    ...changes,
  };
}

Deno.test("runScenario() a player fetches the next chunk as soon as it fits", () => {
  const result = completed(runScenario(scenario(video())));
  assertEquals(result.requests.map(({ startMs }) => Math.round(startMs)), [40, 60, 80, 1060, 2060]);
  near(result.completedMs, 2080);
  near(result.video.startMs, 60);
  assertEquals([result.video.stalls, result.video.stallMs], [0, 0]);
  assertEquals(result.latencyMs.count, 5);
  near(result.latencyMs.max, 20);
});

Deno.test("runScenario() a player stalls when chunks take longer than they last", () => {
  const rated = link({ both: { delayMs: 10, rateMbps: 1 } });
  const result = completed(runScenario(scenario(video({ chunkBytes: 250_000, chunks: 3 }), { links: [rated] })));
  const ends = result.requests.map(({ endMs }) => endMs);
  assertEquals(result.video.stalls, 2);
  near(result.video.startMs, ends[0]!);
  near(result.video.stallMs, ends[2]! - ends[0]! - 2000);
});

Deno.test("runScenario() a player whose buffer cannot hold what it wants to start with plays what it has", () => {
  const result = completed(runScenario(scenario(video({ startBuffer: 5000, maxBuffer: 2000 }))));
  near(result.video.startMs, 80);
  assertEquals(completed(runScenario(scenario(video({ chunkDuration: 4000, maxBuffer: 2000 })))).requests.length, 5);
});

Deno.test("runScenario() the server's scheduler knows the player's buffer, from when it plays on", () => {
  const heard: (number | undefined)[] = [];
  const result = completed(
    runScenario(scenario(video()), {
      schedulers: {
        server: () => {
          const scheduler = minRtt();
          return {
            name: "listening",
            schedule(work, view) {
              if (work.kind === "stream") heard.push(view.signal("bufferMs"));
              return scheduler.schedule(work, view);
            },
          };
        },
      },
    }),
  );
  assertEquals(result.server, "listening");
  // What the buffer was when each chunk was asked for, 50 ms ago at most.
  assertEquals(heard[0], undefined);
  assertAlmostEquals(heard[1]!, 1000, 50);
  assertAlmostEquals(heard.at(-1)!, 2000, 51);
});

Deno.test("runScenario() mixed loads run together, their requests numbered through", () => {
  const parts = [requests({ response: 10 }), datagrams(), bulk(1000), video({ chunks: 2 }), datagrams({ bytes: 2 })];
  const result = completed(runScenario(scenario({ kind: "mixed", start: "confirmed", parts })));
  assertEquals(result.requests.map(({ index, bytes }) => [index, bytes]), [[0, 10], [1, 1000], [2, 1000], [3, 1000]]);
  assertEquals(result.datagrams, { sent: 40, received: 40, reordered: 0 });
  assertEquals(result.latencyMs.count, 2);
});

Deno.test("runScenario() requests are pinned at either side, and wait for their path", () => {
  const links = [link(), link({ both: { delayMs: 30 }, openMs: 100 }, 1)];
  const load = requests({ response: 50_000 });
  const server = side({ pin: new Map([[0, 1]]) });
  const pinned = completed(runScenario(scenario(load, { links, server })));
  assertEquals(pinned.paths.map(({ down }) => down.streamBytes > 0), [false, true]);
  const client = side({ pin: new Map([[0, 1]]) });
  const asked = completed(runScenario(scenario(load, { links, client })));
  assertEquals(asked.paths.map(({ up }) => up.streamBytes > 0), [false, true]);
});
