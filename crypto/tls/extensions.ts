/**
 * Extensions (RFC 8446 §4.2): the block, where each may stand, and the contents of those in use.
 *
 * @module
 */
import { TlsAlert } from "./alerts.ts";
import { TlsReader, TlsWriter } from "./codec.ts";

/** Extension types in use here. */
export const ExtensionType = {
  serverName: 0,
  supportedGroups: 10,
  signatureAlgorithms: 13,
  alpn: 16,
  padding: 21,
  preSharedKey: 41,
  earlyData: 42,
  supportedVersions: 43,
  cookie: 44,
  pskModes: 45,
  keyShare: 51,
  quicTransportParameters: 57,
} as const;

/** TLS 1.3 in supported_versions. */
export const TLS_1_3 = 0x0304;

/** A block of extensions: data by type, in the order of the block. */
export type Extensions = ReadonlyMap<number, Uint8Array>;

/** The messages that carry extensions. */
export type ExtensionCarrier =
  | "ClientHello"
  | "ServerHello"
  | "HelloRetryRequest"
  | "EncryptedExtensions"
  | "Certificate"
  | "CertificateRequest"
  | "NewSessionTicket";

/** Most extensions in one block: a bound on work, several times what any client sends. */
const MAX_EXTENSIONS = 128;

/** RFC 8446 §4.2's table: where each known extension may stand. CH: ClientHello and so on. */
const PLACES = new Map<number, string>([
  [0, "CH EE CR"], // server_name
  [5, "CH CR CT"], // status_request
  [10, "CH EE"], // supported_groups
  [13, "CH CR"], // signature_algorithms
  [14, "CH EE"], // use_srtp
  [15, "CH EE"], // heartbeat
  [16, "CH EE"], // application_layer_protocol_negotiation
  [18, "CH CR CT"], // signed_certificate_timestamp
  [19, "CH EE"], // client_certificate_type
  [20, "CH EE"], // server_certificate_type
  [21, "CH"], // padding
  [27, "CH CR"], // compress_certificate
  [28, "CH EE"], // record_size_limit
  [34, "CH CR CT"], // delegated_credential
  [41, "CH SH"], // pre_shared_key
  [42, "CH EE NST"], // early_data
  [43, "CH SH HRR"], // supported_versions
  [44, "CH HRR"], // cookie
  [45, "CH"], // psk_key_exchange_modes
  [47, "CH CR"], // certificate_authorities
  [48, "CR"], // oid_filters
  [49, "CH"], // post_handshake_auth
  [50, "CH CR"], // signature_algorithms_cert
  [51, "CH SH HRR"], // key_share
  [57, "CH EE"], // quic_transport_parameters
]);

const SHORT: Record<ExtensionCarrier, string> = {
  ClientHello: "CH",
  ServerHello: "SH",
  HelloRetryRequest: "HRR",
  EncryptedExtensions: "EE",
  Certificate: "CT",
  CertificateRequest: "CR",
  NewSessionTicket: "NST",
};

/** Reads a block; a type that comes twice is refused with "illegal_parameter". `what` names the message. */
export function readExtensions(r: TlsReader, what: string): Map<number, Uint8Array> {
  const block = new TlsReader(r.vector(2), what);
  const extensions = new Map<number, Uint8Array>();
  while (block.left > 0) {
    const type = block.u16();
    const data = block.vector(2);
    if (extensions.has(type)) {
      throw new TlsAlert("illegal_parameter", `Extension ${type} comes twice in ${what}: expected once`);
    }
    if (extensions.size === MAX_EXTENSIONS) {
      throw new TlsAlert("decode_error", `Too many extensions in ${what}: expected at most ${MAX_EXTENSIONS}`);
    }
    extensions.set(type, data);
  }
  return extensions;
}

/** Writes a block. */
export function writeExtensions(w: TlsWriter, extensions: Extensions): void {
  w.nest(2, () => {
    for (const [type, data] of extensions) w.u16(type).vector(2, data);
  });
}

/**
 * Checks where extensions stand (RFC 8446 §4.2): a known one in a wrong message is "illegal_parameter"; in an answer, one
 * that is not in `offered` is "unsupported_extension". Without `offered` (a request) unknown ones are let be.
 */
export function checkExtensions(
  extensions: Extensions,
  carrier: ExtensionCarrier,
  offered?: { has(type: number): boolean },
): void {
  for (const type of extensions.keys()) {
    const places = PLACES.get(type);
    if (places !== undefined && !places.split(" ").includes(SHORT[carrier])) {
      throw new TlsAlert("illegal_parameter", `Extension ${type} is in ${carrier}: expected only in ${places}`);
    }
    if (offered !== undefined && !offered.has(type)) {
      throw new TlsAlert("unsupported_extension", `Extension ${type} is in ${carrier}: expected only what was offered`);
    }
  }
}

/** The data of an extension that must be there. */
export function required(extensions: Extensions, type: number, name: string, carrier: ExtensionCarrier): Uint8Array {
  const data = extensions.get(type);
  if (data === undefined) throw new TlsAlert("missing_extension", `${carrier} has no ${name}: expected one`);
  return data;
}

function parse<T>(data: Uint8Array, what: string, read: (r: TlsReader) => T): T {
  const r = new TlsReader(data, what);
  const value = read(r);
  r.end();
  return value;
}

function build(body: (w: TlsWriter) => void): Uint8Array {
  const w = new TlsWriter(64);
  body(w);
  return w.take();
}

/** server_name in a ClientHello (RFC 6066 §3): the one host name, as it was sent. Types other than host_name are refused. */
export function readServerName(data: Uint8Array): string {
  const name = parse(data, "server_name", (r) => {
    const list = new TlsReader(r.vector(2, 1), "server_name");
    const type = list.u8();
    if (type !== 0) throw new TlsAlert("illegal_parameter", `Server name has type ${type}: expected 0, a host name`);
    const name = list.vector(2, 1);
    list.end();
    return name;
  });
  if (name.length > 255 || name.some((byte) => byte <= 0x20 || byte >= 0x7f)) {
    throw new TlsAlert("illegal_parameter", "Server name is not a host name in ASCII: expected at most 255 letters");
  }
  return String.fromCharCode(...name);
}

/** server_name for a ClientHello; `name` is ASCII. */
export function writeServerName(name: string): Uint8Array {
  const bytes = new TextEncoder().encode(name);
  return build((w) => w.nest(2, () => w.u8(0).vector(2, bytes)));
}

/** A list of 2-byte codes: supported_groups, signature_algorithms. */
export function readCodes(data: Uint8Array, name: string): number[] {
  return parse(data, name, (r) => r.codes(2));
}

/** A list of 2-byte codes: supported_groups, signature_algorithms. */
export function writeCodes(codes: readonly number[]): Uint8Array {
  return build((w) => w.codes(2, codes));
}

/** supported_versions in a ClientHello. */
export function readVersions(data: Uint8Array): number[] {
  return parse(data, "supported_versions", (r) => r.codes(1));
}

/** supported_versions for a ClientHello. */
export function writeVersions(versions: readonly number[]): Uint8Array {
  return build((w) => w.codes(1, versions));
}

/** A single 2-byte code: supported_versions in a ServerHello, key_share in a HelloRetryRequest. */
export function readCode(data: Uint8Array, name: string): number {
  return parse(data, name, (r) => r.u16());
}

/** A single 2-byte code: supported_versions in a ServerHello, key_share in a HelloRetryRequest. */
export function writeCode(code: number): Uint8Array {
  return build((w) => w.u16(code));
}

/** An application protocol's name as bytes in UTF-8, one letter per byte: what names are compared by. */
export function alpnBytes(name: string): string {
  return String.fromCharCode(...new TextEncoder().encode(name));
}

/** The names in application_layer_protocol_negotiation (RFC 7301 §3.1), one letter per byte, as `alpnBytes` has them. */
export function readAlpn(data: Uint8Array): string[] {
  return parse(data, "application_layer_protocol_negotiation", (r) => {
    const list = new TlsReader(r.vector(2, 2), "application_layer_protocol_negotiation");
    const names: string[] = [];
    while (list.left > 0) names.push(String.fromCharCode(...list.vector(1, 1)));
    return names;
  });
}

/** application_layer_protocol_negotiation; each name has 1 to 255 bytes in UTF-8. */
export function writeAlpn(names: readonly string[]): Uint8Array {
  return build((w) =>
    w.nest(2, () => {
      for (const name of names) w.vector(1, new TextEncoder().encode(name));
    })
  );
}

/** One share of key_share: group and public key. */
export interface ShareEntry {
  readonly group: number;
  readonly key: Uint8Array;
}

function readShare(r: TlsReader): ShareEntry {
  return { group: r.u16(), key: r.vector(2, 1) };
}

/** key_share in a ClientHello; may be empty. A group that comes twice is refused. */
export function readClientShares(data: Uint8Array): ShareEntry[] {
  return parse(data, "key_share", (r) => {
    const list = new TlsReader(r.vector(2), "key_share");
    const shares: ShareEntry[] = [];
    const seen = new Set<number>();
    while (list.left > 0) {
      const share = readShare(list);
      if (seen.has(share.group)) {
        throw new TlsAlert("illegal_parameter", `Group ${share.group} comes twice in key_share: expected once`);
      }
      seen.add(share.group);
      shares.push(share);
    }
    return shares;
  });
}

/** key_share for a ClientHello. */
export function writeClientShares(shares: readonly ShareEntry[]): Uint8Array {
  return build((w) =>
    w.nest(2, () => {
      for (const share of shares) w.u16(share.group).vector(2, share.key);
    })
  );
}

/** key_share in a ServerHello. */
export function readServerShare(data: Uint8Array): ShareEntry {
  return parse(data, "key_share", readShare);
}

/** key_share for a ServerHello. */
export function writeServerShare(share: ShareEntry): Uint8Array {
  return build((w) => w.u16(share.group).vector(2, share.key));
}

/** cookie (RFC 8446 §4.2.2). */
export function readCookie(data: Uint8Array): Uint8Array {
  return parse(data, "cookie", (r) => r.vector(2, 1));
}

/** early_data in a NewSessionTicket: max_early_data_size. */
export function readMaxEarlyData(data: Uint8Array): number {
  return parse(data, "early_data", (r) => r.u32());
}
