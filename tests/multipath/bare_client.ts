/**
 * A client whose connection ids are empty. Endpoints make none, but a connection by itself can be told to.
 *
 * @module
 */
import { decodePem } from "../../crypto/tls/mod.ts";
import type { Datagram } from "../../transport/base/address.ts";
import { Connection } from "../../transport/connection/connection.ts";
import { WORLD_ALPN } from "../kit/endpoint_node.ts";
import { WORLD_CERTIFICATE, WORLD_NAME, WORLD_TIME } from "../kit/identity.ts";
import { Trace } from "../kit/trace.ts";
import { CLIENT_ADDRESS, type Pair, type PairOptions, SERVER_ADDRESS } from "../connection/pair.ts";

/** The pair with such a client in the place of its own, and what that sends first. */
export function withBareClient(
  pair: Pair,
  { client: config }: PairOptions,
): { readonly pair: Pair; first: Uint8Array } {
  const [clientTrace, buffer] = [new Trace(), new Uint8Array(2000)];
  const client = new Connection({
    role: "client",
    local: CLIENT_ADDRESS,
    remote: SERVER_ADDRESS,
    provider: pair.provider,
    random: (into) => pair.world.random.fill(into),
    idLength: 0,
    registry: { add: () => {}, remove: () => {} },
    resetTokenFor: () => new Uint8Array(16),
    observer: clientTrace,
    config,
    now: pair.world.now,
    tls: {
      serverName: WORLD_NAME,
      alpnProtocols: [WORLD_ALPN],
      roots: decodePem(WORLD_CERTIFICATE, "CERTIFICATE"),
      time: WORLD_TIME,
    },
  });
  const { length } = client.transmit(pair.world.now, buffer)!;
  const clientNode = { receive: (datagram: Datagram, now: number): void => client.receive(datagram, now) };
  const bare: Pair = Object.create(pair, {
    client: { value: client },
    clientNode: { value: clientNode },
    clientTrace: { value: clientTrace },
  });
  return { pair: bare, first: buffer.slice(0, length) };
}
