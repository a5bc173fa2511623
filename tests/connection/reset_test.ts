import { assert, assertEquals, assertGreater, assertInstanceOf, assertLess, assertThrows } from "@std/assert";
import { fastestProvider } from "../../crypto/mod.ts";
import { StatelessResetError } from "../../transport/base/errors.ts";
import { MAX_RESETS_PER_SECOND } from "../../transport/endpoint/config.ts";
import { Endpoint } from "../../transport/endpoint/endpoint.ts";
import { EndpointNode } from "../kit/endpoint_node.ts";
import { Random } from "../kit/random.ts";
import { CLIENT_ADDRESS, Pair, SERVER_ADDRESS } from "./pair.ts";

const KEY = new Uint8Array(32).fill(5);
const KEYED = { clientEndpoint: { resetKey: KEY }, serverEndpoint: { resetKey: KEY } };

/** A settled pair, both ends of which can be restarted with their reset key. */
function settled(): Pair {
  const pair = new Pair(KEYED).confirm();
  pair.world.runFor(500);
  return pair;
}

/** The host forgets all and starts again, with the same key. */
function restart(pair: Pair, role: "client" | "server"): EndpointNode {
  const host = role === "client" ? pair.clientHost : pair.serverHost;
  const node = new EndpointNode({
    random: pair.world.random.fork("restarted"),
    server: role === "server" ? {} : undefined,
    endpoint: { resetKey: KEY },
  });
  host.node = node;
  host.app = (now) => node.run(now);
  return node;
}

function tokenOf(id: Uint8Array): Uint8Array {
  return fastestProvider().hmac("sha256", KEY, id).slice(0, 16);
}

/** A stateless reset as the server would send it. */
function resetWith(token: Uint8Array, length = 43): Uint8Array {
  const data = new Uint8Array(length).fill(0x5a);
  data.set(token, length - 16);
  return data;
}

function giveClient(pair: Pair, data: Uint8Array): void {
  const { world } = pair;
  pair.clientNode.receive({ data, local: CLIENT_ADDRESS, remote: SERVER_ADDRESS, ecn: "not-ect" }, world.now);
  world.runFor(0);
}

/** What an endpoint without any connection answers to a datagram. */
function answer(endpoint: Endpoint, data: Uint8Array, now = 0): Uint8Array | undefined {
  endpoint.receive({ data: data.slice(), local: SERVER_ADDRESS, remote: CLIENT_ADDRESS, ecn: "not-ect" }, now);
  const buffer = new Uint8Array(1500);
  const transmit = endpoint.transmit(now, buffer);
  return transmit === undefined ? undefined : buffer.slice(0, transmit.length);
}

function bareEndpoint(seed = 1): Endpoint {
  const random = new Random(seed);
  return new Endpoint({ provider: fastestProvider(), random: (into) => random.fill(into) });
}

function shortPacket(length: number, seed = 1): Uint8Array {
  const data = new Uint8Array(length);
  new Random(seed).fill(data);
  data[0] = 0x40 | data[0]! & 0x3f;
  return data;
}

Deno.test("Endpoint that lost its state resets the client's connection with a stateless reset (RFC 9000 §10.3)", () => {
  const pair = settled();
  restart(pair, "server");
  const sent = pair.clientHost.sent;
  pair.client.ping();
  pair.world.runFor(40);
  assertEquals(pair.client.state, "draining");
  assertInstanceOf(pair.client.error, StatelessResetError);
  pair.clientTrace.assertSeen("quic:connection_closed", (d) => d.trigger === "stateless_reset");
  // It says nothing more, and is forgotten.
  assertEquals(pair.clientHost.sent, sent + 1);
  pair.world.runFor(3000);
  assertEquals(pair.client.state, "closed");
  assertEquals(pair.clientNode.endpoint.connections.size, 0);
  assertInstanceOf(pair.clientNode.driver(pair.client).closed?.error, StatelessResetError);
});

Deno.test("Endpoint that lost its state resets the server's connection, once that uses an id with a token", () => {
  const pair = settled();
  assert(pair.server.rotateConnectionId());
  pair.server.ping();
  pair.world.runFor(100);
  restart(pair, "client");
  pair.server.ping();
  pair.world.runFor(40);
  assertInstanceOf(pair.server.error, StatelessResetError);
});

Deno.test("Endpoint that lost its state cannot reset by an id of the client's handshake, which has no token", () => {
  const pair = settled();
  restart(pair, "client");
  pair.server.ping();
  pair.world.runFor(40);
  assertEquals(pair.server.state, "connected");
});

Deno.test("Endpoint with another key resets nobody", () => {
  const pair = new Pair({ clientEndpoint: { resetKey: KEY } }).confirm();
  pair.world.runFor(500);
  restart(pair, "server");
  pair.client.ping();
  pair.world.runFor(500);
  assertEquals(pair.client.state, "connected");
});

Deno.test("Endpoint answers what it does not know with less bytes, at least 21, at most 43", () => {
  const endpoint = bareEndpoint();
  for (let length = 1; length <= 1500; length += length < 60 ? 1 : 97) {
    const reset = answer(endpoint, shortPacket(length), length * 1000);
    if (length <= 21) {
      assertEquals(reset, undefined, `${length} bytes`);
      continue;
    }
    assert(reset !== undefined, `${length} bytes`);
    assertLess(reset.length, length);
    assert(reset.length >= 21 && reset.length <= 43);
    assertEquals(reset[0]! & 0xc0, 0x40);
  }
});

Deno.test("Endpoint's resets look different each time but for the token", () => {
  const endpoint = bareEndpoint();
  const [a, b] = [answer(endpoint, shortPacket(100)), answer(endpoint, shortPacket(100))];
  assertEquals(a!.slice(-16), b!.slice(-16));
  assert(a!.slice(0, -16).toHex() !== b!.slice(0, -16).toHex());
  const other = shortPacket(100, 2);
  assert(answer(endpoint, other)!.slice(-16).toHex() !== a!.slice(-16).toHex());
});

Deno.test("Endpoints without state do not answer each other for ever (RFC 9000 §10.3.3)", () => {
  const ends = [bareEndpoint(1), bareEndpoint(2)];
  let data: Uint8Array | undefined = shortPacket(1200);
  let rounds = 0;
  for (; data !== undefined; rounds++) {
    assertLess(rounds, 40);
    data = answer(ends[rounds & 1]!, data, rounds);
  }
  assertGreater(rounds, 1);
});

Deno.test("Endpoint sends a bounded number of resets in a second", () => {
  const endpoint = bareEndpoint();
  for (const second of [0, 1, 5]) {
    let answers = 0;
    for (let i = 0; i < 1000; i++) {
      if (answer(endpoint, shortPacket(50, i), second * 1000 + i / 2) !== undefined) answers++;
    }
    assertEquals(answers, MAX_RESETS_PER_SECOND);
  }
});

Deno.test("Endpoint answers no long header that it does not know with a reset", () => {
  const endpoint = bareEndpoint();
  for (const first of [0xc0, 0xd0, 0xe0, 0xf0]) {
    const data = new Uint8Array(1200);
    data.set([first, 0, 0, 0, 1, 8]);
    assertEquals(answer(endpoint, data), undefined);
  }
});

Deno.test("Connection is reset by tokens of ids in use alone, not by those of retired or unused ones (RFC 9000 §10.3.1)", () => {
  const pair = settled();
  const first = pair.serverTrace.assertSeen("quic:connection_started").data.sourceId;
  const issued = pair.serverTrace.frames("sent", "new_connection_id").map(({ frame }) => frame).filter((f) =>
    (f.path ?? 0) === 0
  );
  assertGreater(issued.length, 1);
  // The tokens on the wire are those of the key.
  for (const { connectionId, resetToken } of issued) assertEquals(resetToken, tokenOf(connectionId));
  const unused = issued.at(-1)!;
  giveClient(pair, resetWith(unused.resetToken));
  assertEquals(pair.client.state, "connected");
  assert(pair.client.rotateConnectionId());
  giveClient(pair, resetWith(tokenOf(first)));
  assertEquals(pair.client.state, "connected");
  giveClient(pair, resetWith(issued[0]!.resetToken));
  assertEquals(pair.client.state, "draining");
});

Deno.test("Connection is reset by a datagram of 21 bytes and more that ends in the token, whatever it begins with", () => {
  for (const [length, reset] of [[20, false], [21, true], [29, true], [100, true], [1200, true]] as const) {
    for (const known of [false, true]) {
      const pair = settled();
      const data = resetWith(tokenOf(pair.serverTrace.assertSeen("quic:connection_started").data.sourceId), length);
      // With an id of the client it gets to the connection as a packet that does not open.
      if (known && length >= 29) data.set(pair.clientTrace.assertSeen("quic:connection_started").data.sourceId, 1);
      giveClient(pair, data);
      assertEquals(pair.client.state, reset ? "draining" : "connected", `${length} bytes`);
    }
  }
});

Deno.test("Connection is not reset by a token with one wrong bit", () => {
  const pair = settled();
  const token = tokenOf(pair.serverTrace.assertSeen("quic:connection_started").data.sourceId);
  for (let i = 0; i < 128; i++) {
    const wrong = token.slice();
    wrong[i >> 3]! ^= 1 << (i & 7);
    giveClient(pair, resetWith(wrong));
  }
  assertEquals(pair.client.state, "connected");
});

Deno.test("Connection of a client that lives is untouched when a stranger sends to an endpoint what it does not know", () => {
  const pair = settled();
  for (let i = 0; i < 300; i++) giveClient(pair, shortPacket(60, i));
  assertEquals(pair.client.state, "connected");
});

Deno.test("Endpoint refuses a reset key that is not of 32 bytes", () => {
  const endpoint = { resetKey: new Uint8Array(31) };
  assertThrows(() => new EndpointNode({ random: new Random(1), endpoint }), RangeError, "resetKey");
});
