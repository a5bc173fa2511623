import { assertEquals } from "@std/assert";
import { join } from "node:path";
import { Child } from "../../cli/child.ts";
import { HQ_INTEROP, readRequest, writeRequest } from "../../cli/hq.ts";
import { connectBuiltin, FOREIGN, readAll, settled, withBuiltinServer, writeAll } from "./builtin.ts";
import { contentOf, sha256, withDirectory, withServed } from "./served.ts";

const SIZE = 20_000_000;

Deno.test("Built-in QUIC client downloads 20 MB from mpquic serve, byte for byte", FOREIGN, async () => {
  await withServed({ "f.bin": SIZE }, async ({ port, cert }) => {
    const conn = await connectBuiltin(port, cert, { alpnProtocols: [HQ_INTEROP] });
    for (const request of [writeRequest("/f.bin"), new TextEncoder().encode("GET /f.bin")]) {
      const { readable, writable } = await conn.createBidirectionalStream();
      await writeAll(writable, request);
      assertEquals(sha256(await readAll(readable)), sha256(contentOf("f.bin", SIZE)));
    }
    conn.close({ closeCode: 0, reason: "" });
  });
});

/** The least that a server on the built-in QUIC has to do. */
async function serveOne(listener: Deno.QuicListener, files: Readonly<Record<string, Uint8Array>>): Promise<void> {
  const conn = await listener.accept();
  for await (const { readable, writable } of conn.incomingBidirectionalStreams) {
    const target = await readRequest(readable.getReader());
    await writeAll(writable, files[target] ?? new Uint8Array(0));
  }
}

Deno.test("mpquic get downloads 20 MB from a server on built-in QUIC, byte for byte", FOREIGN, async () => {
  const content = contentOf("f.bin", SIZE);
  await withDirectory(async (directory) => {
    await withBuiltinServer(async (port, listener, cert) => {
      const ca = join(directory, "ca.pem");
      await Deno.writeTextFile(ca, cert);
      const serving = settled(serveOne(listener, { "/f.bin": content }));
      const output = join(directory, "out.bin");
      const args = ["get", `https://127.0.0.1:${port}/f.bin`, "-o", output, "--ca", ca, "--json"];
      const child = new Child(args, { stderr: "piped" });
      assertEquals(await child.end(), 0, child.stderr);
      const { ok, bytes, sha256: told } = JSON.parse(child.stdout.trim().split("\n").at(-1)!);
      const written = sha256(await Deno.readFile(output));
      assertEquals({ ok, bytes, told, written }, {
        ok: true,
        bytes: SIZE,
        told: sha256(content),
        written: sha256(content),
      });
      await serving;
    }, { alpnProtocols: [HQ_INTEROP] });
  });
});
