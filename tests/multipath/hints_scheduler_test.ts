/** What hints are for: the server's scheduler sees what the client knows, and may copy datagrams. */
import { assert, assertEquals } from "@std/assert";
import {
  type ConnectionView,
  HOLD,
  type Scheduler,
  type SchedulerEvent,
  send,
  sendCopies,
} from "../../schedulers/scheduler.ts";
import { Recorder } from "../connection/recorder.ts";
import { Paths } from "./paths.ts";

const CELL = { label: "cell", cost: 1.5, metered: true };

/** Copies everything to every other path. */
function copyAll(): Scheduler {
  return {
    name: "copy-all",
    schedule(_work, view) {
      const [first, ...others] = view.paths.filter((path) => path.room > 0);
      return first === undefined ? HOLD : sendCopies(first, others.map((path) => path.id));
    },
  };
}

interface Copied {
  readonly received: number;
  readonly numbered: number;
  readonly plain: number;
  readonly fates: number;
}

/** Sends datagrams from the server, every one copied if that can be. */
function copied(hints: boolean, lossPercent: number, count = 200): Copied {
  const [client, server] = [new Recorder(), new Recorder()];
  const link = { rateMbps: 20, lossPercent };
  const paths = new Paths({
    links: [{ delayMs: 10, ...link }, { delayMs: 25, ...link }],
    client: { hints },
    server: { mode: copyAll },
    clientApps: [client],
    serverApps: [server],
  }).ready();
  for (let i = 0; i < count; i++) {
    paths.world.after(i * 10, () => {
      assert(paths.server.sendDatagram(Uint8Array.of(i >> 8, i, 0), { id: i }));
    });
  }
  paths.world.runFor(count * 10 + 2000);
  const keys = client.of("datagram").map(({ data }) => data[0]! * 256 + data[1]!);
  assertEquals(new Set(keys).size, keys.length, "a datagram came twice");
  return {
    received: keys.length,
    numbered: paths.serverTrace.frames("sent", "datagram_numbered").length,
    plain: paths.serverTrace.frames("sent", "datagram").length,
    fates: server.of("datagram_fate").length,
  };
}

Deno.test("Datagrams are copied between ends with hints, and delivered once", () => {
  assertEquals(copied(true, 0), { received: 200, numbered: 400, plain: 0, fates: 200 });
});

Deno.test("Datagrams are not copied to an end without hints", () => {
  assertEquals(copied(false, 0), { received: 200, numbered: 0, plain: 200, fates: 200 });
});

Deno.test("Datagrams with copies are lost only when all copies are", () => {
  const { received, fates } = copied(true, 10);
  assert(received > 190, `${received} of 200 came`);
  assertEquals(fates, 200);
});

Deno.test("A server's scheduler sees the client's signals, labels and costs", () => {
  const events: SchedulerEvent[] = [];
  let seen: ConnectionView | undefined;
  const watch = (): Scheduler => ({
    name: "watch",
    schedule(_work, view) {
      seen = view;
      const path = view.paths.find((p) => p.room > 0);
      return path === undefined ? HOLD : send(path);
    },
    onEvent(event, view) {
      seen = view;
      if (event.type === "signal") events.push(event);
    },
  });
  const paths = new Paths({ server: { mode: watch }, first: { label: "wifi" } }).ready();
  paths.client.describePath(1, CELL);
  paths.client.signal("bufferMs", 400, paths.world.now);
  paths.world.runFor(200);
  assertEquals(events, [{ type: "signal", name: "bufferMs", value: 400 }]);
  assertEquals([seen?.signal("bufferMs"), seen?.signal("playtime")], [400, undefined]);
  assertEquals(seen?.paths.map(({ label, cost, metered }) => ({ label, cost, metered })), [
    { label: "wifi", cost: 0, metered: false },
    CELL,
  ]);
  // A server's own signal reaches its scheduler at once.
  paths.server.signal("bufferMs", 7, paths.world.now);
  assertEquals([events.length, seen?.signal("bufferMs")], [2, 7]);
});
