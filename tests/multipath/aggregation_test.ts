import { assert } from "@std/assert";
import { bulk, Requests } from "../kit/apps.ts";
import { Paths } from "./paths.ts";

Deno.test("Two paths of 40 and 20 Mbit/s with deep queues carry 20 MB at more than 83 % of their sum", () => {
  // What waits for the slower path's data takes its round trip, which a deep queue makes long: the windows must span that,
  // and grow at once when what is behind a gap uses them up.
  const links = [{ delayMs: 15, rateMbps: 40, queueMs: 45 }, { delayMs: 40, rateMbps: 20, queueMs: 120 }];
  const load = new Requests([...bulk("down", 20_000_000)]);
  const paths = new Paths({ links, clientApps: [load.client], serverApps: [load.server], open: [] }).ready();
  paths.open(1);
  paths.world.require("the transfer", () => load.isDone);
  for (const path of paths.server.stats().paths) {
    assert(path.bytesSent > 5_000_000, `path ${path.id}: ${path.bytesSent}`);
  }
  assert(load.completedAt < 160_000 / (0.83 * 60), `took until ${load.completedAt} ms`);
});
