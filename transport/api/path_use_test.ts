import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { Scheduler } from "../../schedulers/scheduler.ts";
import { fastest } from "../../schedulers/select.ts";
import { HOLD, send } from "../../schedulers/scheduler.ts";
import { PathError } from "../base/errors.ts";
import { acceptedModes, modeAskedFor } from "./accepted_modes.ts";
import { echo, pattern, readAll, Server, writeAll } from "./loopback_fixture_test.ts";
import { closeAll, eventually, PathLog, pathOf, TWO_PATHS } from "./paths_fixture_test.ts";
import type { ConnectQuicOptions, QuicConn, QuicListenOptions, QuicPath } from "./types.ts";

/** Two connected ends with two paths that are usable at both. */
async function withPaths(
  use: (client: QuicConn, served: QuicConn) => Promise<void>,
  connect: Partial<ConnectQuicOptions> = {},
  listen: Partial<QuicListenOptions> = {},
): Promise<void> {
  await using server = new Server(listen);
  const [client, served] = await server.pair({ paths: TWO_PATHS, ...connect });
  await Promise.all(client.paths.map(({ ready }) => ready));
  await pathOf(served, 1).ready;
  await use(client, served);
  await closeAll(client);
}

/** Only on paths called "cell". */
function onlyCell(): Scheduler {
  return {
    name: "only-cell",
    schedule(_work, view) {
      const path = fastest(view, ({ label, room }) => label === "cell" && room > 0);
      return path === undefined ? HOLD : send(path);
    },
  };
}

/** STREAM payload that arrived on each path. */
function received(conn: QuicConn): number[] {
  return conn.stats().paths.map(({ streamBytesReceived }) => streamBytesReceived);
}

const DATA = pattern(200_000, 5);

Deno.test("QuicSendStream.pin() keeps a stream's data on one path, from the beginning or from now on", async () => {
  await withPaths(async (client, served) => {
    const [wifi, cell] = client.paths as [QuicPath, QuicPath];
    const arrivals = served.incomingUnidirectionalStreams.getReader();
    for (const [at, path] of [[0, wifi], [1, cell.id]] as const) {
      const before = received(served);
      const stream = await client.createUnidirectionalStream({ path });
      assertEquals(stream.path?.id, at);
      const [{ value }] = await Promise.all([arrivals.read(), writeAll(stream, DATA)]);
      assertEquals(await readAll(value!), DATA);
      const gained = received(served).map((bytes, i) => bytes - before[i]!);
      assert(gained[at]! >= DATA.length && gained[1 - at] === 0, `${gained} for path ${at}`);
    }
    const stream = await client.createUnidirectionalStream();
    assertEquals(stream.path, undefined);
    stream.pin(cell);
    assertEquals(stream.path, cell);
    stream.pin(undefined);
    assertEquals(stream.path, undefined);
    stream.pin(1);
    cell.close();
    await cell.closed;
    assertEquals(stream.path, undefined);
    const [{ value }] = await Promise.all([arrivals.read(), writeAll(stream, DATA)]);
    assertEquals(await readAll(value!), DATA);
    arrivals.releaseLock();
  }, { mode: "round-robin" });
});

Deno.test("QuicSendStream.pin(): a server pins what it answers", async () => {
  await withPaths(async (client, served) => {
    const arrivals = served.incomingBidirectionalStreams.getReader();
    const { readable, writable } = await client.createBidirectionalStream({ path: 0 });
    const [{ value }] = await Promise.all([arrivals.read(), writeAll(writable, DATA)]);
    value!.writable.pin(pathOf(served, 1));
    const [back] = await Promise.all([readAll(readable), value!.readable.pipeTo(value!.writable)]);
    assertEquals(back, DATA);
    const [first, second] = received(client);
    assert(first === 0 && second! >= DATA.length, `${first} and ${second}`);
    arrivals.releaseLock();
  });
});

Deno.test("QuicSendStream.pin() and sendDatagram() refuse paths that are none, or over", async () => {
  await withPaths(async (client) => {
    const stream = await client.createUnidirectionalStream();
    const strange = {} as QuicPath;
    assertThrows(() => stream.pin(7), PathError, "path 7: it is not open");
    assertThrows(() => stream.pin(strange), TypeError, '"path" is');
    await assertRejects(() => client.createUnidirectionalStream({ path: 7 }), PathError, "path 7");
    await assertRejects(() => client.createBidirectionalStream({ path: strange }), TypeError, '"path" is');
    await assertRejects(() => client.sendDatagram(new Uint8Array(1), { path: 7 }), PathError, "path 7");
    await assertRejects(() => client.sendDatagram(new Uint8Array(1), { path: strange }), TypeError, '"path" is');
    const cell = client.paths[1]!;
    cell.close();
    await cell.closed;
    assertThrows(() => stream.pin(cell), PathError, "path 1: it is not open");
    await assertRejects(() => client.sendDatagram(new Uint8Array(1), { path: cell }), PathError, "path 1");
    assertThrows(() => client.paths[0]!.setStatus("standby" as "backup"), TypeError, '"status" is "standby"');
    assertThrows(() => client.paths[0]!.describe({ cost: -1 }), RangeError, '"cost" is -1');
    assertThrows(() => client.paths[0]!.close(-1), RangeError, '"code" is -1');
  });
});

Deno.test("QuicConn.sendDatagram() goes on the path that is said", async () => {
  await withPaths(async (client, served) => {
    for (const path of client.paths) {
      const before = client.stats().paths.map(({ bytesSent }) => bytesSent);
      for (let i = 0; i < 20; i += 1) await client.sendDatagram(new Uint8Array(1000).fill(i), { path });
      const seen = new Set<number>();
      while (seen.size < 20) seen.add((await served.readDatagram())[0]!);
      const gained = client.stats().paths.map(({ bytesSent }, i) => bytesSent - before[i]!);
      assert(gained[path.id]! >= 20_000 && gained[1 - path.id]! < 10_000, `${gained} for path ${path.id}`);
    }
  }, { transport: { mtuDiscovery: false } });
});

Deno.test("QuicPath.setStatus() reaches the peer, which leaves a backup alone, from both ends", async () => {
  await withPaths(
    async (client, served) => {
      const logs = [new PathLog(client), new PathLog(served)] as const;
      client.paths[1]!.setStatus("backup");
      const { path } = await logs[1].until("status", 1);
      assertEquals([path.peerStatus, pathOf(served, 1).peerStatus, client.paths[1]!.status], [
        "backup",
        "backup",
        "backup",
      ]);
      pathOf(served, 0).setStatus("backup");
      await logs[0].until("status", 0);
      assertEquals(client.paths[0]!.peerStatus, "backup");
      pathOf(served, 0).setStatus("available");
      await eventually("the first path to be available again", () => client.paths[0]!.peerStatus === "available");
      pathOf(served, 1).close(9, "enough");
      const closed = await logs[0].until("closed", 1);
      assertEquals([closed.byPeer, closed.code], [true, 9]);
    },
    { mode: "round-robin" },
    { mode: "round-robin" },
  );
});

Deno.test("QuicPath.describe() reaches the server, before the path is open too", async () => {
  await using server = new Server();
  const [client, served] = await server.pair({ paths: TWO_PATHS });
  client.paths[1]!.describe({ label: "lte" });
  assertEquals(client.paths[1]!.label, "lte");
  await client.paths[1]!.ready;
  await eventually("the label to arrive", () => served.paths[1]?.label === "lte");
  client.paths[1]!.describe({ cost: 5, metered: true });
  await eventually("the cost to arrive", () => served.paths[1]?.cost === 5);
  assertEquals([served.paths[1]!.label, served.paths[1]!.metered], ["lte", true]);
  await closeAll(client);
});

Deno.test("QuicConn.signal() is seen at the server, and refuses what cannot be", async () => {
  await withPaths(async (client, served) => {
    client.signal("bufferMs", 400);
    assertEquals(client.signalOf("bufferMs"), 400);
    await eventually("the signal to arrive", () => served.signalOf("bufferMs") === 400);
    client.signal("bufferMs", 250);
    await eventually("its new value to arrive", () => served.signalOf("bufferMs") === 250);
    served.signal("own", 1);
    assertEquals([served.signalOf("own"), client.signalOf("own")], [1, undefined]);
    assertThrows(() => client.signal("", 1), TypeError);
    assertThrows(() => client.signal("bufferMs", NaN), RangeError);
  });
});

Deno.test("QuicConn.setMode() takes names, schedulers and modes, and asks the server for those with a name", async () => {
  const mine = { name: "mine", scheduler: onlyCell, paths: () => "available" as const };
  await withPaths(
    async (client, served) => {
      assertEquals([client.schedulerName, served.schedulerName], ["aggregation", "aggregation"]);
      client.setMode("round-robin");
      assertEquals(client.schedulerName, "round-robin");
      await eventually("the server to follow", () => served.schedulerName === "round-robin");
      client.setMode(mine);
      await eventually("the server to follow", () => served.schedulerName === "only-cell");
      const echoing = echo(served);
      const before = received(client);
      const { readable, writable } = await client.createBidirectionalStream();
      const [back] = await Promise.all([readAll(readable), writeAll(writable, DATA)]);
      assertEquals(back, DATA);
      assertEquals(received(client)[0], before[0]);
      client.setMode(() => ({ name: "bare", schedule: (_work, view) => send(view.paths[0]!) }));
      assertEquals(client.schedulerName, "bare");
      served.setMode("min-rtt");
      assertEquals(served.schedulerName, "min-rtt");
      assertThrows(() => client.setMode("fastest"), RangeError, 'Mode is "fastest"');
      assertThrows(() => client.setMode(5 as unknown as string), TypeError, "Mode is of no known kind");
      client.close();
      await echoing;
      assertThrows(() => client.setMode("min-rtt"), Error);
    },
    {},
    { acceptModes: ["round-robin", mine] },
  );
});

Deno.test("connectQuic() asks the server for its mode, which takes only what it accepts", async () => {
  await withPaths(async (client, served) => {
    await eventually("the server to follow", () => served.schedulerName === "round-robin");
    assertEquals(client.schedulerName, "round-robin");
  }, { mode: "round-robin" });
  await withPaths(
    async (client, served) => {
      client.signal("asked", 1);
      await eventually("what was said after it to arrive", () => served.signalOf("asked") === 1);
      assertEquals([client.schedulerName, served.schedulerName], ["round-robin", "aggregation"]);
    },
    { mode: "round-robin" },
    { acceptModes: ["min-rtt"] },
  );
});

Deno.test("acceptedModes() checks what it is given; modes that are not known change nothing", () => {
  assertEquals(modeAskedFor("unheard-of", acceptedModes(["unheard-of"])), undefined);
  assertEquals(modeAskedFor("min-rtt", acceptedModes()), "min-rtt");
  assertEquals(modeAskedFor("min-rtt", acceptedModes([])), undefined);
  assertThrows(() => acceptedModes([""]), TypeError, '"acceptModes"[0]');
  assertThrows(() => acceptedModes([{ name: "x" } as unknown as string]), TypeError, "Mode is of no known kind");
  assertThrows(() => acceptedModes("min-rtt" as unknown as string[]), TypeError, '"acceptModes" is min-rtt');
});
