/** What the client knows reaches the server that schedules: signals, what is said of paths, the mode that it would like. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { PathError } from "../../transport/base/errors.ts";
import { MAX_SIGNALS, SIGNAL_INTERVAL } from "../../transport/paths/hints.ts";
import type { Frame, FrameKind } from "../../transport/wire/frames/types.ts";
import { HINTS_VERSION, PREFERENCES_VERSION } from "../../transport/wire/hints_codepoints.ts";
import { ForgedHello } from "./forged_hello.ts";
import { Recorder } from "../connection/recorder.ts";
import type { Trace } from "../kit/trace.ts";
import { Paths, type PathsOptions } from "./paths.ts";

const HINTS = ["hint_signal", "hint_path", "hint_mode", "datagram_numbered"] as const;
const CELL = { label: "cell", cost: 1.5, metered: true };

/** Paths with a recorder at the server. */
function recorded(options: PathsOptions = {}): { readonly paths: Paths; readonly server: Recorder } {
  const server = new Recorder();
  return { paths: new Paths({ ...options, serverApps: [server] }).ready(), server };
}

function sentHints(trace: Trace): FrameKind[] {
  return HINTS.filter((kind) => trace.frames("sent", kind).length > 0);
}

function described(paths: Paths, id: number): unknown {
  const path = paths.server.stats().paths.find((p) => p.id === id);
  return path === undefined ? undefined : { label: path.label, cost: path.cost, metered: path.metered };
}

/** Says all that can be said. */
function sayAll(paths: Paths): void {
  paths.client.signal("bufferMs", 400, paths.world.now);
  paths.client.describePath(1, CELL);
  paths.client.requestMode("handover");
  paths.world.runFor(500);
}

Deno.test("Hints are negotiated: each end has them only if both offer them", () => {
  for (const client of [true, false]) {
    for (const server of [true, false]) {
      const { paths } = recorded({ client: { hints: client }, server: { hints: server } });
      const both = client && server;
      assertEquals([paths.client.hasHints, paths.server.hasHints], [both, both]);
      const offers = [paths.serverTrace, paths.clientTrace].map((trace) =>
        trace.assertSeen("quic:parameters_set", (d) => d.owner === "remote").data.parameters.hints
      );
      assertEquals(offers, [client ? HINTS_VERSION : undefined, server ? HINTS_VERSION : undefined]);
      sayAll(paths);
      const said = both ? ["hint_signal", "hint_path", "hint_mode"] : [];
      assertEquals([sentHints(paths.clientTrace), sentHints(paths.serverTrace)], [said, []]);
      assertEquals(paths.server.signalOf("bufferMs"), both ? 400 : undefined);
      assertEquals(described(paths, 1), both ? CELL : { label: "", cost: 0, metered: false });
      assertEquals(paths.server.requestedMode, both ? "handover" : undefined);
      // What is said is true at this end in any case.
      assertEquals(paths.client.signalOf("bufferMs"), 400);
      assertEquals(paths.client.stats().paths[1]?.label, "cell");
    }
  }
});

Deno.test("Connection.hasHints is not known before the handshake", () => {
  assertEquals(new Paths().client.hasHints, undefined);
});

Deno.test("Hints need no multipath", () => {
  const { paths, server } = recorded({ client: { maxPaths: 0 }, open: [], first: CELL });
  paths.client.signal("bufferMs", 1, paths.world.now);
  paths.world.runFor(200);
  assertEquals(described(paths, 0), CELL);
  assertEquals(server.of("signal"), [{ type: "signal", name: "bufferMs", value: 1 }]);
});

Deno.test("Connection.signal() reaches the server: the newest value of each name", () => {
  const { paths, server } = recorded();
  paths.client.signal("bufferMs", 400, paths.world.now);
  paths.client.signal("bufferMs", 350.5, paths.world.now);
  paths.client.signal("playtime", -1, paths.world.now);
  assertEquals([paths.client.signalOf("bufferMs"), paths.server.signalOf("bufferMs")], [350.5, undefined]);
  paths.world.runFor(100);
  assertEquals(paths.server.signalOf("bufferMs"), 350.5);
  assertEquals(server.of("signal"), [
    { type: "signal", name: "bufferMs", value: 350.5 },
    { type: "signal", name: "playtime", value: -1 },
  ]);
  // No news is not sent.
  paths.client.signal("bufferMs", 350.5, paths.world.now);
  paths.world.runFor(100);
  assertEquals(paths.clientTrace.frames("sent", "hint_signal").length, 2);
});

Deno.test("Connection.signal() is told at most once per 25 ms and name", () => {
  const { paths } = recorded();
  const start = paths.world.now;
  for (let ms = 0; ms < 1000; ms++) {
    paths.world.after(ms, (now) => {
      paths.client.signal("fast", ms, now);
      if (ms % 100 === 0) paths.client.signal("slow", ms, now);
    });
  }
  paths.world.runFor(2000);
  const sent = paths.clientTrace.frames("sent", "hint_signal");
  const times = sent.filter((s) => s.frame.name === "fast").map((s) => s.now);
  for (let i = 1; i < times.length; i++) assert(times[i]! - times[i - 1]! > SIGNAL_INTERVAL - 1e-6, `${times}`);
  assert(times.length >= 35 && times.length <= 41, `${times.length}`);
  assertEquals(sent.filter((s) => s.frame.name === "slow").map((s) => s.now - start).length, 10);
  assertEquals([paths.server.signalOf("fast"), paths.server.signalOf("slow")], [999, 900]);
});

Deno.test("Connection.signal() arrives whatever the network loses, turns round and repeats", () => {
  for (let seed = 1; seed <= 10; seed++) {
    const bad = { rateMbps: 20, lossPercent: 20, jitterMs: 10, reorder: true, duplicatePercent: 10 };
    const { paths, server } = recorded({
      seed,
      links: [{ delayMs: 10, ...bad }, { delayMs: 25, ...bad }],
    });
    for (let i = 0; i <= 40; i++) {
      paths.world.after(i * 20, (now) => {
        paths.client.signal("a", i, now);
        paths.client.signal("b", -i, now);
      });
    }
    paths.world.runFor(4000);
    assertEquals([paths.server.signalOf("a"), paths.server.signalOf("b")], [40, -40], `seed ${seed}`);
    const values = server.of("signal").filter((event) => event.name === "a").map((event) => event.value);
    assertEquals(values, values.toSorted((a, b) => a - b), `seed ${seed}: an older value came after a newer one`);
    assertEquals(values.at(-1), 40);
  }
});

Deno.test("Connection.signal() of before the handshake is told after it", () => {
  const paths = new Paths();
  paths.client.signal("bufferMs", 1, 0);
  paths.client.signal("bufferMs", 2, 0);
  paths.client.requestMode("redundant");
  paths.ready();
  paths.world.runFor(100);
  assertEquals(paths.server.signalOf("bufferMs"), 2);
  assertEquals(paths.server.requestedMode, "redundant");
});

Deno.test("Connection.signal() of a server stays there; the newest value counts, whoever it is from", () => {
  const { paths } = recorded();
  paths.server.signal("bufferMs", 1, paths.world.now);
  paths.world.runFor(100);
  assertEquals([paths.server.signalOf("bufferMs"), paths.client.signalOf("bufferMs")], [1, undefined]);
  assertEquals(sentHints(paths.serverTrace), []);
  paths.client.signal("bufferMs", 2, paths.world.now);
  paths.world.runFor(100);
  assertEquals(paths.server.signalOf("bufferMs"), 2);
  paths.server.signal("bufferMs", 1, paths.world.now);
  assertEquals(paths.server.signalOf("bufferMs"), 1);
});

Deno.test("Connection.signal() refuses names and values that cannot be told, and a seventeenth name", () => {
  const { client, world } = new Paths().ready();
  for (const name of ["", "a".repeat(33), "é".repeat(17), "a\nb", "\u202eb"]) {
    assertThrows(() => client.signal(name, 1, world.now), TypeError, "is not 1 to 32 bytes of text");
  }
  for (const value of [NaN, Infinity, -Infinity]) {
    assertThrows(() => client.signal("a", value, world.now), RangeError, "expected a finite number");
  }
  for (let i = 0; i < MAX_SIGNALS; i++) client.signal(`s${i}`, i, world.now);
  assertThrows(() => client.signal("one more", 1, world.now), RangeError, "there are 16, which is the most");
  client.signal("s3", 99, world.now);
  assertEquals(client.signalOf("s3"), 99);
});

Deno.test("What a client says of path 0 reaches the server with its first request", () => {
  const { paths } = recorded({ first: CELL, open: [] });
  assertEquals(described(paths, 0), CELL);
  assertEquals(paths.clientTrace.frames("sent", "hint_path").length, 1);
});

Deno.test("What a client says of a later path reaches the server while it is validated", () => {
  const { paths, server } = recorded({ open: [] });
  const id = paths.open(1, { properties: CELL });
  paths.world.require(
    "the path to be usable at the server",
    () => paths.server.stats().paths.some((p) => p.id === id && p.state === "usable"),
  );
  paths.world.runFor(50);
  assertEquals(described(paths, id), CELL);
  const told = server.of("path").filter((e) => e.path.id === id && (e.change === "described" || e.path.label !== ""));
  assert(told.length > 0);
  assertEquals(told.at(-1)?.path.label, "cell");
});

Deno.test("What a client prefers reaches the scheduler of the server", () => {
  const { paths } = recorded({ first: { ...CELL, preference: 1 }, open: [] });
  const id = paths.open(1, { properties: { ...CELL, preference: 0 } });
  paths.world.runFor(200);
  const hints = paths.serverTrace.frames("received", "hint_path").map(({ frame }) => [frame.path, frame.preference]);
  assertEquals(hints, [[0, 1], [id, 0]]);
  assertThrows(() => paths.client.describePath(0, { preference: -1 }), RangeError, "Preference of a path is -1");
});

Deno.test("What a client prefers is not told to a server that has an older version of the extension", () => {
  for (const [version, preference] of [[PREFERENCES_VERSION - 1, undefined], [PREFERENCES_VERSION, 3]]) {
    const { connection, pair } = new ForgedHello("client", { hints: version! }).greet();
    assertEquals(connection.state, "connected", connection.error?.message);
    connection.describePath(0, { label: "wifi", preference: 3 });
    pair.world.runFor(1);
    const [told] = pair.clientTrace.frames("sent", "hint_path").map(({ frame }) => frame);
    assertEquals([told?.label, told?.preference], ["wifi", preference]);
  }
});

Deno.test("What is not said is not told", () => {
  const { paths } = recorded({ links: [{ delayMs: 10, label: "a" }, { delayMs: 10, label: "b" }], open: [] });
  paths.open(1, { properties: { label: "", cost: 0, metered: false } });
  paths.world.runFor(500);
  assertEquals(sentHints(paths.clientTrace), []);
});

Deno.test("Connection.describePath() tells what changed, the newest of it", () => {
  const { paths, server } = recorded();
  paths.client.describePath(0, { label: "wifi" });
  paths.client.describePath(0, { cost: 0.25 });
  paths.world.runFor(200);
  assertEquals(described(paths, 0), { label: "wifi", cost: 0.25, metered: false });
  paths.client.describePath(0, { metered: true });
  paths.client.describePath(0, { metered: true });
  paths.world.runFor(200);
  assertEquals(described(paths, 0), { label: "wifi", cost: 0.25, metered: true });
  assertEquals(paths.clientTrace.frames("sent", "hint_path").filter((f) => f.frame.path === 0).length, 2);
  const events = server.of("path").filter((e) => e.change === "described" && e.path.id === 0);
  assertEquals(events.map((e) => [e.path.label, e.path.metered, e.byPeer]), [["wifi", false, true], [
    "wifi",
    true,
    true,
  ]]);
});

Deno.test("Connection.describePath() and openPath() refuse paths and costs that there are not", () => {
  const { paths } = recorded();
  assertThrows(() => paths.client.describePath(7, { label: "x" }), PathError, "Cannot describe path 7: it is not open");
  for (const cost of [-1, NaN, Infinity]) {
    assertThrows(() => paths.client.describePath(0, { cost }), RangeError, "expected a finite number from 0");
    assertThrows(() => paths.open(1, { properties: { label: "", cost, metered: false } }), RangeError);
    assertThrows(() => new Paths({ first: { cost } }), RangeError);
  }
});

Deno.test("A label that cannot be told as it is, is told as well as can be", () => {
  const { paths } = recorded();
  paths.client.describePath(0, { label: "\x1b[31m" + "ü".repeat(40) });
  paths.world.runFor(200);
  assertEquals(described(paths, 0), { label: "[31m" + "ü".repeat(30), cost: 0, metered: false });
});

Deno.test("Hints get through when the path that they were on dies", () => {
  const { paths } = recorded({ links: [{ delayMs: 5 }, { delayMs: 30 }] });
  paths.world.runFor(1000);
  paths.links[0]!.set({ dead: true });
  sayAll(paths);
  paths.world.require(
    "all to be known",
    () =>
      paths.server.signalOf("bufferMs") === 400 && paths.server.requestedMode === "handover" &&
      paths.server.stats().paths.find((p) => p.id === 1)?.label === "cell",
  );
});

Deno.test("Connection.requestMode() is an event at a server that accepts the mode, once", () => {
  const { paths, server } = recorded();
  for (const mode of ["handover", "handover", "mine", "min-rtt"]) {
    paths.client.requestMode(mode);
    assertEquals(paths.client.requestedMode, mode);
    paths.world.runFor(200);
  }
  assertEquals(server.of("mode_requested").map((e) => e.name), ["handover", "min-rtt"]);
  assertEquals(paths.server.requestedMode, "min-rtt");
});

Deno.test("acceptModes decides which modes a client may ask for", () => {
  const { paths, server } = recorded({ server: { acceptModes: ["mine"] } });
  for (const mode of ["handover", "mine"]) {
    paths.client.requestMode(mode);
    paths.world.runFor(200);
  }
  assertEquals(server.of("mode_requested"), [{ type: "mode_requested", name: "mine" }]);
  assertThrows(() => paths.server.requestMode("mine"), TypeError, "only clients do");
  assertThrows(() => paths.client.requestMode(""), TypeError, "is not 1 to 32 bytes of text");
});

Deno.test("Hints of a path that was closed end with it", () => {
  const { paths } = recorded();
  paths.client.describePath(1, CELL);
  paths.client.closePath(1, 0, "no more", paths.world.now);
  assertThrows(() => paths.client.describePath(1, { cost: 2 }), PathError);
  paths.world.runFor(3000);
  const told: Frame[] = paths.clientTrace.frames("sent", "hint_path").map((f) => f.frame).filter((f) => f.path === 1);
  assertEquals(told.filter((f) => f.kind === "hint_path" && f.cost === 1.5), []);
  assertEquals([paths.client.state, paths.server.state], ["connected", "connected"]);
});
