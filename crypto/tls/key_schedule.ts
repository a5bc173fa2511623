/**
 * The key schedule (RFC 8446 §7.1): early secret → handshake secret → main secret, and what is derived from each.
 *
 * @module
 */
import { expandLabel, extract } from "../hkdf.ts";
import type { CipherSuite, CryptoProvider, HashName } from "../provider.ts";

/** The traffic secrets of one stage. */
export interface TrafficSecrets {
  readonly client: Uint8Array;
  readonly server: Uint8Array;
}

const NOTHING = new Uint8Array();

/** One handshake's schedule, which goes forward only: `enterHandshake`, then `enterApplication`. */
export class KeySchedule {
  readonly #provider: CryptoProvider;
  readonly #hash: HashName;
  readonly #emptyHash: Uint8Array;
  #stage: "early" | "handshake" | "application" = "early";
  #secret: Uint8Array;

  /** `psk` is the pre-shared key of a resumed session; zeros without one. */
  constructor(provider: CryptoProvider, suite: CipherSuite, psk?: Uint8Array) {
    this.#provider = provider;
    this.#hash = suite.hash;
    this.#emptyHash = provider.hash(suite.hash).digest();
    const zeros = new Uint8Array(this.hashLength);
    this.#secret = extract(provider, this.#hash, zeros, psk ?? zeros);
  }

  /** Bytes of the hash, and so of every secret. */
  get hashLength(): number {
    return this.#emptyHash.length;
  }

  /** The handshake traffic secrets, from the key exchange's result and the transcript up to ServerHello. */
  enterHandshake(shared: Uint8Array, transcript: Uint8Array): TrafficSecrets {
    this.#advance("early", "handshake", shared);
    return { client: this.#derive("c hs traffic", transcript), server: this.#derive("s hs traffic", transcript) };
  }

  /** The application traffic secrets and the exporter's, from the transcript up to the server's Finished. */
  enterApplication(transcript: Uint8Array): TrafficSecrets & { readonly exporter: Uint8Array } {
    this.#advance("handshake", "application", new Uint8Array(this.hashLength));
    return {
      client: this.#derive("c ap traffic", transcript),
      server: this.#derive("s ap traffic", transcript),
      exporter: this.#derive("exp master", transcript),
    };
  }

  /** The verify_data of a Finished (RFC 8446 §4.4.4) under a handshake traffic secret. */
  finished(trafficSecret: Uint8Array, transcript: Uint8Array): Uint8Array {
    const key = expandLabel(this.#provider, this.#hash, trafficSecret, "finished", NOTHING, this.hashLength);
    return this.#provider.hmac(this.#hash, key, transcript);
  }

  #advance(from: "early" | "handshake", to: "handshake" | "application", input: Uint8Array): void {
    if (this.#stage !== from) throw new Error(`Key schedule is at ${this.#stage}, expected ${from}`);
    this.#stage = to;
    this.#secret = extract(this.#provider, this.#hash, this.#derive("derived", this.#emptyHash), input);
  }

  #derive(label: string, transcript: Uint8Array): Uint8Array {
    return expandLabel(this.#provider, this.#hash, this.#secret, label, transcript, this.hashLength);
  }
}

/** Keying material for applications (RFC 8446 §7.5). `length` is 1 to 255 times the hash's. */
export function exportKeyingMaterial(
  provider: CryptoProvider,
  hash: HashName,
  exporterSecret: Uint8Array,
  label: string,
  context: Uint8Array,
  length: number,
): Uint8Array {
  const running = provider.hash(hash);
  const emptyHash = running.digest();
  running.update(context);
  const secret = expandLabel(provider, hash, exporterSecret, label, emptyHash, emptyHash.length);
  return expandLabel(provider, hash, secret, "exporter", running.digest(), length);
}
