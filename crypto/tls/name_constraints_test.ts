import { assert, assertEquals } from "@std/assert";
import { TlsAlert } from "./alerts.ts";
import { verifyChain } from "./certificates.ts";
import { authority, type Issued, leaf, x509 } from "./certificates_fixture_test.ts";
import { checkCertificateSignature } from "./certificates_node.ts";
import { NOW } from "./handshake_fixture_test.ts";
import { brokenConstraint } from "./name_constraints.ts";
import { parseServerName } from "./server_name.ts";
import { type Certificate, type GeneralName, type NameConstraints, NameType, parseCertificate } from "./x509.ts";

const text = (value: string) => new TextEncoder().encode(value);
const dns = (value: string): GeneralName => ({ type: NameType.dns, value: text(value) });
const ip = (...value: number[]): GeneralName => ({ type: NameType.ip, value: Uint8Array.from(value) });
const email = (value: string): GeneralName => ({ type: NameType.email, value: text(value) });
/** A common name, as the contents of a Name. */
const directory = (value: string): GeneralName => ({
  type: NameType.directory,
  value: Uint8Array.of(
    0x31,
    value.length + 9,
    0x30,
    value.length + 7,
    6,
    3,
    0x55,
    4,
    3,
    12,
    value.length,
    ...text(value),
  ),
});

/** Whether a certificate with those names, and an empty subject, keeps the constraints. */
function keeps(names: GeneralName[], constraints: Partial<NameConstraints>, subject?: GeneralName): boolean {
  const content = subject?.value ?? new Uint8Array();
  const certificate = { names, subject: Uint8Array.of(0x30, content.length, ...content) } as unknown as Certificate;
  return brokenConstraint({ permitted: [], excluded: [], ...constraints }, certificate, { left: 1000 }) === undefined;
}

Deno.test("brokenConstraint() takes host names within what is permitted", () => {
  const within = { permitted: [dns("Example.com"), dns(".sub.org")] };
  for (const name of ["example.com", "a.EXAMPLE.com", "a.b.example.com", "*.example.com", "x.sub.org", "*.sub.org"]) {
    assert(keeps([dns(name)], within), name);
  }
  for (const name of ["example.org", "badexample.com", "com", "*.com", "sub.org", ""]) {
    assert(!keeps([dns(name)], within), name);
  }
  assert(!keeps([dns("example.com"), dns("example.net")], within));
  assert(keeps([ip(1, 2, 3, 4)], within));
  assert(keeps([dns("any.where")], { permitted: [dns("")] }));
});

Deno.test("brokenConstraint() refuses host names that are excluded, by a star too", () => {
  const without = { excluded: [dns("bad.example.com")] };
  for (const name of ["bad.example.com", "a.bad.example.com", "*.bad.example.com", "*.example.com"]) {
    assert(!keeps([dns(name)], without), name);
  }
  for (const name of ["example.com", "good.example.com", "notbad.example.com"]) {
    assert(keeps([dns(name)], without), name);
  }
});

Deno.test("brokenConstraint() compares addresses with networks", () => {
  const network = ip(192, 0, 2, 0, 255, 255, 255, 0);
  assert(keeps([ip(192, 0, 2, 77)], { permitted: [network] }));
  assert(!keeps([ip(192, 0, 3, 77)], { permitted: [network] }));
  assert(!keeps([ip(192, 0, 2, 77)], { excluded: [network] }));
  assert(keeps([ip(192, 0, 3, 77)], { excluded: [network] }));
  assert(!keeps([ip(...new Uint8Array(16))], { permitted: [network] }));
  assert(!keeps([ip(192, 0, 2, 1)], { permitted: [ip(192, 0, 2, 0)] }));
});

Deno.test("brokenConstraint() compares the subject as a directory name", () => {
  const given = { permitted: [directory("Test")] };
  assert(keeps([], given));
  assert(keeps([], given, directory("Test")));
  assert(!keeps([], given, directory("Tess")));
  assert(!keeps([], { excluded: [directory("Test")] }, directory("Test")));
  assert(!keeps([directory("Other")], given));
});

Deno.test("brokenConstraint() refuses names of a kind that is constrained and not understood", () => {
  assert(!keeps([email("a@b.c")], { permitted: [email("b.c")] }));
  assert(!keeps([email("a@b.c")], { excluded: [email("x.y")] }));
  assert(keeps([dns("b.c")], { permitted: [email("b.c")], excluded: [email("x.y")] }));
});

Deno.test("brokenConstraint() ends when there is too much to compare", () => {
  const names = Array.from({ length: 100 }, (_, i) => dns(`${i}.example.com`));
  const certificate = { names, subject: Uint8Array.of(0x30, 0) } as unknown as Certificate;
  const constraints = {
    permitted: [],
    excluded: names.map(({ value }) => ({ type: NameType.dns, value: value.slice(1) })),
  };
  assertEquals(brokenConstraint(constraints, certificate, { left: 50 }) !== undefined, true);
});

/** NameConstraints with one permitted host name. */
function permits(host: string): x509.Extension {
  const base = [0x82, host.length, ...text(host)];
  const subtree = [0x30, base.length, ...base];
  const list = [0xa0, subtree.length, ...subtree];
  return new x509.Extension("2.5.29.30", true, Uint8Array.of(0x30, list.length, ...list).buffer);
}

Deno.test("verifyChain() keeps the name constraints of all authorities above", async () => {
  const top = await authority({ name: "CN=Top", extensions: [permits("example.com")] });
  assertEquals(parseCertificate(top.der).nameConstraints?.permitted, [dns("example.com")]);
  const narrow = await authority({ name: "CN=Narrow", issuer: top, extensions: [permits("a.example.com")] });
  const plain = await authority({ name: "CN=Plain", issuer: top });
  const check = async (issuer: Issued, name: string) => {
    const bottom = await leaf({ issuer, dns: [name] });
    const chain = [bottom.der, plain.der, narrow.der];
    const options = {
      roots: [top.der],
      name: parseServerName(name),
      time: NOW,
      checkSignature: checkCertificateSignature,
    };
    try {
      verifyChain(chain, options);
      return "kept";
    } catch (error) {
      assert(error instanceof TlsAlert && error.alert === 42);
      return error.message;
    }
  };
  assertEquals(await check(top, "x.example.com"), "kept");
  assertEquals(await check(plain, "x.example.com"), "kept");
  assertEquals(await check(narrow, "x.a.example.com"), "kept");
  assert((await check(plain, "example.org")).includes('beyond what "Top" may vouch for: host name "example.org"'));
  assert((await check(narrow, "b.example.com")).includes('beyond what "Narrow" may vouch for'));
});
