import { assert, assertEquals, assertRejects } from "@std/assert";
import type { PathPolicy } from "../../schedulers/mode.ts";
import { minRtt } from "../../schedulers/min_rtt.ts";
import type { LocalInterface } from "../io/interfaces.ts";
import type { AutoPathsOptions } from "./auto_paths.ts";
import type { Conn } from "./conn.ts";
import { Server } from "./loopback_fixture_test.ts";
import { closeAll, eventually, PathLog } from "./paths_fixture_test.ts";
import type { QuicConn } from "./types.ts";

/** Loopback has room for as many interfaces as a test wants. */
function at(host: number, name = `if${host}`): LocalInterface {
  return { name, address: `127.0.0.${host}`, version: 4, loopback: true };
}

/** A client on 127.0.0.1 that follows what `list` says. */
async function following(
  server: Server,
  list: () => readonly LocalInterface[],
  options: Partial<AutoPathsOptions> = {},
): Promise<QuicConn> {
  const [client] = await server.pair({ paths: [{ local: "127.0.0.1", label: "if1" }] });
  (client as Conn).follow({ maxPaths: 4, mode: undefined, interval: 5, list, ...options });
  return client;
}

/** The paths that data can go on: the last part of the local address, in order, with "b" for backups. */
function usable(conn: QuicConn): string {
  return conn.paths.filter(({ state }) => state === "usable")
    .map(({ local, status }) => local.hostname.slice(8) + (status === "backup" ? "b" : "")).sort().join(" ");
}

Deno.test("AutoPaths opens a path for every address, and ends those whose address goes, with their sockets", async () => {
  await using server = new Server();
  let list = [at(1), at(2)];
  const client = await following(server, () => list);
  const log = new PathLog(client);
  await eventually("both to be usable", () => usable(client) === "1 2");
  assertEquals(client.paths.map(({ label }) => label), ["if1", "if2"]);
  list = [at(2), at(3)];
  await eventually("the third to be there, and the first gone", () => usable(client) === "2 3");
  assertEquals((await log.until("closed", 0)).reason, "The address 127.0.0.1 is gone");
  assertEquals(client.endpoint.addrs.map(({ hostname }) => hostname).sort(), ["127.0.0.2", "127.0.0.3"]);
  list = [at(1), at(2), at(3)];
  await eventually("the first to be back", () => usable(client) === "1 2 3");
  await closeAll(client);
});

Deno.test("AutoPaths keeps the last path until there is another", async () => {
  await using server = new Server();
  let list = [at(1)];
  const client = await following(server, () => list);
  list = [];
  await new Promise((resolve) => setTimeout(resolve, 50));
  assertEquals(usable(client), "1");
  list = [at(2)];
  await eventually("the new one to be alone", () => usable(client) === "2" && client.paths.length === 1);
  assertEquals(client.endpoint.addrs.map(({ hostname }) => hostname), ["127.0.0.2"]);
  await closeAll(client);
});

Deno.test("AutoPaths asks the mode which paths to have", async () => {
  await using server = new Server();
  const wishes = new Map([["if1", "available"], ["if2", "backup"], ["if3", "none"]]);
  const paths: PathPolicy = ({ label }, all) => {
    assertEquals(all.length, 3);
    return wishes.get(label) as ReturnType<PathPolicy>;
  };
  const mode = { name: "mine", scheduler: minRtt, paths };
  const client = await following(server, () => [at(1), at(2), at(3)], { mode });
  await eventually("the backup to be there", () => usable(client) === "1 2b");
  wishes.set("if2", "available");
  wishes.set("if1", "backup");
  wishes.set("if3", "backup");
  await eventually("all to be as the mode wants now", () => usable(client) === "1b 2 3b");
  client.setMode({ ...mode, paths: ({ label }) => label === "if2" ? "available" : "none" });
  await eventually("one to be left", () => usable(client) === "2" && client.paths.length === 1);
  client.setMode({
    ...mode,
    paths() {
      throw new Error("This policy has a fault");
    },
  });
  await eventually("all to be there", () => usable(client) === "1 2 3");
  await closeAll(client);
});

Deno.test("AutoPaths leaves alone what the application closed, until the address was away", async () => {
  await using server = new Server();
  let list = [at(1), at(2)];
  const client = await following(server, () => list);
  await eventually("both to be usable", () => usable(client) === "1 2");
  client.paths[1]!.close();
  await new Promise((resolve) => setTimeout(resolve, 100));
  assertEquals(client.paths.length, 1);
  list = [at(1)];
  await new Promise((resolve) => setTimeout(resolve, 50));
  list = [at(1), at(2)];
  await eventually("the second to be back", () => usable(client) === "1 2");
  await closeAll(client);
});

Deno.test("AutoPaths tries again, not at once, and stays within the limit of paths", async () => {
  await using server = new Server();
  // TEST-NET-1 (RFC 5737), which is not bound here: nothing is sent.
  const foreign = { ...at(9), address: "192.0.2.1" };
  let looks = 0;
  const client = await following(server, () => {
    looks += 1;
    return [at(1), foreign, at(2), at(3), at(4)];
  }, { maxPaths: 3 });
  await eventually("three to be usable", () => usable(client) === "1 2 3");
  const before = looks;
  await eventually("some more looks", () => looks > before + 10);
  assertEquals(usable(client), "1 2 3");
  await closeAll(client);
  const last = looks;
  await new Promise((resolve) => setTimeout(resolve, 30));
  assertEquals(looks, last);
});

Deno.test('connectQuic() paths "auto" on loopback has the addresses of loopback, labelled by interface', async () => {
  await using server = new Server();
  const [client] = await server.pair({ paths: "auto" });
  const [first, ...others] = client.paths;
  assertEquals([first!.local.hostname, first!.state], ["127.0.0.1", "usable"]);
  assert(first!.label.startsWith("lo"), first!.label);
  for (const { local } of others) assert(local.hostname.startsWith("127."), local.hostname);
  await closeAll(client);
});

Deno.test('connectQuic() paths "auto" with a server without multipath is one path', async () => {
  await using server = new Server({ maxPaths: 0 });
  const [client] = await server.pair({ paths: "auto" });
  assertEquals([client.isMultipath, client.paths.length], [false, 1]);
  await closeAll(client);
});

Deno.test({
  name: 'connectQuic() paths "auto" says that it may not look at the interfaces',
  permissions: { net: true, read: true, env: true, sys: false },
  async fn(): Promise<void> {
    const options = { hostname: "127.0.0.1", port: 9, alpnProtocols: ["test"], paths: "auto" } as const;
    const { connectQuic } = await import("./connect.ts");
    const error = await assertRejects(
      () => connectQuic({ ...options, verifyCertificate: "insecure" }),
      Deno.errors.NotCapable,
    );
    assert(error.message.includes("networkInterfaces"), error.message);
  },
});
