/**
 * The pictures in `docs/pictures`: each is what `mpquic sim` draws of the scenario of its name.
 *
 * Run: `deno task pictures`.
 *
 * @module
 */
import { Picture } from "../../cli/picture/mod.ts";
import { parseScenario } from "../kit/scenario/mod.ts";
import { runScenario } from "../kit/sim/run.ts";

/** Scenarios that have a picture. */
export const PICTURES: readonly string[] = ["siri", "handover"];

/** Where the picture of a scenario is. */
export function pictureFile(scenario: string): URL {
  return new URL(`../../docs/pictures/${scenario}.svg`, import.meta.url);
}

/** Runs a scenario and draws it. */
export function pictureOf(name: string): string {
  const file = new URL(`../scenarios/${name}.json`, import.meta.url);
  const scenario = parseScenario(Deno.readTextFileSync(file), `${name}.json`);
  const picture = new Picture(scenario);
  const result = runScenario(scenario, picture.options);
  return picture.draw(result);
}

if (import.meta.main) {
  for (const name of PICTURES) {
    const svg = pictureOf(name);
    Deno.mkdirSync(new URL("./", pictureFile(name)), { recursive: true });
    Deno.writeTextFileSync(pictureFile(name), svg);
    console.log(`docs/pictures/${name}.svg: ${svg.length} bytes`);
  }
}
