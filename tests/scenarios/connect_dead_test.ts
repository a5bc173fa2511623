import { assert, assertEquals } from "@std/assert";
import { parseScenario } from "../kit/scenario/mod.ts";
import { runScenario } from "../kit/sim/run.ts";

const FILE = new URL("connect-dead.json", import.meta.url);

for (const mode of [undefined, "min-rtt", "aggregation", "handover", "redundant"]) {
  Deno.test(`connect-dead.json in ${mode ?? "its own mode"} is complete within 500 ms, for 20 seeds`, async () => {
    const scenario = parseScenario(await Deno.readTextFile(FILE), FILE.pathname, {
      overrides: mode === undefined ? {} : { mode },
    });
    for (let seed = 1; seed <= 20; seed++) {
      const { error, completedMs, paths, bytes } = runScenario(scenario, { seed });
      assertEquals([error, bytes], [null, { up: 257, down: 2000 }]);
      assert(completedMs <= 500, `seed ${seed}: ${completedMs} ms`);
      assertEquals(paths.find(({ id }) => id === 0)?.link, 1);
    }
  });
}
