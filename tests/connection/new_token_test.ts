import { assert, assertEquals, assertThrows } from "@std/assert";
import type { Connection } from "../../transport/connection/connection.ts";
import { NEW_TOKEN_LIFETIME } from "../../transport/endpoint/tokens.ts";
import { EndpointNode } from "../kit/endpoint_node.ts";
import { Trace } from "../kit/trace.ts";
import { largeTls } from "./identities.ts";
import { CLIENT_ADDRESS, Pair, type PairOptions, SERVER_ADDRESS } from "./pair.ts";

/** The first connection of a pair to a server that wants proof, closed again; and its token. */
function visited(options: PairOptions = {}): { readonly pair: Pair; readonly token: Uint8Array } {
  const pair = new Pair({ link: { rateMbps: null }, serverConfig: { retry: true }, ...options }).confirm();
  pair.world.runFor(100);
  const { token } = pair.client;
  assert(token !== undefined);
  pair.client.close(0, "", pair.world.now);
  pair.world.runFor(2000);
  return { pair, token };
}

/** Another connection by the same client; returns it and whether it met a Retry. */
function again(pair: Pair, token: Uint8Array): { readonly connection: Connection; readonly wasRetried: boolean } {
  const retries = (): number => pair.clientTrace.count("quic:packet_received", (d) => d.header.type === "retry");
  const before = retries();
  const connection = pair.clientNode.connect({
    local: { ...CLIENT_ADDRESS, port: 50_001 },
    remote: SERVER_ADDRESS,
    now: pair.world.now,
    token,
  });
  pair.world.require("the next connection", () => connection.isConfirmed);
  return { connection, wasRetried: retries() > before };
}

Deno.test("Connection gives the client a token once the handshake is confirmed (RFC 9000 §8.1.3)", () => {
  const pair = new Pair().confirm();
  pair.world.runFor(100);
  const [frame] = pair.serverTrace.frames("sent", "new_token");
  assertEquals(frame?.header.type, "one_rtt");
  assertEquals(pair.serverTrace.frames("sent", "new_token").length, 1);
  assertEquals(pair.client.token?.length, frame?.frame.token.length);
  assertEquals(pair.clientTrace.frames("sent", "new_token"), []);
});

Deno.test("Connection repeats a token that was lost", () => {
  const pair = new Pair({ serverConfig: { retry: true } });
  pair.link.down.tap = ({ number }) => number === 4 ? "drop" : "pass";
  pair.confirm();
  pair.world.require("the token", () => pair.client.token !== undefined, 3000);
});

Deno.test("Endpoint takes a token of its own for proof: no Retry, and no limit of three times", () => {
  const { pair, token } = visited({ serverConfig: { retry: true, tls: largeTls(30) } });
  const before = pair.world.now;
  const { connection, wasRetried } = again(pair, token);
  assertEquals(wasRetried, false);
  // Confirmed after two round trips: all certificates came at once.
  assertEquals(pair.world.now - before, 60);
  assert(connection.token !== undefined);
});

Deno.test("Endpoint takes each token once", () => {
  const { pair, token } = visited();
  assertEquals(again(pair, token).wasRetried, false);
  const { connection, wasRetried } = again(pair, token);
  assertEquals(wasRetried, true);
  // Each connection has a new one.
  pair.world.runFor(100);
  assertEquals(again(pair, connection.token!).wasRetried, false);
});

Deno.test("Endpoint takes a token only from the host that it was given to", () => {
  const { pair, token } = visited();
  const link = pair.world.addLink({ client: "10.0.7.1", server: SERVER_ADDRESS.hostname, delayMs: 5 });
  const trace = new Trace();
  const node = new EndpointNode({ random: pair.world.random.fork("other"), observer: trace });
  pair.world.addHost({ name: "other", hostnames: [link.client], node, app: (now) => node.run(now) });
  const local = { hostname: link.client, port: 1234 };
  const connection = node.connect({ local, remote: SERVER_ADDRESS, now: pair.world.now, token });
  pair.world.require("the handshake", () => connection.isConfirmed);
  assertEquals(trace.count("quic:packet_received", (d) => d.header.type === "retry"), 1);
});

Deno.test("Endpoint takes no token that is too old", () => {
  const { pair, token } = visited();
  pair.world.runFor(NEW_TOKEN_LIFETIME + 1);
  assertEquals(again(pair, token).wasRetried, true);
});

Deno.test("Endpoint gives no tokens when it is told so", () => {
  const pair = new Pair({ serverConfig: { newTokens: false } }).confirm();
  pair.world.runFor(100);
  assertEquals(pair.client.token, undefined);
  assertEquals(pair.serverTrace.frames("sent", "new_token"), []);
});

Deno.test("Endpoint.connect() refuses a token that leaves no room for a ClientHello", () => {
  assertThrows(() => new Pair({ token: new Uint8Array(1001) }), RangeError, "Token has 1001 bytes");
});
