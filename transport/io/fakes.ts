/**
 * Stand-ins for the driver's tests: an endpoint with one kind of connection that sends what it is told, and a socket
 * without a network.
 *
 * @module
 */
import { type Address, type Datagram, formatAddress, type Transmit } from "../base/address.ts";
import type { DrivenArrival, DrivenConnection, DrivenEndpoint } from "./driven.ts";
import type { SendErrorKind, SendReceipt, SocketEvents, UdpSocket } from "./socket.ts";

/** What a fake connection reports: each datagram, and its deadline when it passed. */
export type FakeEvent =
  | { readonly type: "datagram"; readonly data: Uint8Array }
  | { readonly type: "timeout"; readonly at: number };

/** Sends the datagrams that are in `outbox`, `train` at a time. */
export class FakeConnection implements DrivenConnection<FakeEvent> {
  state = "connected";
  deadline = Infinity;
  outbox: Uint8Array[] = [];
  train = 1;
  readonly local: Address;
  readonly remote: Address;
  readonly sendErrors: SendErrorKind[] = [];
  readonly #events: FakeEvent[] = [];

  constructor(local: Address, remote: Address) {
    this.local = local;
    this.remote = remote;
  }

  queue(count: number, size = 1200): void {
    for (let i = 0; i < count; i += 1) this.outbox.push(new Uint8Array(size).fill(i & 255));
  }

  take(data: Uint8Array): void {
    this.#events.push({ type: "datagram", data: data.slice() });
  }

  transmit(_now: number, buffer: Uint8Array): Transmit | undefined {
    const train = this.outbox.splice(0, this.train);
    const segment = train[0]?.length ?? 0;
    let length = 0;
    for (const data of train) {
      buffer.set(data, length);
      length += data.length;
    }
    if (length === 0) return undefined;
    return { local: this.local, remote: this.remote, length, segment, ecn: "not-ect" };
  }

  nextTimeout(): number {
    return this.deadline;
  }

  handleTimeout(now: number): void {
    this.deadline = Infinity;
    this.#events.push({ type: "timeout", at: now });
  }

  nextEvent(): FakeEvent | undefined {
    return this.#events.shift();
  }

  onSendError(_local: Address, _remote: Address, error: SendErrorKind): void {
    this.sendErrors.push(error);
  }
}

/** Finds connections by the address of the peer; a stranger is an incoming one. */
export class FakeEndpoint implements DrivenEndpoint<FakeConnection, Address> {
  readonly connections: Map<string, FakeConnection> = new Map();
  readonly answers: { data: Uint8Array; local: Address; remote: Address }[] = [];
  readonly forgotten: FakeConnection[] = [];

  connect(local: Address, remote: Address): FakeConnection {
    const connection = new FakeConnection(local, remote);
    this.connections.set(formatAddress(remote), connection);
    return connection;
  }

  receive({ data, local, remote }: Datagram): DrivenArrival<FakeConnection, Address> {
    const connection = this.connections.get(formatAddress(remote));
    if (connection !== undefined) {
      connection.take(data);
      return { kind: "connection", connection };
    }
    if (data[0] === 0xff) {
      this.answers.push({ data: data.slice(), local, remote });
      return { kind: "none" };
    }
    return { kind: "incoming", incoming: remote };
  }

  transmit(_now: number, buffer: Uint8Array): Transmit | undefined {
    const answer = this.answers.shift();
    if (answer === undefined) return undefined;
    buffer.set(answer.data);
    const { length } = answer.data;
    return { local: answer.local, remote: answer.remote, length, segment: length, ecn: "not-ect" };
  }

  forget(connection: FakeConnection): void {
    this.forgotten.push(connection);
    this.connections.delete(formatAddress(connection.remote));
  }
}

/** A socket whose sends are kept, and taken, or failed, at once or when told. */
export class FakeSocket implements UdpSocket {
  readonly name = "node";
  readonly local: Address;
  /** What its sends fail with. */
  error: unknown = undefined;
  /** Whether sends wait for `release`. */
  holds = false;
  readonly sent: { data: Uint8Array; remote: Address }[] = [];
  closes = 0;
  #events: SocketEvents | undefined;
  readonly #held: (() => void)[] = [];

  constructor(hostname: string, port: number) {
    this.local = { hostname, port };
  }

  start(events: SocketEvents): void {
    this.#events = events;
  }

  send(data: Uint8Array, remote: Address, receipt: SendReceipt): void {
    if (remote.port === this.local.port && remote.hostname === this.local.hostname) {
      queueMicrotask(() => {
        receipt.taken();
        this.arrive(data, remote);
      });
      return;
    }
    this.sent.push({ data: data.slice(), remote });
    const { error } = this;
    const done = (): void => error === undefined ? receipt.taken() : receipt.failed(error);
    if (this.holds) this.#held.push(done);
    else queueMicrotask(done);
  }

  release(): void {
    for (const done of this.#held.splice(0)) done();
  }

  arrive(data: Uint8Array, remote: Address): void {
    this.#events?.onDatagram(data, remote);
  }

  die(error: Error): void {
    this.#events?.onDead(error);
  }

  close(): Promise<void> {
    this.closes += 1;
    return Promise.resolve();
  }
}
