import { assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "./errors.ts";
import { formatHostPort, parseHostPort } from "./where.ts";

Deno.test("parseHostPort() reads both families and names", () => {
  assertEquals(parseHostPort("127.0.0.1:4433", "--listen"), { hostname: "127.0.0.1", port: 4433 });
  assertEquals(parseHostPort("[::1]:0", "--listen"), { hostname: "::1", port: 0 });
  assertEquals(parseHostPort("localhost:65535", "--listen"), { hostname: "localhost", port: 65_535 });
});

Deno.test("parseHostPort() refuses what is not HOST:PORT, by name", () => {
  for (
    const wrong of ["", "4433", ":4433", "::1:4433", "host:", "host:65536", "host:-1", "[::1]", "a b:1:2", "h:1.5"]
  ) {
    assertThrows(() => parseHostPort(wrong, "--listen"), UsageError, `--listen is "${wrong}"`);
  }
});

Deno.test("formatHostPort() is the inverse", () => {
  for (const text of ["127.0.0.1:4433", "[::1]:1", "localhost:0"]) {
    assertEquals(formatHostPort(parseHostPort(text, "x")), text);
  }
});
