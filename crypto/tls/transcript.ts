/**
 * The transcript hash (RFC 8446 §4.4.1). The hash is known only with the suite, so that first messages wait.
 *
 * @module
 */
import type { CryptoProvider, HashName, RunningHash } from "../provider.ts";
import { writeMessageHash } from "./messages.ts";

/** A running hash over all handshake messages, headers included. */
export class Transcript {
  readonly #provider: CryptoProvider;
  #name: HashName | undefined;
  #hash: RunningHash | undefined;
  #waiting: Uint8Array[] = [];

  constructor(provider: CryptoProvider) {
    this.#provider = provider;
  }

  /** Adds a whole message. */
  add(message: Uint8Array): void {
    if (this.#hash === undefined) this.#waiting.push(message);
    else this.#hash.update(message);
  }

  /** Chooses the hash, and hashes what waited. Choosing the same again changes nothing. */
  begin(name: HashName): void {
    if (this.#hash !== undefined) {
      if (name !== this.#name) throw new Error(`Transcript hash is ${this.#name}, expected ${name}`);
      return;
    }
    this.#name = name;
    this.#hash = this.#provider.hash(name);
    for (const message of this.#waiting) this.#hash.update(message);
    this.#waiting = [];
  }

  /** Puts message_hash in place of the first ClientHello, which must be all so far: a retry follows. */
  replaceWithHash(): void {
    const digest = this.digest();
    this.#hash = this.#provider.hash(this.#name!);
    this.#hash.update(writeMessageHash(digest));
  }

  /** The hash of all messages so far. */
  digest(): Uint8Array {
    if (this.#hash === undefined) throw new Error("Transcript has no hash yet: expected begin() first");
    return this.#hash.digest();
  }
}
