/** What paths cost, on real sockets: with hints, and by path status alone. */
import { assert, assertLess, assertMatch } from "@std/assert";
import { ONLY_LINUX, pathsOf, SIZE, start, withRelay, withServer } from "./paths_get_fixture_test.ts";

/**
 * The links of a relay: megabits per second of the one that costs nothing and of the metered one. Their delay makes up for
 * processes that do not run for a while: a path that does not answer for long enough is no reason to spare the others.
 */
function rates(free: number, metered: number): string[] {
  return ["--rate", `${free}`, "--rate", `${metered}`, "--delay", "40"];
}

/** The share of the file that came on the metered path. */
async function meteredShare(
  links: string[],
  size: number,
  get: readonly string[],
  serve: readonly string[],
): Promise<number> {
  let share = -1;
  await withServer(
    async (place) => {
      await withRelay(place, links, async (_relay, [front, other]) => {
        const specs = [
          "--path",
          "127.0.0.1,label=wifi",
          "--path",
          `127.0.0.2,label=cell,cost=1,metered,remote=${other}`,
        ];
        const paths = await pathsOf(start(place, front!, [...specs, ...get]), place);
        share = (paths.find(({ label }) => label === "cell")?.bytes ?? 0) / size;
      });
    },
    ["--mode", "aggregation", ...serve],
    size,
  );
  return share;
}

const WAYS: [name: string, get: string[], serve: string[]][] = [
  ["with hints", [], []],
  ["by path status alone, without hints at the client", ["--no-hints"], []],
  ["by path status alone, without hints at the server", [], ["--no-hints"]],
];

for (const [name, get, serve] of WAYS) {
  Deno.test(`mpquic get spares a metered path while the free one is fast enough, ${name}`, ONLY_LINUX, async () => {
    assertLess(await meteredShare(rates(40, 40), 400_000, get, serve), 0.1);
  });

  Deno.test(`mpquic get uses a metered path when the free one is too slow, ${name}`, ONLY_LINUX, async () => {
    const share = await meteredShare(rates(4, 20), SIZE, get, serve);
    // It joins after a second, in which the other has brought a sixth; the rest goes over both.
    assert(share > 0.4 && share < 0.9, `${share}`);
  });
}

Deno.test("mpquic get --path budget= keeps to it, and says so", ONLY_LINUX, async () => {
  await withServer(async (place) => {
    await withRelay(place, rates(20, 20), async (_relay, [front, other]) => {
      const specs = ["--path", "127.0.0.1,label=wifi", "--path", `127.0.0.2,label=cell,budget=500kB,remote=${other}`];
      const child = start(place, front!, [...specs, "--mode", "round-robin"]);
      const [, cell] = await pathsOf(child, place);
      assert(cell!.bytes > 300_000 && cell!.bytes < SIZE / 3, `${cell!.bytes}`);
      assertMatch(child.stderr, /path 1 \(cell\): 80 % of its budget is used: \d{6} of 500000 bytes/);
      assertMatch(child.stderr, /path 1 \(cell\): 100 % of its budget is used/);
    });
  });
});
