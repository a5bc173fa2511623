import { assert, assertEquals, assertThrows } from "@std/assert";
import { TlsAlert } from "./alerts.ts";
import {
  ExtensionType as X,
  readCode,
  writeAlpn,
  writeClientShares,
  writeCodes,
  writeServerName,
} from "./extensions.ts";
import {
  credentials,
  hex,
  isComplete,
  pair,
  provider,
  seeded,
  serverOptions,
  shake,
  words,
} from "./handshake_fixture_test.ts";
import * as m from "./messages.ts";
import { clientHello } from "./scripted_fixture_test.ts";
import { createTlsServer, type TlsServerOptions } from "./server.ts";
import type { TlsOutput, TlsSession } from "./session.ts";

const NONE: Uint8Array = new Uint8Array();
const X25519 = provider.keyShare("x25519", seeded(6)).publicKey;
const P256 = provider.keyShare("secp256r1", seeded(6)).publicKey;

async function serve(over: Partial<TlsServerOptions> = {}): Promise<TlsSession> {
  return createTlsServer(await serverOptions(over));
}

function outputs(session: TlsSession): TlsOutput[] {
  const all: TlsOutput[] = [];
  for (let output = session.next(); output !== undefined; output = session.next()) all.push(output);
  return all;
}

function refused(server: TlsSession, raw: Uint8Array, alert: number, quicCode = 0x100 + alert): void {
  const error = assertThrows(() => server.receive("initial", raw), TlsAlert);
  assertEquals([error.alert, error.quicCode], [alert, quicCode], error.message);
}

const HELLOS: { [what: string]: [number, Uint8Array, number?] } = {
  "an older legacy_version": [70, clientHello({}, { legacyVersion: 0x0301 })],
  "no supported_versions": [70, clientHello({ [X.supportedVersions]: undefined })],
  "other versions only": [70, clientHello({ [X.supportedVersions]: Uint8Array.of(4, 3, 3, 0x7a, 0x7a) })],
  "no extensions": [70, clientHello({}, { extensions: new Map() })],
  "a session id": [10, clientHello({}, { sessionId: new Uint8Array(32) }), 0x0a],
  "compression": [47, clientHello({}, { compressions: Uint8Array.of(0, 1) })],
  "other suites only": [40, clientHello({}, { suites: [0x1305, 0xc02b, 0x0a0a] })],
  "other groups only": [
    40,
    clientHello({
      [X.supportedGroups]: writeCodes([0x18]),
      [X.keyShare]: writeClientShares([{ group: 0x18, key: P256 }]),
    }),
  ],
  "other signature schemes only": [40, clientHello({ [X.signatureAlgorithms]: writeCodes([0x0401, 0x0807, 0x0a0a]) })],
  "no supported_groups": [109, clientHello({ [X.supportedGroups]: undefined })],
  "no key_share": [109, clientHello({ [X.keyShare]: undefined })],
  "no signature_algorithms": [109, clientHello({ [X.signatureAlgorithms]: undefined })],
  "no transport parameters": [109, clientHello({ [X.quicTransportParameters]: undefined })],
  "no protocols": [120, clientHello({ [X.alpn]: undefined })],
  "other protocols only": [120, clientHello({ [X.alpn]: writeAlpn(["h3", "tes"]) })],
  "a key of a group not in supported_groups": [47, clientHello({ [X.supportedGroups]: writeCodes([0x17]) })],
  "two keys of a group": [
    47,
    clientHello({ [X.keyShare]: writeClientShares([{ group: 0x1d, key: X25519 }, { group: 0x1d, key: X25519 }]) }),
  ],
  "a key of small order": [
    47,
    clientHello({ [X.keyShare]: writeClientShares([{ group: 0x1d, key: new Uint8Array(32) }]) }),
  ],
  "a key off the curve": [
    47,
    clientHello({ [X.keyShare]: writeClientShares([{ group: 0x17, key: Uint8Array.of(4, ...new Uint8Array(64)) }]) }),
  ],
  "a key too long": [47, clientHello({ [X.keyShare]: writeClientShares([{ group: 0x1d, key: new Uint8Array(33) }]) })],
  "an empty key": [50, clientHello({ [X.keyShare]: Uint8Array.of(0, 4, 0, 0x1d, 0, 0) })],
  "a name with a blank": [47, clientHello({ [X.serverName]: writeServerName("a b") })],
  "a name of another type": [47, clientHello({ [X.serverName]: Uint8Array.of(0, 4, 1, 0, 1, 0x61) })],
  "two names": [50, clientHello({ [X.serverName]: Uint8Array.of(0, 8, 0, 0, 1, 0x61, 0, 0, 1, 0x61) })],
  "an empty protocol name": [50, clientHello({ [X.alpn]: Uint8Array.of(0, 3, 0, 1, 0x61) })],
  "oid_filters, which is of CertificateRequest": [47, clientHello({ 48: NONE })],
  "pre_shared_key before another": [47, clientHello({ [X.preSharedKey]: NONE, [X.pskModes]: Uint8Array.of(1, 1) })],
  "pre_shared_key without its modes": [109, clientHello({ [X.preSharedKey]: NONE })],
  "no suites": [50, clientHello({}, { suites: [] })],
  "a group and a half": [50, clientHello({ [X.supportedGroups]: Uint8Array.of(0, 3, 0, 0x1d, 0) })],
  "bytes left over in an extension": [50, clientHello({ [X.supportedVersions]: Uint8Array.of(2, 3, 4, 0) })],
  "bytes left over": [50, padded(clientHello())],
  "an extension twice": [47, twice(clientHello())],
};

/** One byte more. */
function padded(raw: Uint8Array): Uint8Array {
  const more = Uint8Array.of(...raw, 0);
  more[3]!++;
  return more;
}

/** Two empty extensions of one unknown type more. */
function twice(raw: Uint8Array): Uint8Array {
  const more = Uint8Array.of(...raw, 0xfa, 0xfa, 0, 0, 0xfa, 0xfa, 0, 0);
  more[3]! += 8;
  more[4 + 2 + 32 + 1 + 4 + 2 + 1]! += 8;
  return more;
}

for (const [what, [alert, raw, code]] of Object.entries(HELLOS)) {
  Deno.test(`createTlsServer() refuses a ClientHello with ${what}`, async () =>
    refused(await serve(), raw, alert, code));
}

Deno.test("createTlsServer() takes a ClientHello with values unknown to it", async () => {
  const server = await serve();
  const raw = clientHello({
    0x7a7a: NONE,
    [X.supportedVersions]: Uint8Array.of(4, 0x0a, 0x0a, 3, 4),
    [X.supportedGroups]: writeCodes([0x0a0a, 0x11ec, 0x1d]),
    [X.keyShare]: writeClientShares([{ group: 0x0a0a, key: Uint8Array.of(0) }, { group: 0x1d, key: X25519 }]),
    [X.signatureAlgorithms]: writeCodes([0x0a0a, 0x0403]),
    [X.alpn]: writeAlpn(["\n\n", "test"]),
    [X.padding]: new Uint8Array(100),
    [X.cookie]: Uint8Array.of(0, 1, 0),
    [X.earlyData]: NONE,
    [X.pskModes]: Uint8Array.of(1, 1),
    5: Uint8Array.of(1, 0, 0, 0, 0),
  }, { suites: [0x0a0a, 0x1301] });
  const hello = m.readClientHello(raw.subarray(4));
  const extensions = new Map([...hello.extensions, [X.preSharedKey, Uint8Array.of(0)]]);
  server.receive("initial", m.writeClientHello({ ...hello, extensions }));
  assertEquals(words(outputs(server)).at(-1), "secret application write");
});

Deno.test("createTlsServer() quotes names of the client in messages, and cuts them", async () => {
  const names = ["a\nb", "x".repeat(200), ...Array(300).fill("y")];
  const server = await serve();
  const hello = clientHello({ [X.alpn]: writeAlpn(names) });
  const { message } = assertThrows(() => server.receive("initial", hello), TlsAlert, '"a\\nb", "xxx');
  assert(message.includes("and 298 more") && message.length < 200, message);
});

Deno.test("createTlsServer() follows its own order of suites and protocols", async () => {
  for (const suites of [[0x1301, 0x1302, 0x1303], [0x1303, 0x1302, 0x1301]]) {
    const server = await serve({ alpnProtocols: ["b", "a"] });
    server.receive("initial", clientHello({ [X.alpn]: writeAlpn(["a", "b"]) }, { suites }));
    assertEquals(server.alpn, "b");
    const secret = outputs(server).find((output) => output.kind === "secret");
    assert(secret?.kind === "secret" && secret.suite.id === provider.suites[0]?.id);
  }
});

Deno.test("createTlsServer() takes a group with a key rather than one that costs a round trip", async () => {
  const server = await serve();
  const keys = writeClientShares([{ group: 0x17, key: P256 }]);
  server.receive("initial", clientHello({ [X.keyShare]: keys }));
  const hello = outputs(server).find((output) => output.kind === "send");
  assert(hello?.kind === "send" && !m.isRetry(m.readServerHello(hello.data.subarray(4))));
});

async function asked(): Promise<TlsSession> {
  const server = await serve();
  server.receive("initial", clientHello({ [X.keyShare]: writeClientShares([]) }));
  const [parameters, retry] = outputs(server);
  assert(parameters?.kind === "parameters" && retry?.kind === "send");
  const hello = m.readServerHello(retry.data.subarray(4));
  assert(m.isRetry(hello));
  assertEquals(readCode(hello.extensions.get(X.keyShare)!, "key_share"), 0x1d);
  return server;
}

Deno.test("createTlsServer() asks again when there is no key, and goes on with the second ClientHello", async () => {
  const server = await asked();
  server.receive("initial", clientHello({ [X.padding]: NONE, [X.cookie]: Uint8Array.of(0, 1, 1) }));
  assertEquals(words(outputs(server))[0], "send initial");
});

const SECOND: { [what: string]: Uint8Array } = {
  "no key": clientHello({ [X.keyShare]: writeClientShares([]) }),
  "a key of another group": clientHello({ [X.keyShare]: writeClientShares([{ group: 0x17, key: P256 }]) }),
  "two keys": clientHello({
    [X.keyShare]: writeClientShares([{ group: 0x1d, key: X25519 }, { group: 0x17, key: P256 }]),
  }),
  "another Random": clientHello({}, { random: new Uint8Array(32).fill(1) }),
  "other suites": clientHello({}, { suites: [0x1302, 0x1301] }),
  "other parameters": clientHello({ [X.quicTransportParameters]: Uint8Array.of(2) }),
  "one more extension": clientHello({ 0x7a7a: NONE }),
  "early_data": clientHello({ [X.earlyData]: NONE }),
};

for (const [what, raw] of Object.entries(SECOND)) {
  Deno.test(`createTlsServer() refuses a second ClientHello with ${what}`, async () => refused(await asked(), raw, 47));
}

Deno.test("createTlsServer() refuses messages out of turn", async () => {
  for (const type of [2, 4, 5, 8, 11, 13, 15, 20, 24, 254]) refused(await serve(), Uint8Array.of(type), 10);
  const server = await serve();
  const trailing = Uint8Array.of(...clientHello(), 1);
  // RFC 9001 §4.1.3: PROTOCOL_VIOLATION.
  refused(server, trailing, 10, 0x0a);
  for (const type of [1, 5, 11, 15, 24]) {
    const server = await serve();
    server.receive("initial", clientHello());
    assertThrows(() => server.receive("handshake", Uint8Array.of(type)), TlsAlert, "out of turn");
  }
  const early = await serve();
  assertThrows(() => early.receive("handshake", Uint8Array.of(20)), TlsAlert, "expected level initial");
});

Deno.test("createTlsServer() refuses all messages after the handshake", async () => {
  for (const type of [1, 4, 5, 11, 20, 24]) {
    const { server } = shake(await pair());
    const error = assertThrows(() => server.receive("application", Uint8Array.of(type, 0, 0, 1, 0)), TlsAlert);
    assertEquals(error.alert, 10);
  }
});

Deno.test("createTlsServer() refuses a wrong Finished, and gives no keys to read with", async () => {
  const both = await pair();
  assertThrows(
    () =>
      shake(both, (sent) => {
        if (sent.from === "server" || sent.level === "initial") return [sent];
        const data = sent.data.slice();
        data[data.length - 1]! ^= 1;
        return [{ ...sent, data }];
      }),
    TlsAlert,
    "Client's Finished is wrong",
  );
  const rest = outputs(both.server);
  assert(!isComplete([...both.serverOutputs, ...rest]));
  assert(!words([...both.serverOutputs, ...rest]).includes("secret application read"));
});

Deno.test("createTlsServer() asks the hook for the name's certificate", async () => {
  const special = await credentials("ed25519");
  const asked: (string | undefined)[] = [];
  const selectCertificate = (name: string | undefined) => {
    asked.push(name);
    return name === "a.example.com" ? special : undefined;
  };
  for (const serverName of ["A.example.com", "b.example.com", "127.0.0.1"]) {
    const { client } = shake(await pair({ serverName }, { selectCertificate }));
    const expected = serverName.startsWith("A") ? special : await credentials();
    assertEquals(client.peerCertificates.map(hex), expected.certificates.map(hex));
  }
  assertEquals(asked, ["a.example.com", "b.example.com", undefined]);
});

Deno.test("createTlsServer() gives an internal_error for a fault of its own, with the cause", async () => {
  const key = {
    schemes: [0x0403],
    sign: () => {
      throw new Error("The key is away");
    },
  };
  const server = await serve({ key });
  const error = assertThrows(() => server.receive("initial", clientHello()), TlsAlert, "The key is away");
  assertEquals(error.alert, 80);
  assert(error.cause instanceof Error);
});

Deno.test("createTlsServer() refuses options of no use", async () => {
  for (const over of [{ certificates: [] }, { alpnProtocols: [] }]) {
    const options = await serverOptions(over);
    assertThrows(() => createTlsServer(options), TypeError, "expected at least one");
  }
});

Deno.test("TlsSession takes protocol names beyond ASCII as UTF-8", async () => {
  const { client, server } = shake(await pair({ alpnProtocols: ["föö"] }, { alpnProtocols: ["x", "föö"] }));
  assertEquals([client.alpn, server.alpn], ["föö", "föö"]);
});
