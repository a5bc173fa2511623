import { assertEquals, assertRejects } from "@std/assert";
import { PathError } from "../../mod.ts";
import { connectOurs, FOREIGN, pattern, readAll, settled, withBuiltinServer, writeAll } from "./builtin.ts";

Deno.test("Built-in QUIC has no multipath: openPath() says so, and a transfer works", FOREIGN, async () => {
  const data = pattern(1_000_000, 3);
  await withBuiltinServer(async (port, listener, cert) => {
    const paths = [{ local: "127.0.0.1", label: "wifi" }, { local: "127.0.0.2", label: "cell" }];
    const [ours, theirs] = await Promise.all([connectOurs(port, cert, { paths }), listener.accept()]);
    assertEquals([ours.isMultipath, ours.paths.map(({ label }) => label)], [false, ["wifi"]]);
    const error = await assertRejects(() => ours.openPath({ local: "127.0.0.2" }), PathError);
    assertEquals(error.message.includes("the peer does not speak RFC 10069"), true);
    const echoing = settled((async () => {
      for await (const { readable, writable } of theirs.incomingBidirectionalStreams) await readable.pipeTo(writable);
    })());
    const { readable, writable } = await ours.createBidirectionalStream({ path: 0 });
    const [back] = await Promise.all([readAll(readable), writeAll(writable, data)]);
    assertEquals(back, data);
    const { remoteAddr } = ours;
    assertEquals([remoteAddr.hostname, remoteAddr.port], ["127.0.0.1", port]);
    ours.close();
    await ours.endpoint.closed;
    await echoing;
  });
});
