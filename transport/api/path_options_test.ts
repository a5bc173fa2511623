import { assertEquals, assertThrows } from "@std/assert";
import { canonical, checkDescription, planPath, planPaths } from "./path_options.ts";
import type { QuicPathOptions } from "./path_types.ts";

Deno.test("planPath() reads local addresses with a port and without", () => {
  const cases: [string, string, number][] = [
    ["127.0.0.2", "127.0.0.2", 0],
    ["127.0.0.2:0", "127.0.0.2", 0],
    ["127.0.0.2:4433", "127.0.0.2", 4433],
    ["::1", "::1", 0],
    ["[::1]", "::1", 0],
    ["[::1]:443", "::1", 443],
    ["2001:DB8:0:0:0:0:0:1", "2001:db8::1", 0],
    ["fe80::1%eth0", "fe80::1%eth0", 0],
    ["::ffff:127.0.0.2", "127.0.0.2", 0],
  ];
  for (const [local, hostname, port] of cases) assertEquals(planPath({ local }).local, { hostname, port }, local);
});

Deno.test("planPath() reads remote addresses in both forms", () => {
  assertEquals(planPath({ remote: "example.com:443" }).remote, { hostname: "example.com", port: 443 });
  assertEquals(planPath({ remote: "[::1]:443" }).remote, { hostname: "::1", port: 443 });
  assertEquals(planPath({ remote: { hostname: "[::1]", port: 443 } }).remote, { hostname: "::1", port: 443 });
  assertEquals(planPath({ remote: "127.0.0.1:1" }).remote, { hostname: "127.0.0.1", port: 1 });
});

Deno.test("planPath() keeps what was said, and only that", () => {
  const { description, status } = planPath({ label: "cell", metered: true, status: "backup" });
  assertEquals([description, status], [{ label: "cell", metered: true }, "backup"]);
  assertEquals(planPath({}), { local: undefined, remote: undefined, description: {}, status: undefined });
});

Deno.test("planPaths() keeps the order", () => {
  const plans = planPaths([{ local: "127.0.0.2", label: "wifi" }, { local: "127.0.0.3" }]);
  assertEquals(plans.map(({ local, preference }) => [local?.hostname, preference]), [["127.0.0.2", 0], [
    "127.0.0.3",
    1,
  ]]);
});

Deno.test("planPaths() refuses what cannot be, and names it", () => {
  const wrong: [unknown, new (...args: string[]) => Error, string][] = [
    [{ local: "localhost" }, RangeError, '"paths"[1].local is "localhost": expected an IP address of this machine'],
    [{ local: "0.0.0.0" }, RangeError, '"paths"[1].local'],
    [{ local: "[::]:1" }, RangeError, '"paths"[1].local'],
    [{ local: "127.0.0.1:65536" }, RangeError, '"paths"[1].local has port 65536'],
    [{ local: "" }, RangeError, '"paths"[1].local'],
    [{ local: 5 }, TypeError, '"paths"[1].local is 5'],
    [{ remote: "127.0.0.1" }, TypeError, '"paths"[1].remote is "127.0.0.1": expected "host:port"'],
    [{ remote: "::1:443" }, TypeError, '"paths"[1].remote'],
    [{ remote: "127.0.0.1:0" }, RangeError, '"paths"[1].remote has port 0'],
    [{ remote: { hostname: "a", port: "443" } }, RangeError, '"paths"[1].remote has port "443"'],
    [{ remote: null }, TypeError, '"paths"[1].remote'],
    [{ label: 1 }, TypeError, '"paths"[1].label is 1: expected text'],
    [{ cost: -1 }, RangeError, '"paths"[1].cost is -1'],
    [{ cost: NaN }, RangeError, '"paths"[1].cost'],
    [{ cost: "1" }, RangeError, '"paths"[1].cost'],
    [{ metered: 1 }, TypeError, '"paths"[1].metered'],
    [{ budgetBytes: -1 }, RangeError, '"paths"[1].budgetBytes is -1: expected a number from 0'],
    [{ status: "standby" }, TypeError, '"paths"[1].status is "standby": expected "available" or "backup"'],
    [null, TypeError, '"paths"[1] is null: expected an object'],
  ];
  for (const [path, type, message] of wrong) {
    assertThrows(() => planPaths([{}, path as QuicPathOptions]), type, message);
  }
  assertThrows(() => planPath({ cost: -1 }), RangeError, '"cost" is -1');
  assertThrows(() => planPaths([]), RangeError, '"paths" is empty');
  assertThrows(
    () => planPaths("all" as unknown as QuicPathOptions[]),
    TypeError,
    '"paths" is "all": expected "auto" or a list',
  );
  const nothing = undefined as unknown as QuicPathOptions;
  assertThrows(() => checkDescription(nothing), TypeError, "Description is undefined: expected an object");
});

Deno.test("canonical() writes addresses as the system does, and nothing for names", () => {
  assertEquals(canonical("FE80:0::1%eth0"), "fe80::1%eth0");
  assertEquals(canonical("127.0.0.1"), "127.0.0.1");
  assertEquals(canonical("localhost"), "");
});
