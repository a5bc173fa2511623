/**
 * What a client offers: its ClientHello, and the second one after a HelloRetryRequest.
 *
 * @module
 */
import type { CryptoProvider, GroupName, KeyShare, RandomBytes } from "../provider.ts";
import {
  type Extensions,
  ExtensionType,
  TLS_1_3,
  writeAlpn,
  writeClientShares,
  writeCodes,
  writeServerName,
  writeVersions,
} from "./extensions.ts";
import { type ClientHello, LEGACY_VERSION, writeClientHello } from "./messages.ts";
import { CERTIFICATE_SCHEMES, greaseCode, GROUP_CODES, HANDSHAKE_SCHEMES } from "./parameters.ts";

/** What an offer is made of. */
export interface OfferOptions {
  readonly provider: CryptoProvider;
  readonly random: RandomBytes;
  /** For server_name; `undefined` when the server is addressed by IP. */
  readonly sniName: string | undefined;
  readonly alpnProtocols: readonly string[];
  readonly transportParameters: Uint8Array;
  /** Whether to mix in values of RFC 8701. */
  readonly grease: boolean;
}

/** GREASE values of one offer; the first ClientHello's and the second's are the same. */
interface Grease {
  readonly suite: number;
  readonly group: number;
  readonly extension: number;
  readonly version: number;
  readonly scheme: number;
}

/** One client's offer. */
export class ClientOffer {
  /** 32 bytes. */
  readonly random: Uint8Array;
  readonly #options: OfferOptions;
  readonly #grease: Grease | undefined;
  readonly #types: ReadonlySet<number>;
  #share: KeyShare;

  /** Makes a key pair for the provider's first group. */
  constructor(options: OfferOptions) {
    this.#options = options;
    this.random = new Uint8Array(32);
    options.random(this.random);
    this.#grease = options.grease ? drawGrease(options.random) : undefined;
    this.#share = this.#makeShare(options.provider.groups[0]!);
    this.#types = new Set(this.#extensions(undefined, false).keys());
  }

  /** The one group that a share was sent for last. */
  get shareGroup(): number {
    return GROUP_CODES[this.#share.group];
  }

  /** The offered group with that codepoint. */
  groupByCode(code: number): GroupName | undefined {
    return this.#options.provider.groups.find((group) => GROUP_CODES[group] === code);
  }

  /** Whether an answer may have that extension; GREASE's may not be answered (RFC 8701 §3.1). */
  has(type: number): boolean {
    return type !== this.#grease?.extension && this.#types.has(type);
  }

  /** The shared secret with the server's share, of `shareGroup`. Throws `CryptoError`. */
  agree(peerKey: Uint8Array): Uint8Array {
    return this.#share.agree(peerKey);
  }

  /** Makes a new key pair for the group that the server asked for. */
  useGroup(group: GroupName): void {
    this.#share = this.#makeShare(group);
  }

  /** The ClientHello; `cookie` is the data of the server's extension, echoed as it came. */
  write(cookie: Uint8Array | undefined, isRetry: boolean): Uint8Array {
    const grease = this.#grease;
    const hello: ClientHello = {
      legacyVersion: LEGACY_VERSION,
      random: this.random,
      sessionId: new Uint8Array(), // RFC 9001 §8.4
      suites: [...(grease ? [grease.suite] : []), ...this.#options.provider.suites.map((suite) => suite.id)],
      compressions: new Uint8Array(1),
      extensions: this.#extensions(cookie, isRetry),
    };
    return writeClientHello(hello);
  }

  #extensions(cookie: Uint8Array | undefined, isRetry: boolean): Extensions {
    const { provider, sniName, alpnProtocols, transportParameters } = this.#options;
    const grease = this.#grease;
    const extensions = new Map<number, Uint8Array>();
    if (grease) extensions.set(grease.extension, new Uint8Array());
    if (sniName !== undefined) extensions.set(ExtensionType.serverName, writeServerName(sniName));
    const groups = provider.groups.map((group) => GROUP_CODES[group]);
    extensions.set(ExtensionType.supportedGroups, writeCodes(grease ? [grease.group, ...groups] : groups));
    const schemes = [...HANDSHAKE_SCHEMES, ...CERTIFICATE_SCHEMES];
    extensions.set(ExtensionType.signatureAlgorithms, writeCodes(grease ? [grease.scheme, ...schemes] : schemes));
    extensions.set(ExtensionType.alpn, writeAlpn(alpnProtocols));
    extensions.set(ExtensionType.supportedVersions, writeVersions(grease ? [grease.version, TLS_1_3] : [TLS_1_3]));
    const share = { group: this.shareGroup, key: this.#share.publicKey };
    // RFC 8446 §4.1.2: after a retry there is one share only.
    const shares = grease && !isRetry ? [{ group: grease.group, key: new Uint8Array(1) }, share] : [share];
    extensions.set(ExtensionType.keyShare, writeClientShares(shares));
    if (cookie !== undefined) extensions.set(ExtensionType.cookie, cookie);
    extensions.set(ExtensionType.quicTransportParameters, transportParameters);
    return extensions;
  }

  #makeShare(group: GroupName): KeyShare {
    return this.#options.provider.keyShare(group, this.#options.random);
  }
}

function drawGrease(random: RandomBytes): Grease {
  const bytes = new Uint8Array(5);
  random(bytes);
  return {
    suite: greaseCode(bytes[0]!),
    group: greaseCode(bytes[1]!),
    extension: greaseCode(bytes[2]!),
    version: greaseCode(bytes[3]!),
    scheme: greaseCode(bytes[4]!),
  };
}
