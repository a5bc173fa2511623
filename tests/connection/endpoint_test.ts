import { assert, assertEquals, assertInstanceOf, assertLess, assertThrows } from "@std/assert";
import { IdleTimeoutError, TransportError, TransportErrorCode } from "../../transport/base/errors.ts";
import type { Connection } from "../../transport/connection/connection.ts";
import type { Incoming } from "../../transport/endpoint/incoming.ts";
import { parseHeader } from "../../transport/wire/header.ts";
import { bulk, Requests } from "../kit/apps.ts";
import { Random } from "../kit/random.ts";
import { EndpointNode } from "../kit/endpoint_node.ts";
import { CLIENT_ADDRESS, Pair, type PairOptions, SERVER_ADDRESS } from "./pair.ts";
import { Rogue } from "./rogue.ts";

/** More connections from the client of a pair, all from one address. */
function connectMore(pair: Pair, count: number, apps: readonly Requests[] = []): Connection[] {
  return Array.from({ length: count }, (_, i) =>
    pair.clientNode.connect({
      local: CLIENT_ADDRESS,
      remote: SERVER_ADDRESS,
      now: pair.world.now,
      apps: apps[i] === undefined ? [] : [apps[i].client],
    }));
}

/** A pair whose clients wait for an answer. */
function waiting(options: PairOptions = {}): { readonly pair: Pair; readonly incoming: Incoming[] } {
  const incoming: Incoming[] = [];
  const pair = new Pair({ ...options, onIncoming: (client) => incoming.push(client) });
  return { pair, incoming };
}

Deno.test("Endpoint serves 200 connections at once, each from one address to one address", () => {
  const loads = Array.from({ length: 200 }, () => new Requests([{ request: 1000, response: 5000 }]));
  let next = 0;
  const pair: Pair = new Pair({ link: { rateMbps: 100, queueMs: 500 } });
  // The server's applications in the order in which clients come: streams tell them apart by their bytes alone.
  const { accept } = pair.serverNode;
  pair.serverNode.accept = (incoming, now) => {
    const connection = accept.call(pair.serverNode, incoming, now);
    const index = next++ - 1;
    if (index >= 0) pair.serverNode.driver(connection).add(loads[index]!.server);
    return connection;
  };
  pair.confirm();
  const connections = connectMore(pair, 200, loads);
  pair.world.require("200 exchanges", () => loads.every((load) => load.isDone), 30_000);
  assert(connections.every((connection) => connection.state === "connected"));
  assertEquals(pair.serverNode.endpoint.connections.size, 201);
  // All ids are different: every datagram found its connection.
  assertEquals(pair.serverTrace.count("quic:packet_dropped", (d) => d.reason === "unknown_connection_id"), 0);
  for (const connection of pair.clientNode.connections) connection.close(0, "", pair.world.now);
  pair.world.runFor(5000);
  for (const node of [pair.clientNode, pair.serverNode]) {
    assertEquals(node.endpoint.connections.size, 0);
    assertEquals(node.endpoint.nextTimeout(), Infinity);
  }
});

Deno.test("Endpoint.nextTimeout() is the earliest of all its connections", () => {
  const pair = new Pair().confirm();
  connectMore(pair, 5);
  pair.world.runFor(1000);
  const { endpoint, connections } = pair.clientNode;
  assertEquals(endpoint.nextTimeout(), Math.min(...connections.map((connection) => connection.nextTimeout())));
  // Nothing happens before it, and asking changes nothing.
  const at = endpoint.nextTimeout();
  endpoint.handleTimeout(pair.world.now);
  assertEquals(endpoint.nextTimeout(), at);
});

Deno.test("Endpoint asks for proof above its limit of handshakes, and drops clients above the other", () => {
  const pair = new Pair({ serverConfig: { retryAbove: 3, maxHandshakes: 5 }, link: { rateMbps: null } }).confirm();
  // Clients of which only Initials come, never a Handshake packet.
  pair.link.up.tap = ({ data }) => {
    const header = parseHeader(data, 0, data.length, 8);
    return header.type === "initial" && header.end === data.length ? "pass" : "drop";
  };
  connectMore(pair, 12);
  pair.world.runFor(100);
  const half = pair.serverNode.endpoint.connections.size - 1;
  assert(half >= 3 && half <= 5, `${half} half open`);
  assert(pair.clientTrace.count("quic:packet_received", (d) => d.header.type === "retry") > 0);
  pair.serverTrace.assertDropped("server_busy");
  // When they are gone, others get in.
  pair.link.up.tap = undefined;
  pair.world.runFor(15_000);
  const [late] = connectMore(pair, 1);
  pair.world.require("a late client", () => late!.isConfirmed, pair.world.now + 1000);
});

Deno.test("Endpoint.refuse() sends a client away with CONNECTION_REFUSED, and keeps nothing", () => {
  const { pair, incoming } = waiting();
  pair.world.require("the client", () => incoming.length > 0);
  pair.serverNode.endpoint.refuse(incoming[0]!, pair.world.now);
  pair.world.runFor(20);
  assertInstanceOf(pair.client.error, TransportError);
  assertEquals([pair.client.error.code, pair.client.error.byPeer], [TransportErrorCode.CONNECTION_REFUSED, true]);
  assertEquals(pair.serverNode.endpoint.connections.size, 0);
});

Deno.test("Endpoint.ignore() lets a client wait and ask again", () => {
  const { pair, incoming } = waiting({ client: { handshakeTimeout: 4000 } });
  pair.world.require("the client", () => incoming.length > 0);
  pair.serverNode.endpoint.ignore(incoming[0]!);
  pair.world.require("the client again", () => incoming.length > 1, 2000);
  for (const client of incoming.slice(1)) pair.serverNode.endpoint.ignore(client);
  pair.world.runFor(5000);
  assertInstanceOf(pair.client.error, IdleTimeoutError);
});

Deno.test("Endpoint.retry() by choice makes a client prove its address, once", () => {
  const { pair, incoming } = waiting();
  pair.world.require("the client", () => incoming.length > 0);
  assertEquals(incoming[0]!.validated, false);
  pair.serverNode.endpoint.retry(incoming[0]!, pair.world.now);
  pair.world.require("the client again", () => incoming.length > 1);
  assertEquals(incoming[1]!.validated, true);
  assertThrows(() => pair.serverNode.endpoint.retry(incoming[1]!, pair.world.now), TypeError);
  pair.serverNode.accept(incoming[1]!, pair.world.now);
  pair.confirm();
});

Deno.test("Endpoint asks once about a client that waits, and lets it in with all that it sent meanwhile", () => {
  for (const delay of [10, 1500, 4000]) {
    const { pair, incoming } = waiting();
    pair.world.require("the client", () => incoming.length > 0);
    pair.world.runFor(delay);
    assertEquals(incoming.length, 1);
    pair.serverNode.accept(incoming[0]!, pair.world.now);
    const accepted = pair.world.now;
    pair.confirm();
    assertLess(pair.world.now - accepted, 100);
    assertEquals(pair.serverNode.connections.length, 1);
  }
});

Deno.test("Endpoint forgets clients that nobody answers, and asks about them again", () => {
  const { pair, incoming } = waiting({
    client: { handshakeTimeout: 60_000, maxIdleTimeout: 0 },
    serverConfig: { maxHandshakes: 1 },
  });
  pair.world.runFor(500);
  assertEquals(incoming.length, 1);
  pair.world.require("the client again", () => incoming.length > 1, 40_000);
});

Deno.test("Endpoint answers each client once", () => {
  const { pair, incoming } = waiting();
  pair.world.require("the client", () => incoming.length > 0);
  const { endpoint } = pair.serverNode;
  const [client] = incoming;
  endpoint.accept(client!, pair.world.now);
  for (const answer of [endpoint.accept, endpoint.refuse, endpoint.retry, endpoint.ignore]) {
    assertThrows(() => answer.call(endpoint, client!, pair.world.now), TypeError, "answered before");
  }
});

Deno.test("Endpoint lets in nobody without a server configuration, and refuses lengths of ids that cannot be", () => {
  const { pair, incoming } = waiting();
  pair.world.require("the client", () => incoming.length > 0);
  assertThrows(() => pair.clientNode.endpoint.accept(incoming[0]!, 0), TypeError);
  for (const idLength of [-1, 3, 21, NaN]) {
    assertThrows(() => new EndpointNode({ random: new Random(1), endpoint: { idLength } }), RangeError, "idLength");
  }
});

Deno.test("Endpoint works with ids of any length from 4 to 20 bytes at each end", () => {
  for (const [client, server] of [[4, 20], [20, 4], [20, 20], [4, 4], [8, 17]] as const) {
    const load = new Requests(bulk("both", 50_000));
    const pair = new Pair({
      clientEndpoint: { idLength: client },
      serverEndpoint: { idLength: server },
      clientApps: [load.client],
      serverApps: [load.server],
    });
    pair.world.require(`the transfer with ids of ${client} and ${server} bytes`, () => load.isDone, 5000);
  }
});

Deno.test("Endpoint's other connections are untouched when one of them goes wrong", () => {
  const load = new Requests(bulk("both", 500_000));
  const pair = new Pair({ serverApps: [load.server] }).confirm();
  const [other] = connectMore(pair, 1, [load]);
  pair.world.runFor(100);
  const rogue = new Rogue(pair, "client");
  rogue.send({ frames: [Uint8Array.of(0x21)] });
  assertEquals(pair.server.error?.code, TransportErrorCode.FRAME_ENCODING_ERROR);
  pair.world.require("the other's transfer", () => load.isDone);
  assertEquals(other!.state, "connected");
  pair.world.runFor(2000);
  assertEquals(pair.serverNode.endpoint.connections.size, 1);
});

Deno.test("Endpoint forgets a connection that its owner gives up", () => {
  const pair = new Pair().confirm();
  pair.serverNode.endpoint.forget(pair.server);
  assertEquals(pair.serverNode.endpoint.connections.size, 0);
  pair.client.ping();
  pair.world.runFor(40);
  // The next packet is met as a stranger's: with a reset.
  assertEquals(pair.client.state, "draining");
});
