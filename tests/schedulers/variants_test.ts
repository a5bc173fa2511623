/** What the modes promise, where networks and messages are none of the named ones. */
import { assertEquals, assertLess } from "@std/assert";
import { parseScenario, runScenario, type ScenarioResult } from "../kit/mod.ts";
import type { Observer } from "../../transport/base/observer.ts";

interface World {
  readonly seed: number;
  readonly mode: string;
  readonly links: readonly Record<string, unknown>[];
  readonly events?: readonly Record<string, unknown>[];
  readonly load: Record<string, unknown>;
}

/** On which path an end sent stream data, and when. */
type Sent = readonly [at: number, path: number];

interface Outcome {
  readonly result: ScenarioResult;
  readonly client: readonly Sent[];
  readonly server: readonly Sent[];
}

function watch(sent: Sent[]): Observer {
  return {
    on(name, data, now): void {
      if (name !== "quic:packet_sent") return;
      const { header, frames } = data as { header: { path: number }; frames: readonly { kind: string }[] };
      if (frames.some(({ kind }) => kind === "stream")) sent.push([now, header.path]);
    },
  };
}

function run({ seed, mode, links, events = [], load }: World): Outcome {
  const text = JSON.stringify({
    name: mode,
    seed,
    limitMs: 90_000,
    links,
    events,
    client: { mode },
    server: { mode },
    load: { kind: "periodic", streams: "one", ...load },
  });
  const [client, server]: [Sent[], Sent[]] = [[], []];
  const result = runScenario(parseScenario(text, mode), {
    crypto: "plain",
    observers: { client: watch(client), server: watch(server) },
  });
  assertEquals([result.completed, result.error], [true, null]);
  return { result, client, server };
}

function deaths(
  link: number,
  times: readonly (readonly [at: number, forMs: number])[],
  key = "dead",
  direction = "both",
) {
  return times.flatMap(([at, forMs]) => [
    { atMs: at, link, direction, set: { [key]: true } },
    { atMs: at + forMs, link, direction, set: { [key]: false } },
  ]);
}

function switches(sent: readonly Sent[]): number {
  return sent.filter(([, path], i) => i > 0 && path !== sent[i - 1]![1]).length;
}

Deno.test("Interactive: a packet that the fast path loses drags nothing behind it onto a path that is much slower", () => {
  for (let seed = 1; seed <= 6; seed++) {
    const { result } = run({
      seed,
      mode: "interactive",
      links: [{ rateMbps: 20, delayMs: 12, jitterMs: 2, lossPercent: 2 }, { rateMbps: 20, delayMs: 400 }],
      load: { everyMs: 25, request: 90, response: 300, forMs: 12_000 },
    });
    const { latencyMs, repeatedShare } = result;
    assertLess(latencyMs.p99, 120, `seed ${seed}`);
    assertLess(latencyMs.max, 250, `seed ${seed}`);
    assertLess(repeatedShare, 0.25, `seed ${seed}`);
  }
});

/** Messages that nearly fill a packet, or are of several, and how often they come; all on one stream, or on one each. */
const EXCHANGES: readonly (readonly [request: number, response: number, everyMs: number, streams: "one" | "each"])[] = [
  [1150, 1150, 40, "one"],
  [1300, 1300, 50, "one"],
  [1400, 1400, 200, "one"],
  [90, 1300, 20, "one"],
  [90, 4000, 60, "one"],
  [2600, 4000, 100, "one"],
  [1400, 1400, 80, "each"],
];

for (const [request, response, everyMs, streams] of EXCHANGES) {
  const what = `${request} for ${response} bytes each ${everyMs} ms, streams: ${streams}`;
  Deno.test(`Interactive: offers little again elsewhere that is merely acknowledged late: ${what}`, () => {
    for (let seed = 1; seed <= 3; seed++) {
      const { result } = run({
        seed,
        mode: "interactive",
        links: [
          { rateMbps: 20, delayMs: 10, jitterMs: 3, lossPercent: 1 },
          { rateMbps: 10, delayMs: 30, jitterMs: 5, cost: 1 },
        ],
        events: deaths(0, [[3000, 1000], [8000, 400]]),
        load: { everyMs, request, response, forMs: 20_000, streams },
      });
      assertLess(result.repeatedShare, 0.2, `seed ${seed}`);
      assertLess(result.latencyMs.max, 250, `seed ${seed}`);
    }
  });
}

Deno.test("Handover: a server that only answers leads its client back, and is not led astray by what is on its way", () => {
  for (const everyMs of [31, 136, 400]) {
    const { client, server } = run({
      seed: 1,
      mode: "handover",
      links: [{ rateMbps: 10, delayMs: 7.3, jitterMs: 1.7 }, { rateMbps: 10, delayMs: 7.9 }],
      events: deaths(0, [[994, 272]]),
      load: { everyMs, request: 449, response: 375, forMs: 11_000 },
    });
    for (const sent of [client, server]) {
      assertEquals(
        new Set(sent.filter(([at]) => at > 6000).map(([, path]) => path)),
        new Set([0]),
        `each ${everyMs} ms`,
      );
    }
  }
});

Deno.test("Handover: ends that disagree about a path come together again, and never swap paths for ever", () => {
  for (const key of ["dead", "unreachable"]) {
    for (const direction of ["up", "down"]) {
      const { client, server } = run({
        seed: 1,
        mode: "handover",
        links: [{ rateMbps: 2.5, delayMs: 19.5 }, { rateMbps: 5.8, delayMs: 18.1 }],
        events: deaths(0, [[2566, 492]], key, direction),
        load: { everyMs: 31, request: 42, response: 273, forMs: 13_000 },
      });
      for (const sent of [client, server]) {
        const told = `${key} ${direction}`;
        assertEquals(new Set(sent.filter(([at]) => at > 11_000).map(([, path]) => path)), new Set([0]), told);
        assertLess(switches(sent), 8, told);
      }
    }
  }
});

Deno.test("Handover: a path that comes and goes is left alone until it stays", () => {
  const { client, server } = run({
    seed: 1,
    mode: "handover",
    links: [{ rateMbps: 10, delayMs: 20 }, { rateMbps: 10, delayMs: 30 }],
    events: deaths(0, Array.from({ length: 20 }, (_, i) => [2000 + 600 * i, 300] as const)),
    load: { everyMs: 50, request: 200, response: 400, forMs: 25_000 },
  });
  // Back and forth counts twice; without trial they were forty.
  for (const sent of [client, server]) assertLess(switches(sent), 14);
});
