/**
 * The trace: what an observer may hear of a connection, by name, as plain data. Names follow qlog's event schemas where
 * those have one (draft-ietf-quic-qlog-quic-events-13); all else is under `multipath:` or `loglevel:`-free names of ours.
 * Absent observers cost one comparison.
 *
 * @module
 */
import type { Frame } from "../wire/frames/types.ts";
import type { Address, Ecn } from "./address.ts";
import type { PathId, Role } from "./role.ts";

/** Why a datagram or packet was dropped without an answer. */
export type DropReason =
  | "header_parse_error"
  | "unsupported_version"
  | "unknown_connection_id"
  | "key_unavailable"
  | "decryption_failure"
  | "duplicate"
  | "reserved_bits"
  | "invalid_length"
  | "initial_too_small"
  | "unexpected_packet"
  | "unknown_server_address"
  | "retry_unexpected"
  | "retry_integrity"
  | "version_negotiation_unexpected"
  | "connection_closed"
  | "fixed_bit"
  | "amplification_limit"
  | "buffer_full"
  | "token_invalid"
  | "path_abandoned"
  | "server_busy";

/** The header of a packet in the trace. */
export interface TracedHeader {
  /** The packet's type. */
  readonly type: "initial" | "zero_rtt" | "handshake" | "retry" | "version_negotiation" | "one_rtt";
  /** Its packet number; -1 where it has none. */
  readonly number: number;
  /** The path id of a 1-RTT packet; 0 elsewhere. */
  readonly path: PathId;
}

/** Every event, with its data. */
export interface TraceEvents {
  /** A connection begins. */
  "quic:connection_started": {
    readonly role: Role;
    readonly local: Address;
    readonly remote: Address;
    readonly sourceId: Uint8Array;
    readonly destinationId: Uint8Array;
  };
  /** Its state changes. */
  "quic:connection_state_updated": { readonly old: string; readonly new: string };
  /** It is over, and why. */
  "quic:connection_closed": {
    readonly byPeer: boolean;
    readonly trigger: "clean" | "application" | "error" | "idle_timeout" | "stateless_reset" | "version_mismatch";
    readonly code: number;
    readonly reason: string;
  };
  /** Versions were negotiated. */
  "quic:version_information": { readonly chosen: number; readonly offered: readonly number[] };
  /** The application protocol is chosen. */
  "quic:alpn_information": { readonly chosen: string };
  /** Transport parameters of one end are known. */
  "quic:parameters_set": { readonly owner: "local" | "remote"; readonly parameters: Readonly<Record<string, unknown>> };
  /** Remembered transport parameters are in use. */
  "quic:parameters_restored": { readonly parameters: Readonly<Record<string, unknown>> };
  /** A packet was built and sealed. */
  "quic:packet_sent": {
    readonly header: TracedHeader;
    readonly size: number;
    readonly frames: readonly Frame[];
    readonly local: Address;
    readonly remote: Address;
    readonly ecn: Ecn;
    readonly probe: boolean;
  };
  /** A packet was opened and its frames taken. */
  "quic:packet_received": {
    readonly header: TracedHeader;
    readonly size: number;
    readonly frames: readonly Frame[];
    readonly local: Address;
    readonly remote: Address;
    readonly ecn: Ecn;
  };
  /** A datagram or packet was dropped, and why. */
  "quic:packet_dropped": {
    readonly reason: DropReason;
    readonly size: number;
    readonly type?: TracedHeader["type"] | undefined;
    readonly detail?: string | undefined;
    readonly remote?: Address | undefined;
  };
  /** A packet waits for its keys. */
  "quic:packet_buffered": { readonly type: TracedHeader["type"]; readonly size: number };
  /** There are new keys. */
  "quic:key_updated": {
    readonly keyType: string;
    readonly trigger: "tls" | "remote_update" | "local_update";
    readonly phase: number;
  };
  /** Keys of a level are gone. */
  "quic:key_discarded": { readonly keyType: string };
  /** A stream's state changes. */
  "quic:stream_state_updated": { readonly streamId: number; readonly old: string; readonly new: string };
  /** The spin bit changes. */
  "quic:spin_bit_updated": { readonly state: boolean };
  /** A path moves to another address, or fails to. */
  "quic:migration_state_updated": {
    readonly path: PathId;
    readonly new: "probing_started" | "migration_started" | "migration_complete" | "migration_failed";
    readonly local: Address;
    readonly remote: Address;
  };
  /** The size of datagrams changes. */
  "quic:mtu_updated": { readonly path: PathId; readonly old: number; readonly new: number; readonly done: boolean };
  /** A loss detection timer was set, fired or stopped. */
  "quic:loss_timer_updated": {
    readonly action: "set" | "expired" | "cancelled";
    readonly kind: "ack" | "pto";
    readonly path: PathId;
    readonly level: string;
    readonly delta?: number | undefined;
  };
  /** Round-trip time and window of a path. */
  "quic:metrics_updated": {
    readonly path: PathId;
    readonly smoothedRtt: number;
    readonly minRtt: number;
    readonly latestRtt: number;
    readonly rttVariation: number;
    readonly cwnd: number;
    readonly inFlight: number;
    readonly ptoCount: number;
  };
  /** The congestion controller changes its state. */
  "quic:congestion_state_updated": {
    readonly path: PathId;
    readonly new: string;
    readonly trigger?: string | undefined;
  };
  /** A packet counts as lost. */
  "quic:packet_lost": {
    readonly header: TracedHeader;
    readonly trigger: "reordering_threshold" | "time_threshold" | "path_abandoned" | "migration";
    readonly size: number;
    readonly sentAt: number;
  };
  /** Packets were acknowledged. */
  "quic:packets_acked": { readonly path: PathId; readonly level: string; readonly numbers: readonly number[] };
  /** A packet that counted as lost arrived after all. */
  "quic:spurious_loss": { readonly header: TracedHeader };
  /** The validation of ECN goes on. */
  "quic:ecn_state_updated": { readonly path: PathId; readonly new: "testing" | "unknown" | "capable" | "failed" };
  /** A path has addresses. */
  "multipath:path_assigned": {
    readonly path: PathId;
    readonly route: number;
    readonly label: string;
    readonly local: Address;
    readonly remote: Address;
  };
  /** A path's state changes, and why. */
  "multipath:path_state_updated": {
    readonly path: PathId;
    readonly old: string;
    readonly new: string;
    readonly reason: string;
  };
  /** The validation of an address ended. */
  "multipath:path_validated": { readonly path: PathId; readonly route: number; readonly ok: boolean };
  /** An end said what it thinks of a path. */
  "multipath:path_status_updated": {
    readonly path: PathId;
    readonly owner: "local" | "remote";
    readonly status: "available" | "backup";
  };
  /** A path was abandoned. */
  "multipath:path_closed": { readonly path: PathId; readonly code: number; readonly byPeer: boolean };
  /** A scheduler gave an answer that cannot be. */
  "multipath:scheduler_fault": { readonly scheduler: string; readonly fault: string };
  /** A scheduler says something. */
  "multipath:scheduler_log": {
    readonly scheduler: string;
    readonly name: string;
    readonly data: Readonly<Record<string, string | number | boolean>>;
  };
  /** What is in flight on a silent path is offered to others. */
  "multipath:data_offered_again": { readonly path: PathId; readonly bytes: number };
}

/** The name of an event. */
export type TraceName = keyof TraceEvents;

/**
 * Hears the trace. Called in the middle of the work: must not call back into the connection, must not keep `frames` or any
 * byte array past the call (they are views of buffers that are used again), and a throw of it is ignored.
 */
export interface Observer {
  /** Something happened: `name` says what, `data` the details. */
  on<N extends TraceName>(name: N, data: TraceEvents[N], now: number): void;
}
