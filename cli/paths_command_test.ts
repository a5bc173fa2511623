import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { Child } from "./child.ts";
import { isAnswer, type LocalAddress, makeQuestion, networkOf } from "./reach.ts";
import { adviceFor, parseRouting } from "./routing.ts";

async function run(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const child = new Child(["paths", ...args], { stderr: "piped" });
  const code = await child.end();
  return { code, stdout: child.stdout, stderr: child.stderr };
}

Deno.test("mpquic paths lists the addresses of this machine, and tells how it is used", async () => {
  const [plain, json, help] = await Promise.all([run(), run("--json"), run("--help")]);
  assertEquals([plain.code, json.code, help.code], [0, 0, 0], plain.stderr + json.stderr + help.stderr);
  assertMatch(plain.stdout, /127\.0\.0\.1 +this machine only/);
  const { ok, addresses } = JSON.parse(json.stdout);
  assertEquals(ok, true);
  assert(
    addresses.some((each: { address: string; loopback: boolean }) => each.address === "127.0.0.1" && each.loopback),
  );
  assertStringIncludes(help.stdout, "ip rule");
});

Deno.test("mpquic paths proves by a round trip from which address a server is reached", async () => {
  const server = new Child(["serve", "--listen", "127.0.0.1:0", "--root", "."], { stderr: "piped" });
  try {
    const [, address] = await server.waitFor(/Listening on (\S+)\n/);
    const [plain, json] = await Promise.all([run(address!), run(address!, "--json")]);
    assertEquals([plain.code, json.code], [0, 0], plain.stderr + json.stderr);
    assertMatch(plain.stdout, /127\.0\.0\.1 +yes: 127\.0\.0\.1:\d+ answers in [\d.]+ ms/);
    const { addresses } = JSON.parse(json.stdout) as { addresses: Record<string, unknown>[] };
    for (const each of addresses) assertEquals(each["reaches"], each["address"] === "127.0.0.1", JSON.stringify(each));
  } finally {
    await server.stop();
  }
});

Deno.test("mpquic paths without an answer fails, and wrong servers are wrong usage", async () => {
  const silent = createSocket("udp4");
  silent.bind({ address: "127.0.0.1", port: 0 });
  await once(silent, "listening");
  const { port } = silent.address();
  const [none, wrong, two, zero] = await Promise.all([
    run(`127.0.0.1:${port}`),
    run("nowhere"),
    run("127.0.0.1:1", "127.0.0.1:2"),
    run("127.0.0.1:0"),
  ]);
  silent.close();
  assertEquals([none!.code, wrong!.code, two!.code, zero!.code], [1, 2, 2, 2]);
  assertMatch(none!.stdout, /127\.0\.0\.1 +no: /);
  assertStringIncludes(wrong!.stderr, 'The server is "nowhere": expected HOST:PORT');
});

Deno.test("adviceFor() prints commands for every address without a rule, when there are two interfaces", () => {
  const at = (device: string, address: string, network: string): LocalAddress => {
    return { device, address, network, loopback: device === "lo" };
  };
  const locals = [
    at("lo", "127.0.0.1", "127.0.0.0/8"),
    at("wlan0", "192.168.1.20", "192.168.1.0/24"),
    at("wwan0", "10.44.0.7", "10.44.0.0/16"),
  ];
  const routing = parseRouting([{ src: "all" }, { src: "192.168.1.20" }], [
    { dst: "default", gateway: "192.168.1.1", dev: "wlan0" },
    { dst: "default", gateway: "10.44.0.1", dev: "wwan0" },
  ], []);
  if (Deno.build.os !== "linux") return;
  assertEquals(adviceFor(locals, routing), [
    "ip route add 10.44.0.0/16 dev wwan0 src 10.44.0.7 table 101",
    "ip route add default via 10.44.0.1 dev wwan0 table 101",
    "ip rule add from 10.44.0.7 table 101",
  ]);
  const blind = adviceFor(locals, { bySource: undefined, gateways: new Map() });
  assert(blind.includes("ip route add default via GATEWAY dev wlan0 table 101"), blind.join("\n"));
  assertEquals(adviceFor(locals.slice(0, 2), routing), []);
});

Deno.test("networkOf() masks IPv4 addresses", () => {
  assertEquals(networkOf("192.168.1.20/24"), "192.168.1.0/24");
  assertEquals(networkOf("10.44.3.7/15"), "10.44.0.0/15");
  assertEquals(networkOf("10.0.0.1/32"), "10.0.0.1/32");
  assertEquals(networkOf(undefined), undefined);
});

Deno.test("isAnswer() takes Version Negotiation with the ids of the question only", () => {
  const question = makeQuestion();
  const answer = new Uint8Array(27);
  answer[0] = 0x80;
  answer.set(question.subarray(14, 23), 5);
  answer.set(question.subarray(5, 14), 14);
  answer.set([0, 0, 0, 1], 23);
  assert(isAnswer(answer, question));
  assert(!isAnswer(answer, makeQuestion()));
  assert(!isAnswer(question, question));
  assert(!isAnswer(answer.subarray(0, 22), question));
});
