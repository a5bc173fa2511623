/** The test of `README.md`, in a folder of its own, against what the package exports, without any permission. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";

const root = new URL("../../", import.meta.url);

/** The code of the section, as it stands there. */
async function readmeTest(): Promise<string> {
  const readme = await Deno.readTextFile(new URL("README.md", root));
  const section = readme.split("\n## ").find((part) => part.startsWith("A network in a test\n"));
  const code = section?.match(/```ts\n([\s\S]*?)```/)?.[1];
  assert(code !== undefined, 'README.md has no code under "A network in a test"');
  return code;
}

Deno.test("README.md's test of a network is short, and passes in a fresh folder without permissions", async () => {
  const code = await readmeTest();
  const lines = code.split("\n").filter((line) => line.trim() !== "");
  assert(lines.length <= 15, `${lines.length} lines: expected at most 15`);
  const folder = await Deno.makeTempDir();
  try {
    const path = (member: string): string => decodeURIComponent(new URL(member, root).pathname);
    await Deno.writeTextFile(
      `${folder}/deno.json`,
      JSON.stringify({
        imports: { "@multipath/quic": "jsr:@multipath/quic@^0.1.0", "@std/assert": "jsr:@std/assert@^1" },
        links: [path("."), path("offline/std_assert")],
      }),
    );
    await Deno.writeTextFile(`${folder}/download_test.ts`, code);
    const command = new Deno.Command(Deno.execPath(), {
      args: ["test", "--no-prompt"],
      cwd: folder,
      env: { NO_COLOR: "1" },
    });
    const { code: status, stdout, stderr } = await command.output();
    const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
    assertEquals(status, 0, `${out}\n${err}`);
    assertStringIncludes(out ?? "", "1 passed | 0 failed");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
