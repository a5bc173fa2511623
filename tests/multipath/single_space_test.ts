/**
 * One packet number space for all paths: an experiment between two ends that both ask for it (`multipath-spec.md` §9).
 *
 * @module
 */
import { assert, assertEquals, assertGreater, assertLess } from "@std/assert";
import fc from "fast-check";
import { TransportErrorCode } from "../../transport/base/errors.ts";
import type { TransportConfig } from "../../transport/connection/config.ts";
import { ackFrameSize } from "../../transport/wire/frames/ack.ts";
import type { AckFrame } from "../../transport/wire/frames/types.ts";
import { bulk, Requests } from "../kit/apps.ts";
import type { Trace, TracedFrame } from "../kit/trace.ts";
import type { WorldLinkOptions } from "../kit/world.ts";
import { exchange } from "./failover.ts";
import { Forged, ROLES } from "./forged.ts";
import { Paths, type PathsOptions } from "./paths.ts";

const SINGLE: TransportConfig = { numberSpaces: "single" };
const BOTH = { client: SINGLE, server: SINGLE };
/** The second path is ten times as long as the first; neither loses anything. */
const SKEWED = [{ delayMs: 10, rateMbps: 20, queueMs: 10_000 }, { delayMs: 100, rateMbps: 20, queueMs: 10_000 }];

interface Transfer {
  readonly paths: Paths;
  readonly load: Requests;
  finish(): Paths;
}

/** Begins so many milliseconds after the handshake. */
function transfer(direction: "up" | "down" | "both", bytes: number, options: PathsOptions = {}, delay = 0): Transfer {
  const load = new Requests(bulk(direction, bytes).map((one) => ({ ...one, delay })), {
    at: (time, run) => paths.world.at(time, run),
  });
  const paths: Paths = new Paths({ ...BOTH, ...options, clientApps: [load.client], serverApps: [load.server] });
  paths.ready();
  const finish = (): Paths => {
    paths.world.require("the transfer", () => load.isDone, paths.world.now + 300_000);
    assertEquals([paths.client.state, paths.server.state], ["connected", "connected"]);
    return paths;
  };
  return { paths, load, finish };
}

function acksOf(trace: Trace): TracedFrame<"ack">[] {
  return trace.frames("sent", "ack").filter(({ header }) => header.type === "one_rtt");
}

function mean(frames: readonly { readonly frame: AckFrame }[]): number {
  return frames.reduce((sum, { frame }) => sum + ackFrameSize(frame), 0) / frames.length;
}

/** The numbers of 1-RTT packets sent, in order, and the path of each. */
function sentOn(trace: Trace): { readonly number: number; readonly path: number }[] {
  return trace.filter("quic:packet_sent", ({ header }) => header.type === "one_rtt").map(({ data }) => data.header);
}

for (const [client, server] of [["single", "multiple"], ["multiple", "single"], ["single", "single"]] as const) {
  Deno.test(`A client that wants "${client}" and a server that wants "${server}" agree`, () => {
    const options = { client: { numberSpaces: client }, server: { numberSpaces: server } };
    const paths = transfer("both", 200_000, options).finish();
    const agreed = client === server ? "single" : "multiple";
    assertEquals([paths.client.stats().numberSpaces, paths.server.stats().numberSpaces], [agreed, agreed]);
    for (const trace of [paths.clientTrace, paths.serverTrace]) {
      const names = new Set(acksOf(trace).map(({ frame }) => frame.path));
      assertEquals(names, agreed === "single" ? new Set([undefined]) : new Set([0, 1]));
    }
  });
}

Deno.test("Without multipath there is nothing to share", () => {
  const options = { client: SINGLE, server: { ...SINGLE, maxPaths: 0 }, open: [] };
  const paths = transfer("both", 100_000, options).finish();
  assertEquals([paths.client.stats().numberSpaces, paths.server.stats().numberSpaces], ["multiple", "multiple"]);
});

Deno.test("Packets of all paths have ascending numbers of one space", () => {
  const paths = transfer("both", 500_000).finish();
  for (const trace of [paths.clientTrace, paths.serverTrace]) {
    const sent = sentOn(trace);
    assertEquals(new Set(sent.map(({ path }) => path)), new Set([0, 1]));
    for (let i = 1; i < sent.length; i++) assertGreater(sent[i]!.number, sent[i - 1]!.number);
    trace.assertNone("quic:packet_dropped");
  }
});

for (const role of ROLES) {
  Deno.test(`The ${role} opens packets of every path with the nonce of path 0, and of no other`, () => {
    const f = new Forged(role, 2, BOTH);
    for (const [noncePath, opened] of [[1, 0], [0, 1]] as const) {
      const before = f.trace.count("quic:packet_received", ({ header }) => header.path === 1);
      f.rogue.send({ frames: [{ kind: "ping" }], path: 1, noncePath, number: 5000 });
      assertEquals(f.trace.count("quic:packet_received", ({ header }) => header.path === 1), before + opened);
    }
    // The same number on another path is a duplicate, as it cannot be with a space for each.
    f.rogue.send({ frames: [{ kind: "ping" }], path: 0, number: 5000 });
    f.trace.assertDropped("duplicate");
    f.assertWell();
  });

  Deno.test(`The ${role} refuses PATH_ACK where all paths share a space`, () => {
    const f = new Forged(role, 2, BOTH);
    const frames = [{ kind: "ack", path: 1, delay: 0, ranges: [0, 0], ecn: undefined }] as const;
    f.rogue.send({ frames, path: 0, number: 5000 });
    f.assertClosed(TransportErrorCode.PROTOCOL_VIOLATION);
  });
}

Deno.test("Every ACK begins with the largest number that came on a path, and tells its delay", () => {
  const { clientTrace } = transfer("down", 1_000_000, { links: SKEWED }).finish();
  const largest = new Map<number, { readonly number: number; readonly at: number }>();
  let checked = 0;
  for (const entry of clientTrace.entries) {
    if (entry.name !== "quic:packet_received" && entry.name !== "quic:packet_sent") continue;
    const { header, frames } = entry.data as {
      header: { type: string; path: number; number: number };
      frames: never[];
    };
    if (header.type !== "one_rtt") continue;
    if (entry.name === "quic:packet_received") {
      const known = largest.get(header.path)?.number ?? -1;
      if (header.number > known) largest.set(header.path, { number: header.number, at: entry.now });
      continue;
    }
    for (const frame of frames as AckFrame[]) {
      if (frame.kind !== "ack") continue;
      const named = [...largest.values()].find(({ number }) => number === frame.ranges[0]);
      assert(named !== undefined, `${frame.ranges[0]} is the largest of no path`);
      assert(Math.abs(frame.delay * 8 / 1000 - (entry.now - named.at)) < 0.01, "the delay is of that packet");
      checked++;
    }
  }
  assertGreater(checked, 200);
});

Deno.test("Round trips are those of each path, though ACKs of the faster one come first", () => {
  const { paths, finish } = transfer("down", 8_000_000, { links: SKEWED });
  const samples = [new Set<number>(), new Set<number>()];
  paths.world.onSend = () => {
    if (paths.serverNode.connections.length === 0) return;
    for (const path of paths.server.stats().paths) samples[path.id]!.add(path.srtt);
  };
  finish();
  for (const { id, minRtt, srtt } of paths.server.stats().paths) {
    const least = 2 * SKEWED[id]!.delayMs;
    assert(minRtt >= least && minRtt < least + 5, `path ${id}: at least ${minRtt} ms`);
    assertGreater(srtt, least);
    assertGreater(samples[id]!.size, 100, `path ${id} is measured all the time`);
  }
});

Deno.test("Nothing counts as lost that is only overtaken on another path, or left out of a frame", () => {
  for (const maxAckRanges of [64, 16]) {
    const limits = { ...SINGLE, maxAckRanges };
    const paths = transfer("down", 6_000_000, { links: SKEWED, client: limits, server: limits }).finish();
    const { paths: stats, packetsLost } = paths.server.stats();
    assertEquals(packetsLost, 0, `with ${maxAckRanges} ranges`);
    for (const path of stats) assertGreater(path.bytesSent, 1_000_000);
  }
});

Deno.test("A frame of the fast path that is cut amid what the slow one brought makes nothing of it lost", () => {
  for (const delayMs of [60, 100, 300]) {
    const links = [{ delayMs: 10, rateMbps: 20 }, { delayMs, rateMbps: 20 }];
    const paths = transfer("down", 10_000_000, { links }).finish();
    const ranges = acksOf(paths.clientTrace).map(({ frame }) => frame.ranges.length / 2);
    assertEquals(Math.max(...ranges), 64, "frames were cut");
    for (const { id, spuriousLosses } of paths.server.stats().paths) {
      assertEquals(spuriousLosses, 0, `on path ${id}, ${delayMs} ms`);
    }
  }
});

Deno.test("Frames have at most maxAckRanges, and a path that brings what others overtook is acknowledged all the same", () => {
  for (const maxAckRanges of [1, 2, 5]) {
    const limits = { ...SINGLE, maxAckRanges };
    const { paths, finish } = transfer("down", 4_000_000, { links: SKEWED, client: limits, server: limits });
    const from = paths.world.now;
    finish();
    assertLess(paths.world.now - from, 4000, `with ${maxAckRanges} ranges`);
    const ranges = acksOf(paths.clientTrace).map(({ frame }) => frame.ranges.length / 2);
    assertEquals(Math.max(...ranges), maxAckRanges);
    const acked = paths.serverTrace.filter("quic:packets_acked", (d) => d.path === 1 && d.level === "application");
    assertGreater(acked.reduce((sum, { data }) => sum + data.numbers.length, 0), 50);
    paths.serverTrace.assertNone("multipath:path_state_updated", (d) => d.new === "suspended");
  }
});

Deno.test("A path that is overtaken by many thousands of packets loses none of its own", () => {
  const links = [{ delayMs: 1, rateMbps: 400, queueMs: 10_000 }, { delayMs: 700, rateMbps: 400, queueMs: 10_000 }];
  const most = 1 << 28;
  const windows = { connectionWindow: most, streamWindow: most, initialMaxData: most, initialMaxStreamData: most };
  const config = { ...SINGLE, ...windows, sendBuffer: most, mode: "round-robin" } as const;
  const paths = transfer("down", 30_000_000, { links, client: config, server: config }, 4000).finish();
  let [largest, overtaken] = [0, 0];
  for (const { data: { header } } of paths.clientTrace.filter("quic:packet_received")) {
    if (header.type !== "one_rtt") continue;
    overtaken = Math.max(overtaken, largest - header.number);
    largest = Math.max(largest, header.number);
  }
  assertGreater(overtaken, 10_000);
  assertEquals(paths.server.stats().packetsLost, 0);
  paths.clientTrace.assertNone("quic:packet_dropped");
});

Deno.test("Equal paths make ACK frames larger than with a space for each, and no slower", () => {
  const sizes: number[] = [];
  const times: number[] = [];
  for (const numberSpaces of ["multiple", "single"] as const) {
    const config = { numberSpaces };
    const { paths, finish, load } = transfer("down", 4_000_000, { client: config, server: config });
    finish();
    sizes.push(mean(acksOf(paths.clientTrace)));
    times.push(load.completedAt - load.exchanges[0]!.startedAt);
  }
  assertGreater(sizes[1]!, sizes[0]! * 1.2);
  assertLess(times[1]!, times[0]! * 1.15);
});

const link: fc.Arbitrary<WorldLinkOptions> = fc.record({
  delayMs: fc.integer({ min: 1, max: 150 }),
  rateMbps: fc.constantFrom(2, 10, 40),
  lossPercent: fc.constantFrom(0, 0, 1, 5),
  jitterMs: fc.constantFrom(0, 0, 8),
  reorder: fc.boolean(),
  duplicatePercent: fc.constantFrom(0, 3),
  corruptPercent: fc.constantFrom(0, 1),
});

Deno.test("All bytes arrive over any two or three paths, whatever is lost, overtaken, doubled or damaged", () => {
  fc.assert(
    fc.property(
      fc.record({
        seed: fc.integer({ min: 1, max: 1 << 20 }),
        links: fc.array(link, { minLength: 2, maxLength: 3 }),
        direction: fc.constantFrom("up" as const, "down" as const, "both" as const),
        maxAckRanges: fc.constantFrom(1, 2, 8, 64),
      }),
      ({ seed, links, direction, maxAckRanges }) => {
        const config = { ...SINGLE, maxAckRanges };
        const paths = transfer(direction, 300_000, { seed, links, client: config, server: config }).finish();
        for (const trace of [paths.clientTrace, paths.serverTrace]) {
          for (const { frame } of acksOf(trace)) assert(frame.ranges.length <= 2 * maxAckRanges);
          trace.assertNone("quic:packet_dropped", (d) => d.reason === "path_abandoned");
        }
        assertEquals([paths.client.error, paths.server.error], [undefined, undefined]);
      },
    ),
    { numRuns: 25 },
  );
});

for (const path of [0, 1]) {
  Deno.test(`Path ${path} may die at any datagram: the other goes on within a PTO and a round trip of each`, () => {
    for (const load of ["down", "up"] as const) {
      for (const death of ["silent", "up", "down"] as const) {
        for (const at of [5, 60, 140]) {
          const { waits, lostElsewhere } = exchange({ load, path, death, at, transport: SINGLE });
          if (lostElsewhere > 0) continue;
          for (const { wait, bound } of waits) assert(wait <= bound, `${load}, ${death} at ${at}: ${wait} of ${bound}`);
        }
      }
    }
  });

  Deno.test(`Path ${path} may be abandoned: what the others have in flight is not given up with it`, () => {
    const { paths, finish } = transfer("both", 1_000_000, {
      links: [...SKEWED, { delayMs: 30, rateMbps: 20, queueMs: 10_000 }],
    });
    paths.world.runFor(150);
    paths.client.closePath(path, 0, "enough", paths.world.now);
    finish();
    for (const [trace, end] of [[paths.clientTrace, paths.client], [paths.serverTrace, paths.server]] as const) {
      const others = new Set(sentOn(trace).filter((one) => one.path !== path).map(({ number }) => number));
      trace.assertNone("quic:packet_lost", (d) => others.has(d.header.number));
      paths.world.require("the path to be gone", () => end.path(path) === undefined);
    }
    // A path that comes later shares the space too.
    const later = paths.open(path);
    paths.world.require("the new path", () => paths.server.path(later)?.state === "usable");
    paths.client.closePath(2, 0, "enough", paths.world.now);
    paths.world.runFor(3000);
    assertEquals(paths.client.stats().paths.length, 2);
    for (const { inFlight } of paths.client.stats().paths) assertEquals(inFlight, 0);
  });
}

for (const role of ROLES) {
  Deno.test(`Keys change in the middle, when the ${role} wants it, and no packet of either path is lost by it`, () => {
    const { paths, load } = transfer("both", 3_000_000, {
      links: [{ ...SKEWED[0]!, delayMs: 10 }, { ...SKEWED[1]!, delayMs: 300 }],
    });
    const ask = (): void => {
      (role === "client" ? paths.client : paths.server).updateKeys();
      if (!load.isDone) paths.world.after(400, ask);
    };
    ask();
    paths.world.require("the transfer", () => load.isDone);
    paths.world.runFor(1000);
    for (const [trace, end] of [[paths.clientTrace, paths.client], [paths.serverTrace, paths.server]] as const) {
      trace.assertNone("quic:packet_dropped");
      trace.assertNone("quic:packet_lost");
      assertGreater(end.stats().keyUpdates, 0);
      assertEquals(end.error, undefined);
    }
  });
}

Deno.test("Keys change after path 0 is gone: the numbers of the space go on", () => {
  const { paths, load } = transfer("both", 2_000_000, { links: [...SKEWED, { delayMs: 30, rateMbps: 20 }] });
  paths.world.runFor(50);
  paths.client.closePath(0, 0, "enough", paths.world.now);
  paths.world.require("path 0 to be gone", () => paths.server.path(0) === undefined);
  const ask = (): void => {
    paths.client.updateKeys();
    paths.server.ping();
    paths.client.ping();
    paths.world.after(300, ask);
  };
  ask();
  paths.world.runFor(8000);
  assert(load.isDone);
  assertEquals([paths.client.error, paths.server.error], [undefined, undefined]);
  for (const end of [paths.client, paths.server]) assertGreater(end.stats().keyUpdates, 1);
  for (const trace of [paths.clientTrace, paths.serverTrace]) trace.assertNone("quic:packet_dropped");
});

for (const address of [false, true]) {
  Deno.test(`Path 1 moves when a NAT changes its ${address ? "address" : "port"}, though path 0 has higher numbers`, () => {
    const links = [{ delayMs: 10, rateMbps: 20 }, { delayMs: 100, rateMbps: 20 }];
    const { paths, finish, load } = transfer("both", 6_000_000, { links });
    paths.world.runFor(400);
    const before = paths.server.path(1)!.remote;
    paths.links[1]!.rebind({ address });
    const limit = paths.world.now + 400;
    paths.world.require("the migration", () => paths.server.path(1)?.remote.port !== before.port, limit);
    assert(!load.isDone, "path 0 is still busy");
    finish();
    const states = paths.serverTrace.filter("quic:migration_state_updated").map(({ data }) => [data.path, data.new]);
    assertEquals(states, [[1, "migration_started"], [1, "migration_complete"]]);
    assertEquals(paths.server.stats().paths.map((path) => path.state), ["usable", "usable"]);
  });
}

Deno.test("Nothing is marked ECT(0) once the space is shared, since its counts belong to no path", () => {
  const config = { ...SINGLE, ecn: true };
  const links = SKEWED.map((one) => ({ ...one, ecn: true }));
  const paths = transfer("both", 500_000, { links, client: config, server: config }).finish();
  for (const trace of [paths.clientTrace, paths.serverTrace]) {
    const began = trace.first("multipath:path_state_updated", (d) => d.path === 1)!.now;
    trace.assertSeen("quic:packet_sent", (d, now) => d.ecn === "ect0" && now < began);
    trace.assertNone("quic:packet_sent", (d, now) => d.ecn !== "not-ect" && now >= began);
  }
});
