/**
 * Validating addresses, and migration inside a path: rows 44 to 51 of the checklist in `multipath-spec.md` §8.
 *
 * @module
 */
import { assert, assertEquals, assertGreater, assertLess } from "@std/assert";
import { otherRole, type Role } from "../../transport/base/role.ts";
import type { Connection } from "../../transport/connection/connection.ts";
import type { Frame } from "../../transport/wire/frames/types.ts";
import { bulk, Requests } from "../kit/apps.ts";
import { CLIENT_ADDRESS, Pair, SERVER_ADDRESS } from "../connection/pair.ts";
import { Rogue } from "../connection/rogue.ts";
import { isUsable, newId, STRANGER, stranger } from "./actors.ts";
import { Forged, framesIn, openHere, ROLES } from "./forged.ts";
import { Paths } from "./paths.ts";
import { holds, Wire } from "./wire.ts";

const PING: Frame = { kind: "ping" };
const challenge = (byte: number): Frame => ({ kind: "path_challenge", data: new Uint8Array(8).fill(byte) });

/** The server as victim, with two paths on one 4-tuple, and somewhere for packets to the stranger to go. */
function forgedClient(paths = 2): Forged {
  const f = new Forged("server", paths);
  const { link, world } = f.pair;
  world.addLink({ client: STRANGER.hostname, server: link.server }).down.tap = link.down.tap!;
  return f;
}

/** What the server sent to an address since so many packets. */
function sentTo(
  f: Forged,
  hostname: string,
  since = 0,
): { readonly path: number; readonly frames: readonly Frame[] }[] {
  return f.trace.filter("quic:packet_sent").slice(since).filter(({ data }) => data.remote.hostname === hostname)
    .map(({ data }) => ({ path: data.header.path, frames: data.frames }));
}

for (const address of [false, true]) {
  const what = address ? "address" : "port";
  Deno.test(`row 44: a known path id from another ${what} is a migration of that path, which goes on as it was`, () => {
    const load = new Requests(bulk("both", 3_000_000));
    const paths = new Paths({ clientApps: [load.client], serverApps: [load.server] });
    const wire = new Wire(paths);
    paths.ready();
    paths.world.runFor(300);
    const [zero, one] = paths.server.stats().paths.map((path) => path.remote);
    paths.links[1]!.rebind({ address });
    paths.world.require("the transfer", () => load.isDone);
    paths.world.runFor(2000);
    const states = paths.serverTrace.filter("quic:migration_state_updated").map(({ data }) => [data.path, data.new]);
    assertEquals(states, [[1, "migration_started"], [1, "migration_complete"]]);
    const now = paths.server.stats().paths;
    assertEquals(now.map((path) => [path.id, path.state]), [[0, "usable"], [1, "usable"]]);
    assertEquals(now[0]!.remote, zero);
    assertEquals(now[1]!.remote.hostname === one!.hostname, !address);
    assert(now[1]!.remote.port !== one!.port);
    for (const role of ROLES) {
      // The numbers go on: none twice.
      const numbers = wire.on(role, 1).map((packet) => packet.number);
      assertEquals(new Set(numbers).size, numbers.length);
      for (const packet of wire.packets(role)) assertEquals(packet.path, packet.in.link);
    }
  });
}

Deno.test("row 44: the server moves the path alone that was heard of from elsewhere, and asks there and here", () => {
  const f = forgedClient(3);
  const since = f.trace.count("quic:packet_sent");
  f.rogue.send({ frames: [PING], path: 1, size: 1200 }, { from: STRANGER });
  const remotes = (): string[] => f.victim.stats().paths.map((path) => path.remote.hostname);
  assertEquals(remotes(), [CLIENT_ADDRESS.hostname, STRANGER.hostname, CLIENT_ADDRESS.hostname]);
  for (const hostname of [STRANGER.hostname, CLIENT_ADDRESS.hostname]) {
    const asked = sentTo(f, hostname, since).filter(({ frames }) => frames.some((x) => x.kind === "path_challenge"));
    assertEquals(asked.map(({ path }) => path), [1]);
  }
  f.assertWell();
});

Deno.test("row 44: a client takes packets of a path at whatever address of its own they arrive, and stays where it is", () => {
  const paths = new Paths().ready();
  paths.world.runFor(500);
  const rogue = new Rogue(paths, "server").takeOver();
  const before = paths.client.stats().paths.map((path) => [path.local, path.remote]);
  const received = paths.clientTrace.count("quic:packet_received");
  rogue.send({ frames: [PING], path: 1 }, { to: paths.localOf(0) });
  rogue.send({ frames: [PING], path: 0 }, { to: paths.localOf(1) });
  assertEquals(paths.clientTrace.count("quic:packet_received"), received + 2);
  assertEquals(paths.client.stats().paths.map((path) => [path.local, path.remote]), before);
  paths.clientTrace.assertNone("quic:migration_state_updated");
});

for (const path of [0, 1]) {
  Deno.test(`row 45: all connection ids in a migration of path ${path} are of that path`, () => {
    const f = forgedClient();
    // The peer changes its id with its address: so must the server, and keeps the old id for the old address.
    const idsOf = (): Uint8Array[] =>
      f.trace.frames("sent", "new_connection_id").filter(({ frame }) => frame.path === path)
        .map(({ frame }) => frame.connectionId);
    const [destinationId] = idsOf().slice(-1);
    f.send([challenge(0)], path);
    const before = f.usedId(path).toHex();
    const since = f.rogue.caught.length;
    f.rogue.send({ frames: [PING], path, destinationId: destinationId!, size: 1200 }, { from: STRANGER });
    const answers = f.rogue.caught.slice(since).filter((packet) => packet.path === path);
    const used = new Set(answers.map((packet) => packet.destinationId.toHex()));
    const given = new Set(
      f.rogue.ownTrace.frames("sent", "new_connection_id").filter(({ frame }) => frame.path === path)
        .map(({ frame }) => frame.connectionId.toHex()),
    );
    assertEquals(used.size, 2);
    for (const id of used) assert(given.has(id) || id === before);
    assert(used.has(before));
    // Without a change of id it goes on with the same one: the peer may not know that its address changed.
    f.assertWell();
  });
}

Deno.test("row 45: a path whose peer changed its id and address waits for another id of that path, and takes no other's", () => {
  const f = forgedClient();
  // Ids of path 1 run out: each is used once and given back.
  for (let sequence = 4; f.victim.rotateConnectionId(1); sequence++) assertLess(sequence, 20);
  f.after(100);
  const destinationId = f.trace.frames("sent", "new_connection_id").findLast(({ frame }) => frame.path === 1)!.frame
    .connectionId;
  const since = f.trace.count("quic:packet_sent");
  f.rogue.send({ frames: [PING], path: 1, destinationId, size: 1200 }, { from: STRANGER });
  f.after(200);
  assertEquals(sentTo(f, STRANGER.hostname, since), []);
  // Path 0 is not held up by that.
  assertEquals(f.send([challenge(1)], 0).filter((packet) => holds(packet, "path_response")).length, 1);
  // It stays where it was, and goes on when it has an id to go with.
  assertEquals(f.victim.stats().paths[1]!.remote, CLIENT_ADDRESS);
  f.send([newId(1, 40)], 0);
  f.rogue.send({ frames: [PING], path: 1, destinationId, size: 1200 }, { from: STRANGER });
  const there = sentTo(f, STRANGER.hostname, since);
  assertEquals(there.some(({ path, frames }) => path === 1 && frames.some((x) => x.kind === "path_challenge")), true);
  f.assertWell();
});

Deno.test("row 46: the newest token proves any address of the client that was validated, and no other", () => {
  const links = [{ delayMs: 5 }, { delayMs: 5 }, { delayMs: 5 }];
  const paths = new Paths({ links, open: [1], serverConfig: { retry: true } });
  paths.ready();
  paths.world.runFor(100);
  // One for each address that was proved, each good for all so far.
  assertEquals(paths.serverTrace.frames("sent", "new_token").length, 2);
  const token = (): Uint8Array => paths.client.token!;
  let port = 60_000;
  const isTaken = (link: number, proof: Uint8Array): boolean => {
    const retries = paths.clientTrace.count("quic:packet_received", (d) => d.header.type === "retry");
    const local = { ...paths.localOf(link), port: port++ };
    const { world } = paths;
    const next = paths.clientNode.connect({ local, remote: paths.remoteOf(link), now: world.now, token: proof });
    world.require("the handshake", () => next.isConfirmed);
    world.runFor(100);
    return paths.clientTrace.count("quic:packet_received", (d) => d.header.type === "retry") === retries;
  };
  const [first, second] = paths.clientTrace.frames("received", "new_token").map(({ frame }) => frame.token);
  assertEquals(token(), second);
  assertEquals(isTaken(1, first!), false);
  assertEquals(isTaken(1, token()), true);
  // A path's new address counts too.
  paths.links[1]!.rebind({ address: true });
  paths.client.ping();
  const stream = paths.client.openStream("unidirectional")!;
  paths.client.write(stream, new Uint8Array(100_000));
  paths.world.runFor(500);
  assertEquals(paths.serverTrace.filter("quic:migration_state_updated").at(-1)?.data.new, "migration_complete");
  const third = token();
  assert(third !== second);
  assertEquals(isTaken(2, third), false);
  assertEquals(isTaken(1, third), true);
  assertEquals(isTaken(1, third), false, "each counts once");
});

for (const role of ROLES) {
  Deno.test(`row 47: challenges of the ${role} are unpredictable, one in a packet, in 1200 bytes, and not too many`, () => {
    const paths = new Paths({ open: [] });
    const wire = new Wire(paths);
    wire.verdict = ({ link }) => link === 1 && quiet ? "drop" : "pass";
    let quiet = role === "client";
    paths.ready();
    paths.open(1);
    if (role === "server") {
      // The client's first packet arrives, nothing later does.
      paths.world.require("the path at the server", () => paths.server.stats().paths.length === 2);
      quiet = true;
    }
    paths.world.runFor(10_000);
    const asked = wire.frames(role, "path_challenge");
    assertGreater(asked.length, 2);
    assertEquals(new Set(asked.map(({ frame }) => frame.data.toHex())).size, asked.length);
    for (const packet of wire.on(role, 1)) {
      assert(packet.frames.filter((frame) => frame.kind === "path_challenge").length <= 1);
    }
    // A server may send three times what it got, a challenge and an MTU probe: enough for one period of validation. Where the
    // peer was heard in it another one follows, with what is left.
    const period = asked.filter(({ packet }) => packet.in.at < asked[0]!.packet.in.at + 3000);
    for (const { packet } of period) assertEquals(packet.in.size, 1200);
    // No more than Initial packets: those would be one, two after a PTO of 1 s, two after twice that time.
    const times = asked.map(({ packet }) => Math.round((packet.in.at - asked[0]!.packet.in.at) / 100));
    assertEquals(times.slice(0, 2), [0, 10]);
    // One that is known to be lost is made good at once.
    assert(times[2]! > 12 && times[2]! <= 20, `${times}`);
    assert(period.length <= 5);
  });

  Deno.test(`row 47: the ${role} asks with other data each time, on other paths and in other connections`, () => {
    const seen: string[] = [];
    for (const seed of [1, 2, 3]) {
      const paths = new Paths({ seed, links: [{}, {}, {}, {}], open: [1, 2, 3] });
      const wire = new Wire(paths);
      paths.ready();
      seen.push(...wire.frames(role, "path_challenge").map(({ frame }) => frame.data.toHex()));
    }
    assertGreater(seen.length, 8);
    assertEquals(new Set(seen).size, seen.length);
  });

  Deno.test(`row 48: the ${role} answers a challenge once, in 1200 bytes`, () => {
    const f = new Forged(role);
    for (const path of [0, 1]) {
      const from = f.rogue.datagrams.length;
      const packet = f.rogue.seal({ frames: [challenge(7)], path });
      f.rogue.deliver(packet);
      f.rogue.deliver(packet);
      // Neither a lost answer nor a lost acknowledgement makes it answer again.
      const all = [...f.rogue.caught, ...f.after(20_000)];
      assertEquals(framesIn(all, "path_response").filter(({ on }) => on === path).length, 1);
      assertEquals(f.rogue.datagrams[from]?.length, 1200);
    }
    // Each of several challenges in one packet is answered.
    const answers = framesIn(f.send([challenge(1), challenge(2), challenge(3)]), "path_response");
    assertEquals(answers.map(({ frame }) => frame.data[0]), [1, 2, 3]);
  });
}

Deno.test("row 48: an answer to an address that is not validated has no more than three times the bytes that came", () => {
  const { pair, rogue } = stranger();
  rogue.send({ frames: [challenge(1)], path: 1, size: 60 }, { from: STRANGER });
  pair.world.runFor(20_000);
  const sizes = pair.serverTrace.filter("quic:packet_sent", (d) => d.remote.hostname === STRANGER.hostname)
    .map(({ data }) => data.size);
  assertGreater(sizes.length, 0);
  assert(sizes.reduce((sum, size) => sum + size, 0) <= 180, sizes.join());
  assertEquals(pair.serverTrace.frames("sent", "path_response").length, 1);
});

/** A path that a client opens while its server is a rogue: what the rogue sees of it. */
function halfOpen(): { readonly pair: Pair; readonly rogue: Rogue; readonly asked: () => Uint8Array } {
  const pair = new Pair().confirm();
  pair.world.runFor(1000);
  const rogue = new Rogue(pair, "server").takeOver();
  assertEquals(openHere(pair.client, pair.world.now), 1);
  pair.world.runFor(0);
  return { pair, rogue, asked: () => rogue.frames("path_challenge").at(-1)!.data };
}

Deno.test("row 49: a client takes PATH_RESPONSE on any path", () => {
  for (const on of [0, 1]) {
    const { pair, rogue, asked } = halfOpen();
    rogue.send({ frames: [{ kind: "path_response", data: new Uint8Array(8) }], path: on });
    assertEquals(isUsable(pair.client, 1), false);
    rogue.send({ frames: [{ kind: "path_response", data: asked() }], path: on });
    assertEquals(isUsable(pair.client, 1), true);
  }
});

Deno.test("row 49: a server takes PATH_RESPONSE on any path", () => {
  for (const on of [0, 1]) {
    const { pair, rogue } = stranger();
    rogue.send({ frames: [PING], path: 1, size: 1200 }, { from: STRANGER });
    const { data } = pair.serverTrace.frames("sent", "path_challenge").at(-1)!.frame;
    rogue.send({ frames: [{ kind: "path_response", data }], path: on }, on === 0 ? {} : { from: STRANGER });
    assertEquals(isUsable(pair.server, 1), true);
  }
});

Deno.test("row 49: the acknowledgement of a challenge proves nothing to either end", () => {
  const client = halfOpen();
  client.rogue.acknowledge({ multipath: true });
  client.pair.clientTrace.assertSeen("quic:packets_acked", (d) => d.path === 1);
  assertEquals(isUsable(client.pair.client, 1), false);
  client.pair.world.runFor(10_000);
  client.pair.clientTrace.assertSeen("multipath:path_closed", (d) => d.path === 1 && !d.byPeer);

  const { pair, rogue } = stranger();
  rogue.send({ frames: [PING], path: 1, size: 1200 }, { from: STRANGER });
  rogue.send({ frames: [{ kind: "ack", path: 1, delay: 0, ranges: [0, 0], ecn: undefined }] });
  pair.serverTrace.assertSeen("quic:packets_acked", (d) => d.path === 1);
  pair.world.runFor(10_000);
  pair.serverTrace.assertSeen("multipath:path_closed", (d) => d.path === 1 && !d.byPeer);
});

/** Milliseconds from the first challenge of an end on a dead path until it gives the path up. */
function patience(role: Role, delayMs: number): number {
  const paths = new Paths({ links: [{ delayMs }, { delayMs: 10 }], open: [] });
  const wire = new Wire(paths);
  paths.ready();
  paths.world.runFor(10 * delayMs + 2000);
  wire.verdict = ({ link, sender }) => link === 1 && (sender === "server" || role === "client") ? "drop" : "pass";
  paths.open(1);
  paths.world.runFor(60_000);
  const trace = role === "client" ? paths.clientTrace : paths.serverTrace;
  const first = trace.filter("quic:packet_sent", (d) => d.frames.some((frame) => frame.kind === "path_challenge"));
  const closed = trace.assertSeen("multipath:path_closed", (d) => d.path === 1);
  return closed.now - first[0]!.now;
}

Deno.test("row 50: a client gives up after three PTOs, of the new path or of the one with the largest", () => {
  // RFC 9002 §6.2.2: 333 + 4 * 166.5 + 25 for a path that nothing is known of.
  const fresh = 333 + 4 * 166.5 + 25;
  const quick = patience("client", 10);
  assert(Math.abs(quick - 3 * fresh) < 50, `${quick}`);
  const slow = patience("client", 1500);
  assert(slow > 3 * 3025 && slow < 3 * 3000 * 3, `${slow}`);
});

Deno.test("row 50: a server gives up likewise", () => {
  // What the client answers is dropped on its way by its own failure: it abandons the path first, unless it is heard.
  const { pair, rogue } = stranger();
  rogue.send({ frames: [PING], path: 1, size: 1200 }, { from: STRANGER });
  const started = pair.world.now;
  pair.world.runFor(10_000);
  const closed = pair.serverTrace.assertSeen("multipath:path_closed", (d) => d.path === 1);
  const fresh = 333 + 4 * 166.5 + 25;
  assert(Math.abs(closed.now - started - 3 * fresh) < 50, `${closed.now - started}`);
});

Deno.test("row 50: who is heard on a new path gets the time thrice, so that losses do not end it", () => {
  const { pair, rogue } = stranger();
  const challenges = (): number => pair.serverTrace.frames("sent", "path_challenge").length;
  rogue.send({ frames: [PING], path: 1, size: 1200 }, { from: STRANGER });
  const started = pair.world.now;
  for (let i = 0; i < 30; i++) {
    pair.world.runFor(500);
    if (pair.server.stats().paths.some((p) => p.state === "validating")) {
      rogue.send({ frames: [PING], path: 1, size: 1200 }, { from: STRANGER });
    }
  }
  const closed = pair.serverTrace.assertSeen("multipath:path_closed", (d) => d.path === 1);
  const fresh = 333 + 4 * 166.5 + 25;
  assert(Math.abs(closed.now - started - 9 * fresh) < 100, `${closed.now - started}`);
  assert(challenges() >= 5 && challenges() <= 8, `${challenges()} challenges`);
});

Deno.test("row 51: a client drops packets from addresses that it sends to on no path", () => {
  const links = [{ delayMs: 5 }, { delayMs: 5, server: "192.0.2.2" }];
  const paths = new Paths({ links }).ready();
  paths.world.runFor(500);
  const rogue = new Rogue(paths, "server").takeOver();
  const received = (connection: Connection): number => connection.stats().packetsReceived;
  for (const from of [{ ...SERVER_ADDRESS, port: 444 }, { hostname: "192.0.2.3", port: 443 }]) {
    for (const path of [0, 1]) {
      const before = received(paths.client);
      const dropped = paths.clientTrace.count("quic:packet_dropped", (d) => d.reason === "unknown_server_address");
      rogue.send({ frames: [PING], path }, { from, to: paths.localOf(path) });
      assertEquals(received(paths.client), before);
      const now = paths.clientTrace.count("quic:packet_dropped", (d) => d.reason === "unknown_server_address");
      assertEquals(now, dropped + 1);
    }
  }
  for (const path of [0, 1]) {
    const before = received(paths.client);
    rogue.send({ frames: [PING], path }, { from: paths.remoteOf(path), to: paths.localOf(path) });
    assertEquals(received(paths.client), before + 1);
  }
  // A server, on the other hand, hears its clients from anywhere: that is a migration.
  assertEquals(otherRole(paths.client.role), "server");
});
