/** One end of a 4-tuple, as sockets give it: an IP address in text and a UDP port. */
export interface Address {
  /** The IP address. */
  readonly hostname: string;
  /** The UDP port. */
  readonly port: number;
}

/** Whether two addresses are the same. */
export function sameAddress(a: Address, b: Address): boolean {
  return a === b || (a.port === b.port && a.hostname === b.hostname);
}

/** `127.0.0.1:443`, `[::1]:443`. */
export function formatAddress(address: Address): string {
  return address.hostname.includes(":")
    ? `[${address.hostname}]:${address.port}`
    : `${address.hostname}:${address.port}`;
}

/** The ECN codepoint of an IP packet (RFC 3168 §5). */
export type Ecn = "not-ect" | "ect0" | "ect1" | "ce";

/** A datagram that arrived. Its bytes belong to the callee until the call returns; it decrypts them in place. */
export interface Datagram {
  /** The UDP payload. */
  readonly data: Uint8Array;
  /** Where it arrived. */
  readonly local: Address;
  /** Where it came from. */
  readonly remote: Address;
  /** Its ECN codepoint. */
  readonly ecn: Ecn;
}

/**
 * Datagrams to send, written into the caller's buffer: `length` bytes, cut every `segment` bytes (the last may be
 * shorter), all from `local` to `remote`.
 */
export interface Transmit {
  /** The address to send from. */
  readonly local: Address;
  /** The address to send to. */
  readonly remote: Address;
  /** Bytes in all. */
  readonly length: number;
  /** Bytes of each datagram but the last. */
  readonly segment: number;
  /** The codepoint to mark them with. */
  readonly ecn: Ecn;
}
