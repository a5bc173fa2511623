/**
 * A server or a client in a process of its own, for `killed_test.ts`, which kills it: it sends for ever, over two paths.
 *
 * @module
 */
import { connectQuic, type QuicConn, QuicEndpoint } from "../../mod.ts";
import { WORLD_CERTIFICATE, WORLD_KEY } from "../kit/identity.ts";

/** Nobody leaves it running: milliseconds. */
const LONGEST_LIFE = 60_000;
const ALPN = ["test"];

setTimeout(() => Deno.exit(1), LONGEST_LIFE);
const [role, port] = Deno.args;
if (role === "server") {
  const endpoint = new QuicEndpoint({ hostname: "127.0.0.1" });
  const listener = endpoint.listen({
    cert: WORLD_CERTIFICATE,
    key: WORLD_KEY,
    alpnProtocols: ALPN,
    mode: "round-robin",
  });
  console.log(endpoint.addr.port);
  await sendForEver(await listener.accept());
} else {
  const conn = await connectQuic({
    hostname: "127.0.0.1",
    port: Number(port),
    alpnProtocols: ALPN,
    caCerts: [WORLD_CERTIFICATE],
    mode: "round-robin",
    paths: [{ local: "127.0.0.1" }, { local: "127.0.0.2" }],
  });
  await sendForEver(conn);
}

async function sendForEver(conn: QuicConn): Promise<void> {
  const writer = (await conn.createUnidirectionalStream()).getWriter();
  const bytes = new Uint8Array(65_536);
  for (;;) await writer.write(bytes);
}
