/**
 * A path dies, or is abandoned, at any datagram of an exchange: nothing is lost, and the applications wait no longer than they
 * must. A sample of all cuts is tried; all of them, some ten thousand, with `MPQUIC_SWEEP=all deno task test
 * tests/multipath/failover_test.ts` (ten minutes), which also prints how long the waits are.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import type { WorldLinkOptions } from "../kit/world.ts";
import { bulk, Requests } from "../kit/apps.ts";
import { type Cut, type Death, exchange, LINKS, type Load, quantiles } from "./failover.ts";
import { Paths } from "./paths.ts";

const ALL = Deno.env.get("MPQUIC_SWEEP") === "all";
/** Cuts of each kind of death that are tried. */
const SAMPLE = 6;
const DEATHS: readonly Death[] = ["silent", "unreachable", "up", "down"];

/** Numbers of datagrams, spread evenly and starting anywhere. */
function cuts(datagrams: number, salt: number): number[] {
  if (ALL) return Array.from({ length: datagrams }, (_, i) => i + 1);
  const step = datagrams / SAMPLE;
  const first = 1 + (salt * 7) % Math.max(1, Math.floor(step));
  return [1, ...Array.from({ length: SAMPLE - 1 }, (_, i) => Math.floor(first + (i + 0.5) * step))];
}

interface Sweep {
  readonly name: string;
  readonly links: readonly WorldLinkOptions[];
  readonly loads: readonly Load[];
  /** Whether a wait may be one round trip longer when the path that stays has a full window just then. */
  readonly allowsFull: boolean;
}

/** Cuts every exchange everywhere; returns by how much each wait missed or kept its bound. */
function sweep({ links, loads, allowsFull }: Sweep): number[] {
  const margins: number[] = [];
  let salt = 0;
  for (const load of loads) {
    const { datagrams } = exchange({ load, links, path: undefined, death: "silent", at: 0 });
    for (const path of [0, 1]) {
      for (const death of DEATHS) {
        for (const at of cuts(datagrams, salt++)) {
          const cut: Cut = { load, links, path, death, at };
          const outcome = exchange(cut);
          // What the other path loses takes as long as it takes.
          if (outcome.lostElsewhere > 0) continue;
          for (const { direction, wait, bound, isFull, isBehind } of outcome.waits) {
            // A window's worth of data, taken over from the dead path, goes before a request behind it.
            const longer = (allowsFull && isFull) || isBehind ? 2 * links[1 - path]!.delayMs! : 0;
            const what = `${load}, path ${path} ${death} at ${at}: ${direction} waits ${wait}, at most ${
              bound + longer
            }`;
            assert(wait <= bound + longer, what);
            margins.push(wait - bound);
          }
        }
      }
    }
  }
  return margins;
}

const SWEEPS: readonly Sweep[] = [
  { name: "20 and 50 ms", links: LINKS, loads: ["down", "up", "both", "duplex"], allowsFull: false },
  {
    name: "1 and 2 ms",
    links: [{ delayMs: 0.5, rateMbps: 100, queueMs: 100 }, { delayMs: 1, rateMbps: 100, queueMs: 100 }],
    loads: ["down", "up"],
    allowsFull: false,
  },
  {
    name: "30 and 80 ms, 40 and 20 Mbit/s",
    links: [{ delayMs: 15, rateMbps: 40 }, { delayMs: 40, rateMbps: 20 }],
    loads: ["down", "up"],
    allowsFull: true,
  },
];

for (const it of SWEEPS) {
  Deno.test(`A path that dies at any datagram costs a PTO and a round trip of each path at most (${it.name})`, () => {
    const margins = sweep(it);
    assert(margins.length > 20);
    if (ALL) console.log(it.name, margins.length, "waits; p50, p95, max over the bound:", quantiles(margins));
  });
}

Deno.test("A socket that refuses costs no timeout: what it had goes elsewhere at once", () => {
  for (const load of ["down", "up"] as const) {
    const outcomes = [20, 60, 100, 140].map((at) => exchange({ load, path: 0, death: "unreachable", at }));
    for (const { waits, lostElsewhere } of outcomes) {
      // Half a round trip until the acknowledgements that are lost bring the next send, and one of the other path.
      if (lostElsewhere === 0) { for (const { wait } of waits) assert(wait < 20 + 50, `${load}: ${wait}`); }
    }
  }
});

/** Who abandons which path. */
type Abandoning = "client" | "server" | "both";

function abandonAt(at: number, who: Abandoning, path: number): { datagrams: number; duration: number } {
  const load = new Requests([...bulk("up", 200_000), ...bulk("down", 200_000)]);
  const f = new Paths({ clientApps: [load.client], serverApps: [load.server] }).ready();
  const { world } = f;
  let datagrams = 0;
  world.onSend = () => {
    if (++datagrams !== at) return;
    world.after(0, (now) => {
      if (who !== "server") f.client.closePath(path, 1, "enough", now);
      if (who !== "client") f.server.closePath(path, 2, "enough", now);
    });
  };
  const from = world.now;
  world.require(`the exchange, ${who} abandons path ${path} at ${at}`, () => load.isDone);
  const duration = world.now - from;
  world.onSend = undefined;
  world.require("the path to be gone", () => {
    return at === 0 || [f.client, f.server].every((end) => end.stats().paths.every((p) => p.id !== path));
  }, world.now + 5000);
  assertEquals([f.client.state, f.server.state], ["connected", "connected"]);
  for (const trace of [f.clientTrace, f.serverTrace]) {
    const ends = trace.filter("multipath:path_closed").map((e) => e.data.path);
    assertEquals(ends, at === 0 ? [] : [path]);
  }
  return { datagrams, duration };
}

for (const who of ["client", "server", "both"] as const) {
  Deno.test(`A path that is abandoned at any datagram takes nothing with it (by: ${who})`, () => {
    const whole = abandonAt(0, who, 0);
    for (const path of [0, 1]) {
      for (const at of cuts(whole.datagrams, path + who.length)) {
        // An abandonment after the last datagram would find nothing to disturb.
        const { duration } = abandonAt(Math.min(at, whole.datagrams - 20), who, path);
        assert(
          duration < whole.duration + 400,
          `${who}, path ${path} at ${at}: ${duration} ms, ${whole.duration} without`,
        );
      }
    }
  });
}
