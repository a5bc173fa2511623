/**
 * Transport parameters (RFC 9000 §18): those of RFC 9000, `max_datagram_frame_size` (RFC 9221), `grease_quic_bit`
 * (RFC 9287), `initial_max_path_id` (RFC 10069), and the private `hints` and `single_space`.
 *
 * @module
 */
import { MAX_CID_LENGTH } from "./header.ts";
import { HINTS_PARAMETER, SINGLE_SPACE_PARAMETER } from "./hints_codepoints.ts";
import { ParameterError } from "./parameter_error.ts";
import { type PreferredAddress, readPreferredAddress, writePreferredAddress } from "./preferred_address.ts";
import { Reader, WireError } from "./reader.ts";
import { STATELESS_RESET_TOKEN_LENGTH } from "./stateless_reset.ts";
import { MAX_VARINT, VARINT_SATURATED, varintSize } from "./varint.ts";
import { Writer } from "./writer.ts";

export { ParameterError };

/** How many unknown parameters are kept; further ones are passed over. */
export const MAX_UNKNOWN_PARAMETERS = 32;

/** The longest unknown parameter that is kept, in bytes; longer ones are passed over. */
export const MAX_UNKNOWN_PARAMETER_LENGTH = 256;

/** The largest path id there can be (RFC 10069 §4.6). */
export const MAX_PATH_ID_LIMIT = 0xffff_ffff;

/** What one end declares. Where a peer left a parameter out, its default is filled in. */
export interface TransportParameters {
  /** The destination id of the client's first Initial; only from servers. */
  readonly originalDestinationConnectionId?: Uint8Array | undefined;
  /** Milliseconds; 0: no timeout. */
  readonly maxIdleTimeout: number;
  /** 16 bytes, for the id of the handshake; only from servers. */
  readonly statelessResetToken?: Uint8Array | undefined;
  /** Bytes of UDP payload that the end takes: at least 1200; default 65527. */
  readonly maxUdpPayloadSize: number;
  /** Bytes. */
  readonly initialMaxData: number;
  /** Bytes, of the bidirectional streams that the sender of the parameter opens. */
  readonly initialMaxStreamDataBidiLocal: number;
  /** Bytes, of the bidirectional streams that the receiver of the parameter opens. */
  readonly initialMaxStreamDataBidiRemote: number;
  /** Bytes, of the unidirectional streams that the receiver of the parameter opens. */
  readonly initialMaxStreamDataUni: number;
  /** Streams; saturated above 2^53-1. */
  readonly initialMaxStreamsBidi: number;
  /** Streams; saturated above 2^53-1. */
  readonly initialMaxStreamsUni: number;
  /** 0 to 20; default 3. */
  readonly ackDelayExponent: number;
  /** Milliseconds, below 2^14; default 25. */
  readonly maxAckDelay: number;
  readonly disableActiveMigration: boolean;
  /** Only from servers. */
  readonly preferredAddress?: PreferredAddress | undefined;
  /** Ids, with multipath for each path: at least 2, which is the default. */
  readonly activeConnectionIdLimit: number;
  readonly initialSourceConnectionId?: Uint8Array | undefined;
  /** Only from servers. */
  readonly retrySourceConnectionId?: Uint8Array | undefined;
  /** Bytes of a whole DATAGRAM frame that the end takes; 0, the default: none at all (RFC 9221 §3). */
  readonly maxDatagramFrameSize: number;
  /** The end takes packets whose fixed bit is not set (RFC 9287 §3). */
  readonly greaseQuicBit: boolean;
  /** 0 to 2^32-1; `undefined`: no multipath (RFC 10069 §2). */
  readonly initialMaxPathId: number | undefined;
  /** The version of the hints extension that the end speaks, at least 1; `undefined`: none (`hints_codepoints.ts`). */
  readonly hints: number | undefined;
  /** The version of the single packet number space that the end asks for, at least 1; `undefined`: it does not. */
  readonly singleSpace: number | undefined;
  /** Some of those that this implementation does not know, copied. Ids above 2^53-1 are not among them. */
  readonly unknown: ReadonlyMap<number, Uint8Array>;
}

type Draft = { -readonly [K in keyof TransportParameters]: TransportParameters[K] };
type NumberProperty = {
  [K in keyof TransportParameters]-?: number extends TransportParameters[K] ? K : never;
}[keyof TransportParameters];
type BytesProperty =
  | "originalDestinationConnectionId"
  | "statelessResetToken"
  | "initialSourceConnectionId"
  | "retrySourceConnectionId";
type FlagProperty = "disableActiveMigration" | "greaseQuicBit";

/** A parameter, its wire name, and what its value must be. */
type Spec =
  & { readonly id: number; readonly name: string; readonly serverOnly?: boolean }
  & (
    | { readonly kind: "number"; readonly property: NumberProperty; readonly from: number; readonly to: number }
    | { readonly kind: "streams"; readonly property: NumberProperty }
    | { readonly kind: "bytes"; readonly property: BytesProperty; readonly from: number; readonly to: number }
    | { readonly kind: "flag"; readonly property: FlagProperty }
    | { readonly kind: "address" }
  );

function number(id: number, name: string, property: NumberProperty, from = 0, to: number = MAX_VARINT): Spec {
  return { id, name, kind: "number", property, from, to };
}

const TOKEN = STATELESS_RESET_TOKEN_LENGTH;

/** RFC 9000 §18.2, RFC 9221 §3, RFC 9287 §3, RFC 10069 §2, the private ones: in this order they are written. */
const SPECS: readonly Spec[] = [
  {
    id: 0x00,
    name: "original_destination_connection_id",
    kind: "bytes",
    property: "originalDestinationConnectionId",
    from: 0,
    to: MAX_CID_LENGTH,
    serverOnly: true,
  },
  number(0x01, "max_idle_timeout", "maxIdleTimeout"),
  {
    id: 0x02,
    name: "stateless_reset_token",
    kind: "bytes",
    property: "statelessResetToken",
    from: TOKEN,
    to: TOKEN,
    serverOnly: true,
  },
  number(0x03, "max_udp_payload_size", "maxUdpPayloadSize", 1200),
  number(0x04, "initial_max_data", "initialMaxData"),
  number(0x05, "initial_max_stream_data_bidi_local", "initialMaxStreamDataBidiLocal"),
  number(0x06, "initial_max_stream_data_bidi_remote", "initialMaxStreamDataBidiRemote"),
  number(0x07, "initial_max_stream_data_uni", "initialMaxStreamDataUni"),
  { id: 0x08, name: "initial_max_streams_bidi", kind: "streams", property: "initialMaxStreamsBidi" },
  { id: 0x09, name: "initial_max_streams_uni", kind: "streams", property: "initialMaxStreamsUni" },
  number(0x0a, "ack_delay_exponent", "ackDelayExponent", 0, 20),
  number(0x0b, "max_ack_delay", "maxAckDelay", 0, 2 ** 14 - 1),
  { id: 0x0c, name: "disable_active_migration", kind: "flag", property: "disableActiveMigration" },
  { id: 0x0d, name: "preferred_address", kind: "address", serverOnly: true },
  number(0x0e, "active_connection_id_limit", "activeConnectionIdLimit", 2),
  {
    id: 0x0f,
    name: "initial_source_connection_id",
    kind: "bytes",
    property: "initialSourceConnectionId",
    from: 0,
    to: MAX_CID_LENGTH,
  },
  {
    id: 0x10,
    name: "retry_source_connection_id",
    kind: "bytes",
    property: "retrySourceConnectionId",
    from: 0,
    to: MAX_CID_LENGTH,
    serverOnly: true,
  },
  number(0x20, "max_datagram_frame_size", "maxDatagramFrameSize"),
  number(0x3e, "initial_max_path_id", "initialMaxPathId", 0, MAX_PATH_ID_LIMIT),
  { id: 0x2ab2, name: "grease_quic_bit", kind: "flag", property: "greaseQuicBit" },
  number(HINTS_PARAMETER, "hints", "hints", 1),
  number(SINGLE_SPACE_PARAMETER, "single_space", "singleSpace", 1),
];

const SPEC_BY_ID: ReadonlyMap<number, Spec> = new Map(SPECS.map((spec) => [spec.id, spec]));

/** What a peer that sends no parameters has declared (RFC 9000 §18.2). */
export function defaultParameters(): TransportParameters {
  return defaults();
}

function defaults(): Draft & { unknown: Map<number, Uint8Array> } {
  return {
    maxIdleTimeout: 0,
    maxUdpPayloadSize: 65527,
    initialMaxData: 0,
    initialMaxStreamDataBidiLocal: 0,
    initialMaxStreamDataBidiRemote: 0,
    initialMaxStreamDataUni: 0,
    initialMaxStreamsBidi: 0,
    initialMaxStreamsUni: 0,
    ackDelayExponent: 3,
    maxAckDelay: 25,
    disableActiveMigration: false,
    activeConnectionIdLimit: 2,
    maxDatagramFrameSize: 0,
    greaseQuicBit: false,
    initialMaxPathId: undefined,
    hints: undefined,
    singleSpace: undefined,
    unknown: new Map(),
  };
}

/**
 * Reads the transport parameters that the end `from` sent; all values are copies. That a parameter which must be there is
 * missing, or is not what the packets said (RFC 9000 §7.3), is not checked here.
 *
 * @throws {ParameterError} when one is malformed, out of its range, sent twice, or sent by a client and only for servers.
 */
export function readParameters(bytes: Uint8Array, from: "client" | "server"): TransportParameters {
  const parameters = defaults();
  const seen = new Set<number | string>();
  const r = new Reader(bytes);
  try {
    while (r.left > 0) {
      const idAt = r.at;
      const id = r.varint();
      // Ids above 2^53-1 look alike as numbers, but they have one form each.
      const key = id < VARINT_SATURATED ? id : bytes.subarray(idAt, r.at).join();
      if (seen.has(key)) throw new ParameterError(`Transport parameter ${nameOf(id)} is there twice`);
      seen.add(key);
      const length = r.varint();
      const end = r.at + length;
      if (length > r.left) {
        throw new ParameterError(`Transport parameter ${nameOf(id)} has ${length} bytes, only ${r.left} are left`);
      }
      const spec = SPEC_BY_ID.get(id);
      if (spec === undefined) {
        keepUnknown(parameters.unknown, id, r.bytes(length));
        continue;
      }
      if (spec.serverOnly === true && from === "client") {
        throw new ParameterError(`Transport parameter ${spec.name} came from a client, only a server can send it`);
      }
      readValue(parameters, spec, bytes.subarray(r.at, end));
      r.at = end;
    }
  } catch (error) {
    if (error instanceof WireError) throw new ParameterError(`Transport parameters end too early`, { cause: error });
    throw error;
  }
  return parameters;
}

function nameOf(id: number): string {
  return SPEC_BY_ID.get(id)?.name ?? `0x${id.toString(16)}`;
}

function keepUnknown(unknown: Map<number, Uint8Array>, id: number, value: Uint8Array): void {
  if (id >= VARINT_SATURATED) return;
  if (unknown.size >= MAX_UNKNOWN_PARAMETERS || value.length > MAX_UNKNOWN_PARAMETER_LENGTH) return;
  unknown.set(id, value.slice());
}

function readValue(parameters: Draft, spec: Spec, value: Uint8Array): void {
  switch (spec.kind) {
    case "number":
    case "streams": {
      const n = readNumberValue(spec, value);
      if (spec.kind === "number") checkRange(spec.name, n, spec.from, spec.to);
      parameters[spec.property] = n;
      break;
    }
    case "bytes":
      checkLength(spec.name, value.length, spec.from, spec.to);
      parameters[spec.property] = value.slice();
      break;
    case "flag":
      checkLength(spec.name, value.length, 0, 0);
      parameters[spec.property] = true;
      break;
    case "address":
      parameters.preferredAddress = readPreferredAddress(value);
  }
}

function readNumberValue(spec: Spec, value: Uint8Array): number {
  const r = new Reader(value);
  let n: number;
  try {
    n = spec.kind === "streams" ? r.streamCount() : r.varint();
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    // Only the count of streams is read with a limit; all else that can fail is that the value is cut short.
    const fault = r.at > 0 ? "is above 2^60" : `has ${value.length} bytes, must be one whole varint`;
    throw new ParameterError(`Transport parameter ${spec.name} ${fault}`, { cause: error });
  }
  if (r.left > 0) throw new ParameterError(`Transport parameter ${spec.name} has ${r.left} bytes after its varint`);
  return n;
}

function checkRange(name: string, value: number, from: number, to: number): void {
  if (!(value >= from && value <= to)) {
    const range = to === MAX_VARINT ? `at least ${from}` : `from ${from} to ${to}`;
    throw new ParameterError(`Transport parameter ${name} is ${value}, must be ${range}`);
  }
}

function checkLength(name: string, length: number, from: number, to: number): void {
  if (length < from || length > to) {
    const range = from === to ? `${from}` : `${from} to ${to}`;
    throw new ParameterError(`Transport parameter ${name} has ${length} bytes, must have ${range}`);
  }
}

/** A parameter that is written as it is. */
export interface RawParameter {
  readonly id: number;
  readonly value: Uint8Array;
}

/**
 * Whether an id is reserved so that peers get used to parameters which they do not know: 31 × N + 27 (RFC 9000 §18.1).
 */
export function isGreaseParameter(id: number): boolean {
  return id % 31 === 27;
}

/** A parameter with a reserved id and up to 15 bytes of value, both made of bytes from `random`. */
export function greaseParameter(random: (into: Uint8Array) => void): RawParameter {
  const bytes = new Uint8Array(20);
  random(bytes);
  const id = 31 * new Reader(bytes).u32() + 27;
  return { id, value: bytes.slice(5, 5 + (bytes[4]! & 0x0f)) };
}

/**
 * The transport parameters on the wire. What is left out or has its default is not written, `unknown` neither; `extra`
 * comes last.
 *
 * @throws {ParameterError} when a value is out of its range, or an extra id is a known one or is there twice.
 */
export function writeParameters(
  parameters: Partial<TransportParameters>,
  extra: readonly RawParameter[] = [],
): Uint8Array {
  const standard = defaults();
  const all: RawParameter[] = [];
  for (const spec of SPECS) {
    const value = valueOf(parameters, standard, spec);
    if (value !== undefined) all.push({ id: spec.id, value });
  }
  const seen = new Set<number>(SPEC_BY_ID.keys());
  for (const { id, value } of extra) {
    checkInteger("id", id);
    if (seen.has(id)) throw new ParameterError(`Transport parameter ${nameOf(id)} cannot be an extra one`);
    seen.add(id);
    all.push({ id, value });
  }
  let size = 0;
  for (const { id, value } of all) size += varintSize(id) + varintSize(value.length) + value.length;
  const into = new Uint8Array(size);
  const w = new Writer(into);
  for (const { id, value } of all) {
    w.varint(id);
    w.varint(value.length);
    w.bytes(value);
  }
  return into;
}

function valueOf(p: Partial<TransportParameters>, standard: TransportParameters, spec: Spec): Uint8Array | undefined {
  switch (spec.kind) {
    case "number":
    case "streams": {
      const value = p[spec.property];
      if (value === undefined || value === standard[spec.property]) return undefined;
      checkInteger(spec.name, value);
      if (spec.kind === "number") checkRange(spec.name, value, spec.from, spec.to);
      const into = new Uint8Array(varintSize(value));
      new Writer(into).varint(value);
      return into;
    }
    case "bytes": {
      const value = p[spec.property];
      if (value !== undefined) checkLength(spec.name, value.length, spec.from, spec.to);
      return value;
    }
    case "flag":
      return p[spec.property] === true ? new Uint8Array(0) : undefined;
    case "address":
      return p.preferredAddress === undefined ? undefined : writePreferredAddress(p.preferredAddress);
  }
}

function checkInteger(name: string, value: number): void {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new ParameterError(`Transport parameter ${name} is ${value}, must be an integer from 0 to 2^53-1`);
  }
}
