import { assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { PathError } from "../base/errors.ts";
import type { Conn } from "./conn.ts";
import { echo, pattern, readAll, Server, writeAll } from "./loopback_fixture_test.ts";
import { closeAll, TWO_PATHS } from "./paths_fixture_test.ts";
import type { QuicConn, QuicPath } from "./types.ts";

/** To an address that nobody has; on this machine alone. */
const NOBODY = { hostname: "127.0.0.1", port: 9 };

/** Tells the connection what a driver tells it whose socket refuses to send on the path. */
function refuse(conn: QuicConn, path: QuicPath, kind: "unreachable" | "gone" | "other", error: Error): void {
  const { local, remote } = path.stats();
  (conn as Conn).onSendFailed(kind, error, local, remote);
}

async function roundTrip(conn: QuicConn): Promise<void> {
  const { readable, writable } = await conn.createBidirectionalStream();
  const [back] = await Promise.all([readAll(readable), writeAll(writable, pattern(50_000))]);
  assertEquals(back, pattern(50_000));
}

Deno.test("QuicConn.openPath() rejects at once when the socket refuses to send there, and the rest goes on", async () => {
  await using server = new Server();
  const [client, served] = await server.pair({ paths: [TWO_PATHS[0]!] });
  const echoing = echo(served);
  for (const kind of ["unreachable", "gone"] as const) {
    const opening = client.openPath({ local: "127.0.0.2", remote: NOBODY });
    await Promise.resolve();
    const path = client.paths[1]!;
    const cause = new Error("Network is unreachable");
    refuse(client, path, "other", new Error("No buffer space available"));
    refuse(client, path, kind, cause);
    const error = await assertRejects(() => opening, PathError, "to 127.0.0.1 from 127.0.0.2: Network is unreachable");
    assertEquals(error.cause, cause);
    assertEquals((await path.closed).reason, "The socket refuses to send: Network is unreachable");
  }
  await roundTrip(client);
  await closeAll(client);
  await echoing;
});

Deno.test("A path that works is not given up for a send that fails", async () => {
  await using server = new Server();
  const [client, served] = await server.pair({ paths: TWO_PATHS });
  const echoing = echo(served);
  await client.paths[1]!.ready;
  refuse(client, client.paths[1]!, "unreachable", new Error("Network is unreachable"));
  assertEquals(client.paths.length, 2);
  await roundTrip(client);
  await closeAll(client);
  await echoing;
});

Deno.test("A socket that dies ends its path, unless that is the last", async () => {
  await using server = new Server();
  const [client, served] = await server.pair({ paths: TWO_PATHS });
  const echoing = echo(served);
  const [wifi, cell] = client.paths as [QuicPath, QuicPath];
  await cell.ready;
  (client as Conn).onSocketDead(cell.stats().local, new Error("Bad file descriptor"));
  assertEquals((await cell.closed).reason, "Its socket died: Bad file descriptor");
  (client as Conn).onSocketDead(wifi.stats().local, new Error("Bad file descriptor"));
  assertEquals(client.paths, [wifi]);
  await roundTrip(client);
  await closeAll(client);
  await echoing;
});

Deno.test("Paths that wait when the connection ends reject with its error, and are closed", async () => {
  await using server = new Server();
  const [client] = await server.pair({ paths: [TWO_PATHS[0]!] });
  const opening = client.openPath({ local: "127.0.0.2", remote: NOBODY });
  await Promise.resolve();
  const path = client.paths[1]!;
  client.close({ closeCode: 5, reason: "bye" });
  const error = await assertRejects(() => opening, Error, "application code 5: bye");
  assertInstanceOf(error, Error);
  const closed = await path.closed;
  assertEquals([closed.change, closed.path.state, path.state], ["closed", "gone", "gone"]);
  assertEquals(client.paths, []);
  await client.endpoint.closed;
});
