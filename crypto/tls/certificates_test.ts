import { assert, assertEquals, assertThrows } from "@std/assert";
import { rootCertificates } from "node:tls";
import { TlsAlert } from "./alerts.ts";
import { checkKeyMatches, MAX_INTERMEDIATES, usableRoots, verifyChain } from "./certificates.ts";
import {
  authority,
  issue,
  type Issued,
  type KeyKind,
  leaf,
  once,
  signingKey,
  x509,
} from "./certificates_fixture_test.ts";
import { type SignatureAlgorithm, signatureAlgorithm } from "./certificate_signature.ts";
import { checkCertificateSignature } from "./certificates_node.ts";
import { hex, NOW, pair, provider, shake } from "./handshake_fixture_test.ts";
import { decodePem } from "./pem.ts";
import { parseServerName } from "./server_name.ts";
import type { SignatureIdentifier } from "./x509.ts";

const root = once(() => authority({ name: "CN=Test root" }));
const middle = once(async () => authority({ name: "CN=Middle", issuer: await root() }));

interface Given {
  readonly name?: string;
  readonly roots?: readonly Issued[];
  readonly time?: number;
}

/** Checks a chain against the test root, or others. */
async function check(chain: readonly Issued[], given: Given = {}): Promise<void> {
  const { name = "localhost", roots = [await root()], time = NOW } = given;
  verifyChain(chain.map(({ der }) => der), {
    roots: roots.map(({ der }) => der),
    name: parseServerName(name),
    time,
    checkSignature: checkCertificateSignature,
  });
}

/** Checks that a chain is refused with that alert and words. */
async function refused(alert: number, words: string, chain: readonly Issued[], given: Given = {}): Promise<void> {
  let thrown: unknown;
  await check(chain, given).catch((error) => thrown = error);
  assert(thrown instanceof TlsAlert, `Expected a TlsAlert, got ${thrown}`);
  assertEquals(thrown.alert, alert, thrown.message);
  assert(thrown.message.includes(words), thrown.message);
  assert(/certificate/i.test(thrown.message), thrown.message);
}

for (const kind of ["p256", "p384", "p521", "ed25519", "rsa", "rsapss"] satisfies KeyKind[]) {
  Deno.test(`verifyChain() takes a chain signed with ${kind}`, async () => {
    const top = await authority({ name: "CN=Top", kind });
    const between = await authority({ name: "CN=Between", kind, issuer: top });
    const bottom = await leaf({ issuer: between });
    await check([bottom, between], { roots: [top] });
  });
}

Deno.test("verifyChain() takes certificates in any order, and more than needed", async () => {
  const low = await authority({ name: "CN=Low", issuer: await middle() });
  const bottom = await leaf({ issuer: low });
  const stranger = await authority({ name: "CN=Stranger" });
  await check([bottom, stranger, await middle(), await root(), low, low]);
  await check([bottom, low, await middle()], { roots: [stranger, await root()] });
  await check([bottom, low], { roots: [await middle()] });
});

Deno.test("verifyChain() finds the way around an expired or unknown authority of the same name", async () => {
  const keys = (await middle()).keys;
  const expired = await authority({ name: "CN=Middle", issuer: await root(), keys, to: "2021-01-01T00:00:00Z" });
  const other = await authority({ name: "CN=Elsewhere" });
  const cross = await authority({ name: "CN=Middle", issuer: other, keys });
  const impostor = await authority({ name: "CN=Middle", issuer: await root() });
  const bottom = await leaf({ issuer: await middle() });
  await check([bottom, expired, cross, impostor, await middle()]);
  await check([bottom, await middle(), expired, cross], { roots: [other] });
  await refused(45, "expired since 2021-01-01", [bottom, expired]);
});

Deno.test("verifyChain() asks for further authorities only when the first do not do", async () => {
  const [chain, top] = [[await leaf({ issuer: await middle() }), await middle()], await root()];
  let asked = 0;
  const verify = (roots: readonly Issued[], more: () => Uint8Array[], name = "localhost"): void =>
    verifyChain(chain.map(({ der }) => der), {
      roots: roots.map(({ der }) => der),
      moreRoots: () => (asked++, more()),
      name: parseServerName(name),
      time: NOW,
      checkSignature: checkCertificateSignature,
    });
  verify([top], () => []);
  assertEquals(asked, 0);
  verify([], () => [top.der]);
  const impostor = await authority({ name: "CN=Test root" });
  verify([impostor], () => [top.der]);
  assertEquals(asked, 2);
  const refusal = assertThrows(() => verify([impostor], () => [impostor.der]), TlsAlert);
  assertEquals(refusal.alert, 42);
  const forbidden = (): never => {
    throw new Error("not allowed here");
  };
  assertThrows(() => verify([impostor], forbidden), TlsAlert, "further authorities cannot be read: not allowed here");
  assertThrows(() => verify([top], () => [top.der], "example.com"), TlsAlert, "not valid for example.com");
});

Deno.test("verifyChain() takes a self-signed certificate that is itself trusted", async () => {
  const alone = await leaf({ name: "CN=Alone" });
  await check([alone], { roots: [alone] });
  await check([alone], { roots: [await root(), alone] });
  await refused(48, "signed by itself and not trusted", [alone]);
  const twin = await leaf({ name: "CN=Alone", keys: alone.keys });
  await refused(42, "may not issue", [alone], { roots: [twin] });
  await refused(42, "is not valid for example.com", [alone], { roots: [alone], name: "example.com" });
  const ca = await authority({
    name: "CN=Alone",
    extensions: [new x509.SubjectAlternativeNameExtension([{ type: "dns", value: "localhost" }])],
  });
  await refused(43, "CA:TRUE", [ca], { roots: [ca] });
});

Deno.test("verifyChain() refuses a chain to nowhere", async () => {
  const stranger = await authority({ name: "CN=Stranger" });
  await refused(48, 'unknown issuer "Stranger"', [await leaf({ issuer: stranger })]);
  await refused(48, "signed by itself and not trusted", [await leaf({ issuer: stranger }), stranger]);
  await refused(48, 'unknown issuer "Middle"', [await leaf({ issuer: await middle() })]);
  const impostor = await authority({ name: "CN=Test root" });
  await refused(42, "wrong signature", [await leaf({ issuer: impostor })]);
});

Deno.test("verifyChain() refuses certificates that are not valid at the time", async () => {
  const issuer = await root();
  await refused(45, "expired since 2025-06-01T00:00:00.000Z", [await leaf({ issuer, to: "2025-06-01T00:00:00Z" })]);
  await refused(45, "not valid before 2027-01-01", [await leaf({ issuer, from: "2027-01-01T00:00:00Z" })]);
  const exact = await leaf({ issuer, from: "2026-06-01T00:00:00Z", to: "2026-06-01T00:00:01Z" });
  await check([exact]);
  await check([exact], { time: NOW + 1000 });
  await refused(45, "not valid before", [exact], { time: NOW - 1 });
  await refused(45, "expired since", [exact], { time: NOW + 1001 });
  await refused(45, "expired since", [exact], { time: NaN });
  const old = await authority({ name: "CN=Old", to: "2024-01-01T00:00:00Z" });
  await refused(45, 'authority "Old" is expired', [await leaf({ issuer: old })], { roots: [old] });
});

Deno.test("verifyChain() matches host names and addresses", async () => {
  const issuer = await root();
  const names = ["Example.com", "*.wild.example.com", "*.com", "f*.example.org", "*.*.example.org", "192.0.2.9"];
  const bottom = await leaf({ issuer, dns: names, ip: ["192.0.2.1", "2001:db8::1"] });
  const good = ["example.com", "EXAMPLE.COM.", "a.wild.example.com", "192.0.2.1", "2001:DB8:0::1", "2001:db8::0.0.0.1"];
  for (const name of good) await check([bottom], { name });
  const bad = [
    "wild.example.com",
    "a.b.wild.example.com",
    "www.example.com",
    "other.com",
    "foo.example.org",
    "a.b.example.org",
    "192.0.2.2",
    "192.0.2.9",
    "2001:db8::2",
    "::ffff:192.0.2.1",
  ];
  for (const name of bad) await refused(42, `is not valid for ${name}: it is for Example.com`, [bottom], { name });
  const nameless = await issue({ issuer, name: "CN=localhost" });
  await refused(42, "it is for no host at all", [nameless]);
});

Deno.test("verifyChain() refuses a leaf for another purpose", async () => {
  const issuer = await root();
  const purpose = { client: x509.ExtendedKeyUsage.clientAuth, server: x509.ExtendedKeyUsage.serverAuth };
  await refused(43, "serverAuth", [await leaf({ issuer, purposes: [purpose.client] })]);
  await check([await leaf({ issuer, purposes: [purpose.client, purpose.server] })]);
  await check([await leaf({ issuer, purposes: ["2.5.29.37.0"] })]);
  const names = new x509.SubjectAlternativeNameExtension([{ type: "dns", value: "localhost" }]);
  const usage = new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyEncipherment, true);
  await refused(43, "digitalSignature", [await issue({ issuer, extensions: [names, usage] })]);
  await check([await issue({ issuer, extensions: [names] })]);
  await refused(43, "CA:TRUE", [await authority({ name: "CN=x", issuer, extensions: [names] })]);
});

Deno.test("verifyChain() refuses issuers that may not issue", async () => {
  const top = await root();
  const usage = (flags: number) => new x509.KeyUsagesExtension(flags, true);
  const ca = new x509.BasicConstraintsExtension(true, undefined, true);
  const notCa = await leaf({ name: "CN=Not CA", issuer: top });
  await refused(42, "expected CA:TRUE", [await leaf({ issuer: notCa }), notCa]);
  const silent = await issue({ name: "CN=Silent", issuer: top });
  await refused(42, "expected CA:TRUE", [await leaf({ issuer: silent }), silent]);
  const noSign = await issue({ name: "CN=No sign", issuer: top, extensions: [ca, usage(x509.KeyUsageFlags.cRLSign)] });
  await refused(42, "keyCertSign", [await leaf({ issuer: noSign }), noSign]);
  const mail = new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.emailProtection]);
  const mailCa = await authority({ name: "CN=Mail", issuer: top, extensions: [mail] });
  await refused(43, "not for servers", [await leaf({ issuer: mailCa }), mailCa]);
});

Deno.test("verifyChain() keeps path lengths, and a limit of its own", async () => {
  const top = await authority({ name: "CN=Top", pathLength: 1 });
  const one = await authority({ name: "CN=One", issuer: top, pathLength: 0 });
  const two = await authority({ name: "CN=Two", issuer: one });
  await check([await leaf({ issuer: one }), one], { roots: [top] });
  await refused(42, "path length", [await leaf({ issuer: two }), two, one], { roots: [top] });
  const selfIssued = await authority({ name: "CN=One", issuer: one });
  await check([await leaf({ issuer: selfIssued }), selfIssued, one], { roots: [top] });

  const chain: Issued[] = [];
  for (let i = 0; i <= MAX_INTERMEDIATES; i++) {
    chain.unshift(await authority({ name: `CN=Step ${i}`, issuer: chain[0] ?? await root() }));
  }
  const [longest, ...rest] = chain;
  assert(longest !== undefined && rest[0] !== undefined);
  await check([await leaf({ issuer: rest[0] }), ...rest]);
  await refused(42, "too long", [await leaf({ issuer: longest }), ...chain]);
});

Deno.test("verifyChain() ends on certificates that vouch for each other in circles", async () => {
  const keys = (await authority({ name: "CN=A" })).keys;
  const circle: Issued[] = [];
  for (let i = 0; i < 24; i++) {
    const issuer = { ...await authority({ name: "CN=A", keys }), keys };
    circle.push(await authority({ name: "CN=A", issuer, keys }));
  }
  const started = circle[0]!;
  await refused(42, "too tangled", [await leaf({ issuer: started }), ...circle]);
  const [left, right] = [await authority({ name: "CN=L" }), await authority({ name: "CN=R" })];
  const leftByRight = await authority({ name: "CN=L", issuer: right, keys: left.keys });
  const rightByLeft = await authority({ name: "CN=R", issuer: left, keys: right.keys });
  await refused(48, "unknown issuer", [await leaf({ issuer: left }), leftByRight, rightByLeft]);
});

Deno.test("verifyChain() refuses weak signatures and keys", async () => {
  const issuer = await root();
  await refused(42, "RSA key of 1024 bits", [await leaf({ issuer, kind: "rsa1024" })]);
  const weakTop = await authority({ name: "CN=Weak", kind: "rsa1024" });
  await refused(42, "RSA key of 1024 bits", [await leaf({ issuer: weakTop })], { roots: [weakTop] });
  const sha1 = await authority({ name: "CN=SHA-1", kind: "p256sha1" });
  const bottom = await leaf({ issuer: sha1 });
  await refused(42, "weak signature", [bottom], { roots: [sha1] });
  const under = await authority({ name: "CN=Under", issuer: sha1 });
  await refused(42, "weak signature", [await leaf({ issuer: under }), under], { roots: [sha1] });
  const strong = { ...sha1, kind: "p256" as const };
  await check([await leaf({ issuer: strong })], { roots: [sha1] }); // how a root is signed is of no matter
});

Deno.test("verifyChain() refuses unknown critical extensions and lets others be", async () => {
  const issuer = await root();
  const extension = (isCritical: boolean) => new x509.Extension("1.2.3.4.5", isCritical, Uint8Array.of(5, 0).buffer);
  await refused(43, "1.2.3.4.5", [await leaf({ issuer, extensions: [extension(true)] })]);
  await check([await leaf({ issuer, extensions: [extension(false)] })]);
  const odd = await authority({ name: "CN=Odd", issuer, extensions: [extension(true)] });
  await refused(43, "1.2.3.4.5", [await leaf({ issuer: odd }), odd]);
  const policies = new x509.CertificatePolicyExtension(["2.23.140.1.2.1"], true);
  await check([await leaf({ issuer, extensions: [policies] })]);
});

Deno.test("verifyChain() refuses a certificate with any bit flipped", async () => {
  const bottom = await leaf({ issuer: await root() });
  for (let index = 0; index < bottom.der.length; index += 3) {
    const der = bottom.der.slice();
    der[index]! ^= 1 << (index & 7);
    await refused2(der);
  }
  for (let length = 0; length < bottom.der.length; length += 5) await refused2(bottom.der.subarray(0, length));

  async function refused2(der: Uint8Array): Promise<void> {
    const error = await check([{ ...bottom, der }]).then(() => undefined, (error) => error);
    assert(error instanceof TlsAlert && error.alert !== 80, `${error}`);
  }
});

Deno.test("usableRoots() reads all of the platform's roots", () => {
  const roots = rootCertificates.flatMap((pem) => decodePem(pem, "CERTIFICATE"));
  assert(roots.length > 100);
  assertEquals(usableRoots(roots).length, roots.length);
  assertEquals(usableRoots([Uint8Array.of(1), ...roots]).length, roots.length);
  for (const [i, certificate] of usableRoots(roots).entries()) {
    assertEquals(certificate.isAuthority ?? certificate.version < 3, true, `root ${i}`);
    assertEquals(certificate.unknownCritical, []);
  }
});

Deno.test("checkCertificateSignature() takes the signatures of the platform's roots, and no other", () => {
  const kinds = new Set<string>();
  for (const root of usableRoots(rootCertificates.flatMap((pem) => decodePem(pem, "CERTIFICATE")))) {
    const algorithm = strongAlgorithm(root.signatureAlgorithm);
    if (algorithm === undefined || hex(root.subject) !== hex(root.issuer)) continue;
    kinds.add(algorithm.kind);
    assert(checkCertificateSignature(algorithm, root.publicKey, root.signed, root.signature));
    assert(!checkCertificateSignature(algorithm, root.publicKey, root.signed.subarray(1), root.signature));
  }
  assert(kinds.has("rsa") && kinds.has("ecdsa"));
  assert(
    !checkCertificateSignature({ kind: "rsa", hash: "sha256" }, Uint8Array.of(1), new Uint8Array(), new Uint8Array()),
  );
});

/** How a certificate is signed; `undefined` when weakly. */
function strongAlgorithm(identifier: SignatureIdentifier): SignatureAlgorithm | undefined {
  try {
    return signatureAlgorithm(identifier, "Root");
  } catch {
    return undefined;
  }
}

Deno.test("checkKeyMatches() tells a wrong key", async () => {
  const [one, two] = [await leaf({}), await leaf({ kind: "ed25519" })];
  checkKeyMatches(provider, one.der, await signingKey(one));
  checkKeyMatches(provider, two.der, await signingKey(two));
  const key = await signingKey(two);
  assertThrows(() => checkKeyMatches(provider, one.der, key), TypeError, "certificate for localhost");
  assertThrows(() => checkKeyMatches(provider, one.der.subarray(1), key), TypeError, "malformed");
});

Deno.test("createTlsClient() asks the caller's verifier, or nobody", async () => {
  const seen: [number, string][] = [];
  const verify = (chain: readonly Uint8Array[], name: string) => void seen.push([chain.length, name]);
  shake(await pair({ verify, roots: [], serverName: "elsewhere.example" }));
  assertEquals(seen, [[1, "elsewhere.example"]]);
  shake(await pair({ verify: "insecure", roots: [], serverName: "elsewhere.example" }));
  const both = await pair({
    roots: [],
    verify: () => {
      throw new Error("Not this one");
    },
  });
  const error = assertThrows(() => shake(both), TlsAlert, "certificate was refused: Not this one");
  assertEquals(error.alert, 42);
  const own = await pair({
    verify: () => {
      throw new TlsAlert("unknown_ca", "Certificate unknown");
    },
  });
  assertEquals(assertThrows(() => shake(own), TlsAlert).alert, 48);
  const strict = await pair({ serverName: "elsewhere.example" });
  assertThrows(
    () => shake(strict),
    TlsAlert,
    "not valid for elsewhere.example: it is for localhost, *.example.com, 127.0.0.1",
  );
});
