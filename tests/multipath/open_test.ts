import { assert, assertEquals } from "@std/assert";
import { bulk, Requests } from "../kit/apps.ts";
import { Paths } from "./paths.ts";

Deno.test("Connection.openPath() makes a second path usable at both ends", () => {
  const paths = new Paths().ready();
  assertEquals(paths.client.stats().paths.map((p) => p.id), [0, 1]);
  assertEquals(paths.server.stats().paths.map((p) => p.id), [0, 1]);
});

for (const direction of ["down", "up"] as const) {
  Deno.test(`Connection uses two paths of 20 Mbit/s for 5 MB ${direction} and is faster than one`, () => {
    const load = new Requests([...bulk(direction, 5_000_000)]);
    const paths = new Paths({ clientApps: [load.client], serverApps: [load.server] }).ready();
    paths.world.require("the transfer", () => load.isDone);
    const sender = direction === "down" ? paths.server : paths.client;
    for (const path of sender.stats().paths) assert(path.bytesSent > 1_250_000, `path ${path.id}: ${path.bytesSent}`);
    // One path alone takes 2 s for the bytes.
    assert(load.completedAt < 1600, `took until ${load.completedAt} ms`);
  });

  for (const dying of [0, 1]) {
    Deno.test(`Connection survives the silent death of path ${dying} in a transfer ${direction}`, () => {
      const load = new Requests([...bulk(direction, 5_000_000)]);
      const paths = new Paths({ clientApps: [load.client], serverApps: [load.server] }).ready();
      paths.world.after(300, () => paths.links[dying]!.set({ dead: true }));
      paths.world.require("the transfer", () => load.isDone);
      const sender = direction === "down" ? paths.server : paths.client;
      assertEquals(sender.stats().paths.map((p) => p.state === "suspended"), [dying === 0, dying === 1]);
      assert(load.completedAt < 3000, `took until ${load.completedAt} ms`);
    });
  }
}
