import { assert, assertAlmostEquals, assertEquals, assertLess } from "@std/assert";
import type { EndpointNode } from "../kit/endpoint_node.ts";
import { Requests } from "../kit/apps.ts";
import { Pair, type PairOptions } from "./pair.ts";
import { assertSettled, bulkPair, finish, moved } from "./transfers.ts";

/** Counts the timeouts of a node, and those that found nothing to do because they were over already. */
class Watch {
  timeouts = 0;
  /** Deadlines that lay in the past when they were asked for, after all was sent. */
  late = 0;

  constructor(pair: Pair, node: EndpointNode) {
    const { handleTimeout, nextTimeout } = node;
    node.handleTimeout = (now) => {
      this.timeouts += 1;
      handleTimeout.call(node, now);
    };
    node.nextTimeout = () => {
      const next = nextTimeout.call(node);
      assert(!Number.isNaN(next));
      if (next <= pair.world.now) this.late += 1;
      return next;
    };
  }
}

function watched(options: PairOptions = {}): { readonly pair: Pair; readonly client: Watch; readonly server: Watch } {
  const pair = new Pair(options);
  return { pair, client: new Watch(pair, pair.clientNode), server: new Watch(pair, pair.serverNode) };
}

Deno.test("Connection that is idle sets no timer but that of its end", () => {
  const { pair, client, server } = watched();
  pair.confirm();
  pair.world.runFor(2000);
  client.timeouts = server.timeouts = 0;
  pair.world.runFor(25_000);
  assertEquals([client.timeouts, server.timeouts], [0, 0]);
  pair.world.runFor(10_000);
  assertEquals([pair.client.state, pair.server.state], ["closed", "closed"]);
  assertLess(client.timeouts, 3);
});

Deno.test("Connection without an idle timeout sleeps for days", () => {
  const { pair, client, server } = watched({ client: { maxIdleTimeout: 0 }, server: { maxIdleTimeout: 0 } });
  pair.confirm();
  pair.world.runFor(2000);
  client.timeouts = server.timeouts = 0;
  const day = 86_400_000;
  pair.world.runFor(3 * day);
  assertEquals([client.timeouts, server.timeouts], [0, 0]);
  const id = pair.client.openStream("unidirectional")!;
  pair.client.write(id, new Uint8Array(1000));
  pair.world.require("the data", () => pair.server.stats().paths[0]!.streamBytesReceived === 1000);
  assertSettled(pair);
});

Deno.test("Connection keeps itself alive with one packet each way per period", () => {
  const { pair, client, server } = watched({ client: { keepAlive: 5000 } });
  pair.confirm();
  pair.world.runFor(6000);
  client.timeouts = server.timeouts = 0;
  const [up, down] = [pair.link.up.counts.handed, pair.link.down.counts.handed];
  pair.world.runFor(300_000);
  assertEquals(pair.client.state, "connected");
  const each = [pair.link.up.counts.handed - up, pair.link.down.counts.handed - down];
  // 5 s of quiet follow on each answer.
  for (const count of each) assertAlmostEquals(count, 300_000 / 5060, 2);
  assertLess(client.timeouts, 70);
  assertLess(server.timeouts, 70);
});

Deno.test("Connection never asks to be called in the past", () => {
  const load = new Requests([{ request: 500_000, response: 500_000 }]);
  const { pair, client, server } = watched({
    link: { lossPercent: 5, jitterMs: 5, reorder: true },
    clientApps: [load.client],
    serverApps: [load.server],
  });
  pair.world.require("the transfer", () => load.isDone);
  pair.world.runFor(40_000);
  assertEquals([client.late, server.late], [0, 0]);
});

Deno.test("Connection wakes a sender for bursts, not for packets", () => {
  const transfer = bulkPair("down", 10_000_000, { link: { rateMbps: 200 } });
  const { pair, load } = transfer;
  const server = new Watch(pair, pair.serverNode);
  pair.world.require("some data", () => moved(load) > 2_000_000);
  const [began, before] = [pair.world.now, moved(load)];
  server.timeouts = 0;
  finish(transfer);
  const packets = (moved(load) - before) / 1400;
  assertLess(server.timeouts, packets / 2, `${server.timeouts} timeouts for ${packets} packets`);
  // Timers of less than a millisecond are for nothing.
  assertLess(server.timeouts, 1.2 * (pair.world.now - began));
  assertEquals(server.late, 0);
});

Deno.test("Connection whose link is dead wakes up ever more seldom", () => {
  const transfer = bulkPair("down", 10_000_000, {
    client: { maxIdleTimeout: 0 },
    server: { maxIdleTimeout: 0 },
  });
  const { pair, load } = transfer;
  pair.world.require("some data", () => moved(load) > 1_000_000);
  pair.link.set({ dead: true });
  const server = new Watch(pair, pair.serverNode);
  pair.world.runFor(600_000);
  // Back-off ends at a minute.
  assertLess(server.timeouts, 25);
  const sent = pair.link.down.counts.dropped.dead;
  assertLess(sent, 250);
  pair.link.set({ dead: false });
  pair.world.require("the rest", () => load.isDone, pair.world.now + 100_000);
  assertSettled(pair);
});

Deno.test("Connection that closes is done after three probe timeouts", () => {
  const { pair, client, server } = watched();
  pair.confirm();
  pair.world.runFor(1000);
  client.timeouts = server.timeouts = 0;
  pair.client.close(7, "done", pair.world.now);
  const began = pair.world.now;
  pair.world.run({ until: () => pair.client.state === "closed" && pair.server.state === "closed" });
  assertLess(pair.world.now - began, 500);
  assertLess(client.timeouts + server.timeouts, 5);
});
