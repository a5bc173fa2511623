import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { Child } from "./child.ts";
import { CommandError } from "./errors.ts";
import { loadScheduler, schedulerSource } from "./scheduler_option.ts";

const GOOD = '() => ({ name: "mine", schedule: () => ({ path: -1, copies: [] }) });';
const SCENARIO = fileURLToPath(new URL("../tests/scenarios/basic.json", import.meta.url));

async function inDirectory(use: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "mpquic-test-" });
  try {
    await use(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("schedulerSource() tells files from packages", () => {
  for (const package_ of ["jsr:@scope/name@^1", "npm:name", "https://example.com/mod.ts", "@scope/name", "name/part"]) {
    assertEquals(schedulerSource(package_), { specifier: package_, title: package_, name: undefined });
  }
  assertEquals(schedulerSource("jsr:@scope/name#other").name, "other");
  for (const file of ["./mine.ts", "../mine", "/mine.js", "mine.ts", "folder/mine.mjs", "./mine.ts#other"]) {
    const { specifier, title, name } = schedulerSource(file);
    assertEquals(specifier, pathToFileURL(title).href);
    assertEquals(name, file.endsWith("#other") ? "other" : undefined);
  }
});

Deno.test("loadScheduler() loads a module that makes one, and tells of any other in one line", async () => {
  await inDirectory(async (directory) => {
    const good = join(directory, "good.ts");
    await Deno.writeTextFile(good, `export const second = ${GOOD}\nexport const limit = 3; export default ${GOOD}`);
    for (const text of [good, `${good}#second`]) assertEquals(typeof await loadScheduler(text), "function");
    await assertRejects(() => loadScheduler(`${good}#limit`), CommandError, "that is a function, and it is a number");
    await assertRejects(
      () => loadScheduler(`${good}#third`),
      CommandError,
      "and it is missing; it has #default, #second",
    );
    const bad: [string, string][] = [
      ["export const scheduler = 1;", "expected a default export that is a function, and it is missing"],
      [`export const mine = ${GOOD}`, "and it is missing; it has #mine"],
      ["export default 7;", "and it is a number"],
      ["export default () => 7;", 'an object with "name" and "schedule"'],
      ["export default () => { throw new Error('no'); };", "its function throws: no"],
      ["export default (", "Cannot load the scheduler"],
      ['import "./lost.ts"; export default 1;', "lost.ts"],
      ['import "lost"; export default 1;', '"lost"'],
      ["export default {};", "and it is an object"],
      ["export default class Mine {}", "it is a class: expected a function that returns"],
    ];
    for (const [i, [text, message]] of bad.entries()) {
      const file = join(directory, `bad${i}.ts`);
      await Deno.writeTextFile(file, text);
      await assertRejects(() => loadScheduler(file), CommandError, message);
    }
    await assertRejects(() => loadScheduler(join(directory, "none.ts")), CommandError, "there is no such file");
    const nowhere = '"@nobody/nothing": there is no such file, and the import map has no such name';
    await assertRejects(() => loadScheduler("@nobody/nothing"), CommandError, nowhere);
  });
});

Deno.test("mpquic sim takes a scheduler by the name of a package", async () => {
  await inDirectory(async (directory) => {
    await Deno.mkdir(join(directory, "mine"));
    const text = `export default () => ({
      name: "by-name",
      schedule: (_work, view) => ({ path: view.paths[0].room > 0 ? view.paths[0].id : -1, copies: [] }),
    });`;
    await Deno.writeTextFile(join(directory, "mine/mod.ts"), text);
    const child = new Child(["sim", SCENARIO, "--scheduler", "@test/mine", "--json"], {
      stderr: "piped",
      runtime: ["--import-map", await importMap(directory, { "@test/mine": "./mine/mod.ts" })],
    });
    assertEquals(await child.end(), 0, child.stderr);
    const { client, server } = JSON.parse(child.stdout);
    assertEquals([client, server], ["by-name", "by-name"]);
  });
});

/** The project's import map with more in it. */
async function importMap(directory: string, more: Record<string, string>): Promise<string> {
  const root = new URL("../", import.meta.url);
  const { name, exports, imports } = JSON.parse(await Deno.readTextFile(new URL("deno.json", root)));
  const all: Record<string, string> = { ...more };
  for (const [key, value] of Object.entries(imports as Record<string, string>)) {
    all[key] = value;
    all[`${key}/`] = `${value.replace(":", ":/")}/`;
  }
  for (const [key, value] of Object.entries(exports as Record<string, string>)) {
    all[name + key.slice(1)] = new URL(value, root).href;
  }
  const path = join(directory, "import_map.json");
  await Deno.writeTextFile(path, JSON.stringify({ imports: all }));
  return path;
}

Deno.test("mpquic get, serve and sim say what is wrong with a scheduler, before anything else happens", async () => {
  await inDirectory(async (directory) => {
    const file = join(directory, "mine.ts");
    await Deno.writeTextFile(file, "export default 1;");
    const commands: [string[], number][] = [
      [["get", "https://127.0.0.1:9/x", "-o", join(directory, "out")], 1],
      [["serve", "--listen", "127.0.0.1:0", "--root", directory], 1],
      [["sim", SCENARIO], 2],
    ];
    await Promise.all(commands.map(async ([args, code]) => {
      const child = new Child([...args, "--scheduler", file], { stderr: "piped" });
      assertEquals(await child.end(), code);
      assertStringIncludes(child.stderr, `"${file}" is no scheduler: expected a default export that is a function`);
    }));
    const child = new Child(["sim", SCENARIO, "--scheduler", file], {
      stderr: "piped",
      runtime: [`--deny-read=${directory}`],
    });
    assertEquals(await child.end(), 2);
    assertStringIncludes(child.stderr, `Cannot load the scheduler "${file}": `);
    assertStringIncludes(child.stderr, "read access");
  });
});
