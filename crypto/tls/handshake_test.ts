import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { nobleProvider } from "../noble_provider.ts";
import type { CryptoProvider } from "../provider.ts";
import type { KeyKind } from "./certificates_fixture_test.ts";
import {
  credentials,
  hex,
  isComplete,
  only,
  pair,
  provider,
  secrets,
  seeded,
  shake,
  words,
} from "./handshake_fixture_test.ts";

const KINDS: KeyKind[] = ["p256", "p384", "p521", "ed25519", "rsa"];
const CASES = KINDS.flatMap((kind) => [0x1301, 0x1302, 0x1303].map((suite) => ({ kind, suite })));

for (const { kind, suite } of CASES) {
  for (const [name, clientGroups, serverGroups] of groupings()) {
    Deno.test(`createTlsClient() and createTlsServer() agree: ${kind}, 0x${suite.toString(16)}, ${name}`, async () => {
      const { client, server, clientOutputs, serverOutputs } = shake(
        await pair(
          { provider: only(provider, undefined, clientGroups), grease: suite === 0x1303 },
          { provider: only(provider, suite, serverGroups), ...await credentials(kind) },
        ),
      );
      const [c, s] = [secrets(clientOutputs), secrets(serverOutputs)];
      assertEquals(Object.keys(c).length, 4);
      for (const level of ["handshake", "application"]) {
        assertEquals(c[`${level} write`], s[`${level} read`]);
        assertEquals(c[`${level} read`], s[`${level} write`]);
        assertNotEquals(c[`${level} read`], c[`${level} write`]);
      }
      assertEquals([client.alpn, server.alpn], ["test", "test"]);
      assertEquals(server.serverName, "localhost");
      assertEquals(client.peerCertificates, (await credentials(kind)).certificates);
      const complete = clientOutputs.at(-1);
      assert(complete?.kind === "complete" && complete.suite.id === suite && complete.alpn === "test");
      const context = Uint8Array.of(7);
      assertEquals(hex(client.export("label", context, 40)), hex(server.export("label", context, 40)));
      assertNotEquals(hex(client.export("label", context, 40)), hex(client.export("label", new Uint8Array(), 40)));
    });
  }
}

function groupings(): [string, CryptoProvider["groups"], CryptoProvider["groups"]][] {
  return [
    ["x25519", ["x25519"], ["x25519", "secp256r1"]],
    ["secp256r1", ["secp256r1"], ["x25519", "secp256r1"]],
    ["retry to secp256r1", ["x25519", "secp256r1"], ["secp256r1"]],
    ["retry to x25519", ["secp256r1", "x25519"], ["x25519"]],
  ];
}

Deno.test("createTlsClient() and createTlsServer() agree over different providers", async () => {
  const { clientOutputs, serverOutputs } = shake(await pair({ provider: nobleProvider() }, { provider }));
  assertEquals(secrets(clientOutputs)["application read"], secrets(serverOutputs)["application write"]);
  assert(isComplete(clientOutputs) && isComplete(serverOutputs));
});

Deno.test("TlsSession.next() gives keys before bytes of their level, and the client's application keys last", async () => {
  const { clientOutputs, serverOutputs } = shake(await pair());
  assertEquals(words(clientOutputs), [
    "send initial",
    "secret handshake read",
    "secret handshake write",
    "parameters",
    "send handshake",
    "secret application write",
    "secret application read",
    "complete",
  ]);
  assertEquals(words(serverOutputs), [
    "parameters",
    "send initial",
    "secret handshake write",
    "secret handshake read",
    "send handshake",
    "send handshake",
    "send handshake",
    "send handshake",
    "secret application write",
    "secret application read",
    "complete",
  ]);
});

Deno.test("TlsSession.export() is refused before the handshake is complete", async () => {
  const both = await pair();
  assertThrows(() => both.client.export("x", new Uint8Array(), 32), Error, "No keying material");
  assertThrows(() => both.server.export("x", new Uint8Array(), 32), Error, "No keying material");
  shake(both);
  assertEquals(both.server.export("x", new Uint8Array(), 32).length, 32);
});

Deno.test("TlsSession.next() logs secrets when asked to", async () => {
  const { clientOutputs, serverOutputs } = shake(await pair({ keyLog: true, random: seeded(9) }, { keyLog: true }));
  const lines = clientOutputs.flatMap((output) => output.kind === "keylog" ? [output.line] : []);
  assertEquals(lines, serverOutputs.flatMap((output) => output.kind === "keylog" ? [output.line] : []));
  assertEquals(lines.map((line) => line.split(" ")[0]), [
    "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
    "SERVER_HANDSHAKE_TRAFFIC_SECRET",
    "CLIENT_TRAFFIC_SECRET_0",
    "SERVER_TRAFFIC_SECRET_0",
    "EXPORTER_SECRET",
  ]);
  const random = new Uint8Array(32);
  seeded(9)(random);
  for (const line of lines) assertEquals(line.split(" ")[1], hex(random));
  assertEquals(lines[2]?.split(" ")[2], secrets(clientOutputs)["application write"]);
});

Deno.test("TlsSession.next() gives the peer's transport parameters as they came", async () => {
  const { clientOutputs, serverOutputs } = shake(await pair({}, { transportParameters: () => Uint8Array.of(9, 9) }));
  const parameters = [clientOutputs, serverOutputs].map((outputs) =>
    outputs.flatMap((output) => output.kind === "parameters" ? [hex(output.data)] : [])
  );
  assertEquals(parameters, [["0909"], ["010203"]]);
});

Deno.test("TlsSession.receive() takes bytes in pieces of any size", async () => {
  for (const size of [1, 2, 3, 5, 7, 64, 1000]) {
    const { clientOutputs, serverOutputs } = shake(await pair(), (sent) => {
      const pieces = [];
      for (let at = 0; at < sent.data.length; at += size) {
        pieces.push({ ...sent, data: sent.data.subarray(at, at + size) });
      }
      return pieces;
    });
    assert(isComplete(clientOutputs) && isComplete(serverOutputs));
  }
});

Deno.test("TlsSession.receive() takes a message split in two at every byte", async () => {
  const lengths: number[] = [];
  shake(await pair(), (sent) => (lengths.push(sent.data.length), [sent]));
  for (const [nth, length] of lengths.entries()) {
    for (let at = 0; at <= length; at += length > 300 ? 13 : 5) {
      let count = 0;
      const both = shake(await pair(), (sent) => {
        if (count++ !== nth) return [sent];
        return [{ ...sent, data: sent.data.subarray(0, at) }, { ...sent, data: sent.data.subarray(at) }];
      });
      assert(isComplete(both.serverOutputs), `message ${nth} split at ${at}`);
    }
  }
});

Deno.test("TlsSession.receive() takes a whole flight at once", async () => {
  const both = await pair();
  const flight: Uint8Array[] = [];
  shake(both, (sent) => {
    if (sent.from !== "server" || sent.level !== "handshake") return [sent];
    flight.push(sent.data);
    if (flight.length < 4) return [];
    return [{ ...sent, data: Uint8Array.from(flight.flatMap((message) => [...message])) }];
  });
  assert(isComplete(both.clientOutputs) && isComplete(both.serverOutputs));
});
