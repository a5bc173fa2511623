import { assert, assertEquals, assertMatch, assertNotEquals, assertStringIncludes } from "@std/assert";
import { parseScenario, type ScenarioResult } from "../../tests/kit/scenario/mod.ts";
import { runScenario } from "../../tests/kit/sim/run.ts";
import type { PictureEnd } from "./ends.ts";
import { Picture } from "./mod.ts";

const MAX_BYTES = 150_000;

function watch(text: string, seed = 1): { picture: Picture; result: ScenarioResult } {
  const scenario = parseScenario(text, "x.json", { overrides: { congestion: "cubic", seed } });
  const picture = new Picture(scenario);
  return { picture, result: runScenario(scenario, { crypto: "plain", seed, ...picture.options }) };
}

function draw(text: string, end?: PictureEnd, seed = 1): { svg: string; result: ScenarioResult } {
  const { picture, result } = watch(text, seed);
  return { svg: picture.draw(result, end), result };
}

function scenario(name: string): string {
  return Deno.readTextFileSync(new URL(`../../tests/scenarios/${name}.json`, import.meta.url));
}

/** The texts of a picture, in the order in which they are drawn. */
function textsOf(svg: string): string[] {
  return [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, text]) => text as string);
}

Deno.test("Picture: the same run gives the same bytes, whatever was drawn before; another seed another picture", () => {
  const { svg } = draw(scenario("siri"));
  draw(scenario("basic"));
  assertEquals(draw(scenario("siri")).svg, svg);
  assertNotEquals(draw(scenario("siri"), undefined, 2).svg, svg);
});

Deno.test("Picture: whole, on white, of one size, small, and without what a viewer would have to fetch or run", () => {
  for (const name of ["siri", "handover", "redundant", "abandon", "datagrams", "pinned", "nat-rebind"]) {
    const { picture, result } = watch(scenario(name));
    for (const end of [undefined, "both"] as const) {
      const svg = picture.draw(result, end);
      assert(svg.length < MAX_BYTES, `${name}: ${svg.length} bytes`);
      assertMatch(svg, /^<svg width="1200" height="\d+" /);
      assertMatch(svg, /<rect width="1200" height="\d+" x="0" y="0" fill="#ffffff">/);
      assert(svg.endsWith("</svg>"), name);
      assert(!/NaN|undefined|Infinity|<script|<style|<image|class=|zr\d/.test(svg), name);
      const fonts = new Set([...svg.matchAll(/font-family:([^;"]*)/g)].map(([, font]) => font));
      assertEquals([...fonts], ["sans-serif"]);
    }
  }
});

Deno.test("Picture: title, a lane for each link, legend and the applications' lane say what it is", () => {
  const { svg, result } = draw(scenario("handover"));
  const texts = textsOf(svg);
  assert(texts.includes("handover: mode handover, seed 1, as the server saw it"));
  for (const text of ["link0", "link1", "link down", "suspended", "bytes in flight", "congestion window", "lost"]) {
    assert(texts.includes(text), text);
  }
  assert(texts.includes("How long replies took") && texts.includes("seconds"));
  assert(texts.some((text) => text.startsWith(`${result.latencyMs.count} replies: half within `)));
  const client = textsOf(draw(scenario("handover"), "client").svg);
  assert(client.includes("handover: mode handover, seed 1, as the client saw it"));
  const both = textsOf(draw(scenario("handover"), "both").svg);
  for (const text of ["client: link0", "server: link0", "client: link1", "server: link1"]) assert(both.includes(text));
});

Deno.test("Picture: goodput where there are no replies; who sends most is whose view it is", () => {
  const links = [{ label: "a", rateMbps: 10, delayMs: 5 }];
  const upload = { name: "upload", links, load: { kind: "bulk", direction: "up", bytes: 300_000, streams: 1 } };
  const texts = textsOf(draw(JSON.stringify(upload)).svg);
  assert(texts.includes("upload: mode aggregation, seed 1, as the client saw it"));
  assert(texts.includes("Delivered to applications") && texts.includes("to the server"));
  assert(!texts.includes("to the client"));
  assert(!texts.includes("How long replies took"));
});

Deno.test("Picture: of a run that fails, with the reason, also when nothing ever arrived", () => {
  const load = { kind: "requests", list: [{ request: 100, response: 100 }] };
  const { svg, result } = draw(JSON.stringify({ name: "never", limitMs: 400, links: [{ dead: true }], load }));
  assert(!result.completed);
  const texts = textsOf(svg);
  assert(texts.some((text) => text.endsWith(", not complete")));
  assert(texts.some((text) => text.startsWith("Not complete at the limit of 400 ms")));
  assert(!/NaN|undefined|Infinity/.test(svg));
});

Deno.test("Picture: names are text, not markup or templates, and long ones are cut", () => {
  const long = `<b> & "{b|x}" {value} ${"long ".repeat(60)}`;
  const load = { kind: "requests", list: [{ request: 100, response: 5000 }] };
  const { svg } = draw(JSON.stringify({ name: long, about: long, links: [{ label: long, delayMs: 5 }], load }));
  const cut = textsOf(svg).filter((text) => text.startsWith("&lt;b&gt; &amp; &quot;{b|x}&quot; {value} long"));
  assertEquals(cut.length, 3);
  for (const text of cut) assertStringIncludes(text, "...");
});
