import { assertEquals } from "@std/assert";
import type { Frame } from "@multipath/quic/transport";
import { frameToQlog } from "./frames.ts";
import type { JsonObject } from "./values.ts";

const BYTES = new Uint8Array([0xde, 0xad]);

const CASES: readonly [Frame, JsonObject][] = [
  [{ kind: "padding", length: 30 }, { frame_type: "padding", raw: { length: 30 } }],
  [{ kind: "ping" }, { frame_type: "ping" }],
  [
    { kind: "ack", path: undefined, delay: 125, ranges: [22, 10, 7, 7, 2, 1], ecn: { ect0: 1, ect1: 0, ce: 2 } },
    { frame_type: "ack", ack_delay: 1, acked_ranges: [[1, 2], [7], [10, 22]], ect0: 1, ect1: 0, ce: 2 },
  ],
  [
    { kind: "ack", path: 3, delay: 0, ranges: [0, 0], ecn: undefined },
    { frame_type: "path_ack", path_id: 3, ack_delay: 0, acked_ranges: [[0]] },
  ],
  [
    { kind: "reset_stream", streamId: 4, code: 9, finalSize: 100 },
    { frame_type: "reset_stream", stream_id: 4, error: "unknown", error_code: 9, final_size: 100 },
  ],
  [
    { kind: "stop_sending", streamId: 4, code: 9 },
    { frame_type: "stop_sending", stream_id: 4, error: "unknown", error_code: 9 },
  ],
  [{ kind: "crypto", offset: 5, data: BYTES }, { frame_type: "crypto", offset: 5, raw: { payload_length: 2 } }],
  [{ kind: "new_token", token: BYTES }, { frame_type: "new_token", token: { raw: { length: 2, data: "dead" } } }],
  [
    { kind: "stream", streamId: 0, offset: 7, data: BYTES, fin: true },
    { frame_type: "stream", stream_id: 0, offset: 7, fin: true, raw: { payload_length: 2 } },
  ],
  [
    { kind: "stream", streamId: 8, offset: 0, data: BYTES, fin: false },
    { frame_type: "stream", stream_id: 8, offset: 0, raw: { payload_length: 2 } },
  ],
  [{ kind: "max_data", limit: 10 }, { frame_type: "max_data", maximum: 10 }],
  [
    { kind: "max_stream_data", streamId: 4, limit: 10 },
    { frame_type: "max_stream_data", stream_id: 4, maximum: 10 },
  ],
  [
    { kind: "max_streams", bidirectional: true, limit: 10 },
    { frame_type: "max_streams", stream_type: "bidirectional", maximum: 10 },
  ],
  [{ kind: "data_blocked", limit: 10 }, { frame_type: "data_blocked", limit: 10 }],
  [
    { kind: "stream_data_blocked", streamId: 4, limit: 10 },
    { frame_type: "stream_data_blocked", stream_id: 4, limit: 10 },
  ],
  [
    { kind: "streams_blocked", bidirectional: false, limit: 10 },
    { frame_type: "streams_blocked", stream_type: "unidirectional", limit: 10 },
  ],
  [
    {
      kind: "new_connection_id",
      path: undefined,
      sequence: 2,
      retirePriorTo: 1,
      connectionId: BYTES,
      resetToken: new Uint8Array(2),
    },
    {
      frame_type: "new_connection_id",
      sequence_number: 2,
      retire_prior_to: 1,
      connection_id_length: 2,
      connection_id: "dead",
      stateless_reset_token: "0000",
    },
  ],
  [
    { kind: "new_connection_id", path: 1, sequence: 0, retirePriorTo: 0, connectionId: BYTES, resetToken: BYTES },
    {
      frame_type: "path_new_connection_id",
      path_id: 1,
      sequence_number: 0,
      retire_prior_to: 0,
      connection_id_length: 2,
      connection_id: "dead",
      stateless_reset_token: "dead",
    },
  ],
  [
    { kind: "retire_connection_id", path: undefined, sequence: 3 },
    { frame_type: "retire_connection_id", sequence_number: 3 },
  ],
  [
    { kind: "retire_connection_id", path: 1, sequence: 3 },
    { frame_type: "path_retire_connection_id", path_id: 1, sequence_number: 3 },
  ],
  [{ kind: "path_challenge", data: BYTES }, { frame_type: "path_challenge", data: "dead" }],
  [{ kind: "path_response", data: BYTES }, { frame_type: "path_response", data: "dead" }],
  [
    { kind: "connection_close", application: true, code: 7, frameType: 0, reason: "bye" },
    { frame_type: "connection_close", error_space: "application", error: "unknown", error_code: 7, reason: "bye" },
  ],
  [
    { kind: "connection_close", application: false, code: 10, frameType: 6, reason: "" },
    {
      frame_type: "connection_close",
      error_space: "transport",
      error: "protocol_violation",
      reason: "",
      trigger_frame_type: 6,
    },
  ],
  [{ kind: "handshake_done" }, { frame_type: "handshake_done" }],
  [{ kind: "datagram", data: BYTES }, { frame_type: "datagram", raw: { payload_length: 2 } }],
  [
    { kind: "datagram_numbered", number: 7, data: BYTES },
    { frame_type: "datagram_numbered", number: 7, raw: { payload_length: 2 } },
  ],
  [
    { kind: "hint_signal", name: "bufferMs", sequence: 3, value: 400 },
    { frame_type: "hint_signal", name: "bufferMs", sequence_number: 3, value: 400 },
  ],
  [
    { kind: "hint_path", path: 1, sequence: 4, label: "cell", cost: 1, metered: true },
    { frame_type: "hint_path", path_id: 1, sequence_number: 4, label: "cell", cost: 1, metered: true },
  ],
  [
    { kind: "hint_mode", sequence: 5, mode: "handover" },
    { frame_type: "hint_mode", sequence_number: 5, mode: "handover" },
  ],
  [
    { kind: "hint_stream_mode", streamId: 4, sequence: 6, mode: "redundant" },
    { frame_type: "hint_stream_mode", stream_id: 4, sequence_number: 6, mode: "redundant" },
  ],
  [{ kind: "path_abandon", path: 2, code: 62 }, { frame_type: "path_abandon", path_id: 2, error_code: 62 }],
  [
    { kind: "path_status", path: 2, sequence: 5, status: "backup" },
    { frame_type: "path_status_backup", path_id: 2, path_status_sequence_number: 5 },
  ],
  [
    { kind: "path_status", path: 2, sequence: 6, status: "available" },
    { frame_type: "path_status_available", path_id: 2, path_status_sequence_number: 6 },
  ],
  [{ kind: "max_path_id", limit: 4 }, { frame_type: "max_path_id", maximum_path_id: 4 }],
  [{ kind: "paths_blocked", limit: 4 }, { frame_type: "paths_blocked", maximum_path_id: 4 }],
  [
    { kind: "path_cids_blocked", path: 1, nextSequence: 2 },
    { frame_type: "path_cids_blocked", path_id: 1, next_sequence_number: 2 },
  ],
];

for (const [index, [frame, expected]] of CASES.entries()) {
  Deno.test(`frameToQlog() writes ${expected["frame_type"]}, case ${index}`, () => {
    assertEquals(frameToQlog(frame, 3), expected);
  });
}
