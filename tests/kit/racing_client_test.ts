import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import fc from "fast-check";
import { decodePem } from "../../crypto/tls/mod.ts";
import { TransportError } from "../../transport/base/errors.ts";
import { bulk, Requests } from "./apps.ts";
import { EndpointNode, WORLD_ALPN } from "./endpoint_node.ts";
import { WORLD_CERTIFICATE, WORLD_KEY } from "./identity.ts";
import { World } from "./network.ts";
import type { NetworkConnection } from "./network_connection.ts";
import { RacingClient } from "./racing_client.ts";
import { Trace } from "./trace.ts";
import { worldProvider } from "./world_provider.ts";

/** The connections of both ends that are not closed yet. */
function open({ client, server }: NetworkConnection): number[] {
  return [client, server].map(({ node }) => node.endpoint.connections.size);
}

Deno.test("World.connect() closes the attempts that lose, in Initial packets while the server has answered in none", () => {
  using world = new World({ seed: 3 });
  // The server hears of the first attempt; its answers get lost.
  world.addLink({ label: "deaf", delayMs: 10, down: { dead: true } });
  world.addLink({ label: "alive", delayMs: 30 });
  const load = new Requests(bulk("down", 30_000));
  const connection = world.connect({ load });
  const { client, server } = connection;
  world.require("all to arrive", () => load.isDone, 600);
  assertEquals(client.connection.path(0)?.local.hostname, "10.0.1.1");
  assertEquals(connection.pathOver(world.links[1]!), 0);
  assertEquals(client.node.connections.length, 2);
  assertEquals([server.node.connections.length, server.connection === server.node.connections[1]], [2, true]);

  const lost = server.node.connections[0]!;
  const error = lost.error;
  assertInstanceOf(error, TransportError);
  assertEquals([lost.state, error.code, error.byPeer, error.reason], ["draining", 0x0c, true, ""]);
  const farewells = client.trace.filter(
    "quic:packet_sent",
    ({ frames }) => frames.some(({ kind }) => kind === "connection_close"),
  );
  assertEquals(farewells.map(({ data }) => data.header.type), ["initial"]);
  for (const { frame } of client.trace.frames("sent", "connection_close")) assertEquals(frame.application, false);
  world.runFor(5000);
  assertEquals(open(connection), [1, 1]);
});

/** A world whose server has so many certificates that its answer takes several datagrams. */
function wordy(world: World): { race: RacingClient; client: EndpointNode; server: EndpointNode; trace: Trace } {
  const provider = worldProvider();
  const [certificate] = decodePem(WORLD_CERTIFICATE, "CERTIFICATE");
  const certificates = Array.from({ length: 6 }, () => certificate!);
  const trace = new Trace();
  const client = new EndpointNode({ random: world.random.fork("client"), provider, observer: trace });
  const server = new EndpointNode({
    random: world.random.fork("server"),
    provider,
    server: { tls: { certificates, key: provider.signingKey(WORLD_KEY), alpnProtocols: [WORLD_ALPN] } },
    onAccepted: (connection, driver) => race.onAccepted(connection, driver),
  });
  const { links } = world;
  const host = (name: string, hostnames: readonly string[], node: EndpointNode): void => {
    world.addHost({ name, hostnames, node, app: (now) => node.run(now) });
  };
  host("client", links.map((link) => link.client), client);
  host("server", [links[0]!.server], server);
  const race: RacingClient = new RacingClient({
    client,
    server,
    links: links.length,
    now: 0,
    connect: (link, now) => ({
      local: { hostname: links[link]!.client, port: 50_000 },
      remote: { hostname: links[link]!.server, port: 443 },
      now,
    }),
  });
  return { race, client, server, trace };
}

Deno.test("RacingClient: an attempt that is answered and goes no further holds the others up, and does not win", () => {
  using world = new World({ seed: 4 });
  // The server's first datagram arrives, the rest of its flight does not: there is no proof of who it is.
  world.addLink({ label: "stuck", delayMs: 50, down: { drop: Array.from({ length: 100 }, (_, i) => i + 2) } });
  world.addLink({ label: "fast", delayMs: 20 });
  const { race, client, server, trace } = wordy(world);
  world.require("a connection", () => race.connection.isConfirmed, 1000);
  // Answered at 100 ms, so that the other begins at 350 ms; its handshake and the confirmation take three round trips at most.
  assertEquals([race.link, race.isDecided], [1, true]);
  assert(world.now >= 430 && world.now <= 471, `${world.now}`);
  // It has sent Handshake packets, and with that let go of the Initial keys (RFC 9001 §4.9.1).
  const farewells = trace.filter(
    "quic:packet_sent",
    ({ frames }) => frames.some(({ kind }) => kind === "connection_close"),
  );
  assertEquals(farewells[0]?.data.header.type, "handshake");
  world.runFor(200);
  const [lost] = server.connections;
  const { error } = lost!;
  assertEquals([lost?.state, (error as TransportError).code, error?.byPeer], ["draining", 0x0c, true]);
  world.runFor(5000);
  assertEquals([client, server].map(({ endpoint }) => endpoint.connections.size), [1, 1]);
});

Deno.test("World.connect() when nothing answers: the applications hear of one end, and nothing is left over", () => {
  using world = new World();
  for (const label of ["a", "b", "c"]) world.addLink({ label, dead: true });
  const ends: string[] = [];
  const isDone = true;
  const connection = world.connect({
    clientApps: [{ isDone, onEvent: ({ type }, _connection, now) => void (type === "closed" && ends.push(`${now}`)) }],
  });
  assertEquals(world.run(), "idle");
  assertEquals([ends, open(connection)], [["10250"], [0, 0]]);
});

Deno.test("World.connect() applications that come before an attempt has won hear of it at both ends", () => {
  using world = new World({ seed: 9 });
  world.addLink({ dead: true });
  world.addLink({ delayMs: 30 });
  const { client, server } = world.connect();
  const seen: string[] = [];
  const own = (end: string) => ({
    isDone: true,
    onEvent: ({ type }: { type: string }) => void seen.push(`${end} ${type}`),
  });
  client.apps.add(own("client"));
  world.require("the server to have a connection", () => server.node.connections.length > 0);
  server.apps.add(own("server"));
  world.require("the handshake to be confirmed", () => client.connection.isConfirmed);
  for (const end of ["client", "server"]) assertEquals(seen.filter((each) => each === `${end} connected`).length, 1);
});

Deno.test("World.connect() with any losses and delays: one connection at both ends, the same one, and all others closed", () => {
  const links = fc.array(
    fc.record({ delayMs: fc.integer({ min: 0, max: 300 }), up: fc.nat(70), down: fc.nat(70), jitterMs: fc.nat(20) }),
    { minLength: 2, maxLength: 4 },
  );
  fc.assert(
    fc.property(fc.nat(1e6), links, (seed, links) => {
      using world = new World({ seed });
      for (const { up, down, ...link } of links) {
        world.addLink({ ...link, reorder: true, up: { lossPercent: up }, down: { lossPercent: down } });
      }
      const load = new Requests(bulk("down", 5000));
      const connection = world.connect({ load });
      world.at(1500, () => world.links.forEach((link) => link.set({ lossPercent: 0 })));
      world.require("all to arrive", () => load.isDone, 9000);
      const { client, server } = connection;
      const complete = [client, server].map(({ node }) =>
        node.connections.filter((each) => each.alpn && each.isMultipath)
      );
      for (const each of complete) assert(each.filter(({ error }) => error === undefined).length === 1);
      const secret = [client, server].map(({ connection }) =>
        connection.exportKeyingMaterial("x", new Uint8Array(), 8)
      );
      assertEquals(secret[0], secret[1]);
      // Three of the longest probe timeouts, or those of a server that never heard of the end.
      world.runFor(25_000);
      assertEquals(open(connection), [1, 1]);
    }),
    { numRuns: 40 },
  );
});
