/**
 * What of a connection's traffic belongs to RFC 10069, as a trace shows it.
 *
 * @module
 */
import type { TracedHeader } from "../../transport/base/observer.ts";
import type { Frame } from "../../transport/wire/frames/types.ts";
import type { Trace } from "../kit/trace.ts";

/** Whether a frame is one of the nine that RFC 10069 defines. */
export function isMultipathFrame(frame: Frame): boolean {
  switch (frame.kind) {
    case "ack":
    case "new_connection_id":
    case "retire_connection_id":
      return frame.path !== undefined;
    case "path_abandon":
    case "path_status":
    case "max_path_id":
    case "paths_blocked":
    case "path_cids_blocked":
      return true;
    default:
      return false;
  }
}

/** The frames of RFC 10069 that an end sent, with the headers of their packets. */
export function multipathFrames(trace: Trace): { readonly header: TracedHeader; readonly frame: Frame }[] {
  return trace.filter("quic:packet_sent").flatMap(({ data }) =>
    data.frames.filter(isMultipathFrame).map((frame) => ({ header: data.header, frame }))
  );
}
