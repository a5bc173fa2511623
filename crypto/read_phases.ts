/**
 * The read keys of 1-RTT packets through key updates (RFC 9001 §6), when each path has packet numbers of its own: numbers
 * are compared within a path only, keys are shared by all.
 *
 * | Key Phase bit | number, on its path | tried, in this order | when it opens |
 * |---|---|---|---|
 * | current | any | current | noted |
 * | other | below the lowest opened with current keys | previous (without them: none) | noted |
 * | other | nothing opened with current keys, previous retained | previous, next | noted; next keys become current |
 * | other | else | next, previous | next keys become current; KEY_UPDATE_ERROR for previous |
 *
 * Whenever a packet shows that on one path older keys came after newer ones: KEY_UPDATE_ERROR.
 *
 * @module
 */
import { KeyError } from "./key_error.ts";
import type { PacketProtection } from "./packet_protection.ts";

/** What became of the last packet. */
export type ReadOutcome = "opened" | "key_update" | "failed" | "no_keys";

/** Packet numbers opened on one path. */
interface PathNumbers {
  /** With current keys; Infinity and -1 when none was. */
  lowest: number;
  highest: number;
  /** With the keys before them; -1 when none was. */
  highestBefore: number;
}

const UNSEEN: Readonly<PathNumbers> = { lowest: Infinity, highest: -1, highestBefore: -1 };

/** Current, next and previous read keys, and which of them a packet wants. */
export class ReadPhases {
  #previous: PacketProtection | undefined;
  #current: PacketProtection;
  #next: PacketProtection | undefined;
  #generation = 0;
  #openedWith = 0;
  #outcome: ReadOutcome = "no_keys";
  readonly #paths = new Map<number, PathNumbers>();

  constructor(first: PacketProtection) {
    this.#current = first;
  }

  /** The keys in use; their header protection is that of all phases. */
  get current(): PacketProtection {
    return this.#current;
  }

  /** Key updates so far; its lowest bit is the Key Phase bit expected. */
  get generation(): number {
    return this.#generation;
  }

  /** The generation of the keys that opened the last packet that was opened. */
  get openedWith(): number {
    return this.#openedWith;
  }

  /** What the last call of `open` came to. */
  get outcome(): ReadOutcome {
    return this.#outcome;
  }

  /** Makes the next keys before they are needed, so that time does not tell of an update (RFC 9001 §6.3). */
  prepare(): void {
    this.#next ??= this.#current.next();
  }

  /** Drops the keys before the current ones, three PTOs after an update (RFC 9001 §6.5), and prepares the next. */
  discardOld(): void {
    this.#previous = undefined;
    this.prepare();
  }

  /** Forgets the numbers of a path that is gone for good. */
  forgetPath(path: number): void {
    this.#paths.delete(path);
  }

  /**
   * Opens a packet whose header is clear. Returns where the plaintext ends, or -1; `outcome` says more.
   *
   * @throws {KeyError} when the peer's keys went backwards.
   */
  open(
    buffer: Uint8Array,
    packetStart: number,
    payloadStart: number,
    end: number,
    path: number,
    packetNumber: number,
    keyPhase: number,
  ): number {
    if (keyPhase === (this.#generation & 1)) {
      const plainEnd = this.#current.open(buffer, packetStart, payloadStart, end, path, packetNumber);
      if (plainEnd < 0) return this.#refuse("failed");
      this.#noteCurrent(path, packetNumber);
      this.#outcome = "opened";
      return plainEnd;
    }
    return this.#openOther(buffer, packetStart, payloadStart, end, path, packetNumber);
  }

  #openOther(
    buffer: Uint8Array,
    packetStart: number,
    payloadStart: number,
    end: number,
    path: number,
    packetNumber: number,
  ): number {
    const { lowest } = this.#paths.get(path) ?? UNSEEN;
    const previous = this.#previous;
    const isLate = lowest !== Infinity && packetNumber < lowest;
    if (isLate && previous === undefined) return this.#refuse("no_keys");
    if (previous !== undefined && (isLate || lowest === Infinity)) {
      const plainEnd = previous.open(buffer, packetStart, payloadStart, end, path, packetNumber);
      if (plainEnd >= 0) {
        this.#notePrevious(path, packetNumber);
        this.#outcome = "opened";
        return plainEnd;
      }
      if (isLate) return this.#refuse("failed");
    }
    this.prepare();
    const plainEnd = this.#next!.open(buffer, packetStart, payloadStart, end, path, packetNumber);
    if (plainEnd >= 0) {
      this.#rotate();
      this.#noteCurrent(path, packetNumber);
      this.#outcome = "key_update";
      return plainEnd;
    }
    if (
      previous !== undefined && lowest !== Infinity &&
      previous.open(buffer, packetStart, payloadStart, end, path, packetNumber) >= 0
    ) {
      throw new KeyError(
        "key_update_error",
        `Packet ${packetNumber} of path ${path} came with old keys after packet ${lowest} with new ones: expected new ones`,
      );
    }
    return this.#refuse("failed");
  }

  #refuse(outcome: ReadOutcome): -1 {
    this.#outcome = outcome;
    return -1;
  }

  #rotate(): void {
    this.#previous = this.#current;
    this.#current = this.#next!;
    this.#next = undefined;
    this.#generation++;
    for (const numbers of this.#paths.values()) {
      numbers.highestBefore = numbers.highest;
      numbers.lowest = Infinity;
      numbers.highest = -1;
    }
  }

  #noteCurrent(path: number, packetNumber: number): void {
    const numbers = this.#numbers(path);
    if (packetNumber < numbers.highestBefore) {
      throw new KeyError(
        "key_update_error",
        `Packet ${packetNumber} of path ${path} came with new keys and packet ${numbers.highestBefore} with old ones: ` +
          "expected keys in order",
      );
    }
    if (packetNumber < numbers.lowest) numbers.lowest = packetNumber;
    if (packetNumber > numbers.highest) numbers.highest = packetNumber;
    this.#openedWith = this.#generation;
  }

  #notePrevious(path: number, packetNumber: number): void {
    const numbers = this.#numbers(path);
    if (packetNumber > numbers.highestBefore) numbers.highestBefore = packetNumber;
    this.#openedWith = this.#generation - 1;
  }

  /** Made only for authentic packets, so nobody but the peer can fill the map. */
  #numbers(path: number): PathNumbers {
    let numbers = this.#paths.get(path);
    if (numbers === undefined) {
      numbers = { ...UNSEEN };
      this.#paths.set(path, numbers);
    }
    return numbers;
  }
}
