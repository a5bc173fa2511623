import { initialSecrets } from "../../crypto/initial_keys.ts";
import type { KeyRing } from "../../crypto/key_ring.ts";
import type { CipherSuite } from "../../crypto/provider.ts";
import { AES_128_GCM, NONCE_LENGTH } from "../../crypto/suites.ts";
import { TlsAlert } from "../../crypto/tls/alerts.ts";
import type { TlsLevel, TlsOutput, TlsSession } from "../../crypto/tls/session.ts";
import { HandshakeError, TransportError, TransportErrorCode } from "../base/errors.ts";
import { Flag } from "../base/flag.ts";
import type { FrameOwner, FrameRecord, PacketTarget, PacketWriter, ReceivedPacket } from "../base/frame_owner.ts";
import { otherRole } from "../base/role.ts";
import type { CidIssuer } from "../paths/cid_issuer.ts";
import type { CidPool } from "../paths/cid_pool.ts";
import type { Hints } from "../paths/hints.ts";
import type { PathLimits } from "../paths/path_limits.ts";
import type { PathManager } from "../paths/path_manager.ts";
import type { PathSet } from "../paths/path_set.ts";
import { LEVEL_INDEX } from "../paths/route.ts";
import type { CryptoStreams } from "../streams/crypto_streams.ts";
import type { Datagrams } from "../streams/datagrams.ts";
import type { StreamSet } from "../streams/stream_set.ts";
import type { Frame, HandshakeDoneFrame } from "../wire/frames/types.ts";
import { HINTS_VERSION } from "../wire/hints_codepoints.ts";
import type { TransportParameters } from "../wire/transport_parameters.ts";
import { MAX_TOKEN_LENGTH } from "./config.ts";
import type { Context } from "./context.ts";
import type { Fates } from "./fates.ts";
import type { Lifecycle } from "./lifecycle.ts";
import type { LossTimers } from "./loss_timers.ts";
import type { NewTokens } from "./new_tokens.ts";
import { checkHandshakeIds, type HandshakeIds, peerParameters, sharesSpace } from "./parameters.ts";
import type { Spaces } from "./spaces.ts";

/** What the handshake works with. */
export interface HandshakeParts {
  readonly context: Context;
  readonly lifecycle: Lifecycle;
  readonly keys: KeyRing;
  readonly spaces: Spaces;
  readonly paths: PathSet;
  readonly fates: Fates;
  readonly timers: LossTimers;
  readonly crypto: CryptoStreams;
  readonly streams: StreamSet;
  readonly datagrams: Datagrams;
  readonly issuer: CidIssuer;
  readonly pool: CidPool;
  readonly limits: PathLimits;
  readonly manager: PathManager;
  readonly hints: Hints;
  /** Where lines for SSLKEYLOGFILE go. */
  readonly keyLog: ((line: string) => void) | undefined;
  /** Server: makes a token for the client's next connection. */
  readonly newTokens: NewTokens;
}

/** Tokens of NEW_TOKEN frames that are kept. */
const MAX_TOKENS = 4;
const NO_TOKEN = new Uint8Array(0);
const LEVELS: readonly TlsLevel[] = ["initial", "handshake", "application"];

/**
 * TLS joined with the transport (RFC 9001 §4): its outputs become CRYPTO data, keys and parameters; its end makes the
 * connection complete and confirmed. It owns HANDSHAKE_DONE and NEW_TOKEN.
 */
export class Handshake implements FrameOwner {
  readonly receives = ["handshake_done", "new_token"] as const;
  readonly #parts: HandshakeParts;
  readonly #done: Flag<HandshakeDoneFrame>;
  #tls: TlsSession | undefined;
  #ids: HandshakeIds;
  #peerSource: Uint8Array | undefined;
  /** Tokens that the server gave for later connections; the newest is last. */
  readonly tokens: Uint8Array[] = [];
  /** What our Initial packets carry as token. */
  token: Uint8Array;
  /** Whether the peer takes packets without the fixed bit, and we clear it now and then. */
  greaseFixedBit = false;
  #cipher = "";

  /** Throws `RangeError` when the token is longer than a client takes. */
  constructor(parts: HandshakeParts, ids: HandshakeIds, token: Uint8Array = NO_TOKEN) {
    if (token.length > MAX_TOKEN_LENGTH) {
      throw new RangeError(`Token has ${token.length} bytes: expected at most ${MAX_TOKEN_LENGTH}`);
    }
    this.#parts = parts;
    this.#ids = ids;
    this.token = token;
    this.#done = new Flag<HandshakeDoneFrame>({ kind: "handshake_done" });
  }

  /** The source id of our long headers. */
  get sourceId(): Uint8Array {
    return this.#ids.source;
  }

  /** The suite's name once 1-RTT keys are there. */
  get cipher(): string {
    return this.#cipher;
  }

  get tls(): TlsSession | undefined {
    return this.#tls;
  }

  /** The source id of the peer's first packet, once one came. */
  get peerSource(): Uint8Array | undefined {
    return this.#peerSource;
  }

  /** Gives it the TLS session; a client's ClientHello is queued at once. */
  start(tls: TlsSession, now: number): void {
    this.#tls = tls;
    this.#pump(now);
  }

  /** Initial keys for the destination id of the client's first packet, or of the first one after a Retry. */
  installInitial(destinationId: Uint8Array): void {
    const { context, keys } = this.#parts;
    const { client, server } = initialSecrets(context.provider, destinationId);
    const isClient = context.role === "client";
    keys.install("initial", "write", AES_128_GCM, isClient ? client : server);
    keys.install("initial", "read", AES_128_GCM, isClient ? server : client);
  }

  /** Client: the server asks for the Initial again, with its token (RFC 9000 §17.2.5). */
  retry(sourceId: Uint8Array, token: Uint8Array, now: number): void {
    const { spaces, fates, pool } = this.#parts;
    this.#ids = { ...this.#ids, retrySource: sourceId };
    this.token = token;
    pool.replaceHandshakeId(sourceId);
    const space = spaces.get("initial", 0);
    if (space !== undefined) fates.giveUp(space, "initial", undefined, now);
    this.installInitial(sourceId);
  }

  /** Whether a Retry was followed. */
  get wasRetried(): boolean {
    return this.#ids.retrySource !== undefined;
  }

  /** The first packet of the peer that could be opened: its source id is where we send from now on (RFC 9000 §7.2). */
  onPeerSource(sourceId: Uint8Array): void {
    if (this.#peerSource !== undefined) return;
    this.#peerSource = sourceId.slice();
    if (this.#parts.context.role === "client") this.#parts.pool.replaceHandshakeId(this.#peerSource);
  }

  /** A packet of the level was processed: its CRYPTO bytes go to TLS, and keys that are no longer needed go. */
  advance(now: number): void {
    const { crypto } = this.#parts;
    const tls = this.#tls;
    if (tls === undefined) return;
    for (const level of LEVELS) {
      for (let data = crypto.read(level); data !== undefined; data = crypto.read(level)) {
        this.#guard(() => tls.receive(level, data!));
        this.#pump(now);
      }
    }
  }

  /** Server: a Handshake packet proves that the client has our keys (RFC 9001 §4.9.1). */
  onHandshakeReceived(now: number): void {
    if (this.#parts.context.role === "server") this.#discard("initial", now);
  }

  /** Client: once it sends at the Handshake level it needs no Initial keys (RFC 9001 §4.9.1). */
  onHandshakeSent(now: number): void {
    if (this.#parts.context.role === "client") this.#discard("initial", now);
  }

  onFrame(frame: Frame, packet: ReceivedPacket): void {
    const { context } = this.#parts;
    if (context.role === "server") {
      throw new TransportError(
        TransportErrorCode.PROTOCOL_VIOLATION,
        `${frame.kind.toUpperCase()} came from a client, only servers send it`,
      );
    }
    if (frame.kind === "handshake_done") this.#confirm(packet.now);
    if (frame.kind === "new_token" && frame.token.length <= MAX_TOKEN_LENGTH) {
      this.tokens.push(frame.token.slice());
      if (this.tokens.length > MAX_TOKENS) this.tokens.shift();
    }
  }

  hasFrames(target: PacketTarget): boolean {
    return this.#done.hasFrames(target) || this.#parts.newTokens.hasFrames(target);
  }

  writeFrames(packet: PacketWriter): void {
    this.#done.writeFrames(packet);
    this.#parts.newTokens.writeFrames(packet);
  }

  onAcked(_record: FrameRecord): void {}
  onLost(_record: FrameRecord): void {}

  /** Runs TLS; its alerts become the connection's error. */
  #guard(run: () => void): void {
    try {
      run();
    } catch (error) {
      if (!(error instanceof TlsAlert)) throw error;
      if (error.quicCode >= TransportErrorCode.CRYPTO_ERROR) throw new HandshakeError(error.alert, error.message);
      throw new TransportError(error.quicCode, error.message, 0x06);
    }
  }

  #pump(now: number): void {
    const tls = this.#tls!;
    for (;;) {
      let output: TlsOutput | undefined;
      this.#guard(() => output = tls.next());
      if (output === undefined) return;
      this.#apply(output, now);
    }
  }

  #apply(output: TlsOutput, now: number): void {
    const { context, keys, crypto } = this.#parts;
    switch (output.kind) {
      case "send":
        crypto.write(output.level, output.data);
        break;
      case "secret":
        this.#checkNonce(output.suite);
        keys.install(output.level, output.use, output.suite, output.secret);
        if (output.level === "application") this.#cipher = output.suite.name;
        if (output.use === "read") crypto.leave(output.level === "application" ? "handshake" : "initial");
        context.observer?.on("quic:key_updated", {
          keyType: `${output.use}_${output.level}`,
          trigger: "tls",
          phase: 0,
        }, now);
        break;
      case "parameters":
        this.#onParameters(peerParameters(output.data, otherRole(context.role)), now);
        break;
      case "keylog":
        this.#parts.keyLog?.(output.line);
        break;
      case "complete":
        this.#onComplete(output.alpn, now);
        break;
    }
  }

  #onParameters(peer: TransportParameters, now: number): void {
    const { context, streams, datagrams, issuer, pool, paths } = this.#parts;
    checkHandshakeIds(peer, context.role, this.#ids, this.#peerSource ?? NO_TOKEN);
    this.#checkMultipath(peer);
    context.peer = peer;
    streams.setPeerLimits(peer);
    datagrams.setPeerLimit(peer.maxDatagramFrameSize);
    issuer.setPeerLimit(peer.activeConnectionIdLimit);
    if (peer.statelessResetToken !== undefined) pool.setHandshakeToken(peer.statelessResetToken);
    const { preferredAddress } = peer;
    // We stay where we are, but its id is one of path 0's (RFC 10069 §2.2).
    if (preferredAddress !== undefined) {
      pool.addPreferred(preferredAddress.connectionId, preferredAddress.statelessResetToken);
    }
    const ceiling = Math.min(context.config.maxUdpPayload, peer.maxUdpPayloadSize);
    for (const route of paths.routes()) route.mtu.setCeiling(ceiling, now);
    this.greaseFixedBit = peer.greaseQuicBit && context.config.grease;
    context.observer?.on("quic:parameters_set", { owner: "remote", parameters: { ...peer } }, now);
  }

  /** RFC 10069 §2.1: who offers multipath has connection ids, and its value is a path id. */
  #checkMultipath(peer: TransportParameters): void {
    const { context, pool } = this.#parts;
    if (context.config.maxPaths === 0 || peer.initialMaxPathId === undefined) return;
    if (pool.isZeroLength || this.#ids.source.length === 0) {
      throw new TransportError(
        TransportErrorCode.PROTOCOL_VIOLATION,
        "initial_max_path_id came with a zero-length connection id, expected at least one byte",
        0x06,
      );
    }
  }

  /** RFC 10069 §2.1: path id and packet number need 12 bytes of nonce. */
  #checkNonce(suite: CipherSuite): void {
    if (this.#parts.context.config.maxPaths === 0 || (suite.nonceLength ?? NONCE_LENGTH) >= NONCE_LENGTH) return;
    throw new TransportError(
      TransportErrorCode.TRANSPORT_PARAMETER_ERROR,
      `The nonce of ${suite.name} has ${suite.nonceLength} bytes, expected ${NONCE_LENGTH} with initial_max_path_id`,
    );
  }

  #onComplete(alpn: string, now: number): void {
    const { context, lifecycle, hints, datagrams, spaces, limits } = this.#parts;
    context.hints = context.config.hints ? Math.min(HINTS_VERSION, context.peer?.hints ?? 0) : 0;
    context.multipath = context.config.maxPaths > 0 && context.peer?.initialMaxPathId !== undefined;
    if (context.multipath && sharesSpace(context)) spaces.share();
    context.observer?.on("quic:alpn_information", { chosen: alpn }, now);
    lifecycle.complete(alpn, now);
    hints.start();
    if (context.hints > 0 && context.multipath) datagrams.allowCopies();
    // Before paths may be opened, so that the ids that they need are there by then.
    if (context.multipath) limits.start(context.peer?.initialMaxPathId ?? 0);
    if (context.role === "server") {
      this.#done.want();
      this.#confirm(now);
      const first = this.#parts.paths.get(0);
      if (first !== undefined) this.#parts.newTokens.onValidated(first.route.remote, now);
    }
  }

  #confirm(now: number): void {
    const { context, lifecycle, keys, paths, manager } = this.#parts;
    if (lifecycle.isConfirmed || lifecycle.state !== "connected") return;
    lifecycle.confirm();
    this.#discard("initial", now);
    this.#discard("handshake", now);
    keys.onHandshakeConfirmed();
    manager.announceFirst(now);
    if (context.multipath) manager.progress(now);
    if (context.config.mtuDiscovery) { for (const route of paths.routes()) route.mtu.start(now); }
  }

  #discard(level: "initial" | "handshake", now: number): void {
    const { context, keys, spaces, fates, crypto, timers, paths } = this.#parts;
    const space = spaces.get(level, 0);
    if (space === undefined) return;
    fates.giveUp(space, level, undefined, now);
    spaces.discard(level);
    crypto.discard(level);
    keys.discard(level);
    for (const route of paths.routes()) {
      route.probes[LEVEL_INDEX[level]] = 0;
      route.lossAt[LEVEL_INDEX[level]] = Infinity;
    }
    timers.onKeysDiscarded(now);
    context.observer?.on("quic:key_discarded", { keyType: level }, now);
  }
}
