/**
 * The address translator between a client and the world. Until it forgets its mappings for the first time it changes nothing.
 *
 * @module
 */
import type { Address } from "../../transport/base/address.ts";

/** The first port that is given out after a mapping was forgotten. */
const FIRST_PORT = 20_000;

/** Translates one inner hostname, all its ports. A mapping begins with the first datagram that leaves. */
export class Nat {
  /** The hostname that is translated. */
  readonly inner: string;
  readonly #hostnames: Set<string>;
  readonly #outward = new Map<number, number>();
  readonly #inward = new Map<number, number>();
  #outer: string;
  #nextPort = FIRST_PORT;
  #translates = false;

  /** Begins without translating. */
  constructor(inner: string) {
    this.inner = inner;
    this.#outer = inner;
    this.#hostnames = new Set([inner]);
  }

  /** The address that others see for an inner one that sends now. */
  translate(inner: Address): Address {
    if (!this.#translates) return inner;
    let port = this.#outward.get(inner.port);
    if (port === undefined) {
      port = this.#nextPort++;
      this.#outward.set(inner.port, port);
      this.#inward.set(port, inner.port);
    }
    return { hostname: this.#outer, port };
  }

  /** The inner address that an outer one leads to now; `undefined` when nothing is mapped there. */
  translateBack(outer: Address): Address | undefined {
    if (outer.hostname !== this.#outer) return undefined;
    if (!this.#translates) return outer;
    const port = this.#inward.get(outer.port);
    return port === undefined ? undefined : { hostname: this.inner, port };
  }

  /** Whether an outer hostname is this translator's, now or formerly: what is sent there travels as far as this. */
  owns(hostname: string): boolean {
    return this.#hostnames.has(hostname);
  }

  /** Forgets all mappings: ports never seen before from now on, and another hostname when one is given. */
  rebind(hostname?: string): void {
    this.#translates = true;
    this.#outward.clear();
    this.#inward.clear();
    if (hostname === undefined) return;
    this.#outer = hostname;
    this.#hostnames.add(hostname);
  }
}
