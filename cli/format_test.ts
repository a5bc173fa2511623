import { assertEquals } from "@std/assert";
import { formatBytes, formatRate, formatSeconds, formatTable, parseBytes } from "./format.ts";

Deno.test("formatBytes() counts in thousands", () => {
  const said = [0, 999, 1000, 1500, 999_949, 999_951, 20_000_000, 5e12, 7e15].map(formatBytes);
  assertEquals(said, ["0 B", "999 B", "1.0 kB", "1.5 kB", "999.9 kB", "1.0 MB", "20.0 MB", "5.0 TB", "7000.0 TB"]);
  assertEquals(formatRate(2_400_000.4), "2.4 MB/s");
});

Deno.test("formatSeconds() goes over to minutes", () => {
  assertEquals([0, 8.31, 59.94, 59.96, 125].map(formatSeconds), [
    "0.0 s",
    "8.3 s",
    "59.9 s",
    "1 min 00 s",
    "2 min 05 s",
  ]);
});

Deno.test("formatTable() lines up columns, numbers to the right", () => {
  assertEquals(
    formatTable([["path", "bytes"], ["wifi", "12"], ["cellular", "1.5"]]),
    "path      bytes\nwifi         12\ncellular    1.5",
  );
});

Deno.test("parseBytes() reads bytes with a unit or without, and nothing else", () => {
  const good: [string, number][] = [["0", 0], ["500000", 500_000], ["500kB", 500_000], ["1.5 GB", 1.5e9], [
    "10mb",
    1e7,
  ]];
  for (const [text, bytes] of good) assertEquals(parseBytes(text), bytes);
  for (const text of ["", "MB", "-1", "1e3", "10MiB", "1,5MB", "9e9TB", "99999999TB", "1 0"]) {
    assertEquals(parseBytes(text), undefined);
  }
});
