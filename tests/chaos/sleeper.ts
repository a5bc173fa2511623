/**
 * A host that is not called for a while: a laptop whose lid was closed, or a process that was stopped.
 *
 * @module
 */
import type { Address, Datagram, Transmit } from "../../transport/base/address.ts";
import type { EndpointNode } from "../kit/endpoint_node.ts";
import type { Node } from "../kit/node.ts";

/** Datagrams that wait for a process that is stopped, as in the buffer of a socket. */
const MAX_KEPT = 100;

/** Stands between the network and a node; while it sleeps time does not pass for the node. */
export class Sleeper implements Node {
  readonly #node: EndpointNode;
  #kept: Datagram[] | undefined;
  #isAsleep = false;

  constructor(node: EndpointNode) {
    this.#node = node;
  }

  get isAsleep(): boolean {
    return this.#isAsleep;
  }

  /** Falls asleep; with `keeps`, what arrives waits. */
  sleep(keeps: boolean): void {
    this.#isAsleep = true;
    this.#kept = keeps ? [] : undefined;
  }

  /** Wakes up: first what waited arrives. */
  wake(now: number): void {
    if (!this.#isAsleep) return;
    const kept = this.#kept ?? [];
    this.#isAsleep = false;
    this.#kept = undefined;
    for (const datagram of kept) this.#node.receive(datagram, now);
  }

  /** What a host's `app` calls. */
  run(now: number): void {
    if (!this.#isAsleep) this.#node.run(now);
  }

  receive(datagram: Datagram, now: number): void {
    if (!this.#isAsleep) this.#node.receive(datagram, now);
    else if (this.#kept !== undefined && this.#kept.length < MAX_KEPT) this.#kept.push(datagram);
  }

  transmit(now: number, buffer: Uint8Array): Transmit | undefined {
    return this.#isAsleep ? undefined : this.#node.transmit(now, buffer);
  }

  nextTimeout(): number {
    return this.#isAsleep ? Infinity : this.#node.nextTimeout();
  }

  handleTimeout(now: number): void {
    if (!this.#isAsleep) this.#node.handleTimeout(now);
  }

  onSendError(local: Address, remote: Address, error: "unreachable", now: number): void {
    if (!this.#isAsleep) this.#node.onSendError(local, remote, error, now);
  }
}
