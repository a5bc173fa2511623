import { assertEquals, assertMatch } from "@std/assert";
import { environmentKeyLog } from "./key_log.ts";
import { Server } from "./loopback_fixture_test.ts";

const LINE = /^[A-Z_0]+ [0-9a-f]{64} [0-9a-f]{64,96}$/;
const LABELS = [
  "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
  "CLIENT_TRAFFIC_SECRET_0",
  "SERVER_HANDSHAKE_TRAFFIC_SECRET",
  "SERVER_TRAFFIC_SECRET_0",
];

function labels(lines: readonly string[]): string[] {
  for (const line of lines) assertMatch(line, LINE);
  return lines.map((line) => line.split(" ")[0]!).filter((label) => label !== "EXPORTER_SECRET").sort();
}

Deno.test("connectQuic() and listen() give key log lines to whoever asked", async () => {
  const ours: string[] = [];
  const theirs: string[] = [];
  await using server = new Server({ keyLog: (line) => theirs.push(line) });
  const [client] = await server.pair({ keyLog: (line) => ours.push(line) });
  client.close();
  await client.closed;
  assertEquals([labels(ours), labels(theirs)], [LABELS, LABELS]);
  assertEquals(ours.toSorted(), theirs.toSorted());
});

Deno.test("SSLKEYLOGFILE is honoured where it is set", async () => {
  const path = await Deno.makeTempFile();
  Deno.env.set("SSLKEYLOGFILE", path);
  try {
    await using server = new Server();
    const [client] = await server.pair();
    client.close();
    await client.closed;
    const lines = (await Deno.readTextFile(path)).trim().split("\n");
    assertEquals(labels(lines), [...LABELS, ...LABELS].sort());
    Deno.env.set("SSLKEYLOGFILE", "/nowhere/at/all");
    environmentKeyLog()!("a line that is lost");
  } finally {
    Deno.env.delete("SSLKEYLOGFILE");
    await Deno.remove(path);
  }
  assertEquals(environmentKeyLog(), undefined);
});

Deno.test({
  name: "environmentKeyLog() asks for no permission",
  permissions: { env: false },
  fn(): void {
    assertEquals(environmentKeyLog(), undefined);
  },
});
