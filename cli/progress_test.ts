import { assert, assertEquals } from "@std/assert";
import { Progress, type Screen } from "./progress.ts";

function screen(isTerminal: boolean, columns = 80): Screen & { readonly text: string[] } {
  const text: string[] = [];
  return { isTerminal, columns: () => columns, write: (part) => void text.push(part), text };
}

Deno.test("Progress draws a bar in one line of a terminal and takes it away", () => {
  const to = screen(true);
  const progress = new Progress(to, "file", 1000, 0);
  progress.update(250, 50);
  assertEquals(to.text, []);
  progress.update(500, 1000);
  assertEquals(to.text.length, 1);
  assert(to.text[0]!.startsWith("\rfile [###############---------------]  50 %  500 B  500 B/s  1.0 s"), to.text[0]);
  progress.end();
  progress.end();
  assertEquals(to.text.slice(1), ["\r\x1b[J"]);
});

Deno.test("Progress fits the terminal's width and knows files without a size", () => {
  const to = screen(true, 20);
  const progress = new Progress(to, "file", undefined, 0);
  progress.update(500, 200);
  assertEquals(to.text, ["\rfile / 500 B  2.5 k\x1b[K"]);
});

Deno.test("Progress writes a plain line a second where there is no terminal", () => {
  const to = screen(false);
  const progress = new Progress(to, "file", 10_000_000, 0);
  for (let now = 100; now <= 2500; now += 100) progress.update(now * 1000, now);
  progress.end();
  assertEquals(to.text, ["file  10 %  1.0 MB  1.0 MB/s  1.0 s\n", "file  20 %  2.0 MB  1.0 MB/s  2.0 s\n"]);
});

Deno.test("Progress never says more than all", () => {
  const to = screen(false);
  const progress = new Progress(to, "file", 100, 0);
  progress.update(150, 1000);
  assert(to.text[0]!.includes("100 %"));
});

Deno.test("Progress has a bar for each of several paths, and one for all", () => {
  const to = screen(true);
  const progress = new Progress(to, "file", 1000, 0);
  const parts = [{ label: "wifi", bytes: 500 }, { label: "cellular", bytes: 250 }];
  progress.update(750, 1000, () => parts);
  const rows = to.text[0]!.split("\n");
  assert(rows[0]!.startsWith("\rwifi     [###############---------------]  50 %  500 B  500 B/s"), rows[0]);
  assert(rows[1]!.startsWith("cellular [########----------------------]  25 %"), rows[1]);
  assert(rows[2]!.startsWith("file     [#######################-------]  75 %  750 B  750 B/s  1.0 s"), rows[2]);
  progress.update(800, 2000, () => parts);
  assert(to.text[1]!.startsWith("\r\x1b[2Awifi"));
  progress.end();
  assertEquals(to.text[2], "\r\x1b[2A\x1b[J");
});

Deno.test("Progress names the paths in plain lines", () => {
  const to = screen(false);
  const progress = new Progress(to, "file", undefined, 0);
  progress.update(750, 1000, () => [{ label: "wifi", bytes: 500 }, { label: "cell", bytes: 250 }]);
  assertEquals(to.text, ["file 750 B  750 B/s  1.0 s  (wifi 500 B, cell 250 B)\n"]);
});
