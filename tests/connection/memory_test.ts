import { assert, assertEquals, assertLess } from "@std/assert";
import v8 from "node:v8";
import vm from "node:vm";
import type { Frame } from "../../transport/wire/frames/types.ts";
import type { App } from "../kit/app.ts";
import { Pair, type PairOptions } from "./pair.ts";
import { Rogue } from "./rogue.ts";

const ROUNDS = 20;
const PACKETS_PER_ROUND = 400;
/** Rounds after which all that is kept should be there. */
const SETTLED = 8;
/** Most that the heap may grow from then on: what is left to chance. A byte per packet would be 5 kB. */
const ALLOWED = 1 << 20;

v8.setFlagsFromString("--expose-gc");
const collect = vm.runInNewContext("gc") as () => void;

/** Reads all that comes. */
const reader: App = {
  isDone: true,
  onEvent(event, connection) {
    if (event.type !== "stream_readable") return;
    for (let data = connection.read(event.id); data !== undefined && data !== null;) data = connection.read(event.id);
  },
};

interface Noise {
  /** What packet `n` holds. */
  readonly frames: (n: number) => readonly Frame[];
  /** Whether the rogue acknowledges what it hears. Default false. */
  readonly acknowledges?: boolean;
  readonly options?: PairOptions;
}

/**
 * Lets a rogue client say things to a server for a long time, and looks at the heap. There are gaps between the numbers of
 * its packets.
 */
function assertBounded({ frames, acknowledges = false, options = {} }: Noise): void {
  const pair = new Pair({ ...options, serverApps: [reader] }).confirm();
  pair.world.runFor(200);
  const rogue = new Rogue(pair, "client").takeOver();
  const destinationId = rogue.idFor(0);
  let number = 1000;
  const say = (list: readonly Frame[]): void => {
    rogue.send({ number: number += 2, numberLength: 4, destinationId, frames: list });
    // What the tools remember is not what is measured.
    pair.serverTrace.clear();
    pair.clientTrace.clear();
    rogue.datagrams.length = 0;
  };
  const used: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    for (let i = 0; i < PACKETS_PER_ROUND; i++) {
      say(frames(round * PACKETS_PER_ROUND + i));
      if (!acknowledges) rogue.caught.length = 0;
      else if (rogue.caught.length > 20) acknowledge(rogue, say);
    }
    pair.world.runFor(20);
    assertEquals(pair.server.state, "connected", pair.server.error?.message);
    collect();
    used.push(Deno.memoryUsage().heapUsed);
  }
  const growth = used.at(-1)! - used[SETTLED]!;
  assertLess(growth, ALLOWED, used.map((n) => (n / 1e6).toFixed(2)).join(" "));
}

function acknowledge(rogue: Rogue, say: (frames: readonly Frame[]) => void): void {
  for (const { number } of rogue.caught.splice(0)) {
    say([{ kind: "ack", path: undefined, delay: 0, ranges: [number, number], ecn: undefined }]);
  }
}

const data = new Uint8Array(8);

Deno.test("Connection's memory is bounded with a peer that asks and never acknowledges", () => {
  assertBounded({ frames: () => [{ kind: "ping" }] });
});

Deno.test("Connection's memory is bounded with streams one after another", () => {
  const single = { maxPaths: 0 };
  assertBounded({
    frames: (n) => [{ kind: "stream", streamId: 4 * n + 2, offset: 0, data, fin: true }],
    acknowledges: true,
    options: { client: single, server: single },
  });
});

Deno.test("Connection's memory is bounded with streams that are reset one after another", () => {
  const single = { maxPaths: 0 };
  assertBounded({
    frames: (n) => [{ kind: "reset_stream", streamId: 4 * n + 2, code: n, finalSize: 0 }],
    acknowledges: true,
    options: { client: single, server: single },
  });
});

Deno.test("Connection's memory is bounded with the same scraps of a stream again and again", () => {
  assertBounded({
    frames: (n) => [{ kind: "stream", streamId: 2, offset: 200 * (n % 1000) + 1, data, fin: false }],
  });
});

Deno.test("Connection's memory is bounded with challenges", () => {
  assertBounded({ frames: (n) => [{ kind: "path_challenge", data: new Uint8Array(8).fill(n) }] });
});

Deno.test("Connection's memory is bounded with frames about limits, ids and paths", () => {
  const several = { maxPaths: 3 };
  assertBounded({
    frames: (n) => [
      { kind: "max_data", limit: n },
      { kind: "max_streams", bidirectional: true, limit: n },
      { kind: "max_stream_data", streamId: 0, limit: n },
      { kind: "streams_blocked", bidirectional: false, limit: n },
      { kind: "data_blocked", limit: n },
      { kind: "stream_data_blocked", streamId: 0, limit: n },
      { kind: "path_response", data },
      { kind: "path_status", path: n % 3, sequence: n, status: "backup" },
      { kind: "max_path_id", limit: n + 2 },
      { kind: "paths_blocked", limit: 1 },
      { kind: "path_cids_blocked", path: 1, nextSequence: 1 },
    ],
    options: { client: several, server: several },
  });
});

Deno.test("Connection's memory is bounded with packets from ever other addresses", () => {
  const pair = new Pair().confirm();
  pair.world.runFor(500);
  const rogue = new Rogue(pair, "client").takeOver();
  const used: number[] = [];
  const destinationId = rogue.idFor(0);
  for (let i = 0; i < 4000; i++) {
    const from = { hostname: `10.9.${i >> 8 & 255}.${i & 255}`, port: 1000 + i };
    rogue.send({ number: 1000 + i, numberLength: 4, destinationId, frames: [{ kind: "path_challenge", data }] }, {
      from,
    });
    rogue.send({ number: 9000 + i, numberLength: 4, destinationId, frames: [{ kind: "ping" }] }, { from });
    pair.serverTrace.clear();
    rogue.caught.length = rogue.datagrams.length = 0;
    if (i % 200 !== 0) continue;
    collect();
    used.push(Deno.memoryUsage().heapUsed);
  }
  assert(pair.server.stats().paths.length <= 2);
  assertLess(used.at(-1)! - used[8]!, ALLOWED, used.map((n) => (n / 1e6).toFixed(2)).join(" "));
});

Deno.test("Connection keeps a bounded number of datagrams that nobody reads", () => {
  const pair = new Pair().confirm();
  pair.world.runFor(100);
  const rogue = new Rogue(pair, "client").takeOver();
  pair.serverHost.app = () => {};
  for (let i = 0; i < 3000; i++) {
    rogue.send({ number: 1000 + i, frames: [{ kind: "datagram", data: new Uint8Array(1000) }] });
  }
  let kept = 0;
  for (let event = pair.server.nextEvent(); event !== undefined; event = pair.server.nextEvent()) {
    if (event.type === "datagram") kept += event.data.length;
  }
  assert(kept > 0 && kept <= 2 << 20, `${kept} bytes`);
});
