import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { fastestProvider } from "../../crypto/mod.ts";
import { decodePem } from "../../crypto/tls/mod.ts";
import type { Datagram, Transmit } from "../../transport/base/address.ts";
import type { TransportError } from "../../transport/base/errors.ts";
import { Connection } from "../../transport/connection/connection.ts";
import type { Frame, NewConnectionIdFrame } from "../../transport/wire/frames/types.ts";
import { EndpointNode } from "../kit/endpoint_node.ts";
import { WORLD_CERTIFICATE, WORLD_NAME, WORLD_TIME } from "../kit/identity.ts";
import type { Node } from "../kit/node.ts";
import { type Trace, Trace as NewTrace } from "../kit/trace.ts";
import { World } from "../kit/world.ts";
import { CLIENT_ADDRESS, Pair, SERVER_ADDRESS } from "./pair.ts";
import { recordedPair, Recorder } from "./recorder.ts";
import { Rogue } from "./rogue.ts";
import { assertSettled, bulkPair, finish, moved } from "./transfers.ts";

const PLAIN = { maxPaths: 0 };

/** The ids that an end gave out, as hexadecimal, in order; repeats left out. */
function issued(trace: Trace): string[] {
  return [...new Set(trace.frames("sent", "new_connection_id").map(({ frame }) => frame.connectionId.toHex()))];
}

function newId(sequence: number, retirePriorTo = 0, path: number | undefined = undefined): NewConnectionIdFrame {
  return {
    kind: "new_connection_id",
    path,
    sequence,
    retirePriorTo,
    connectionId: new Uint8Array(8).fill(0x40 + sequence),
    resetToken: new Uint8Array(16).fill(sequence),
  };
}

/** The destination ids of 1-RTT datagrams that go by from now on, while `act` runs. */
function destinations(pair: Pair, direction: "up" | "down", act: () => void): Set<string> {
  const seen = new Set<string>();
  pair.world.onSend = (_link, way, data) => {
    if (way === direction && (data[0]! & 0x80) === 0) seen.add(data.subarray(1, 9).toHex());
  };
  act();
  pair.world.onSend = undefined;
  return seen;
}

for (const multipath of [false, true]) {
  const config = multipath ? { maxPaths: 1 } : PLAIN;
  const how = multipath ? "with RFC 10069" : "without RFC 10069";

  Deno.test(`Connection gives its peer as many ids as it takes, ${how}`, () => {
    for (const limit of [2, 3, 4, 8]) {
      const client = { ...config, activeConnectionIdLimit: limit };
      const pair = new Pair({ client, server: config }).confirm();
      pair.world.runFor(500);
      // The id of the handshake is one of them; four are enough for anybody.
      assertEquals(issued(pair.serverTrace).length, Math.min(limit, 4) - 1);
      assertEquals(issued(pair.clientTrace).length, 3);
    }
  });

  Deno.test(`Connection changes to another id, retires the old one and is given a new one, ${how}`, () => {
    const { pair, atServer } = recordedPair({ client: config, server: config });
    pair.world.runFor(500);
    const seen = new Set<string>();
    for (let i = 0; i < 10; i++) {
      assert(pair.client.rotateConnectionId(), `rotation ${i}`);
      const ids = destinations(pair, "up", () => {
        pair.client.ping();
        pair.world.runFor(200);
      });
      assertEquals(ids.size, 1);
      for (const id of ids) seen.add(id);
    }
    assertEquals(seen.size, 10);
    const retired = pair.clientTrace.frames("sent", "retire_connection_id").map(({ frame }) => frame.sequence);
    assertEquals(retired, Array.from({ length: 10 }, (_, i) => i));
    assertEquals(issued(pair.serverTrace).length, 3 + 10);
    assertEquals(atServer.of("closed"), []);
    assertSettled(pair);
  });

  Deno.test(`Connection gives new ids and has the peer retire the old ones, in the middle of a transfer, ${how}`, () => {
    const transfer = bulkPair("both", 2_000_000, { client: config, server: config, link: { lossPercent: 1 } });
    const { pair, load } = transfer;
    for (let i = 1; i <= 5; i++) {
      pair.world.require("some data", () => moved(load) > i * 500_000);
      assert(pair.server.renewConnectionIds());
      assert(pair.client.renewConnectionIds());
      assertEquals(pair.server.renewConnectionIds(), false);
      pair.world.runFor(200);
    }
    const before = new Set(issued(pair.serverTrace).slice(0, -4));
    const ids = destinations(pair, "up", () => finish(transfer));
    for (const id of ids) assert(!before.has(id), `${id} was retired`);
    assertSettled(pair);
  });
}

Deno.test("Connection cannot rotate without a spare id, and can again when one came", () => {
  const { pair } = recordedPair({ client: { ...PLAIN, activeConnectionIdLimit: 2 }, server: PLAIN });
  pair.world.runFor(500);
  assert(pair.client.rotateConnectionId());
  assertEquals(pair.client.rotateConnectionId(), false);
  pair.world.runFor(500);
  assert(pair.client.rotateConnectionId());
  assertSettled(pair);
});

Deno.test("Connection recognises an id for a while after it was retired", () => {
  const { pair } = recordedPair({ client: PLAIN, server: PLAIN });
  pair.world.runFor(500);
  // What was sent with the old id arrives after the frame that retires it.
  let held = 0;
  pair.link.up.tap = () => held++ === 0 ? { delay: 60 } : "pass";
  pair.client.ping();
  pair.world.runFor(1);
  assert(pair.client.rotateConnectionId());
  pair.client.ping();
  pair.world.runFor(300);
  pair.serverTrace.assertNone("quic:packet_dropped");
  assertSettled(pair);
});

Deno.test("Connection ends when the peer gives more ids than it was allowed", () => {
  const pair = new Pair({ client: PLAIN, server: PLAIN }).confirm();
  pair.world.runFor(500);
  const rogue = new Rogue(pair, "server").takeOver();
  rogue.send({ frames: [newId(4), newId(5)] });
  assertEquals((pair.client.error as TransportError).code, 0x09);
});

Deno.test("Connection takes more ids when it is asked to retire as many", () => {
  const pair = new Pair({ client: PLAIN, server: PLAIN }).confirm();
  pair.world.runFor(500);
  const rogue = new Rogue(pair, "server").takeOver();
  rogue.send({ frames: [newId(4, 3), newId(5, 3)] });
  assertEquals(pair.client.state, "connected");
  pair.world.runFor(1000);
  assertEquals(rogue.frames("retire_connection_id").map(({ sequence }) => sequence).slice(0, 3), [0, 1, 2]);
  // It never stops being able to speak: the ids of the handshake are gone, another is in use.
  rogue.caught.length = 0;
  pair.client.ping();
  pair.world.runFor(10);
  const id = rogue.caught[0]!.destinationId.toHex();
  assertEquals(id, issued(pair.serverTrace)[2]);
});

const BROKEN: readonly (readonly [string, (Frame | Uint8Array)[], number])[] = [
  ["the same number with another id", [newId(4, 2), { ...newId(4, 2), connectionId: new Uint8Array(8).fill(1) }], 0x0a],
  ["the same id with another number", [newId(4, 2), { ...newId(5, 2), connectionId: newId(4).connectionId }], 0x0a],
  // NEW_CONNECTION_ID with number 4 and Retire Prior To 5.
  ["to retire an id that is given by the same frame", [Uint8Array.of(0x18, 4, 5, 8, ...new Uint8Array(24))], 0x07],
  [
    "a retirement of an id that was never given",
    [{ kind: "retire_connection_id", path: undefined, sequence: 50 }],
    0x0a,
  ],
  ["a retirement of the id that it comes with", [{ kind: "retire_connection_id", path: undefined, sequence: 0 }], 0x0a],
];

for (const [what, frames, code] of BROKEN) {
  Deno.test(`Connection ends when it is told ${what}`, () => {
    const pair = new Pair({ client: PLAIN, server: PLAIN }).confirm();
    pair.world.runFor(500);
    const rogue = new Rogue(pair, "server").takeOver();
    rogue.send({ frames });
    assertEquals((pair.client.error as TransportError | undefined)?.code, code);
  });
}

Deno.test("Connection keeps few promises to a peer that retires all it gets, again and again", () => {
  const pair = new Pair({ client: PLAIN, server: PLAIN }).confirm();
  pair.world.runFor(500);
  const rogue = new Rogue(pair, "client").takeOver();
  for (let sequence = 1; sequence < 200; sequence++) {
    rogue.send({ frames: [{ kind: "retire_connection_id", path: undefined, sequence }] });
  }
  assertEquals(pair.server.state, "connected");
  // What was not acknowledged is not sent ever again for nothing.
  assert(issued(pair.serverTrace).length <= 203);
});

/** A client whose own ids are empty, without an endpoint: all that arrives is its. */
class LoneClient implements Node {
  readonly connection: Connection;
  readonly app = new Recorder();

  constructor(world: World, trace: Trace) {
    const random = world.random.fork("lone");
    this.connection = new Connection({
      role: "client",
      local: CLIENT_ADDRESS,
      remote: SERVER_ADDRESS,
      provider: fastestProvider(),
      random: (into) => random.fill(into),
      idLength: 0,
      registry: { add: () => {}, remove: () => {} },
      resetTokenFor: () => new Uint8Array(16),
      observer: trace,
      now: world.now,
      config: PLAIN,
      tls: {
        serverName: WORLD_NAME,
        alpnProtocols: ["world"],
        roots: decodePem(WORLD_CERTIFICATE, "CERTIFICATE"),
        time: WORLD_TIME,
      },
    });
  }

  receive(datagram: Datagram, now: number): void {
    this.connection.receive(datagram, now);
  }

  transmit(now: number, buffer: Uint8Array): Transmit | undefined {
    return this.connection.transmit(now, buffer);
  }

  nextTimeout(): number {
    return this.connection.nextTimeout();
  }

  handleTimeout(now: number): void {
    this.connection.handleTimeout(now);
  }

  run(now: number): void {
    for (let event = this.connection.nextEvent(); event !== undefined; event = this.connection.nextEvent()) {
      this.app.onEvent(event, this.connection, now);
    }
  }
}

Deno.test("Connection works with a peer whose ids are empty, through a rebinding too", () => {
  const world = new World();
  const link = world.addLink({ delayMs: 15, rateMbps: 20 });
  const [trace, serverTrace] = [new NewTrace(), new NewTrace()];
  const recorder = new Recorder();
  const serverNode = new EndpointNode({
    random: world.random.fork("server"),
    observer: serverTrace,
    server: {},
    apps: () => [recorder],
  });
  const client = new LoneClient(world, trace);
  world.addHost({
    name: "client",
    hostnames: [CLIENT_ADDRESS.hostname],
    node: client,
    app: (now) => client.run(now),
  });
  world.addHost({
    name: "server",
    hostnames: [SERVER_ADDRESS.hostname],
    node: serverNode,
    app: (now) => serverNode.run(now),
  });
  world.require("the handshake", () => client.connection.isConfirmed);
  const { connection } = client;
  const id = connection.openStream("bidirectional")!;
  connection.write(id, new Uint8Array(1_000_000));
  connection.finish(id);
  world.require("half of the stream", () => (recorder.received.get(id) ?? 0) > 500_000);
  link.rebind({ address: true });
  world.require("the stream", () => recorder.ended.has(id));
  assertEquals(recorder.received.get(id), 1_000_000);
  const server = serverNode.connections[0]!;
  server.write(id, new Uint8Array(100_000));
  server.finish(id);
  world.require("the answer", () => client.app.ended.has(id));
  assertEquals(connection.isMultipath, false);
  assertEquals(trace.frames("sent", "new_connection_id"), []);
  assertEquals(server.rotateConnectionId(), false);
  assert(connection.rotateConnectionId());
  assertNotEquals(server.stats().paths[0]!.remote, CLIENT_ADDRESS);
});
