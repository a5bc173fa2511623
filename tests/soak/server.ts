/**
 * The server of a soak run, a process of its own: answers `down SIZE` with bytes, `up` (then bytes) with what it received,
 * and `looks` with how its paths were.
 *
 * @module
 */
import { type QuicBidirectionalStream, type QuicConn, QuicEndpoint } from "../../mod.ts";
import { WORLD_CERTIFICATE, WORLD_KEY } from "../kit/identity.ts";
import { ALPN, Looks, receive, send } from "./payload.ts";

const endpoint = new QuicEndpoint({ hostname: "127.0.0.1", port: 0 });
const listener = endpoint.listen({ cert: WORLD_CERTIFICATE, key: WORLD_KEY, alpnProtocols: [ALPN] });
console.log(`Listening on 127.0.0.1:${endpoint.addr.port}`);
for await (const incoming of listener) void serve(incoming.accept());

async function serve(accepted: Promise<QuicConn>): Promise<void> {
  try {
    const conn = await accepted;
    using looks = new Looks(conn);
    for await (const stream of conn.incomingBidirectionalStreams) void answer(stream, looks).catch(() => {});
  } catch (error) {
    console.log(`A connection failed: ${(error as Error).message}`);
  }
}

/** A request is the first line, of 16 bytes, filled up with spaces. */
async function answer({ readable, writable }: QuicBidirectionalStream, looks: Looks): Promise<void> {
  const reader = readable.getReader({ mode: "byob" });
  const { value } = await reader.read(new Uint8Array(16), { min: 16 });
  reader.releaseLock();
  const [verb, size] = new TextDecoder().decode(value).trim().split(" ");
  if (verb === "down") return await send(writable, Number(size));
  const said = verb === "up" ? await receive(readable) : looks.all;
  await ReadableStream.from([new TextEncoder().encode(JSON.stringify(said))]).pipeTo(writable);
}
