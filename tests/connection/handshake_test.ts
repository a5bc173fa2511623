import { assert, assertEquals, assertGreater, assertInstanceOf, assertLess, assertStringIncludes } from "@std/assert";
import { IdleTimeoutError } from "../../transport/base/errors.ts";
import { parseHeader } from "../../transport/wire/header.ts";
import { bulk, Requests } from "../kit/apps.ts";
import { largeTls } from "./identities.ts";
import { CLIENT_ADDRESS, Pair, SERVER_ADDRESS } from "./pair.ts";
import { Rogue } from "./rogue.ts";

/** The types of the packets in a datagram of one end. */
function typesIn(data: Uint8Array): string[] {
  const types: string[] = [];
  for (let at = 0; at < data.length;) {
    const header = parseHeader(data, at, data.length, 8);
    types.push(header.type);
    at = header.end;
  }
  return types;
}

/** Every datagram of a pair, with its direction and the types of its packets. */
function recordTypes(
  pair: Pair,
): { up: { types: string[]; size: number }[]; down: { types: string[]; size: number }[] } {
  const all: ReturnType<typeof recordTypes> = { up: [], down: [] };
  pair.world.onSend = (_link, direction, data) => all[direction].push({ types: typesIn(data), size: data.length });
  return all;
}

Deno.test("Connection completes and confirms a handshake in virtual time", () => {
  const pair = new Pair().confirm();
  assertEquals(pair.client.state, "connected");
  assertEquals(pair.client.alpn, "world");
  assertEquals(pair.server.serverName, "world.test");
});

Deno.test("Connection carries 1 MB each way and every byte is right", () => {
  const load = new Requests([...bulk("down", 1_000_000), ...bulk("up", 1_000_000)]);
  const pair = new Pair({ clientApps: [load.client], serverApps: [load.server] });
  pair.world.require("both transfers", () => load.isDone);
  assert(load.completedAt > 0);
});

Deno.test("Connection needs one round trip to be complete and two to be confirmed", () => {
  const pair = new Pair({ link: { delayMs: 15, rateMbps: null } });
  pair.world.require("completion at the client", () => pair.client.state === "connected");
  assertEquals(pair.world.now, 30);
  pair.world.require("completion at the server", () => pair.server.state === "connected");
  assertEquals(pair.world.now, 45);
  pair.confirm();
  assertEquals(pair.world.now, 60);
});

Deno.test("Connection coalesces packets of several levels in one datagram", () => {
  const load = new Requests([{ request: 10, response: 10 }], { startOn: "connected" });
  const pair = new Pair({ clientApps: [load.client], serverApps: [load.server] });
  const sent = recordTypes(pair);
  pair.world.require("the exchange", () => load.isDone);
  assertEquals(sent.down[0]!.types, ["initial", "handshake"]);
  // ACK, Finished and the request leave together.
  assertEquals(sent.up[1]!.types, ["initial", "handshake", "one_rtt"]);
});

Deno.test("Connection pads what a client sends with an Initial, and a server with one that asks for an ACK, to 1200 bytes", () => {
  for (const drop of [[], [1], [2], [1, 2], [3]]) {
    const pair = new Pair({ link: { up: { drop }, down: { drop } } });
    const sent: { direction: "up" | "down"; data: Uint8Array }[] = [];
    pair.world.onSend = (_link, direction, data) => sent.push({ direction, data: data.slice() });
    pair.confirm();
    let asked = 0;
    for (const { direction, data } of sent) {
      const size = data.length;
      const packets = new Rogue(pair, direction === "up" ? "server" : "client").open(data);
      const initial = packets.find((packet) => packet.level === "initial");
      if (initial === undefined) continue;
      const elicits = initial.frames.some((frame) => frame.kind === "crypto" || frame.kind === "ping");
      if (elicits) asked += 1;
      if (elicits || direction === "up") assertEquals(size, 1200, `${direction}: ${JSON.stringify(packets)}`);
    }
    assertGreater(asked, 1);
  }
});

Deno.test("Connection drops keys when RFC 9001 §4.9 says so", () => {
  const pair = new Pair().confirm();
  const { clientTrace, serverTrace } = pair;
  for (const trace of [clientTrace, serverTrace]) {
    trace.assertCount("quic:key_discarded", 1, (d) => d.keyType === "initial");
    trace.assertCount("quic:key_discarded", 1, (d) => d.keyType === "handshake");
  }
  const firstHandshakeSent = clientTrace.first("quic:packet_sent", (d) => d.header.type === "handshake")!;
  const clientInitial = clientTrace.first("quic:key_discarded", (d) => d.keyType === "initial")!;
  assertEquals(clientInitial.now, firstHandshakeSent.now);
  const firstHandshakeReceived = serverTrace.first("quic:packet_received", (d) => d.header.type === "handshake")!;
  const serverInitial = serverTrace.first("quic:key_discarded", (d) => d.keyType === "initial")!;
  assertEquals(serverInitial.now, firstHandshakeReceived.now);
  const confirmedAt = clientTrace.frames("received", "handshake_done")[0]!.now;
  assertEquals(clientTrace.first("quic:key_discarded", (d) => d.keyType === "handshake")!.now, confirmedAt);
  // Nothing of a level is sent once its keys are gone.
  for (const [trace, level] of [[clientTrace, "initial"], [serverTrace, "initial"]] as const) {
    const gone = trace.first("quic:key_discarded", (d) => d.keyType === level)!.now;
    trace.assertNone("quic:packet_sent", (d, now) => d.header.type === level && now > gone);
  }
});

Deno.test("Connection keeps Initial keys on both sides until the other end has Handshake keys", () => {
  const pair = new Pair({ link: { up: { drop: [2, 3] } } });
  pair.world.runFor(100);
  // The client has sent a Handshake packet, the server has not seen it.
  pair.clientTrace.assertCount("quic:key_discarded", 1, (d) => d.keyType === "initial");
  pair.serverTrace.assertNone("quic:key_discarded");
  pair.confirm();
});

Deno.test("Connection keeps Handshake packets that arrive before their keys, and reads them later", () => {
  const pair = new Pair({ serverConfig: { tls: largeTls(6) } });
  // The server's first datagram, with its ServerHello, arrives after those with the rest of its certificates.
  pair.link.down.tap = ({ number }) => number === 1 ? { delay: 50 } : "pass";
  pair.confirm();
  assertGreater(pair.clientTrace.count("quic:packet_buffered", (d) => d.type === "handshake"), 0);
  assertLess(pair.world.now, 200);
  // They did not have to be sent again.
  pair.clientTrace.assertNone("quic:packet_dropped", (d) => d.type === "handshake" && d.reason !== "duplicate");
});

Deno.test("Connection reads the client's first 1-RTT data although its Finished comes later", () => {
  const load = new Requests([{ request: 3000, response: 10 }], { startOn: "connected" });
  const pair = new Pair({ clientApps: [load.client], serverApps: [load.server] });
  pair.link.up.tap = ({ number }) => number === 2 ? { delay: 40 } : "pass";
  pair.world.require("the exchange", () => load.isDone);
  assertGreater(pair.serverTrace.count("quic:packet_buffered", (d) => d.type === "one_rtt"), 0);
  assertLess(pair.world.now, 250);
  // None was processed before the handshake was complete (RFC 9001 §5.7).
  const complete = pair.serverTrace.first("quic:connection_state_updated", (d) => d.new === "connected")!.now;
  pair.serverTrace.assertNone("quic:packet_received", (d, now) => d.header.type === "one_rtt" && now < complete);
});

Deno.test("Connection keeps a bounded number of packets whose keys are missing", () => {
  const pair = new Pair();
  pair.world.runFor(20);
  const id = pair.serverTrace.first("quic:connection_started")!.data.sourceId;
  const junk = new Uint8Array(1000);
  for (let i = 0; i < 200; i++) {
    pair.world.random.fill(junk);
    junk[0] = 0x40;
    junk.set(id, 1);
    pair.serverNode.receive({ data: junk.slice(), local: SERVER_ADDRESS, remote: CLIENT_ADDRESS, ecn: "not-ect" }, 20);
  }
  assertEquals(pair.serverTrace.count("quic:packet_buffered"), 16);
  assertEquals(pair.serverTrace.count("quic:packet_dropped", (d) => d.reason === "key_unavailable"), 184);
  pair.confirm();
});

Deno.test("Connection gives a handshake up after its timeout, at both ends, without a word", () => {
  const pair = new Pair({ link: { down: { dead: true } }, client: { handshakeTimeout: 5000 } });
  pair.world.require("the client's end", () => pair.client.state === "closed", 11_000);
  assertEquals(pair.world.now, 5000);
  assertInstanceOf(pair.client.error, IdleTimeoutError);
  assertStringIncludes(pair.client.error.message, "5000 ms");
  const { server } = pair;
  pair.world.require("the server's end", () => server.state === "closed", 20_000);
  assertInstanceOf(server.error, IdleTimeoutError);
  assertEquals([...pair.clientNode.endpoint.connections, ...pair.serverNode.endpoint.connections], []);
  pair.serverTrace.assertNone("quic:packet_sent", (d) => d.frames.some((f) => f.kind === "connection_close"));
});

Deno.test("Connection follows another source id of the server only until its first packet (RFC 9000 §7.2)", () => {
  const pair = new Pair();
  pair.world.runFor(20);
  const rogue = new Rogue(pair, "server");
  pair.world.runFor(30);
  rogue.send({ level: "handshake", frames: [{ kind: "ping" }], sourceId: Uint8Array.of(9, 9, 9, 9, 9, 9, 9, 9) });
  pair.clientTrace.assertDropped("unknown_connection_id");
  pair.confirm();
});

Deno.test("Connection takes coalesced packets for another connection id for a mistake, and reads on", () => {
  const pair = new Pair().confirm();
  const rogue = new Rogue(pair, "client");
  const other = rogue.victimTrace.frames("sent", "new_connection_id")[0]!.frame.connectionId;
  pair.world.runFor(500);
  const received = pair.serverTrace.count("quic:packet_received");
  const first = rogue.seal({ level: "handshake", frames: [{ kind: "ping" }] });
  rogue.deliver(new Uint8Array([...first, ...rogue.seal({ frames: [{ kind: "ping" }], destinationId: other })]));
  pair.serverTrace.assertSeen("quic:packet_dropped", (d) => d.detail === "differs from the first packet's");
  assertEquals(pair.serverTrace.count("quic:packet_received"), received);
  rogue.send([{ level: "handshake", frames: [{ kind: "ping" }] }, { frames: [{ kind: "ping" }] }]);
  assertEquals(pair.serverTrace.count("quic:packet_received"), received + 1);
});
