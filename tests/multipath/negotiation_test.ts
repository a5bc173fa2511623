/**
 * Negotiating RFC 10069: rows 1 to 15 of the checklist in `multipath-spec.md` §8, but 8, which needs resumption, and 14, which
 * asks nothing of an implementation.
 *
 * @module
 */
import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { fastestProvider } from "../../crypto/mod.ts";
import type { CryptoProvider } from "../../crypto/provider.ts";
import { PathError, TransportError, TransportErrorCode } from "../../transport/base/errors.ts";
import type { TransportConfig } from "../../transport/connection/config.ts";
import { Connection } from "../../transport/connection/connection.ts";
import type { Frame } from "../../transport/wire/frames/types.ts";
import { writeParameters } from "../../transport/wire/transport_parameters.ts";
import { bulk, Requests } from "../kit/apps.ts";
import { WORLD_ALPN } from "../kit/endpoint_node.ts";
import { WORLD_NAME, WORLD_TIME } from "../kit/identity.ts";
import { CLIENT_ADDRESS, Pair, SERVER_ADDRESS } from "../connection/pair.ts";
import { Forged, framesIn, openHere, ROLES } from "./forged.ts";
import { ForgedHello, rawParameter, varintBytes } from "./forged_hello.ts";
import { multipathFrames } from "./multipath_frames.ts";
import { Paths } from "./paths.ts";

const INITIAL_MAX_PATH_ID = 0x3e;
const { PROTOCOL_VIOLATION, TRANSPORT_PARAMETER_ERROR, CONNECTION_ID_LIMIT_ERROR } = TransportErrorCode;

function assertCode(error: unknown, code: number, message?: RegExp): void {
  assert(error instanceof TransportError, `${error} is no TransportError`);
  assertEquals(error.code, code);
  if (message !== undefined) assertMatch(error.message, message);
}

/** A pair that moves bytes both ways and does all that an application may do to paths and ids. */
function busy(client: TransportConfig, server: TransportConfig): Pair {
  const load = new Requests(bulk("both", 200_000));
  const pair = new Pair({ client, server, clientApps: [load.client], serverApps: [load.server] });
  pair.client.setPathStatus(0, "backup", 0);
  pair.confirm();
  for (const connection of [pair.client, pair.server]) {
    connection.setPathStatus(0, "backup", pair.world.now);
    connection.setPathStatus(1, "available", pair.world.now);
    connection.renewConnectionIds();
    for (let i = 0; i < 6; i++) connection.rotateConnectionId();
    connection.updateKeys();
  }
  pair.world.require("the transfer", () => load.isDone);
  pair.world.runFor(1000);
  return pair;
}

for (const [name, client, server] of [["client", 0, 4], ["server", 4, 0], ["either end", 0, 0]] as const) {
  Deno.test(`row 1: without the parameter of ${name} no frame of RFC 10069 is sent, and no path opened`, () => {
    const pair = busy({ maxPaths: client }, { maxPaths: server });
    assertThrows(() => openHere(pair.client, pair.world.now), PathError, "does not speak RFC 10069");
    pair.world.runFor(1000);
    for (const trace of [pair.clientTrace, pair.serverTrace]) {
      assertEquals(multipathFrames(trace), []);
      trace.assertNone("quic:packet_sent", ({ header }) => header.path !== 0);
    }
    assertEquals([pair.client.isMultipath, pair.server.isMultipath], [false, false]);
    assertEquals([pair.client.state, pair.server.state], ["connected", "connected"]);
  });
}

for (const role of ROLES) {
  Deno.test(`row 1: a frame of RFC 10069 that was not negotiated is a PROTOCOL_VIOLATION (${role})`, () => {
    const f = new Forged(role, 1, { client: { maxPaths: 0 } });
    f.send([{ kind: "path_status", path: 0, sequence: 1, status: "backup" }]);
    f.assertClosed(PROTOCOL_VIOLATION);
  });
}

for (const [client, server] of [[4, 4], [1, 1], [1, 4], [4, 1]] as const) {
  Deno.test(`row 2: with both parameters, ${client - 1} and ${server - 1}, it is on once the handshake is complete`, () => {
    const pair = busy({ maxPaths: client }, { maxPaths: server });
    assertEquals([pair.client.isMultipath, pair.server.isMultipath], [true, true]);
    for (const trace of [pair.clientTrace, pair.serverTrace]) {
      const first = trace.entries.findIndex(({ name, data }) =>
        name === "quic:packet_sent" && multipathFrames(traceOf(trace, data)).length > 0
      );
      const complete = trace.entries.findIndex(({ name, data }) =>
        name === "quic:connection_state_updated" && (data as { new: string }).new === "connected"
      );
      assert(complete >= 0 && first > complete, `first at ${first}, complete at ${complete}`);
    }
  });
}

Deno.test("row 3: no parameter above 2^32-1 can be asked for or written", () => {
  assertThrows(() => new Pair({ client: { maxPaths: 2 ** 32 + 1 } }), RangeError, "maxPaths");
  assertThrows(() => writeParameters({ initialMaxPathId: 2 ** 32 }), Error, "initial_max_path_id");
  assertEquals(writeParameters({ initialMaxPathId: 2 ** 32 - 1 }).toHex(), "3e08c0000000ffffffff");
});

for (const role of ROLES) {
  const hello = (value: number): ForgedHello =>
    new ForgedHello(role, {}, { extra: rawParameter(INITIAL_MAX_PATH_ID, varintBytes(value)) }).greet();

  Deno.test(`row 4: the ${role} takes a value of 2^32-1 and refuses 2^32`, () => {
    const good = hello(2 ** 32 - 1);
    assertEquals(good.connection.error, undefined);
    const bad = hello(2 ** 32);
    assertCode(bad.connection.error, TRANSPORT_PARAMETER_ERROR, /initial_max_path_id/);
    assertEquals(bad.connection.state, "closing");
  });

  Deno.test(`row 6: the ${role} refuses the parameter when the peer's connection id is empty`, () => {
    const sourceId = new Uint8Array(0);
    const bad = new ForgedHello(role, { initialMaxPathId: 1 }, { sourceId }).greet();
    assertCode(bad.connection.error, PROTOCOL_VIOLATION, /zero-length/);
    const withoutIt = new ForgedHello(role, {}, { sourceId }).greet();
    assertEquals(withoutIt.connection.error, undefined);
    const config = { client: { maxPaths: 0 }, server: { maxPaths: 0 } };
    const notInterested = new ForgedHello(role, { initialMaxPathId: 1 }, { sourceId, pair: config }).greet();
    assertEquals(notInterested.connection.error, undefined);
  });

  Deno.test(`row 15: the ${role} refuses a malformed or repeated parameter`, () => {
    const malformed = ["", "40", "8000", "0100", "c000000000000000"];
    for (const value of malformed.filter((hex) => hex !== "c000000000000000")) {
      const extra = rawParameter(INITIAL_MAX_PATH_ID, Uint8Array.fromHex(value));
      assertCode(new ForgedHello(role, {}, { extra }).greet().connection.error, TRANSPORT_PARAMETER_ERROR);
    }
    // Longer than it need be, but whole: RFC 9000 §16 allows that.
    const long = rawParameter(INITIAL_MAX_PATH_ID, Uint8Array.fromHex("c000000000000000"));
    assertEquals(new ForgedHello(role, {}, { extra: long }).greet().connection.error, undefined);
    const again = rawParameter(INITIAL_MAX_PATH_ID, Uint8Array.of(1));
    const twice = new ForgedHello(role, { initialMaxPathId: 1 }, { extra: again }).greet();
    assertCode(twice.connection.error, TRANSPORT_PARAMETER_ERROR);
  });
}

Deno.test("row 5: who offers RFC 10069 uses connection ids that are not empty", () => {
  for (const idLength of [4, 8, 20]) {
    const pair = new Pair({ clientEndpoint: { idLength }, serverEndpoint: { idLength } }).confirm();
    for (const trace of [pair.clientTrace, pair.serverTrace]) {
      const { parameters } = trace.assertSeen("quic:parameters_set", (d) => d.owner === "remote").data;
      assertEquals(parameters.initialMaxPathId, 3);
      assertEquals(trace.assertSeen("quic:connection_started").data.sourceId.length, idLength);
    }
    assertEquals([pair.client.isMultipath, pair.server.isMultipath], [true, true]);
  }
});

Deno.test("row 5: a server does not offer it to a client with an empty connection id", () => {
  const good = new ForgedHello("server", {}).greet();
  assertEquals(good.received?.initialMaxPathId, 3);
  const empty = new ForgedHello("server", {}, { sourceId: new Uint8Array(0) }).greet();
  assertEquals(empty.received?.initialSourceConnectionId?.length, 8);
  assertEquals(empty.received?.initialMaxPathId, undefined);
});

Deno.test("row 5: a client with empty connection ids does not offer it", () => {
  for (const idLength of [0, 8]) {
    const pair = new Pair();
    const client = new Connection({
      role: "client",
      local: CLIENT_ADDRESS,
      remote: SERVER_ADDRESS,
      provider: pair.provider,
      random: (into) => pair.world.random.fill(into),
      idLength,
      registry: { add: () => {}, remove: () => {} },
      resetTokenFor: () => new Uint8Array(16),
      now: 0,
      tls: { serverName: WORLD_NAME, alpnProtocols: [WORLD_ALPN], roots: [], verify: "insecure", time: WORLD_TIME },
    });
    const buffer = new Uint8Array(2000);
    const { length } = client.transmit(0, buffer)!;
    pair.serverNode.receive({
      data: buffer.slice(0, length),
      local: SERVER_ADDRESS,
      remote: CLIENT_ADDRESS,
      ecn: "not-ect",
    }, 0);
    const { parameters } = pair.serverTrace.assertSeen("quic:parameters_set").data;
    assertEquals(parameters.initialMaxPathId, idLength === 0 ? undefined : 3);
    assertEquals(pair.server.error, undefined);
  }
});

Deno.test("row 6: a server refuses it after a Retry too, and never takes an empty destination id", () => {
  const sourceId = new Uint8Array(0);
  const after = new ForgedHello("server", { initialMaxPathId: 1 }, { sourceId, retry: true }).greet();
  assertEquals(after.pair.clientTrace.count("quic:packet_sent"), 1);
  assertCode(after.connection.error, PROTOCOL_VIOLATION, /zero-length/);
  const well = new ForgedHello("server", { initialMaxPathId: 1 }, { retry: true }).greet();
  assertEquals(well.connection.error, undefined);
  const nowhere = new ForgedHello("server", { initialMaxPathId: 1 });
  nowhere.rogue.initialDestination = new Uint8Array(0);
  nowhere.greet();
  assertEquals(nowhere.pair.serverNode.connections, []);
  nowhere.pair.serverTrace.assertDropped("invalid_length");
});

Deno.test("row 6: a client refuses it after a Retry too", () => {
  const parameters = { initialMaxPathId: 1 };
  const bad = new ForgedHello("client", parameters, { sourceId: new Uint8Array(0), retry: true }).greet();
  assertCode(bad.connection.error, PROTOCOL_VIOLATION, /zero-length/);
  const well = new ForgedHello("client", parameters, { retry: true }).greet();
  assertEquals([well.connection.state, well.connection.error], ["connected", undefined]);
  assertEquals(well.pair.clientTrace.count("quic:packet_received", (d) => d.header.type === "retry"), 1);
});

Deno.test("row 6: a client whose own connection id is empty refuses it, unless it does not care", () => {
  const bad = new ForgedHello("client", { initialMaxPathId: 1 }, { bare: true }).greet();
  assertCode(bad.connection.error, PROTOCOL_VIOLATION, /zero-length/);
  assertEquals(bad.rogue.idFor(0), new Uint8Array(0));
  const withoutIt = new ForgedHello("client", {}, { bare: true }).greet();
  assertEquals([withoutIt.connection.state, withoutIt.connection.error], ["connected", undefined]);
  const pair = { client: { maxPaths: 0 } };
  const notInterested = new ForgedHello("client", { initialMaxPathId: 1 }, { bare: true, pair }).greet();
  assertEquals([notInterested.connection.state, notInterested.connection.error], ["connected", undefined]);
});

Deno.test("row 7: a cipher suite with a nonce of fewer than 12 bytes ends the handshake, unless multipath is off", () => {
  const shortOf = (nonceLength: number): CryptoProvider => {
    const provider = fastestProvider();
    const suites = provider.suites.map((suite) => ({ ...suite, nonceLength }));
    return Object.create(provider, { suites: { value: suites } }) as CryptoProvider;
  };
  for (const role of ROLES) {
    const withIt = { [role]: { maxPaths: 4 }, [role === "client" ? "server" : "client"]: { maxPaths: 0 } };
    const pair = new Pair({ provider: shortOf(8), ...withIt });
    const closed = (): boolean => pair.client.state === "closed" && pair.serverNode.connections[0]?.state === "closed";
    pair.world.require("both ends to be closed", closed);
    for (const connection of [pair.client, pair.server]) assertCode(connection.error, TRANSPORT_PARAMETER_ERROR);
    assertEquals([pair.client.error!.byPeer, pair.server.error!.byPeer], [role === "server", role === "client"]);
  }
  new Pair({ provider: shortOf(8), client: { maxPaths: 0 }, server: { maxPaths: 0 } }).confirm();
  new Pair({ provider: shortOf(12) }).confirm();
});

Deno.test("row 9: with a value of 0 there is no second path until MAX_PATH_ID allows one", () => {
  const f = new Forged("client", 1, { server: { maxPaths: 1 } });
  assertEquals(f.victim.isMultipath, true);
  assertEquals(openHere(f.victim, f.world.now), 1);
  // Nothing is acknowledged here, so it is repeated.
  assertEquals(new Set(framesIn(f.after(2000), "paths_blocked").map((s) => s.frame.limit)), new Set([0]));
  assertEquals(f.rogue.frames("new_connection_id").filter((frame) => frame.path === 1), []);
  f.send([{ kind: "max_path_id", limit: 1 }, newId(1, 0)]);
  assertEquals(f.rogue.frames("new_connection_id").filter((frame) => frame.path === 1).length, 1);
  f.rogue.acknowledge({ multipath: true });
  assertEquals(framesIn(f.rogue.caught, "path_challenge").map((s) => s.on), [1]);
  f.assertWell();
});

for (const role of ROLES) {
  Deno.test(`row 10: the limit of the ${role} is inclusive: with 1 there are path ids 0 and 1`, () => {
    const options = { client: { maxPaths: 2 }, server: { maxPaths: 2 } };
    const status = (path: number): Frame => ({ kind: "path_status", path, sequence: 9, status: "backup" });
    const f = new Forged(role, 2, options);
    f.send([status(0), status(1)]);
    f.assertWell();
    assertEquals(f.victim.stats().paths.map((p) => p.peerStatus), ["backup", "backup"]);
    // And it gives ids for those alone.
    const given = f.trace.frames("sent", "new_connection_id").map(({ frame }) => frame.path);
    assertEquals([...new Set(given)].sort(), [0, 1]);
    f.send([status(2)]);
    f.assertClosed(PROTOCOL_VIOLATION);
  });

  Deno.test(`row 11: active_connection_id_limit of the ${role} holds for each path id`, () => {
    const limits = { [role]: { activeConnectionIdLimit: 3 } };
    const f = new Forged(role, 1, limits);
    const honest = f.rogue.ownTrace.frames("sent", "new_connection_id").map(({ frame }) => frame);
    assertEquals([0, 1, 2, 3].map((path) => honest.filter((frame) => frame.path === path).length), [2, 1, 1, 1]);
    for (const path of [1, 2, 3]) f.send([newId(path, 1), newId(path, 2)]);
    f.assertWell();
    f.send([newId(2, 3)]);
    f.assertClosed(CONNECTION_ID_LIMIT_ERROR);
  });
}

Deno.test("row 12: disable_active_migration forbids paths to the server's handshake address, not to others", () => {
  const links = [{ delayMs: 10 }, { delayMs: 10 }, { delayMs: 10, server: "192.0.2.2" }];
  const paths = new Paths({ links, server: { allowMigration: false }, open: [] });
  // Not known yet: it waits, and ends with the reason.
  const early = paths.open(1);
  paths.ready();
  const events = paths.clientTrace.filter("multipath:path_state_updated").map(({ data }) => [data.path, data.new]);
  assertEquals(events, [[early, "opening"]]);
  assertThrows(() => paths.open(1), PathError, "forbids paths to that address");
  const id = paths.open(2);
  const isUsable = (c: Connection): boolean => c.stats().paths[1]?.state === "usable";
  paths.world.require("the other path", () => isUsable(paths.client) && isUsable(paths.server));
  assertEquals(id, 1);
});

Deno.test("row 13: the connection id of a preferred address is number 1 of path 0", () => {
  const connectionId = new Uint8Array(8).fill(9);
  const preferredAddress = {
    ipv4: { hostname: "192.0.2.9", port: 443 },
    ipv6: undefined,
    connectionId,
    statelessResetToken: new Uint8Array(16).fill(9),
  };
  const preferred = (): ForgedHello => {
    const hello = new ForgedHello("client", { preferredAddress, initialMaxPathId: 1 }).greet();
    hello.rogue.takeOver();
    hello.rogue.send({ frames: [{ kind: "handshake_done" }] });
    assertEquals(hello.connection.isConfirmed, true);
    return hello;
  };
  const bad = preferred();
  bad.rogue.send({ frames: [newId(0, 1)] });
  assertCode(bad.connection.error, PROTOCOL_VIOLATION);
  const good = preferred();
  good.rogue.send({ frames: [{ ...newId(0, 2), retirePriorTo: 2 }] });
  const retired = good.rogue.frames("retire_connection_id").map((frame) => [frame.path, frame.sequence]);
  assertEquals(retired, [[0, 0], [0, 1]]);
  assertEquals(good.connection.stats().paths.map((path) => path.id), [0]);
});

Deno.test("row 13: the connection id of a preferred address serves path 0 and no other, whatever address that has", () => {
  const address = { hostname: "192.0.2.9", port: 443 };
  const connectionId = new Uint8Array(8).fill(9);
  const preferredAddress = { ipv4: address, ipv6: undefined, connectionId, statelessResetToken: new Uint8Array(16) };
  const { rogue, connection, pair } = new ForgedHello("client", { preferredAddress, initialMaxPathId: 1 }).greet();
  rogue.takeOver();
  rogue.ownId(connectionId, 0);
  rogue.send({ frames: [{ kind: "handshake_done" }, newId(1, 0)] });
  // All of it, and what went along with the end of the handshake too.
  const last = Math.max(...rogue.caught.filter((p) => p.level === "application").map((p) => p.number));
  rogue.send({ frames: [{ kind: "ack", path: 0, delay: 0, ranges: [last, 0], ecn: undefined }] });
  const sent = (path: number): string[] => {
    rogue.send({ frames: [{ kind: "ping" }, { kind: "path_challenge", data: new Uint8Array(8) }], path: 0 });
    return rogue.caught.filter((p) => p.path === path && p.level === "application").map((p) => p.destinationId.toHex());
  };
  assertEquals(sent(0).includes(connectionId.toHex()), false);
  const id = connection.openPath({
    local: CLIENT_ADDRESS,
    remote: address,
    properties: { label: "", cost: 0, metered: false },
    status: "available",
  }, pair.world.now);
  pair.world.runFor(0);
  // The path to that address is another one, with an id of its own.
  const first = pair.clientTrace.assertSeen("quic:packet_sent", (d) => d.header.path === id).data;
  assertEquals([id, first.remote.hostname], [1, address.hostname]);
  assertEquals(connection.rotateConnectionId(0), true);
  assertEquals(sent(0).at(-1), connectionId.toHex());
  assertEquals(connection.stats().paths[0]!.remote, SERVER_ADDRESS);
});

/** Something of one entry alone, so that it can be asked like a trace. */
function traceOf(whole: Pair["clientTrace"], data: unknown): Pair["clientTrace"] {
  const entries = whole.filter("quic:packet_sent", (d) => d === data);
  return Object.create(whole, { filter: { value: () => entries } }) as Pair["clientTrace"];
}

/** An id that nobody else makes. */
function newId(path: number, sequence: number): Extract<Frame, { kind: "new_connection_id" }> {
  const connectionId = Uint8Array.of(0xaa, path, sequence, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa);
  const resetToken = new Uint8Array(16).fill(1 + path * 16 + sequence);
  return { kind: "new_connection_id", path, sequence, retirePriorTo: 0, connectionId, resetToken };
}
