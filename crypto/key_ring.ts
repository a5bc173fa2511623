/**
 * All keys of a connection: by level, through key updates, within the limits of their AEAD (RFC 9001 §4.9, §6).
 *
 * | Level | keys come | keys go |
 * |---|---|---|
 * | initial | with the first destination connection id, anew after a Retry | `discard` |
 * | early | from TLS, one direction | `discard` |
 * | handshake | from TLS | `discard` |
 * | application | from TLS, then by key updates | old read keys: `discardOldKeys` |
 *
 * Sealing and opening make no objects; what there is to know of the last packet is in fields.
 *
 * @module
 */
import { KeyError } from "./key_error.ts";
import { PacketProtection } from "./packet_protection.ts";
import type { CipherSuite, CryptoProvider } from "./provider.ts";
import { type ReadOutcome, ReadPhases } from "./read_phases.ts";
import { WritePhases } from "./write_phases.ts";

/** Encryption levels (RFC 9001 §2.1); "early" is 0-RTT. */
export type KeyLevel = "initial" | "early" | "handshake" | "application";

/** What keys are for. */
export type KeyUse = "read" | "write";

/** What became of the last packet received. `too_short`: it has no room for a header protection sample. */
export type OpenOutcome = ReadOutcome | "too_short";

/** An update is wanted when this share of the confidentiality limit is used. */
const UPDATE_AT = 0.5;
/** Seals kept back below the confidentiality limit, for CONNECTION_CLOSE; an eighth of a small limit. */
const CLOSE_RESERVE = 64;

interface LevelKeys {
  read: PacketProtection | undefined;
  write: PacketProtection | undefined;
  /** The highest packet number sealed with `write`. */
  highestSealed: number;
}

/** The keys of one connection. */
export class KeyRing {
  readonly #provider: CryptoProvider;
  readonly #levels: Readonly<Record<Exclude<KeyLevel, "application">, LevelKeys>> = {
    initial: noKeys(),
    early: noKeys(),
    handshake: noKeys(),
  };
  #read: ReadPhases | undefined;
  #write: WritePhases | undefined;
  #isConfirmed = false;
  #failures = 0;
  /** The lowest of the suites in use. */
  #integrityLimit = Infinity;
  #limitReported = false;
  #firstByte = 0;
  #truncatedNumber = 0;
  #outcome: OpenOutcome = "no_keys";

  /** A ring without keys, which will be of that provider. */
  constructor(provider: CryptoProvider) {
    this.#provider = provider;
  }

  /**
   * Derives keys from a secret. Only Initial keys may be replaced (after a Retry).
   *
   * @throws {CryptoError} when the suite is unknown.
   * @throws {Error} when keys for that are there.
   */
  install(level: KeyLevel, use: KeyUse, suite: CipherSuite, secret: Uint8Array): void {
    if (level !== "initial" && this.has(level, use)) {
      throw new Error(`Keys to ${use} at level ${level} are installed: expected to install them once`);
    }
    const protection = new PacketProtection(this.#provider, suite, secret);
    if (use === "read") this.#integrityLimit = Math.min(this.#integrityLimit, suite.integrityLimit);
    if (level === "application") {
      if (use === "read") this.#read = new ReadPhases(protection);
      else this.#write = new WritePhases(protection);
      return;
    }
    const keys = this.#levels[level];
    keys[use] = protection;
    if (use === "write") keys.highestSealed = -1;
  }

  /** Whether packets of that level can be opened ("read") or sealed ("write"). */
  has(level: KeyLevel, use: KeyUse): boolean {
    if (level !== "application") return this.#levels[level][use] !== undefined;
    return (use === "read" ? this.#read : this.#write) !== undefined;
  }

  /** Drops all keys of a level (RFC 9001 §4.9). */
  discard(level: KeyLevel): void {
    if (level === "application") {
      this.#read = undefined;
      this.#write = undefined;
      return;
    }
    this.#levels[level].read = undefined;
    this.#levels[level].write = undefined;
  }

  /** Forgets what is kept of a path whose id will not be used again, in either direction. */
  forgetPath(path: number): void {
    this.#read?.forgetPath(path);
    this.#write?.forgetPath(path);
  }

  /**
   * Seals a packet whose header begins at `headerStart` and whose payload, after the packet number of `numberLength` bytes
   * at `numberAt`, ends at `end`; writes the Key Phase bit of 1-RTT packets; protects the header. `path` is 0 but for 1-RTT
   * packets. Returns where the packet ends, its tag included.
   *
   * @throws {KeyError} "aead_limit" when the keys are used up. The connection must close: a few packets more can be
   * sealed for that.
   * @throws {RangeError} when number and payload have less than 4 bytes together, the buffer ends before the tag, or
   * the packet number is not above all before it.
   * @throws {Error} when there are no keys.
   */
  seal(
    level: KeyLevel,
    buffer: Uint8Array,
    headerStart: number,
    numberAt: number,
    numberLength: number,
    end: number,
    path: number,
    packetNumber: number,
  ): number {
    if (level === "application") {
      const phases = this.#write;
      if (phases === undefined) throw missingKeys(level);
      this.#checkBudget(phases.current);
      return phases.seal(buffer, headerStart, numberAt, numberLength, end, path, packetNumber);
    }
    const keys = this.#levels[level];
    if (keys.write === undefined) throw missingKeys(level);
    this.#checkBudget(keys.write);
    if (!(packetNumber > keys.highestSealed)) {
      throw new RangeError(`Packet number ${packetNumber} follows ${keys.highestSealed}: expected a higher one`);
    }
    const sealedEnd = keys.write.seal(buffer, headerStart, numberAt, numberLength, end, 0, packetNumber);
    keys.highestSealed = packetNumber;
    return sealedEnd;
  }

  /**
   * Removes the header protection of the packet in `buffer[packetStart, packetEnd)`. Returns the packet number's length, 1
   * to 4, with `firstByte` and `truncatedNumber` set; or -1 with `outcome` "no_keys" or "too_short", and nothing changed.
   */
  unprotect(level: KeyLevel, buffer: Uint8Array, packetStart: number, numberAt: number, packetEnd: number): number {
    const keys = level === "application" ? this.#read?.current : this.#levels[level].read;
    if (keys === undefined) return this.#refuse("no_keys");
    const length = keys.header.remove(buffer, packetStart, numberAt, packetEnd);
    if (length < 0) return this.#refuse("too_short");
    let number = 0;
    for (let i = 0; i < length; i++) number = number * 256 + buffer[numberAt + i]!;
    this.#truncatedNumber = number;
    this.#firstByte = buffer[packetStart]!;
    return length;
  }

  /** The first byte of the packet last unprotected, in the clear. */
  get firstByte(): number {
    return this.#firstByte;
  }

  /** The Key Phase bit of the 1-RTT packet last unprotected: 0 or 1. */
  get keyPhase(): number {
    return (this.#firstByte >> 2) & 1;
  }

  /** The packet number of the packet last unprotected, as it stands there. */
  get truncatedNumber(): number {
    return this.#truncatedNumber;
  }

  /**
   * Opens the packet in `buffer[packetStart, end)` that was unprotected before; the payload begins at `payloadStart`.
   * `keyPhase` is looked at in 1-RTT packets only. Returns where the plaintext ends, or -1. `outcome` says more:
   * "key_update" after the first packet with new keys (call `discardOldKeys` three PTOs later), "failed", "no_keys".
   *
   * @throws {KeyError} "key_update_error" when the peer broke the rules of key updates, "aead_limit" when more packets
   * failed to open than the suite can bear in a connection.
   */
  open(
    level: KeyLevel,
    buffer: Uint8Array,
    packetStart: number,
    payloadStart: number,
    end: number,
    path: number,
    packetNumber: number,
    keyPhase: number,
  ): number {
    if (level === "application") {
      return this.#openApplication(buffer, packetStart, payloadStart, end, path, packetNumber, keyPhase);
    }
    const keys = this.#levels[level].read;
    if (keys === undefined) return this.#refuse("no_keys");
    const plainEnd = keys.open(buffer, packetStart, payloadStart, end, 0, packetNumber);
    if (plainEnd < 0) {
      this.#countFailure();
      return this.#refuse("failed");
    }
    this.#outcome = "opened";
    return plainEnd;
  }

  /** What became of the last packet given to `unprotect` or `open`. */
  get outcome(): OpenOutcome {
    return this.#outcome;
  }

  /** Packets that failed to open so far, at all levels and with all keys. */
  get failures(): number {
    return this.#failures;
  }

  /** Key updates of the write keys so far. */
  get generation(): number {
    return this.#write?.generation ?? 0;
  }

  /** The handshake is confirmed: keys may be updated (RFC 9001 §6.1). */
  onHandshakeConfirmed(): void {
    this.#isConfirmed = true;
    this.#read?.prepare();
    this.#write?.prepare();
  }

  /**
   * An ACK frame in the 1-RTT packet last opened says that `largest` of that path arrived. `path` is the one that `seal`
   * was told.
   *
   * @throws {KeyError} "key_update_error" when the peer acknowledges new keys with old ones (RFC 9001 §6.2).
   */
  onAcknowledged(path: number, largest: number, now: number): void {
    const write = this.#write;
    if (write === undefined || !write.isCurrent(path, largest)) return;
    if ((this.#read?.openedWith ?? 0) < write.generation) {
      throw new KeyError(
        "key_update_error",
        `Packet ${largest} of path ${path} was acknowledged with older keys than its own: expected the same`,
      );
    }
    write.confirm(now);
  }

  /** Whether a key update may begin now. `delay` is three times the largest PTO of all paths, in milliseconds. */
  canUpdate(delay: number, now: number): boolean {
    const write = this.#write;
    if (write === undefined || !this.#isConfirmed) return false;
    return now >= write.confirmedAt + (write.generation === 0 ? 0 : delay);
  }

  /** Begins a key update if it may: the next packet is sealed with new keys. Returns whether it did. */
  update(delay: number, now: number): boolean {
    if (!this.canUpdate(delay, now)) return false;
    this.#write?.advance();
    return true;
  }

  /** Begins one when so many packets were sealed that it is time. Cheap; call it before each packet or now and then. */
  updateIfDue(delay: number, now: number): boolean {
    const keys = this.#write?.current;
    if (keys === undefined || keys.sealed < keys.suite.confidentialityLimit * UPDATE_AT) return false;
    return this.update(delay, now);
  }

  /**
   * Drops the read keys before the current ones, for three PTOs after outcome "key_update" (RFC 9001 §6.5), and makes
   * the keys of the next update.
   */
  discardOldKeys(): void {
    this.#read?.discardOld();
    this.#write?.prepare();
  }

  #openApplication(
    buffer: Uint8Array,
    packetStart: number,
    payloadStart: number,
    end: number,
    path: number,
    packetNumber: number,
    keyPhase: number,
  ): number {
    const read = this.#read;
    if (read === undefined) return this.#refuse("no_keys");
    const plainEnd = read.open(buffer, packetStart, payloadStart, end, path, packetNumber, keyPhase);
    this.#outcome = read.outcome;
    if (read.outcome === "failed") this.#countFailure();
    if (read.outcome === "key_update") this.#followUpdate(read.generation);
    return plainEnd;
  }

  /** The peer has new write keys: those of ours follow before the next packet (RFC 9001 §6.2). */
  #followUpdate(generation: number): void {
    const write = this.#write;
    if (write === undefined || write.generation >= generation) return;
    if (write.generation > 0 && write.current.sealed === 0) {
      throw new KeyError("key_update_error", "Peer updated its keys twice: expected it to wait for an acknowledgement");
    }
    write.advance();
  }

  #refuse(outcome: OpenOutcome): -1 {
    this.#outcome = outcome;
    return -1;
  }

  #countFailure(): void {
    this.#failures++;
    if (this.#failures > this.#integrityLimit) {
      throw new KeyError(
        "aead_limit",
        `${this.#failures} packets failed to open: expected at most ${this.#integrityLimit} in a connection`,
      );
    }
  }

  /** Throws once when the reserve is reached, and always when it is used up. */
  #checkBudget(keys: PacketProtection): void {
    const limit = keys.suite.confidentialityLimit;
    const reserve = Math.min(CLOSE_RESERVE, Math.floor(limit / 8));
    if (keys.sealed < limit - reserve || (this.#limitReported && keys.sealed < limit)) return;
    this.#limitReported = true;
    throw new KeyError("aead_limit", `${keys.sealed} packets were sealed with one key: expected a key update before`);
  }
}

function noKeys(): LevelKeys {
  return { read: undefined, write: undefined, highestSealed: -1 };
}

function missingKeys(level: KeyLevel): Error {
  return new Error(`No keys to seal at level ${level}: expected them to be installed`);
}
