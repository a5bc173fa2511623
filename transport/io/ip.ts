/**
 * IP addresses in text: which family, which are special, and the IPv4-mapped form that dual-stack sockets speak.
 *
 * @module
 */

const MAPPED_PREFIX = "::ffff:";
const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?!$)|$)){4}$/;

/** 4 or 6 for an IP address in text (a zone such as `%eth0` may follow an IPv6 address), 0 for anything else. */
export function ipVersion(hostname: string): 4 | 6 | 0 {
  if (IPV4.test(hostname)) return 4;
  const zone = hostname.indexOf("%");
  const address = zone < 0 ? hostname : hostname.slice(0, zone);
  if (!address.includes(":") || !/^[0-9a-fA-F:.]+$/.test(address)) return 0;
  try {
    // The URL parser knows the whole IPv6 grammar (RFC 4291 §2.2).
    return new URL(`http://[${address}]/`).hostname === "" ? 0 : 6;
  } catch {
    return 0;
  }
}

/** Whether the address stands for every local address. */
export function isWildcard(hostname: string): boolean {
  return hostname === "0.0.0.0" || hostname === "::";
}

/** Whether the address is of this machine only (RFC 1122 §3.2.1.3, RFC 4291 §2.5.3). */
export function isLoopback(hostname: string): boolean {
  return hostname === "::1" || (hostname.startsWith("127.") && ipVersion(hostname) === 4);
}

/** The IPv4 address inside an IPv4-mapped IPv6 address (RFC 4291 §2.5.5.2); any other address as it is. */
export function unmapped(hostname: string): string {
  if (!hostname.startsWith(MAPPED_PREFIX)) return hostname;
  const inner = hostname.slice(MAPPED_PREFIX.length);
  return ipVersion(inner) === 4 ? inner : hostname;
}

/** The IPv4-mapped form of an IPv4 address; any other address as it is. */
export function mapped(hostname: string): string {
  return hostname.includes(":") ? hostname : MAPPED_PREFIX + hostname;
}

/** A literal without the brackets that URLs put around IPv6 addresses. */
export function withoutBrackets(hostname: string): string {
  return hostname.startsWith("[") && hostname.endsWith("]") ? hostname.slice(1, -1) : hostname;
}

/** Whether a socket that is bound to `local` can send to `remote`: same family, or a socket for both. */
export function canReach(local: string, remote: string): boolean {
  return local === "::" || ipVersion(local) === ipVersion(remote);
}
