import { assert, assertEquals } from "@std/assert";
import { pictureFile, pictureOf, PICTURES } from "./pictures.ts";

Deno.test("docs/pictures holds what `deno task pictures` makes, and README.md shows it", () => {
  const readme = Deno.readTextFileSync(new URL("../../README.md", import.meta.url));
  const files = [...Deno.readDirSync(new URL("./", pictureFile("x")))].map(({ name }) => name).sort();
  assertEquals(files, PICTURES.map((name) => `${name}.svg`).sort());
  for (const name of PICTURES) {
    // Not by assertEquals, which would print both.
    const isSame = Deno.readTextFileSync(pictureFile(name)) === pictureOf(name);
    assert(
      isSame,
      `docs/pictures/${name}.svg is not what is drawn now: expected it to be made anew by "deno task pictures"`,
    );
    assert(readme.includes(`](docs/pictures/${name}.svg)`), `README.md does not show docs/pictures/${name}.svg`);
  }
});
