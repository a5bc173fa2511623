import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { Child } from "./child.ts";

const SMALL = {
  name: "small",
  about: "a small one",
  links: [{ label: "wifi", rateMbps: 20, delayMs: 5, jitterMs: 1 }, { label: "cell", rateMbps: 10, delayMs: 15 }],
  load: { kind: "requests", list: [{ request: 257, response: 100_000 }] },
};
const TRACED = {
  ...SMALL,
  name: "traced",
  links: [{ trace: "lte.json", delayMs: 5 }, { trace: "lte.mahi", delayMs: 5 }],
};
const MINE = {
  ...SMALL,
  name: "mine",
  client: { scheduler: "sched/only_last.ts" },
  server: { scheduler: "sched/only_last.ts" },
};
const NEVER = { ...SMALL, name: "never", limitMs: 500, links: [{ dead: true }] };
const SCHEDULER = `export default () => ({
  name: "only-last",
  schedule: (_work, view) => ({ path: view.paths.findLast((path) => path.room > 0)?.id ?? -1, copies: [] }),
});`;

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `mpquic sim` as from a directory that has the files above. */
async function withFiles(
  use: (run: (...args: string[]) => Promise<Ran>, folder: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "mpquic-test-" });
  try {
    await Deno.mkdir(join(folder, "sched"));
    const texts: Record<string, string> = {
      "lte.json": "[[0, 5], [20, 1], [40, 5]]",
      "lte.mahi": "2\n4\n",
      "sched/only_last.ts": SCHEDULER,
      "sched/faulty.ts": `export default () => ({ name: "faulty", schedule() { throw new Error("no idea"); } });`,
      "wrong.json": JSON.stringify({ ...SMALL, links: [{ queuMs: 3 }] }),
      "bbr.json": JSON.stringify({ ...SMALL, client: { congestion: "bbr2" } }),
    };
    for (const file of [SMALL, TRACED, MINE, NEVER]) texts[`${file.name}.json`] = JSON.stringify(file);
    for (const [name, text] of Object.entries(texts)) await Deno.writeTextFile(join(folder, name), text);
    await use(async (...args) => {
      const child = new Child(["sim", ...args], { stderr: "piped", env: { INIT_CWD: folder } });
      const code = await child.end();
      return { code, stdout: child.stdout, stderr: child.stderr };
    }, folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function jsonLines({ stdout }: Ran): Record<string, unknown>[] {
  return stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
}

Deno.test("mpquic sim says that a scheduler made faults, and which was the last", async () => {
  await withFiles(async (run) => {
    const ran = await run("small.json", "--scheduler", "sched/faulty.ts", "--seeds", "2");
    assertEquals(ran.code, 0, ran.stderr);
    const said =
      'mpquic: small: the scheduler "faulty" of the server made faults in 2 runs, and min-rtt took its place for good';
    assertStringIncludes(ran.stderr, `${said}; the last, with seed 2: no idea`);
    assertEquals((await run("small.json", "--scheduler", "sched/only_last.ts")).stderr, "");
  });
});

Deno.test("mpquic sim --json prints a line for each run in the order given, and the same again", async () => {
  await withFiles(async (run, folder) => {
    const args = ["traced.json", "small.json", "mine.json", "--json", "--seed", "5", "--seeds", "2"];
    const ran = await run(...args, "--qlog", "logs");
    assertEquals(ran.code, 0, ran.stderr);
    const lines = jsonLines(ran);
    assertEquals(lines.map(({ scenario, seed }) => [scenario, seed]), [
      ["traced", 5],
      ["traced", 6],
      ["small", 5],
      ["small", 6],
      ["mine", 5],
      ["mine", 6],
    ]);
    for (const { completed, error, wallMs } of lines) {
      assertEquals([completed, error], [true, null]);
      assert(wallMs as number > 0);
    }
    assertEquals([lines[4]?.["client"], lines[4]?.["server"]], ["only-last", "only-last"]);
    const names = [...Deno.readDirSync(join(folder, "logs"))].map(({ name }) => name).sort();
    assertEquals(names.length, 12);
    assertEquals(names.slice(0, 2), ["mine-5_client.sqlog", "mine-5_server.sqlog"]);
    assertMatch(Deno.readTextFileSync(join(folder, "logs/small-6_server.sqlog")), /quic:packet_sent/);

    const again = await run(...args);
    const timeless = (all: Record<string, unknown>[]): unknown[] => all.map((line) => ({ ...line, wallMs: 0 }));
    assertEquals(timeless(jsonLines(again)), timeless(lines));
  });
});

Deno.test("mpquic sim checks all files before the first run, and names file, key and what was expected", async () => {
  await withFiles(async (run) => {
    const ran = await run("small.json", "wrong.json", "bbr.json", "none.json");
    assertEquals([ran.code, ran.stdout], [2, ""]);
    assertEquals(ran.stderr.trimEnd().split("\n").map((line) => line.split(" is ")[0]), [
      'mpquic: wrong.json: "links[0].queuMs"',
      'mpquic: bbr.json: "client.congestion"',
      "mpquic: none.json: cannot be read: there",
    ]);
    assertStringIncludes(ran.stderr, 'did you mean "queueMs"?');
    assertStringIncludes(ran.stderr, '"bbr2", and there is no such congestion controller yet: expected one of ');
    const usage = await run("small.json", "--mode", "min-rt");
    assertEquals(usage.code, 2);
    assertStringIncludes(usage.stderr, '"--mode" is "min-rt": expected one of ');
    const broken = await run("small.json", "--scheduler", "small.json");
    assertEquals([broken.code, broken.stdout], [2, ""]);
    assertStringIncludes((await run()).stderr, "The argument FILE is missing");
  });
});

Deno.test("mpquic sim prints a table, and fails when a run does not complete", async () => {
  await withFiles(async (run) => {
    const ran = await run("small.json", "never.json", "--mode", "round-robin", "--congestion", "newreno");
    assertEquals(ran.code, 1, ran.stderr);
    const [head, small, never, , why] = ran.stdout.split("\n");
    assertMatch(head ?? "", /^scenario +seed +modes +ms +Mbit\/s +bytes by path +wall ms$/);
    assertMatch(small ?? "", /^small +1 +round-robin +\d+\.\d +\d+\.\d\d +wifi \d+ %, cell \d+ % +\d+$/);
    assertMatch(never ?? "", /^never +1 +round-robin +failed/);
    assertMatch(why ?? "", /^never, seed 1: .+/);
  });
});

Deno.test("mpquic sim --compare has a row for each mode and each link alone, best first", async () => {
  await withFiles(async (run) => {
    const ran = await run("small.json", "--compare", "--json", "--scheduler", "sched/only_last.ts");
    assertEquals(ran.code, 0, ran.stderr);
    const lines = jsonLines(ran);
    const ways = lines.map(({ variant }) => variant as string);
    for (const way of ["min-rtt", "round-robin", "only_last", "wifi alone", "cell alone"]) {
      assert(ways.includes(way), way);
    }
    const times = lines.map(({ completedMs }) => completedMs as number);
    assertEquals(times, times.toSorted((a, b) => a - b));
    const alone = lines.find(({ variant }) => variant === "cell alone")?.["paths"] as Record<string, unknown>[];
    assertEquals(alone.map(({ label }) => label), ["cell"]);
    const table = (await run("small.json", "--compare")).stdout.split("\n");
    assertEquals(table[0], "small (a small one), best first by time:");
    assertEquals(table.length, ways.length + 3);
  });
});

Deno.test("mpquic sim --picture draws the run, the same again, beside logs, and leaves nothing else behind", async () => {
  await withFiles(async (run, folder) => {
    const args = ["small.json", "--seed", "3", "--mode", "min-rtt"];
    const ran = await run(...args, "--picture", "a.svg", "--qlog", "logs", "--json");
    assertEquals([ran.code, jsonLines(ran).length], [0, 1], ran.stderr);
    const svg = await Deno.readTextFile(join(folder, "a.svg"));
    assertStringIncludes(svg, "small: mode min-rtt, seed 3, as the server saw it");
    assertMatch(await Deno.readTextFile(join(folder, "logs/small-3_client.sqlog")), /quic:packet_sent/);
    assertEquals((await run(...args, "--picture", "b.svg")).code, 0);
    assertEquals(await Deno.readTextFile(join(folder, "b.svg")), svg);
    const mine = await run(
      "mine.json",
      "--scheduler",
      "sched/only_last.ts",
      "--picture",
      "c.svg",
      "--picture-end",
      "both",
    );
    assertEquals(mine.code, 0, mine.stderr);
    assertStringIncludes(
      await Deno.readTextFile(join(folder, "c.svg")),
      "mine: mode only-last, seed 1, as both ends saw it",
    );
    const failed = await run("never.json", "--picture", "a.svg");
    assertEquals(failed.code, 1);
    assertStringIncludes(await Deno.readTextFile(join(folder, "a.svg")), ", not complete");
    assertEquals([...Deno.readDirSync(folder)].filter(({ name }) => name.endsWith(".part")), []);
  });
});

Deno.test("mpquic sim --picture is of one run, in a file that can be written, or says so before it runs anything", async () => {
  await withFiles(async (run, folder) => {
    const wrong: [args: string[], code: number, message: string][] = [
      [["small.json", "--seeds", "3"], 2, '"--picture" is given for 3 runs: expected one FILE and one seed'],
      [["small.json", "mine.json"], 2, '"--picture" is given for 2 runs: expected one FILE and one seed'],
      [["small.json", "--compare"], 2, 'The options "--picture" and "--compare" exclude each other'],
      [["small.json", "--picture-end", "sever"], 2, '"--picture-end" is "sever": expected one of client, server, both'],
    ];
    for (const [args, code, message] of wrong) {
      const ran = await run(...args, "--picture", "x.svg");
      assertEquals([ran.code, ran.stdout], [code, ""]);
      assertStringIncludes(ran.stderr, message);
    }
    const other = await run("small.json", "--picture", "x.png");
    assertEquals([other.code, other.stdout], [2, ""]);
    assertStringIncludes(other.stderr, '"--picture" is "x.png": expected a name that ends in .svg');
    const nowhere = await run("small.json", "--picture", "none/x.svg");
    assertEquals([nowhere.code, nowhere.stdout, nowhere.stderr.trimEnd().split("\n").length], [1, "", 1]);
    assertStringIncludes(nowhere.stderr, `mpquic: Cannot write the picture "${join(folder, "none/x.svg")}": `);
    const alone = await run("small.json", "--picture-end", "client");
    assertEquals(alone.code, 2);
    assertStringIncludes(alone.stderr, '"--picture-end" is given without "--picture": expected both');
    assert([...Deno.readDirSync(folder)].every(({ name }) => !name.endsWith(".svg") && !name.endsWith(".part")));
  });
});
