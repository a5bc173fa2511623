/** That settings do what they say: the first window, the ranges of ACK frames, the largest datagram. */
import { assert, assertEquals, assertGreater, assertLess, assertThrows } from "@std/assert";
import { newReno } from "../../recovery/congestion/new_reno.ts";
import type { ControllerFactory } from "../../recovery/congestion/controller.ts";
import { resolveConfig, type TransportConfig } from "../../transport/connection/config.ts";
import { bulk, Requests } from "../kit/apps.ts";
import { Paths } from "../multipath/paths.ts";
import { Pair } from "./pair.ts";
import { bulkPair, finish } from "./transfers.ts";

const RTT = 200;

/** Round trips from the request to the last byte of 60 kB, and bytes that left in the first of them. */
function download(initialWindowPackets: number): { readonly roundTrips: number; readonly first: number } {
  const server = { initialWindowPackets, mtuDiscovery: false };
  const transfer = bulkPair("down", 60_000, { server, link: { delayMs: RTT / 2, rateMbps: null } });
  finish(transfer);
  const { pair, load } = transfer;
  const { requestedAt, endedAt } = load.exchanges[0]!;
  const sent = pair.serverTrace.filter("quic:packet_sent", (_, now) => now >= requestedAt && now < requestedAt + RTT);
  const first = sent.reduce((sum, { data }) => sum + data.size, 0);
  return { roundTrips: (endedAt - requestedAt) / RTT, first };
}

Deno.test("initialWindowPackets decides how much goes in the first round trip", () => {
  const [few, standard, many] = [download(4), download(10), download(100)];
  // What the handshake brought into the window is about four packets.
  assertLess(few.first, 9 * 1200);
  assert(standard.first >= 10 * 1200 && standard.first < 16 * 1200, `${standard.first}`);
  assertGreater(many.first, 60_000);
  assertLess(many.roundTrips, 1.6);
  assertGreater(few.roundTrips, standard.roundTrips);
});

Deno.test("initialWindowPackets holds for every path, and reaches controllers of others", () => {
  const heard: (number | undefined)[] = [];
  const congestion: ControllerFactory = (path) => {
    heard.push(path.initialWindowPackets);
    return newReno()(path);
  };
  const paths = new Paths({ client: { initialWindowPackets: 32 }, server: { initialWindowPackets: 25, congestion } });
  assertEquals(paths.client.stats().paths[0]!.cwnd, 32 * 1200);
  paths.ready();
  assertEquals(heard, [25, 25]);
  assert(paths.client.path(1)!.cwnd >= 32 * 1200);
});

for (const numberSpaces of ["multiple", "single"] as const) {
  Deno.test(`maxAckRanges bounds every ACK frame, and nothing waits for what is left out (${numberSpaces})`, () => {
    for (const maxAckRanges of [1, 3]) {
      const load = new Requests(bulk("both", 600_000));
      const config = { maxAckRanges, numberSpaces };
      const links = [{ rateMbps: 20, delayMs: 20, lossPercent: 4 }, { rateMbps: 10, delayMs: 30, lossPercent: 4 }];
      const apps = { clientApps: [load.client], serverApps: [load.server] };
      const paths = new Paths({ links, client: config, server: config, ...apps }).ready();
      const from = paths.world.now;
      paths.world.require("the transfer", () => load.isDone);
      assertLess(paths.world.now - from, 15_000);
      for (const trace of [paths.clientTrace, paths.serverTrace]) {
        const ranges = trace.frames("sent", "ack").map(({ frame }) => frame.ranges.length / 2);
        assertEquals(Math.max(...ranges), maxAckRanges);
      }
    }
  });
}

Deno.test("maxUdpPayload bounds every datagram of this end on every path, probes too", () => {
  const load = new Requests(bulk("both", 500_000));
  const links = [{ mtu: 9000, rateMbps: 50 }, { mtu: 9000, rateMbps: 50, delayMs: 10 }];
  const [client, server] = [{ maxUdpPayload: 1337 }, { maxUdpPayload: 4000 }];
  const paths = new Paths({ links, client, server, clientApps: [load.client], serverApps: [load.server] });
  const largest = { up: 0, down: 0 };
  paths.world.onSend = (_link, direction, data) => largest[direction] = Math.max(largest[direction], data.length);
  paths.ready();
  paths.world.require("the transfer", () => load.isDone);
  paths.world.runFor(2000);
  // What one end does not take, the other does not send.
  assertEquals(largest, { up: 1337, down: 1337 });
  for (const end of [paths.client, paths.server]) {
    for (const { mtu } of end.stats().paths) assertEquals(mtu, 1337);
  }
});

Deno.test("maxUdpPayload of 1200 leaves nothing to search for", () => {
  const least = { maxUdpPayload: 1200 };
  const pair = new Pair({ client: least, server: least }).confirm();
  pair.world.runFor(2000);
  for (const trace of [pair.clientTrace, pair.serverTrace]) trace.assertNone("quic:packet_sent", (d) => d.probe);
});

Deno.test("resolveConfig() refuses ways of numbering that there are not", () => {
  for (const wrong of ["off", "Single", "", 1, null]) {
    const config = { numberSpaces: wrong } as unknown as TransportConfig;
    assertThrows(
      () => resolveConfig(config),
      RangeError,
      `"numberSpaces" is ${wrong}: expected "multiple" or "single"`,
    );
  }
  assertEquals(resolveConfig().numberSpaces, "multiple");
});
