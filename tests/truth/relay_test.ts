/**
 * The simulator beside real sockets: one transfer, three processes as in the demo, and the same in virtual time.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { Child } from "../../cli/child.ts";
import { HQ_INTEROP, writeRequest } from "../../cli/hq.ts";
import { connectQuic } from "../../mod.ts";
import { contentOf, type Served, sha256, withServed } from "../interop/served.ts";
import { parseScenario } from "../kit/scenario/mod.ts";
import { runScenario } from "../kit/sim/run.ts";
import { assertWithin } from "./flow.ts";

const SIZE = 3_000_000;
const REQUEST = writeRequest("/f.bin");

/** Mbit/s, milliseconds one way, and milliseconds that a datagram may wait: one and a half round trips, as in the demo. */
const LINK = { rate: 20, delay: 15, queue: 45 };

/** Transfers over the relay, of which the fastest counts. */
const TRANSFERS = 5;

/** Milliseconds from the request to the last byte, when a new connection does nothing else. */
async function overRelay(front: number, { cert }: Served): Promise<number> {
  const conn = await connectQuic({
    hostname: "127.0.0.1",
    port: front,
    serverName: "localhost",
    alpnProtocols: [HQ_INTEROP],
    caCerts: [cert],
  });
  try {
    const { readable, writable } = await conn.createBidirectionalStream();
    const startedAt = performance.now();
    const writer = writable.getWriter();
    await writer.write(REQUEST);
    writer.close().catch(() => {});
    const pieces: Uint8Array<ArrayBuffer>[] = [];
    for await (const piece of readable) pieces.push(piece as Uint8Array<ArrayBuffer>);
    const took = performance.now() - startedAt;
    const bytes = new Uint8Array(await new Blob(pieces).arrayBuffer());
    assertEquals(sha256(bytes), sha256(contentOf("f.bin", SIZE)));
    return took;
  } finally {
    conn.close({ closeCode: 0, reason: "" });
    await conn[Symbol.asyncDispose]();
  }
}

/** The times of some transfers over a relay, in ascending order. */
async function relayed(): Promise<number[]> {
  const times: number[] = [];
  await withServed({ "f.bin": SIZE }, async (served) => {
    const { rate, delay, queue } = LINK;
    const shape = ["--rate", String(rate), "--delay", String(delay), "--queue", String(queue)];
    const ends = ["--to", `127.0.0.1:${served.port}`, "--listen", "127.0.0.1:0"];
    const relay = new Child(["relay", ...ends, ...shape], { stderr: "piped" });
    try {
      const [, front] = await relay.waitFor(/Relaying 127\.0\.0\.1:(\d+) to/);
      for (let n = 0; n < TRANSFERS; n += 1) times.push(await overRelay(Number(front), served));
    } finally {
      await relay.stop();
    }
  });
  return times.sort((a, b) => a - b);
}

/** The same in virtual time. The request leaves when the handshake is complete, as a program's does. */
function simulated(): number {
  const { rate, delay, queue } = LINK;
  const file = {
    name: "relay",
    links: [{ rateMbps: rate, delayMs: delay, queueMs: queue }],
    load: { kind: "requests", start: "complete", list: [{ request: REQUEST.length, response: SIZE, after: null }] },
  };
  const { error, requests } = runScenario(parseScenario(JSON.stringify(file), "relay.json"));
  assertEquals(error, null);
  const { startMs, endMs } = requests[0]!;
  return endMs - startMs;
}

/*
 * What the load of the machine does: the relay works out arrivals from when it was handed a datagram, so that a late timer
 * makes one datagram late and not all that follow; but a process that gets no CPU for longer than the queue lasts (45 ms)
 * leaves the link idle, and that time is lost. Time can only be lost in this way, never won, but for a packet more or less
 * that the queue drops: so the fastest of the transfers tells most. A machine that is busy all the time with something else makes
 * this test fail, and then says how long each took. The start of processes is not in the time.
 */
Deno.test("A transfer over the relay's real sockets takes as long as in the simulator", async () => {
  const expected = simulated();
  assert(expected > SIZE * 8 / LINK.rate / 1000);
  const times = await relayed();
  const said = times.map((time) => time.toFixed(0)).join(", ");
  assertWithin(times[0]!, expected, 0.05, `Milliseconds over the relay (of ${said})`);
});
