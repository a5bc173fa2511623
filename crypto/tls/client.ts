/**
 * The client's side of the TLS 1.3 handshake in QUIC (RFC 8446 §2, RFC 9001 §4).
 *
 * | State                  | Level       | Expected message          | Next                    |
 * |------------------------|-------------|---------------------------|-------------------------|
 * | hello                  | initial     | HelloRetryRequest         | retried_hello           |
 * | hello, retried_hello   | initial     | ServerHello               | encrypted_extensions    |
 * | encrypted_extensions   | handshake   | EncryptedExtensions       | certificate_or_request  |
 * | certificate_or_request | handshake   | CertificateRequest        | certificate             |
 * | certificate(_or_…)     | handshake   | Certificate               | certificate_verify      |
 * | certificate_verify     | handshake   | CertificateVerify         | finished                |
 * | finished               | handshake   | Finished                  | connected               |
 * | connected              | application | NewSessionTicket, ignored | connected               |
 *
 * @module
 */
import { type CipherSuite, CryptoError, type CryptoProvider, type RandomBytes } from "../provider.ts";
import { TlsAlert } from "./alerts.ts";
import { certificateAlert, publicKeyOf, type SignatureCheck, usableRoots, verifyChain } from "./certificates.ts";
import { checkCertificateSignature } from "./certificates_node.ts";
import { ClientOffer } from "./client_offer.ts";
import { sameSecret } from "./codec.ts";
import {
  alpnBytes,
  checkExtensions,
  type Extensions,
  ExtensionType,
  readAlpn,
  readCode,
  readCodes,
  readCookie,
  readMaxEarlyData,
  readServerShare,
  required,
  TLS_1_3,
} from "./extensions.ts";
import type { Message } from "./framing.ts";
import { KeySchedule, type TrafficSecrets } from "./key_schedule.ts";
import { Machine, type Row, type Table } from "./machine.ts";
import {
  HandshakeType as Type,
  isRetry,
  LEGACY_VERSION,
  readCertificate,
  readCertificateRequest,
  readCertificateVerify,
  readEncryptedExtensions,
  readFinished,
  readNewSessionTicket,
  readServerHello,
  type ServerHello,
  writeCertificate,
  writeFinished,
} from "./messages.ts";
import { checkAlpnProtocols, HANDSHAKE_SCHEMES, quoteNames, signedContent } from "./parameters.ts";
import { parseServerName, type ServerName } from "./server_name.ts";
import type { TlsSession } from "./session.ts";
import { Transcript } from "./transcript.ts";

/** Most NewSessionTickets that one connection takes; a bound on work for nothing. */
export const MAX_SESSION_TICKETS = 1_000;

/** What a NewSessionTicket's early_data must say in QUIC (RFC 9001 §4.6.1). */
const QUIC_EARLY_DATA = 0xffff_ffff;

/** How a client connects. */
export interface TlsClientOptions {
  /** Its suites and groups are what is offered, in their order. */
  readonly provider: CryptoProvider;
  /** For the hello's Random and keys. */
  readonly random: RandomBytes;
  /** Host name in ASCII, or IP address without brackets: what the certificate must be for. Only a name goes into SNI. */
  readonly serverName: string;
  /** At least one, preferred first; each 1 to 255 bytes. */
  readonly alpnProtocols: readonly string[];
  /** Contents of quic_transport_parameters. */
  readonly transportParameters: Uint8Array;
  /**
   * Trusted authorities (DER). An end-entity certificate (CA:FALSE) among them is trusted when the server shows just it.
   * What cannot be read is left out.
   */
  readonly roots: readonly Uint8Array[];
  /**
   * Further authorities (DER), asked for only when the chain does not lead to one of `roots`: the system's take a while to
   * read.
   */
  readonly moreRoots?: () => readonly Uint8Array[];
  /**
   * Takes the place of all checks of the chain (DER, leaf first) and the name; throws to refuse. `"insecure"` trusts every
   * certificate. That the server has the leaf's key is checked in any case.
   */
  readonly verify?: ((chain: readonly Uint8Array[], serverName: string) => void) | "insecure";
  /** Now, for the validity of certificates: Unix time in milliseconds. */
  readonly time: number;
  /** Whether to give out "keylog" lines. */
  readonly keyLog?: boolean;
  /** Whether to offer values of RFC 8701 too; `false` by default. */
  readonly grease?: boolean;
}

type State =
  | "hello"
  | "retried_hello"
  | "encrypted_extensions"
  | "certificate_or_request"
  | "certificate"
  | "certificate_verify"
  | "finished"
  | "connected";

/**
 * Starts a handshake; the ClientHello can be pulled at once.
 *
 * @throws {TypeError} when the server's name, the protocols or the roots are of no use.
 */
export function createTlsClient(options: TlsClientOptions): TlsSession {
  return new TlsClient(options);
}

class TlsClient extends Machine<State> {
  static readonly #table: Table<TlsClient, State> = {
    hello: { level: "initial", steps: { [Type.serverHello]: (c, m) => c.#onFirstHello(m) } },
    retried_hello: { level: "initial", steps: { [Type.serverHello]: (c, m) => c.#onRetriedHello(m) } },
    encrypted_extensions: {
      level: "handshake",
      steps: { [Type.encryptedExtensions]: (c, m) => c.#onEncryptedExtensions(m) },
    },
    certificate_or_request: {
      level: "handshake",
      steps: {
        [Type.certificate]: (c, m) => c.#onCertificate(m),
        [Type.certificateRequest]: (c, m) => c.#onCertificateRequest(m),
      },
    },
    certificate: { level: "handshake", steps: { [Type.certificate]: (c, m) => c.#onCertificate(m) } },
    certificate_verify: {
      level: "handshake",
      steps: { [Type.certificateVerify]: (c, m) => c.#onCertificateVerify(m) },
    },
    finished: { level: "handshake", steps: { [Type.finished]: (c, m) => c.#onFinished(m) } },
    connected: {
      level: "application",
      steps: {
        [Type.newSessionTicket]: (c, m) => c.#onNewSessionTicket(m),
        [Type.certificateRequest]: () => {
          // RFC 9001 §4.4
          throw TlsAlert.violation("CertificateRequest came after the handshake: expected none in QUIC");
        },
      },
    },
  };

  readonly #options: TlsClientOptions;
  readonly #name: ServerName;
  readonly #offer: ClientOffer;
  readonly #transcript: Transcript;
  #retrySuite: CipherSuite | undefined;
  #suite!: CipherSuite;
  #schedule!: KeySchedule;
  #secrets!: TrafficSecrets;
  #alpn: string | undefined;
  #chain: readonly Uint8Array[] = [];
  #isVerified = false;
  #isCertificateRequested = false;
  #tickets = 0;

  constructor(options: TlsClientOptions) {
    super(options.provider, options.keyLog ?? false, "hello");
    checkAlpnProtocols(options.alpnProtocols);
    if (options.verify === undefined && options.moreRoots === undefined) usableRoots(options.roots);
    this.#options = options;
    this.#name = parseServerName(options.serverName);
    this.#offer = new ClientOffer({
      provider: options.provider,
      random: options.random,
      sniName: this.#name.kind === "name" ? this.#name.name : undefined,
      alpnProtocols: options.alpnProtocols,
      transportParameters: options.transportParameters,
      grease: options.grease ?? false,
    });
    this.#transcript = new Transcript(options.provider);
    this.#sendHello(undefined, false);
  }

  get alpn(): string | undefined {
    return this.#alpn;
  }

  get peerCertificates(): readonly Uint8Array[] {
    return this.#isVerified ? this.#chain : [];
  }

  get serverName(): string | undefined {
    return undefined;
  }

  protected rowOf(state: State): Row<this, State> {
    return TlsClient.#table[state];
  }

  #sendHello(cookie: Uint8Array | undefined, isRetry: boolean): void {
    const data = this.#offer.write(cookie, isRetry);
    this.#transcript.add(data);
    this.emit({ kind: "send", level: "initial", data });
  }

  #onFirstHello(message: Message): State {
    const hello = readServerHello(message.body);
    return isRetry(hello) ? this.#onRetry(hello, message) : this.#onServerHello(hello, message);
  }

  #onRetriedHello(message: Message): State {
    const hello = readServerHello(message.body);
    if (isRetry(hello)) {
      throw new TlsAlert("unexpected_message", "A second HelloRetryRequest came: expected a ServerHello");
    }
    return this.#onServerHello(hello, message);
  }

  /** RFC 8446 §4.1.4. */
  #onRetry(hello: ServerHello, message: Message): State {
    const suite = this.#checkHello(hello, "HelloRetryRequest");
    const { extensions } = hello;
    checkExtensions(extensions, "HelloRetryRequest", {
      has: (type) => type === ExtensionType.cookie || this.#offer.has(type),
    });
    const cookie = extensions.get(ExtensionType.cookie);
    if (cookie !== undefined) readCookie(cookie);
    const share = extensions.get(ExtensionType.keyShare);
    if (share !== undefined) this.#useGroup(readCode(share, "key_share"));
    else if (cookie === undefined) {
      throw new TlsAlert("illegal_parameter", "HelloRetryRequest asks for no change: expected a group or a cookie");
    }
    this.#retrySuite = suite;
    this.#transcript.begin(suite.hash);
    this.#transcript.replaceWithHash();
    this.#transcript.add(message.raw);
    this.#sendHello(cookie, share !== undefined);
    return "retried_hello";
  }

  #useGroup(code: number): void {
    const group = this.#offer.groupByCode(code);
    if (group === undefined || code === this.#offer.shareGroup) {
      throw new TlsAlert(
        "illegal_parameter",
        `HelloRetryRequest asks for group ${code}: expected one that was offered without a key`,
      );
    }
    this.#offer.useGroup(group);
  }

  #onServerHello(hello: ServerHello, message: Message): State {
    const suite = this.#checkHello(hello, "ServerHello");
    checkExtensions(hello.extensions, "ServerHello", this.#offer);
    if (this.#retrySuite !== undefined && suite !== this.#retrySuite) {
      throw new TlsAlert("illegal_parameter", `ServerHello has suite ${suite.name}: expected HelloRetryRequest's`);
    }
    const share = readServerShare(required(hello.extensions, ExtensionType.keyShare, "key_share", "ServerHello"));
    if (share.group !== this.#offer.shareGroup) {
      throw new TlsAlert(
        "illegal_parameter",
        `ServerHello has a key of group ${share.group}: expected group ${this.#offer.shareGroup}`,
      );
    }
    this.#suite = suite;
    this.#transcript.begin(suite.hash);
    this.#transcript.add(message.raw);
    this.#schedule = new KeySchedule(this.#options.provider, suite);
    this.#secrets = this.#schedule.enterHandshake(agree(this.#offer, share.key), this.#transcript.digest());
    const { client, server } = this.#secrets;
    this.logSecret("CLIENT_HANDSHAKE_TRAFFIC_SECRET", this.#offer.random, client);
    this.logSecret("SERVER_HANDSHAKE_TRAFFIC_SECRET", this.#offer.random, server);
    this.emit({ kind: "secret", level: "handshake", use: "read", suite, secret: server });
    this.emit({ kind: "secret", level: "handshake", use: "write", suite, secret: client });
    return "encrypted_extensions";
  }

  /** Checks what ServerHello and HelloRetryRequest have in common; gives the suite (RFC 8446 §4.1.3). */
  #checkHello(hello: ServerHello, what: "ServerHello" | "HelloRetryRequest"): CipherSuite {
    const version = hello.extensions.get(ExtensionType.supportedVersions);
    if (hello.legacyVersion !== LEGACY_VERSION || version === undefined) {
      throw new TlsAlert("protocol_version", `${what} is of an older TLS: expected TLS 1.3`);
    }
    const code = readCode(version, "supported_versions");
    if (code !== TLS_1_3) {
      throw new TlsAlert("protocol_version", `${what} has version 0x${code.toString(16)}: expected TLS 1.3`);
    }
    if (hello.sessionId.length > 0) {
      throw new TlsAlert("illegal_parameter", `${what} has a session id: expected none`);
    }
    if (hello.compression !== 0) {
      throw new TlsAlert("illegal_parameter", `${what} has compression ${hello.compression}: expected 0`);
    }
    const suite = this.#options.provider.suites.find((offered) => offered.id === hello.suite);
    if (suite === undefined) {
      throw new TlsAlert(
        "illegal_parameter",
        `${what} has suite 0x${hello.suite.toString(16)}: expected an offered one`,
      );
    }
    return suite;
  }

  #onEncryptedExtensions(message: Message): State {
    const extensions = readEncryptedExtensions(message.body);
    checkExtensions(extensions, "EncryptedExtensions", this.#offer);
    this.#alpn = this.#readAlpn(extensions);
    const name = extensions.get(ExtensionType.serverName);
    if (name !== undefined && name.length > 0) {
      throw new TlsAlert("decode_error", "Server answered server_name with contents: expected none");
    }
    const groups = extensions.get(ExtensionType.supportedGroups);
    if (groups !== undefined) readCodes(groups, "supported_groups");
    const data = required(
      extensions,
      ExtensionType.quicTransportParameters,
      "quic_transport_parameters",
      "EncryptedExtensions",
    );
    this.#transcript.add(message.raw);
    this.emit({ kind: "parameters", data });
    return "certificate_or_request";
  }

  /** RFC 7301 §3.1, RFC 9001 §8.1. */
  #readAlpn(extensions: Extensions): string {
    const offered = this.#options.alpnProtocols;
    const data = extensions.get(ExtensionType.alpn);
    if (data === undefined) {
      throw new TlsAlert(
        "no_application_protocol",
        `Server chose no application protocol: expected ${offered.join(" or ")}`,
      );
    }
    const names = readAlpn(data);
    const name = offered.find((name) => alpnBytes(name) === names[0]);
    if (names.length !== 1 || name === undefined) {
      throw new TlsAlert(
        "illegal_parameter",
        `Server chose application protocol ${quoteNames(names)}: expected ${offered.join(" or ")}`,
      );
    }
    return name;
  }

  #onCertificateRequest(message: Message): State {
    const request = readCertificateRequest(message.body);
    if (request.context.length > 0) {
      throw new TlsAlert("illegal_parameter", "CertificateRequest has a context: expected none in the handshake");
    }
    checkExtensions(request.extensions, "CertificateRequest");
    const schemes = ExtensionType.signatureAlgorithms;
    const data = required(request.extensions, schemes, "signature_algorithms", "CertificateRequest");
    readCodes(data, "signature_algorithms");
    this.#transcript.add(message.raw);
    this.#isCertificateRequested = true;
    return "certificate";
  }

  #onCertificate(message: Message): State {
    const { context, entries } = readCertificate(message.body);
    if (context.length > 0) throw new TlsAlert("illegal_parameter", "Certificate has a context: expected none");
    if (entries.length === 0) throw new TlsAlert("decode_error", "Server sent no certificate: expected at least one");
    for (const entry of entries) checkExtensions(entry.extensions, "Certificate", this.#offer);
    this.#chain = entries.map((entry) => entry.certificate);
    this.#verifyChain();
    this.#transcript.add(message.raw);
    return "certificate_verify";
  }

  #verifyChain(): void {
    const { verify, roots, moreRoots, time, serverName } = this.#options;
    if (verify === "insecure") return;
    if (verify === undefined) {
      const checkSignature: SignatureCheck = checkCertificateSignature;
      return verifyChain(this.#chain, { roots, moreRoots, time, name: this.#name, checkSignature });
    }
    try {
      verify(this.#chain, serverName);
    } catch (error) {
      throw certificateAlert(error);
    }
  }

  /** RFC 8446 §4.4.3. */
  #onCertificateVerify(message: Message): State {
    const { scheme, signature } = readCertificateVerify(message.body);
    if (!HANDSHAKE_SCHEMES.includes(scheme)) {
      throw new TlsAlert(
        "illegal_parameter",
        `CertificateVerify has signature scheme 0x${scheme.toString(16)}: expected an offered one`,
      );
    }
    const content = signedContent(this.#transcript.digest());
    if (!this.#options.provider.verify(scheme, publicKeyOf(this.#chain[0]!), content, signature)) {
      throw new TlsAlert(
        "decrypt_error",
        "CertificateVerify has a wrong signature: expected one by the certificate's key",
      );
    }
    this.#isVerified = true;
    this.#transcript.add(message.raw);
    return "finished";
  }

  #onFinished(message: Message): State {
    const data = readFinished(message.body, this.#schedule.hashLength);
    if (!sameSecret(data, this.#schedule.finished(this.#secrets.server, this.#transcript.digest()))) {
      throw new TlsAlert("decrypt_error", "Server's Finished is wrong: expected the hash of this handshake");
    }
    this.#transcript.add(message.raw);
    const suite = this.#suite;
    const { client, server, exporter } = this.#schedule.enterApplication(this.#transcript.digest());
    this.logSecret("CLIENT_TRAFFIC_SECRET_0", this.#offer.random, client);
    this.logSecret("SERVER_TRAFFIC_SECRET_0", this.#offer.random, server);
    this.logSecret("EXPORTER_SECRET", this.#offer.random, exporter);
    this.keepExporter(suite, exporter);
    this.#sendFinished();
    this.emit({ kind: "secret", level: "application", use: "write", suite, secret: client });
    this.emit({ kind: "secret", level: "application", use: "read", suite, secret: server });
    this.complete(this.#alpn!, suite);
    return "connected";
  }

  #sendFinished(): void {
    if (this.#isCertificateRequested) {
      // No certificate of ours: RFC 8446 §4.4.2 has an empty list say so.
      const empty = writeCertificate({ context: new Uint8Array(), entries: [] });
      this.#transcript.add(empty);
      this.emit({ kind: "send", level: "handshake", data: empty });
    }
    const data = writeFinished(this.#schedule.finished(this.#secrets.client, this.#transcript.digest()));
    this.emit({ kind: "send", level: "handshake", data });
  }

  /** Tickets are of no use yet and are let go (RFC 8446 §4.6.1), after the checks that RFC 9001 §4.6.1 asks for. */
  #onNewSessionTicket(message: Message): State {
    const { extensions } = readNewSessionTicket(message.body);
    checkExtensions(extensions, "NewSessionTicket");
    const earlyData = extensions.get(ExtensionType.earlyData);
    if (earlyData !== undefined && readMaxEarlyData(earlyData) !== QUIC_EARLY_DATA) {
      throw TlsAlert.violation("NewSessionTicket limits early data: expected 0xffffffff in QUIC");
    }
    if (++this.#tickets > MAX_SESSION_TICKETS) {
      throw new TlsAlert("unexpected_message", `Too many session tickets: expected at most ${MAX_SESSION_TICKETS}`);
    }
    return "connected";
  }
}

function agree(offer: ClientOffer, peerKey: Uint8Array): Uint8Array {
  try {
    return offer.agree(peerKey);
  } catch (error) {
    if (!(error instanceof CryptoError)) throw error;
    throw new TlsAlert("illegal_parameter", `Server's key is of no use: ${error.message}`, { cause: error });
  }
}
