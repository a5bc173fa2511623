/**
 * Many paths: before the handshake is confirmed, all at once, one after the other, on one 4-tuple, and with peers that want
 * none or few.
 *
 * @module
 */
import { assert, assertEquals, assertGreater, assertLess, assertThrows } from "@std/assert";
import v8 from "node:v8";
import vm from "node:vm";
import { PathError } from "../../transport/base/errors.ts";
import type { Connection } from "../../transport/connection/connection.ts";
import { bulk, Requests } from "../kit/apps.ts";
import type { Trace } from "../kit/trace.ts";
import type { WorldLinkOptions } from "../kit/world.ts";
import { CLIENT_ADDRESS, Pair, SERVER_ADDRESS } from "../connection/pair.ts";
import { isUsable, pathEvents } from "./actors.ts";
import { openHere } from "./forged.ts";
import { Paths } from "./paths.ts";
import { holds, Wire } from "./wire.ts";

/** How many paths the churn opens and closes; all 10,000 with MPQUIC_SWEEP=all. */
const CHURN = Deno.env.get("MPQUIC_SWEEP") === "all" ? 10_000 : 2000;
/** Most that the heap may grow while most of them come and go. */
const ALLOWED_GROWTH = 1 << 20;

function linksOf(count: number): WorldLinkOptions[] {
  return Array.from({ length: count }, (_, i) => ({ delayMs: 5 + 3 * i, rateMbps: 20 }));
}

function usableIds(connection: Connection): number[] {
  return connection.stats().paths.filter((path) => path.state === "usable").map((path) => path.id);
}

/** Opens more paths on the addresses of path 0, and waits for them at both ends. */
function openedHere(pair: Pair, count: number): number[] {
  const ids = Array.from({ length: count }, () => openHere(pair.client, pair.world.now));
  pair.world.require(
    `paths ${ids} to be usable`,
    () => ids.every((id) => isUsable(pair.client, id) && isUsable(pair.server, id)),
  );
  return ids;
}

Deno.test("Connection.openPath() before the handshake is confirmed waits for that", () => {
  const paths = new Paths({ links: linksOf(4), open: [] });
  const wire = new Wire(paths);
  const tooEarly: number[] = [];
  wire.verdict = ({ link, at }) => {
    if (link > 0 && !paths.client.isConfirmed) tooEarly.push(at);
    return "pass";
  };
  const events = pathEvents(paths.client);
  assertEquals([1, 2, 3].map((link) => paths.open(link)), [1, 2, 3]);
  assertThrows(() => paths.open(1), PathError, "at most 4");
  paths.ready();
  assertEquals(tooEarly, []);
  paths.world.require("all paths", () => usableIds(paths.client).length === 4 && usableIds(paths.server).length === 4);
  const changes = (id: number): string[] => events().filter((e) => e.path.id === id).map((e) => e.change);
  for (const id of [0, 1, 2, 3]) assertEquals(changes(id), ["opened", "usable"]);
});

Deno.test("Connection.openPath() early to a peer without multipath ends with the reason, and all else goes on", () => {
  for (const options of [{ server: { maxPaths: 0 } }, { client: { maxPaths: 0 } }]) {
    const load = new Requests(bulk("both", 500_000));
    const paths = new Paths({
      ...options,
      links: linksOf(2),
      clientApps: [load.client],
      serverApps: [load.server],
      open: [],
    });
    const wire = new Wire(paths);
    const events = pathEvents(paths.client);
    if (options.client === undefined) assertEquals(paths.open(1), 1);
    else assertThrows(() => paths.open(1), PathError, "does not speak RFC 10069");
    paths.ready();
    assertThrows(() => paths.open(1), PathError, "does not speak RFC 10069");
    paths.world.require("the transfer", () => load.isDone);
    const closed = events().filter(({ change }) => change === "closed");
    assertEquals(closed.map((e) => [e.path.id, e.byPeer]), options.client === undefined ? [[1, false]] : []);
    for (const { reason } of closed) assertEquals(reason.startsWith("The peer does not speak RFC 10069"), true);
    assertEquals(wire.datagrams.filter((datagram) => datagram.link > 0), []);
    assertEquals([paths.client.error, paths.server.error], [undefined, undefined]);
  }
});

Deno.test("Connection opens several paths at once, more than are validated at once among them", () => {
  for (const count of [4, 16]) {
    const load = new Requests(bulk("both", 1_000_000));
    const config = { maxPaths: count };
    const apps = { clientApps: [load.client], serverApps: [load.server] };
    const paths = new Paths({ links: linksOf(count), client: config, server: config, ...apps }).ready();
    assertEquals(usableIds(paths.client).length, count);
    assertThrows(() => paths.open(1), PathError, `at most ${count}`);
    paths.world.require("the transfer", () => load.isDone);
    const used = paths.server.stats().paths.filter((path) => path.streamBytesReceived > 0).length;
    assertGreater(used, 1);
  }
});

Deno.test("Connection opens several paths at once of which some lead nowhere", () => {
  const config = { maxPaths: 12 };
  const paths = new Paths({ links: linksOf(12), client: config, server: config, open: [] });
  for (const dead of [1, 4, 5, 6, 9]) paths.links[dead]!.set({ dead: true });
  paths.ready();
  for (let link = 1; link < 12; link++) assertEquals(paths.open(link), link);
  paths.world.runFor(15_000);
  assertEquals(usableIds(paths.client), [0, 2, 3, 7, 8, 10, 11]);
  assertEquals(usableIds(paths.server), [0, 2, 3, 7, 8, 10, 11]);
  // Their ids are used up, their places are not.
  assertEquals([2, 3].map((link) => paths.open(link)), [12, 13]);
  paths.world.require("two more", () => usableIds(paths.client).length === 9 && usableIds(paths.server).length === 9);
});

Deno.test("Connection opens a path while another is being closed, by either end, and in a crossing", () => {
  for (const closers of [["client"], ["server"], ["client", "server"]]) {
    const load = new Requests(bulk("both", 2_000_000));
    const apps = { clientApps: [load.client], serverApps: [load.server] };
    const paths = new Paths({ links: linksOf(3), client: { maxPaths: 3 }, server: { maxPaths: 3 }, ...apps }).ready();
    paths.world.runFor(100);
    for (const closer of closers) paths[closer as "client" | "server"].closePath(1, 5, "enough", paths.world.now);
    // The client hears of it only after a while when the server closes: until then it has three.
    if (!closers.includes("client")) {
      assertThrows(() => paths.open(1), PathError, "at most 3");
      paths.world.require("the client to hear of it", () => !isUsable(paths.client, 1));
    }
    const id = paths.open(1);
    assertEquals(id, 3);
    paths.world.require("the next path", () => isUsable(paths.client, id) && isUsable(paths.server, id));
    paths.world.require("the transfer", () => load.isDone);
    paths.world.runFor(5000);
    assertEquals(usableIds(paths.client), [0, 2, 3]);
    assertEquals(paths.server.stats().paths.map((path) => path.id), [0, 2, 3]);
  }
});

Deno.test("row 112: several paths on one 4-tuple work, each with its own numbers, windows and end", () => {
  const load = new Requests(bulk("both", 2_000_000));
  const pair = new Pair({ clientApps: [load.client], serverApps: [load.server] }).confirm();
  assertEquals(openedHere(pair, 3), [1, 2, 3]);
  pair.world.require("the transfer", () => load.isDone);
  for (const connection of [pair.client, pair.server]) {
    const { paths } = connection.stats();
    for (const path of paths) {
      const [local, remote] = connection === pair.client
        ? [CLIENT_ADDRESS, SERVER_ADDRESS]
        : [SERVER_ADDRESS, CLIENT_ADDRESS];
      assertEquals([path.local, path.remote], [local, remote]);
      // What arrives is counted on the path that it was for, not on the first with these addresses.
      assertGreater(path.bytesReceived, 1000);
    }
    assertGreater(paths.filter((path) => path.streamBytesReceived > 100_000).length, 1);
    const peer = connection === pair.client ? pair.server : pair.client;
    for (const [i, path] of paths.entries()) {
      assert(path.bytesReceived <= peer.stats().paths[i]!.bytesSent, `path ${path.id}`);
    }
  }
  pair.client.closePath(2, 0, "enough", pair.world.now);
  pair.world.runFor(5000);
  assertEquals(usableIds(pair.server), [0, 1, 3]);
});

Deno.test("row 112: a path on the 4-tuple of another outlives it", () => {
  const pair = new Pair().confirm();
  openedHere(pair, 1);
  pair.client.closePath(0, 0, "enough", pair.world.now);
  pair.world.runFor(5000);
  assertEquals([usableIds(pair.client), usableIds(pair.server)], [[1], [1]]);
  const stream = pair.client.openStream("unidirectional")!;
  pair.client.write(stream, new Uint8Array(1000));
  pair.world.runFor(100);
  assertEquals(pair.server.stats().paths[0]!.streamBytesReceived, 1000);
});

Deno.test("Connection: the lower of both ends' limits holds, and both rise by one with each path that ends", () => {
  const paths = new Paths({ links: linksOf(3), client: { maxPaths: 6 }, server: { maxPaths: 2 }, open: [1] });
  const wire = new Wire(paths);
  paths.ready();
  for (let i = 0; i < 5; i++) {
    const last = usableIds(paths.client).at(-1)!;
    paths.client.closePath(last, 0, "enough", paths.world.now);
    const id = paths.open(1 + i % 2);
    assertEquals(id, last + 1);
    paths.world.require("the next path", () => isUsable(paths.client, id) && isUsable(paths.server, id));
  }
  paths.world.runFor(5000);
  const limits = (role: "client" | "server"): number[] =>
    wire.frames(role, "max_path_id").map(({ frame }) => frame.limit);
  assertEquals(limits("server"), [2, 3, 4, 5, 6]);
  assertEquals(limits("client"), [6, 7, 8, 9, 10]);
});

function isComplete(data: { readonly path: number; readonly new: string }): boolean {
  return data.path === 1 && data.new === "migration_complete";
}

Deno.test("Connection finds a path again whose translator forgot the client while it said nothing there", () => {
  for (const address of [false, true]) {
    const paths = new Paths({ links: linksOf(2) }).ready();
    paths.world.runFor(1000);
    paths.links[1]!.rebind({ address });
    const stream = paths.server.openStream("unidirectional")!;
    paths.server.write(stream, new Uint8Array(400_000));
    // The server sends to where nobody is, until it asks the client to avoid the path, who then speaks there.
    const isBack = (): boolean => paths.serverTrace.count("quic:migration_state_updated", isComplete) === 1;
    paths.world.require("the path to be back", isBack, paths.world.now + 2000);
    assertEquals(isUsable(paths.server, 1), true);
    const { remote } = paths.server.stats().paths[1]!;
    assert(remote.port !== 50_000);
    assertEquals(remote.hostname !== paths.links[1]!.client, address);
  }
});

function clearTraces(...traces: readonly Trace[]): void {
  for (const trace of traces) trace.clear();
}

Deno.test(`Connection: ${CHURN} paths come and go with flat memory, and a limit that follows what was used`, () => {
  v8.setFlagsFromString("--expose-gc");
  const collect = vm.runInNewContext("gc") as () => void;
  const paths = new Paths({ links: [{ delayMs: 1 }, { delayMs: 1 }, { delayMs: 2 }], open: [] }).ready();
  const { client, world } = paths;
  world.runFor(500);
  let highest = 0;
  const heap: number[] = [];
  for (let i = 1; i <= CHURN; i++) {
    const id = paths.open(1 + i % 2);
    assertEquals(id, i);
    // At times several are being closed, at times all are gone.
    world.require(`path ${id}`, () => isUsable(client, id) && isUsable(paths.server, id));
    (i % 3 === 0 ? paths.server : client).closePath(id, 0, "churn", world.now);
    if (i % 3 === 0) world.require("the client to hear of it", () => !isUsable(client, id));
    for (const trace of [paths.clientTrace, paths.serverTrace]) {
      for (const { frame } of trace.frames("sent", "max_path_id")) {
        // Four at once: three beside those that are used up.
        assert(frame.limit <= 3 + i, `limit ${frame.limit} after ${i} paths`);
        highest = Math.max(highest, frame.limit);
      }
    }
    clearTraces(paths.clientTrace, paths.serverTrace);
    if (i % (CHURN / 10) !== 0) continue;
    collect();
    heap.push(Deno.memoryUsage().heapUsed);
  }
  world.runFor(5000);
  assertGreater(highest, CHURN - 4);
  assertEquals([client.stats().paths.length, paths.server.stats().paths.length], [1, 1]);
  assertEquals([client.error, paths.server.error], [undefined, undefined]);
  assertLess(heap.at(-1)! - heap[3]!, ALLOWED_GROWTH, heap.join());
});

Deno.test("Connection leaves no trace of a closed path on the wire: no packet after its PATH_ABANDON", () => {
  const load = new Requests(bulk("both", 1_000_000));
  const apps = { clientApps: [load.client], serverApps: [load.server] };
  const paths = new Paths({ links: linksOf(3), open: [1, 2], ...apps });
  const wire = new Wire(paths);
  paths.ready();
  paths.world.runFor(100);
  paths.client.closePath(1, 0, "enough", paths.world.now);
  paths.world.require("the transfer", () => load.isDone);
  paths.world.runFor(5000);
  for (const role of ["client", "server"] as const) {
    const said = wire.packets(role, (packet) => holds(packet, "path_abandon"))[0]!;
    assert(wire.on(role, 1).every((packet) => packet.in.at <= said.in.at));
  }
});
