import { assert, assertEquals, assertGreater, assertInstanceOf, assertLess } from "@std/assert";
import { retryIntegrityTag } from "../../crypto/retry_integrity.ts";
import { TransportError, TransportErrorCode } from "../../transport/base/errors.ts";
import { DEFAULT_CONFIG } from "../../transport/connection/config.ts";
import { RETRY_TOKEN_LIFETIME } from "../../transport/endpoint/tokens.ts";
import { parseHeader, writeRetry } from "../../transport/wire/header.ts";
import { Writer } from "../../transport/wire/writer.ts";
import { bulk, Requests } from "../kit/apps.ts";
import { largeTls } from "./identities.ts";
import { CLIENT_ADDRESS, Pair, type PairOptions, SERVER_ADDRESS } from "./pair.ts";
import { Rogue } from "./rogue.ts";

const RETRY: PairOptions = { serverConfig: { retry: true } };

/** The client's sources of truth for a forged Retry. */
function idsOf(pair: Pair): { readonly sourceId: Uint8Array; readonly destinationId: Uint8Array } {
  return pair.clientTrace.assertSeen("quic:connection_started").data;
}

/** A Retry packet with a right tag, as anyone who saw the client's first datagram can make it. */
function forgedRetry(
  pair: Pair,
  token: Uint8Array,
  sourceId: Uint8Array = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8),
): Uint8Array {
  const ids = idsOf(pair);
  const bytes = new Uint8Array(2000);
  const { tagAt } = writeRetry(new Writer(bytes), { version: 1, destinationId: ids.sourceId, sourceId, token });
  bytes.set(retryIntegrityTag(pair.provider, ids.destinationId, bytes.subarray(0, tagAt)), tagAt);
  return bytes.slice(0, tagAt + 16);
}

/** The client's second Initial, with its token; it does not reach the server. */
function capturedInitial(pair: Pair): Uint8Array {
  let caught: Uint8Array | undefined;
  pair.link.up.tap = ({ number, data }) => {
    if (number === 1) return "pass";
    caught ??= data.slice();
    return "drop";
  };
  pair.world.require("the Initial with a token", () => caught !== undefined, 100);
  return caught!;
}

/** What the server's endpoint says by itself to a datagram from an address. */
function answerTo(pair: Pair, data: Uint8Array, port: number, now: number): Uint8Array | undefined {
  const { endpoint } = pair.serverNode;
  const arrival = endpoint.receive({
    data: data.slice(),
    local: SERVER_ADDRESS,
    remote: { ...CLIENT_ADDRESS, port },
    ecn: "not-ect",
  }, now);
  assertEquals(arrival.kind, "none");
  const buffer = new Uint8Array(1500);
  const transmit = endpoint.transmit(now, buffer);
  return transmit === undefined ? undefined : buffer.slice(0, transmit.length);
}

function assertInvalidToken(pair: Pair, initial: Uint8Array, answer: Uint8Array | undefined): void {
  assert(answer !== undefined);
  const rogue = new Rogue(pair, "client");
  rogue.initialDestination = parseHeader(initial, 0, initial.length, 8).destinationId;
  const [packet] = rogue.open(answer);
  assertEquals(packet?.level, "initial");
  assertEquals(packet?.destinationId, idsOf(pair).sourceId);
  const [frame] = packet!.frames;
  assertEquals(frame?.kind === "connection_close" && frame.code, TransportErrorCode.INVALID_TOKEN);
  pair.serverTrace.assertDropped("token_invalid");
  assertEquals(pair.serverNode.connections.length, 0);
}

Deno.test("Endpoint sends a Retry and the client proves its address (RFC 9000 §8.1.2)", () => {
  const load = new Requests(bulk("both", 100_000));
  const pair = new Pair({ ...RETRY, link: { rateMbps: null }, clientApps: [load.client], serverApps: [load.server] });
  pair.world.require("the handshake", () => pair.client.state === "connected");
  assertEquals(pair.world.now, 60);
  pair.world.require("the transfer", () => load.isDone);
  assertEquals(pair.serverNode.connections.length, 1);
  // Numbers go on where they were (RFC 9000 §17.2.5.3).
  const numbers = pair.clientTrace.filter("quic:packet_sent", (d) => d.header.type === "initial").map((e) =>
    e.data.header.number
  );
  assertEquals(numbers.slice(0, 2), [0, 1]);
  pair.serverTrace.assertNone("quic:packet_received", (d) => d.header.type === "initial" && d.header.number === 0);
});

Deno.test("Endpoint's Retry needs no state, and takes the limit of amplification away", () => {
  const pair = new Pair({ serverConfig: { retry: true, tls: largeTls(30) }, link: { rateMbps: null } });
  pair.world.runFor(40);
  assertEquals(pair.serverNode.endpoint.connections.size, 0);
  pair.world.require("the handshake", () => pair.client.state === "connected");
  // All certificates came in one round trip after the Retry's.
  assertEquals(pair.world.now, 60);
});

Deno.test("Connection carries the token in every Initial that follows a Retry", () => {
  const pair = new Pair({ ...RETRY, link: { down: { drop: [2, 3] } } });
  const tokens: number[] = [];
  pair.world.onSend = (_link, direction, data) => {
    if (direction === "up" && (data[0]! & 0xb0) === 0x80) {
      tokens.push(parseHeader(data, 0, data.length, 8).token.length);
    }
  };
  pair.confirm();
  assertEquals(tokens[0], 0);
  assertGreater(tokens.length, 2);
  for (const length of tokens.slice(1)) assertGreater(length, 30);
});

Deno.test("Connection completes through a Retry with any one of the first 8 datagrams lost or doubled", () => {
  for (const treatment of ["drop", "duplicate"] as const) {
    for (const direction of ["up", "down"] as const) {
      for (let number = 1; number <= 8; number++) {
        const load = new Requests(bulk("both", 20_000), { startOn: "connected" });
        const link = { [direction]: { [treatment]: [number] } };
        const pair = new Pair({ ...RETRY, link, clientApps: [load.client], serverApps: [load.server] });
        pair.world.require(`the transfer with ${treatment} of ${number} ${direction}`, () => load.isDone, 8000);
      }
    }
  }
});

Deno.test("Endpoint refuses a Retry's token that comes from another address, with INVALID_TOKEN (RFC 9000 §8.1.3)", () => {
  const pair = new Pair(RETRY);
  const initial = capturedInitial(pair);
  assertInvalidToken(pair, initial, answerTo(pair, initial, CLIENT_ADDRESS.port + 1, pair.world.now));
});

Deno.test("Endpoint refuses a Retry's token that is too old, with INVALID_TOKEN", () => {
  const pair = new Pair(RETRY);
  const initial = capturedInitial(pair);
  const late = pair.world.now + RETRY_TOKEN_LIFETIME + 1;
  assertInvalidToken(pair, initial, answerTo(pair, initial, CLIENT_ADDRESS.port, late));
});

Deno.test("Connection ends with INVALID_TOKEN when its Initial was that late", () => {
  const pair = new Pair({ ...RETRY, client: { handshakeTimeout: 60_000 } });
  pair.link.up.tap = ({ number }) => number === 1 ? "pass" : { delay: RETRY_TOKEN_LIFETIME + 1 };
  pair.world.require("the refusal", () => pair.client.error !== undefined);
  assertInstanceOf(pair.client.error, TransportError);
  assertEquals([pair.client.error.code, pair.client.error.byPeer], [TransportErrorCode.INVALID_TOKEN, true]);
});

Deno.test("Endpoint takes a Retry's token as long as its handshakes may take", () => {
  const long = { handshakeTimeout: 4 * RETRY_TOKEN_LIFETIME };
  const pair = new Pair({ ...RETRY, client: long, server: long });
  pair.link.up.tap = ({ number }) => number === 1 ? "pass" : { delay: RETRY_TOKEN_LIFETIME + 1 };
  pair.world.require("the handshake", () => pair.client.isConfirmed);
  assertEquals(pair.client.error, undefined);
});

Deno.test("Endpoint takes a token that it cannot read for none (RFC 9000 §8.1.3)", () => {
  for (const retry of [false, true]) {
    for (const length of [1, 27, 28, 100, 1000]) {
      const pair = new Pair({ serverConfig: { retry }, token: new Uint8Array(length).fill(7) }).confirm();
      const retried = pair.clientTrace.count("quic:packet_received", (d) => d.header.type === "retry");
      assertEquals(retried, retry ? 1 : 0);
    }
  }
});

Deno.test("Connection ignores a Retry with a wrong tag", () => {
  const pair = new Pair(RETRY);
  pair.link.down.tap = ({ number, data }) => {
    if (number === 1) data[data.length - 1]! ^= 1;
    return "pass";
  };
  pair.confirm();
  pair.clientTrace.assertDropped("retry_integrity");
  assertLess(pair.world.now, 1300);
});

Deno.test("Connection ignores a second Retry", () => {
  const pair = new Pair({ ...RETRY, link: { down: { duplicate: [1] } } }).confirm();
  pair.clientTrace.assertDropped("retry_unexpected");
  assertEquals(pair.serverNode.connections.length, 1);
});

Deno.test("Connection ignores a Retry once it has processed any packet of the server", () => {
  const pair = new Pair();
  pair.world.require("the first packet", () => pair.clientTrace.count("quic:packet_received") > 0);
  new Rogue(pair, "server").deliver(forgedRetry(pair, Uint8Array.of(1, 2, 3)));
  pair.clientTrace.assertDropped("retry_unexpected");
  pair.confirm();
});

Deno.test("Connection ignores a Retry that keeps the client's own destination id, has no token, or one that is too long", () => {
  const pair = new Pair();
  const rogue = new Rogue(pair, "server");
  rogue.deliver(forgedRetry(pair, Uint8Array.of(1), idsOf(pair).destinationId));
  pair.clientTrace.assertDropped("retry_unexpected");
  rogue.deliver(forgedRetry(pair, new Uint8Array(1001)));
  pair.clientTrace.assertDropped("token_invalid");
  const bare = forgedRetry(pair, Uint8Array.of(1));
  rogue.deliver(new Uint8Array([...bare.subarray(0, -17), ...bare.subarray(-16)]));
  pair.clientTrace.assertDropped("header_parse_error");
  pair.confirm();
});

Deno.test("Connection goes on with the longest token that it takes", () => {
  const pair = new Pair();
  pair.world.runFor(1);
  new Rogue(pair, "server").deliver(forgedRetry(pair, new Uint8Array(1000).fill(1)));
  // The server knows nothing of the forged Retry, and is found out by its parameters.
  const sizes: number[] = [];
  pair.world.onSend = (_link, direction, data) => {
    if (direction === "up") sizes.push(data.length);
  };
  pair.world.runFor(3000);
  assertEquals(new Set(sizes), new Set([1200]));
  assertEquals(pair.client.error?.code, TransportErrorCode.TRANSPORT_PARAMETER_ERROR);
  const crypto = pair.clientTrace.frames("sent", "crypto").filter(({ header }) => header.number > 0);
  assertGreater(crypto.length, 1);
});

Deno.test("Endpoint gives no Retry to what is not a client's Initial, and Connection at a server ignores a Retry", () => {
  const pair = new Pair(RETRY);
  pair.world.runFor(16);
  const handshake = new Uint8Array(1200);
  handshake.set([0xe0, 0, 0, 0, 1, 8]);
  assertEquals(answerTo(pair, handshake, 1, pair.world.now), undefined);
  pair.confirm();
  const { sourceId } = pair.serverTrace.assertSeen("quic:connection_started").data;
  const bytes = new Uint8Array(100);
  writeRetry(new Writer(bytes), {
    version: 1,
    destinationId: sourceId,
    sourceId: new Uint8Array(8),
    token: bytes.slice(50),
  });
  pair.world.runFor(DEFAULT_CONFIG.maxAckDelay);
  new Rogue(pair, "client").deliver(bytes);
  pair.serverTrace.assertDropped("unexpected_packet");
  assertEquals(pair.server.state, "connected");
});
