import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "node:path";
import { openOutput } from "./output_file.ts";

const TEXT = new TextEncoder().encode("all of it");

async function inDirectory(use: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "mpquic-test-" });
  try {
    await use(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

function names(directory: string): string[] {
  return [...Deno.readDirSync(directory)].map(({ name }) => name).sort();
}

Deno.test("openOutput() gives the file its name when it is complete", async () => {
  await inDirectory(async (directory) => {
    const output = await openOutput(join(directory, "file"));
    await output.write(TEXT);
    assert(!names(directory).includes("file"));
    await output.commit();
    output.discard();
    assertEquals(names(directory), ["file"]);
    assertEquals(await Deno.readFile(join(directory, "file")), TEXT);
  });
});

Deno.test("openOutput() leaves nothing when it is discarded, and what was there as it was", async () => {
  await inDirectory(async (directory) => {
    await Deno.writeTextFile(join(directory, "old"), "old");
    for (const name of ["new", "old"]) {
      const output = await openOutput(join(directory, name));
      await output.write(TEXT);
      output.discard();
      output.discard();
      await assertRejects(() => output.commit());
    }
    assertEquals(names(directory), ["old"]);
    assertEquals(await Deno.readTextFile(join(directory, "old")), "old");
  });
});

Deno.test("openOutput() names a folder that is not there", async () => {
  await inDirectory(async (directory) => {
    const folder = join(directory, "lost");
    await assertRejects(() => openOutput(join(folder, "file")), Deno.errors.NotFound, `there is no folder "${folder}"`);
  });
});

Deno.test("openOutput() replaces what was there, through links", async () => {
  await inDirectory(async (directory) => {
    await Deno.mkdir(join(directory, "sub"));
    await Deno.writeTextFile(join(directory, "sub/file"), "old, and longer than the new one");
    await Deno.symlink("sub/file", join(directory, "link"));
    const output = await openOutput(join(directory, "link"));
    await output.write(TEXT);
    await output.commit();
    assertEquals(await Deno.readFile(join(directory, "sub/file")), TEXT);
    assert((await Deno.lstat(join(directory, "link"))).isSymlink);
    assertEquals(names(join(directory, "sub")), ["file"]);
  });
});

Deno.test("openOutput() refuses a directory and a place that is not there", async () => {
  await inDirectory(async (directory) => {
    await assertRejects(() => openOutput(directory), Deno.errors.IsADirectory);
    await assertRejects(() => openOutput(join(directory, "no/file")), Deno.errors.NotFound);
    assertEquals(names(directory), []);
  });
});

Deno.test({
  name: "openOutput() writes to a device as it is",
  ignore: Deno.build.os === "windows",
  async fn() {
    const output = await openOutput("/dev/null");
    await output.write(TEXT);
    await output.commit();
    assert((await Deno.stat("/dev/null")).isCharDevice);
  },
});
