/**
 * Refuses what would dissolve the architecture: imports against the layers of `layers.json`, import cycles, files that grow too
 * long, test packages in the library, clocks and promises in the pure layers, plugins that reach past the public exports.
 *
 * Run: `deno task layers`.
 *
 * @module
 */
import { findSequence, type Import, importsOf, normalizeMembers, type Token, tokenize } from "./tokens.ts";

/** One folder (path ends in a slash) or file, and what it may do. */
export interface Layer {
  readonly path: string;
  /** Folders or files that it may import beside itself. */
  readonly imports: readonly string[];
  /** Those of which it may import types only. */
  readonly typeImports?: readonly string[];
  /** Beginnings of the names of packages that it may import. */
  readonly packages?: readonly string[];
  /** The list of forbidden words that holds for it. */
  readonly words?: string;
}

/** `layers.json`. */
export interface Rules {
  readonly maxLines: number;
  readonly words: Readonly<Record<string, readonly string[]>>;
  readonly layers: readonly Layer[];
  /** Patterns (`*` within a name, `**` across folders) of files that are free in what they import and say. */
  readonly tests: readonly string[];
  /** Patterns of files in pure layers that may be impure, with the reason. */
  readonly impure: Readonly<Record<string, string>>;
  readonly testOnlyPackages: readonly string[];
  readonly plugins: { readonly path: string; readonly core: string; readonly scope: string };
  /** The public exports of the core package, from `deno.json`: sub-path to file. */
  readonly exports: Readonly<Record<string, string>>;
}

/** What is wrong, and where. */
export interface Violation {
  readonly rule: "layer" | "package" | "cycle" | "size" | "test-only" | "impure" | "plugin";
  readonly file: string;
  /** 0 when the whole file is meant. */
  readonly line: number;
  readonly message: string;
}

interface SourceFile {
  readonly path: string;
  readonly lines: number;
  readonly tokens: readonly Token[];
  readonly imports: readonly Import[];
  readonly layer: Layer | undefined;
  readonly isTest: boolean;
}

/** Checks all files (path relative to the root, with its text) against the rules. */
export function checkLayers(texts: ReadonlyMap<string, string>, rules: Rules): Violation[] {
  const files = [...texts].filter(([path]) => path.endsWith(".ts")).map(([path, text]) => parse(path, text, rules));
  const found: Violation[] = [];
  for (const file of files) {
    checkSize(file, rules, found);
    if (file.path.startsWith(rules.plugins.path)) checkPlugin(file, rules, found);
    else if (!file.isTest) checkFile(file, rules, found);
  }
  checkCycles(files, rules, found);
  return found.sort((a, b) => a.file < b.file ? -1 : a.file > b.file ? 1 : a.line - b.line);
}

function parse(path: string, text: string, rules: Rules): SourceFile {
  const tokens = tokenize(text);
  const layer = longestPrefix(path, rules.layers);
  // A folder under tests/ that has a layer of its own (the kit) is product, apart from its own tests.
  const isTest = rules.tests.some((p) => matches(path, p) && !(layer !== undefined && p.endsWith("/**")));
  return { path, lines: countLines(text), tokens, imports: importsOf(tokens), layer, isTest };
}

function countLines(text: string): number {
  const breaks = text.split("\n").length - 1;
  return text.endsWith("\n") || text === "" ? breaks : breaks + 1;
}

function longestPrefix(path: string, layers: readonly Layer[]): Layer | undefined {
  let best: Layer | undefined;
  for (const layer of layers) {
    const fits = layer.path.endsWith("/") ? path.startsWith(layer.path) : path === layer.path;
    if (fits && layer.path.length > (best?.path.length ?? -1)) best = layer;
  }
  return best;
}

/** Whether a path fits a pattern: `*` is anything but a slash, `**` anything. */
export function matches(path: string, pattern: string): boolean {
  const source = pattern.split("**").map((part) =>
    part.split("*").map((s) => s.replace(/[.+?^${}()|[\]\\]/g, "\\$&")).join("[^/]*")
  ).join(".*");
  return new RegExp(`^${source}$`).test(path);
}

function checkSize(file: SourceFile, rules: Rules, found: Violation[]): void {
  if (file.lines <= rules.maxLines || file.path.endsWith(".d.ts")) return;
  found.push({ rule: "size", file: file.path, line: 0, message: `${file.lines} lines, at most ${rules.maxLines}` });
}

function checkFile(file: SourceFile, rules: Rules, found: Violation[]): void {
  const { layer } = file;
  if (layer === undefined) {
    found.push({ rule: "layer", file: file.path, line: 0, message: "Belongs to no layer of layers.json" });
    return;
  }
  for (const one of file.imports) {
    const target = resolve(file.path, one.specifier, rules);
    if (target === undefined) checkPackage(file, layer, one, rules, found);
    else if (!mayImport(layer, target, one.typeOnly, rules)) {
      const message = `${layer.path} may not import ${one.typeOnly ? "types of " : ""}${target}`;
      found.push({ rule: "layer", file: file.path, line: one.line, message });
    }
  }
  checkWords(file, layer, rules, found);
}

/** The file that a specifier means, relative to the root; `undefined` for packages other than this one. */
function resolve(from: string, specifier: string, rules: Rules): string | undefined {
  if (specifier.startsWith("./") || specifier.startsWith("../")) {
    const parts = from.split("/").slice(0, -1);
    for (const part of specifier.split("/")) {
      if (part === "..") parts.pop();
      else if (part !== ".") parts.push(part);
    }
    return parts.join("/");
  }
  const { core } = rules.plugins;
  if (specifier !== core && !specifier.startsWith(`${core}/`)) return undefined;
  return rules.exports[`.${specifier.slice(core.length)}`]?.replace("./", "") ?? `${specifier} (not exported)`;
}

function mayImport(layer: Layer, target: string, typeOnly: boolean, rules: Rules): boolean {
  const home = longestPrefix(target, rules.layers);
  if (home === layer) return true;
  const allowed = typeOnly ? [...layer.imports, ...(layer.typeImports ?? [])] : layer.imports;
  return allowed.some((path) => path.endsWith("/") ? target.startsWith(path) : target === path);
}

function checkPackage(file: SourceFile, layer: Layer, one: Import, rules: Rules, found: Violation[]): void {
  const testOnly = rules.testOnlyPackages.find((p) => isPackage(one.specifier, p));
  if (testOnly !== undefined) {
    found.push({ rule: "test-only", file: file.path, line: one.line, message: `${testOnly} is for tests only` });
  } else if (!(layer.packages ?? []).some((p) => one.specifier.startsWith(p))) {
    const message = `${layer.path} may not import the package ${one.specifier}`;
    found.push({ rule: "package", file: file.path, line: one.line, message });
  }
}

/** Whether a specifier means the package of that name, by the import map or inline (`jsr:`, `npm:`). */
function isPackage(specifier: string, name: string): boolean {
  const bare = specifier.replace(/^(jsr|npm):\/?/, "");
  return bare === name || bare.startsWith(`${name}/`) || bare.startsWith(`${name}@`);
}

function checkWords(file: SourceFile, layer: Layer, rules: Rules, found: Violation[]): void {
  if (layer.words === undefined || Object.keys(rules.impure).some((p) => matches(file.path, p))) return;
  const tokens = normalizeMembers(file.tokens);
  for (const word of rules.words[layer.words] ?? []) {
    for (const line of findSequence(tokens, tokenize(word))) {
      found.push({ rule: "impure", file: file.path, line, message: `${word} in a ${layer.words} layer` });
    }
  }
}

function checkPlugin(file: SourceFile, rules: Rules, found: Violation[]): void {
  const root = file.path.split("/").slice(0, 2).join("/") + "/";
  const { core, scope } = rules.plugins;
  for (const one of file.imports) {
    const complain = (message: string): number =>
      found.push({ rule: "plugin", file: file.path, line: one.line, message });
    if (one.specifier === core || one.specifier.startsWith(`${core}/`)) {
      if (rules.exports[`.${one.specifier.slice(core.length)}`] === undefined) {
        complain(`${one.specifier} is no public export of ${core}`);
      }
    } else if (one.specifier.startsWith(".")) {
      const target = resolve(file.path, one.specifier, rules);
      if (!target?.startsWith(root)) complain(`${one.specifier} leaves the plugin`);
    } else if (one.specifier.startsWith("/") || one.specifier.startsWith("file:")) {
      complain(`${one.specifier} leaves the plugin`);
    } else if (!file.isTest && rules.testOnlyPackages.some((p) => isPackage(one.specifier, p))) {
      found.push({
        rule: "test-only",
        file: file.path,
        line: one.line,
        message: `${one.specifier} is for tests only`,
      });
    } else if (!file.isTest && !one.specifier.startsWith(scope) && !/^(node|npm|jsr):/.test(one.specifier)) {
      complain(`${one.specifier} is not a package that the plugin names itself`);
    }
  }
}

/** Finds each group of files that import one another in a ring (Tarjan's strongly connected components). */
function checkCycles(files: readonly SourceFile[], rules: Rules, found: Violation[]): void {
  const edges = new Map<string, string[]>();
  for (const file of files) {
    const targets = file.imports.map((i) => resolve(file.path, i.specifier, rules)).filter((t) => t !== undefined);
    edges.set(file.path, targets);
  }
  for (const ring of rings(edges)) {
    const path = shortestRing(ring[0] as string, new Set(ring), edges);
    found.push({ rule: "cycle", file: path[0] as string, line: 0, message: `Import cycle: ${path.join(" > ")}` });
  }
}

/** The strongly connected components of more than one node, or of one that points to itself. */
function rings(edges: ReadonlyMap<string, readonly string[]>): string[][] {
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const found: string[][] = [];
  function visit(node: string): void {
    index.set(node, index.size);
    low.set(node, index.get(node) as number);
    stack.push(node);
    for (const next of edges.get(node) ?? []) {
      if (!edges.has(next)) continue;
      if (!index.has(next)) visit(next);
      if (stack.includes(next)) low.set(node, Math.min(low.get(node) as number, low.get(next) as number));
    }
    if (low.get(node) !== index.get(node)) return;
    const ring = stack.splice(stack.indexOf(node));
    if (ring.length > 1 || edges.get(node)?.includes(node)) found.push(ring.sort());
  }
  for (const node of [...edges.keys()].sort()) if (!index.has(node)) visit(node);
  return found;
}

/** The shortest way from a file back to itself within its ring. */
function shortestRing(
  start: string,
  ring: ReadonlySet<string>,
  edges: ReadonlyMap<string, readonly string[]>,
): string[] {
  const ways: string[][] = [[start]];
  const seen = new Set<string>();
  for (const way of ways) {
    for (const next of edges.get(way.at(-1) as string) ?? []) {
      if (next === start) return [...way, start];
      if (!ring.has(next) || seen.has(next)) continue;
      seen.add(next);
      ways.push([...way, next]);
    }
  }
  return [start];
}

/** All TypeScript files of the project, with the rules. */
export async function readProject(root: URL): Promise<{ texts: Map<string, string>; rules: Rules }> {
  const texts = new Map<string, string>();
  await readFolder(root, "", texts);
  const read = async (path: string): Promise<unknown> => JSON.parse(await Deno.readTextFile(new URL(path, root)));
  const config = await read("deno.json") as { exports: Record<string, string> };
  const rules = await read("tests/tools/layers.json") as Omit<Rules, "exports">;
  return { texts, rules: { ...rules, exports: config.exports } };
}

async function readFolder(root: URL, folder: string, texts: Map<string, string>): Promise<void> {
  for await (const entry of Deno.readDir(new URL(folder, root))) {
    if (entry.name.startsWith(".") || entry.name === "node_modules" || entry.name === "coverage") continue;
    const path = `${folder}${entry.name}`;
    if (entry.isDirectory) await readFolder(root, `${path}/`, texts);
    else if (entry.name.endsWith(".ts")) texts.set(path, await Deno.readTextFile(new URL(path, root)));
  }
}

if (import.meta.main) {
  const { texts, rules } = await readProject(new URL("../../", import.meta.url));
  const found = checkLayers(texts, rules);
  for (const v of found) console.error(`${v.file}${v.line > 0 ? `:${v.line}` : ""}: [${v.rule}] ${v.message}`);
  console.log(`${texts.size} files, ${found.length} violations`);
  if (found.length > 0) Deno.exit(1);
}
