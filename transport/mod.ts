/**
 * The transport without sockets and clocks: an endpoint and its connections, driven by whoever has datagrams and the time.
 *
 * After anything was told to a connection (`receive`, `handleTimeout`, or a command of the application), take its events with
 * `nextEvent`, send what `transmit` gives until it gives nothing, and call `handleTimeout` at `nextTimeout`.
 *
 * @module
 */
export { type Address, type Datagram, type Ecn, formatAddress, sameAddress, type Transmit } from "./base/address.ts";
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
} from "./base/errors.ts";
export type { DropReason, Observer, TracedHeader, TraceEvents, TraceName } from "./base/observer.ts";
export { type Level, otherRole, type PathId, type Role } from "./base/role.ts";
export {
  ACCEPTED_MODES,
  DEFAULT_CONFIG,
  resolveConfig,
  type ResolvedConfig,
  type TransportConfig,
} from "./connection/config.ts";
export { Connection, type DatagramOptions, type SendErrorKind } from "./connection/connection.ts";
export type { ConnectionStats } from "./connection/connection_stats.ts";
export type { ConnectionEvent } from "./connection/events.ts";
export type { ConnectionState } from "./connection/lifecycle.ts";
export type { ClientTls, ServerTls } from "./connection/options.ts";
export type { TlsClientOptions } from "../crypto/tls/client.ts";
export type { ServerCredentials, TlsServerOptions } from "../crypto/tls/server.ts";
export type { EndpointConfig, ServerConfig } from "./endpoint/config.ts";
export { type Arrival, type ConnectOptions, Endpoint } from "./endpoint/endpoint.ts";
export type { Incoming } from "./endpoint/incoming.ts";
export type { HintEvent } from "./paths/hints.ts";
export type { PathBudget, PathProperties, PathState, PathStatus } from "./paths/path.ts";
export type { OpenPathOptions } from "./paths/path_manager.ts";
export type { SchedulerStats } from "./connection/scheduler_seat.ts";
export type { PathChange, PathEvent, PathStats } from "./paths/path_events.ts";
export type { ModeRequestEvent } from "./streams/mode_requests.ts";
export type { StreamEvent } from "./streams/stream_events.ts";
export { indexOf, initiatorOf, isUnidirectional, kindOf, type StreamKind } from "./streams/stream_id.ts";
export type * from "./wire/frames/types.ts";
