/**
 * The name that a certificate must be for (RFC 9525): a host name, or an IP address.
 *
 * @module
 */
import { sameBytes } from "./codec.ts";
import { type GeneralName, NameType } from "./x509.ts";

/** What the client asked for. */
export type ServerName =
  /** In lower case, without a dot at the end. */
  | { readonly kind: "name"; readonly name: string }
  /** 4 or 16 bytes. */
  | { readonly kind: "ip"; readonly address: Uint8Array; readonly text: string };

const LABEL = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/;

/**
 * Reads a host name in ASCII (IDNs as A-labels) or an IP address.
 *
 * @throws {TypeError} when it is neither.
 */
export function parseServerName(text: string): ServerName {
  const address = parseAddress(text);
  if (address !== undefined) return { kind: "ip", address, text };
  const name = text.toLowerCase().replace(/\.$/, "");
  const labels = name.split(".");
  const isName = name.length <= 253 && labels.every((label) => LABEL.test(label)) && !/^\d+$/.test(labels.at(-1)!);
  if (!isName) {
    throw new TypeError(`Server name "${text}" is not valid: expected a host name in ASCII or an IP address`);
  }
  return { kind: "name", name };
}

/** Whether one of a certificate's names is for the server. */
export function matchesName(names: readonly GeneralName[], server: ServerName): boolean {
  return names.some(({ type, value }) =>
    server.kind === "ip"
      ? type === NameType.ip && sameBytes(value, server.address)
      : type === NameType.dns && matchesHost(asciiText(value).toLowerCase(), server.name)
  );
}

/** RFC 9525 §6.3: a star stands for the whole first label, and not for a label right below the root or a top level. */
function matchesHost(pattern: string, name: string): boolean {
  if (!pattern.startsWith("*.")) return pattern === name;
  const suffix = pattern.slice(1);
  const dot = name.indexOf(".");
  return suffix.indexOf(".", 1) > 0 && !suffix.includes("*") && dot > 0 && name.slice(dot) === suffix;
}

/** For messages: the host names and addresses that a certificate is for, the first few of them. */
export function describeNames(names: readonly GeneralName[]): string {
  const shown = names.filter(({ type }) => type === NameType.dns || type === NameType.ip).map(({ type, value }) =>
    type === NameType.ip ? addressText(value) : JSON.stringify(asciiText(value.subarray(0, 255))).slice(1, -1)
  );
  if (shown.length === 0) return "no host at all";
  return shown.slice(0, 5).join(", ") + (shown.length > 5 ? ` and ${shown.length - 5} more` : "");
}

/** Bytes as letters, one for each. */
export function asciiText(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

function addressText(bytes: Uint8Array): string {
  if (bytes.length !== 16) return bytes.slice(0, 4).join(".");
  const parts: string[] = [];
  for (let i = 0; i < 16; i += 2) parts.push((bytes[i]! << 8 | bytes[i + 1]!).toString(16));
  return parts.join(":");
}

/** The bytes of an IPv4 address in dots or an IPv6 address (a zone is left out); `undefined` when it is none. */
export function parseAddress(text: string): Uint8Array | undefined {
  return text.includes(":") ? parseIpv6(text.replace(/%.*$/, "")) : parseIpv4(text);
}

function parseIpv4(text: string): Uint8Array | undefined {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256)) {
    return undefined;
  }
  return Uint8Array.from(parts, Number);
}

function parseIpv6(text: string): Uint8Array | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const head = groupBytes(halves[0]!, halves.length === 1);
  const tail = halves.length === 1 ? [] : groupBytes(halves[1]!, true);
  if (head === undefined || tail === undefined) return undefined;
  const length = head.length + tail.length;
  if (halves.length === 1 ? length !== 16 : length > 14) return undefined;
  const bytes = new Uint8Array(16);
  bytes.set(head);
  bytes.set(tail, 16 - tail.length);
  return bytes;
}

/** Groups between colons as bytes; the last may be an IPv4 address. */
function groupBytes(text: string, isEnd: boolean): number[] | undefined {
  if (text === "") return [];
  const groups = text.split(":");
  const bytes: number[] = [];
  for (const [i, group] of groups.entries()) {
    if (/^[0-9a-f]{1,4}$/i.test(group)) bytes.push(parseInt(group, 16) >> 8, parseInt(group, 16) & 0xff);
    else {
      const ipv4 = isEnd && i === groups.length - 1 ? parseIpv4(group) : undefined;
      if (ipv4 === undefined) return undefined;
      bytes.push(...ipv4);
    }
  }
  return bytes;
}
