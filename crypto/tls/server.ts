/**
 * The server's side of the TLS 1.3 handshake in QUIC (RFC 8446 §2, RFC 9001 §4).
 *
 * | State         | Level       | Expected message                    | Next          |
 * |---------------|-------------|-------------------------------------|---------------|
 * | hello         | initial     | ClientHello without a share for us  | retried_hello |
 * | hello         | initial     | ClientHello                         | finished      |
 * | retried_hello | initial     | ClientHello with the share asked for | finished     |
 * | finished      | handshake   | Finished                            | connected     |
 * | connected     | application | none                                |               |
 *
 * @module
 */
import { type CipherSuite, CryptoError, type CryptoProvider, type GroupName } from "../provider.ts";
import type { RandomBytes, SigningKey } from "../provider.ts";
import { TlsAlert } from "./alerts.ts";
import { checkRetried, type ClientRequest, readRequest } from "./client_request.ts";
import { sameSecret } from "./codec.ts";
import {
  alpnBytes,
  ExtensionType,
  type ShareEntry,
  TLS_1_3,
  writeAlpn,
  writeCode,
  writeServerShare,
} from "./extensions.ts";
import type { Message } from "./framing.ts";
import { KeySchedule, type TrafficSecrets } from "./key_schedule.ts";
import { Machine, type Row, type Table } from "./machine.ts";
import {
  HandshakeType as Type,
  LEGACY_VERSION,
  readClientHello,
  readFinished,
  writeCertificate,
  writeCertificateVerify,
  writeEncryptedExtensions,
  writeFinished,
  writeHelloRetryRequest,
  writeServerHello,
} from "./messages.ts";
import { checkAlpnProtocols, GROUP_CODES, isHandshakeScheme, quoteNames, signedContent } from "./parameters.ts";
import type { TlsSession } from "./session.ts";
import { Transcript } from "./transcript.ts";

/** A chain and the key of its leaf. */
export interface ServerCredentials {
  /** DER, leaf first. */
  readonly certificates: readonly Uint8Array[];
  /** Its schemes are tried in their order. */
  readonly key: SigningKey;
}

/** How a server answers. */
export interface TlsServerOptions extends ServerCredentials {
  /** Its suites and groups are what is taken, preferred first. */
  readonly provider: CryptoProvider;
  /** For the hello's Random and keys. */
  readonly random: RandomBytes;
  /** At least one, preferred first; each 1 to 255 bytes. */
  readonly alpnProtocols: readonly string[];
  /** Contents of quic_transport_parameters; a function is called once, when a ClientHello was accepted. */
  readonly transportParameters: Uint8Array | (() => Uint8Array);
  /** Whether to give out "keylog" lines. */
  readonly keyLog?: boolean;
  /** Other credentials for the host name that the client asks for, in lower case; `undefined` for the usual ones. */
  readonly selectCertificate?: (serverName: string | undefined) => ServerCredentials | undefined;
}

type State = "hello" | "retried_hello" | "finished" | "connected";

/**
 * Waits for a ClientHello.
 *
 * @throws {TypeError} when there is no certificate, or the protocols are of no use.
 */
export function createTlsServer(options: TlsServerOptions): TlsSession {
  return new TlsServer(options);
}

class TlsServer extends Machine<State> {
  static readonly #table: Table<TlsServer, State> = {
    hello: { level: "initial", steps: { [Type.clientHello]: (s, m) => s.#onFirstHello(m) } },
    retried_hello: { level: "initial", steps: { [Type.clientHello]: (s, m) => s.#onRetriedHello(m) } },
    finished: { level: "handshake", steps: { [Type.finished]: (s, m) => s.#onFinished(m) } },
    connected: { level: "application", steps: {} },
  };

  readonly peerCertificates: readonly Uint8Array[] = [];
  readonly #options: TlsServerOptions;
  readonly #transcript: Transcript;
  /** Of a first ClientHello that was answered with a retry. */
  #retry: { readonly request: ClientRequest; readonly suite: CipherSuite; readonly group: GroupName } | undefined;
  #suite!: CipherSuite;
  #clientRandom!: Uint8Array;
  #schedule!: KeySchedule;
  #secrets!: TrafficSecrets;
  #clientSecret!: Uint8Array;
  #alpn: string | undefined;
  #serverName: string | undefined;

  constructor(options: TlsServerOptions) {
    super(options.provider, options.keyLog ?? false, "hello");
    checkAlpnProtocols(options.alpnProtocols);
    if (options.certificates.length === 0) throw new TypeError("No certificate is given: expected at least one");
    this.#options = options;
    this.#transcript = new Transcript(options.provider);
  }

  get alpn(): string | undefined {
    return this.#alpn;
  }

  get serverName(): string | undefined {
    return this.#serverName;
  }

  protected rowOf(state: State): Row<this, State> {
    return TlsServer.#table[state];
  }

  #onFirstHello(message: Message): State {
    const request = readRequest(readClientHello(message.body));
    const suite = this.#chooseSuite(request);
    const group = this.#chooseGroup(request);
    this.#serverName = request.serverName;
    this.#alpn = this.#chooseAlpn(request);
    this.#clientRandom = request.hello.random;
    this.emit({ kind: "parameters", data: request.parameters });
    this.#transcript.add(message.raw);
    this.#transcript.begin(suite.hash);
    const share = request.shares.find((share) => share.group === GROUP_CODES[group]);
    return share === undefined ? this.#askAgain(request, suite, group) : this.#answer(request, suite, group, share);
  }

  #onRetriedHello(message: Message): State {
    const { request: first, suite, group } = this.#retry!;
    const request = readRequest(readClientHello(message.body));
    checkRetried(first, request, GROUP_CODES[group]);
    this.#retry = undefined;
    this.#transcript.add(message.raw);
    return this.#answer(request, suite, group, request.shares[0]!);
  }

  #chooseSuite(request: ClientRequest): CipherSuite {
    const { suites } = this.#options.provider;
    const suite = suites.find((suite) => request.hello.suites.includes(suite.id));
    if (suite !== undefined) return suite;
    throw new TlsAlert(
      "handshake_failure",
      `Client offers no cipher suite in use here: expected ${suites.map((suite) => suite.name).join(" or ")}`,
    );
  }

  /** A group with a share saves a round trip and so goes before a preferred one without (RFC 8446 §4.2.8). */
  #chooseGroup(request: ClientRequest): GroupName {
    const { groups } = this.#options.provider;
    const group = groups.find((group) => request.shares.some((share) => share.group === GROUP_CODES[group])) ??
      groups.find((group) => request.groups.includes(GROUP_CODES[group]));
    if (group !== undefined) return group;
    throw new TlsAlert("handshake_failure", `Client offers no group in use here: expected ${groups.join(" or ")}`);
  }

  #chooseAlpn(request: ClientRequest): string {
    const { alpnProtocols } = this.#options;
    const name = alpnProtocols.find((name) => request.alpn.includes(alpnBytes(name)));
    if (name !== undefined) return name;
    throw new TlsAlert(
      "no_application_protocol",
      `Client offers application protocol ${quoteNames(request.alpn)}: expected ${alpnProtocols.join(" or ")}`,
    );
  }

  /** RFC 8446 §4.1.4. */
  #askAgain(request: ClientRequest, suite: CipherSuite, group: GroupName): State {
    this.#retry = { request, suite, group };
    this.#transcript.replaceWithHash();
    const extensions = new Map([
      [ExtensionType.supportedVersions, writeCode(TLS_1_3)],
      [ExtensionType.keyShare, writeCode(GROUP_CODES[group])],
    ]);
    this.#send("initial", writeHelloRetryRequest(suite.id, extensions));
    return "retried_hello";
  }

  #answer(request: ClientRequest, suite: CipherSuite, group: GroupName, share: ShareEntry): State {
    const special = this.#options.selectCertificate?.(request.serverName);
    const { certificates, key } = special ?? this.#options;
    const scheme = key.schemes.find((scheme) => request.schemes.includes(scheme) && isHandshakeScheme(scheme));
    if (scheme === undefined) {
      throw new TlsAlert(
        "handshake_failure",
        "Client takes no signature of this server's key: expected a common scheme",
      );
    }
    this.#suite = suite;
    this.#sendHello(group, share);
    this.#sendParameters(special !== undefined && request.serverName !== undefined);
    const entries = certificates.map((certificate) => ({ certificate, extensions: new Map<number, Uint8Array>() }));
    this.#send("handshake", writeCertificate({ context: new Uint8Array(), entries }));
    const signature = key.sign(scheme, signedContent(this.#transcript.digest()));
    this.#send("handshake", writeCertificateVerify({ scheme, signature }));
    this.#send("handshake", writeFinished(this.#schedule.finished(this.#secrets.server, this.#transcript.digest())));
    this.#enterApplication();
    return "finished";
  }

  #sendHello(group: GroupName, share: ShareEntry): void {
    const { provider, random } = this.#options;
    const own = provider.keyShare(group, random);
    const shared = agree(() => own.agree(share.key));
    const serverRandom = new Uint8Array(32);
    random(serverRandom);
    const hello = writeServerHello({
      legacyVersion: LEGACY_VERSION,
      random: serverRandom,
      sessionId: new Uint8Array(),
      suite: this.#suite.id,
      compression: 0,
      extensions: new Map([
        [ExtensionType.supportedVersions, writeCode(TLS_1_3)],
        [ExtensionType.keyShare, writeServerShare({ group: share.group, key: own.publicKey })],
      ]),
    });
    this.#send("initial", hello);
    const suite = this.#suite;
    this.#schedule = new KeySchedule(provider, suite);
    this.#secrets = this.#schedule.enterHandshake(shared, this.#transcript.digest());
    const { client, server } = this.#secrets;
    this.logSecret("CLIENT_HANDSHAKE_TRAFFIC_SECRET", this.#clientRandom, client);
    this.logSecret("SERVER_HANDSHAKE_TRAFFIC_SECRET", this.#clientRandom, server);
    this.emit({ kind: "secret", level: "handshake", use: "write", suite, secret: server });
    this.emit({ kind: "secret", level: "handshake", use: "read", suite, secret: client });
  }

  #sendParameters(isNameUsed: boolean): void {
    const { transportParameters } = this.#options;
    const extensions = new Map<number, Uint8Array>();
    // RFC 6066 §3: the client is told that its name made a difference.
    if (isNameUsed) extensions.set(ExtensionType.serverName, new Uint8Array());
    extensions.set(ExtensionType.alpn, writeAlpn([this.#alpn!]));
    extensions.set(
      ExtensionType.quicTransportParameters,
      typeof transportParameters === "function" ? transportParameters() : transportParameters,
    );
    this.#send("handshake", writeEncryptedExtensions(extensions));
  }

  /** 1-RTT data may be sent from here on (RFC 9001 §5.7); it is read when the client's Finished was seen. */
  #enterApplication(): void {
    const { client, server, exporter } = this.#schedule.enterApplication(this.#transcript.digest());
    this.logSecret("CLIENT_TRAFFIC_SECRET_0", this.#clientRandom, client);
    this.logSecret("SERVER_TRAFFIC_SECRET_0", this.#clientRandom, server);
    this.logSecret("EXPORTER_SECRET", this.#clientRandom, exporter);
    this.keepExporter(this.#suite, exporter);
    this.#clientSecret = client;
    this.emit({ kind: "secret", level: "application", use: "write", suite: this.#suite, secret: server });
  }

  #onFinished(message: Message): State {
    const data = readFinished(message.body, this.#schedule.hashLength);
    if (!sameSecret(data, this.#schedule.finished(this.#secrets.client, this.#transcript.digest()))) {
      throw new TlsAlert("decrypt_error", "Client's Finished is wrong: expected the hash of this handshake");
    }
    const suite = this.#suite;
    this.emit({ kind: "secret", level: "application", use: "read", suite, secret: this.#clientSecret });
    this.complete(this.#alpn!, suite);
    return "connected";
  }

  #send(level: "initial" | "handshake", data: Uint8Array): void {
    this.#transcript.add(data);
    this.emit({ kind: "send", level, data });
  }
}

function agree(exchange: () => Uint8Array): Uint8Array {
  try {
    return exchange();
  } catch (error) {
    if (!(error instanceof CryptoError)) throw error;
    throw new TlsAlert("illegal_parameter", `Client's key is of no use: ${error.message}`, { cause: error });
  }
}
