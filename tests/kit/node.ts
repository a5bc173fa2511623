/**
 * What the simulated network knows of what it carries for.
 *
 * @module
 */
import type { Address, Datagram, Transmit } from "../../transport/base/address.ts";

/** Anything sans-IO that takes datagrams in, gives datagrams out and has a deadline: an endpoint, a fake. */
export interface Node {
  /** A datagram arrived. Its bytes are the node's until the call returns. */
  receive(datagram: Datagram, now: number): void;
  /** The next datagrams to send, written into the buffer; called until it returns `undefined`. */
  transmit(now: number, buffer: Uint8Array): Transmit | undefined;
  /** When `handleTimeout` wants to be called; Infinity: never. */
  nextTimeout(): number;
  /** Its time has come. */
  handleTimeout(now: number): void;
  /** A send of the node failed at its own host. */
  onSendError?(local: Address, remote: Address, error: "unreachable", now: number): void;
}
