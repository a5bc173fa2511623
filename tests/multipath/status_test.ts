/**
 * What ends think of paths: rows 69 to 76 of the checklist in `multipath-spec.md` §8.
 *
 * @module
 */
import { assert, assertEquals, assertGreater } from "@std/assert";
import { otherRole, type Role } from "../../transport/base/role.ts";
import type { Connection } from "../../transport/connection/connection.ts";
import type { PathStatus } from "../../transport/paths/path.ts";
import type { Frame } from "../../transport/wire/frames/types.ts";
import { bulk, Requests } from "../kit/apps.ts";
import type { LinkOptions } from "../kit/link_options.ts";
import { CLIENT_ADDRESS } from "../connection/pair.ts";
import { newId } from "./actors.ts";
import { Forged, framesIn, openHere, ROLES } from "./forged.ts";
import { Paths } from "./paths.ts";
import { holds, Wire } from "./wire.ts";

const said = (path: number, sequence: number, status: PathStatus): Frame => ({
  kind: "path_status",
  path,
  sequence,
  status,
});

function connectionOf(paths: Paths, role: Role): Connection {
  return role === "client" ? paths.client : paths.server;
}

/** Two paths, data that one end sends, and what goes over the links. */
function sending(
  role: Role,
  bytes: number,
  queue: LinkOptions = {},
): { readonly paths: Paths; readonly wire: Wire; readonly load: Requests } {
  const load = new Requests(bulk(role === "client" ? "up" : "down", bytes));
  const links = [{ delayMs: 10, rateMbps: 5, ...queue }, { delayMs: 25, rateMbps: 5, ...queue }];
  const paths = new Paths({ links, clientApps: [load.client], serverApps: [load.server] });
  return { paths, wire: new Wire(paths), load };
}

/** Packets with STREAM frames that an end sent on a path since a time. */
function dataOn(wire: Wire, role: Role, path: number, since: number): number {
  return wire.on(role, path).filter((packet) => packet.in.at > since && holds(packet, "stream")).length;
}

for (const role of ROLES) {
  Deno.test(`row 69: the ${role} sends no data on a path that its peer calls a backup, while another works`, () => {
    for (const backup of [0, 1]) {
      // Queues that lose nothing: what is lost on a path may be sent there again, backup or not.
      const { paths, wire, load } = sending(role, 1_000_000, { queueMs: 2000 });
      paths.ready();
      paths.world.runFor(200);
      for (const path of [0, 1]) assertGreater(dataOn(wire, role, path, 0), 0);
      connectionOf(paths, otherRole(role)).setPathStatus(backup, "backup", paths.world.now);
      const end = connectionOf(paths, role);
      paths.world.require("the status to arrive", () => end.stats().paths[backup]?.peerStatus === "backup");
      const { now } = paths.world;
      paths.world.runFor(300);
      assertEquals(dataOn(wire, role, backup, now), 0);
      assertGreater(dataOn(wire, role, 1 - backup, now), 50);
      connectionOf(paths, otherRole(role)).setPathStatus(backup, "available", paths.world.now);
      paths.world.runFor(300);
      assertGreater(dataOn(wire, role, backup, now), 10);
      paths.world.require("the transfer", () => load.isDone);
    }
  });

  Deno.test(`row 70: the ${role} sends although all paths are backups`, () => {
    const { paths, wire, load } = sending(role, 1_000_000);
    paths.ready();
    for (const path of [0, 1]) connectionOf(paths, otherRole(role)).setPathStatus(path, "backup", paths.world.now);
    paths.world.runFor(100);
    const { now } = paths.world;
    assertEquals(connectionOf(paths, role).stats().paths.map((path) => path.peerStatus), ["backup", "backup"]);
    paths.world.require("the transfer", () => load.isDone);
    assertGreater(dataOn(wire, role, 0, now) + dataOn(wire, role, 1, now), 100);
  });

  Deno.test(`row 71: when the ${role} goes on with a backup, its peer is told to avoid the broken path, until it works`, () => {
    const { paths, wire, load } = sending(role, 1_500_000);
    paths.ready();
    const peer = connectionOf(paths, otherRole(role));
    peer.setPathStatus(1, "backup", paths.world.now);
    paths.world.runFor(300);
    paths.links[0]!.set({ dead: true });
    const { now } = paths.world;
    paths.world.require("the peer to be told", () => peer.stats().paths[0]?.peerStatus === "backup", now + 3000);
    paths.world.runFor(500);
    assertGreater(dataOn(wire, role, 1, now), 50);
    paths.links[0]!.set({ dead: false });
    paths.world.require("the peer to be told again", () => peer.stats().paths[0]?.peerStatus === "available");
    // What the application says of the path is not touched by that.
    assertEquals(connectionOf(paths, role).stats().paths[0]!.status, "available");
    paths.world.require("the transfer", () => load.isDone);
  });

  Deno.test(`row 72: numbers of the statuses that the ${role} sends rise on each path, across both kinds`, () => {
    const paths = new Paths({ links: [{}, {}, {}], open: [1, 2] });
    const wire = new Wire(paths);
    paths.ready();
    const end = connectionOf(paths, role);
    for (let i = 0; i < 10; i++) {
      for (const path of [0, 1, 2]) {
        if (i % (path + 1) !== 0) continue;
        end.setPathStatus(path, i % 2 === 0 ? "backup" : "available", paths.world.now);
      }
      paths.world.runFor(20);
    }
    const sent = wire.frames(role, "path_status").map(({ frame }) => frame);
    for (const path of [0, 1, 2]) {
      const numbers = sent.filter((frame) => frame.path === path).map((frame) => frame.sequence);
      assertGreater(numbers.length, 0);
      assert(numbers.every((number, i) => i === 0 || number > numbers[i - 1]!), numbers.join());
    }
    assertEquals(new Set(sent.map((frame) => frame.status)).size, 2);
    const heard = connectionOf(paths, otherRole(role)).stats().paths.map((path) => path.peerStatus);
    assertEquals(heard, end.stats().paths.map((path) => path.status));
  });

  Deno.test(`row 73: the ${role} ignores a status that is no newer than the last one of that path`, () => {
    const f = new Forged(role, 3);
    const heard = (): (PathStatus | undefined)[] => f.victim.stats().paths.map((path) => path.peerStatus);
    f.send([said(1, 5, "backup")]);
    assertEquals(heard(), [undefined, "backup", undefined]);
    for (const sequence of [0, 4, 5]) f.send([said(1, sequence, "available")]);
    assertEquals(heard(), [undefined, "backup", undefined]);
    // Each path has numbers of its own.
    f.send([said(2, 0, "backup"), said(0, 1, "backup")]);
    assertEquals(heard(), ["backup", "backup", "backup"]);
    f.send([said(1, 6, "available"), said(1, 2 ** 50, "backup"), said(1, 7, "available")]);
    assertEquals(heard(), ["backup", "backup", "backup"]);
    f.assertWell();
  });

  Deno.test(`row 74: the ${role} repeats a status that was lost, unless another was sent since`, () => {
    for (const superseded of [false, true]) {
      const paths = new Paths().ready();
      const wire = new Wire(paths);
      paths.world.runFor(500);
      const end = connectionOf(paths, role);
      let lost = 0;
      wire.verdict = ({ sender, packets }) =>
        sender === role && packets.some((p) => holds(p, "path_status")) && lost++ === 0 ? "drop" : "pass";
      end.setPathStatus(1, "backup", paths.world.now);
      paths.world.runFor(5);
      if (superseded) end.setPathStatus(1, "available", paths.world.now);
      paths.world.runFor(3000);
      // (Path 0, which lost it, may be in doubt for a moment, and said to be.)
      const ofPath1 = wire.frames(role, "path_status").filter(({ frame }) => frame.path === 1);
      const sent = ofPath1.map(({ frame }) => [frame.sequence, frame.status]);
      assertEquals(sent[0], [1, "backup"]);
      for (const later of sent.slice(1)) assertEquals(later, superseded ? [2, "available"] : [1, "backup"]);
      assertGreater(sent.length, 1);
      const heard = connectionOf(paths, otherRole(role)).stats().paths[1]!.peerStatus;
      assertEquals(heard, superseded ? "available" : "backup");
    }
  });

  Deno.test(`row 75: the ${role} takes a status in one packet with PATH_NEW_CONNECTION_ID or PATH_RESPONSE`, () => {
    const f = new Forged(role);
    const statuses = (): unknown => f.victim.stats().paths.map((p) => p.peerStatus);
    f.send([newId(2, 1, 1), said(2, 1, "backup"), said(1, 1, "backup")]);
    assertEquals(statuses(), [undefined, "backup"]);
    const from = { hostname: CLIENT_ADDRESS.hostname, port: 50_777 };
    if (role === "client") openHere(f.victim, f.world.now);
    else f.rogue.send({ frames: [{ kind: "ping" }], path: 2, size: 1200 }, { from });
    f.after(0);
    assertEquals(f.victim.stats().paths[2]?.state, "validating");
    const { frame } = framesIn(f.rogue.caught, "path_challenge").at(-1)!;
    const frames: Frame[] = [said(2, 2, "available"), { kind: "path_response", data: frame.data }];
    f.rogue.send({ frames, path: 2, size: 1200 }, role === "client" ? {} : { from });
    assertEquals(f.victim.stats().paths[2]?.state, "usable");
    assertEquals(statuses(), [undefined, "backup", "available"]);
    // The first event of the path told what was known of it by then.
    assertEquals(f.events.find((e) => e.path.id === 2)?.path.peerStatus, "backup");
    f.assertWell();
  });

  Deno.test(`row 76: the ${role} takes the status of a path that is not open yet, for when it is`, () => {
    const f = new Forged(role, 1);
    f.send([said(3, 1, "backup"), said(1, 4, "backup")]);
    f.assertWell();
    assertEquals(f.victim.stats().paths.length, 1);
  });
}

Deno.test("row 75: the status that a path is opened with is known to the peer before any data comes", () => {
  const load = new Requests(bulk("down", 3_000_000));
  const paths = new Paths({ clientApps: [load.client], serverApps: [load.server], open: [] });
  const wire = new Wire(paths);
  paths.ready();
  paths.world.runFor(100);
  paths.open(1, { status: "backup" });
  paths.world.require("the path at the server", () => paths.server.stats().paths[1]?.state === "usable");
  assertEquals(paths.server.stats().paths[1]!.peerStatus, "backup");
  paths.world.require("the transfer", () => load.isDone);
  assertEquals(dataOn(wire, "server", 1, 0), 0);
});

Deno.test("row 76: both ends keep the status of a path until it is opened", () => {
  const paths = new Paths({ open: [] }).ready();
  paths.world.runFor(200);
  const { now } = paths.world;
  paths.client.setPathStatus(1, "backup", now);
  paths.server.setPathStatus(1, "backup", now);
  paths.world.runFor(200);
  const id = paths.open(1);
  paths.world.require("the path", () => paths.server.stats().paths[1]?.state === "usable");
  for (const connection of [paths.client, paths.server]) {
    const path = connection.stats().paths[1]!;
    assertEquals([path.id, path.status, path.peerStatus], [id, "backup", "backup"]);
  }
});

Deno.test("row 76: the status of a path that the peer does not allow yet waits until it does", () => {
  const f = new Forged("client", 1, { server: { maxPaths: 1 } });
  const statuses = (): unknown[] => f.rogue.frames("path_status").map((frame) => [frame.path, frame.status]);
  const id = openHere(f.victim, f.world.now);
  f.victim.setPathStatus(id, "backup", f.world.now);
  f.after(100);
  assertEquals(statuses(), []);
  f.send([{ kind: "max_path_id", limit: id }]);
  f.after(10);
  assertEquals(statuses(), [[id, "backup"]]);
});
