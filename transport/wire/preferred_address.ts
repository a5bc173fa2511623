import { MAX_CID_LENGTH } from "./header.ts";
import { formatIpv4, formatIpv6, parseIpv4, parseIpv6 } from "./ip_text.ts";
import { ParameterError } from "./parameter_error.ts";
import { Reader } from "./reader.ts";
import { STATELESS_RESET_TOKEN_LENGTH } from "./stateless_reset.ts";
import { Writer } from "./writer.ts";

/** An IP address in text and a UDP port, as in `transport/base/address.ts`. */
export interface SocketAddress {
  readonly hostname: string;
  readonly port: number;
}

/** Where a server would rather be reached (RFC 9000 §9.6, §18.2). */
export interface PreferredAddress {
  readonly ipv4: SocketAddress | undefined;
  readonly ipv6: SocketAddress | undefined;
  /** 1 to 20 bytes; its sequence number is 1, on path 0. */
  readonly connectionId: Uint8Array;
  /** 16 bytes. */
  readonly statelessResetToken: Uint8Array;
}

/** Bytes of both addresses with their ports, and of the length of the id. */
const FIXED_LENGTH = 4 + 2 + 16 + 2 + 1;

/**
 * Reads the value of a preferred_address. A family of which address or port is 0 is not offered.
 *
 * @throws {ParameterError} when its length is wrong or the id does not have 1 to 20 bytes.
 */
export function readPreferredAddress(bytes: Uint8Array): PreferredAddress {
  const idLength = bytes[FIXED_LENGTH - 1] ?? 0;
  checkIdLength(idLength);
  const expected = FIXED_LENGTH + idLength + STATELESS_RESET_TOKEN_LENGTH;
  if (bytes.length !== expected) {
    throw new ParameterError(`Transport parameter preferred_address has ${bytes.length} bytes, must have ${expected}`);
  }
  const r = new Reader(bytes);
  const ipv4 = socketAddress(r.bytes(4), r.u16(), formatIpv4);
  const ipv6 = socketAddress(r.bytes(16), r.u16(), formatIpv6);
  r.skip(1);
  const connectionId = r.bytes(idLength).slice();
  return { ipv4, ipv6, connectionId, statelessResetToken: r.bytes(STATELESS_RESET_TOKEN_LENGTH).slice() };
}

function checkIdLength(length: number): void {
  if (length < 1 || length > MAX_CID_LENGTH) {
    throw new ParameterError(
      `Transport parameter preferred_address has a connection id of ${length} bytes, must be 1 to ${MAX_CID_LENGTH}`,
    );
  }
}

function socketAddress(
  bytes: Uint8Array,
  port: number,
  format: (bytes: Uint8Array) => string,
): SocketAddress | undefined {
  return port === 0 || bytes.every((byte) => byte === 0) ? undefined : { hostname: format(bytes), port };
}

/** The value of a preferred_address. Throws {@linkcode ParameterError} when a field is not what it must be. */
export function writePreferredAddress(address: PreferredAddress): Uint8Array {
  const { ipv4, ipv6, connectionId, statelessResetToken } = address;
  checkIdLength(connectionId.length);
  if (statelessResetToken.length !== STATELESS_RESET_TOKEN_LENGTH) {
    throw new ParameterError(
      `Transport parameter preferred_address has a token of ${statelessResetToken.length} bytes, must be 16`,
    );
  }
  const into = new Uint8Array(FIXED_LENGTH + connectionId.length + STATELESS_RESET_TOKEN_LENGTH);
  const w = new Writer(into);
  writeSocketAddress(w, ipv4, 4, parseIpv4);
  writeSocketAddress(w, ipv6, 16, parseIpv6);
  w.u8(connectionId.length);
  w.bytes(connectionId);
  w.bytes(statelessResetToken);
  return into;
}

function writeSocketAddress(
  w: Writer,
  address: SocketAddress | undefined,
  length: number,
  parse: (text: string) => Uint8Array | undefined,
): void {
  if (address === undefined) return w.zeros(length + 2);
  const { hostname, port } = address;
  const bytes = parse(hostname);
  if (bytes === undefined || !Number.isInteger(port) || port < 1 || port > 0xffff) {
    throw new ParameterError(
      `Transport parameter preferred_address has ${hostname} and port ${port}, must be an IPv${
        length === 4 ? 4 : 6
      } address and a port`,
    );
  }
  w.bytes(bytes);
  w.u16(port);
}
