import type { ModeChoice } from "../../schedulers/modes.ts";
import type { QuicBidirectionalStream, QuicReceiveStream, QuicSendStream } from "./types.ts";

/** Both parts of a stream. */
export class BidirectionalStream implements QuicBidirectionalStream {
  readonly readable: QuicReceiveStream;
  readonly writable: QuicSendStream;

  constructor(readable: QuicReceiveStream, writable: QuicSendStream) {
    this.readable = readable;
    this.writable = writable;
  }

  get mode(): ModeChoice | undefined {
    return this.writable.mode;
  }

  set mode(mode: ModeChoice | undefined) {
    this.writable.mode = mode;
  }
}
