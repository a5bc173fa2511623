/**
 * Runs `deno doc --lint` on every public export of the core package and of the plugins, all at once, so that a type which one
 * module exports counts as public in the others.
 *
 * Run: `deno task docs`.
 *
 * @module
 */

/** The part of a `deno.json` that is read here. */
interface Config {
  readonly exports: string | Readonly<Record<string, string>>;
  readonly workspace?: readonly string[];
}

const root = new URL("../../", import.meta.url);

async function exportsOf(folder: string): Promise<{ readonly files: string[]; readonly members: readonly string[] }> {
  const config = JSON.parse(await Deno.readTextFile(new URL(`${folder}deno.json`, root))) as Config;
  const paths = typeof config.exports === "string" ? [config.exports] : Object.values(config.exports);
  return { files: paths.map((path) => folder + path.replace("./", "")), members: config.workspace ?? [] };
}

const core = await exportsOf("");
const files = [...core.files];
for (const member of core.members) files.push(...(await exportsOf(`${member.replace("./", "")}/`)).files);
const { code } = await new Deno.Command(Deno.execPath(), {
  args: ["doc", "--lint", ...files],
  cwd: root,
  stdout: "inherit",
  stderr: "inherit",
}).spawn().status;
Deno.exit(code);
