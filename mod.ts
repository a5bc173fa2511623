/**
 * QUIC (RFC 9000) and its multipath extension (RFC 10069) for Deno, in TypeScript, with the names and shapes of Deno's own
 * QUIC API.
 *
 * @example A server and a client on this machine
 * ```ts
 * import { connectQuic, QuicEndpoint } from "@multipath/quic";
 * import { WORLD_CERTIFICATE, WORLD_KEY } from "@multipath/quic/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const endpoint = new QuicEndpoint({ hostname: "127.0.0.1", port: 0 });
 * const listener = endpoint.listen({ cert: WORLD_CERTIFICATE, key: WORLD_KEY, alpnProtocols: ["shout"] });
 * const served = (async () => {
 *   const conn = await listener.accept();
 *   for await (const { readable, writable } of conn.incomingBidirectionalStreams) {
 *     const shout = (await new Response(readable).text()).toUpperCase();
 *     const writer = writable.getWriter();
 *     await writer.write(new TextEncoder().encode(shout));
 *     await writer.close();
 *   }
 * })();
 *
 * const conn = await connectQuic({
 *   hostname: "127.0.0.1",
 *   port: endpoint.addr.port,
 *   alpnProtocols: ["shout"],
 *   caCerts: [WORLD_CERTIFICATE],
 * });
 * const { readable, writable } = await conn.createBidirectionalStream();
 * const writer = writable.getWriter();
 * await writer.write(new TextEncoder().encode("hello"));
 * await writer.close();
 * assertEquals(await new Response(readable).text(), "HELLO");
 *
 * conn.close({ closeCode: 0, reason: "done" });
 * await served;
 * endpoint.close();
 * await endpoint.closed;
 * ```
 *
 * Sockets are `Deno.listenDatagram` where the program runs with `--unstable-net`, else `node:dgram`, which is slower and needs
 * no flag. Permissions: `--allow-net` for the addresses that are bound and connected to.
 *
 * @module
 */
export { connectQuic } from "./transport/api/connect.ts";
export { QuicEndpoint } from "./transport/api/endpoint.ts";
export { StreamLimitError } from "./transport/api/streams.ts";
export type {
  CertificateVerifier,
  ConnectQuicOptions,
  NetAddr,
  ObserverOption,
  PathBudget,
  PathChange,
  PathEvent,
  PathState,
  PathStats,
  PathStatus,
  QuicAcceptOptions,
  QuicBidirectionalStream,
  QuicCloseInfo,
  QuicConn,
  QuicEndpointLike,
  QuicEndpointOptions,
  QuicIncoming,
  QuicListener,
  QuicListenOptions,
  QuicLocalAddress,
  QuicOpenPathOptions,
  QuicPath,
  QuicPathDescription,
  QuicPathOptions,
  QuicReceiveStream,
  QuicSendDatagramOptions,
  QuicSendStream,
  QuicSendStreamOptions,
  QuicTransportOptions,
  SocketName,
} from "./transport/api/types.ts";
export { ResolveError, SocketError } from "./transport/api/io_errors.ts";
export {
  ApplicationError,
  HandshakeError,
  IdleTimeoutError,
  PathError,
  QuicError,
  StatelessResetError,
  StreamError,
  TransportError,
  TransportErrorCode,
  transportErrorName,
  VersionError,
} from "./transport/base/errors.ts";
export type { DropReason, Observer, TracedHeader, TraceEvents, TraceName } from "./transport/base/observer.ts";
