import type { Address } from "../base/address.ts";
import type { Outlet } from "./outlet.ts";
import type { SendReceipt } from "./socket.ts";

/** Bytes of one slab; several batches of datagrams share one. */
const SLAB_SIZE = 65_536;
/** Bytes given out at once: 16 full datagrams of an Ethernet path. */
const BATCH_SIZE = 24_000;
/** A slab with less room than this is not given out: a connection on a path with jumbo frames must find room. */
const MIN_ROOM = 16_384;
/** Datagrams of all sockets that wait to be taken, at most. */
export const MAX_IN_FLIGHT = 1024;

interface Slab {
  readonly bytes: Uint8Array;
  /** Where the next batch begins. */
  at: number;
  /** Datagrams in it that a socket still holds. */
  held: number;
}

/** Whose datagram it was and where it went, for the case that it fails. */
export interface SendOrigin {
  onSendFailed(local: Address, remote: Address, error: unknown, size: number): void;
}

/**
 * Memory for datagrams on their way out. Batches are written one after the other into a slab, and a slab starts anew when
 * sockets have taken all that was in it: nothing is allocated per datagram but the view that the socket is given.
 */
export class SendPool {
  readonly #slabs: Slab[] = [];
  readonly #receipts: Receipt[] = [];
  readonly #onReturn: () => void;
  #current: Slab | undefined;
  #inFlight = 0;

  /** `onReturn` is called after each datagram that a socket has taken or failed to send. */
  constructor(onReturn: () => void) {
    this.#onReturn = onReturn;
  }

  /** Datagrams that sockets still hold. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Room for the next batch; `undefined` while too much waits in the sockets. */
  take(): Uint8Array | undefined {
    if (this.#inFlight >= MAX_IN_FLIGHT) return undefined;
    const slab = this.#current ?? this.#freeSlab();
    this.#current = slab;
    return slab.bytes.subarray(slab.at, Math.min(slab.at + BATCH_SIZE, SLAB_SIZE));
  }

  /** `length` bytes of the room that `take` gave are in use. */
  keep(length: number): void {
    const slab = this.#current;
    if (slab === undefined) return;
    slab.at += length;
    if (SLAB_SIZE - slab.at < MIN_ROOM) this.#current = undefined;
  }

  /** A receipt for one datagram in the batch that `take` gave; to be asked for before `keep`. */
  receipt(origin: SendOrigin, outlet: Outlet, remote: Address, size: number): SendReceipt {
    const slab = this.#current;
    if (slab === undefined) throw new Error("A receipt was asked for without a batch: expected take() before it");
    const receipt = this.#receipts.pop() ?? new Receipt((done) => this.#return(done));
    receipt.slab = slab;
    receipt.origin = origin;
    receipt.outlet = outlet;
    receipt.remote = remote;
    receipt.size = size;
    slab.held += 1;
    this.#inFlight += 1;
    return receipt;
  }

  #freeSlab(): Slab {
    const free = this.#slabs.find((slab) => slab.held === 0);
    if (free !== undefined) {
      free.at = 0;
      return free;
    }
    const slab = { bytes: new Uint8Array(SLAB_SIZE), at: 0, held: 0 };
    this.#slabs.push(slab);
    return slab;
  }

  #return(receipt: Receipt): void {
    const { slab, outlet } = receipt;
    if (slab === undefined || outlet === undefined) return;
    slab.held -= 1;
    // The slab in use starts anew as well: a quiet connection lives in its first kilobytes.
    if (slab.held === 0) slab.at = 0;
    this.#inFlight -= 1;
    receipt.slab = undefined;
    receipt.origin = undefined;
    receipt.outlet = undefined;
    this.#receipts.push(receipt);
    outlet.onReturn();
    this.#onReturn();
  }
}

/** Made once and used for many datagrams: a send costs no closure. */
class Receipt implements SendReceipt {
  slab: Slab | undefined;
  origin: SendOrigin | undefined;
  outlet: Outlet | undefined;
  remote: Address | undefined;
  /** Bytes of the datagram. */
  size = 0;
  readonly taken: () => void;
  readonly failed: (error: unknown) => void;

  constructor(done: (receipt: Receipt) => void) {
    this.taken = () => done(this);
    this.failed = (error) => {
      const { origin, outlet, remote, size } = this;
      done(this);
      if (outlet !== undefined && remote !== undefined) origin?.onSendFailed(outlet.socket.local, remote, error, size);
    };
  }
}
