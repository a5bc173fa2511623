/** The first plugin of `schedulers/README.md`, taken from there: ten lines, the rules, and its promise. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { codeBelow, codeLines, FreshFolder } from "./fresh_folder.ts";

const FIRST = "A first one, in ten lines";

const PROMISE = `
import { assertEquals } from "@std/assert";
import { connectionView, pathView, workOf } from "@multipath/quic/testing";
import wifiFirst from "./wifi_first.ts";

Deno.test("wifiFirst() uses Wi-Fi as long as it has room", () => {
  const paths = [pathView(0, { label: "cell", srtt: 5 }), pathView(1, { label: "wifi" })];
  assertEquals(wifiFirst().schedule(workOf(), connectionView(paths)).path, 1);
  paths[1]!.room = 0;
  assertEquals(wifiFirst().schedule(workOf(), connectionView(paths)).path, 0);
});
`;

Deno.test("schedulers/README.md's first plugin is short, passes the rules, and does what it says", async () => {
  const [plugin = "", rules = ""] = await codeBelow("schedulers/README.md", FIRST, "ts");
  const statements = codeLines(plugin).filter((line) => !/^import |^\s*[})\];,]+$/.test(line));
  assert(statements.length <= 10, `${statements.length} lines: expected at most 10`);
  await using folder = await FreshFolder.with({
    "wifi_first.ts": plugin,
    "rules_test.ts": rules,
    "promise_test.ts": PROMISE,
  });
  const printed = await folder.deno("test", "--no-prompt");
  assertStringIncludes(printed, "13 passed | 0 failed");
  assertEquals(printed.includes("wifiFirst() uses Wi-Fi as long as it has room"), true);
});
