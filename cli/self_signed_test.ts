import { assert, assertEquals } from "@std/assert";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { selfSigned } from "./self_signed.ts";

Deno.test("selfSigned() makes an end-entity certificate for the names, and its key", async () => {
  const { cert, key } = await selfSigned(["localhost", "127.0.0.1", "::1"]);
  const parsed = new X509Certificate(cert);
  assert(!parsed.ca);
  assertEquals(parsed.checkHost("localhost"), "localhost");
  assertEquals(parsed.checkHost("example.com"), undefined);
  assertEquals(parsed.checkIP("127.0.0.1"), "127.0.0.1");
  assert(parsed.subjectAltName?.includes("IP Address"));
  assert(parsed.verify(parsed.publicKey));
  assert(parsed.checkPrivateKey(createPrivateKey(key)));
  const days = (parsed.validToDate.getTime() - parsed.validFromDate.getTime()) / 86_400_000;
  assert(days <= 14 && parsed.validFromDate.getTime() < Date.now());
});
