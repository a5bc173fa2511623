import { assert, assertEquals } from "@std/assert";
import type { TransportConfig } from "../../transport/connection/config.ts";
import type { Connection } from "../../transport/connection/connection.ts";
import { Requests } from "../kit/apps.ts";
import { Random } from "../kit/random.ts";
import { Trace } from "../kit/trace.ts";
import { Pair } from "./pair.ts";
import { assertSettled } from "./transfers.ts";

/** Runs in the suite; `RANDOM_SEEDS=first,count` in the environment runs others. */
const [FIRST, COUNT] = (Deno.env.get("RANDOM_SEEDS") ?? "1,40").split(",").map(Number) as [number, number];
/** Virtual milliseconds that a run may take. */
const LIMIT = 400_000;

function pick<T>(random: Random, ...of: readonly T[]): T {
  return of[random.int(of.length)]!;
}

function randomConfig(random: Random): TransportConfig {
  return {
    // Nothing in a run is dead for so long.
    maxIdleTimeout: 120_000,
    handshakeTimeout: 120_000,
    keepAlive: pick(random, 2000, 5000),
    congestion: pick(random, "cubic", "newreno"),
    initialMaxData: pick(random, 10_000, 100_000, 1 << 20),
    initialMaxStreamData: pick(random, 5000, 50_000, 1 << 19),
    maxBidirectionalStreams: pick(random, 1, 3, 100),
    maxAckDelay: pick(random, 0, 5, 25, 100),
    activeConnectionIdLimit: pick(random, 2, 3, 4, 8),
    maxPaths: pick(random, 0, 1, 4),
    mtuDiscovery: random.chance(0.8),
    ecn: random.chance(0.5),
    grease: random.chance(0.8),
    sendBuffer: pick(random, 20_000, 1 << 20),
    maxAckRanges: pick(random, 2, 8, 64),
  };
}

/** Opens a stream of its own, of which the peer reads nothing, and gives it up. */
function giveUpSoon(pair: Pair, end: Connection, random: Random): void {
  const id = end.openStream("unidirectional");
  if (id === undefined) return;
  end.write(id, new Uint8Array(random.int(3000)));
  pair.world.after(random.int(200), () => {
    if (end.state === "connected") end.reset(id, random.int(1000));
  });
}

/**
 * One thing that may happen in the middle of a run. Addresses and ids do not change in the same run: who is out of spare ids
 * when the peer comes with another id from another address must not answer there (RFC 9000 §9.5), and all may end.
 */
function happen(pair: Pair, random: Random, changes: "addresses" | "ids"): string {
  const { link } = pair;
  const server = pair.serverNode.connections[0];
  const ends: Connection[] = server === undefined ? [pair.client] : [pair.client, server];
  const end = pick(random, ...ends);
  const isOpen = end.state === "connected";
  switch (random.int(15)) {
    case 0:
      link.set({ lossPercent: random.int(15) });
      return "loss";
    case 1:
      link.set({ jitterMs: random.int(20), reorder: random.chance(0.5) });
      return "jitter";
    case 2:
      link.set({ rateMbps: pick(random, 0.5, 2, 20, 200), delayMs: pick(random, 1, 15, 100) });
      return "rate";
    case 3:
      link.set({ duplicatePercent: random.int(10), corruptPercent: random.int(5) });
      return "damage";
    case 4:
      link.set({ mtu: pick(random, 1228, 1300, 1400, 1500) });
      return "mtu";
    case 5:
      link.set({ dead: true }, pick(random, "up", "down", "both"));
      pair.world.after(random.int(3000), () => link.set({ dead: false }));
      return "outage";
    case 6:
      if (changes === "addresses" && pair.client.isConfirmed) link.rebind({ address: random.chance(0.5) });
      return "rebind";
    case 7:
      if (isOpen) end.updateKeys();
      return "keys";
    case 8:
      if (changes === "ids" && isOpen) end.rotateConnectionId();
      return "rotate";
    case 9:
      if (changes === "ids" && isOpen) end.renewConnectionIds();
      return "renew";
    case 10:
      if (isOpen) end.sendDatagram(new Uint8Array(random.int(1200)));
      return "datagram";
    case 11:
      if (isOpen) end.ping();
      return "ping";
    case 12:
    case 13:
      if (isOpen) giveUpSoon(pair, end, random);
      return "reset";
    default:
      link.set({ ecn: random.chance(0.5), burstLoss: random.chance(0.3) ? { percent: 5, meanLength: 3 } : null });
      return "queue";
  }
}

/** One run; throws with what happened when something is wrong. */
function run(seed: number): void {
  const random = new Random(seed);
  const observer = new Trace({ names: ["quic:connection_closed"] });
  const load = new Requests(Array.from({ length: 1 + random.int(12) }, (_, i) => ({
    request: random.int(pick(random, 500, 50_000)),
    response: random.int(pick(random, 500, 300_000)),
    after: i === 0 || random.chance(0.5) ? null : random.int(i),
  })));
  const pair = new Pair({
    seed,
    client: randomConfig(random),
    server: randomConfig(random),
    link: { rateMbps: pick(random, 1, 20, 100), delayMs: pick(random, 1, 15, 80) },
    clientApps: [load.client],
    serverApps: [load.server],
    clientEndpoint: { observer },
    serverEndpoint: { observer },
  });
  const story: string[] = [];
  const changes = pick(random, "addresses", "ids");
  try {
    for (let i = 0; i < 25 && !load.isDone; i++) {
      pair.world.runFor(random.int(pick(random, 50, 500, 3000)));
      story.push(`${pair.world.now.toFixed(0)} ${happen(pair, random, changes)}`);
    }
    pair.world.runFor(3001);
    pair.link.set({ lossPercent: 2, burstLoss: null, dead: false, rateMbps: 20, delayMs: 15, mtu: 1500 });
    pair.world.require("all responses", () => load.isDone, LIMIT);
    pair.link.set({ lossPercent: 0, corruptPercent: 0 });
    assertSettled(pair, 70_000);
    assertEquals(observer.entries.length, 0);
    assert(pair.serverNode.connections.length >= 1);
  } catch (error) {
    throw new Error(`Seed ${seed}: ${story.join(", ")}`, { cause: error });
  }
}

Deno.test(`Connection survives whatever happens, in ${COUNT} random runs`, () => {
  for (let seed = FIRST; seed < FIRST + COUNT; seed++) run(seed);
});
