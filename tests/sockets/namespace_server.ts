/**
 * A server in a network namespace of its own, for `namespace_test.ts`: once it is told to by a line, it binds the address that
 * it is given, prints the port, and sends back what comes.
 *
 * @module
 */
import { QuicEndpoint } from "../../mod.ts";
import { WORLD_CERTIFICATE, WORLD_KEY } from "../kit/identity.ts";
import { MANY_PATHS } from "./namespace_client.ts";

/** Nobody leaves it running: milliseconds. */
const LONGEST_LIFE = 60_000;

setTimeout(() => Deno.exit(1), LONGEST_LIFE);
await Deno.stdin.read(new Uint8Array(16));
const endpoint = new QuicEndpoint({ hostname: Deno.args[0] ?? "127.0.0.1" });
const listener = endpoint.listen({
  cert: WORLD_CERTIFICATE,
  key: WORLD_KEY,
  alpnProtocols: ["test"],
  transport: MANY_PATHS,
});
console.log(endpoint.addr.port);
for await (const incoming of listener) {
  serve(incoming.accept()).catch(() => {});
}

async function serve(accepted: ReturnType<Awaited<ReturnType<typeof listener.incoming>>["accept"]>): Promise<void> {
  const conn = await accepted;
  for await (const { readable, writable } of conn.incomingBidirectionalStreams) {
    readable.pipeTo(writable).catch(() => {});
  }
}
