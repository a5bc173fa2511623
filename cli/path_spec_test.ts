import { assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "./errors.ts";
import { parsePath, parsePaths } from "./path_spec.ts";

Deno.test("parsePath() reads an address and what is said of it", () => {
  assertEquals(parsePath("127.0.0.1"), { local: "127.0.0.1" });
  assertEquals(parsePath("127.0.0.1:5000,label=wifi"), { local: "127.0.0.1:5000", label: "wifi" });
  assertEquals(parsePath("::1,backup,metered"), { local: "::1", status: "backup", metered: true });
  assertEquals(parsePath("[::1]:50,cost=1.5,remote=[::1]:443"), {
    local: "[::1]:50",
    cost: 1.5,
    remote: { hostname: "::1", port: 443 },
  });
  assertEquals(parsePath("127.0.0.1,budget=1.5MB"), { local: "127.0.0.1", budgetBytes: 1_500_000 });
  assertEquals(parsePath("10.0.0.1,remote=example.com:443").remote, { hostname: "example.com", port: 443 });
});

Deno.test("parsePaths() knows auto, which stands alone", () => {
  assertEquals(parsePaths([]), undefined);
  assertEquals(parsePaths(["auto"]), "auto");
  assertEquals(parsePaths(["127.0.0.1", "127.0.0.2"]), [{ local: "127.0.0.1" }, { local: "127.0.0.2" }]);
  assertThrows(() => parsePaths(["127.0.0.1", "auto"]), UsageError, "no other --path");
});

Deno.test("parsePaths() refuses a path that is there already", () => {
  assertThrows(() => parsePaths(["127.0.0.1", "127.0.0.1"]), UsageError, '--path "127.0.0.1" is given twice: expected');
  const [short, long] = ["::1,label=a", "0:0:0:0:0:0:0:1"];
  assertThrows(() => parsePaths([short, long]), UsageError, `--path "${short}" and "${long}" are one path`);
  assertThrows(() => parsePaths(["127.0.0.1:5", "127.0.0.1:5,label=a"]), UsageError, "are one path");
  const apart = ["127.0.0.1:5", "127.0.0.1:6", "127.0.0.1", "127.0.0.1,remote=127.0.0.1:7", "127.0.0.2"];
  assertEquals(parsePaths(apart)?.length, apart.length);
});

const WRONG: readonly (readonly [string, string])[] = [
  ["", 'begins with ""'],
  ["wlan0", 'begins with "wlan0": expected an IP address of this machine'],
  ["0.0.0.0", 'begins with "0.0.0.0"'],
  ["127.0.0.1:70000", 'begins with "127.0.0.1:70000"'],
  ["127.0.0.1,labl=x", 'has "labl", did you mean "label"?'],
  ["127.0.0.1,", 'has ""'],
  ["127.0.0.1,label=", 'gives "label" no value'],
  ["127.0.0.1,remote", 'gives "remote" no value'],
  ["127.0.0.1,remote=nowhere", 'The remote of --path "127.0.0.1,remote=nowhere" is "nowhere"'],
  ["127.0.0.1,remote=127.0.0.1:0", "has port 0"],
  ["127.0.0.1,cost=much", 'has the cost "much"'],
  ["127.0.0.1,cost=-1", 'has the cost "-1": expected a number from 0'],
  ["127.0.0.1,budget=", 'gives "budget" no value'],
  ["127.0.0.1,budget=lots", 'has the budget "lots": expected bytes such as'],
  ["127.0.0.1,budget=10MiB", 'has the budget "10MiB"'],
  ["127.0.0.1,backup=yes", 'gives "backup" a value'],
  ["127.0.0.1,cost=1,cost=2", 'has "cost" twice'],
];

for (const [text, message] of WRONG) {
  Deno.test(`parsePath() refuses "${text}" and says why`, () => {
    assertThrows(() => parsePath(text), UsageError, message);
  });
}
