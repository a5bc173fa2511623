import { type Address, sameAddress } from "../base/address.ts";
import { openSocket } from "../io/open_socket.ts";
import type { SocketName, UdpSocket } from "../io/socket.ts";

/** The sockets of a driver. */
export interface SocketHolder {
  readonly locals: readonly Address[];
  addSocket(socket: UdpSocket): void;
  removeSocket(local: Address): void;
  localFor(hostname: string, among?: readonly Address[]): Address | undefined;
}

/** The right to send from a socket. */
export interface SocketLease {
  /** Where it is bound. */
  readonly local: Address;
  /** The last one to let go of a socket closes it, unless it is the endpoint's own. */
  release(): void;
}

interface Shared {
  readonly local: Address;
  users: number;
}

/**
 * The sockets of an endpoint: its own, that live as long as it does, and those of paths, one for each local address, that
 * live as long as a path uses them.
 */
export class Sockets {
  readonly #holder: SocketHolder;
  readonly #name: SocketName | undefined;
  readonly #own: Address[] = [];
  #shared: Shared[] = [];

  constructor(holder: SocketHolder, name: SocketName | undefined) {
    this.#holder = holder;
    this.#name = name;
  }

  /** Binds a socket of the endpoint's own. Throws `SocketError`, `NotCapable`. */
  bind(hostname: string, port: number): Address {
    const local = this.#open(hostname, port);
    this.#own.push(local);
    return local;
  }

  /** The endpoint's own local address to reach a host from. */
  localFor(hostname: string): Address | undefined {
    return this.#holder.localFor(hostname, this.#own.filter((local) => this.#isAlive(local)));
  }

  /** A socket that is bound to the address; one that is there serves. Throws `SocketError`, `NotCapable`. */
  lease(address: Address): SocketLease {
    const alive = this.#holder.locals.find((local) =>
      local.hostname === address.hostname && (address.port === 0 || local.port === address.port)
    );
    return this.#share(alive ?? this.#open(address.hostname, address.port));
  }

  /** As `lease`, for an address that a socket of the endpoint has; `undefined` when there is none any more. */
  leaseAt(local: Address): SocketLease | undefined {
    const alive = this.#holder.locals.find((each) => sameAddress(each, local));
    return alive === undefined ? undefined : this.#share(alive);
  }

  #share(local: Address): SocketLease {
    if (this.#own.includes(local)) return { local, release: () => {} };
    let shared = this.#shared.find((each) => each.local === local);
    if (shared === undefined) {
      shared = { local, users: 0 };
      this.#shared.push(shared);
    }
    shared.users += 1;
    let isHeld = true;
    return {
      local,
      release: () => {
        if (isHeld) this.#release(shared);
        isHeld = false;
      },
    };
  }

  #release(shared: Shared): void {
    shared.users -= 1;
    if (shared.users > 0) return;
    this.#shared = this.#shared.filter((each) => each !== shared);
    // One that died may have a successor with the same address.
    if (this.#isAlive(shared.local)) this.#holder.removeSocket(shared.local);
  }

  /** By identity: the same address may be that of another socket later. */
  #isAlive(local: Address): boolean {
    return this.#holder.locals.includes(local);
  }

  #open(hostname: string, port: number): Address {
    const name = this.#name;
    const socket = openSocket({ hostname, port, ...(name === undefined ? {} : { name }) });
    this.#holder.addSocket(socket);
    return socket.local;
  }
}
