import { MAX_CID_LENGTH } from "./header.ts";
import { WireError } from "./reader.ts";

/**
 * The key of the connection id `bytes[start, start + length)` in maps: one character per byte. It is what
 * {@linkcode ConnectionId.key} holds, made without an object, for looking up the id of a packet.
 */
export function idKey(bytes: Uint8Array, start = 0, length: number = bytes.length - start): string {
  // Ids of this implementation have 8 bytes; one call with eight arguments is several times as fast as any loop.
  if (length === 8) {
    return String.fromCharCode(
      bytes[start]!,
      bytes[start + 1]!,
      bytes[start + 2]!,
      bytes[start + 3]!,
      bytes[start + 4]!,
      bytes[start + 5]!,
      bytes[start + 6]!,
      bytes[start + 7]!,
    );
  }
  let key = "";
  for (let i = start; i < start + length; i++) key += String.fromCharCode(bytes[i]!);
  return key;
}

/** A connection id (RFC 9000 §5.1) that outlives the packet that it came in. */
export class ConnectionId {
  /** A copy of what the constructor was given; 0 to 20 bytes, not to be changed. */
  readonly bytes: Uint8Array;
  /** The same id has the same key; see {@linkcode idKey}. */
  readonly key: string;

  /** Copies the bytes. Throws {@linkcode WireError} when there are more than 20. */
  constructor(bytes: Uint8Array) {
    if (bytes.length > MAX_CID_LENGTH) {
      throw new WireError(`Connection id has ${bytes.length} bytes, must have at most ${MAX_CID_LENGTH}`);
    }
    this.bytes = bytes.slice();
    this.key = idKey(bytes);
  }

  /** Bytes. */
  get length(): number {
    return this.bytes.length;
  }

  /** Whether the other id has the same bytes. */
  equals(other: ConnectionId): boolean {
    return this.key === other.key;
  }

  /** In hexadecimal, for logs. */
  toString(): string {
    let text = "";
    for (const byte of this.bytes) text += byte.toString(16).padStart(2, "0");
    return text;
  }
}
