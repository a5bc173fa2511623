import { assertEquals } from "@std/assert";
import { HQ_INTEROP, writeRequest } from "../../cli/hq.ts";
import { type QuicConn, QuicEndpoint } from "../../mod.ts";
import { connectOurs, readAll } from "./builtin.ts";
import { contentOf, type Served, sha256, withServed } from "./served.ts";

const CLIENTS = 200;
/** First datagrams at once: what the server's kernel buffer takes while it is busy. */
const WAVE = 40;
const SIZE = 100_000;

async function fetchFile(conn: QuicConn, name: string): Promise<Uint8Array> {
  const { readable, writable } = await conn.createBidirectionalStream();
  const writer = writable.getWriter();
  await writer.write(writeRequest(`/${name}`));
  writer.close().catch(() => {});
  return await readAll(readable);
}

async function crowd({ port, cert }: Served): Promise<void> {
  // Half of them share a socket, the others have one each.
  await using shared = new QuicEndpoint({ hostname: "127.0.0.1", port: 0 });
  // All are connected before the first asks for something.
  const conns: QuicConn[] = [];
  while (conns.length < CLIENTS) {
    const wave = Array.from({ length: WAVE }, (_, n) => {
      return connectOurs(port, cert, { alpnProtocols: [HQ_INTEROP], ...(n % 2 === 0 ? { endpoint: shared } : {}) });
    });
    conns.push(...await Promise.all(wave));
  }
  const expected = sha256(contentOf("f.bin", SIZE));
  const got = await Promise.all(conns.map(async (conn) => sha256(await fetchFile(conn, "f.bin"))));
  assertEquals(got, Array.from({ length: CLIENTS }, () => expected));
  await Promise.all(conns.map((conn) => conn[Symbol.asyncDispose]()));
}

Deno.test("mpquic serve has 200 connections at once, and again after they have gone", async () => {
  await withServed({ "f.bin": SIZE }, async (served) => {
    await crowd(served);
    await crowd(served);
  });
});
