/** What interactive promises where the peer holds acknowledgements back, as RFC 9000 §13.2.1 lets it. */
import { assert, assertGreater, assertLess, assertLessOrEqual } from "@std/assert";
import { modes } from "../../schedulers/mod.ts";
import { parseScenario, runScenario, type ScenarioResult } from "../kit/mod.ts";
import type { TracedFrame } from "../kit/trace.ts";
import { Paths } from "../multipath/paths.ts";

/** How long acknowledgements are held back, and what a path takes there and back: milliseconds. */
const MAX_ACK_DELAY = 25;
const ROUND_TRIP = 20;
/** An ACK Delay of a millisecond. */
const DELAY_UNITS = 125;

function exchange(size: number, jitterMs: number, lossPercent: number): ScenarioResult {
  const text = JSON.stringify({
    name: "late acks",
    seed: 1,
    limitMs: 60_000,
    links: [
      { rateMbps: 20, delayMs: ROUND_TRIP / 2, jitterMs, lossPercent },
      { rateMbps: 10, delayMs: 30, cost: 1 },
    ],
    events: [
      { atMs: 6000, link: 0, set: { dead: true } },
      { atMs: 7000, link: 0, set: { dead: false } },
    ],
    client: { mode: "interactive" },
    server: { mode: "interactive" },
    load: { kind: "periodic", everyMs: 50, request: size, response: size, forMs: 12_000, streams: "one" },
  });
  const result = runScenario(parseScenario(text, "late acks"), { crypto: "plain" });
  assert(result.completed, `${size} bytes: ${result.error}`);
  return result;
}

Deno.test("Interactive: offers little again of messages that fill a packet to the byte, and leaves a path that fades", () => {
  // Some of these fill a packet, whatever else is in it.
  for (let size = 1395; size <= 1425; size++) {
    const { repeatedShare, recoveries } = exchange(size, 0, 0);
    assertLess(repeatedShare, 0.1, `${size} bytes`);
    for (const { side, firstLostMs, movedMs } of recoveries) {
      assertGreater(movedMs, 0, `${size} bytes, ${side}`);
      assertLessOrEqual(movedMs - firstLostMs, 2 * ROUND_TRIP + MAX_ACK_DELAY, `${size} bytes, ${side}`);
    }
    assertLess(exchange(size, 3, 1).repeatedShare, 0.2, `${size} bytes, jitter and losses`);
  }
});

/** A client whose messages fill a packet each: their receiver holds every acknowledgement back, in case that more follows. */
class FullPackets {
  readonly paths: Paths;
  readonly #size: number;
  #written = 0;

  constructor() {
    const transport = { mode: modes.interactive, mtuDiscovery: false };
    const links = [{ delayMs: ROUND_TRIP / 2, rateMbps: 20 }, { delayMs: 30, rateMbps: 20 }];
    this.paths = new Paths({ links, client: transport, server: transport }).ready();
    const { clientTrace, serverTrace, world } = this.paths;
    // Later the ids of streams take as many bytes as that of the last of these, whose first packet is full.
    for (let i = 0; i < 20; i++) {
      world.runFor(50);
      clientTrace.clear();
      this.#write(3000);
    }
    world.runFor(1000);
    this.#size = this.#sent()[0]!.frame.data.length;
    for (let i = 0; i < 10; i++) this.send();
    for (const trace of [clientTrace, serverTrace]) trace.clear();
    this.#written = 0;
  }

  send(): void {
    this.#write(this.#size);
    this.paths.world.runFor(50);
  }

  /** How many of the bytes went again. */
  get repeatedShare(): number {
    return this.#sent().reduce((sum, { frame }) => sum + frame.data.length, 0) / this.#written - 1;
  }

  /** When data first went on the path. */
  firstSentOn(path: number): number {
    return this.#sent().find(({ header }) => header.path === path)?.now ?? Infinity;
  }

  #sent(): TracedFrame<"stream">[] {
    return this.paths.clientTrace.frames("sent", "stream");
  }

  #write(size: number): void {
    const { client } = this.paths;
    client.write(client.openStream("unidirectional")!, new Uint8Array(size));
    this.#written += size;
  }
}

Deno.test("Interactive: gives a peer that holds every acknowledgement back that time before it is in doubt of a path", () => {
  const load = new FullPackets();
  for (let i = 0; i < 60; i++) load.send();
  const { clientTrace, serverTrace } = load.paths;
  const late = serverTrace.frames("sent", "ack").filter(({ frame }) => frame.delay > 20 * DELAY_UNITS);
  assertGreater(late.length, 50);
  assertLess(load.repeatedShare, 0.02);
  clientTrace.assertNone("quic:packet_lost");
});

Deno.test("Interactive: leaves a path that fades within two round trips and the peer's delay, before any probe timeout", () => {
  const load = new FullPackets();
  const { clientTrace, links, world } = load.paths;
  for (let i = 0; i < 10; i++) load.send();
  clientTrace.clear();
  links[0]!.set({ dead: true });
  const { now } = world;
  load.send();
  world.runFor(50);
  const took = load.firstSentOn(1) - now;
  assertGreater(took, ROUND_TRIP + MAX_ACK_DELAY);
  assertLess(took, 2 * ROUND_TRIP + MAX_ACK_DELAY);
  clientTrace.assertNone("quic:loss_timer_updated", ({ action, path }, at) => {
    return action === "expired" && path === 0 && at <= now + took;
  });
});
