/**
 * What the driver needs of an endpoint and its connections: small enough to be faked in tests.
 *
 * @module
 */
import type { Address, Datagram, Transmit } from "../base/address.ts";
import type { SendErrorKind } from "./socket.ts";

/** A connection as the driver sees it. `E` is its kind of event. */
export interface DrivenConnection<E> {
  /** `"closed"` when nothing of it is left to do. */
  readonly state: string;
  transmit(now: number, buffer: Uint8Array): Transmit | undefined;
  nextTimeout(): number;
  handleTimeout(now: number): void;
  nextEvent(): E | undefined;
  onSendError(local: Address, remote: Address, error: SendErrorKind, now: number, size: number): void;
}

/** What became of a datagram; `I` is a connection attempt that waits to be accepted. */
export type DrivenArrival<C, I> =
  | { readonly kind: "connection"; readonly connection: C }
  | { readonly kind: "incoming"; readonly incoming: I }
  | { readonly kind: "none" };

/** An endpoint as the driver sees it. The driver looks after the timers of the connections itself. */
export interface DrivenEndpoint<C, I> {
  receive(datagram: Datagram, now: number): DrivenArrival<C, I>;
  transmit(now: number, buffer: Uint8Array): Transmit | undefined;
  /** The connection is closed. */
  forget(connection: C): void;
}

/** Who is told what happens to one connection. */
export interface ConnectionHandler<E> {
  onEvent(event: E): void;
  /** It has had its turn: what could be sent was. */
  onTurn?(): void;
  /** A datagram of it did not leave; the connection has been told already. */
  onSendFailed?(kind: SendErrorKind, error: unknown, local: Address, remote: Address): void;
  /** The socket with this local address is dead. */
  onSocketDead?(local: Address, error: Error): void;
  /** It is closed and all of its events were delivered: the driver has forgotten it. */
  onGone?(): void;
}

/** Who is told what happens to the endpoint. */
export interface EndpointHandler<I> {
  onIncoming(incoming: I): void;
  /** The last socket died. */
  onDead(error: Error): void;
}
