import { assert, assertEquals, assertInstanceOf, assertMatch } from "@std/assert";
import { VersionError } from "../../transport/base/errors.ts";
import { isReserved, readVersionNegotiation, writeVersionNegotiation } from "../../transport/wire/version.ts";
import { CLIENT_ADDRESS, Pair, SERVER_ADDRESS } from "./pair.ts";
import { Rogue } from "./rogue.ts";

/** A datagram with a long header of any version, with these ids. */
function ofVersion(version: number, size: number, destination: Uint8Array, source: Uint8Array): Uint8Array {
  const data = new Uint8Array(size);
  data[0] = 0xc0;
  new DataView(data.buffer).setUint32(1, version);
  data[5] = destination.length;
  data.set(destination, 6);
  data[6 + destination.length] = source.length;
  data.set(source, 7 + destination.length);
  return data;
}

/** What the server's endpoint answers by itself. */
function answerOf(pair: Pair, data: Uint8Array): Uint8Array | undefined {
  const { endpoint } = pair.serverNode;
  const arrival = endpoint.receive({ data, local: SERVER_ADDRESS, remote: CLIENT_ADDRESS, ecn: "not-ect" }, 0);
  assertEquals(arrival.kind, "none");
  const buffer = new Uint8Array(1500);
  const transmit = endpoint.transmit(0, buffer);
  return transmit === undefined ? undefined : buffer.slice(0, transmit.length);
}

function idOf(length: number, seed: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 7 + seed) & 255);
}

/** A Version Negotiation packet as the server of a pair would answer the client's first datagram with. */
function negotiation(
  pair: Pair,
  versions: readonly number[],
  changes: { sourceId?: Uint8Array; destinationId?: Uint8Array } = {},
): Uint8Array {
  const ids = pair.clientTrace.assertSeen("quic:connection_started").data;
  const bytes = new Uint8Array(1500);
  const length = writeVersionNegotiation(
    bytes,
    changes.destinationId ?? ids.sourceId,
    changes.sourceId ?? ids.destinationId,
    versions,
    0,
  );
  return bytes.slice(0, length);
}

Deno.test("Endpoint answers an unknown version with the list of its own, one of them reserved, and the ids (RFC 9000 §6.1)", () => {
  const pair = new Pair();
  for (const version of [2, 0x1a2a3a4a, 0xffffffff, 0xff00001d]) {
    for (const [d, s] of [[8, 8], [0, 0], [20, 4], [255, 255]] as const) {
      const answer = answerOf(pair, ofVersion(version, 1200, idOf(d, 1), idOf(s, 2)));
      assert(answer !== undefined);
      const read = readVersionNegotiation(answer);
      assertEquals([read.destinationId, read.sourceId], [idOf(s, 2), idOf(d, 1)]);
      assertEquals(read.versions[0], 1);
      assert(read.versions.slice(1).some(isReserved));
      assert(answer.length < 1200);
    }
  }
  pair.serverTrace.assertDropped("unsupported_version");
  assertEquals(pair.serverNode.connections.length, 0);
});

Deno.test("Endpoint does not answer an unknown version in a datagram below 1200 bytes, nor Version Negotiation", () => {
  const pair = new Pair();
  assertEquals(answerOf(pair, ofVersion(2, 1199, idOf(8, 1), idOf(8, 2))), undefined);
  assertEquals(answerOf(pair, ofVersion(0, 1200, idOf(8, 1), idOf(8, 2))), undefined);
});

Deno.test("Endpoint that only connects answers no version at all", () => {
  const pair = new Pair();
  const { endpoint } = pair.clientNode;
  const data = ofVersion(2, 1200, idOf(8, 1), idOf(8, 2));
  endpoint.receive({ data, local: CLIENT_ADDRESS, remote: SERVER_ADDRESS, ecn: "not-ect" }, 0);
  assertEquals(endpoint.transmit(0, new Uint8Array(1500)), undefined);
});

Deno.test("Endpoint answers a bounded number of unknown versions between two chances to send", () => {
  const pair = new Pair();
  const { endpoint } = pair.serverNode;
  const data = ofVersion(2, 1200, idOf(8, 1), idOf(8, 2));
  for (let i = 0; i < 1000; i++) {
    endpoint.receive({ data, local: SERVER_ADDRESS, remote: CLIENT_ADDRESS, ecn: "not-ect" }, 0);
  }
  let answers = 0;
  while (endpoint.transmit(0, new Uint8Array(1500)) !== undefined) answers++;
  assertEquals(answers, 256);
});

Deno.test("Connection ends with VersionError when the server speaks no version of ours (RFC 9000 §6.2)", () => {
  const pair = new Pair();
  pair.world.runFor(1);
  new Rogue(pair, "server").deliver(negotiation(pair, [0x6b3343cf, 0x0a1a2a3a]));
  assertEquals(pair.client.state, "closed");
  assertInstanceOf(pair.client.error, VersionError);
  assertEquals(pair.client.error.offered, [0x6b3343cf, 0x0a1a2a3a]);
  assertMatch(pair.client.error.message, /0x6b3343cf/);
  assertEquals(pair.clientNode.driver(pair.client).closed?.error, pair.client.error);
  pair.clientTrace.assertNone("quic:packet_sent", (d) => d.frames.some((f) => f.kind === "connection_close"));
  // It is forgotten at once: nothing is left to wait for.
  assertEquals(pair.clientNode.endpoint.connections.size, 0);
});

Deno.test("Connection ignores Version Negotiation that lists the version it uses", () => {
  const pair = new Pair();
  pair.world.runFor(1);
  new Rogue(pair, "server").deliver(negotiation(pair, [2, 1]));
  pair.clientTrace.assertDropped("version_negotiation_unexpected");
  pair.confirm();
});

Deno.test("Connection ignores Version Negotiation that does not echo its ids", () => {
  const pair = new Pair();
  pair.world.runFor(1);
  const rogue = new Rogue(pair, "server");
  rogue.deliver(negotiation(pair, [2], { sourceId: idOf(8, 3) }));
  rogue.deliver(negotiation(pair, [2], { destinationId: idOf(8, 3) }));
  rogue.deliver(negotiation(pair, [2], { sourceId: new Uint8Array(0) }));
  pair.confirm();
  pair.clientTrace.assertCount("quic:packet_dropped", 2, (d) => d.reason === "version_negotiation_unexpected");
});

Deno.test("Connection ignores Version Negotiation once it has processed another packet of the server", () => {
  const pair = new Pair();
  pair.world.require("the first packet", () => pair.clientTrace.count("quic:packet_received") > 0);
  new Rogue(pair, "server").deliver(negotiation(pair, [2]));
  pair.clientTrace.assertDropped("version_negotiation_unexpected");
  pair.confirm();
});

Deno.test("Connection ignores Version Negotiation after a Retry", () => {
  const pair = new Pair({ serverConfig: { retry: true } });
  pair.world.require("the Retry", () => pair.clientTrace.count("quic:packet_received") > 0);
  new Rogue(pair, "server").deliver(negotiation(pair, [2]));
  pair.clientTrace.assertDropped("version_negotiation_unexpected");
  pair.confirm();
});

Deno.test("Connection ignores damaged Version Negotiation", () => {
  const pair = new Pair();
  pair.world.runFor(1);
  const whole = negotiation(pair, [2, 3]);
  const rogue = new Rogue(pair, "server");
  for (let length = 1; length < whole.length; length++) {
    if (length !== whole.length - 4) rogue.deliver(whole.subarray(0, length));
  }
  pair.confirm();
});

Deno.test("Connection drops packets of another version", () => {
  const pair = new Pair().confirm();
  const { sourceId } = pair.serverTrace.assertSeen("quic:connection_started").data;
  const before = pair.serverNode.endpoint.transmit(0, new Uint8Array(1500));
  assertEquals(before, undefined);
  new Rogue(pair, "client").deliver(ofVersion(2, 1200, sourceId, idOf(8, 2)));
  pair.serverTrace.assertDropped("unsupported_version");
  assertEquals(pair.server.state, "connected");
});
