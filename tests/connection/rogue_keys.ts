/**
 * The packet keys of a connection, from its key log: what a rogue seals and opens with.
 *
 * @module
 */
import { initialSecrets } from "../../crypto/initial_keys.ts";
import { PacketProtection } from "../../crypto/packet_protection.ts";
import type { CipherSuite, CryptoProvider } from "../../crypto/provider.ts";
import { AES_128_GCM } from "../../crypto/suites.ts";
import type { Role } from "../../transport/base/role.ts";

/** The levels at which packets can be forged. */
export type ForgedLevel = "initial" | "handshake" | "application";

/** Keys by level, by end, and for 1-RTT by generation, made when they are first asked for. */
export class RogueKeys {
  readonly #provider: CryptoProvider;
  readonly #lines: readonly string[];
  readonly #suite: () => string;
  readonly #made = new Map<string, PacketProtection>();

  /**
   * `lines`: the key log, which may grow. `suite`: tells the name of the cipher suite once it is known. The first connection
   * in the log counts.
   */
  constructor(provider: CryptoProvider, lines: readonly string[], suite: () => string) {
    this.#provider = provider;
    this.#lines = lines;
    this.#suite = suite;
  }

  /** Keys of Initial packets; `destinationId`: that of the client's first packet, or of the first one after a Retry. */
  initial(sender: Role, destinationId: Uint8Array): PacketProtection {
    return this.#keep(`initial ${sender} ${destinationId.toHex()}`, () => {
      const secret = initialSecrets(this.#provider, destinationId)[sender];
      return new PacketProtection(this.#provider, AES_128_GCM, secret);
    });
  }

  /** Keys of Handshake packets. Throws an `Error` before TLS has made them. */
  handshake(sender: Role): PacketProtection {
    const label = `${sender.toUpperCase()}_HANDSHAKE_TRAFFIC_SECRET`;
    return this.#keep(label, () => new PacketProtection(this.#provider, this.#cipher(), this.#secret(label)));
  }

  /** Keys of 1-RTT packets after so many key updates. Throws an `Error` before TLS has made them. */
  application(sender: Role, generation: number): PacketProtection {
    const label = `${sender.toUpperCase()}_TRAFFIC_SECRET_0`;
    return this.#keep(`${label} ${generation}`, () => {
      if (generation > 0) return this.application(sender, generation - 1).next();
      return new PacketProtection(this.#provider, this.#cipher(), this.#secret(label));
    });
  }

  #keep(key: string, make: () => PacketProtection): PacketProtection {
    let made = this.#made.get(key);
    if (made === undefined) this.#made.set(key, made = make());
    return made;
  }

  #secret(label: string): Uint8Array {
    const line = this.#lines.find((l) => l.startsWith(`${label} `));
    if (line === undefined) throw new Error(`${label} is not in the key log: expected the handshake to be further`);
    return Uint8Array.fromHex(line.split(" ")[2]!);
  }

  #cipher(): CipherSuite {
    const name = this.#suite();
    const suite = this.#provider.suites.find((s) => s.name === name);
    if (suite === undefined) throw new Error(`Cipher suite "${name}" is unknown: expected the handshake to be further`);
    return suite;
  }
}
