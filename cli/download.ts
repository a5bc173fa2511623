import { createHash } from "node:crypto";
import type { QuicConn } from "../mod.ts";
import { writeRequest } from "./hq.ts";
import type { Output } from "./output_file.ts";

/** What arrived. */
export interface Download {
  readonly bytes: number;
  /** In hexadecimal. */
  readonly sha256: string;
  /** From the request to the last byte. */
  readonly seconds: number;
}

/** How to download. */
export interface DownloadOptions {
  /** The path and query, percent-encoded. */
  readonly target: string;
  readonly output: Output;
  /** Told of every piece: bytes so far. */
  readonly onProgress: (bytes: number) => void;
}

/** Gets one file over `hq-interop` into an output, which is not committed. Throws what the connection and the disk throw. */
export async function download(conn: QuicConn, options: DownloadOptions): Promise<Download> {
  const startedAt = performance.now();
  const { readable, writable } = await conn.createBidirectionalStream();
  const writer = writable.getWriter();
  await writer.write(writeRequest(options.target));
  // Resolves when the server has it, which the answer shows better.
  writer.close().catch(() => {});
  const hash = createHash("sha256");
  let bytes = 0;
  for await (const piece of readable) {
    hash.update(piece);
    bytes += piece.length;
    await options.output.write(piece);
    options.onProgress(bytes);
  }
  const seconds = (performance.now() - startedAt) / 1000;
  return { bytes, sha256: hash.digest("hex"), seconds };
}
