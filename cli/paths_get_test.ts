import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Child } from "./child.ts";
import { ONLY_LINUX, pathsOf, SIZE, start, withRelay, withServer } from "./paths_get_fixture_test.ts";

Deno.test("mpquic get --path uses two addresses of the client at once", ONLY_LINUX, async () => {
  await withServer(async (place) => {
    await withRelay(place, ["--rate", "20", "--delay", "5"], async (relay, [front, other]) => {
      const specs = ["127.0.0.1,label=wifi", `127.0.0.2,label=cell,cost=2,metered,remote=${other}`];
      // By default a path that costs something would be left alone.
      const args = ["--mode", "min-rtt", ...specs.flatMap((spec) => ["--path", spec])];
      const paths = await pathsOf(start(place, front!, args), place);
      assertEquals(paths.map(({ id, label, remote }) => [id, label, remote]), [[0, "wifi", front], [1, "cell", other]]);
      assert(paths[0]!.local.startsWith("127.0.0.1:") && paths[1]!.local.startsWith("127.0.0.2:"));
      for (const { bytes, srttMs } of paths) assert(bytes > SIZE / 5 && srttMs >= 10, JSON.stringify(paths));
      assert(paths[0]!.bytes + paths[1]!.bytes >= SIZE);
      const { links } = JSON.parse(await relay.ask("stats"));
      for (const { down } of links) assert(down.bytes > SIZE / 5);
      assert(!JSON.parse(await relay.ask("2 dead")).ok);
    });
  });
});

Deno.test("mpquic get --path goes to another address of the server with remote=", ONLY_LINUX, async () => {
  await withServer(async (place) => {
    const [first, second] = place.addresses;
    const specs = ["127.0.0.1,label=a", `127.0.0.1,label=b,remote=${second}`];
    const paths = await pathsOf(start(place, first!, specs.flatMap((spec) => ["--path", spec])), place);
    assertEquals(paths.map(({ id, label, remote }) => [id, label, remote]), [[0, "a", first], [1, "b", second]]);
    const auto = await pathsOf(start(place, first!, ["--path", "auto", "--mode", "round-robin"]), place);
    assertEquals(auto.map(({ local }) => local.split(":")[0]), ["127.0.0.1"]);
  }, ["--mode", "round-robin"]);
});

Deno.test("mpquic get --path backup: a backup carries nothing while the other path works", ONLY_LINUX, async () => {
  await withServer(async (place) => {
    const specs = ["127.0.0.1", "127.0.0.2,backup"];
    const paths = await pathsOf(start(place, place.addresses[0]!, specs.flatMap((spec) => ["--path", spec])), place);
    assert(paths[1]!.bytes < SIZE / 10, JSON.stringify(paths));
  });
});

for (const dying of [0, 1]) {
  Deno.test(`mpquic get survives the silent death of path ${dying} in mid-transfer`, ONLY_LINUX, async () => {
    await withServer(async (place) => {
      await withRelay(place, ["--rate", "10", "--delay", "5"], async (relay, [front, other]) => {
        const child = start(place, front!, ["--path", "127.0.0.1", "--path", `127.0.0.2,remote=${other}`]);
        while (JSON.parse(await relay.ask("stats")).links[dying].down.bytes < 300_000) {
          await new Promise((resolve) => setTimeout(resolve, 10));
        }
        await relay.ask(`${dying} dead`);
        const paths = await pathsOf(child, place);
        assert(paths[1 - dying]!.bytes > SIZE / 2, JSON.stringify(paths));
        assert(JSON.parse(await relay.ask("stats")).links[dying].up.swallowed > 0);
      });
    });
  });
}

Deno.test("mpquic get and serve take a scheduler from a file", ONLY_LINUX, async () => {
  const text = `export default () => ({
    name: "second",
    schedule: (_work, view) => ({ path: view.paths.at(-1).room > 0 ? view.paths.at(-1).id : -1, copies: [] }),
  });`;
  const file = await Deno.makeTempFile({ prefix: "mpquic-test-", suffix: ".ts" });
  try {
    await Deno.writeTextFile(file, text);
    await withServer(async (place) => {
      await withRelay(place, ["--rate", "20", "--delay", "5"], async (_relay, [front, other]) => {
        const options = ["--path", "127.0.0.1", "--path", `127.0.0.2,remote=${other}`, "--scheduler", file];
        const paths = await pathsOf(start(place, front!, options), place);
        assert(paths[1]!.bytes > 0.8 * SIZE, JSON.stringify(paths));
      });
    }, ["--scheduler", file]);
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("mpquic get and serve with wrong paths or modes exit with 2 and say what is wrong", async () => {
  const get = ["get", "https://127.0.0.1:9/x"];
  const wrong: [string[], string][] = [
    [[...get, "--path", "nowhere"], 'begins with "nowhere": expected an IP address'],
    [[...get, "--path", "127.0.0.1,lable=x"], 'did you mean "label"?'],
    [[...get, "--path", "127.0.0.1", "--path", "auto"], "no other --path"],
    [[...get, "--path", "127.0.0.1", "--max-paths", "0"], "exclude each other"],
    [[...get, "--path", "127.0.0.1", "--path", "127.0.0.2", "--max-paths", "1"], 'no more than "--max-paths", 1'],
    [[...get, "--mode", "fast"], "expected one of interactive, handover"],
    [["serve", "--listen", "127.0.0.1:0", "--root", ".", "--mode", "fast"], "expected one of interactive, handover"],
    [["relay", "--listen", "127.0.0.1:0", "--to", "127.0.0.1:9", "--rate", "1", "--rate", "2"], "2 times for 1 links"],
  ];
  await Promise.all(wrong.map(async ([args, message]) => {
    const child = new Child(args, { stderr: "piped" });
    assertEquals(await child.end(), 2, args.join(" "));
    assertStringIncludes(child.stderr, message);
  }));
});
