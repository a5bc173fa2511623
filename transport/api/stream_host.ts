import type { Connection } from "../connection/connection.ts";
import type { QuicPath } from "./path_types.ts";

/** The paths on which a stream can go. */
export interface StreamPaths {
  /** The id of a path to send on; throws `TypeError` for what is no path, `PathError` for one that is over. */
  idOf(path: QuicPath | number): number;
  /** The path, if it is not over. */
  find(path: QuicPath | number): QuicPath | undefined;
}

/** What the parts of a stream need of their connection. */
export interface StreamHost {
  readonly connection: Connection;
  readonly paths: StreamPaths;
  /** There may be something to send. */
  wake(): void;
  /** Nothing more will be heard of the sending part. */
  sendDone(id: number): void;
  /** Nothing more will be heard of the receiving part. */
  receiveDone(id: number): void;
}

/** The application error code in what `abort` or `cancel` was given: its `code`, or itself; 0 when there is none. */
export function codeOf(reason: unknown): number {
  const code = typeof reason === "object" && reason !== null ? (reason as { code?: unknown }).code : reason;
  const valid = typeof code === "number" && Number.isInteger(code) && code >= 0 && code <= Number.MAX_SAFE_INTEGER;
  return valid ? code : 0;
}
