import { assert, assertEquals, assertMatch } from "@std/assert";

function demo(...args: string[]): Promise<Deno.CommandOutput> {
  const program = import.meta.resolve("./demo.ts");
  const permissions = ["--allow-read", "--allow-write", "--allow-env", "--allow-run", "--allow-net=127.0.0.2"];
  return new Deno.Command(Deno.execPath(), { args: ["run", "--quiet", ...permissions, program, ...args] }).output();
}

Deno.test("The demo moves its file over two paths and over each alone, and tells of it in JSON", async () => {
  const { code, stdout, stderr } = await demo("--json", "--bytes", "4000000");
  assertEquals([code, new TextDecoder().decode(stderr)], [0, ""]);
  const { ok, bytes, sha256, paths, seconds, alone } = JSON.parse(new TextDecoder().decode(stdout).trim());
  assertEquals([ok, bytes, Object.keys(alone)], [true, 4_000_000, ["wifi", "cell"]]);
  assertMatch(sha256, /^[0-9a-f]{64}$/);
  assertEquals(paths.map((path: { id: number; label: string }) => [path.id, path.label]), [[0, "wifi"], [1, "cell"]]);
  const carried = paths.map((path: { bytes: number }) => path.bytes);
  assert(carried[0] + carried[1] > 4_000_000 && carried[1] > 200_000, `${carried}`);
  // The links let no more through: 40, 20 and 60 Mbit/s.
  assert(seconds > 0.53 && alone.wifi > 0.8 && alone.cell > 1.6, JSON.stringify({ seconds, alone }));
});

Deno.test("The demo with a wrong option exits with 2", async () => {
  const { code, stderr } = await demo("--bites=1");
  assertEquals(code, 2);
  assertMatch(new TextDecoder().decode(stderr), /Unknown option "--bites"; did you mean "--bytes"\?/);
});
