/**
 * `hq-interop`, HTTP/0.9 over QUIC: the client opens a bidirectional stream and sends `GET /path\r\n` (or `GET /path` and FIN),
 * the server answers with the bytes of the file and FIN. There is no status line: what cannot be served resets the stream
 * with one of the codes below.
 *
 * @module
 */

/** The name in ALPN. */
export const HQ_INTEROP = "hq-interop";

/** Longest request line that is read, in bytes. */
export const MAX_REQUEST_LENGTH = 8192;

/**
 * Application error codes, on streams (RESET_STREAM, STOP_SENDING) and connections alike. Those of requests are HTTP's, so that
 * they can be read in a trace.
 */
export const HqErrorCode: {
  /** No error: the connection is closed because all is done. */
  readonly NONE: 0;
  /** The request is not `GET /path`. */
  readonly BAD_REQUEST: 400;
  /** The path is not one that is served: it leads out of the root, or is no regular file. */
  readonly REFUSED: 403;
  /** There is no such file. */
  readonly NOT_FOUND: 404;
  /** The one who asked no longer wants the answer. */
  readonly CANCELLED: 499;
  /** The file is there and cannot be read. */
  readonly UNREADABLE: 500;
  /** The server is being stopped. */
  readonly STOPPING: 503;
} = { NONE: 0, BAD_REQUEST: 400, REFUSED: 403, NOT_FOUND: 404, CANCELLED: 499, UNREADABLE: 500, STOPPING: 503 };

const MEANINGS: ReadonlyMap<number, string> = new Map([
  [HqErrorCode.NONE, "the server ended the answer without an error"],
  [HqErrorCode.BAD_REQUEST, "the server does not understand the request"],
  [HqErrorCode.REFUSED, "the server refuses to serve that path"],
  [HqErrorCode.NOT_FOUND, "the server has no such file"],
  [HqErrorCode.CANCELLED, "the answer was cancelled"],
  [HqErrorCode.UNREADABLE, "the server cannot read the file"],
  [HqErrorCode.STOPPING, "the server is being stopped"],
]);

/** What an error code says, in words. */
export function meaningOf(code: number): string {
  return MEANINGS.get(code) ?? "the server did not say why";
}

/** A request that is answered with an error code. */
export class HqError extends Error {
  override name = "HqError";
  /** One of {@linkcode HqErrorCode}: what the stream is reset with. */
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

/** The request for a target such as `/file`. */
export function writeRequest(target: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`GET ${target}\r\n`);
}

/**
 * Reads a request up to its end of line, or its FIN, and returns the target, still percent-encoded. What follows the line is
 * left in the stream. Throws `HqError`, and what the stream throws.
 */
export async function readRequest(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<string> {
  const line = new Uint8Array(MAX_REQUEST_LENGTH);
  let length = 0;
  while (true) {
    const { value, done } = await reader.read();
    if (done) return parseRequest(line.subarray(0, length));
    const end = value.indexOf(LF);
    const part = end < 0 ? value : value.subarray(0, end);
    if (length + part.length > MAX_REQUEST_LENGTH) {
      throw new HqError(HqErrorCode.BAD_REQUEST, `The request is longer than ${MAX_REQUEST_LENGTH} bytes`);
    }
    line.set(part, length);
    length += part.length;
    if (end >= 0) return parseRequest(line.subarray(0, length));
  }
}

const LF = 0x0a;
const CR = 0x0d;

function parseRequest(line: Uint8Array): string {
  const end = line.at(-1) === CR ? line.length - 1 : line.length;
  const text = String.fromCharCode(...line.subarray(0, end));
  const target = /^GET (\/[\x21-\x7e]*)$/.exec(text)?.[1];
  if (target === undefined) throw new HqError(HqErrorCode.BAD_REQUEST, 'The request is not "GET /path"');
  return target;
}
