/**
 * What the streams of a connection tell the application. Each is pushed once per edge: `stream_readable` comes again only
 * after a read that left nothing to read, `stream_writable` only after a write that was not taken whole.
 *
 * @module
 */
import type { StreamKind } from "./stream_id.ts";

/** Something happened to a stream. */
export type StreamEvent =
  /** The peer opened a stream. One event for each, in order: the peer may skip ids, and those are open then too. */
  | { readonly type: "stream_opened"; readonly id: number }
  /** `read` finds bytes, or the end. */
  | { readonly type: "stream_readable"; readonly id: number }
  /** `write` takes bytes again. */
  | { readonly type: "stream_writable"; readonly id: number }
  /** The peer wants no more (STOP_SENDING); the stream was reset with its code, `write` throws. */
  | { readonly type: "stream_stopped"; readonly id: number; readonly code: number }
  /** The peer gave up (RESET_STREAM); what was not read yet is gone, `read` throws. */
  | { readonly type: "stream_reset"; readonly id: number; readonly code: number }
  /** All that was written, and the end, has arrived at the peer. */
  | { readonly type: "stream_finished"; readonly id: number }
  /** `open` works again, after it did not. */
  | { readonly type: "streams_available"; readonly kind: StreamKind };
