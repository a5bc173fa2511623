import { assert, assertEquals, assertGreater, assertLess, assertRejects, assertThrows } from "@std/assert";
import { echo, pattern, readAll, Server, writeAll } from "./loopback_fixture_test.ts";
import { closeAll, PathLog, pathOf } from "./paths_fixture_test.ts";
import type { QuicConn, QuicPathOptions } from "./types.ts";

const DATA = pattern(300_000, 3);
const WIFI: QuicPathOptions = { local: "127.0.0.1", label: "wifi" };

/** Sends DATA there and back. */
async function exchange(client: QuicConn): Promise<void> {
  const { readable, writable } = await client.createBidirectionalStream();
  const [, data] = await Promise.all([writeAll(writable, DATA), readAll(readable)]);
  assertEquals(data.length, DATA.length);
}

Deno.test("budgetBytes of a path among the first, of one opened later and of path 0: pathEvents tell at 80 and 100 %", async () => {
  await using server = new Server({ mode: "round-robin" });
  const [client, served] = await server.pair({
    mode: "round-robin",
    paths: [{ ...WIFI, budgetBytes: 150_000 }, { local: "127.0.0.2", label: "cell", budgetBytes: 100_000 }],
  });
  const echoing = echo(served);
  const log = new PathLog(client);
  await client.openPath({ local: "127.0.0.3", label: "sat", budgetBytes: 50_000 });
  await client.openPath({ local: "127.0.0.4", label: "dsl" });
  await exchange(client);
  await exchange(client);
  for (const [id, label, bytes] of [[0, "wifi", 150_000], [1, "cell", 100_000], [2, "sat", 50_000]] as const) {
    const [low, spent] = [await log.until("budget-low", id), await log.until("budget-spent", id)];
    assertEquals([low.path.label, low.path.budget!.bytes, spent.path.budget!.bytes], [label, bytes, bytes]);
    assertGreater(low.path.budget!.used, 0.8 * bytes - 1);
    assertGreater(spent.path.budget!.used, bytes - 1);
    assertEquals(log.of(id).filter((change) => change.startsWith("budget-")), ["budget-low", "budget-spent"]);
    assertEquals(pathOf(client, id).status, "backup");
  }
  assertEquals(pathOf(client, 3).stats().budget, undefined);
  await closeAll(client);
  await echoing;
});

Deno.test("describe() sets a budget, raises it and lifts it, and openPath() on a path that there is sets it too", async () => {
  await using server = new Server({ mode: "round-robin" });
  const [client, served] = await server.pair({ mode: "round-robin", paths: [WIFI, { local: "127.0.0.2" }] });
  const echoing = echo(served);
  const [, cell] = client.paths;
  cell!.describe({ budgetBytes: 0 });
  await cell!.ready;
  const known = await client.openPath({ local: cell!.local.hostname + ":" + cell!.local.port, budgetBytes: 20_000 });
  assertEquals([known.id, known.stats().budget?.bytes], [1, 20_000]);
  await exchange(client);
  assertEquals(cell!.status, "backup");
  const { used } = cell!.stats().budget!;
  assertGreater(used, 20_000);
  cell!.describe({ budgetBytes: Infinity, label: "cell" });
  assertEquals([cell!.status, cell!.label], ["available", "cell"]);
  await exchange(client);
  assert(cell!.stats().budget!.used > used);
  assertLess(cell!.stats().budget!.used, Infinity);
  await closeAll(client);
  await echoing;
});

Deno.test("budgetBytes that are no number from 0 are refused, by name", async () => {
  await using server = new Server({});
  const [client] = await server.pair({});
  for (const budgetBytes of [-1, NaN, "5MB" as unknown as number]) {
    await assertRejects(() => client.openPath({ local: "127.0.0.2", budgetBytes }), RangeError, '"budgetBytes" is');
    assertThrows(() => client.paths[0]!.describe({ budgetBytes }), RangeError, '"budgetBytes" is');
  }
  await closeAll(client);
});
