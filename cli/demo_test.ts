import { assert, assertEquals, assertMatch } from "@std/assert";

function demo(...args: string[]): Promise<Deno.CommandOutput> {
  const program = import.meta.resolve("./demo.ts");
  const permissions = ["--allow-read", "--allow-write", "--allow-env", "--allow-run"];
  return new Deno.Command(Deno.execPath(), { args: ["run", "--quiet", ...permissions, program, ...args] }).output();
}

Deno.test("The demo moves its file through the relay and tells of it in JSON", async () => {
  const { code, stdout, stderr } = await demo("--json", "--size", "1000000");
  assertEquals([code, new TextDecoder().decode(stderr)], [0, ""]);
  const { ok, bytes, sha256, paths, seconds } = JSON.parse(new TextDecoder().decode(stdout).trim());
  assertEquals([ok, bytes, paths.length, paths[0].id], [true, 1_000_000, 1, 0]);
  assertMatch(sha256, /^[0-9a-f]{64}$/);
  assert(paths[0].bytes > 1_000_000);
  // 20 Mbit/s take 0.4 s for it, and the round trip is 30 ms.
  assert(seconds > 0.4 && seconds < 20, `${seconds} s`);
});

Deno.test("The demo with a wrong option exits with 2", async () => {
  const { code, stderr } = await demo("--sise=1");
  assertEquals(code, 2);
  assertMatch(new TextDecoder().decode(stderr), /Unknown option "--sise"; did you mean "--size"\?/);
});
