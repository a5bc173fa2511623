import { assert, assertEquals } from "@std/assert";

const MOD = new URL("./mod.ts", import.meta.url).pathname;
const DESIGN = {
  bytes: 50_000,
  topologies: [
    [{ bw_mbps: 20, owd_ms: 5, queue_s: 0.05, loss_pct: 0 }, { bw_mbps: 10, owd_ms: 20, queue_s: 0.05, loss_pct: 1 }],
    [{ bw_mbps: 8, owd_ms: 5, queue_s: 0.05, loss_pct: 0 }, { bw_mbps: 8, owd_ms: 5, queue_s: 0.05, loss_pct: 0 }],
  ],
};

async function sweep(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const permissions = ["--allow-read", "--allow-write", "--allow-env"];
  const command = new Deno.Command(Deno.execPath(), { args: ["run", "--no-check", ...permissions, MOD, ...args] });
  const { code, stdout, stderr } = await command.output();
  return { code, out: new TextDecoder().decode(stdout), err: new TextDecoder().decode(stderr) };
}

Deno.test("A sweep that was interrupted goes on where it was, and finds the same", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const [file, out] = [`${folder}/two.json`, `${folder}/out`];
    await Deno.writeTextFile(file, JSON.stringify(DESIGN));
    const whole = await sweep(file, "--out", out, "--mode", "min-rtt");
    assertEquals(whole.code, 0, whole.err);
    // Two ways to run the first and one for the second, whose paths are alike: three runs over two paths, and three over one.
    assert(whole.err.includes("0 of 6 runs are done"), whole.err);
    const runs = `${out}/two-min-rtt.jsonl`;
    const text = await Deno.readTextFile(runs);
    const lines = text.split("\n");
    assertEquals(lines.length, 8);
    assert((await Deno.readTextFile(`${out}/two-min-rtt.svg`)).startsWith("<svg"));

    await Deno.writeTextFile(runs, `${lines.slice(0, 4).join("\n")}\n${lines[4]?.slice(0, 9)}`);
    const rest = await sweep(file, "--out", out, "--mode", "min-rtt", "--resume");
    assertEquals(rest.code, 0, rest.err);
    assert(rest.err.includes("3 of 6 runs are done"), rest.err);
    assertEquals((await Deno.readTextFile(runs)).split("\n").sort(), [...lines].sort());
    assertEquals(tableIn(rest.out), tableIn(whole.out));
    assertEquals(tableIn(whole.out).length, 4);

    await Deno.writeTextFile(file, JSON.stringify({ ...DESIGN, bytes: 60_000 }));
    const other = await sweep(file, "--out", out, "--mode", "min-rtt", "--resume");
    assertEquals([other.code, other.out], [2, ""]);
    assert(other.err.includes("has runs of 50000 bytes in mode min-rtt: expected runs of 60000 bytes"), other.err);
    assertEquals((await Deno.readTextFile(runs)).split("\n").length, 8);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

function tableIn(out: string): string[] {
  return out.split("\n").filter((line) => /^(cases|all|better|worse) /.test(line));
}

Deno.test("A sweep of a file that is not there, or no design, is one error and exit code 2", async () => {
  for (const [file, message] of [["nowhere.json", "No such file"], [MOD, "is no JSON"]] as const) {
    const { code, out, err } = await sweep(file, "--out", "never-made");
    assertEquals([code, out, err.trimEnd().split("\n").length], [2, "", 1], err);
    assert(err.startsWith(`sweep: ${file}: ${message}`), err);
  }
});
