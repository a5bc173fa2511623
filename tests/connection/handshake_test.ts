import { assert, assertEquals } from "@std/assert";
import { bulk, Requests } from "../kit/apps.ts";
import { Pair } from "./pair.ts";

Deno.test("Connection completes and confirms a handshake in virtual time", () => {
  const pair = new Pair().confirm();
  assertEquals(pair.client.state, "connected");
  assertEquals(pair.client.alpn, "world");
  assertEquals(pair.server.serverName, "world.test");
});

Deno.test("Connection carries 1 MB each way and every byte is right", () => {
  const load = new Requests([...bulk("down", 1_000_000), ...bulk("up", 1_000_000)]);
  const pair = new Pair({ clientApps: [load.client], serverApps: [load.server] });
  pair.world.require("both transfers", () => load.isDone);
  assert(load.completedAt > 0);
});
