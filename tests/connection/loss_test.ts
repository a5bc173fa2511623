import { assert, assertEquals } from "@std/assert";
import type { LinkOptions } from "../kit/link_options.ts";
import { assertSettled, bulkPair, finish } from "./transfers.ts";

const MEGABYTE = 1_000_000;

/** What a link does to the datagrams of a connection once its handshake is confirmed. */
interface Damage extends LinkOptions {
  readonly up?: LinkOptions;
  readonly down?: LinkOptions;
}

/** Links, and how many milliseconds 1 MB each way, one after the other, may take on them: 20 Mbit/s, 15 ms one way. */
const LINKS: readonly (readonly [string, Damage, number])[] = [
  ["that loses nothing", {}, 1100],
  ["that loses 1 %", { lossPercent: 1 }, 6000],
  ["that loses 5 %", { lossPercent: 5 }, 15_000],
  ["that loses 20 %", { lossPercent: 20 }, 60_000],
  ["that loses 10 % upwards only", { up: { lossPercent: 10 } }, 15_000],
  ["that loses 10 % downwards only", { down: { lossPercent: 10 } }, 15_000],
  ["that loses in bursts", { burstLoss: { percent: 5, meanLength: 4 } }, 15_000],
  ["that reorders", { jitterMs: 5, reorder: true }, 6000],
  ["that reorders over many round trips", { jitterMs: 60, reorder: true, delayMs: 60 }, 60_000],
  ["that doubles 20 %", { duplicatePercent: 20 }, 1100],
  ["that damages 3 %", { corruptPercent: 3 }, 12_000],
  ["that does everything at once", {
    lossPercent: 3,
    jitterMs: 5,
    reorder: true,
    duplicatePercent: 5,
    corruptPercent: 2,
  }, 20_000],
];

for (const [name, { up, down, ...both }, most] of LINKS) {
  Deno.test(`Connection carries 1 MB each way over a link ${name}`, () => {
    for (let seed = 1; seed <= 3; seed++) {
      const transfer = bulkPair("both", MEGABYTE, { seed });
      const { pair, load } = transfer;
      pair.confirm();
      pair.link.set({ ...both, ...up }, "up");
      pair.link.set({ ...both, ...down }, "down");
      finish(transfer);
      assert(load.completedAt < most, `seed ${seed} took ${load.completedAt} ms, expected less than ${most}`);
      assertEquals(load.exchanges.map((e) => [e.up, e.down]), [[MEGABYTE + 100, MEGABYTE]]);
      assertSettled(pair);
      for (const trace of [pair.clientTrace, pair.serverTrace]) trace.assertNone("quic:connection_closed");
    }
  });
}
