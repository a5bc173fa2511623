import { assert, assertEquals, assertThrows } from "@std/assert";
import { parseScenario, ScenarioError } from "../kit/scenario/mod.ts";
import { controllerByName } from "../../recovery/congestion/controllers.ts";

const FOLDER = new URL("./", import.meta.url);

function texts(): [name: string, text: string][] {
  const names = [...Deno.readDirSync(FOLDER)].map(({ name }) => name).filter((name) => name.endsWith(".json"));
  return names.sort().map((name) => [name, Deno.readTextFileSync(new URL(name, FOLDER))]);
}

Deno.test("Scenario files are read, but for those that name a controller that is not there yet", () => {
  const all = texts();
  assert(all.length >= 33);
  for (const [name, text] of all) {
    const read = (): unknown => parseScenario(text, name, { overrides: { mode: "min-rtt" } });
    if (text.includes('"bbr"') && controllerByName("bbr") === undefined) {
      assertThrows(read, ScenarioError, 'congestion" is "bbr", and there is no such congestion controller yet');
    } else read();
    const scenario = parseScenario(text, name, { overrides: { mode: "min-rtt", congestion: "cubic" } });
    assertEquals(`${scenario.name}.json`, name);
  }
});

Deno.test("The example in the description of the format is a scenario", () => {
  const text = Deno.readTextFileSync(new URL("../kit/scenario/README.md", import.meta.url));
  const example = /```json\n([^]*?)```/.exec(text)?.[1] ?? "";
  assertEquals(parseScenario(example, "README.md").links.map(({ label }) => label), ["wifi", "cell"]);
});
