/** A server for tests that says whatever the test wants it to, with right hashes and keys all the same. */
import type { KeyShare } from "../provider.ts";
import { AES_128_GCM } from "../suites.ts";
import { ExtensionType, TLS_1_3, writeAlpn, writeClientShares, writeCode, writeServerShare } from "./extensions.ts";
import type { Extensions } from "./extensions.ts";
import { clientOptions, credentials, provider, seeded } from "./handshake_fixture_test.ts";
import { KeySchedule, type TrafficSecrets } from "./key_schedule.ts";
import { createTlsClient, type TlsClientOptions } from "./client.ts";
import * as m from "./messages.ts";
import { signedContent } from "./parameters.ts";
import { readRequest } from "./client_request.ts";
import type { TlsLevel, TlsSession } from "./session.ts";
import { Transcript } from "./transcript.ts";

const NONE: Uint8Array = new Uint8Array();

/** A conversation of a real client with a script. */
export class Script {
  readonly client: TlsSession;
  readonly transcript = new Transcript(provider);
  readonly #share: KeyShare = provider.keyShare("x25519", seeded(5));
  readonly schedule = new KeySchedule(provider, AES_128_GCM);
  hello!: m.ClientHello;
  secrets!: TrafficSecrets;

  private constructor(client: TlsSession) {
    this.client = client;
    this.takeHello();
  }

  static async start(over: Partial<TlsClientOptions> = {}): Promise<Script> {
    return new Script(createTlsClient(await clientOptions(over)));
  }

  /** The next thing that the client says. */
  pull(): Uint8Array | undefined {
    for (let output = this.client.next(); output !== undefined; output = this.client.next()) {
      if (output.kind === "send") return output.data;
    }
    return undefined;
  }

  takeHello(): void {
    const raw = this.pull()!;
    this.transcript.add(raw);
    this.hello = m.readClientHello(raw.subarray(4));
  }

  /** Says it, at that level. */
  say(level: TlsLevel, raw: Uint8Array): void {
    this.transcript.add(raw);
    this.client.receive(level, raw);
  }

  /** Extensions of an ordinary ServerHello. */
  helloExtensions(): Map<number, Uint8Array> {
    return new Map([
      [ExtensionType.supportedVersions, writeCode(TLS_1_3)],
      [ExtensionType.keyShare, writeServerShare({ group: 0x1d, key: this.#share.publicKey })],
    ]);
  }

  sayHello(over: Partial<m.ServerHello> = {}): void {
    const hello = {
      legacyVersion: 0x0303,
      random: new Uint8Array(32).fill(7),
      sessionId: NONE,
      suite: 0x1301,
      compression: 0,
      extensions: this.helloExtensions(),
      ...over,
    };
    this.transcript.begin("sha256");
    const raw = m.writeServerHello(hello);
    this.transcript.add(raw);
    const share = readRequest(this.hello).shares.find(({ group }) => group === 0x1d);
    if (share) this.secrets = this.schedule.enterHandshake(this.#share.agree(share.key), this.transcript.digest());
    this.client.receive("initial", raw);
  }

  /** Says HelloRetryRequest; the client's second hello is in `hello` afterwards. */
  sayRetry(extensions: Extensions, suite = 0x1301): void {
    this.transcript.begin("sha256");
    this.transcript.replaceWithHash();
    this.say("initial", m.writeHelloRetryRequest(suite, extensions));
    this.takeHello();
  }

  /** Extensions of ordinary EncryptedExtensions. */
  parameters(): Map<number, Uint8Array> {
    return new Map([
      [ExtensionType.alpn, writeAlpn(["test"])],
      [ExtensionType.quicTransportParameters, Uint8Array.of(1)],
    ]);
  }

  sayParameters(extensions: Extensions = this.parameters()): void {
    this.say("handshake", m.writeEncryptedExtensions(extensions));
  }

  async sayCertificate(over: Partial<m.CertificateMessage> = {}): Promise<void> {
    const { certificates } = await credentials();
    const entries = certificates.map((certificate) => ({ certificate, extensions: new Map() }));
    this.say("handshake", m.writeCertificate({ context: NONE, entries, ...over }));
  }

  async sayProof(over: Partial<m.CertificateVerify> = {}): Promise<void> {
    const { key } = await credentials();
    const signature = key.sign(0x0403, signedContent(this.transcript.digest()));
    this.say("handshake", m.writeCertificateVerify({ scheme: 0x0403, signature, ...over }));
  }

  sayFinished(data: Uint8Array = this.schedule.finished(this.secrets.server, this.transcript.digest())): void {
    this.say("handshake", m.writeFinished(data));
  }

  /** All from ServerHello to Finished. */
  async finish(): Promise<void> {
    this.sayHello();
    this.sayParameters();
    await this.sayCertificate();
    await this.sayProof();
    this.sayFinished();
  }
}

/** A ClientHello for servers, ordinary but for what is changed; `undefined` takes an extension away. */
export function clientHello(
  changes: { readonly [type: number]: Uint8Array | undefined } = {},
  over: Partial<m.ClientHello> = {},
): Uint8Array {
  const share = provider.keyShare("x25519", seeded(6));
  const extensions = new Map<number, Uint8Array>([
    [ExtensionType.supportedGroups, Uint8Array.of(0, 4, 0, 0x1d, 0, 0x17)],
    [ExtensionType.signatureAlgorithms, Uint8Array.of(0, 2, 4, 3)],
    [ExtensionType.alpn, writeAlpn(["test"])],
    [ExtensionType.supportedVersions, Uint8Array.of(2, 3, 4)],
    [ExtensionType.keyShare, writeClientShares([{ group: 0x1d, key: share.publicKey }])],
    [ExtensionType.quicTransportParameters, Uint8Array.of(1)],
  ]);
  for (const [type, data] of Object.entries(changes)) {
    if (data === undefined) extensions.delete(Number(type));
    else extensions.set(Number(type), data);
  }
  return m.writeClientHello({
    legacyVersion: 0x0303,
    random: new Uint8Array(32),
    sessionId: NONE,
    suites: [0x1301],
    compressions: new Uint8Array(1),
    extensions,
    ...over,
  });
}
