/**
 * Events of the trace as qlog events (draft-ietf-quic-qlog-quic-events-13).
 *
 * @module
 */
import type { Role, TracedHeader, TraceEvents, TraceName } from "@multipath/quic/transport";
import { frameToQlog } from "./frames.ts";
import { endpointInfo, hex, type JsonObject, snakeCase, toJson, type TracedAddress, transportError } from "./values.ts";

/** A qlog event, but for its time. */
export interface QlogEvent {
  readonly name: string;
  readonly data: JsonObject;
  /** The `TupleID` of the 4-tuple, when it is not the first one. */
  readonly tuple?: string;
}

/** Default of the transport parameter (RFC 9000 §18.2). */
const DEFAULT_ACK_DELAY_EXPONENT = 3;

const PACKET_TYPES: Readonly<Record<TracedHeader["type"], string>> = {
  initial: "initial",
  zero_rtt: "0RTT",
  handshake: "handshake",
  retry: "retry",
  version_negotiation: "version_negotiation",
  one_rtt: "1RTT",
};

const ECN: Readonly<Record<string, string>> = { "not-ect": "Not-ECT", ect0: "ECT(0)", ect1: "ECT(1)", ce: "CE" };

/** Our states of a connection, by qlog's names. */
const CONNECTION_STATES: Readonly<Record<string, string>> = {
  handshaking: "handshake_started",
  connected: "handshake_complete",
  confirmed: "handshake_confirmed",
};

/** The draft's reasons for a drop, by ours; all else is "invalid". */
const DROP_TRIGGERS: Readonly<Record<string, string>> = {
  unsupported_version: "unsupported",
  unknown_connection_id: "connection_unknown",
  key_unavailable: "key_unavailable",
  decryption_failure: "decryption_failure",
  duplicate: "duplicate",
  connection_closed: "general",
  amplification_limit: "general",
  buffer_full: "general",
  path_abandoned: "general",
  token_invalid: "rejected",
  server_busy: "rejected",
};

const LEVELS: Readonly<Record<string, string>> = {
  initial: "initial",
  early: "0rtt",
  handshake: "handshake",
  application: "1rtt",
};

const RECEIVING_STATES: ReadonlySet<string> = new Set(["receive", "size_known", "data_read", "reset_read"]);

type Data<N extends TraceName> = TraceEvents[N];

/** Translates the events of one connection; it remembers what later events refer to. */
export class Translator {
  readonly #exponents = { local: DEFAULT_ACK_DELAY_EXPONENT, remote: DEFAULT_ACK_DELAY_EXPONENT };
  readonly #tuples = new Map<string, string>();
  #role: Role | undefined;

  constructor(role?: Role) {
    this.#role = role;
  }

  /** Which end it is, as far as that is known. */
  get role(): Role | undefined {
    return this.#role;
  }

  /** The qlog events for one event of the trace: mostly one, sometimes two. */
  translate<N extends TraceName>(name: N, data: Data<N>): QlogEvent[] {
    const translate = TABLE[name] as ((data: Data<N>, self: TranslatorState) => QlogEvent[]) | undefined;
    if (translate === undefined) return [{ name, data: pathId(toJson(data) as JsonObject) }];
    return translate(data, this.#state);
  }

  readonly #state: TranslatorState = {
    exponentOf: (side) => this.#exponents[side],
    setExponent: (side, exponent) => this.#exponents[side] = exponent,
    role: () => this.#role ?? "client",
    setRole: (role) => this.#role ??= role,
    tuple: (local, remote, announce) => this.#tuple(local, remote, announce),
  };

  /** The id of a 4-tuple; one seen for the first time is announced, but for the handshake's own. */
  #tuple(local: TracedAddress, remote: TracedAddress, announce: QlogEvent[]): { readonly tuple?: string } {
    const key = `${local.hostname} ${local.port} ${remote.hostname} ${remote.port}`;
    let id = this.#tuples.get(key);
    if (id === undefined) {
      id = this.#tuples.size === 0 ? "" : String(this.#tuples.size);
      this.#tuples.set(key, id);
      const data = { tuple_id: id, tuple_remote: endpointInfo(remote), tuple_local: endpointInfo(local) };
      announce.push({ name: "quic:tuple_assigned", data });
    }
    return id === "" ? {} : { tuple: id };
  }
}

/** What translations share. */
interface TranslatorState {
  exponentOf(side: "local" | "remote"): number;
  setExponent(side: "local" | "remote", exponent: number): void;
  role(): Role;
  setRole(role: Role): void;
  tuple(local: TracedAddress, remote: TracedAddress, announce: QlogEvent[]): { readonly tuple?: string };
}

type Table = { readonly [N in TraceName]?: (data: Data<N>, state: TranslatorState) => QlogEvent[] };

/** One entry per event whose form differs from ours; all others keep their names, with members in snake case. */
const TABLE: Table = {
  "quic:connection_started": (data, state) => {
    state.setRole(data.role);
    const events: QlogEvent[] = [];
    state.tuple(data.local, data.remote, events);
    const local = { ...endpointInfo(data.local), connection_ids: [hex(data.sourceId)] };
    const remote = { ...endpointInfo(data.remote), connection_ids: [hex(data.destinationId)] };
    return [{ name: "quic:connection_started", data: { local, remote } }, ...events];
  },
  "quic:connection_closed": (data) => one("quic:connection_closed", closed(data)),
  "quic:connection_state_updated": (data) =>
    one("quic:connection_state_updated", {
      old: CONNECTION_STATES[data.old] ?? data.old,
      new: CONNECTION_STATES[data.new] ?? data.new,
    }),
  "quic:version_information": (data, state) => versions(data, state.role()),
  "quic:alpn_information": (data) => one("quic:alpn_information", { chosen_alpn: { string_value: data.chosen } }),
  "quic:parameters_set": (data, state) => {
    const { ackDelayExponent } = data.parameters;
    if (typeof ackDelayExponent === "number") state.setExponent(data.owner, ackDelayExponent);
    return one("quic:parameters_set", { initiator: data.owner, ...parameters(data.parameters) });
  },
  "quic:parameters_restored": (data) => one("quic:parameters_restored", parameters(data.parameters)),
  "quic:packet_sent": (data, state) => packet("quic:packet_sent", data, state),
  "quic:packet_received": (data, state) => packet("quic:packet_received", data, state),
  "quic:packet_dropped": (data) =>
    one("quic:packet_dropped", {
      ...(data.type === undefined ? {} : { header: { packet_type: PACKET_TYPES[data.type] } }),
      raw: { length: data.size },
      details: { reason: data.reason, ...(data.detail === undefined ? {} : { text: data.detail }) },
      trigger: DROP_TRIGGERS[data.reason] ?? "invalid",
    }),
  "quic:packet_buffered": (data) =>
    one("quic:packet_buffered", {
      header: { packet_type: PACKET_TYPES[data.type] },
      raw: { length: data.size },
      trigger: "keys_unavailable",
    }),
  "quic:key_updated": (data, state) =>
    keyTypes(data.keyType, state.role()).map((key_type) => ({
      name: "quic:key_updated",
      data: { key_type, key_phase: data.phase, trigger: data.trigger },
    })),
  "quic:key_discarded": (data, state) =>
    keyTypes(data.keyType, state.role()).map((key_type) => ({ name: "quic:key_discarded", data: { key_type } })),
  "quic:stream_state_updated": (data) =>
    one("quic:stream_state_updated", {
      stream_id: data.streamId,
      old: data.old,
      new: data.new,
      stream_side: RECEIVING_STATES.has(data.new) ? "receiving" : "sending",
    }),
  "quic:migration_state_updated": (data, state) => {
    const events: QlogEvent[] = [];
    const { tuple = "" } = state.tuple(data.local, data.remote, events);
    const migration = data.new === "migration_failed" ? "migration_abandoned" : data.new;
    events.push({
      name: "quic:migration_state_updated",
      data: { new: migration, tuple_id: tuple, path_id: data.path },
    });
    return events;
  },
  "quic:loss_timer_updated": (data) =>
    one("quic:timer_updated", {
      timer_type: data.kind,
      packet_number_space: space(data.level),
      event_type: data.action,
      ...(data.delta === undefined ? {} : { delta: data.delta }),
      path_id: data.path,
    }),
  "quic:metrics_updated": (data) =>
    one("quic:recovery_metrics_updated", {
      min_rtt: data.minRtt,
      smoothed_rtt: data.smoothedRtt,
      latest_rtt: data.latestRtt,
      rtt_variance: data.rttVariation,
      pto_count: data.ptoCount,
      congestion_window: data.cwnd,
      bytes_in_flight: data.inFlight,
      path_id: data.path,
    }),
  "quic:packet_lost": (data) => {
    const isStandard = data.trigger === "reordering_threshold" || data.trigger === "time_threshold";
    const trigger = isStandard ? { trigger: data.trigger } : { reason: data.trigger };
    return one("quic:packet_lost", { header: header(data.header), ...trigger });
  },
  "quic:packets_acked": (data) =>
    one("quic:packets_acked", {
      packet_number_space: space(data.level),
      packet_numbers: data.numbers,
      path_id: data.path,
    }),
  "quic:spurious_loss": (data) => one("multipath:spurious_loss", { header: header(data.header) }),
  "multipath:path_assigned": (data, state) => {
    const events: QlogEvent[] = [];
    const { tuple = "" } = state.tuple(data.local, data.remote, events);
    const assigned = { path_id: data.path, route: data.route, label: data.label, tuple_id: tuple };
    events.push({ name: "multipath:path_assigned", data: assigned });
    return events;
  },
};

function one(name: string, data: JsonObject): QlogEvent[] {
  return [{ name, data }];
}

function packet(
  name: "quic:packet_sent" | "quic:packet_received",
  data: Data<"quic:packet_sent"> | Data<"quic:packet_received">,
  state: TranslatorState,
): QlogEvent[] {
  const events: QlogEvent[] = [];
  const tuple = state.tuple(data.local, data.remote, events);
  const exponent = state.exponentOf(name === "quic:packet_sent" ? "local" : "remote");
  events.push({
    name,
    ...tuple,
    data: {
      header: header(data.header),
      frames: data.frames.map((frame) => frameToQlog(frame, exponent)),
      raw: { length: data.size },
      ...("probe" in data && data.probe ? { is_mtu_probe_packet: true } : {}),
      ...(data.ecn === "not-ect" ? {} : { ecn: ECN[data.ecn] ?? data.ecn }),
    },
  });
  return events;
}

function header(traced: TracedHeader): JsonObject {
  const packet_type = PACKET_TYPES[traced.type];
  if (traced.type === "retry" || traced.type === "version_negotiation") return { packet_type };
  const path = traced.type === "one_rtt" ? { path_id: traced.path } : {};
  return { packet_type, packet_number: traced.number, ...path };
}

function closed(data: Data<"quic:connection_closed">): JsonObject {
  const byApplication = data.trigger === "application";
  const error = transportError(data.code);
  return {
    initiator: data.byPeer ? "remote" : "local",
    ...(byApplication ? { application_error: "unknown" } : { connection_error: error }),
    ...(byApplication || error === "unknown" ? { error_code: data.code } : {}),
    reason: data.reason,
    trigger: data.trigger === "clean" ? "unspecified" : data.trigger,
  };
}

function versions(data: Data<"quic:version_information">, role: Role): QlogEvent[] {
  const offered = data.offered.map(version);
  const side = role === "client" ? "server_versions" : "client_versions";
  return one("quic:version_information", {
    ...(offered.length === 0 ? {} : { [side]: offered }),
    ...(data.chosen === 0 ? {} : { chosen_version: version(data.chosen) }),
  });
}

function version(value: number): string {
  return value.toString(16).padStart(8, "0");
}

function parameters(values: Readonly<Record<string, unknown>>): JsonObject {
  const written: Record<string, JsonObject[string]> = {};
  for (const [name, value] of Object.entries(values)) {
    if (value === undefined) continue;
    if (name === "unknown" && value instanceof Map) {
      written["unknown_parameters"] = [...value].map(([id, bytes]) => ({ id, value: hex(bytes as Uint8Array) }));
    } else if (name === "preferredAddress") {
      written["preferred_address"] = preferredAddress(value as Parameters<typeof preferredAddress>[0]);
    } else {
      written[snakeCase(name)] = toJson(value);
    }
  }
  return written;
}

function preferredAddress(value: {
  readonly ipv4?: TracedAddress | undefined;
  readonly ipv6?: TracedAddress | undefined;
  readonly connectionId: Uint8Array;
  readonly statelessResetToken: Uint8Array;
}): JsonObject {
  return {
    ...(value.ipv4 === undefined ? {} : endpointInfo(value.ipv4)),
    ...(value.ipv6 === undefined ? {} : endpointInfo(value.ipv6)),
    connection_id: hex(value.connectionId),
    stateless_reset_token: hex(value.statelessResetToken),
  };
}

/** `write_handshake` at a client is its own secret; a level alone means both ends' secrets. */
function keyTypes(keyType: string, role: Role): string[] {
  const [use, named] = keyType.split("_");
  const other = role === "client" ? "server" : "client";
  const level = LEVELS[named ?? keyType] ?? named ?? keyType;
  if (named === undefined) return [`client_${level}_secret`, `server_${level}_secret`];
  return [`${use === "write" ? role : other}_${level}_secret`];
}

function space(level: string): string {
  return level === "initial" || level === "handshake" ? level : "application_data";
}

/** Our `path` is `path_id` in every implementation's logs. */
function pathId(data: JsonObject): JsonObject {
  const { path, ...rest } = data;
  return path === undefined ? data : { path_id: path, ...rest };
}
