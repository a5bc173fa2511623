/** The test of `README.md`, in a folder of its own, against what the package exports, without any permission. */
import { assert, assertStringIncludes } from "@std/assert";
import { codeBelow, codeLines, FreshFolder } from "./fresh_folder.ts";

Deno.test("README.md's test of a network is short, and passes in a fresh folder without permissions", async () => {
  const [code = ""] = await codeBelow("README.md", "A network in a test", "ts");
  const { length } = codeLines(code);
  assert(length > 0 && length <= 15, `${length} lines: expected 1 to 15`);
  await using folder = await FreshFolder.with({ "download_test.ts": code });
  assertStringIncludes(await folder.deno("test", "--no-prompt"), "1 passed | 0 failed");
});
