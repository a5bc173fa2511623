/**
 * A server, and a client that reaches it over two relays, each a link of its own.
 *
 * @module
 */
import { openRelay, type Relay } from "../../cli/relay.ts";
import {
  connectQuic,
  type ConnectQuicOptions,
  type QuicConn,
  QuicEndpoint,
  type QuicListenOptions,
} from "../../mod.ts";
import { WORLD_CERTIFICATE, WORLD_KEY } from "../kit/identity.ts";

/** What both ends, and the links between them, are. */
export interface Relayed {
  readonly client: QuicConn;
  readonly served: QuicConn;
  readonly relays: readonly [Relay, Relay];
}

const SHAPES = [{ rate: 40, delay: 5, queue: 60 }, { rate: 30, delay: 12, queue: 60 }];

/** For as long as they are used: both paths are usable at both ends. */
export async function withRelays(
  use: (relayed: Relayed) => Promise<void>,
  options: { readonly connect?: Partial<ConnectQuicOptions>; readonly listen?: Partial<QuicListenOptions> } = {},
): Promise<void> {
  await using endpoint = new QuicEndpoint({ hostname: "127.0.0.1" });
  const alpnProtocols = ["test"];
  const listener = endpoint.listen({ cert: WORLD_CERTIFICATE, key: WORLD_KEY, alpnProtocols, ...options.listen });
  const relays = await Promise.all(SHAPES.map((shape) =>
    openRelay({
      listen: { hostname: "127.0.0.1", port: 0 },
      server: { hostname: "127.0.0.1", port: endpoint.addr.port },
      up: shape,
      down: shape,
    })
  )) as [Relay, Relay];
  try {
    const [client, served] = await Promise.all([
      connectQuic({
        hostname: "127.0.0.1",
        port: endpoint.addr.port,
        alpnProtocols,
        caCerts: [WORLD_CERTIFICATE],
        paths: relays.map(({ address }, i) => ({
          local: `127.0.0.${i + 1}`,
          remote: address,
          label: ["wifi", "cell"][i]!,
        })),
        ...options.connect,
      }),
      listener.accept(),
    ]);
    for (const conn of [client, served]) {
      await conn.paths[0]!.ready;
      while (conn.paths.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
      await conn.paths[1]!.ready;
    }
    await use({ client, served, relays });
    client.close();
    await client.endpoint.closed;
  } finally {
    await Promise.all(relays.map((relay) => relay.close()));
  }
}

/** Bytes that depend on where they are; the same array each time. */
export function pattern(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i += 1) bytes[i] = (i * 31 + (i >> 8) * 7) & 255;
  return bytes;
}

/** Sends on a new stream of one end and reads it at the other; `onHalf` is called when half has arrived. */
export async function transfer(
  from: QuicConn,
  to: QuicConn,
  data: Uint8Array,
  onHalf: () => void | Promise<void> = () => {},
): Promise<Uint8Array> {
  const arrivals = to.incomingUnidirectionalStreams.getReader();
  const stream = await from.createUnidirectionalStream();
  const writer = stream.getWriter();
  const written = writer.write(data).then(() => writer.close());
  const { value: readable } = await arrivals.read();
  arrivals.releaseLock();
  const back = new Uint8Array(data.length);
  let length = 0;
  let told: void | Promise<void> = undefined;
  let isHalf = false;
  for await (const chunk of readable!) {
    back.set(chunk, length);
    length += chunk.length;
    if (!isHalf && length > data.length / 2) {
      isHalf = true;
      told = onHalf();
    }
  }
  await Promise.all([written, told]);
  return back.subarray(0, length);
}
