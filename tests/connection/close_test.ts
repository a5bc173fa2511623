import { assert, assertEquals, assertGreater, assertInstanceOf, assertLess, assertThrows } from "@std/assert";
import { ApplicationError, TransportError, TransportErrorCode } from "../../transport/base/errors.ts";
import type { Connection } from "../../transport/connection/connection.ts";
import { Pair } from "./pair.ts";
import { Rogue } from "./rogue.ts";

const ROLES = ["client", "server"] as const;

function other(pair: Pair, role: "client" | "server"): Connection {
  return role === "client" ? pair.server : pair.client;
}

function closeFramesSent(pair: Pair, role: "client" | "server"): number {
  const trace = role === "client" ? pair.clientTrace : pair.serverTrace;
  return trace.count("quic:packet_sent", (d) => d.frames.some((f) => f.kind === "connection_close"));
}

for (const role of ROLES) {
  Deno.test(`Connection.close() of the ${role} delivers an application's code and reason`, () => {
    const pair = new Pair().confirm();
    pair[role].close(0x1234_5678_9abc, "das war's ✓", pair.world.now);
    assertEquals(pair[role].state, "closing");
    pair.world.runFor(20);
    const peer = other(pair, role);
    assertEquals(peer.state, "draining");
    assertInstanceOf(peer.error, ApplicationError);
    assertEquals([peer.error.code, peer.error.reason, peer.error.byPeer], [0x1234_5678_9abc, "das war's ✓", true]);
    const own = pair[role].error;
    assertInstanceOf(own, ApplicationError);
    assertEquals([own.code, own.byPeer], [0x1234_5678_9abc, false]);
  });

  Deno.test(`Connection.close() of the ${role} delivers a transport code and reason`, () => {
    const pair = new Pair().confirm();
    pair[role].close(TransportErrorCode.NO_ERROR, "bye", pair.world.now, false);
    pair.world.runFor(20);
    const { error } = other(pair, role);
    assertInstanceOf(error, TransportError);
    assertEquals([error.code, error.reason, error.byPeer], [0, "bye", true]);
  });

  Deno.test(`Connection.close() of the ${role} ends both, which are forgotten after three PTO (RFC 9000 §10.2)`, () => {
    const pair = new Pair().confirm();
    pair.world.runFor(500);
    const rtt = 30;
    const started = pair.world.now;
    pair[role].close(1, "", started);
    pair.world.runFor(1);
    // Three PTO: srtt + 4 rttvar + 25 ms each, where the round trip is steady by now.
    assertGreater(pair[role].nextTimeout() - started, 3 * (rtt + 25));
    assertLess(pair[role].nextTimeout() - started, 3 * (rtt + 4 * rtt + 25));
    pair.world.require(
      "both ends to be closed",
      () => pair.client.state === "closed" && pair.server.state === "closed",
    );
    for (const node of [pair.clientNode, pair.serverNode]) {
      assertEquals(node.endpoint.connections.size, 0);
      assertEquals(node.endpoint.nextTimeout(), Infinity);
      assertInstanceOf(node.driver(node.connections[0]!).closed?.error, ApplicationError);
    }
    // Their ids are known no more: a late packet is a stranger's.
    new Rogue(pair, role).send({ frames: [{ kind: "ping" }] });
    const trace = role === "client" ? pair.serverTrace : pair.clientTrace;
    trace.assertDropped("unknown_connection_id");
  });
}

Deno.test("Connection repeats CONNECTION_CLOSE for the 1st, 2nd, 4th, 8th, ... packet that still comes", () => {
  const pair = new Pair().confirm();
  pair.world.runFor(200);
  const rogue = new Rogue(pair, "client").takeOver();
  pair.server.close(7, "", pair.world.now);
  pair.world.runFor(0);
  const counts: number[] = [];
  for (let i = 0; i < 40; i++) {
    rogue.send({ frames: [{ kind: "ping" }] });
    counts.push(closeFramesSent(pair, "server"));
  }
  assertEquals(counts[0], 2);
  assertLess(counts.at(-1)!, 9);
  assertEquals(pair.server.state, "closing");
  // What comes in is not processed any more.
  pair.serverTrace.assertDropped("connection_closed");
});

Deno.test("Connection in draining sends nothing whatever comes (RFC 9000 §10.2.2)", () => {
  const pair = new Pair().confirm();
  pair.world.runFor(200);
  const rogue = new Rogue(pair, "client").takeOver();
  rogue.send({ frames: [{ kind: "connection_close", application: true, code: 3, frameType: 0, reason: "x" }] });
  assertEquals(pair.server.state, "draining");
  const sent = pair.serverHost.sent;
  for (let i = 0; i < 20; i++) rogue.send({ frames: [{ kind: "ping" }] });
  pair.world.require("the end", () => pair.server.state === "closed", pair.world.now + 3000);
  assertEquals(pair.serverHost.sent, sent);
});

Deno.test("Connection goes from closing to draining when both ends close at once, and neither keeps the other busy", () => {
  const pair = new Pair().confirm();
  pair.world.runFor(200);
  const before = pair.clientHost.sent + pair.serverHost.sent;
  pair.client.close(1, "client", pair.world.now);
  pair.server.close(2, "server", pair.world.now);
  pair.world.require("both ends to be closed", () => pair.client.state === "closed" && pair.server.state === "closed");
  assertLess(pair.clientHost.sent + pair.serverHost.sent - before, 7);
  assertEquals([pair.client.error?.code, pair.server.error?.code], [1, 2]);
});

Deno.test("Connection hides an application's close before the handshake is complete (RFC 9000 §10.2.3)", () => {
  for (const at of [20, 31, 46]) {
    const pair = new Pair({ link: { rateMbps: null } });
    pair.world.runFor(at);
    const role = at === 31 ? "client" : "server";
    pair[role].close(0x99, "a secret", pair.world.now);
    pair.world.runFor(40);
    const trace = role === "client" ? pair.clientTrace : pair.serverTrace;
    for (const { frame, header } of trace.frames("sent", "connection_close")) {
      if (header.type === "one_rtt") continue;
      assertEquals([frame.application, frame.code, frame.reason], [false, TransportErrorCode.APPLICATION_ERROR, ""]);
    }
    assertEquals(pair.client.error !== undefined && pair.server.error !== undefined, true);
  }
});

Deno.test("Connection closes so that a client with nothing but Initial keys learns of it", () => {
  const pair = new Pair({ link: { rateMbps: null } });
  // The server's first flight is lost: the client has no Handshake keys.
  pair.link.down.tap = ({ number }) => number <= 1 ? "drop" : "pass";
  pair.world.runFor(20);
  pair.server.close(TransportErrorCode.INTERNAL_ERROR, "no more", pair.world.now, false);
  pair.world.runFor(20);
  const { error } = pair.client;
  assertInstanceOf(error, TransportError);
  assertEquals([error.code, error.reason, error.byPeer], [TransportErrorCode.INTERNAL_ERROR, "no more", true]);
  assertEquals(pair.clientTrace.frames("received", "connection_close")[0]!.header.type, "initial");
});

Deno.test("Connection closes so that a server learns of it at any moment of the handshake", () => {
  for (let at = 1; at <= 120; at += 3) {
    const pair = new Pair({ link: { rateMbps: null } });
    pair.world.runFor(at);
    pair.client.close(5, "early", pair.world.now);
    pair.world.runFor(60);
    if (at < 15) continue;
    const code = pair.server.error?.code;
    assert(code === 5 || code === TransportErrorCode.APPLICATION_ERROR, `at ${at} ms: ${code}`);
  }
});

Deno.test("Connection closes so that a client learns of it at any moment of the handshake", () => {
  for (let at = 16; at <= 120; at += 3) {
    const pair = new Pair({ link: { rateMbps: null } });
    pair.world.runFor(at);
    pair.server.close(5, "early", pair.world.now);
    pair.world.runFor(60);
    const code = pair.client.error?.code;
    assert(code === 5 || code === TransportErrorCode.APPLICATION_ERROR, `at ${at} ms: ${code}`);
  }
});

Deno.test("Connection learns of a close when CONNECTION_CLOSE was lost, by sending something", () => {
  const pair = new Pair().confirm();
  pair.world.runFor(200);
  pair.link.down.set({ dead: true });
  pair.server.close(9, "lost", pair.world.now);
  pair.world.runFor(1);
  pair.link.down.set({ dead: false });
  pair.client.ping();
  pair.world.runFor(40);
  assertEquals(pair.client.error?.code, 9);
});

Deno.test("Connection keeps a long reason within bounds, and whole characters", () => {
  const pair = new Pair().confirm();
  pair.client.close(0, "é".repeat(5000), pair.world.now);
  pair.world.runFor(20);
  const { error } = pair.server;
  assertInstanceOf(error, ApplicationError);
  assertGreater(error.reason.length, 100);
  assertEquals(new Set(error.reason), new Set(["é"]));
});

Deno.test("Connection.close() refuses codes that cannot be", () => {
  const pair = new Pair().confirm();
  for (const code of [-1, 0.5, NaN, 2 ** 53]) {
    assertThrows(() => pair.client.close(code, "", pair.world.now), RangeError, "Error code");
  }
  assertEquals(pair.client.state, "connected");
});

Deno.test("Connection that is over refuses to be used, with the reason", () => {
  const pair = new Pair().confirm();
  const id = pair.client.openStream("bidirectional")!;
  pair.client.close(4, "", pair.world.now);
  for (
    const use of [
      (c: Connection) => c.openStream("bidirectional"),
      (c: Connection) => c.write(id, new Uint8Array(1)),
      (c: Connection) => c.finish(id),
      (c: Connection) => c.reset(id, 0),
      (c: Connection) => c.sendDatagram(new Uint8Array(1)),
    ]
  ) {
    assertThrows(() => use(pair.client), ApplicationError);
  }
  // To close twice changes nothing, and harmless calls stay harmless.
  pair.client.close(5, "", pair.world.now);
  pair.client.ping();
  pair.client.updateKeys();
  pair.client.setPriority(id, 1);
  assertEquals(pair.client.error?.code, 4);
  pair.world.runFor(5000);
  assertEquals(pair.client.state, "closed");
  assertEquals(pair.client.transmit(pair.world.now, new Uint8Array(2000)), undefined);
  assertEquals(pair.client.nextTimeout(), Infinity);
});

Deno.test('Connection delivers what came before the peer\'s close, then "closed", once', () => {
  const pair = new Pair().confirm();
  pair.world.runFor(100);
  const events: string[] = [];
  pair.clientHost.app = () => {
    for (let event = pair.client.nextEvent(); event !== undefined; event = pair.client.nextEvent()) {
      events.push(event.type);
    }
  };
  const id = pair.server.openStream("unidirectional")!;
  pair.server.write(id, new Uint8Array(10));
  pair.server.finish(id);
  pair.world.runFor(1);
  pair.server.close(0, "", pair.world.now);
  pair.world.runFor(3000);
  assertEquals(events.at(-1), "closed");
  assertEquals(events.filter((e) => e === "closed").length, 1);
  assert(events.includes("stream_readable"));
  assertEquals(pair.client.read(id)?.length, 10);
  assertEquals(pair.client.read(id), null);
});
