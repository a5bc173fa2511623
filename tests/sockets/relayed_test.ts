import { assert, assertEquals } from "@std/assert";
import { pattern, transfer, withRelays } from "./relayed.ts";

const DATA = pattern(2_000_000);
const BOTH = { connect: { mode: "round-robin" }, listen: { mode: "round-robin" } };

for (const direction of ["download", "upload"] as const) {
  for (const path of [0, 1] as const) {
    Deno.test(`${direction}: path ${path} of two goes silent in the middle, and nothing is lost`, async () => {
      await withRelays(async ({ client, served, relays }) => {
        const [from, to] = direction === "upload" ? [client, served] : [served, client];
        const back = await transfer(from, to, DATA, () => relays[path].setDead(true));
        assertEquals(back, DATA);
        assertEquals(client.paths.length, 2);
        for (const { counts } of relays) {
          const { bytes } = direction === "upload" ? counts.up : counts.down;
          assert(bytes > DATA.length / 10, `${bytes} over one of the links`);
        }
        // It comes back: data goes on both again.
        relays[path].setDead(false);
        while (from.paths[path]!.state !== "usable") await new Promise((resolve) => setTimeout(resolve, 10));
        const bytesOf = (): number => relays[path].counts[direction === "upload" ? "up" : "down"].bytes;
        const before = bytesOf();
        // Its window may be small at first, and a busy machine is slow to notice.
        for (let i = 0; i < 20 && bytesOf() - before < DATA.length / 20; i += 1) await transfer(from, to, DATA);
        assert(bytesOf() - before >= DATA.length / 20, `${bytesOf() - before} after it came back`);
      }, BOTH);
    });
  }
}

Deno.test("A path whose relay comes from another port goes on, in both directions", async () => {
  await withRelays(async ({ client, served, relays }) => {
    for (const [i, relay] of relays.entries()) {
      const events = served.pathEvents[Symbol.asyncIterator]();
      const before = served.paths[i]!.remote.port;
      assertEquals(await transfer(client, served, DATA, () => relay.rebind()), DATA);
      assertEquals(await transfer(served, client, DATA), DATA);
      assert(served.paths[i]!.remote.port !== before, `path ${i} is where it was`);
      let { value } = await events.next();
      while (value?.change !== "migrated" || value.path.id !== i) ({ value } = await events.next());
      await events.return?.();
      assertEquals(value.path.remote.port, served.paths[i]!.remote.port);
      assertEquals([client.paths.length, served.paths.length], [2, 2]);
    }
  }, BOTH);
});

Deno.test("A path that is closed in the middle of a transfer loses nothing, whichever end closes it", async () => {
  for (const closer of ["client", "served"] as const) {
    await withRelays(async (relayed) => {
      const { client, served } = relayed;
      const back = await transfer(served, client, DATA, () => relayed[closer].paths[1]!.close());
      assertEquals(back, DATA);
      assertEquals([client.paths.length, served.paths.length], [1, 1]);
      assertEquals(await transfer(client, served, DATA), DATA);
    }, BOTH);
  }
});
