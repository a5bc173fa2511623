/**
 * Frames as qlog writes them (draft-ietf-quic-qlog-quic-events-13 §8.13). That draft knows no frames of multiple paths: those
 * have the names that other implementations use; frames of the hints extension have those of the core.
 *
 * @module
 */
import type { Frame } from "@multipath/quic/transport";
import { hex, type JsonObject, transportError } from "./values.ts";

/** Turns a frame into its qlog form. `ackDelayExponent` is the one of the end that wrote the frame. */
export function frameToQlog(frame: Frame, ackDelayExponent: number): JsonObject {
  switch (frame.kind) {
    case "padding":
      return { frame_type: "padding", raw: { length: frame.length } };
    case "ack":
      return ack(frame, ackDelayExponent);
    case "stream":
    case "crypto":
    case "datagram":
    case "datagram_numbered":
      return payload(frame);
    case "reset_stream":
      return { ...applicationError("reset_stream", frame), final_size: frame.finalSize };
    case "stop_sending":
      return applicationError("stop_sending", frame);
    case "new_token":
      return { frame_type: "new_token", token: { raw: { length: frame.token.length, data: hex(frame.token) } } };
    case "path_challenge":
    case "path_response":
      return { frame_type: frame.kind, data: hex(frame.data) };
    case "connection_close":
      return connectionClose(frame);
    case "new_connection_id":
    case "retire_connection_id":
      return connectionId(frame);
    case "path_abandon":
    case "path_status":
    case "max_path_id":
    case "paths_blocked":
    case "path_cids_blocked":
      return pathControl(frame);
    case "hint_signal":
    case "hint_path":
    case "hint_mode":
    case "hint_stream_mode":
      return hint(frame);
    case "ping":
    case "handshake_done":
      return { frame_type: frame.kind };
    default:
      return credit(frame);
  }
}

type Of<K extends Frame["kind"]> = Extract<Frame, { readonly kind: K }>;

function ack(frame: Of<"ack">, ackDelayExponent: number): JsonObject {
  const ranges: number[][] = [];
  // Ours go down, qlog's go up.
  for (let i = frame.ranges.length - 2; i >= 0; i -= 2) {
    const [largest, smallest] = [frame.ranges[i] as number, frame.ranges[i + 1] as number];
    ranges.push(smallest === largest ? [smallest] : [smallest, largest]);
  }
  return {
    ...(frame.path === undefined ? { frame_type: "ack" } : { frame_type: "path_ack", path_id: frame.path }),
    ack_delay: frame.delay * 2 ** ackDelayExponent / 1000,
    acked_ranges: ranges,
    ...(frame.ecn === undefined ? {} : { ect0: frame.ecn.ect0, ect1: frame.ecn.ect1, ce: frame.ecn.ce }),
  };
}

function payload(frame: Of<"stream" | "crypto" | "datagram" | "datagram_numbered">): JsonObject {
  const raw = { payload_length: frame.data.length };
  if (frame.kind === "datagram") return { frame_type: "datagram", raw };
  if (frame.kind === "datagram_numbered") return { frame_type: frame.kind, number: frame.number, raw };
  if (frame.kind === "crypto") return { frame_type: "crypto", offset: frame.offset, raw };
  return {
    frame_type: "stream",
    stream_id: frame.streamId,
    offset: frame.offset,
    ...(frame.fin ? { fin: true } : {}),
    raw,
  };
}

function applicationError(name: string, frame: { readonly streamId: number; readonly code: number }): JsonObject {
  return { frame_type: name, stream_id: frame.streamId, error: "unknown", error_code: frame.code };
}

function connectionClose(frame: Of<"connection_close">): JsonObject {
  const error = frame.application ? "unknown" : transportError(frame.code);
  return {
    frame_type: "connection_close",
    error_space: frame.application ? "application" : "transport",
    error,
    ...(error === "unknown" ? { error_code: frame.code } : {}),
    reason: frame.reason,
    ...(frame.application ? {} : { trigger_frame_type: frame.frameType }),
  };
}

function connectionId(frame: Of<"new_connection_id" | "retire_connection_id">): JsonObject {
  const path = frame.path === undefined ? {} : { path_id: frame.path };
  const frame_type = frame.path === undefined ? frame.kind : `path_${frame.kind}`;
  if (frame.kind === "retire_connection_id") return { frame_type, ...path, sequence_number: frame.sequence };
  return {
    frame_type,
    ...path,
    sequence_number: frame.sequence,
    retire_prior_to: frame.retirePriorTo,
    connection_id_length: frame.connectionId.length,
    connection_id: hex(frame.connectionId),
    stateless_reset_token: hex(frame.resetToken),
  };
}

type PathControl = Of<"path_abandon" | "path_status" | "max_path_id" | "paths_blocked" | "path_cids_blocked">;

function pathControl(frame: PathControl): JsonObject {
  switch (frame.kind) {
    case "path_abandon":
      return { frame_type: "path_abandon", path_id: frame.path, error_code: frame.code };
    case "path_status": {
      const { path, sequence, status } = frame;
      return { frame_type: `path_status_${status}`, path_id: path, path_status_sequence_number: sequence };
    }
    case "path_cids_blocked":
      return { frame_type: frame.kind, path_id: frame.path, next_sequence_number: frame.nextSequence };
    default:
      return { frame_type: frame.kind, maximum_path_id: frame.limit };
  }
}

function hint(frame: Of<"hint_signal" | "hint_path" | "hint_mode" | "hint_stream_mode">): JsonObject {
  const { kind: frame_type, sequence: sequence_number } = frame;
  switch (frame.kind) {
    case "hint_signal":
      return { frame_type, name: frame.name, sequence_number, value: frame.value };
    case "hint_path": {
      const { path: path_id, label, cost, metered, preference } = frame;
      const said = { frame_type, path_id, sequence_number, label, cost, metered };
      return preference === undefined ? said : { ...said, preference };
    }
    case "hint_mode":
      return { frame_type, sequence_number, mode: frame.mode };
    case "hint_stream_mode":
      return { frame_type, stream_id: frame.streamId, sequence_number, mode: frame.mode };
  }
}

type Credit = Of<
  "max_data" | "max_stream_data" | "max_streams" | "data_blocked" | "stream_data_blocked" | "streams_blocked"
>;

function credit(frame: Credit): JsonObject {
  const limit = frame.kind.startsWith("max_") ? { maximum: frame.limit } : { limit: frame.limit };
  if ("streamId" in frame) return { frame_type: frame.kind, stream_id: frame.streamId, ...limit };
  if ("bidirectional" in frame) {
    return { frame_type: frame.kind, stream_type: frame.bidirectional ? "bidirectional" : "unidirectional", ...limit };
  }
  return { frame_type: frame.kind, ...limit };
}
