import { assertEquals } from "@std/assert";
import { canReach, ipVersion, isLoopback, isWildcard, mapped, unmapped, withoutBrackets } from "./ip.ts";

Deno.test("ipVersion() tells the families apart and refuses everything else", () => {
  for (const four of ["0.0.0.0", "127.0.0.1", "255.255.255.255", "1.2.3.4"]) assertEquals(ipVersion(four), 4, four);
  for (const six of ["::", "::1", "fe80::1%eth0", "2001:db8::7", "::ffff:1.2.3.4"]) {
    assertEquals(ipVersion(six), 6, six);
  }
  const neither = [
    "",
    "localhost",
    "1.2.3",
    "1.2.3.4.5",
    "256.1.1.1",
    "1.2.3.4.",
    ":",
    ":::",
    "12345::",
    "fe80::g",
    "a:b",
  ];
  for (const other of neither) assertEquals(ipVersion(other), 0, other);
});

Deno.test("mapped() and unmapped() are inverse for IPv4 and leave IPv6 alone", () => {
  assertEquals(mapped("10.0.0.1"), "::ffff:10.0.0.1");
  assertEquals(unmapped(mapped("10.0.0.1")), "10.0.0.1");
  assertEquals(mapped("::1"), "::1");
  assertEquals(unmapped("2001:db8::1"), "2001:db8::1");
  assertEquals(unmapped("::ffff:abcd"), "::ffff:abcd");
});

Deno.test("isLoopback(), isWildcard(), withoutBrackets() know their addresses", () => {
  assertEquals(["127.0.0.1", "127.9.9.9", "::1"].map(isLoopback), [true, true, true]);
  assertEquals(["128.0.0.1", "127.example", "::"].map(isLoopback), [false, false, false]);
  assertEquals(["::", "0.0.0.0", "127.0.0.1"].map(isWildcard), [true, true, false]);
  assertEquals([withoutBrackets("[::1]"), withoutBrackets("127.0.0.1")], ["::1", "127.0.0.1"]);
});

Deno.test("canReach() wants the same family or a socket for both", () => {
  assertEquals(canReach("127.0.0.1", "127.0.0.2"), true);
  assertEquals(canReach("0.0.0.0", "127.0.0.2"), true);
  assertEquals(canReach("127.0.0.1", "::1"), false);
  assertEquals(canReach("::", "127.0.0.1"), true);
  assertEquals(canReach("::1", "127.0.0.1"), false);
});
