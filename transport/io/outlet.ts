import type { Address } from "../base/address.ts";
import type { SendReceipt, UdpSocket } from "./socket.ts";

/** Datagrams that may wait in one socket; more than this is for the network's queues, not for ours. */
export const MAX_PENDING = 256;

interface Waiting {
  readonly data: Uint8Array;
  readonly remote: Address;
  readonly receipt: SendReceipt;
}

/**
 * Keeps the datagrams of one socket in order. As long as the system takes each at once they go out in bursts; but sends
 * that have to wait for it (the first after binding, or a full buffer) come out last one first, so then they go one at a
 * time.
 *
 * | mode   | event                                   | next   |
 * |--------|-----------------------------------------|--------|
 * | single | nothing waits and nothing is in the socket | burst |
 * | burst  | a turn begins and sends of the last one are still in the socket | single |
 */
export class Outlet {
  readonly socket: UdpSocket;
  #mode: "single" | "burst" = "single";
  #inSocket = 0;
  #queue: Waiting[] = [];

  constructor(socket: UdpSocket) {
    this.socket = socket;
  }

  /** Datagrams that the system has not taken yet. */
  get pending(): number {
    return this.#inSocket + this.#queue.length;
  }

  send(data: Uint8Array, remote: Address, receipt: SendReceipt): void {
    if (this.#mode === "single" && this.pending > 0) {
      this.#queue.push({ data, remote, receipt });
      return;
    }
    this.#inSocket += 1;
    this.socket.send(data, remote, receipt);
  }

  /** A datagram was taken, or failed. */
  onReturn(): void {
    this.#inSocket -= 1;
    if (this.#inSocket > 0) return;
    const next = this.#queue.shift();
    if (next === undefined) {
      this.#mode = "burst";
      return;
    }
    this.#inSocket = 1;
    this.socket.send(next.data, next.remote, next.receipt);
  }

  /** The event loop has come round: what the system could take at once, it has. */
  onTurn(): void {
    if (this.#inSocket > 0) this.#mode = "single";
  }
}
