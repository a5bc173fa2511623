/** Datagrams that arrived and wait for a reader, and readers that wait for one. */
export class DatagramInbox {
  readonly #readers: { resolve: (data: Uint8Array<ArrayBuffer>) => void; reject: (error: unknown) => void }[] = [];
  #waiting: Uint8Array<ArrayBuffer>[] = [];
  #bytes = 0;
  #error: unknown = undefined;
  #closed = false;

  push(data: Uint8Array<ArrayBuffer>): void {
    const reader = this.#readers.shift();
    if (reader !== undefined) {
      reader.resolve(data);
      return;
    }
    this.#waiting.push(data);
    this.#bytes += data.length + OVERHEAD;
    while (this.#bytes > MAX_BYTES) this.#take();
  }

  read(): Promise<Uint8Array<ArrayBuffer>> {
    const data = this.#take();
    if (data !== undefined) return Promise.resolve(data);
    if (this.#closed) return Promise.reject(this.#error);
    return new Promise((resolve, reject) => this.#readers.push({ resolve, reject }));
  }

  /** Nothing more will come; what is here can still be read. */
  close(error: unknown): void {
    this.#closed = true;
    this.#error = error;
    for (const { reject } of this.#readers.splice(0)) reject(error);
  }

  #take(): Uint8Array<ArrayBuffer> | undefined {
    const data = this.#waiting.shift();
    if (data !== undefined) this.#bytes -= data.length + OVERHEAD;
    return data;
  }
}

/** Bytes of datagrams that wait at most; then the oldest are dropped. */
const MAX_BYTES = 1 << 20;
/** What each counts besides its bytes. */
const OVERHEAD = 64;

/** Something from the peer, for the application to take. */
export interface Arrival<T> {
  /** It is taken. */
  take(): T;
  /** Nobody wants it. */
  refuse(): void;
}

/** A `ReadableStream` of what comes from the peer, made for whoever asks: nothing is made ahead. */
export class Arrivals<T> {
  readonly stream: ReadableStream<T>;
  readonly #waiting: Arrival<T>[] = [];
  #controller: ReadableStreamDefaultController<T> | undefined;
  #pull: (() => void) | undefined;
  #end: { readonly error: unknown } | undefined;
  #cancelled = false;

  constructor() {
    this.stream = new ReadableStream<T>({
      start: (controller) => {
        this.#controller = controller;
      },
      pull: () => this.#next() ? undefined : new Promise((resolve) => this.#pull = resolve),
      cancel: () => this.#cancel(),
    }, { highWaterMark: 0 });
  }

  push(arrival: Arrival<T>): void {
    if (this.#cancelled) return arrival.refuse();
    this.#waiting.push(arrival);
    this.#wake();
  }

  /** No more come: the stream ends, or fails, when those that wait have been taken. */
  close(error?: unknown): void {
    if (this.#cancelled) return;
    this.#end = { error };
    this.#wake();
  }

  #cancel(): void {
    this.#cancelled = true;
    for (const arrival of this.#waiting.splice(0)) arrival.refuse();
  }

  #wake(): void {
    if (this.#pull === undefined || !this.#next()) return;
    const pull = this.#pull;
    this.#pull = undefined;
    pull();
  }

  #next(): boolean {
    const arrival = this.#waiting.shift();
    if (arrival !== undefined) {
      this.#controller?.enqueue(arrival.take());
      return true;
    }
    if (this.#end === undefined) return false;
    if (this.#end.error === undefined) this.#controller?.close();
    else this.#controller?.error(this.#end.error);
    return true;
  }
}
