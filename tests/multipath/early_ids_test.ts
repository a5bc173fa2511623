/**
 * A client gives out connection ids for paths with the end of its handshake, a round trip before paths may be opened
 * (RFC 10069 §3.2.1): what may happen to them on the way, and to the handshake.
 *
 * @module
 */
import { assert, assertEquals, assertGreater, assertLess } from "@std/assert";
import { bulk, Requests } from "../kit/apps.ts";
import type { TapVerdict } from "../kit/link.ts";
import { isUsable } from "./actors.ts";
import { Paths, type PathsOptions } from "./paths.ts";
import { holds, Wire } from "./wire.ts";

/** One way, on the link of the handshake: milliseconds. */
const DELAY = 20;

/** Two links; the path on the second one is asked for at once. */
function eager(options: PathsOptions = {}): { paths: Paths; load: Requests } {
  const load = new Requests(bulk("both", 100_000));
  const links = options.links ?? [{ delayMs: DELAY, rateMbps: 20 }, { delayMs: DELAY, rateMbps: 20 }];
  const paths = new Paths({ ...options, links, clientApps: [load.client], serverApps: [load.server], open: [] });
  assertEquals(paths.open(1), 1);
  return { paths, load };
}

/** Runs until the path is usable at both ends and all data has arrived; returns when the path was. */
function finish({ paths, load }: { paths: Paths; load: Requests }, hint: string): number {
  const both = (): boolean =>
    paths.serverNode.connections.length > 0 && isUsable(paths.client, 1) && isUsable(paths.server, 1);
  paths.world.require(`path 1 to be usable ${hint}`, both, 20_000);
  const usableAt = paths.world.now;
  paths.world.require(`the transfer ${hint}`, () => load.isDone, 40_000);
  assertEquals([paths.client.error, paths.server.error], [undefined, undefined], hint);
  return usableAt;
}

Deno.test("Connection: a path that waits for the end of the handshake begins at the moment when it is confirmed", () => {
  const run = eager();
  const wire = new Wire(run.paths);
  finish(run, "");
  const { clientTrace } = run.paths;
  const completeAt = clientTrace.assertSeen("quic:connection_state_updated", (d) => d.new === "connected").now;
  const given = wire.frames("client", "new_connection_id").filter(({ frame }) => frame.path === 1);
  assertEquals(given[0]!.packet.in.at, completeAt);
  const confirmedAt = clientTrace.assertSeen("quic:packet_received", (d) => {
    return d.frames.some((frame) => frame.kind === "handshake_done");
  }).now;
  assertGreater(confirmedAt, completeAt + 2 * DELAY);
  assertEquals(wire.on("client", 1)[0]!.in.at, confirmedAt);
});

Deno.test("Connection: whatever datagram of the handshake's end is lost or late, a path that was asked for opens", () => {
  for (const sender of ["client", "server"] as const) {
    for (const fate of ["drop", "duplicate", { delay: 150 }] satisfies TapVerdict[]) {
      for (let number = 1; number <= 8; number++) {
        const run = eager();
        const wire = new Wire(run.paths);
        let count = 0;
        wire.verdict = (datagram) => datagram.sender === sender && ++count === number ? fate : "pass";
        const usableAt = finish(run, `with datagram ${number} of the ${sender} ${JSON.stringify(fate)}`);
        assertLess(usableAt, 3000);
      }
    }
  }
});

Deno.test("Connection: bits that flip in the handshake cost time, never a path", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const links = [{ delayMs: DELAY, rateMbps: 20, corruptPercent: 20 }, { delayMs: DELAY, rateMbps: 20 }];
    const run = eager({ seed, links });
    run.paths.world.after(1000, () => run.paths.link.set({ corruptPercent: 0 }));
    finish(run, `with seed ${seed}`);
  }
});

Deno.test("Connection: after a Retry, connection ids for paths go out with the end of the handshake too", () => {
  const plain = eager();
  const retried = eager({ serverConfig: { retry: true } });
  const [direct, later] = [finish(plain, "without Retry"), finish(retried, "after a Retry")];
  // A Retry costs a round trip, and nothing more.
  assert(Math.abs(later - direct - 2 * DELAY) < 2, `${direct} and ${later}`);
});

Deno.test("Connection: no multipath frame goes to a peer that does not speak it, however early a path was asked for", () => {
  const run = eager({ server: { maxPaths: 0 } });
  const wire = new Wire(run.paths);
  run.paths.world.require("the transfer", () => run.load.isDone);
  const given = wire.frames("client", "new_connection_id").map(({ frame }) => frame.path ?? 0);
  assertEquals(given.filter((path) => path !== 0), []);
  for (const kind of ["max_path_id", "path_abandon", "path_status", "paths_blocked"] as const) {
    assertEquals(wire.frames("client", kind), []);
  }
  assertEquals([run.paths.client.error, run.paths.server.error], [undefined, undefined]);
});

Deno.test("Connection: a server that turns a client away at the end of the handshake ends its waiting paths too", () => {
  const { paths } = eager();
  const wire = new Wire(paths);
  // The client hears of the end before it hears that the handshake is confirmed.
  wire.verdict = ({ sender, packets }) => {
    const isOrdinary = packets.some((packet) => !holds(packet, "connection_close"));
    return sender === "server" && isOrdinary ? "drop" : "pass";
  };
  paths.world.require("the server to be connected", () => paths.serverNode.connections[0]?.state === "connected");
  paths.server.close(42, "full", paths.world.now);
  paths.world.runFor(15_000);
  assertEquals([paths.client.state, paths.client.isConfirmed], ["closed", false]);
  assertEquals(wire.datagrams.filter(({ link }) => link > 0), []);
});
