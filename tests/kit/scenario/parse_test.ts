import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { ScenarioError } from "./error.ts";
import { type ParseOptions, parseScenario } from "./parse.ts";
import type { Scenario } from "./types.ts";

const BASE = { name: "base", links: [{}, {}], load: { kind: "bulk", direction: "down", bytes: 1000 } };
const FILES = {
  read(name: string): string {
    if (name === "lte.json") return "[[0,5],[1000,1],[2000,5]]";
    if (name === "lte.mahi") return "1\n2\n";
    if (name === "bad.json") return "[[3,5]]";
    throw new Error("there is no such file");
  },
  locate(name: string): string {
    if (name === "mine.ts") return "/some/where/mine.ts";
    throw new Error("there is no such file");
  },
};

function parse(value: unknown, options: ParseOptions = { files: FILES }): Scenario {
  return parseScenario(JSON.stringify(value), "file.json", options);
}

/** The base with some keys replaced is refused, with a message that begins like this after the file. */
function refused(changes: Record<string, unknown>, message: string, options?: ParseOptions): void {
  const error = assertThrows(() => parse({ ...BASE, ...changes }, options), ScenarioError);
  assert(error.message.startsWith(`file.json: ${message}`), error.message);
}

function refusedLoad(load: unknown, message: string): void {
  refused({ load }, message);
}

Deno.test("parseScenario() fills in every default", () => {
  const scenario = parse(BASE);
  const { client, server, links, ...rest } = scenario;
  assertEquals(rest, {
    name: "base",
    about: "",
    seed: 1,
    limit: 60_000,
    events: [],
    load: { kind: "bulk", start: "confirmed", direction: "down", bytes: 1000, streams: 1 },
    cross: [],
  });
  assertEquals(client, server);
  assertEquals(client, {
    mode: client.mode,
    scheduler: undefined,
    congestion: "cubic",
    numberSpaces: "multiple",
    maxPaths: 4,
    ackRanges: 64,
    payloadLimit: 1452,
    initialWindowPackets: 10,
    connectionWindow: 16_777_216,
    streamWindow: 8_388_608,
    idleTimeout: 30_000,
    pin: new Map(),
    hints: true,
  });
  const plain = {
    both: {},
    up: {},
    down: {},
    share: undefined,
    status: "available",
    cost: 0,
    metered: false,
    openMs: 0,
  };
  assertEquals(links as unknown[], [{ label: "link0", ...plain }, { label: "link1", ...plain }]);
});

Deno.test("parseScenario() reads every key of a link, for both directions and for one", () => {
  const both = {
    rateMbps: 1,
    delayMs: 10,
    jitterMs: 2,
    reorder: true,
    queueMs: 20,
    queueBytes: null,
    lossPercent: 1,
    burstLoss: { percent: 2, meanLength: 3 },
    drop: [3, 17],
    ecn: true,
    mtu: 1400,
    overheadBytes: 48,
    dead: true,
    unreachable: true,
  };
  const more = { label: "sat", share: "core", status: "backup", cost: 2, metered: true, openMs: null };
  const up = { queuePackets: 7, rateMbps: null };
  const [, link] = parse({ ...BASE, links: [{}, { ...both, ...more, up, down: { dead: false } }] }).links;
  // The kinds of queue that both directions have do not hold for the one with another kind.
  assertEquals(link, {
    ...more,
    both,
    up: { ...up, queueMs: null, queueBytes: null },
    down: { dead: false },
    status: "backup",
  });
});

Deno.test("parseScenario() reads traces beside the file; a rate for one direction ends the trace there", () => {
  const [link] =
    parse({ ...BASE, links: [{ trace: "lte.json", up: { rateMbps: 3 }, down: { trace: "lte.mahi" } }] }).links;
  assertEquals(link?.both.trace?.meanRateMbps, 3);
  assertEquals([link?.up.trace, link?.up.rateMbps], [null, 3]);
  assertEquals(link?.down.trace?.meanRateMbps, 12);
  refused(
    { links: [{ trace: "x.json" }] },
    '"links[0].trace" is "x.json", which cannot be read: there is no such file',
  );
  refused(
    { links: [{ trace: "bad.json" }] },
    '"links[0].trace" is "bad.json", which is no trace: time of entry 0 is 3',
  );
  refused({ links: [{ trace: 5 }] }, '"links[0].trace" is 5: expected a text');
  refused({ links: [{ trace: "lte.json" }] }, '"links[0].trace" is "lte.json", which cannot be read', {});
});

Deno.test("parseScenario() reads every event", () => {
  const { events } = parse({
    ...BASE,
    events: [
      { atMs: 640, from: "validated", link: 1, direction: "up", set: { dead: true, rateMbps: 2 } },
      { atMs: 1, link: 0, set: { delayMs: 3, down: { delayMs: 4 }, status: "backup", cost: 3, metered: true } },
      { atMs: 2, rebind: 0 },
      { atMs: 3, rebind: 1, address: true },
      { atMs: 4, open: 1 },
      { atMs: 5, close: 1 },
      { atMs: 6, status: 1, to: "backup" },
      { atMs: 7, mode: "round-robin", side: "server" },
      { atMs: 8, signal: { bufferMs: 400 }, side: "client" },
      { atMs: 9, keyUpdate: "client" },
      { atMs: 10, renewConnectionId: 1, from: "confirmed" },
    ],
  });
  assertEquals(events.map(({ at, from }) => [at, from]), [
    [640, "validated"],
    ...Array(4).fill([1, "start"]),
    ...[2, 3, 4, 5, 6, 7, 8, 9].map((at) => [at, "start"]),
    [10, "confirmed"],
  ]);
  assertEquals(events.map(({ action }) => action), [
    { type: "set", link: 1, direction: "up", set: { dead: true, rateMbps: 2 } },
    { type: "set", link: 0, direction: "both", set: { delayMs: 3 } },
    { type: "set", link: 0, direction: "down", set: { delayMs: 4 } },
    { type: "status", link: 0, to: "backup" },
    { type: "describe", link: 0, properties: { cost: 3, metered: true } },
    { type: "rebind", link: 0, address: false },
    { type: "rebind", link: 1, address: true },
    { type: "open", link: 1 },
    { type: "close", link: 1 },
    { type: "status", link: 1, to: "backup" },
    { type: "mode", mode: "round-robin", side: "server" },
    { type: "signal", signals: { bufferMs: 400 }, side: "client" },
    { type: "keyUpdate", side: "client" },
    { type: "renewConnectionId", link: 1 },
  ]);
});

Deno.test("parseScenario() reads every load", () => {
  const load = (value: unknown): unknown => parse({ ...BASE, load: value }).load;
  const list = [{ request: 257, response: 10, after: null }, { request: 1, response: 0, after: 0, atMs: 5 }];
  assertEquals(load({ kind: "requests", list, start: "complete" }), {
    kind: "requests",
    start: "complete",
    list: [{ request: 257, response: 10, after: null, at: 0 }, { request: 1, response: 0, after: 0, at: 5 }],
  });
  const stream = { kind: "stream", direction: "both", forMs: 500, streams: 3 };
  assertEquals(load(stream), { kind: "stream", start: "confirmed", direction: "both", duration: 500, streams: 3 });
  const periodic = { kind: "periodic", everyMs: 400, request: 750, response: 751, forMs: 1201, streams: "one" };
  const read = { kind: "periodic", start: "confirmed", every: 400, request: 750, response: 751, streams: "one" };
  assertEquals(load(periodic), { ...read, count: 4, late: Infinity });
  assertEquals(load({ ...periodic, forMs: 1200, lateMs: 50 }), { ...read, count: 3, late: 50 });
  const datagrams = { kind: "datagrams", direction: "up", bytes: 0, everyMs: 3, count: 100 };
  const sent = { kind: "datagrams", start: "complete", direction: "up", bytes: 0, every: 3, count: 100 };
  const video = { kind: "video", chunkBytes: 9, chunkMs: 1000, chunks: 5, startBufferMs: 1000, maxBufferMs: 3000 };
  assertEquals(load({ kind: "mixed", start: "complete", parts: [{ ...datagrams, pin: 1 }, datagrams, video] }), {
    kind: "mixed",
    start: "complete",
    parts: [
      { ...sent, pin: 1 },
      { ...sent, pin: undefined },
      {
        kind: "video",
        start: "complete",
        chunkBytes: 9,
        chunkDuration: 1000,
        chunks: 5,
        startBuffer: 1000,
        maxBuffer: 3000,
      },
    ],
  });
});

Deno.test("parseScenario() reads ends and cross traffic", () => {
  const ends = { mode: "round-robin", scheduler: "mine.ts", congestion: "newreno", pin: { "0": 1 }, hints: false };
  const load = { kind: "requests", list: [{ request: 1, response: 1 }] };
  const cross = [{ link: 0, direction: "down", congestion: "newreno", startMs: 1, stopMs: 3 }, {
    link: 1,
    direction: "up",
  }];
  const scenario = parse({ ...BASE, load, server: { ...ends, numberSpaces: "off", idleTimeoutMs: 5 }, cross });
  const { mode, scheduler, congestion, pin, hints, numberSpaces, idleTimeout } = scenario.server;
  assertEquals([mode, scheduler, congestion, hints], ["round-robin", "/some/where/mine.ts", "newreno", false]);
  assertEquals([...pin, numberSpaces, idleTimeout], [[0, 1], "off", 5]);
  assertEquals(scenario.cross, [
    { link: 0, direction: "down", congestion: "newreno", start: 1, stop: 3 },
    { link: 1, direction: "up", congestion: "cubic", start: 0, stop: Infinity },
  ]);
});

Deno.test("parseScenario() names an unknown key, its place and the nearest known one", () => {
  refused({ links: [{}, { queuMs: 3 }] }, '"links[1].queuMs" is not a key that is known here: did you mean "queueMs"?');
  refused({ links: [{ up: { queueM: 3 } }] }, '"links[0].up.queueM" is not a key');
  refused({ sead: 5 }, '"sead" is not a key that is known here: did you mean "seed"?');
  refused({ client: { xyzzy: 5 } }, '"client.xyzzy" is not a key that is known here: expected one of mode, ');
  refused({ links: [{ burstLoss: { percent: 1, meanLenght: 2 } }] }, '"links[0].burstLoss.meanLenght" is not a key');
  refused({ links: [{ up: { label: "x" } }] }, '"links[0].up.label" is not a key');
  refusedLoad(
    { ...BASE.load, lateMs: 5 },
    '"load.lateMs" is not a key that is known here: expected one of kind, start',
  );
});

Deno.test("parseScenario() refuses wrong types and ranges and says what it expected", () => {
  refused({ name: undefined }, '"name" is missing: expected a text');
  refused({ name: " " }, '"name" is " ": expected a text');
  refused({ seed: -1 }, '"seed" is -1: expected a whole number from 0 to 9007199254740991');
  refused({ seed: 1.5 }, '"seed" is 1.5: expected a whole number');
  refused({ limitMs: 0 }, '"limitMs" is 0: expected a number from 1 to');
  refused({ links: {} }, '"links" is {}: expected a list');
  refused({ links: [] }, '"links" has 0 entries: expected 1 to 8');
  refused({ links: Array(9).fill({}) }, '"links" has 9 entries: expected 1 to 8');
  refused(
    { links: [{ rateMbps: "10" }] },
    '"links[0].rateMbps" is "10": expected a number from 0.000001 to 1000000000, or null',
  );
  refused({ links: [{ lossPercent: 101 }] }, '"links[0].lossPercent" is 101: expected a number from 0 to 100');
  refused(
    { links: [{ drop: [0] }] },
    '"links[0].drop" is [0]: expected a list of numbers of datagrams, counted from 1',
  );
  refused({ links: [{ burstLoss: { percent: 1 } }] }, '"links[0].burstLoss.meanLength" is missing: expected a number');
  refused({ links: [{ dead: 1 }] }, '"links[0].dead" is 1: expected true or false');
  refused({ links: [{ status: "spare" }] }, '"links[0].status" is "spare": expected one of available, backup');
  refused({ links: [{ openMs: 5 }] }, '"links[0].openMs" is 5: expected 0, for the handshake');
  refused({ links: [{ queueMs: 5, queueBytes: 6 }] }, '"links[0].queueBytes" stands beside queueMs: expected one of');
  refused({ client: null }, '"client" is null: expected an object');
  refused(
    { client: { payloadLimit: 1199 } },
    '"client.payloadLimit" is 1199: expected a whole number from 1200 to 65527',
  );
  refused({ about: 5 }, '"about" is 5: expected a text');
  assertThrows(() => parseScenario("[]", "a.json"), ScenarioError, "a.json: expected an object");
  assertThrows(
    () => parseScenario('{\n "name": "a",\n}', "a.json"),
    ScenarioError,
    "a.json: is no JSON: line 3, column 1",
  );
});

Deno.test("parseScenario() shows a number that is too large as what it is, and not as null", () => {
  const text = JSON.stringify({ ...BASE, links: [{ rateMbps: 7 }] }).replace("7", "1e999");
  assertThrows(() => parseScenario(text, "file.json"), ScenarioError, '"links[0].rateMbps" is Infinity: expected');
});

Deno.test("parseScenario() refuses a mode, controller or layout that is not there yet by its name", () => {
  refused(
    { client: { congestion: "bbr" } },
    '"client.congestion" is "bbr", and there is no such congestion controller yet',
  );
  refused(
    { server: { mode: "warp" } },
    '"server.mode" is "warp", and there is no such mode yet: expected one of ',
  );
  refused({ server: { mode: "min-rt" } }, '"server.mode" is "min-rt"');
  refused({ server: { numberSpaces: "double" } }, '"server.numberSpaces" is "double", and there is no such layout');
  refused({ client: { scheduler: "none.ts" } }, '"client.scheduler" is "none.ts", which cannot be read');
  refused(
    { events: [{ atMs: 0, mode: "warp", side: "client" }] },
    '"events[0].mode" is "warp", and there is no such mode',
  );
  const cross = [{ link: 0, direction: "up", congestion: "bbr" }];
  refused(
    { cross },
    '"cross[0].congestion" is "bbr", and there is no such congestion controller yet: expected one of ',
  );
});

Deno.test("parseScenario() lets a run replace what is not there yet", () => {
  const client = { mode: "warp", congestion: "bbr", numberSpaces: "double", scheduler: "none.ts" };
  const overrides = { mode: "min-rtt", congestion: "cubic", numberSpaces: "off", seed: 9 } as const;
  const scenario = parse({ ...BASE, client }, { overrides });
  const { mode, congestion, numberSpaces, scheduler } = scenario.client;
  assertEquals([mode, congestion, numberSpaces, scheduler, scenario.seed], ["min-rtt", "cubic", "off", undefined, 9]);
  assertEquals(scenario.server.numberSpaces, "off");
  assertEquals(parse(BASE, { overrides: { scheduler: "/x.ts" } }).server.scheduler, "/x.ts");
  refused({ client: { mode: 5 } }, '"client.mode" is 5: expected a text', { overrides });
});

Deno.test("parseScenario() checks what must fit together", () => {
  refused({ events: [{ atMs: 0, close: 2 }] }, '"events[0].close" is 2: expected the index of a link, 0 to 1');
  refused({ events: [{ atMs: 0, link: -1, set: { dead: true } }] }, '"events[0].link" is -1: expected the index');
  refused({ events: [{ atMs: 0, set: { dead: true } }] }, '"events[0].link" is missing');
  refused({ events: [{ atMs: 0 }] }, '"events[0]" does not say what happens: expected one of set, rebind');
  refused({ events: [{ atMs: 0, open: 1, close: 1 }] }, '"events[0].close" stands beside "open"');
  refused({ events: [{ atMs: 0, open: 1, to: "backup" }] }, '"events[0].to" does not go with "open"');
  refused({ events: [{ atMs: 0, status: 1 }] }, '"events[0].to" is missing: expected one of available, backup');
  refused({ events: [{ atMs: 0, link: 1, set: {} }] }, '"events[0].set" is {}: expected at least one key');
  refused({ events: [{ atMs: 0, link: 1, set: { share: "x" } }] }, '"events[0].set.share" cannot be set by an event');
  refused({ events: [{ open: 1 }] }, '"events[0].atMs" is missing: expected a number');
  refused({ events: [{ atMs: 0, signal: { bufferMs: "x" }, side: "client" }] }, '"events[0].signal.bufferMs" is "x"');
  refused({ client: { pin: { "0": 2 } } }, '"client.pin.0" is 2: expected the index of a link');
  refused({ client: { pin: { first: 0 } } }, '"client.pin.first" is no index of a request');
  refused({ cross: [{ link: 7, direction: "up" }] }, '"cross[0].link" is 7: expected the index of a link, 0 to 1');
  refused(
    { cross: [{ link: 0, direction: "up", startMs: 5, stopMs: 5 }] },
    '"cross[0].stopMs" is 5: expected more than',
  );
  const load = { kind: "requests", list: [{ request: 1, response: 1 }] };
  refused({ load, client: { pin: { "1": 0 } } }, '"client.pin.1" is for a request that there is not: expected 0 to 0');
});

Deno.test("parseScenario() checks loads", () => {
  refused({ load: undefined }, '"load" is missing');
  refusedLoad({ bytes: 5 }, '"load.kind" is missing: expected one of requests, bulk');
  refusedLoad({ kind: "bluk", direction: "up", bytes: 5 }, '"load.kind" is "bluk": expected one of requests, bulk');
  refusedLoad({ kind: "bulk", bytes: 5 }, '"load.direction" is missing: expected one of down, up, both');
  refusedLoad({ kind: "bulk", direction: "up", bytes: 0 }, '"load.bytes" is 0: expected a whole number from 1');
  const list = (...after: (number | null)[]): unknown => ({
    kind: "requests",
    list: after.map((a) => ({ request: 1, response: 1, after: a })),
  });
  refusedLoad(list(), '"load.list" has 0 entries');
  refusedLoad(list(null, 2), '"load.list[1].after" is 2: expected a whole number from 0 to 1, or null');
  refusedLoad(list(null, 1), '"load.list[1].after" waits for itself in the end (1 after 1)');
  refusedLoad(list(2, null, 0), '"load.list[0].after" waits for itself in the end (0 after 2 after 0)');
  const periodic = { kind: "periodic", everyMs: 4, request: 7, response: 7, streams: "each" };
  refusedLoad(periodic, '"load.count" and forMs are neither there: expected one of them');
  refusedLoad({ ...periodic, count: 5, forMs: 5 }, '"load.count" and forMs are both there');
  const video = { kind: "video", chunkBytes: 9, chunkMs: 1000, chunks: 5, startBufferMs: 1000, maxBufferMs: 3000 };
  refusedLoad({ ...video, maxBufferMs: 999 }, '"load.maxBufferMs" is 999: expected at least chunkMs (1000)');
  refusedLoad({ ...video, startBufferMs: 3001 }, '"load.startBufferMs" is 3001: expected at most 3000');
  refusedLoad({ kind: "mixed", parts: [] }, '"load.parts" is []: expected at least one load');
  refusedLoad({ kind: "mixed", parts: [video, 5] }, '"load.parts[1]" is 5: expected an object');
});

/** A file with nearly everything in it. */
const RICH = {
  name: "rich",
  about: "all of it",
  seed: 3,
  limitMs: 1000,
  links: [
    { label: "a", rateMbps: 5, queueMs: 20, burstLoss: { percent: 2, meanLength: 3 }, drop: [1], up: { mtu: 1400 } },
    { trace: "lte.json", share: "x", status: "backup", cost: 1, metered: true, openMs: 5, down: { queueBytes: 9000 } },
  ],
  events: [
    { atMs: 1, from: "validated", link: 1, direction: "up", set: { dead: true } },
    { atMs: 1, signal: { bufferMs: 400 }, side: "server" },
    { atMs: 1, mode: "min-rtt", side: "server" },
    { atMs: 1, status: 1, to: "backup" },
  ],
  client: { mode: "min-rtt", scheduler: "mine.ts", congestion: "cubic", pin: { "0": 1 } },
  server: { maxPaths: 2, hints: false },
  load: {
    kind: "mixed",
    parts: [
      { kind: "requests", list: [{ request: 1, response: 1 }, { request: 1, response: 1, after: 0 }] },
      { kind: "periodic", everyMs: 50, request: 9, response: 9, forMs: 100, streams: "one", lateMs: 5 },
    ],
  },
  cross: [{ link: 0, direction: "down", congestion: "newreno", startMs: 1, stopMs: 3 }],
};

/** Every object and list in a value, itself included. */
function containers(value: unknown): Record<string, unknown>[] {
  if (typeof value !== "object" || value === null) return [];
  return [value as Record<string, unknown>, ...Object.values(value).flatMap(containers)];
}

function parsesOrIsRefused(text: string): void {
  try {
    parseScenario(text, "file.json", { files: FILES });
  } catch (error) {
    assert(error instanceof ScenarioError, `${error} for ${text}`);
    assert(error.message.startsWith("file.json: "));
    assert(
      /expected|did you mean|waits for itself|cannot be|is for a request|is no/.test(error.message),
      error.message,
    );
  }
}

Deno.test("parseScenario() takes or refuses whatever was changed in a file, and throws nothing else", () => {
  assertEquals(parse(RICH).name, "rich");
  const odd = fc.oneof(
    fc.jsonValue(),
    fc.constantFrom<unknown>(-1, 0, 1e999, 1.5, "", "__proto__", null, [], {}, [[]], Number.MAX_SAFE_INTEGER, true),
  );
  const change = fc.record({ where: fc.nat(), key: fc.nat(), other: fc.string(), value: odd, how: fc.nat({ max: 3 }) });
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) => {
      const file = structuredClone(RICH);
      for (const { where, key, other, value: drawn, how } of changes) {
        // Later changes may be made in it: others must not see them.
        const value = structuredClone(drawn);
        const all = containers(file);
        const target = all[where % all.length] as Record<string, unknown>;
        const keys = Object.keys(target);
        const name = keys[key % keys.length] ?? other;
        if (how === 0) delete target[name];
        else if (how === 1) target[name] = value;
        else if (how === 2) {
          Object.defineProperty(target, other, { value, enumerable: true, configurable: true, writable: true });
        } else target[`${name}s`] = target[name];
      }
      parsesOrIsRefused(JSON.stringify(file));
    }),
    { numRuns: 2000 },
  );
});

Deno.test("parseScenario() takes or refuses whatever was typed into a file, and says in which line it stops being JSON", () => {
  const text = JSON.stringify(RICH, null, 1);
  fc.assert(
    fc.property(fc.nat({ max: text.length }), fc.nat({ max: 5 }), fc.string({ maxLength: 3 }), (at, cut, typed) => {
      parsesOrIsRefused(text.slice(0, at) + typed + text.slice(at + cut));
    }),
    { numRuns: 1000 },
  );
  parsesOrIsRefused("[".repeat(100_000));
  parsesOrIsRefused(`{"name": "${"a".repeat(1_000_000)}`);
});
