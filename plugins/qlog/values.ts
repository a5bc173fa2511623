/**
 * Small values as qlog writes them.
 *
 * @module
 */

/** A host and a port, as the trace has them. */
export interface TracedAddress {
  readonly hostname: string;
  readonly port: number;
}

/** What JSON can hold. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json | undefined };

/** The data of an event. */
export type JsonObject = { readonly [key: string]: Json | undefined };

/** Lower-case hexadecimal, two digits a byte. */
export function hex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += byte.toString(16).padStart(2, "0");
  return text;
}

/** `TupleEndpointInfo`: the address under the name of its family. */
export function endpointInfo(address: TracedAddress): JsonObject {
  return address.hostname.includes(":")
    ? { ip_v6: address.hostname, port_v6: address.port }
    : { ip_v4: address.hostname, port_v4: address.port };
}

/** `initialMaxData` becomes `initial_max_data`. */
export function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/**
 * Any plain value: names in snake case, bytes in hexadecimal, addresses as `TupleEndpointInfo`; what JSON cannot hold is left
 * out.
 */
export function toJson(value: unknown): Json | undefined {
  switch (typeof value) {
    case "string":
    case "boolean":
      return value;
    case "number":
      return Number.isFinite(value) ? value : undefined;
    case "object":
      return objectToJson(value);
  }
  return undefined;
}

function objectToJson(value: object | null): Json | undefined {
  if (value === null) return null;
  if (value instanceof Uint8Array) return hex(value);
  if (Array.isArray(value)) return value.map((item) => toJson(item) ?? null);
  if (value instanceof Map) {
    return Object.fromEntries([...value].map(([key, item]) => [String(key), toJson(item)]));
  }
  if (isAddress(value)) return endpointInfo(value);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [snakeCase(key), toJson(item)]));
}

function isAddress(value: object): value is TracedAddress {
  return "hostname" in value && "port" in value && typeof value.hostname === "string" && typeof value.port === "number";
}

const TRANSPORT_ERRORS: readonly string[] = [
  "no_error",
  "internal_error",
  "connection_refused",
  "flow_control_error",
  "stream_limit_error",
  "stream_state_error",
  "final_size_error",
  "frame_encoding_error",
  "transport_parameter_error",
  "connection_id_limit_error",
  "protocol_violation",
  "invalid_token",
  "application_error",
  "crypto_buffer_exceeded",
  "key_update_error",
  "aead_limit_reached",
  "no_viable_path",
];

/** The name of a transport error; `"unknown"` for those that qlog has no name for. */
export function transportError(code: number): string {
  if (code >= 0x100 && code <= 0x1ff) return `crypto_error_0x${code.toString(16)}`;
  return TRANSPORT_ERRORS[code] ?? "unknown";
}
