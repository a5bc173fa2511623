/**
 * Packet protection in one direction with one key (RFC 9001 §5.3, §5.4): in place, and without a new object per packet
 * but for what a provider makes.
 *
 * @module
 */
import { expandLabel } from "./hkdf.ts";
import { writeNonce } from "./nonce.ts";
import type { AeadKey, CipherSuite, CryptoProvider, HeaderKey } from "./provider.ts";
import { hashLength, NONCE_LENGTH, TAG_LENGTH } from "./suites.ts";

/** Where the sample begins, counted from the packet number, whatever that one's length (RFC 9001 §5.4.2). */
const SAMPLE_OFFSET = 4;
const SAMPLE_LENGTH = 16;
const MASK_LENGTH = 5;
/** The bits of the first byte that are protected: in long headers, and in short ones. */
const LONG_BITS = 0x0f;
const SHORT_BITS = 0x1f;
const LONG_FORM = 0x80;
const NUMBER_LENGTH_BITS = 0x03;
const NO_CONTEXT = new Uint8Array(0);

/** Header protection with one key; it outlives key updates (RFC 9001 §6). */
export class HeaderProtection {
  readonly #key: HeaderKey;
  readonly #mask = new Uint8Array(MASK_LENGTH);

  /** Of one key. */
  constructor(key: HeaderKey) {
    this.#key = key;
  }

  /** Hides the first byte's low bits and the packet number of a sealed packet. */
  apply(buffer: Uint8Array, headerStart: number, numberAt: number, numberLength: number): void {
    this.#key.mask(buffer, numberAt + SAMPLE_OFFSET, this.#mask);
    this.#maskFirst(buffer, headerStart);
    this.#maskNumber(buffer, numberAt, numberLength);
  }

  /**
   * Brings them back, in the packet that ends at `end`. Returns the packet number's length, 1 to 4; or -1, with nothing
   * changed, when the packet is too short for a sample.
   */
  remove(buffer: Uint8Array, headerStart: number, numberAt: number, end: number): number {
    if (end - numberAt < SAMPLE_OFFSET + SAMPLE_LENGTH) return -1;
    this.#key.mask(buffer, numberAt + SAMPLE_OFFSET, this.#mask);
    this.#maskFirst(buffer, headerStart);
    const numberLength = (buffer[headerStart]! & NUMBER_LENGTH_BITS) + 1;
    this.#maskNumber(buffer, numberAt, numberLength);
    return numberLength;
  }

  #maskFirst(buffer: Uint8Array, at: number): void {
    const first = buffer[at]!;
    buffer[at] = first ^ (this.#mask[0]! & ((first & LONG_FORM) !== 0 ? LONG_BITS : SHORT_BITS));
  }

  #maskNumber(buffer: Uint8Array, at: number, length: number): void {
    for (let i = 0; i < length; i++) buffer[at + i] = buffer[at + i]! ^ this.#mask[1 + i]!;
  }
}

/** The keys of one traffic secret. */
export class PacketProtection {
  /** Whose AEAD it is, and whose limits hold. */
  readonly suite: CipherSuite;
  /** Shared with the keys after updates. */
  readonly header: HeaderProtection;
  readonly #provider: CryptoProvider;
  readonly #secret: Uint8Array;
  readonly #aead: AeadKey;
  readonly #iv: Uint8Array;
  readonly #nonce = new Uint8Array(NONCE_LENGTH);
  #sealed = 0;

  /**
   * Derives key and IV from a secret (RFC 9001 §5.1), and the header protection key too unless one is given.
   *
   * @throws {CryptoError} when the suite is unknown to the provider.
   */
  constructor(provider: CryptoProvider, suite: CipherSuite, secret: Uint8Array, header?: HeaderProtection) {
    const derive = (label: string, length: number): Uint8Array =>
      expandLabel(provider, suite.hash, secret, label, NO_CONTEXT, length);
    this.suite = suite;
    this.#provider = provider;
    this.#secret = secret;
    this.#aead = provider.aead(suite, derive("quic key", suite.keyLength));
    this.#iv = derive("quic iv", NONCE_LENGTH);
    this.header = header ?? new HeaderProtection(provider.header(suite, derive("quic hp", suite.keyLength)));
  }

  /** Packets sealed so far. */
  get sealed(): number {
    return this.#sealed;
  }

  /**
   * Seals the payload `buffer[numberAt + numberLength, end)`, with all from `headerStart` to it as associated data, and
   * then protects the header. `path` is 0 outside 1-RTT packets. Returns where the tag ends.
   *
   * @throws {RangeError} when the packet is too short to be sampled (the payload wants padding) or the buffer to hold
   * the tag.
   */
  seal(
    buffer: Uint8Array,
    headerStart: number,
    numberAt: number,
    numberLength: number,
    end: number,
    path: number,
    packetNumber: number,
  ): number {
    if (end - numberAt < SAMPLE_OFFSET || end + TAG_LENGTH > buffer.length) {
      throw new RangeError(
        `Cannot seal ${end - numberAt} bytes of packet number and payload into ${buffer.length - numberAt}: ` +
          `expected at least ${SAMPLE_OFFSET}, and room for ${TAG_LENGTH} more`,
      );
    }
    writeNonce(this.#nonce, this.#iv, path, packetNumber);
    this.#sealed++;
    const sealedEnd = this.#aead.seal(this.#nonce, buffer, headerStart, numberAt + numberLength, end);
    this.header.apply(buffer, headerStart, numberAt, numberLength);
    return sealedEnd;
  }

  /**
   * Opens the payload `buffer[payloadStart, end)`, tag included, of a packet whose header is clear. Returns where the
   * plaintext ends, or -1, with nothing changed, when it is not authentic.
   */
  open(
    buffer: Uint8Array,
    headerStart: number,
    payloadStart: number,
    end: number,
    path: number,
    packetNumber: number,
  ): number {
    writeNonce(this.#nonce, this.#iv, path, packetNumber);
    return this.#aead.open(this.#nonce, buffer, headerStart, payloadStart, end);
  }

  /** The keys after the next key update (RFC 9001 §6.1), with the same header protection. */
  next(): PacketProtection {
    const { hash } = this.suite;
    const secret = expandLabel(this.#provider, hash, this.#secret, "quic ku", NO_CONTEXT, hashLength(hash));
    return new PacketProtection(this.#provider, this.suite, secret, this.header);
  }
}
