/**
 * ECN on several paths: rows 98 and 133 of the checklist in `multipath-spec.md` §8.
 *
 * @module
 */
import { assert, assertEquals, assertGreater } from "@std/assert";
import type { TraceEvents } from "../../transport/base/observer.ts";
import type { EcnCounts, Frame } from "../../transport/wire/frames/types.ts";
import { bulk, Requests } from "../kit/apps.ts";
import { Forged, rangesOf, ROLES } from "./forged.ts";
import { Paths } from "./paths.ts";

const ECN = { client: { ecn: true }, server: { ecn: true } };

Deno.test("row 98: the ECN counts in PATH_ACK are those of the path's own packets", () => {
  const load = new Requests(bulk("both", 2_000_000));
  const links = [{ delayMs: 10, rateMbps: 20 }, { delayMs: 25, rateMbps: 10, ecn: true }];
  const f = new Paths({ links, ...ECN, clientApps: [load.client], serverApps: [load.server] }).ready();
  f.world.require("the transfer", () => load.isDone);
  f.world.runFor(300);
  for (const trace of [f.clientTrace, f.serverTrace]) {
    const arrived = [{ ect0: 0, ect1: 0, ce: 0 }, { ect0: 0, ect1: 0, ce: 0 }];
    let compared = 0;
    for (const entry of trace.entries) {
      if (entry.name === "quic:packet_received") {
        const { header, ecn } = entry.data as TraceEvents["quic:packet_received"];
        if (header.type === "one_rtt" && ecn !== "not-ect") arrived[header.path]![ecn]++;
      } else if (entry.name === "quic:packet_sent") {
        for (const frame of (entry.data as TraceEvents["quic:packet_sent"]).frames) {
          if (frame.kind !== "ack" || frame.path === undefined) continue;
          assertEquals(frame.ecn, arrived[frame.path]);
          compared++;
        }
      }
    }
    assertGreater(compared, 100);
    assertEquals(arrived[0]!.ce, 0);
    assertGreater(arrived[1]!.ce, 0);
  }
});

Deno.test("row 133: marks on one path shrink its window, and no other", () => {
  const load = new Requests(bulk("down", 4_000_000));
  const links = [{ delayMs: 60, rateMbps: null }, { delayMs: 20, rateMbps: 10, ecn: true, queueMs: 250 }];
  const f = new Paths({ links, ...ECN, clientApps: [load.client], serverApps: [load.server] }).ready();
  const shrunk: [number, number] = [0, 0];
  const last: [number, number] = [0, 0];
  f.world.require("the transfer", () => {
    for (const path of f.server.stats().paths) {
      const id = path.id as 0 | 1;
      if (path.cwnd < last[id] * 0.9) shrunk[id]++;
      last[id] = path.cwnd;
    }
    return load.isDone;
  });
  assertGreater(f.links[1]!.down.counts.marked, 0);
  assertEquals(f.links[1]!.down.counts.dropped.queue, 0, "what shrank is due to marks");
  assertEquals(shrunk[0], 0);
  assertGreater(shrunk[1], 0);
});

for (const role of ROLES) {
  /** Acknowledges all of a path with counts, after the victim sent something there. */
  const acknowledge = (f: Forged, path: number, ecn: (sent: number) => EcnCounts | undefined): void => {
    f.victim.write(f.victim.openStream("unidirectional")!, new Uint8Array(15_000));
    f.after(20);
    const numbers = f.rogue.caught.filter((p) => p.path === path && p.level === "application").map((p) => p.number);
    const sent = f.trace.count(
      "quic:packet_sent",
      (d) => d.header.path === path && d.header.type === "one_rtt" && d.ecn === "ect0",
    );
    const frame: Frame = { kind: "ack", path, delay: 0, ranges: rangesOf(numbers), ecn: ecn(sent) };
    f.send([frame], path);
  };

  Deno.test(`row 133: the ${role} validates ECN on each path by itself`, () => {
    const f = new Forged(role, 2, ECN);
    const marks = (path: number): Set<string> => {
      const before = f.trace.entries.length;
      acknowledge(f, 1 - path, (ect0) => ({ ect0, ect1: 0, ce: 0 }));
      acknowledge(f, path, path === 0 ? (ect0) => ({ ect0, ect1: 0, ce: 0 }) : () => undefined);
      const sent = f.trace.entries.slice(before).flatMap((e) => e.name === "quic:packet_sent" ? [e.data] : []);
      return new Set(sent.flatMap((d) => "ecn" in d && "header" in d && d.header.path === path ? [d.ecn!] : []));
    };
    assertEquals(marks(0), new Set(["ect0"]));
    // From now on no counts come back for path 1: something on the way bleaches its marks.
    acknowledge(f, 1, () => undefined);
    assertEquals(marks(1), new Set(["not-ect"]));
    assertEquals(marks(0), new Set(["ect0"]));
    const states = f.trace.filter("quic:ecn_state_updated").map((e) => [e.data.path, e.data.new]);
    assertEquals(states.filter(([, state]) => state === "failed"), [[1, "failed"]]);
    f.assertWell();
  });

  Deno.test(`row 133: the ${role} takes CE on a path for congestion there`, () => {
    for (const marked of [0, 1]) {
      const f = new Forged(role, 2, ECN);
      const windows = (): number[] => f.victim.stats().paths.map((p) => p.cwnd);
      for (const path of [0, 1]) acknowledge(f, path, (ect0) => ({ ect0, ect1: 0, ce: 0 }));
      const before = windows();
      acknowledge(f, marked, (sent) => ({ ect0: sent - 1, ect1: 0, ce: 1 }));
      const after = windows();
      assert(after[marked]! < before[marked]!, `path ${marked}: ${before[marked]} to ${after[marked]}`);
      assert(after[1 - marked]! >= before[1 - marked]!);
    }
  });
}
