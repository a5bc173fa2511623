import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertGreater,
  assertGreaterOrEqual,
  assertInstanceOf,
} from "@std/assert";
import { IdleTimeoutError } from "../../transport/base/errors.ts";
import type { TransportConfig } from "../../transport/connection/config.ts";
import { bulk, Requests } from "../kit/apps.ts";
import { CLIENT_ADDRESS, Pair, SERVER_ADDRESS } from "./pair.ts";
import { Rogue } from "./rogue.ts";

/** A pair that has settled, with nothing left to send. */
function quiet(client: TransportConfig, server: TransportConfig, delayMs = 15): Pair {
  const pair = new Pair({ client, server, link: { delayMs, rateMbps: null } }).confirm();
  pair.world.runFor(20 * delayMs + 500);
  return pair;
}

/** When an end last received something, or sent something ack-eliciting after it did. */
function lastRestart(pair: Pair, role: "client" | "server"): number {
  const trace = role === "client" ? pair.clientTrace : pair.serverTrace;
  const received = trace.last("quic:packet_received")!.now;
  const asked = trace.first(
    "quic:packet_sent",
    (d, now) => now >= received && d.frames.some((f) => f.kind !== "ack" && f.kind !== "padding"),
  );
  return asked?.now ?? received;
}

Deno.test("Connection ends after the smaller of both ends' idle timeouts, without a word (RFC 9000 §10.1)", () => {
  for (
    const [client, server, least] of [[5000, 9000, 5000], [9000, 4000, 4000], [0, 6000, 6000], [3000, 0, 3000]] as const
  ) {
    const pair = quiet({ maxIdleTimeout: client }, { maxIdleTimeout: server });
    const expected = { client: lastRestart(pair, "client") + least, server: lastRestart(pair, "server") + least };
    for (const role of ["client", "server"] as const) {
      const connection = pair[role];
      pair.world.require(`the end of the ${role}`, () => connection.state === "closed", 20_000);
      assertInstanceOf(connection.error, IdleTimeoutError);
    }
    for (const [role, trace] of [["client", pair.clientTrace], ["server", pair.serverTrace]] as const) {
      const end = trace.assertSeen("quic:connection_closed", (d) => d.trigger === "idle_timeout");
      assertAlmostEquals(end.now, expected[role], 1e-6);
      trace.assertNone("quic:packet_sent", (d) => d.frames.some((f) => f.kind === "connection_close"));
    }
    assertEquals(pair.clientNode.endpoint.connections.size + pair.serverNode.endpoint.connections.size, 0);
  }
});

Deno.test("Connection never ends by itself when neither end has an idle timeout", () => {
  const pair = quiet({ maxIdleTimeout: 0 }, { maxIdleTimeout: 0 });
  assertEquals(pair.world.run({ limit: 3_600_000 }), "idle");
  assertEquals([pair.client.state, pair.server.state], ["connected", "connected"]);
});

Deno.test("Connection waits for at least three PTO however short the idle timeout is", () => {
  const delayMs = 300;
  const pair = new Pair({ client: { maxIdleTimeout: 10 }, server: {}, link: { delayMs, rateMbps: null } });
  const load = new Requests([{ request: 10, response: 10 }]);
  pair.clientNode.driver(pair.client).add(load.client);
  pair.confirm();
  const since = pair.world.now;
  pair.world.require("the end", () => pair.client.state === "closed");
  // A PTO is above one round trip here.
  assertGreater(pair.world.now - since, 3 * 2 * delayMs);
  assertInstanceOf(pair.client.error, IdleTimeoutError);
});

Deno.test("Connection restarts the idle timeout with what it receives, and with the first thing that it sends after", () => {
  const pair = quiet({ maxIdleTimeout: 1000 }, {});
  pair.client.ping();
  pair.world.runFor(50);
  for (let i = 0; i < 5; i++) {
    pair.world.runFor(900);
    (i % 2 === 0 ? pair.client : pair.server).ping();
    pair.world.runFor(50);
    assertEquals([pair.client.state, pair.server.state], ["connected", "connected"]);
  }
  // What is sent while nothing comes back counts once.
  pair.link.set({ dead: true });
  pair.world.runFor(500);
  pair.client.ping();
  const asked = pair.world.now;
  pair.world.runFor(900);
  pair.client.ping();
  pair.world.require("the end", () => pair.client.state === "closed");
  assertAlmostEquals(pair.world.now, asked + 1000, 1e-6);
});

Deno.test("Connection does not count packets that it drops as life", () => {
  const pair = quiet({ maxIdleTimeout: 1000 }, {});
  const last = lastRestart(pair, "client");
  const rogue = new Rogue(pair, "server");
  for (let i = 0; i < 20; i++) {
    pair.world.after(40 * i, () => {
      const packet = rogue.seal({ frames: [{ kind: "ping" }] });
      packet[packet.length - 1]! ^= 1;
      pair.clientNode.receive(
        { data: packet, local: CLIENT_ADDRESS, remote: SERVER_ADDRESS, ecn: "not-ect" },
        pair.world.now,
      );
    });
  }
  pair.world.require("the end", () => pair.client.state === "closed");
  assertAlmostEquals(pair.world.now, last + 1000, 1e-6);
});

Deno.test("Connection stays alive by PINGs when it is told to", () => {
  for (const role of ["client", "server"] as const) {
    const pair = new Pair({ [role]: { keepAlive: 1000, maxIdleTimeout: 3000 } }).confirm();
    pair.world.runFor(60_000);
    assertEquals([pair.client.state, pair.server.state], ["connected", "connected"]);
    const trace = role === "client" ? pair.clientTrace : pair.serverTrace;
    const pings = trace.frames("sent", "ping").filter(({ now }) => now > 10_000);
    assertGreater(pings.length, 40);
    assert(pings.length < 55, `${pings.length} PINGs in 50 s`);
  }
});

Deno.test("Connection with a keep-alive ends all the same when the peer is gone", () => {
  const pair = new Pair({ client: { keepAlive: 1000, maxIdleTimeout: 3000 } }).confirm();
  pair.world.runFor(5000);
  pair.link.set({ dead: true });
  const since = pair.world.now;
  pair.world.require("the end", () => pair.client.state === "closed");
  assert(pair.world.now - since <= 4100, `took ${pair.world.now - since} ms`);
  assertInstanceOf(pair.client.error, IdleTimeoutError);
});

Deno.test("Connection sends no keep-alive while data flows", () => {
  const load = new Requests(bulk("down", 3_000_000));
  const pair = new Pair({
    client: { keepAlive: 100 },
    link: { rateMbps: 2 },
    clientApps: [load.client],
    serverApps: [load.server],
  });
  pair.world.require("the transfer", () => load.isDone);
  const probes = pair.clientTrace.count("quic:packet_sent", (d) => d.probe);
  // PINGs that only make ACKs acknowledged do not count as keep-alives; there are few.
  const pings = pair.clientTrace.frames("sent", "ping").length - probes;
  assert(pings < 60, `${pings} PINGs in ${pair.world.now} ms`);
});

Deno.test("Connection sends backed-off probes to a peer that never acknowledges, until the idle timeout", () => {
  const pair = quiet({}, { maxIdleTimeout: 30_000 });
  const rogue = new Rogue(pair, "client").takeOver();
  const id = pair.server.openStream("unidirectional")!;
  pair.server.write(id, new Uint8Array(100_000));
  const since = pair.world.now;
  let alive = 0;
  // The peer lives, and says other things.
  const chatter = (): void => {
    if (pair.server.state !== "connected" || alive++ > 100) return;
    rogue.send({ frames: [{ kind: "max_data", limit: 1 << 21 }] });
    pair.world.after(1000, chatter);
  };
  pair.world.after(1000, chatter);
  pair.world.runFor(60_000);
  const expired = pair.serverTrace.filter("quic:loss_timer_updated", (d, now) => d.action === "expired" && now > since);
  const times = expired.map((e) => e.now);
  assertGreaterOrEqual(times.length, 5);
  for (let i = 2; i < times.length; i++) {
    const [a, b, c] = [times[i - 2]!, times[i - 1]!, times[i]!];
    assertGreater(c - b, 1.5 * (b - a), `${times}`);
  }
  const sentAfter = pair.serverTrace.filter(
    "quic:packet_sent",
    (d, now) => now > times[0]! && d.frames.some((f) => f.kind === "stream"),
  );
  assert(sentAfter.length <= 2 * times.length + 2, `${sentAfter.length} packets with data for ${times.length} probes`);
  // Then the peer falls silent.
  alive = 1000;
  pair.world.require("the end", () => pair.server.state === "closed");
  assertInstanceOf(pair.server.error, IdleTimeoutError);
});

Deno.test("Connection ends at the idle timeout when its peer never answers, having probed with back-off", () => {
  const pair = quiet({ maxIdleTimeout: 20_000 }, {});
  pair.link.set({ dead: true });
  const id = pair.client.openStream("bidirectional")!;
  pair.client.write(id, new Uint8Array(50_000));
  const since = pair.world.now;
  pair.world.require("the end", () => pair.client.state === "closed");
  assertAlmostEquals(pair.world.now, since + 20_000, 1);
  const probes = pair.clientTrace.count("quic:loss_timer_updated", (d, now) => d.action === "expired" && now > since);
  assert(probes >= 7 && probes <= 10, `${probes} probe timeouts in 20 s`);
});
