import { assert } from "@std/assert";
import type { connectQuic } from "./connect.ts";
import { QuicEndpoint } from "./endpoint.ts";
import type * as ours from "./types.ts";

/** What follows is checked by the compiler: ours goes wherever Deno's own is expected. */
function _asDenos(
  conn: ours.QuicConn,
  endpoint: QuicEndpoint,
  incoming: ours.QuicIncoming,
  listener: ours.QuicListener,
  stream: ours.QuicBidirectionalStream,
): void {
  const _conn: Deno.QuicConn = conn;
  const _endpoint: Deno.QuicEndpoint = endpoint;
  const _incoming: Deno.QuicIncoming = incoming;
  const _listener: Deno.QuicListener = listener;
  const _stream: Deno.QuicBidirectionalStream = stream;
}

/** Deno's options are ours as well. */
function _fromDenos(
  connect: Omit<Deno.ConnectQuicOptions<false>, "endpoint">,
  listen: Deno.QuicListenOptions,
  endpoint: Deno.QuicEndpointOptions,
): void {
  const _connect: Parameters<typeof connectQuic>[0] = connect;
  const _listen: ours.QuicListenOptions = listen;
  const _endpoint: ours.QuicEndpointOptions = endpoint;
}

Deno.test("QuicEndpoint has the members of Deno's own", async () => {
  const endpoint = new QuicEndpoint({ hostname: "127.0.0.1" });
  for (const name of Object.getOwnPropertyNames(Deno.QuicEndpoint.prototype)) assert(name in endpoint, name);
  endpoint.close();
  await endpoint.closed;
});
