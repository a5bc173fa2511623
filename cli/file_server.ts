import {
  ApplicationError,
  type QuicBidirectionalStream,
  type QuicConn,
  type QuicIncoming,
  type QuicListener,
} from "../mod.ts";
import { asHqError, type DocumentRoot } from "./document_root.ts";
import { formatBytes, formatSeconds } from "./format.ts";
import { HqError, HqErrorCode, readRequest } from "./hq.ts";
import { FaultNotes } from "./scheduler_faults.ts";
import { formatHostPort } from "./where.ts";

/** Bytes of a file that are in memory at once, for each request. */
const PIECE = 1 << 18;
/** Characters of a request's target that are logged. */
const MAX_LOGGED = 200;

/** What a {@linkcode FileServer} is made of. */
export interface FileServerOptions {
  readonly root: DocumentRoot;
  /** Takes a line for each request, and for each client that failed. */
  readonly log: (line: string) => void;
  /** Lets a client in; may give its connection an observer. */
  readonly accept: (incoming: QuicIncoming) => Promise<QuicConn>;
}

/** Answers `hq-interop` requests with the files of a directory. */
export class FileServer {
  readonly #root: DocumentRoot;
  readonly #log: (line: string) => void;
  readonly #accept: (incoming: QuicIncoming) => Promise<QuicConn>;

  constructor(options: FileServerOptions) {
    this.#root = options.root;
    this.#log = options.log;
    this.#accept = options.accept;
  }

  /** Serves every client until the listener is stopped. */
  async serve(listener: QuicListener): Promise<void> {
    for await (const incoming of listener) void this.#serveClient(incoming);
  }

  async #serveClient(incoming: QuicIncoming): Promise<void> {
    const client = formatHostPort(incoming.remoteAddr);
    try {
      const conn = await this.#accept(incoming);
      void this.#tellOfFaults(conn, client);
      for await (const stream of conn.incomingBidirectionalStreams) void this.#answer(stream, client);
    } catch (error) {
      this.#log(`${client} ${messageOf(error)}`);
    }
  }

  async #tellOfFaults({ pathEvents }: QuicConn, client: string): Promise<void> {
    const notes = new FaultNotes();
    for await (const event of pathEvents) {
      const note = notes.of(event);
      if (note !== undefined) this.#log(`${client} ${note}`);
    }
  }

  async #answer(stream: QuicBidirectionalStream, client: string): Promise<void> {
    const reader = stream.readable.getReader();
    const writer = stream.writable.getWriter();
    // What is pending when the connection ends rejects; it is told of where it matters.
    writer.closed.catch(() => {});
    let target = "?";
    const startedAt = performance.now();
    try {
      target = await readRequest(reader);
      void drain(reader);
      const bytes = await this.#send(target, writer);
      const seconds = (performance.now() - startedAt) / 1000;
      this.#log(`${client} GET ${shortened(target)} ${formatBytes(bytes)} in ${formatSeconds(seconds)}`);
    } catch (error) {
      const how = error instanceof HqError ? `refused with ${error.code}` : "broken off";
      this.#log(`${client} GET ${shortened(target)} ${how}: ${messageOf(error)}`);
      writer.abort(error).catch(() => {});
      reader.cancel(error).catch(() => {});
    }
  }

  /** Sends the file piece by piece, as fast as the peer takes it. */
  async #send(target: string, writer: WritableStreamDefaultWriter<Uint8Array>): Promise<number> {
    const { path } = await this.#root.find(target);
    using file = await Deno.open(path).catch((error: unknown) => {
      throw asHqError(error);
    });
    const piece = new Uint8Array(PIECE);
    let sent = 0;
    while (true) {
      const read = await file.read(piece).catch((error: unknown) => {
        throw asHqError(error);
      });
      if (read === null) break;
      await writer.write(piece.subarray(0, read));
      sent += read;
    }
    await finish(writer);
    return sent;
  }
}

/** Resolves when the client has everything, which it may also say by closing the connection without an error. */
async function finish(writer: WritableStreamDefaultWriter<Uint8Array>): Promise<void> {
  try {
    await writer.close();
  } catch (error) {
    if (!(error instanceof ApplicationError && error.byPeer && error.code === HqErrorCode.NONE)) throw error;
  }
}

/** Takes what comes after a request, until its FIN, and forgets it. */
async function drain(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
  try {
    while (!(await reader.read()).done);
  } catch {
    // The connection is over, or the stream was cancelled.
  }
}

function shortened(target: string): string {
  return target.length > MAX_LOGGED ? `${target.slice(0, MAX_LOGGED)}...` : target;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
