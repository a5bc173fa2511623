import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { join } from "node:path";
import { DocumentRoot, segmentsOf } from "./document_root.ts";
import { HqError, HqErrorCode } from "./hq.ts";

async function withRoot(use: (root: DocumentRoot, directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "mpquic-test-" });
  try {
    await Deno.mkdir(join(directory, "root/sub"), { recursive: true });
    await Deno.writeTextFile(join(directory, "secret.txt"), "secret");
    await Deno.writeTextFile(join(directory, "root/a b.txt"), "1234");
    await Deno.writeTextFile(join(directory, "root/sub/%2e"), "odd");
    await Deno.mkdir(join(directory, "root-twin"));
    await Deno.writeTextFile(join(directory, "root-twin/x"), "twin");
    await use(await DocumentRoot.open(join(directory, "root")), directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

async function codeOf(root: DocumentRoot, target: string): Promise<number> {
  return (await assertRejects(() => root.find(target), HqError)).code;
}

Deno.test("DocumentRoot.find() finds files by decoded names, without the query", async () => {
  await withRoot(async (root) => {
    assertEquals(await root.find("/a%20b.txt?v=1"), { path: join(root.path, "a b.txt"), size: 4 });
    assertEquals((await root.find("//sub/./%252e")).size, 3);
  });
});

Deno.test("DocumentRoot.find() refuses every way out of the root", async () => {
  await withRoot(async (root) => {
    for (
      const target of [
        "/../secret.txt",
        "/sub/../../secret.txt",
        "/..",
        "/%2e%2e/secret.txt",
        "/%2E./secret.txt",
        "/..%2fsecret.txt",
        "/sub%2f..%2f..%2fsecret.txt",
        "/..\\secret.txt",
        "/%5c..%5csecret.txt",
        "/a%20b.txt%00.png",
        "/..?x",
      ]
    ) {
      assertEquals(await codeOf(root, target), HqErrorCode.REFUSED, target);
    }
    // Decoded once and not twice: a name that nothing has.
    assertEquals(await codeOf(root, "/%252e%252e/secret.txt"), HqErrorCode.NOT_FOUND);
    assertEquals(await codeOf(root, "/%252e%252e%252fsecret.txt"), HqErrorCode.NOT_FOUND);
  });
});

Deno.test({
  name: "DocumentRoot.find() follows links inside the root and refuses those out of it",
  ignore: Deno.build.os === "windows",
  async fn() {
    await withRoot(async (root, directory) => {
      await Deno.symlink(join(directory, "secret.txt"), join(root.path, "out"));
      await Deno.symlink("../../secret.txt", join(root.path, "sub/out"));
      await Deno.symlink("..", join(root.path, "up"));
      await Deno.symlink(join(directory, "root-twin/x"), join(root.path, "twin"));
      await Deno.symlink("loop", join(root.path, "loop"));
      await Deno.symlink("a b.txt", join(root.path, "in"));
      for (const target of ["/out", "/sub/out", "/up/secret.txt", "/twin", "/up"]) {
        assertEquals(await codeOf(root, target), HqErrorCode.REFUSED, target);
      }
      assertEquals(await codeOf(root, "/loop"), HqErrorCode.NOT_FOUND);
      assertEquals((await root.find("/in")).path, join(root.path, "a b.txt"));
    });
  },
});

Deno.test("DocumentRoot.find() tells what is missing from what is no file", async () => {
  await withRoot(async (root) => {
    assertEquals(await codeOf(root, "/missing"), HqErrorCode.NOT_FOUND);
    assertEquals(await codeOf(root, "/a%20b.txt/below"), HqErrorCode.NOT_FOUND);
    assertEquals(await codeOf(root, `/${"n".repeat(5000)}`), HqErrorCode.NOT_FOUND);
    assertEquals(await codeOf(root, "/"), HqErrorCode.REFUSED);
    assertEquals(await codeOf(root, "/sub/"), HqErrorCode.REFUSED);
    assertEquals(await codeOf(root, "/%ff"), HqErrorCode.BAD_REQUEST);
    assertEquals(await codeOf(root, "/%zz"), HqErrorCode.BAD_REQUEST);
  });
});

Deno.test({
  name: "DocumentRoot.find() does not wait for a pipe",
  ignore: Deno.build.os === "windows",
  async fn() {
    await withRoot(async (root) => {
      assert((await new Deno.Command("mkfifo", { args: [join(root.path, "pipe")] }).output()).success);
      assertEquals(await codeOf(root, "/pipe"), HqErrorCode.REFUSED);
    });
  },
});

Deno.test("DocumentRoot.open() wants a directory", async () => {
  await withRoot(async (_, directory) => {
    await assertRejects(() => DocumentRoot.open(join(directory, "secret.txt")), Deno.errors.NotADirectory);
    await assertRejects(() => DocumentRoot.open(join(directory, "nowhere")), Deno.errors.NotFound);
  });
});

Deno.test("segmentsOf() leaves out what says nothing", () => {
  assertEquals(segmentsOf("/a//b/./c/"), ["a", "b", "c"]);
  assertEquals(segmentsOf("/"), []);
  assertThrows(() => segmentsOf("/a/.."), HqError);
});
