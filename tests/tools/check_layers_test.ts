import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { checkLayers, matches, readProject, type Rules, type Violation } from "./check_layers.ts";

const project = await readProject(new URL("../../", import.meta.url));
const rules: Rules = {
  ...project.rules,
  exports: {
    ".": "./mod.ts",
    "./schedulers": "./schedulers/mod.ts",
    "./recovery": "./recovery/mod.ts",
    "./testing": "./tests/kit/mod.ts",
  },
};

function check(files: Record<string, string>): Violation[] {
  return checkLayers(new Map(Object.entries(files)), rules);
}

/** Expects exactly these violations, as `rule file:line`. */
function expect(files: Record<string, string>, expected: string[]): void {
  assertEquals(check(files).map((v) => `${v.rule} ${v.file}:${v.line}`), expected);
}

Deno.test("checkLayers() accepts what the table allows", () => {
  expect({
    "mod.ts": 'export * from "./transport/api/conn.ts";',
    "transport/api/conn.ts": 'import { C } from "../connection/c.ts"; const x = Date.now();',
    "transport/connection/c.ts": 'import type { V } from "../../schedulers/s.ts"; export class C {}',
    "schedulers/s.ts": 'import { f } from "./f.ts"; // Date.now() and await are only words here',
    "schedulers/f.ts": 'export const f = "setTimeout";',
    "schedulers/f_test.ts":
      'import { assert } from "@std/assert"; import { C } from "../transport/connection/c.ts"; await 0;',
    "tests/connection/x_test.ts": 'import { assert } from "@std/assert"; import "../../mod.ts";',
    "plugins/p/mod.ts": 'import type { S } from "@multipath/quic/schedulers"; import "./own.ts";',
    "plugins/p/own.ts": 'import { appendFile } from "node:fs/promises"; await appendFile("x", "y");',
    "plugins/p/mod_test.ts": 'import { assert } from "@std/assert"; import "@multipath/quic/testing";',
  }, []);
});

Deno.test("checkLayers() refuses an import against the layers", () => {
  expect({ "recovery/a.ts": 'import { b } from "../schedulers/b.ts";', "schedulers/b.ts": "" }, [
    "layer recovery/a.ts:1",
  ]);
  expect({ "transport/wire/a.ts": '\nexport type { B } from "../base/b.ts";' }, ["layer transport/wire/a.ts:2"]);
  expect({ "transport/connection/a.ts": 'import "../io/driver.ts";' }, ["layer transport/connection/a.ts:1"]);
  expect({ "cli/mod.ts": 'import "../transport/connection/connection.ts";' }, ["layer cli/mod.ts:1"]);
  expect({ "recovery/a.ts": 'import "../crypto/node_provider.ts";' }, ["layer recovery/a.ts:1"]);
});

Deno.test("checkLayers() refuses the same through the package's own name", () => {
  expect({ "recovery/a.ts": 'import { fastest } from "@multipath/quic/schedulers";' }, ["layer recovery/a.ts:1"]);
});

Deno.test("checkLayers() lets types through where only types are allowed", () => {
  expect({ "transport/paths/a.ts": 'import type { V } from "../../schedulers/s.ts";' }, []);
  expect({ "transport/paths/a.ts": 'import { V } from "../../schedulers/s.ts";' }, ["layer transport/paths/a.ts:1"]);
});

Deno.test("checkLayers() refuses a file of no layer", () => {
  expect({ "somewhere/a.ts": "" }, ["layer somewhere/a.ts:0"]);
});

Deno.test("checkLayers() refuses packages that a layer does not list", () => {
  expect({ "recovery/a.ts": 'import { x } from "@noble/hashes/utils.js";' }, ["package recovery/a.ts:1"]);
  expect({ "transport/base/a.ts": 'import { x } from "node:crypto";' }, ["package transport/base/a.ts:1"]);
  expect({ "crypto/a.ts": 'import { x } from "@noble/hashes/utils.js";' }, []);
});

Deno.test("checkLayers() refuses cycles, across layers and inside one", () => {
  const [inside] = check({
    "recovery/a.ts": 'import "./b.ts";',
    "recovery/b.ts": 'import type { C } from "./c.ts";',
    "recovery/c.ts": 'import "./a.ts";',
    "recovery/d.ts": 'import "./a.ts";',
  });
  assertEquals(inside?.rule, "cycle");
  assertEquals(inside?.message, "Import cycle: recovery/a.ts > recovery/b.ts > recovery/c.ts > recovery/a.ts");
  expect({ "recovery/a.ts": 'import "./a.ts";' }, ["cycle recovery/a.ts:0"]);
  const across = check({
    "transport/base/a.ts": 'import "../wire/b.ts";',
    "transport/wire/b.ts": 'export * from "../base/a.ts";',
  });
  assertEquals(across.map((v) => v.rule).sort(), ["cycle", "layer"]);
});

Deno.test("checkLayers() refuses files over 500 lines, tests too", () => {
  const long = "x;\n".repeat(501);
  expect({ "recovery/a.ts": long, "recovery/a_test.ts": long, "recovery/b.ts": "x;\n".repeat(500) }, [
    "size recovery/a.ts:0",
    "size recovery/a_test.ts:0",
  ]);
  expect({ "offline/std_assert/mod.d.ts": long }, []);
});

Deno.test("checkLayers() refuses test packages outside tests", () => {
  expect({ "recovery/a.ts": 'import { assert } from "@std/assert";' }, ["test-only recovery/a.ts:1"]);
  expect({ "tests/kit/a.ts": 'import { assert } from "jsr:@std/assert@^1/equals";' }, ["test-only tests/kit/a.ts:1"]);
  expect({ "cli/a.ts": 'import fc from "npm:fast-check@4";' }, ["test-only cli/a.ts:1"]);
  expect({ "plugins/p/mod.ts": 'import { assert } from "@std/assert";' }, ["test-only plugins/p/mod.ts:1"]);
  expect({ "tests/kit/a_test.ts": 'import { assert } from "@std/assert";' }, []);
});

Deno.test("checkLayers() refuses every impure word in a pure layer", () => {
  const uses = [
    "Date.now()",
    'Date["now"]()',
    "new Date()",
    "performance.now()",
    "Math.random()",
    "setTimeout(f, 1)",
    "setInterval(f, 1)",
    "queueMicrotask(f)",
    "crypto.subtle.digest(a, b)",
    "crypto.getRandomValues(a)",
    "globalThis.Date",
    "Deno.readFileSync(a)",
    "`${Math.random()}`",
  ];
  for (const use of uses) {
    expect({ "transport/wire/a.ts": `// ${use}\nexport const a = ${use};` }, ["impure transport/wire/a.ts:2"]);
  }
  expect({ "recovery/a.ts": "async function f() {\n await 0; }" }, [
    "impure recovery/a.ts:1",
    "impure recovery/a.ts:2",
  ]);
});

Deno.test("checkLayers() knows which files may be impure", () => {
  expect({ "crypto/node_provider.ts": "Date.now();", "crypto/asymmetric.ts": "Deno.x;" }, []);
  expect({ "crypto/key_ring.ts": "Date.now();" }, ["impure crypto/key_ring.ts:1"]);
  expect({ "transport/io/clock.ts": "performance.now();", "cli/a.ts": "await 0;" }, []);
  // The kit may be asynchronous but has no clock and no dice of its own.
  expect({ "tests/kit/world.ts": "await 0;\nMath.random();" }, ["impure tests/kit/world.ts:2"]);
  expect({ "recovery/a.ts": "new Date(0); this.performance.now(); x.async;" }, []);
});

Deno.test("checkLayers() keeps plugins to the public exports", () => {
  expect({ "plugins/p/mod.ts": 'import { x } from "../../recovery/mod.ts";' }, ["plugin plugins/p/mod.ts:1"]);
  expect({ "plugins/p/mod_test.ts": 'import { x } from "../../recovery/mod.ts";' }, ["plugin plugins/p/mod_test.ts:1"]);
  expect({ "plugins/p/mod.ts": 'import { x } from "../q/mod.ts";' }, ["plugin plugins/p/mod.ts:1"]);
  expect({ "plugins/p/mod.ts": 'import { x } from "@multipath/quic/recovery/rtt.ts";' }, ["plugin plugins/p/mod.ts:1"]);
  expect({ "plugins/p/mod.ts": 'import { x } from "/work/recovery/mod.ts";' }, ["plugin plugins/p/mod.ts:1"]);
  expect({ "plugins/p/mod.ts": 'import { x } from "@noble/hashes/utils.js";' }, ["plugin plugins/p/mod.ts:1"]);
});

Deno.test("matches() keeps one star within a folder", () => {
  assert(matches("crypto/node_provider.ts", "crypto/*_provider.ts"));
  assert(!matches("crypto/x/node_provider.ts", "crypto/*_provider.ts"));
  assert(matches("a/b/c_test.ts", "**_test.ts"));
  assert(!matches("a/b/c_testxts", "**_test.ts"));
});

Deno.test("layers.json names only folders that the project has, or will have under names of the plan", () => {
  for (const layer of project.rules.layers) {
    for (const path of [...layer.imports, ...(layer.typeImports ?? [])]) {
      const known = project.rules.layers.some((l) => path.startsWith(l.path) || l.path.startsWith(path));
      assert(known, `${layer.path} imports ${path}, which is in no layer`);
    }
  }
  assertStringIncludes(JSON.stringify(project.rules.impure), "crypto/");
});

Deno.test("the command exits with 1 and names file, line and rule", async () => {
  const root = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${root}/tests/tools`, { recursive: true });
    await Deno.mkdir(`${root}/recovery`);
    for (const name of ["check_layers.ts", "tokens.ts", "layers.json"]) {
      await Deno.copyFile(new URL(name, import.meta.url), `${root}/tests/tools/${name}`);
    }
    await Deno.writeTextFile(`${root}/deno.json`, '{ "exports": {} }');
    await Deno.writeTextFile(`${root}/recovery/a.ts`, "export const a = 1;\nexport const b = Math.random();\n");
    const command = new Deno.Command(Deno.execPath(), {
      args: ["run", `--allow-read=${root}`, `${root}/tests/tools/check_layers.ts`],
      env: { NO_COLOR: "1" },
    });
    const { code, stderr } = await command.output();
    assertEquals(code, 1);
    assertStringIncludes(new TextDecoder().decode(stderr), "recovery/a.ts:2: [impure] Math.random in a pure layer");
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});
