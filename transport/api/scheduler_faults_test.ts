import { assert, assertEquals } from "@std/assert";
import type { Decision } from "../../schedulers/scheduler.ts";
import { pattern, readAll, Server, writeAll } from "./loopback_fixture_test.ts";
import { closeAll, PathLog } from "./paths_fixture_test.ts";

const DATA = pattern(50_000, 3);

Deno.test("QuicConn.pathEvents and stats() tell of a scheduler's faults, and of its end", async () => {
  await using server = new Server();
  const [client, served] = await server.pair();
  const log = new PathLog(client);
  client.setMode(() => ({ name: "broken", schedule: () => 7 as unknown as Decision }));
  const stream = await client.createUnidirectionalStream();
  const arrivals = served.incomingUnidirectionalStreams.getReader();
  const [{ value }] = await Promise.all([arrivals.read(), writeAll(stream, DATA)]);
  assertEquals(await readAll(value!), DATA);
  const { path, reason } = await log.until("scheduler-replaced", 0);
  assertEquals([path.id, reason], [0, "broken: Answered 7, expected a decision"]);
  assertEquals(log.events.filter(({ change }) => change === "scheduler-fault").length, 8);
  const lastFault = "Answered 7, expected a decision";
  assertEquals(client.stats().scheduler, { name: "min-rtt", faults: 8, lastFault, replaced: "broken" });
  assertEquals(client.schedulerName, "min-rtt");
  assert(client.paths[0]!.state === "usable");
  await closeAll(client);
  await log.done;
});
