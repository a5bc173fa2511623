import { assert, assertEquals, assertThrows } from "@std/assert";
import { TlsAlert } from "./alerts.ts";
import {
  ExtensionType as X,
  readClientShares,
  writeAlpn,
  writeCode,
  writeCodes,
  writeServerShare,
} from "./extensions.ts";
import { MAX_SESSION_TICKETS } from "./client.ts";
import { clientOptions, credentials, hex, words } from "./handshake_fixture_test.ts";
import * as m from "./messages.ts";
import { isGrease } from "./parameters.ts";
import { Script } from "./scripted_fixture_test.ts";
import { createTlsClient } from "./client.ts";

const NONE: Uint8Array = new Uint8Array();

/** Runs what must end in that alert. */
async function refused(alert: number, say: (script: Script) => unknown, quicCode = 0x100 + alert): Promise<void> {
  const script = await Script.start();
  let thrown: unknown;
  try {
    await say(script);
  } catch (error) {
    thrown = error;
  }
  assert(thrown instanceof TlsAlert, `Expected a TlsAlert, got ${thrown}`);
  assertEquals([thrown.alert, thrown.quicCode], [alert, quicCode], thrown.message);
  assertThrows(() => script.client.receive("initial", Uint8Array.of(1)), TlsAlert, thrown.message);
}

function withExtension(base: Map<number, Uint8Array>, type: number, data = NONE): Map<number, Uint8Array> {
  return base.set(type, data);
}

function without(base: Map<number, Uint8Array>, type: number): Map<number, Uint8Array> {
  base.delete(type);
  return base;
}

const HELLOS: { [what: string]: [number, (s: Script) => unknown] } = {
  "an older legacy_version": [70, (s) => s.sayHello({ legacyVersion: 0x0302 })],
  "no supported_versions": [70, (s) => s.sayHello({ extensions: without(s.helloExtensions(), X.supportedVersions) })],
  "another version": [
    70,
    (s) => s.sayHello({ extensions: withExtension(s.helloExtensions(), X.supportedVersions, writeCode(0x0303)) }),
  ],
  "a session id": [47, (s) => s.sayHello({ sessionId: new Uint8Array(32) })],
  "compression": [47, (s) => s.sayHello({ compression: 1 })],
  "a suite not offered": [47, (s) => s.sayHello({ suite: 0x1305 })],
  "no key_share": [109, (s) => s.sayHello({ extensions: without(s.helloExtensions(), X.keyShare) })],
  "a key of another group": [
    47,
    (s) =>
      s.sayHello({
        extensions: withExtension(
          s.helloExtensions(),
          X.keyShare,
          writeServerShare({ group: 0x17, key: new Uint8Array(65) }),
        ),
      }),
  ],
  "a key of small order": [
    47,
    (s) =>
      s.sayHello({
        extensions: withExtension(
          s.helloExtensions(),
          X.keyShare,
          writeServerShare({ group: 0x1d, key: new Uint8Array(32) }),
        ),
      }),
  ],
  "a key too short": [
    47,
    (s) =>
      s.sayHello({
        extensions: withExtension(
          s.helloExtensions(),
          X.keyShare,
          writeServerShare({ group: 0x1d, key: new Uint8Array(31) }),
        ),
      }),
  ],
  "an extension not offered": [110, (s) => s.sayHello({ extensions: withExtension(s.helloExtensions(), 41, NONE) })],
  "an unknown extension": [110, (s) => s.sayHello({ extensions: withExtension(s.helloExtensions(), 0xfafa) })],
  "an extension of EncryptedExtensions": [
    47,
    (s) => s.sayHello({ extensions: withExtension(s.helloExtensions(), X.alpn, writeAlpn(["test"])) }),
  ],
};

for (const [what, [alert, say]] of Object.entries(HELLOS)) {
  Deno.test(`createTlsClient() refuses a ServerHello with ${what}`, () => refused(alert, say));
}

function retry(s: Script, group: number, more: [number, Uint8Array][] = []): Map<number, Uint8Array> {
  return new Map([
    [X.supportedVersions, s.helloExtensions().get(X.supportedVersions)!],
    [X.keyShare, writeCode(group)],
    ...more,
  ]);
}

const RETRIES: { [what: string]: [number, (s: Script) => unknown] } = {
  "that changes nothing": [47, (s) => s.sayRetry(without(retry(s, 0x17), X.keyShare))],
  "for the group that was sent": [47, (s) => s.sayRetry(retry(s, 0x1d))],
  "for a group not offered": [47, (s) => s.sayRetry(retry(s, 0x18))],
  "with an empty cookie": [50, (s) => s.sayRetry(retry(s, 0x17, [[X.cookie, Uint8Array.of(0, 0)]]))],
  "with an unknown extension": [110, (s) => s.sayRetry(retry(s, 0x17, [[0xfafa, NONE]]))],
  "with an extension of elsewhere": [47, (s) => s.sayRetry(retry(s, 0x17, [[X.alpn, writeAlpn(["test"])]]))],
  "without supported_versions": [70, (s) => s.sayRetry(without(retry(s, 0x17), X.supportedVersions))],
  "with a suite not offered": [47, (s) => s.sayRetry(retry(s, 0x17), 0x1305)],
  "that is the second": [10, (s) => (s.sayRetry(retry(s, 0x17)), s.sayRetry(retry(s, 0x1d)))],
  "and another suite later": [47, (s) => (s.sayRetry(retry(s, 0x17)), s.sayHello({ suite: 0x1303 }))],
  "and a key of the first group later": [47, (s) => (s.sayRetry(retry(s, 0x17)), s.sayHello())],
};

for (const [what, [alert, say]] of Object.entries(RETRIES)) {
  Deno.test(`createTlsClient() refuses a HelloRetryRequest ${what}`, () => refused(alert, say));
}

Deno.test("createTlsClient() answers a cookie alone with the same key and the cookie", async () => {
  const script = await Script.start({ grease: true });
  const first = script.hello;
  const cookie = Uint8Array.of(0, 3, 9, 8, 7);
  script.sayRetry(new Map([[X.supportedVersions, writeCode(0x0304)], [X.cookie, cookie]]));
  const second = new Map(script.hello.extensions);
  assertEquals(second.get(X.cookie), cookie);
  second.delete(X.cookie);
  assertEquals(second, new Map(first.extensions));
  assertEquals([script.hello.random, script.hello.suites], [first.random, first.suites]);
  await script.finish();
  assertEquals(script.client.alpn, "test");
});

Deno.test("createTlsClient() answers a group with one key of it", async () => {
  const script = await Script.start({ grease: true });
  const first = new Map(script.hello.extensions);
  script.sayRetry(retry(script, 0x17));
  const second = new Map(script.hello.extensions);
  assertEquals(readClientShares(second.get(X.keyShare)!).map(({ group }) => group), [0x17]);
  assertEquals(without(second, X.keyShare), without(first, X.keyShare));
});

const PARAMETERS: { [what: string]: [number, (s: Script) => unknown] } = {
  "no protocol": [120, (s) => s.sayParameters(without(s.parameters(), X.alpn))],
  "a protocol not offered": [47, (s) => s.sayParameters(withExtension(s.parameters(), X.alpn, writeAlpn(["other"])))],
  "two protocols": [47, (s) => s.sayParameters(withExtension(s.parameters(), X.alpn, writeAlpn(["test", "test"])))],
  "no transport parameters": [109, (s) => s.sayParameters(without(s.parameters(), X.quicTransportParameters))],
  "early_data not offered": [110, (s) => s.sayParameters(withExtension(s.parameters(), X.earlyData))],
  "an unknown extension": [110, (s) => s.sayParameters(withExtension(s.parameters(), 0x1234))],
  "key_share": [47, (s) => s.sayParameters(withExtension(s.parameters(), X.keyShare, writeCode(0x1d)))],
  "a server_name with contents": [
    50,
    (s) => s.sayParameters(withExtension(s.parameters(), X.serverName, Uint8Array.of(1))),
  ],
  "malformed groups": [
    50,
    (s) => s.sayParameters(withExtension(s.parameters(), X.supportedGroups, Uint8Array.of(0, 1, 1))),
  ],
};

for (const [what, [alert, say]] of Object.entries(PARAMETERS)) {
  Deno.test(`createTlsClient() refuses EncryptedExtensions with ${what}`, () =>
    refused(alert, (s) => (s.sayHello(), say(s))));
}

Deno.test("createTlsClient() takes server_name and supported_groups in EncryptedExtensions", async () => {
  const script = await Script.start();
  script.sayHello();
  script.sayParameters(script.parameters().set(X.serverName, NONE).set(X.supportedGroups, writeCodes([0x18, 0xfafa])));
});

const AUTHENTICATION: { [what: string]: [number, (s: Script) => unknown] } = {
  "an empty Certificate": [50, (s) => s.sayCertificate({ entries: [] })],
  "a Certificate with a context": [47, (s) => s.sayCertificate({ context: Uint8Array.of(1) })],
  "a Certificate with an extension not offered": [110, (s) => withEntry(s, 5)],
  "a Certificate with an extension of elsewhere": [47, (s) => withEntry(s, X.alpn)],
  "bytes that are no certificate": [
    42,
    (s) => s.sayCertificate({ entries: [{ certificate: Uint8Array.of(1, 2, 3), extensions: new Map() }] }),
  ],
  "a scheme not offered": [47, async (s) => (await s.sayCertificate(), await s.sayProof({ scheme: 0x0808 }))],
  "a scheme for certificates only": [47, async (s) => (await s.sayCertificate(), await s.sayProof({ scheme: 0x0401 }))],
  "a scheme of another key": [51, async (s) => (await s.sayCertificate(), await s.sayProof({ scheme: 0x0804 }))],
  "a wrong signature": [
    51,
    async (s) => (await s.sayCertificate(), await s.sayProof({ signature: new Uint8Array(70) })),
  ],
  "an empty signature": [51, async (s) => (await s.sayCertificate(), await s.sayProof({ signature: NONE }))],
  "a signature of other content": [51, async (s) => {
    await s.sayCertificate();
    await s.sayProof({ signature: (await credentials()).key.sign(0x0403, new Uint8Array(130)) });
  }],
  "a wrong Finished": [
    51,
    async (s) => (await s.sayCertificate(), await s.sayProof(), s.sayFinished(new Uint8Array(32))),
  ],
  "a Finished too long": [
    50,
    async (s) => (await s.sayCertificate(), await s.sayProof(), s.sayFinished(new Uint8Array(33))),
  ],
  "Finished without a certificate": [10, (s) => s.sayFinished()],
  "Finished without a proof": [10, async (s) => (await s.sayCertificate(), s.sayFinished())],
  "a proof without a certificate": [10, (s) => s.sayProof()],
  "two certificates": [10, async (s) => (await s.sayCertificate(), await s.sayCertificate())],
  "a CertificateRequest with a context": [47, (s) => s.say("handshake", request(Uint8Array.of(1)))],
  "a CertificateRequest without schemes": [
    109,
    (s) => s.say("handshake", m.writeCertificateRequest({ context: NONE, extensions: new Map() })),
  ],
  "a CertificateRequest with alpn": [47, (s) => s.say("handshake", request(NONE, X.alpn))],
  "a CertificateRequest after the certificate": [
    10,
    async (s) => (await s.sayCertificate(), s.say("handshake", request())),
  ],
  "too many certificates": [42, async (s) => {
    const [certificate] = (await credentials()).certificates;
    await s.sayCertificate({ entries: Array(33).fill({ certificate, extensions: new Map() }) });
  }],
};

async function withEntry(script: Script, type: number): Promise<void> {
  const [certificate] = (await credentials()).certificates;
  await script.sayCertificate({ entries: [{ certificate: certificate!, extensions: new Map([[type, NONE]]) }] });
}

function request(context = NONE, type = 0xfafa): Uint8Array {
  const extensions = new Map([[X.signatureAlgorithms, writeCodes([0x0403, 0xfafa])], [type, NONE]]);
  return m.writeCertificateRequest({ context, extensions });
}

for (const [what, [alert, say]] of Object.entries(AUTHENTICATION)) {
  Deno.test(`createTlsClient() refuses ${what}`, () =>
    refused(alert, async (s) => {
      s.sayHello();
      s.sayParameters();
      await say(s);
    }));
}

Deno.test("createTlsClient() answers a CertificateRequest with an empty Certificate", async () => {
  const script = await Script.start();
  script.sayHello();
  script.sayParameters();
  script.say("handshake", request());
  await script.sayCertificate();
  await script.sayProof();
  script.sayFinished();
  const certificate = script.pull()!;
  assertEquals(hex(certificate), "0b00000400000000");
  script.transcript.add(certificate);
  const finished = script.pull()!;
  const expected = script.schedule.finished(script.secrets.client, script.transcript.digest());
  assertEquals(m.readFinished(finished.subarray(4), 32), expected);
});

function ticket(extensions: [number, Uint8Array][] = []): Uint8Array {
  return m.writeNewSessionTicket({
    lifetime: 7200,
    ageAdd: 1,
    nonce: NONE,
    ticket: Uint8Array.of(1),
    extensions: new Map(extensions),
  });
}

Deno.test("createTlsClient() takes session tickets and lets them go", async () => {
  const script = await Script.start();
  await script.finish();
  for (let output = script.client.next(); output !== undefined;) output = script.client.next();
  for (let i = 0; i < MAX_SESSION_TICKETS; i++) {
    script.client.receive("application", ticket([[X.earlyData, new Uint8Array(4).fill(255)], [0xfafa, NONE]]));
  }
  assertEquals(script.client.next(), undefined);
  assertThrows(() => script.client.receive("application", ticket()), TlsAlert, "Too many session tickets");
});

const AFTERWARDS: { [what: string]: [number, Uint8Array, number?] } = {
  "KeyUpdate": [10, Uint8Array.of(24, 0, 0, 1, 0)],
  "CertificateRequest": [10, request(Uint8Array.of(1)), 0x0a],
  "a ticket with other early data": [10, ticket([[X.earlyData, new Uint8Array(4)]]), 0x0a],
  "a ticket with an extension of elsewhere": [47, ticket([[X.alpn, NONE]])],
  "a malformed ticket": [50, Uint8Array.of(4, 0, 0, 1, 0)],
  "Finished again": [10, m.writeFinished(new Uint8Array(32))],
  "ServerHello": [10, Uint8Array.of(2)],
  "message_hash": [10, Uint8Array.of(254)],
};

for (const [what, [alert, raw, code]] of Object.entries(AFTERWARDS)) {
  Deno.test(`createTlsClient() refuses ${what} after the handshake`, () =>
    refused(alert, async (s) => {
      await s.finish();
      s.client.receive("application", raw);
    }, code));
}

Deno.test("createTlsClient() refuses bytes at a wrong level or across a change of keys", async () => {
  await refused(10, (s) => s.client.receive("handshake", Uint8Array.of(8)));
  await refused(10, (s) => (s.sayHello(), s.client.receive("initial", Uint8Array.of(8))));
  await refused(10, (s) => (s.sayHello(), s.client.receive("application", Uint8Array.of(8))));
  await refused(10, async (s) => (await s.finish(), s.client.receive("handshake", Uint8Array.of(4))));
  await refused(10, (s) => {
    const raw = m.writeServerHello({ ...ORDINARY, extensions: s.helloExtensions() });
    s.client.receive("initial", Uint8Array.of(...raw, 8));
  }, 0x0a);
  const script = await Script.start();
  script.client.receive("application", NONE);
});

const ORDINARY = { legacyVersion: 0x0303, random: new Uint8Array(32), sessionId: NONE, suite: 0x1301, compression: 0 };

Deno.test("createTlsClient() refuses messages that are too long before it buffers them", async () => {
  await refused(47, (s) => s.client.receive("initial", Uint8Array.of(2, 0, 0x40, 1)));
  await refused(47, (s) => {
    s.sayHello();
    s.sayParameters();
    s.client.receive("handshake", Uint8Array.of(11, 1, 0, 1));
  });
  const script = await Script.start();
  script.client.receive("initial", Uint8Array.of(2, 0, 0x40, 0));
});

Deno.test("createTlsClient() puts names into SNI and addresses not", async () => {
  assertEquals((await Script.start({ serverName: "WWW.Example.COM." })).hello.extensions.get(X.serverName)?.length, 20);
  assertEquals((await Script.start({ serverName: "192.0.2.1" })).hello.extensions.get(X.serverName), undefined);
  assertEquals((await Script.start({ serverName: "2001:db8::1" })).hello.extensions.get(X.serverName), undefined);
});

Deno.test("createTlsClient() offers GREASE when asked to, and refuses it in answers", async () => {
  const greased = await Script.start({ grease: true });
  const plain = await Script.start();
  assert(isGrease(greased.hello.suites[0]!) && !plain.hello.suites.some(isGrease));
  const type = [...greased.hello.extensions.keys()].find(isGrease)!;
  assert(!plain.hello.extensions.has(type));
  greased.sayHello();
  assertThrows(
    () => greased.sayParameters(greased.parameters().set(type, NONE)),
    TlsAlert,
    "expected only what was offered",
  );
});

Deno.test("createTlsClient() refuses options of no use", async () => {
  const wrong: [Parameters<typeof clientOptions>[0], string][] = [
    [{ serverName: "" }, "Server name"],
    [{ serverName: "a b" }, "Server name"],
    [{ serverName: "münchen.de" }, "Server name"],
    [{ serverName: "1.2.3" }, "Server name"],
    [{ serverName: "a..b" }, "Server name"],
    [{ alpnProtocols: [] }, "application protocols"],
    [{ alpnProtocols: [""] }, "Application protocol"],
    [{ alpnProtocols: ["x".repeat(256)] }, "Application protocol"],
    [{ roots: [] }, "None of 0 trusted certificates"],
    [{ roots: [Uint8Array.of(1)] }, "None of 1 trusted certificates"],
  ];
  for (const [over, message] of wrong) {
    const options = await clientOptions(over);
    assertThrows(() => createTlsClient(options), TypeError, message);
  }
  const silent = createTlsClient(await clientOptions({ roots: [], verify: "insecure" }));
  const first = silent.next()!;
  assertEquals(words([first]), ["send initial"]);
});
