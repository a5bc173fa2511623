/**
 * Handshakes with any transport parameters, empty connection ids included: the rogue runs the TLS of one end by itself.
 *
 * ```ts
 * const hello = new ForgedHello("server", { initialMaxPathId: 1 });   // the victim is a server
 * hello.greet();                                                        // a ClientHello with these parameters
 * hello.pair.server.error;
 * ```
 *
 * @module
 */
import { PacketProtection } from "../../crypto/packet_protection.ts";
import { createTlsClient } from "../../crypto/tls/client.ts";
import { decodePem } from "../../crypto/tls/mod.ts";
import { createTlsServer } from "../../crypto/tls/server.ts";
import type { TlsLevel, TlsOutput, TlsSession } from "../../crypto/tls/session.ts";
import type { Role } from "../../transport/base/role.ts";
import type { Connection } from "../../transport/connection/connection.ts";
import { parseHeader, patchLength, writeLongHeader } from "../../transport/wire/header.ts";
import { frameSize, writeFrame } from "../../transport/wire/frames/mod.ts";
import type { CryptoFrame } from "../../transport/wire/frames/types.ts";
import {
  readParameters,
  type TransportParameters,
  writeParameters,
} from "../../transport/wire/transport_parameters.ts";
import { varintSize } from "../../transport/wire/varint.ts";
import { Writer } from "../../transport/wire/writer.ts";
import { WORLD_ALPN } from "../kit/endpoint_node.ts";
import { WORLD_CERTIFICATE, WORLD_NAME, WORLD_TIME } from "../kit/identity.ts";
import { worldTls } from "../connection/identities.ts";
import { withBareClient } from "./bare_client.ts";
import { Pair, type PairOptions } from "../connection/pair.ts";
import { joined, Rogue } from "../connection/rogue.ts";

/** How a forged handshake differs from an honest one. */
export interface ForgedHelloOptions {
  /** The rogue's source id. Default: 8 bytes. */
  readonly sourceId?: Uint8Array;
  /** Bytes to append to the parameters. */
  readonly extra?: Uint8Array;
  /** Whether the server asks for a Retry; the rogue, as a client, follows it, and as a server, speaks after it. */
  readonly retry?: boolean;
  /** Whether the client, the victim, has empty connection ids. */
  readonly bare?: boolean;
  readonly pair?: PairOptions;
}

/** A connection of which one end, the victim, is honest, and the other end's handshake is forged. */
export class ForgedHello {
  readonly pair: Pair;
  readonly rogue: Rogue;
  readonly victim: Role;
  readonly sourceId: Uint8Array;
  readonly #parameters: Partial<TransportParameters>;
  readonly #options: ForgedHelloOptions;
  #tls: TlsSession | undefined;
  #handshakeKeys: PacketProtection | undefined;
  #number = 0;
  /** The destination id of the client's first packet. */
  readonly #original: Uint8Array;
  #retrySource: Uint8Array | undefined;
  readonly #sent: Record<TlsLevel, number> = { initial: 0, handshake: 0, application: 0 };
  /** The victim's parameters, once the rogue has them. */
  received: TransportParameters | undefined;

  /** `parameters`: on top of those without which there is no handshake at all. */
  constructor(victim: Role, parameters: Partial<TransportParameters>, options: ForgedHelloOptions = {}) {
    this.victim = victim;
    this.#parameters = parameters;
    this.#options = options;
    this.sourceId = options.sourceId ?? Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
    const pair = new Pair({ serverConfig: { retry: options.retry ?? false }, ...options.pair });
    const bare = options.bare === true ? withBareClient(pair, options.pair ?? {}) : undefined;
    this.pair = bare?.pair ?? pair;
    this.#original = this.pair.clientTrace.first("quic:connection_started")?.data.destinationId ?? new Uint8Array(0);
    const retry = victim === "client" && options.retry === true ? this.#awaitRetry() : undefined;
    this.rogue = new Rogue(this.pair, victim === "server" ? "client" : "server").takeOver();
    if (retry !== undefined) this.rogue.initialDestination = this.#retrySource = retry;
    if (bare !== undefined) this.rogue.caught.push(...this.rogue.open(bare.first));
    // The client answers a Retry when it has come over the link.
    pair.world.runFor(retry === undefined ? 1 : 20);
  }

  /** Lets the true server ask for a Retry, which the client has not got yet; returns the id that it is to go on with. */
  #awaitRetry(): Uint8Array {
    const { world, link } = this.pair;
    let source: Uint8Array | undefined;
    link.down.tap = ({ data }) => {
      source = parseHeader(data, 0, data.length, 8).sourceId.slice();
      return "pass";
    };
    world.require("the Retry", () => source !== undefined);
    return source!;
  }

  /** The end under test. */
  get connection(): Connection {
    return this.rogue.victim;
  }

  /** Forges the handshake as far as the victim lets it. */
  greet(): this {
    if (this.victim === "server") this.#asClient();
    else this.#asServer();
    this.pair.world.runFor(0);
    return this;
  }

  #asClient(): void {
    const { rogue, pair } = this;
    const token = this.#options.retry === true ? this.#followRetry() : new Uint8Array(0);
    this.#tls = createTlsClient({
      provider: pair.provider,
      random: (into) => pair.world.random.fill(into),
      serverName: WORLD_NAME,
      alpnProtocols: [WORLD_ALPN],
      roots: decodePem(WORLD_CERTIFICATE, "CERTIFICATE"),
      time: WORLD_TIME,
      transportParameters: this.#bytes({}),
    });
    const destinationId = rogue.initialDestination;
    for (const data of this.#pull("initial")) {
      rogue.send({
        level: "initial",
        frames: [this.#crypto("initial", data)],
        sourceId: this.sourceId,
        destinationId,
        token,
      });
    }
    // What the server answers is read as far as its parameters.
    for (const level of ["initial", "handshake"] as const) {
      for (const data of cryptoOf(rogue, level)) this.#tls.receive(level, data);
      this.#pull(level);
    }
  }

  /** Sends a first Initial, and takes token and destination id from the Retry. */
  #followRetry(): Uint8Array {
    const { rogue } = this;
    const destinationId = rogue.initialDestination;
    rogue.send({ level: "initial", frames: [{ kind: "ping" }], sourceId: this.sourceId, destinationId });
    const retry = rogue.datagrams.at(-1);
    if (retry === undefined) throw new Error("There is no Retry: expected one");
    const header = parseHeader(retry, 0, retry.length, 8);
    rogue.initialDestination = header.sourceId.slice();
    return header.token.slice();
  }

  #asServer(): void {
    const { rogue, pair } = this;
    this.#tls = createTlsServer({
      ...worldTls(),
      provider: pair.provider,
      random: (into) => pair.world.random.fill(into),
      transportParameters: this.#bytes({
        originalDestinationConnectionId: this.#original,
        ...(this.#retrySource === undefined ? {} : { retrySourceConnectionId: this.#retrySource }),
      }),
    });
    for (const data of cryptoOf(rogue, "initial")) this.#tls.receive("initial", data);
    // The rogue need not read more, and could not: it knows no cipher suite until the handshake is complete.
    pair.link.up.tap = () => "drop";
    const flight = this.#pullAll();
    for (const { level, data } of flight) {
      if (level === "initial") {
        rogue.send({ level, frames: [this.#crypto(level, data)], sourceId: this.sourceId });
      } else {
        for (let at = 0; at < data.length; at += 1000) this.#sendHandshake(data.subarray(at, at + 1000));
      }
    }
  }

  #sendHandshake(data: Uint8Array): void {
    const frame = this.#crypto("handshake", data);
    const buffer = new Uint8Array(2000);
    const w = new Writer(buffer);
    const number = this.#number++;
    const destinationId = this.rogue.idFor(0);
    const header = writeLongHeader(w, {
      type: "handshake",
      version: 1,
      destinationId,
      sourceId: this.sourceId,
      token: undefined,
      number,
      numberLength: 2,
    });
    writeFrame(w, frame);
    const end = header.numberAt + 2 + frameSize(frame);
    patchLength(buffer, header.lengthAt, end + 16 - header.numberAt);
    const sealed = this.#handshakeKeys!.seal(buffer, 0, header.numberAt, 2, end, 0, number);
    this.rogue.deliver(buffer.slice(0, sealed));
  }

  #crypto(level: TlsLevel, data: Uint8Array): CryptoFrame {
    const offset = this.#sent[level];
    this.#sent[level] += data.length;
    return { kind: "crypto", offset, data };
  }

  #bytes(own: Partial<TransportParameters>): Uint8Array {
    const all = { initialSourceConnectionId: this.sourceId, initialMaxData: 100_000, ...own, ...this.#parameters };
    return joined([writeParameters(all), this.#options.extra ?? new Uint8Array(0)]);
  }

  #pull(level: TlsLevel): Uint8Array[] {
    return this.#pullAll().filter((sent) => sent.level === level).map((sent) => sent.data);
  }

  #pullAll(): { readonly level: TlsLevel; readonly data: Uint8Array }[] {
    const sent: { level: TlsLevel; data: Uint8Array }[] = [];
    for (let output = this.#tls!.next(); output !== undefined; output = this.#tls!.next()) {
      if (output.kind === "send") sent.push(output);
      else this.#learn(output);
    }
    return sent;
  }

  #learn(output: TlsOutput): void {
    if (output.kind === "parameters") this.received = readParameters(output.data, this.victim);
    if (output.kind !== "secret" || output.level !== "handshake" || output.use !== "write") return;
    this.#handshakeKeys = new PacketProtection(this.pair.provider, output.suite, output.secret);
  }
}

/** A transport parameter on the wire. */
export function rawParameter(id: number, value: Uint8Array): Uint8Array {
  const into = new Uint8Array(varintSize(id) + varintSize(value.length) + value.length);
  const w = new Writer(into);
  w.varint(id);
  w.varint(value.length);
  w.bytes(value);
  return into;
}

/** A number as a varint. */
export function varintBytes(value: number): Uint8Array {
  const into = new Uint8Array(varintSize(value));
  new Writer(into).varint(value);
  return into;
}

/** The CRYPTO bytes that were caught at a level, in order. */
function cryptoOf(rogue: Rogue, level: TlsLevel): Uint8Array[] {
  const frames = rogue.caught.filter((packet) => packet.level === level).flatMap((packet) => packet.frames)
    .filter((frame) => frame.kind === "crypto");
  const sorted = [...frames].sort((a, b) => a.offset - b.offset);
  const data: Uint8Array[] = [];
  let at = 0;
  for (const frame of sorted) {
    if (frame.offset !== at) continue;
    data.push(frame.data);
    at += frame.data.length;
  }
  return data;
}
