/**
 * Bytes ⇄ values: packet headers, frames, transport parameters. Nothing here has state; the only errors for bad input are
 * {@linkcode WireError} and, for transport parameters, {@linkcode ParameterError}.
 *
 * @module
 */
export * from "./connection_id.ts";
export * from "./frame_table.ts";
export * from "./frame_types.ts";
export { ackFrameSize, fitAckRanges, MAX_ACK_RANGES_READ, writeAck } from "./frames/ack.ts";
export { datagramDataRoom, datagramFrameOverhead } from "./frames/datagram.ts";
export {
  frameSize,
  FrameTypeLengthError,
  readFrame,
  readFrameBody,
  readFrameType,
  UnknownFrameError,
  writeFrame,
} from "./frames/mod.ts";
export { hintLabel, isHintName, MAX_HINT_LABEL, MAX_HINT_NAME } from "./frames/hints.ts";
export { numberedDatagramOverhead, numberedDatagramRoom } from "./frames/hints.ts";
export { PATH_CHALLENGE_LENGTH } from "./frames/path.ts";
export { cryptoDataRoom, cryptoFrameOverhead, shortenReason } from "./frames/simple.ts";
export { streamFrameSize, streamHeaderSize, writeStreamFrame } from "./frames/stream.ts";
export type * from "./frames/types.ts";
export * from "./header.ts";
export * from "./hints_codepoints.ts";
export * from "./packet_number.ts";
export type { PreferredAddress, SocketAddress } from "./preferred_address.ts";
export * from "./reader.ts";
export * from "./stateless_reset.ts";
export * from "./transport_parameters.ts";
export * from "./varint.ts";
export * from "./version.ts";
export * from "./writer.ts";
