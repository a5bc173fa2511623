/**
 * Opening paths: rows 29 to 43 of the checklist in `multipath-spec.md` §8.
 *
 * @module
 */
import { assert, assertEquals, assertGreater, assertLess, assertThrows } from "@std/assert";
import { PathError, TransportErrorCode } from "../../transport/base/errors.ts";
import { otherRole } from "../../transport/base/role.ts";
import type { Frame } from "../../transport/wire/frames/types.ts";
import { bulk, Requests } from "../kit/apps.ts";
import { Pair, SERVER_ADDRESS } from "../connection/pair.ts";
import { isUsable, newId, pathEvents, STRANGER, stranger } from "./actors.ts";
import { Forged, openHere, ROLES } from "./forged.ts";
import { Paths, type PathsOptions } from "./paths.ts";
import { framesOf, holds, Wire } from "./wire.ts";

const PING: Frame = { kind: "ping" };
const challenge = (byte: number): Frame => ({ kind: "path_challenge", data: new Uint8Array(8).fill(byte) });
/** What may go to an address that is not validated. */
const BEFORE_VALIDATION: ReadonlySet<string> = new Set(["path_challenge", "path_response", "ack", "padding", "ping"]);

/** Two links, of which the second is opened as a path, and what goes over both. */
function watched(options: PathsOptions = {}): { readonly paths: Paths; readonly wire: Wire } {
  const paths = new Paths({ open: [], ...options });
  const wire = new Wire(paths);
  return { paths, wire };
}

Deno.test("row 29: only clients open paths", () => {
  for (const maxPaths of [0, 4]) {
    const pair = new Pair({ client: { maxPaths } }).confirm();
    assertThrows(() => openHere(pair.server, pair.world.now), PathError, "only clients open paths");
  }
});

Deno.test("row 30: a new path uses new connection ids of an unused path id, in both directions", () => {
  const load = new Requests(bulk("both", 300_000));
  const { paths, wire } = watched({ clientApps: [load.client], serverApps: [load.server], open: [1] });
  paths.ready();
  paths.world.require("the transfer", () => load.isDone);
  for (const role of ROLES) {
    const given = wire.frames(otherRole(role), "new_connection_id").map(({ frame }) => frame);
    const used = wire.on(role, 1).map((packet) => packet.destinationId.toHex());
    assertGreater(used.length, 0);
    const ofPath1 = new Set(given.filter((frame) => frame.path === 1).map((frame) => frame.connectionId.toHex()));
    for (const id of used) assert(ofPath1.has(id));
    const elsewhere = new Set(wire.on(role, 0).map((packet) => packet.destinationId.toHex()));
    for (const id of used) assert(!elsewhere.has(id));
  }
});

Deno.test("row 31: what is sent on a path goes with a connection id of its path id, at both ends", () => {
  const load = new Requests(bulk("both", 1_000_000));
  const { paths, wire } = watched({ clientApps: [load.client], serverApps: [load.server], open: [1] });
  paths.ready();
  for (const delay of [50, 150]) {
    paths.world.after(delay, () => {
      for (const connection of [paths.client, paths.server]) {
        for (const path of [0, 1]) assertEquals(connection.rotateConnectionId(path), true);
      }
    });
  }
  paths.world.require("the transfer", () => load.isDone);
  for (const role of ROLES) {
    const packets = wire.packets(role, (packet) => packet.level === "application");
    for (const packet of packets) assertEquals(packet.path, packet.in.link);
    const ids = new Set(wire.on(role, 1).map((packet) => packet.destinationId.toHex()));
    assertEquals(ids.size, 3);
  }
});

Deno.test("row 32: a client validates a new path, and sends data on it only then", () => {
  const load = new Requests(bulk("up", 4_000_000));
  const { paths, wire } = watched({ clientApps: [load.client], serverApps: [load.server] });
  let answers = false;
  wire.verdict = ({ sender, packets }) => {
    return sender === "server" && !answers && packets.some((p) => p.path === 1) ? "drop" : "pass";
  };
  paths.ready();
  paths.open(1);
  paths.world.runFor(500);
  assert(holds(wire.on("client", 1)[0]!, "path_challenge"));
  assertEquals(wire.on("client", 1).filter((packet) => holds(packet, "stream")), []);
  assertEquals(isUsable(paths.client, 1), false);
  answers = true;
  paths.world.require("the path", () => isUsable(paths.client, 1));
  paths.world.runFor(300);
  assertGreater(wire.on("client", 1).filter((packet) => holds(packet, "stream")).length, 10);
});

Deno.test("row 33: a server validates a new path before it sends data there", () => {
  const load = new Requests(bulk("down", 4_000_000));
  const { paths, wire } = watched({ clientApps: [load.client], serverApps: [load.server] });
  let answers = false;
  wire.verdict = ({ sender, packets }) =>
    sender === "client" && !answers && packets.some((p) => holds(p, "path_response")) ? "drop" : "pass";
  paths.ready();
  paths.open(1);
  paths.world.runFor(400);
  assertGreater(wire.on("server", 1).length, 0);
  for (const { frames } of wire.on("server", 1)) {
    for (const frame of frames) assert(BEFORE_VALIDATION.has(frame.kind), frame.kind);
  }
  answers = true;
  paths.world.require("the path", () => isUsable(paths.server, 1));
  paths.world.runFor(300);
  assertGreater(wire.on("server", 1).filter((packet) => holds(packet, "stream")).length, 10);
});

Deno.test("rows 32, 33: a 4-tuple that is validated needs no second validation by the server", () => {
  const pair = new Pair().confirm();
  pair.world.runFor(200);
  assertEquals(openHere(pair.client, pair.world.now), 1);
  pair.world.require("the path at the server", () => isUsable(pair.server, 1));
  assertEquals(pair.serverTrace.frames("sent", "path_challenge"), []);
  pair.world.require("the path at the client", () => isUsable(pair.client, 1));
});

Deno.test("row 34: a server sends at most three times what came from a new path until it is validated", () => {
  const { pair, rogue } = stranger();
  let received = 0;
  const toStranger = (): number =>
    pair.serverTrace.filter("quic:packet_sent", (d) => d.remote.hostname === STRANGER.hostname)
      .reduce((sum, { data }) => sum + data.size, 0);
  const send = (size: number): void => {
    const packet = rogue.seal({ frames: [PING], path: 1, size });
    received += packet.length;
    rogue.deliver(packet, { from: STRANGER });
    for (let i = 0; i < 20; i++) {
      pair.world.runFor(25);
      assert(toStranger() <= 3 * received, `${toStranger()} bytes for ${received}`);
    }
  };
  for (const size of [50, 60, 300, 70, 50]) send(size);
  assertGreater(toStranger(), 0);
  assertEquals(pair.server.state, "connected");
});

for (const role of ROLES) {
  Deno.test(`row 35: the ${role} answers a PATH_CHALLENGE on the path where it came, with an id of that path`, () => {
    const { paths, wire } = watched({ links: [{ delayMs: 10 }, { delayMs: 5 }, { delayMs: 20 }], open: [1, 2] });
    paths.ready();
    const answers = wire.frames(role, "path_response");
    const asked = wire.frames(otherRole(role), "path_challenge");
    assertGreater(answers.length, 1);
    for (const { packet, frame } of answers) {
      const question = asked.find((c) => c.frame.data.toHex() === frame.data.toHex())!;
      assertEquals([packet.in.link, packet.path], [question.packet.in.link, question.packet.path]);
    }
    assertEquals(new Set(answers.map(({ packet }) => packet.path)), new Set([1, 2]));
  });

  Deno.test(`row 35: the ${role} answers on each path that is open, path 0 among them`, () => {
    const f = new Forged(role, 3);
    for (const path of [0, 1, 2]) {
      const answers = f.send([challenge(path)], path).filter((packet) => holds(packet, "path_response"));
      assertEquals(answers.map((packet) => packet.path), [path]);
      assertEquals(framesOf(answers[0]!, "path_response")[0]!.data, new Uint8Array(8).fill(path));
    }
  });
}

Deno.test("row 36: a first packet on an unused path id need not hold a PATH_CHALLENGE", () => {
  for (const frames of [[PING], [{ kind: "stream", streamId: 2, offset: 0, data: new Uint8Array(9), fin: true }]]) {
    const { pair, rogue } = stranger();
    rogue.send({ frames: frames as Frame[], path: 1, size: 1200 }, { from: STRANGER });
    const path = pair.server.stats().paths[1]!;
    assertEquals([path.id, path.state, path.remote], [1, "validating", STRANGER]);
    pair.world.runFor(100);
    const ack = pair.serverTrace.frames("sent", "ack").find(({ frame }) => frame.path === 1);
    assertEquals(ack?.frame.ranges[0], 0);
    pair.serverTrace.assertSeen(
      "quic:packet_sent",
      (d) =>
        d.remote.hostname === STRANGER.hostname && d.header.path === 1 &&
        d.frames.some((frame) => frame.kind === "path_challenge"),
    );
  }
});

Deno.test("row 37: a path that does not carry 1200 bytes is not used, and given up", () => {
  const load = new Requests(bulk("both", 200_000));
  const links = [{ delayMs: 10, rateMbps: 20 }, { delayMs: 10, mtu: 1100 }];
  const { paths, wire } = watched({ links, clientApps: [load.client], serverApps: [load.server] });
  paths.ready();
  paths.open(1);
  paths.world.runFor(10_000);
  assertEquals(load.isDone, true);
  assertEquals(paths.client.stats().paths.map((path) => path.id), [0]);
  for (const role of ROLES) assertEquals(wire.on(role, 1).filter((packet) => holds(packet, "stream")), []);
  assertEquals(wire.frames("client", "path_abandon").map(({ packet, frame }) => [packet.path, frame.path]), [[0, 1]]);
});

Deno.test("row 37: a server that may not send 1200 bytes at first checks later that they get through", () => {
  const { pair, rogue } = stranger();
  const sizes = (): number[] =>
    pair.serverTrace.filter("quic:packet_sent", (d) => d.header.path === 1 && d.frames.some(isChallenge))
      .map(({ data }) => data.size);
  const isChallenge = (frame: Frame): boolean => frame.kind === "path_challenge";
  const answer = (): void => {
    const last = pair.serverTrace.frames("sent", "path_challenge").at(-1)!.frame;
    rogue.send({ frames: [{ kind: "path_response", data: last.data }], path: 1 }, { from: STRANGER });
  };
  rogue.send({ frames: [PING], path: 1, size: 50 }, { from: STRANGER });
  assertEquals(sizes().length, 1);
  assertLess(sizes()[0]!, 200);
  answer();
  // The address is good, its path is in use, and the size is asked for.
  assertEquals(isUsable(pair.server, 1), true);
  assertEquals(sizes().slice(1), [1200]);
  answer();
  pair.world.runFor(10_000);
  assertEquals(sizes().length, 2);
  assertEquals(isUsable(pair.server, 1), true);
});

Deno.test("row 38: a server refuses a path with PATH_ABANDON on another path", () => {
  const { paths, wire } = watched();
  paths.ready();
  const run = paths.serverNode.run.bind(paths.serverNode);
  paths.serverNode.run = (now): void => {
    const path = paths.server.stats().paths[1];
    if (path?.state === "validating") {
      paths.server.closePath(1, TransportErrorCode.PATH_RESOURCE_LIMIT_REACHED, "no", now);
    }
    run(now);
  };
  const events = pathEvents(paths.client);
  paths.open(1);
  paths.world.runFor(5000);
  const [abandon] = wire.frames("server", "path_abandon");
  assertEquals(abandon?.frame, { kind: "path_abandon", path: 1, code: TransportErrorCode.PATH_RESOURCE_LIMIT_REACHED });
  assertEquals(abandon?.packet.path, 0);
  assertEquals(wire.on("server", 1), []);
  const closed = events().findLast((event) => event.path.id === 1)!;
  assertEquals([closed.change, closed.code, closed.byPeer], ["closed", 0x3e75, true]);
  assertEquals(wire.frames("client", "path_abandon").length, 1);
});

Deno.test("row 39: a client repeats its PATH_CHALLENGE while the answer is held back, and uses the path when it comes", () => {
  const { paths, wire } = watched();
  const until = 2000;
  wire.verdict = ({ sender, link, at }) => sender === "server" && link === 1 && at < until ? "drop" : "pass";
  paths.ready();
  paths.open(1);
  paths.world.require("the path", () => isUsable(paths.client, 1), 4000);
  const challenges = wire.frames("client", "path_challenge");
  assertGreater(challenges.length, 2);
  assertGreater(paths.world.now, until);
});

Deno.test("row 39: a server without a connection id for the path holds its answer back, and asks for one", () => {
  for (const comes of [true, false]) {
    const { pair, rogue } = stranger({ client: { maxPaths: 1 } });
    rogue.send({ frames: [{ kind: "max_path_id", limit: 1 }] });
    rogue.send({ frames: [challenge(5)], path: 1, size: 1200 }, { from: STRANGER });
    pair.world.runFor(500);
    const onPath1 = (): number => pair.serverTrace.count("quic:packet_sent", (d) => d.header.path === 1);
    assertEquals(onPath1(), 0);
    const [blocked] = rogue.frames("path_cids_blocked");
    assertEquals([blocked?.path, blocked?.nextSequence], [1, 0]);
    // Nothing else is held up by it.
    const stream = pair.server.openStream("unidirectional")!;
    pair.server.write(stream, new Uint8Array(100));
    pair.world.runFor(10);
    assertEquals(rogue.frames("stream").length > 0, true);
    if (comes) {
      rogue.send({ frames: [newId(1, 0)] });
      const [first] = pair.serverTrace.filter("quic:packet_sent", (d) => d.header.path === 1);
      const kinds = first!.data.frames.map((frame) => frame.kind);
      assert(kinds.includes("path_response") && kinds.includes("path_challenge"), kinds.join());
    } else {
      pair.world.runFor(10_000);
      assertEquals(onPath1(), 0);
      const [abandon] = rogue.frames("path_abandon");
      assertEquals([abandon?.path, abandon?.code], [1, TransportErrorCode.NO_CID_AVAILABLE_FOR_PATH]);
    }
    assertEquals(pair.server.error, undefined);
  }
});

Deno.test("rows 40, 41: a path whose validation failed is never used, and abandoned explicitly; its id is not used again", () => {
  const load = new Requests(bulk("both", 2_000_000));
  const { paths, wire } = watched({ clientApps: [load.client], serverApps: [load.server] });
  paths.links[1]!.set({ dead: true });
  paths.ready();
  const events = pathEvents(paths.client);
  const id = paths.open(1);
  paths.world.runFor(8000);
  assertEquals(id, 1);
  for (const packet of wire.on("client", 1)) {
    // PING and PADDING ask what it carries.
    for (const frame of packet.frames) assert(["path_challenge", "ping", "padding"].includes(frame.kind), frame.kind);
  }
  const abandons = ROLES.map((role) => wire.frames(role, "path_abandon"));
  for (const said of abandons) assertEquals(said.map(({ packet, frame }) => [packet.path, frame.path]), [[0, 1]]);
  assertEquals(abandons[0]![0]!.frame.code, TransportErrorCode.PATH_UNSTABLE_OR_POOR);
  assertEquals(events().map(({ change }) => change), ["opened", "closed"]);
  assertEquals(load.isDone, true);
  paths.links[1]!.set({ dead: false });
  assertEquals(paths.open(1), 2);
  paths.world.require("the next path", () => isUsable(paths.client, 2) && isUsable(paths.server, 2));
});

Deno.test("rows 40, 41: a server gives up a path that its client does not prove", () => {
  const { pair, rogue } = stranger();
  rogue.send({ frames: [PING], path: 1, size: 1200 }, { from: STRANGER });
  pair.world.runFor(10_000);
  const sent = pair.serverTrace.filter("quic:packet_sent", (d) => d.header.path === 1).flatMap(({ data }) =>
    data.frames
  );
  for (const frame of sent) assert(BEFORE_VALIDATION.has(frame.kind), frame.kind);
  const [abandon] = pair.serverTrace.frames("sent", "path_abandon");
  assertEquals([abandon?.header.path, abandon?.frame.path], [0, 1]);
});

Deno.test("row 42: packets on a new path id leave the other paths as they are", () => {
  const { pair, rogue } = stranger();
  const before = pair.server.stats().paths[0]!;
  for (let i = 0; i < 20; i++) rogue.send({ frames: [PING], path: 1, size: 1200 }, { from: STRANGER });
  const after = pair.server.stats().paths[0]!;
  // PATH_ACKs for the new path go on it, so that packets were sent there, but nothing else is different.
  const state = ({ bytesSent: _sent, inFlight: _inFlight, ...rest }: typeof before): unknown => rest;
  assertEquals(state(after), state(before));
  assertEquals(after.remote, before.remote);
  pair.serverTrace.assertNone("quic:migration_state_updated");
  assertEquals(pair.server.stats().paths[1]?.remote, STRANGER);
  assertEquals(pair.server.stats().paths[1]?.local, SERVER_ADDRESS);
});

Deno.test("row 43: any frame is taken on a new path before it is validated", () => {
  const { pair, rogue } = stranger();
  const data = new TextEncoder().encode("first words");
  const frames: Frame[] = [
    { kind: "stream", streamId: 2, offset: 0, data, fin: true },
    { kind: "max_data", limit: 5_000_000 },
    { kind: "path_status", path: 1, sequence: 1, status: "backup" },
    { kind: "path_status", path: 2, sequence: 1, status: "backup" },
    { kind: "max_path_id", limit: 5 },
    { kind: "datagram", data } as Frame,
    { kind: "ack", path: 0, delay: 0, ranges: [0, 0], ecn: undefined },
  ];
  rogue.send({ frames, path: 1 }, { from: STRANGER });
  assertEquals(pair.server.error, undefined);
  assertEquals(pair.server.read(2), data);
  assertEquals(pair.server.stats().paths[1]?.peerStatus, "backup");
  assertEquals(pair.server.stats().paths[1]?.state, "validating");
});
