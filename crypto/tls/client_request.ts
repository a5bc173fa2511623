/**
 * What a server learns from a ClientHello, with the checks of RFC 8446 §4.1.2, §4.2 and §9.2.
 *
 * @module
 */
import { TlsAlert } from "./alerts.ts";
import { sameBytes } from "./codec.ts";
import {
  checkExtensions,
  type Extensions,
  ExtensionType,
  readAlpn,
  readClientShares,
  readCodes,
  readCookie,
  readServerName,
  readVersions,
  required,
  type ShareEntry,
  TLS_1_3,
} from "./extensions.ts";
import { type ClientHello, LEGACY_VERSION } from "./messages.ts";

/** A client's offer, read and checked. */
export interface ClientRequest {
  readonly hello: ClientHello;
  readonly groups: readonly number[];
  readonly shares: readonly ShareEntry[];
  readonly schemes: readonly number[];
  /** One letter per byte. */
  readonly alpn: readonly string[];
  /** In lower case. */
  readonly serverName: string | undefined;
  /** Contents of quic_transport_parameters. */
  readonly parameters: Uint8Array;
}

/** Reads a ClientHello's extensions; throws `TlsAlert`. */
export function readRequest(hello: ClientHello): ClientRequest {
  checkHello(hello);
  const { extensions } = hello;
  checkExtensions(extensions, "ClientHello");
  checkPreSharedKey(extensions);
  const cookie = extensions.get(ExtensionType.cookie);
  if (cookie !== undefined) readCookie(cookie);
  const groups = readCodes(need(extensions, ExtensionType.supportedGroups, "supported_groups"), "supported_groups");
  const shares = readClientShares(need(extensions, ExtensionType.keyShare, "key_share"));
  for (const { group } of shares) {
    if (!groups.includes(group)) {
      throw new TlsAlert("illegal_parameter", `ClientHello has a key of group ${group}: expected a supported group`);
    }
  }
  const schemes = need(extensions, ExtensionType.signatureAlgorithms, "signature_algorithms");
  const alpn = extensions.get(ExtensionType.alpn);
  if (alpn === undefined) {
    throw new TlsAlert("no_application_protocol", "ClientHello has no application protocols: expected at least one");
  }
  const name = extensions.get(ExtensionType.serverName);
  return {
    hello,
    groups,
    shares,
    schemes: readCodes(schemes, "signature_algorithms"),
    alpn: readAlpn(alpn),
    serverName: name === undefined ? undefined : readServerName(name).toLowerCase(),
    parameters: need(extensions, ExtensionType.quicTransportParameters, "quic_transport_parameters"),
  };
}

/** The fields outside of extensions, and the version. */
function checkHello(hello: ClientHello): void {
  const versions = hello.extensions.get(ExtensionType.supportedVersions);
  const isOld = versions === undefined || !readVersions(versions).includes(TLS_1_3);
  if (hello.legacyVersion !== LEGACY_VERSION || isOld) {
    throw new TlsAlert("protocol_version", "ClientHello does not offer TLS 1.3: expected it to");
  }
  if (hello.sessionId.length > 0) {
    // RFC 9001 §8.4
    throw TlsAlert.violation("ClientHello has a session id: expected none, QUIC has no compatibility mode");
  }
  if (hello.compressions.length !== 1 || hello.compressions[0] !== 0) {
    throw new TlsAlert("illegal_parameter", "ClientHello offers compression: expected none");
  }
}

/** Nothing is resumed here; yet RFC 8446 §4.2.9 and §4.2.11 say what must be refused. */
function checkPreSharedKey(extensions: Extensions): void {
  if (!extensions.has(ExtensionType.preSharedKey)) return;
  if ([...extensions.keys()].at(-1) !== ExtensionType.preSharedKey) {
    throw new TlsAlert("illegal_parameter", "Extensions follow pre_shared_key in ClientHello: expected it last");
  }
  need(extensions, ExtensionType.pskModes, "psk_key_exchange_modes");
}

function need(extensions: Extensions, type: number, name: string): Uint8Array {
  return required(extensions, type, name, "ClientHello");
}

/** What may differ between the two ClientHellos around a HelloRetryRequest (RFC 8446 §4.1.2). */
const MAY_CHANGE: ReadonlySet<number> = new Set([
  ExtensionType.keyShare,
  ExtensionType.earlyData,
  ExtensionType.cookie,
  ExtensionType.preSharedKey,
  ExtensionType.padding,
]);

/** Checks that the second ClientHello is the first with one key of the `group` that was asked for. */
export function checkRetried(first: ClientRequest, second: ClientRequest, group: number): void {
  const [share] = second.shares;
  if (second.shares.length !== 1 || share?.group !== group) {
    throw new TlsAlert("illegal_parameter", `Second ClientHello has other keys: expected one of group ${group}`);
  }
  if (second.hello.extensions.has(ExtensionType.earlyData)) {
    throw new TlsAlert("illegal_parameter", "Second ClientHello has early_data: expected none after a retry");
  }
  const isSame = sameBytes(first.hello.random, second.hello.random) &&
    first.hello.suites.join() === second.hello.suites.join() &&
    covers(first.hello.extensions, second.hello.extensions) && covers(second.hello.extensions, first.hello.extensions);
  if (!isSame) {
    throw new TlsAlert("illegal_parameter", "Second ClientHello differs from the first: expected only another key");
  }
}

/** Whether all of `b` that may not change is in `a`, and the same. */
function covers(a: Extensions, b: Extensions): boolean {
  for (const [type, data] of b) {
    const other = a.get(type);
    if (!MAY_CHANGE.has(type) && (other === undefined || !sameBytes(data, other))) return false;
  }
  return true;
}
