/**
 * The write keys of 1-RTT packets through key updates (RFC 9001 §6). An update may begin
 *
 * | after | because |
 * |---|---|
 * | the handshake is confirmed | RFC 9001 §6.1 |
 * | a packet sealed with the current keys was acknowledged, on any path, by one with keys as new | RFC 9001 §6.1, §6.2 |
 * | but for the first: three PTOs, of the path with the largest, after that acknowledgement | RFC 10069 §2.5 |
 *
 * @module
 */
import type { PacketProtection } from "./packet_protection.ts";

const KEY_PHASE_BIT = 0x04;

/** Packet numbers sealed on one path. */
interface PathNumbers {
  /** With the current keys; Infinity when none was. */
  lowest: number;
  /** With any keys: the next must be higher, or a nonce would serve twice. */
  highest: number;
}

/** The current write keys, and when they may be replaced. */
export class WritePhases {
  #current: PacketProtection;
  #next: PacketProtection | undefined;
  #generation = 0;
  #confirmedAt = Infinity;
  readonly #paths = new Map<number, PathNumbers>();

  constructor(first: PacketProtection) {
    this.#current = first;
  }

  /** The keys in use. */
  get current(): PacketProtection {
    return this.#current;
  }

  /** Key updates so far; its lowest bit is the Key Phase bit sent. */
  get generation(): number {
    return this.#generation;
  }

  /** When the first acknowledgement of a packet with the current keys came; Infinity before. */
  get confirmedAt(): number {
    return this.#confirmedAt;
  }

  /** As `PacketProtection.seal`, with the Key Phase bit put into the first byte before. */
  seal(
    buffer: Uint8Array,
    headerStart: number,
    numberAt: number,
    numberLength: number,
    end: number,
    path: number,
    packetNumber: number,
  ): number {
    const numbers = this.#numbers(path);
    if (!(packetNumber > numbers.highest)) {
      throw new RangeError(
        `Packet number ${packetNumber} on path ${path} follows ${numbers.highest}: expected a higher one`,
      );
    }
    const first = buffer[headerStart]! & ~KEY_PHASE_BIT;
    buffer[headerStart] = (this.#generation & 1) === 1 ? first | KEY_PHASE_BIT : first;
    const sealedEnd = this.#current.seal(buffer, headerStart, numberAt, numberLength, end, path, packetNumber);
    if (numbers.lowest === Infinity) numbers.lowest = packetNumber;
    numbers.highest = packetNumber;
    return sealedEnd;
  }

  /** Whether a packet of the path up to that number was sealed with the current keys. */
  isCurrent(path: number, packetNumber: number): boolean {
    const numbers = this.#paths.get(path);
    return numbers !== undefined && packetNumber >= numbers.lowest;
  }

  /** Such a packet was acknowledged. */
  confirm(now: number): void {
    if (this.#confirmedAt === Infinity) this.#confirmedAt = now;
  }

  /** Makes the next keys before they are needed, so that time does not tell of an update (RFC 9001 §6.3). */
  prepare(): void {
    this.#next ??= this.#current.next();
  }

  /** On to the next keys. */
  advance(): void {
    this.#current = this.#next ?? this.#current.next();
    this.#next = undefined;
    this.#generation++;
    this.#confirmedAt = Infinity;
    for (const numbers of this.#paths.values()) numbers.lowest = Infinity;
  }

  /** Forgets the numbers of a path that is gone for good; its id must not be used again (RFC 10069 §3.2.1). */
  forgetPath(path: number): void {
    this.#paths.delete(path);
  }

  #numbers(path: number): PathNumbers {
    let numbers = this.#paths.get(path);
    if (numbers === undefined) {
      numbers = { lowest: Infinity, highest: -1 };
      this.#paths.set(path, numbers);
    }
    return numbers;
  }
}
