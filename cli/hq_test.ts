import { assertEquals, assertRejects } from "@std/assert";
import { HqError, HqErrorCode, MAX_REQUEST_LENGTH, meaningOf, readRequest, writeRequest } from "./hq.ts";

function request(...parts: (string | Uint8Array)[]): Promise<string> {
  const bytes = parts.map((part) => typeof part === "string" ? new TextEncoder().encode(part) : part);
  return readRequest(ReadableStream.from(bytes).getReader());
}

Deno.test("readRequest() takes a line, however it is cut, or a FIN alone", async () => {
  assertEquals(await request("GET /file\r\n"), "/file");
  assertEquals(await request("G", "ET /fi", "le\r", "\n", "more"), "/file");
  assertEquals(await request("GET /file"), "/file");
  assertEquals(await request("GET /file\n"), "/file");
  assertEquals(await request(writeRequest("/a%20b?c")), "/a%20b?c");
});

Deno.test("readRequest() does not wait for a FIN after the line", async () => {
  const open = new ReadableStream<Uint8Array>({ start: (c) => c.enqueue(writeRequest("/x")) });
  assertEquals(await readRequest(open.getReader()), "/x");
});

Deno.test("readRequest() refuses all else", async () => {
  const wrong = [
    "",
    "\r\n",
    "GET",
    "GET \r\n",
    "GET file\r\n",
    "get /f\r\n",
    "POST /f\r\n",
    "GET /a b\r\n",
    "GET  /f\r\n",
  ];
  for (const text of [...wrong, "GET /f HTTP/1.0\r\n", "GET https://h/f\r\n", "GET /\u00e9\r\n", "GET /\0\r\n"]) {
    const error = await assertRejects(() => request(text), HqError, undefined, JSON.stringify(text));
    assertEquals(error.code, HqErrorCode.BAD_REQUEST);
  }
});

Deno.test("readRequest() bounds what it keeps", async () => {
  const endless = new ReadableStream<Uint8Array>({ pull: (c) => c.enqueue(new Uint8Array(1000).fill(0x61)) });
  await assertRejects(() => readRequest(endless.getReader()), HqError, `longer than ${MAX_REQUEST_LENGTH} bytes`);
  const longest = `/${"a".repeat(MAX_REQUEST_LENGTH - 6)}`;
  assertEquals(await request(`GET ${longest}\r`, "\n"), longest);
});

Deno.test("meaningOf() has words for every code", () => {
  const words = new Set(Object.values(HqErrorCode).map(meaningOf));
  assertEquals(words.size, Object.values(HqErrorCode).length);
  assertEquals(meaningOf(12345), "the server did not say why");
});
