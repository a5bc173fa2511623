import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { PathError } from "../base/errors.ts";
import { SocketError } from "../io/socket.ts";
import { echo, pattern, readAll, Server, SOCKETS, writeAll } from "./loopback_fixture_test.ts";
import { closeAll, eventually, PathLog, pathOf, TWO_PATHS } from "./paths_fixture_test.ts";
import type { QuicOpenPathOptions, QuicPathOptions } from "./types.ts";

type Kind = typeof RangeError | typeof TypeError | typeof PathError | typeof SocketError;

/** To an address that nobody has; on this machine alone. */
const NOBODY = "127.0.0.1:9";

for (const socket of SOCKETS) {
  Deno.test(`connectQuic() ${socket}: paths carry data both ways, each with a socket of its own`, async () => {
    const data = pattern(2_000_000, 3);
    await using server = new Server({ mode: "round-robin" });
    const [client, served] = await server.pair({ paths: TWO_PATHS, mode: "round-robin", socket });
    assertEquals(client.paths.map(({ id, label, cost }) => [id, label, cost]), [[0, "wifi", 0], [1, "cell", 1]]);
    await Promise.all(client.paths.map(({ ready }) => ready));
    await pathOf(served, 1).ready;
    const echoing = echo(served);
    const { readable, writable } = await client.createBidirectionalStream();
    const [back] = await Promise.all([readAll(readable), writeAll(writable, data)]);
    assertEquals(back, data);
    for (const conn of [client, served]) {
      for (const { id, bytesSent } of conn.stats().paths) assert(bytesSent > 300_000, `${bytesSent} on path ${id}`);
    }
    assertEquals(client.paths.map(({ local }) => local.hostname), ["127.0.0.1", "127.0.0.2"]);
    assertEquals(client.endpoint.addrs.length, 2);
    await closeAll(client);
    await echoing;
  });
}

Deno.test("QuicConn.pathEvents are complete, at both ends, and paths outlive their end", async () => {
  await using server = new Server();
  const [client, served] = await server.pair({ paths: [TWO_PATHS[0]!] });
  const logs = [new PathLog(client), new PathLog(served)] as const;
  const path = await client.openPath({ ...TWO_PATHS[1]!, metered: true, status: "backup" });
  assertEquals([path.id, path.label, path.metered, path.status, path.state], [1, "cell", true, "backup", "usable"]);
  await logs[1].until("usable", 1);
  await logs[1].until("described", 1);
  assertEquals([pathOf(served, 1).label, pathOf(served, 1).cost], ["cell", 1]);
  path.close(77, "enough");
  const closed = await path.closed;
  assertEquals([closed.change, closed.code, closed.reason, closed.byPeer], ["closed", 77, "enough", false]);
  const theirs = await logs[1].until("closed", 1);
  assertEquals([theirs.code, theirs.byPeer, theirs.path.label], [77, true, "cell"]);
  assert(closed.path.bytesSent > 0 && theirs.path.bytesReceived > 0);
  await eventually("the path to be forgotten", () => path.state === "gone");
  assertEquals([path.label, path.local.hostname, path.stats().bytesSent > 0], ["cell", "127.0.0.2", true]);
  path.close();
  path.setStatus("available");
  path.describe({ label: "other" });
  assertEquals(path.label, "cell");
  await closeAll(client);
  await Promise.all(logs.map(({ done }) => done));
  assertEquals(logs[0].of(1).filter((change) => change !== "suspended"), ["opened", "usable", "closed"]);
  for (const log of logs) assertEquals(log.of(0).at(-1), "closed");
  assertEquals((await served.pathEvents[Symbol.asyncIterator]().next()).done, true);
});

Deno.test("QuicPath.close() ends the path's socket, unless another path uses it or it is the endpoint's own", async () => {
  await using server = new Server();
  const [client] = await server.pair({ paths: TWO_PATHS });
  const cell = client.paths[1]!;
  await cell.ready;
  const second = await client.openPath({ local: "127.0.0.2", another: true });
  assertEquals(second.local, cell.local);
  cell.close();
  await eventually("the path to be forgotten", () => cell.state === "gone");
  assertEquals(client.endpoint.addrs.length, 2);
  second.close();
  await eventually("the socket to be closed", () => client.endpoint.addrs.length === 1);
  assertEquals(client.endpoint.addrs[0]!.hostname, "127.0.0.1");
  const error = assertThrows(() => client.paths[0]!.close(), PathError);
  assert(error.message.includes("the last"), error.message);
  await closeAll(client);
});

Deno.test("QuicConn.openPath() answers with the path that there is, unless another one is asked for", async () => {
  await using server = new Server();
  const [client] = await server.pair({ paths: TWO_PATHS });
  const cell = client.paths[1]!;
  const found = await client.openPath({ local: "127.0.0.2", label: "lte", status: "backup" });
  assertStrictEquals(found, cell);
  assertEquals([cell.label, cell.cost, cell.status], ["lte", 1, "backup"]);
  assertStrictEquals(await client.openPath({ local: `127.0.0.2:${cell.local.port}` }), cell);
  assertStrictEquals(await client.openPath({}), client.paths[0]);
  const another = await client.openPath({ another: true });
  assertEquals([another.id, another.local], [2, client.paths[0]!.local]);
  await closeAll(client);
});

Deno.test("QuicConn.openPath() uses the sockets of the endpoint where they fit, and leaves them open", async () => {
  await using server = new Server();
  const { QuicEndpoint } = await import("./endpoint.ts");
  await using endpoint = new QuicEndpoint({ addresses: [{ hostname: "127.0.0.1" }, { hostname: "127.0.0.2" }] });
  const [client, other] = await Promise.all([server.pair({ endpoint }), server.pair({ endpoint })]);
  const path = await client[0].openPath({ local: "127.0.0.2" });
  assertEquals(path.local, endpoint.addrs[1]);
  await other[0].openPath({ local: "127.0.0.3" });
  assertEquals(endpoint.addrs.length, 3);
  path.close();
  other[0].close();
  await eventually("the leased socket to be closed", () => endpoint.addrs.length === 2);
  await eventually("the path to be forgotten", () => path.state === "gone");
  assertEquals(endpoint.addrs.map(({ hostname }) => hostname), ["127.0.0.1", "127.0.0.2"]);
});

Deno.test("QuicConn.openPath() rejects with what is wrong with its options, and the rest goes on", async () => {
  await using server = new Server();
  const [client, served] = await server.pair({ paths: [TWO_PATHS[0]!], maxPaths: 2 });
  const wrong: [QuicOpenPathOptions, Kind, string][] = [
    [{ local: "nowhere" }, RangeError, '"local" is "nowhere"'],
    [{ remote: "127.0.0.1" }, TypeError, '"remote" is "127.0.0.1"'],
    [{ cost: Infinity }, RangeError, '"cost" is Infinity'],
    [{ local: "192.0.2.1" }, SocketError, "192.0.2.1"],
    [{ local: "::1" }, PathError, "cannot be reached from ::1"],
    [{ local: "127.0.0.2", remote: "[::1]:443" }, PathError, "::1 cannot be reached from 127.0.0.2"],
  ];
  for (const [options, type, message] of wrong) await assertRejects(() => client.openPath(options), type, message);
  await assertRejects(() => served.openPath({ local: "127.0.0.2" }), PathError, "only clients open paths");
  await client.openPath({ local: "127.0.0.2" });
  await assertRejects(() => client.openPath({ local: "127.0.0.3" }), PathError, "at most 2 may be");
  assertEquals(client.endpoint.addrs.length, 2);
  await closeAll(client);
  await assertRejects(() => client.openPath({ local: "127.0.0.3" }), Error, "application code 0");
});

Deno.test("QuicConn.openPath() stops at its signal, before and while it waits", async () => {
  await using server = new Server();
  const [client] = await server.pair({ paths: [TWO_PATHS[0]!] });
  const stop = new AbortController();
  const opening = client.openPath({ local: "127.0.0.2", remote: NOBODY, signal: stop.signal });
  const path = client.paths[1];
  stop.abort(new Error("enough"));
  await assertRejects(() => opening, Error, "enough");
  await assertRejects(() => client.openPath({ local: "127.0.0.2", signal: stop.signal }), Error, "enough");
  if (path !== undefined) assertEquals((await path.closed).reason, "Given up by the application");
  assertEquals((await client.openPath({ local: "127.0.0.3" })).state, "usable");
  await closeAll(client);
});

Deno.test("QuicConn.openPath() rejects when nobody answers on the path", async () => {
  await using server = new Server();
  const [client] = await server.pair({ paths: [TWO_PATHS[0]!], transport: { initialRtt: 20 } });
  const log = new PathLog(client);
  await assertRejects(() => client.openPath({ local: "127.0.0.2", remote: NOBODY }), PathError, "did not answer");
  const closed = log.events.find(({ change }) => change === "closed");
  assertEquals(closed?.path.remote.port, 9);
  await eventually("its socket to be closed", () => client.endpoint.addrs.length === 1, 30_000);
  await closeAll(client);
});

Deno.test("connectQuic() refuses paths that cannot be before anything is sent", async () => {
  await using server = new Server();
  const wrong: [Partial<Parameters<Server["connect"]>[0]>, Kind, string][] = [
    [{ paths: [] }, RangeError, '"paths" is empty'],
    [{ paths: "all" as unknown as QuicPathOptions[] }, TypeError, '"paths" is "all"'],
    [{ paths: [...TWO_PATHS, { local: "a" }] }, RangeError, '"paths"[2].local is "a"'],
    [{ paths: TWO_PATHS, maxPaths: 1 }, RangeError, '"paths" has 2 entries: expected no more than "maxPaths", 1'],
    [{ maxPaths: -1 }, RangeError, '"maxPaths" is -1'],
    [{ mode: "fastest" }, RangeError, 'Mode is "fastest"'],
    [{ paths: [{ local: "192.0.2.1" }] }, SocketError, "192.0.2.1"],
    [{ paths: [{ local: "::1" }] }, PathError, "Cannot reach 127.0.0.1 from ::1"],
  ];
  for (const [options, type, message] of wrong) await assertRejects(() => server.connect(options), type, message);
});

Deno.test("connectQuic() allows more paths than usual when more are asked for", async () => {
  await using server = new Server({ maxPaths: 6 });
  const paths = [1, 2, 3, 4, 5, 6].map((host) => ({ local: `127.0.0.${host}` }));
  const [client] = await server.pair({ paths });
  await Promise.all(client.paths.map(({ ready }) => ready));
  assertEquals(client.paths.map(({ local }) => local.hostname), paths.map(({ local }) => local));
  await closeAll(client);
});

Deno.test("connectQuic() without multipath: one path, and openPath() says why there is no other", async () => {
  for (const off of ["client", "server"]) {
    await using server = new Server(off === "server" ? { maxPaths: 0 } : {});
    const more = off === "client" ? { maxPaths: 0, paths: [TWO_PATHS[0]!] } : { paths: TWO_PATHS };
    const [client] = await server.pair(more);
    assertEquals([client.isMultipath, client.paths.length], [false, 1]);
    await assertRejects(() => client.openPath({ local: "127.0.0.2" }), PathError, "does not speak RFC 10069");
    assertEquals(client.endpoint.addrs.length, 1);
    await closeAll(client);
  }
});

Deno.test({
  name: "openPath() says that the program has no permission, for the local address and for the remote one",
  permissions: { net: ["127.0.0.1", "127.0.0.2:0"], read: true, env: true, sys: true },
  async fn(): Promise<void> {
    await using server = new Server();
    const [client] = await server.pair({ paths: [TWO_PATHS[0]!] });
    await assertRejects(() => client.openPath({ local: "127.0.0.3" }), Deno.errors.NotCapable, "127.0.0.3");
    const remote = "127.0.0.4:443";
    await assertRejects(() => client.openPath({ local: "127.0.0.2", remote }), Deno.errors.NotCapable, remote);
    await closeAll(client);
  },
});
