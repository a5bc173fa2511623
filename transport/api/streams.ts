import type { ModeChoice } from "../../schedulers/modes.ts";
import { QuicError, StreamError, TransportErrorCode } from "../base/errors.ts";
import type { Connection } from "../connection/connection.ts";
import type { ConnectionEvent } from "../connection/events.ts";
import { Arrivals } from "./inbox.ts";
import { BidirectionalStream } from "./bidirectional_stream.ts";
import { ReceivePart, ReceiveStream } from "./receive_stream.ts";
import { checkMode, checkSendOrder, SendPart, SendStream } from "./send_stream.ts";
import type { StreamHost, StreamPaths } from "./stream_host.ts";
import type { QuicBidirectionalStream, QuicReceiveStream, QuicSendStreamOptions } from "./types.ts";

type Kind = "bidirectional" | "unidirectional";

interface Opener {
  readonly kind: Kind;
  readonly resolve: (id: number) => void;
  readonly reject: (error: unknown) => void;
}

/** The streams of a connection: those that wait to be opened, the parts that are open, those that the peer opened. */
export class Streams implements StreamHost {
  readonly connection: Connection;
  readonly paths: StreamPaths;
  readonly bidirectional: Arrivals<QuicBidirectionalStream> = new Arrivals();
  readonly unidirectional: Arrivals<QuicReceiveStream> = new Arrivals();
  readonly #wake: () => void;
  readonly #sending = new Map<number, SendPart>();
  readonly #receiving = new Map<number, ReceivePart>();
  #openers: Opener[] = [];
  #error: unknown = undefined;

  constructor(connection: Connection, paths: StreamPaths, wake: () => void) {
    this.connection = connection;
    this.paths = paths;
    this.#wake = wake;
  }

  wake(): void {
    this.#wake();
  }

  sendDone(id: number): void {
    this.#sending.delete(id);
  }

  receiveDone(id: number): void {
    this.#receiving.delete(id);
  }

  async openBidirectional(options: QuicSendStreamOptions = {}): Promise<QuicBidirectionalStream> {
    this.#check(options);
    const id = await this.#open("bidirectional", options.waitUntilAvailable === true);
    const sending = this.#send(id);
    const receiving = this.#receive(id);
    return this.#bidirectional(sending, receiving, options);
  }

  async openUnidirectional(options: QuicSendStreamOptions = {}): Promise<SendStream> {
    this.#check(options);
    const id = await this.#open("unidirectional", options.waitUntilAvailable === true);
    return this.#sendStream(this.#send(id), options);
  }

  onEvent(event: ConnectionEvent): void {
    switch (event.type) {
      case "stream_opened":
        return this.#onOpened(event.id);
      case "stream_readable":
        return this.#receiving.get(event.id)?.onReadable();
      case "stream_writable":
        return this.#sending.get(event.id)?.onWritable();
      case "stream_finished":
        return this.#sending.get(event.id)?.onFinished();
      case "stream_stopped":
        return this.#sending.get(event.id)?.fail(new StreamError(event.code, event.id, "stopped"));
      case "stream_reset":
        return this.#receiving.get(event.id)?.onReset(event.code);
      case "streams_available":
        return this.#onAvailable(event.kind);
      default:
        return;
    }
  }

  /** The client asked for a mode of a stream. */
  onModeRequested(id: number, mode: ModeChoice | undefined): void {
    this.#sending.get(id)?.setMode(mode);
  }

  /** The connection is over; `clean` when that was no failure. */
  close(error: unknown, clean: boolean): void {
    this.#error = error;
    for (const { reject } of this.#openers.splice(0)) reject(error);
    for (const part of [...this.#sending.values()]) part.fail(error);
    for (const part of [...this.#receiving.values()]) part.fail(error);
    this.bidirectional.close(clean ? undefined : error);
    this.unidirectional.close(clean ? undefined : error);
  }

  #open(kind: Kind, wait: boolean): Promise<number> {
    if (this.#error !== undefined) return Promise.reject(this.#error);
    // Those that wait come first.
    const id = this.#openers.some((opener) => opener.kind === kind) ? undefined : this.connection.openStream(kind);
    if (id !== undefined) return Promise.resolve(id);
    if (!wait) return Promise.reject(new StreamLimitError(kind));
    // The peer may want to know that its limit is in the way.
    this.#wake();
    return new Promise((resolve, reject) => this.#openers.push({ kind, resolve, reject }));
  }

  #onAvailable(kind: Kind): void {
    const others = this.#openers.filter((opener) => opener.kind !== kind);
    const waiting = this.#openers.filter((opener) => opener.kind === kind);
    while (waiting.length > 0) {
      const id = this.connection.openStream(kind);
      if (id === undefined) break;
      waiting.shift()!.resolve(id);
    }
    this.#openers = [...others, ...waiting];
  }

  #onOpened(id: number): void {
    const receiving = this.#receive(id);
    const isUnidirectional = (id & 2) !== 0;
    if (isUnidirectional) {
      this.unidirectional.push({ take: () => new ReceiveStream(receiving), refuse: () => receiving.cancel(0) });
      return;
    }
    const sending = this.#send(id);
    this.bidirectional.push({
      take: () => this.#bidirectional(sending, receiving),
      refuse() {
        receiving.cancel(0);
        sending.abort(0);
      },
    });
  }

  #send(id: number): SendPart {
    const part = new SendPart(this, id);
    if (this.#error === undefined) this.#sending.set(id, part);
    else part.fail(this.#error);
    return part;
  }

  #receive(id: number): ReceivePart {
    const part = new ReceivePart(this, id);
    if (this.#error === undefined) this.#receiving.set(id, part);
    else part.fail(this.#error);
    return part;
  }

  #bidirectional(
    sending: SendPart,
    receiving: ReceivePart,
    options: QuicSendStreamOptions = {},
  ): QuicBidirectionalStream {
    return new BidirectionalStream(new ReceiveStream(receiving), this.#sendStream(sending, options));
  }

  #sendStream(part: SendPart, { sendOrder, path, mode }: QuicSendStreamOptions): SendStream {
    const stream = new SendStream(this, part, sendOrder);
    // While it was waited for the path may have come to its end, and every pin with it.
    if (path !== undefined && this.#error === undefined && this.paths.find(path) !== undefined) stream.pin(path);
    if (mode !== undefined) stream.mode = mode;
    return stream;
  }

  #check({ sendOrder = 0, path, mode }: QuicSendStreamOptions): void {
    checkSendOrder(sendOrder);
    checkMode(mode);
    if (path !== undefined && this.#error === undefined) this.paths.idOf(path);
  }
}

/** The peer allows no more streams for now. */
export class StreamLimitError extends QuicError {
  /** `"StreamLimitError"`. */
  override name = "StreamLimitError";

  /** For streams of this kind. */
  constructor(kind: Kind) {
    const message = `The peer allows no more ${kind} streams now: expected some to be closed, or "waitUntilAvailable"`;
    super(TransportErrorCode.STREAM_LIMIT_ERROR, message);
  }
}
