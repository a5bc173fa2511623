import { TransportError, TransportErrorCode } from "../base/errors.ts";
import type { FrameOwner, FrameRecord, PacketTarget, PacketWriter, ReceivedPacket } from "../base/frame_owner.ts";
import { Latest } from "../base/latest.ts";
import { QueueOf } from "../base/queue_of.ts";
import type { PathId, Role } from "../base/role.ts";
import { hintLabel, isHintName } from "../wire/frames/hints.ts";
import type { Frame, HintModeFrame, HintPathFrame, HintSignalFrame } from "../wire/frames/types.ts";
import { isUndescribed, type Path, type PathProperties } from "./path.ts";
import { type PathEvent, pathStats } from "./path_events.ts";
import type { PathLimits } from "./path_limits.ts";
import type { PathSet } from "./path_set.ts";

/** Most signals that an application can have, and that are kept of the peer's; further names of the peer's are passed over. */
export const MAX_SIGNALS = 16;
/** A signal is told to the peer at most once in this time. */
export const SIGNAL_INTERVAL = 25;
/** Hints that are kept for paths of the peer's, those that it has not opened yet among them. */
export const MAX_PATH_HINTS = 128;

/** What the application learns through hints. */
export type HintEvent =
  /** A signal of the peer's application has a new value; values in between may have been passed over. */
  | { readonly type: "signal"; readonly name: string; readonly value: number }
  /** The client asks this server to send in a mode, one of those that are accepted. */
  | { readonly type: "mode_requested"; readonly name: string }
  /** The peer says something new of a path ("described"). */
  | PathEvent;

/** What hints work with. */
export interface HintsParts {
  readonly role: Role;
  readonly paths: PathSet;
  readonly limits: PathLimits;
  /** Whether the extension is on: both ends sent the parameter, and the handshake is complete. */
  readonly isActive: () => boolean;
  /** Server: the modes that a client may ask for. */
  readonly acceptModes: readonly string[];
  /** Whether the peer knows of preferences. Default: it does not. */
  readonly hasPreferences?: (() => boolean) | undefined;
  /** Whether a path id is used up. */
  readonly isOver: (path: PathId) => boolean;
  /** A signal, of either end, has a new value. */
  readonly onSignal?: ((name: string, value: number, now: number) => void) | undefined;
}

interface OwnSignal {
  readonly name: string;
  readonly delivery: Latest<HintSignalFrame>;
  value: number;
  sequence: number;
  /** When a frame with it was last written. */
  saidAt: number;
}

interface PeerSignal {
  value: number;
  sequence: number;
  isNews: boolean;
}

/**
 * What the client knows reaches the server that schedules: signals of the application, what is said of paths, and the mode
 * that it would like (`hints_codepoints.ts`). Only clients send hints; a server's own signals stay with it.
 *
 * | a client's signal is | set     | 25 ms after its last frame | written   | acked | lost    |
 * |----------------------|---------|----------------------------|-----------|-------|---------|
 * | said                 | waiting | –                          | –         | –     | –       |
 * | waiting              | waiting | due                        | –         | –     | –       |
 * | due                  | due     | –                          | in flight | –     | –       |
 * | in flight            | waiting | –                          | –         | said  | waiting |
 *
 * What the peer says is bounded: {@linkcode MAX_SIGNALS} names, {@linkcode MAX_PATH_HINTS} paths, one event each that the
 * application has not taken; an older sequence number than the newest is passed over.
 */
export class Hints implements FrameOwner {
  readonly receives = ["hint_signal", "hint_path", "hint_mode"] as const;
  readonly #parts: HintsParts;
  /** One for all frames: newer ones are higher, whatever they are about. */
  #sequence = 0;
  /** Few, and asked for with every packet. */
  readonly #own: OwnSignal[] = [];
  readonly #peer = new Map<string, PeerSignal>();
  /** Names whose newest value is the peer's. */
  readonly #byPeer = new Set<string>();
  readonly #pathHints: QueueOf<PathId, HintPathFrame>;
  /** Sequence numbers of what we said of paths. */
  readonly #described = new Map<PathId, number>();
  readonly #peerPaths = new Map<PathId, HintPathFrame>();
  /** Paths of which the peer has said something that the application was not told. */
  readonly #redescribed = new Set<PathId>();
  readonly #modeHint: Latest<HintModeFrame>;
  #mode: string | undefined;
  #modeSequence = -1;
  #isModeNews = false;
  /** Whether there may be events. */
  #hasNews = false;
  /** The last time that `onTimeout` was told. */
  #woken = -Infinity;

  constructor(parts: HintsParts) {
    this.#parts = parts;
    this.#pathHints = new QueueOf<PathId, HintPathFrame>((path) => this.#pathFrame(path));
    this.#modeHint = new Latest<HintModeFrame>(() =>
      this.#mode === undefined ? undefined : { kind: "hint_mode", sequence: this.#modeSequence, mode: this.#mode }
    );
  }

  /** Whether both ends speak the extension; nothing is sent before, or else. */
  get isActive(): boolean {
    return this.#parts.isActive();
  }

  /** The extension is on from now on: all that was said so far goes to the peer. */
  start(): void {
    if (!this.#speaks) return;
    for (const { delivery } of this.#own) delivery.want();
    for (const path of this.#parts.paths.all()) this.onOpened(path);
    if (this.#mode !== undefined) this.#modeHint.want();
  }

  /**
   * Sets a signal. It is seen here at once, and at the peer of a client soon after; only the newest value counts. Throws
   * `TypeError` for a name that is not 1 to 32 bytes of UTF-8 without control characters, `RangeError` for a value that is
   * not finite, and for a seventeenth name.
   */
  setSignal(name: string, value: number, now: number): void {
    if (!isHintName(name)) throw new TypeError(`Signal name ${JSON.stringify(name)} is not 1 to 32 bytes of text`);
    if (!Number.isFinite(value)) throw new RangeError(`Signal "${name}" is ${value}: expected a finite number`);
    let own = this.#find(name);
    if (own === undefined) {
      if (this.#own.length >= MAX_SIGNALS) {
        throw new RangeError(`Cannot add signal "${name}": there are ${MAX_SIGNALS}, which is the most`);
      }
      own = this.#makeSignal(name, value);
      this.#own.push(own);
    } else if (own.value === value && !this.#byPeer.has(name)) {
      return;
    }
    own.value = value;
    own.sequence = this.#sequence++;
    this.#byPeer.delete(name);
    if (this.#speaks) own.delivery.want();
    this.#parts.onSignal?.(name, value, now);
  }

  /** The newest value of a signal, whichever end it came from; `undefined`: there was none. */
  signal(name: string): number | undefined {
    return this.#byPeer.has(name) ? this.#peer.get(name)?.value : this.#find(name)?.value;
  }

  /**
   * Client: asks the server to send in a mode; it may refuse, and does not say so. Throws `TypeError` at a server, and for
   * a name that is not 1 to 32 bytes of UTF-8 without control characters.
   */
  requestMode(name: string): void {
    if (this.#parts.role === "server") throw new TypeError("Cannot request a mode: only clients do, servers decide");
    if (!isHintName(name)) throw new TypeError(`Mode name ${JSON.stringify(name)} is not 1 to 32 bytes of text`);
    if (this.#mode === name) return;
    this.#mode = name;
    this.#modeSequence = this.#sequence++;
    if (this.#speaks) this.#modeHint.want();
  }

  /** The mode that the server is to send in: at a client the one it asked for, at a server the last one it accepted. */
  get requestedMode(): string | undefined {
    return this.#mode;
  }

  /** A path exists: what the peer said of it is applied, what the application says of it is told. */
  onOpened(path: Path): void {
    const said = this.#peerPaths.get(path.id);
    if (said !== undefined) path.describe(propertiesOf(said));
    // A path that nothing is said of is what the server takes it for anyway.
    if (this.#speaks && !isUndescribed(path.properties)) this.#tell(path.id);
  }

  /** The application says something else of a path. Throws `RangeError` when the cost is not a number from 0. */
  describe(path: Path, changes: Partial<PathProperties>): void {
    if (path.describe(changes) && this.#speaks) this.#tell(path.id);
  }

  /** Nothing more is said of a path. */
  onClosing(path: PathId): void {
    this.#pathHints.cancel(path);
    this.#described.delete(path);
    this.#peerPaths.delete(path);
    this.#redescribed.delete(path);
  }

  /** The next thing that the application has not been told. Only the newest of each signal, path and mode is kept. */
  nextEvent(): HintEvent | undefined {
    if (!this.#hasNews) return undefined;
    if (this.#isModeNews) {
      this.#isModeNews = false;
      return { type: "mode_requested", name: this.#mode! };
    }
    for (const [name, signal] of this.#peer) {
      if (!signal.isNews) continue;
      signal.isNews = false;
      return { type: "signal", name, value: signal.value };
    }
    for (const id of this.#redescribed) {
      this.#redescribed.delete(id);
      const path = this.#parts.paths.get(id);
      if (path === undefined) continue;
      const reason = "the peer says what it is";
      return { type: "path", change: "described", reason, code: 0, byPeer: true, path: pathStats(path) };
    }
    this.#hasNews = false;
    return undefined;
  }

  /** Takes in a hint. PROTOCOL_VIOLATION from a server, and of a path above our limit. */
  onFrame(frame: Frame, packet: ReceivedPacket): void {
    if (this.#parts.role === "client") {
      const reason = `${frame.kind.toUpperCase()} came from a server, only clients send it`;
      throw new TransportError(TransportErrorCode.PROTOCOL_VIOLATION, reason);
    }
    if (frame.kind === "hint_signal") this.#onSignal(frame, packet.now);
    else if (frame.kind === "hint_path") this.#onPath(frame);
    else if (frame.kind === "hint_mode") this.#onMode(frame);
  }

  hasFrames(target: PacketTarget): boolean {
    for (let i = 0; i < this.#own.length; i++) if (isDue(this.#own[i]!, target)) return true;
    return this.#pathHints.hasFrames(target) || this.#modeHint.hasFrames(target);
  }

  writeFrames(packet: PacketWriter): void {
    this.#modeHint.writeFrames(packet);
    this.#pathHints.writeFrames(packet);
    for (const signal of this.#own) {
      if (!isDue(signal, packet)) continue;
      signal.delivery.writeFrames(packet);
      if (signal.delivery.state === "in-flight") signal.saidAt = packet.now;
    }
  }

  /** What is in flight on the path may be written again elsewhere. */
  offerAgain(path: PathId): void {
    this.#modeHint.offerAgain(path);
    this.#pathHints.offerAgain(path);
    for (const { delivery } of this.#own) delivery.offerAgain(path);
  }

  /** Never called: the synchronisers own their records. */
  onAcked(_record: FrameRecord): void {}
  /** Never called, likewise. */
  onLost(_record: FrameRecord): void {}

  /** When a signal that waits may go. */
  nextTimeout(): number {
    let next = Infinity;
    for (const { delivery, saidAt } of this.#own) {
      const at = saidAt + SIGNAL_INTERVAL;
      // What has been waited for goes with the next packet: no timer helps any more.
      if (delivery.state === "wanted" && at > this.#woken && at < next) next = at;
    }
    return next;
  }

  onTimeout(now: number): void {
    this.#woken = now;
  }

  /** Whether this end sends hints. */
  get #speaks(): boolean {
    return this.#parts.role === "client" && this.#parts.isActive();
  }

  #find(name: string): OwnSignal | undefined {
    return this.#own.find((signal) => signal.name === name);
  }

  #makeSignal(name: string, value: number): OwnSignal {
    const signal: OwnSignal = {
      name,
      value,
      sequence: 0,
      saidAt: -Infinity,
      delivery: new Latest<HintSignalFrame>(() => ({
        kind: "hint_signal",
        name,
        sequence: signal.sequence,
        value: signal.value,
      })),
    };
    return signal;
  }

  #tell(path: PathId): void {
    this.#described.set(path, this.#sequence++);
    this.#pathHints.want(path);
  }

  #pathFrame(id: PathId): HintPathFrame | undefined {
    const path = this.#parts.paths.get(id);
    const sequence = this.#described.get(id);
    if (path === undefined || sequence === undefined) return undefined;
    const { label, cost, metered, preference } = path.properties;
    const frame: HintPathFrame = { kind: "hint_path", path: id, sequence, cost, metered, label: hintLabel(label) };
    return preference === undefined || this.#parts.hasPreferences?.() !== true ? frame : { ...frame, preference };
  }

  #onSignal(frame: HintSignalFrame, now: number): void {
    const { name, sequence, value } = frame;
    const known = this.#peer.get(name);
    if (known === undefined) {
      if (this.#peer.size >= MAX_SIGNALS) return;
      this.#peer.set(name, { value, sequence, isNews: true });
    } else {
      if (sequence <= known.sequence) return;
      known.sequence = sequence;
      known.value = value;
      known.isNews = true;
    }
    this.#hasNews = true;
    this.#byPeer.add(name);
    this.#parts.onSignal?.(name, value, now);
  }

  #onPath(frame: HintPathFrame): void {
    const { paths, limits, isOver } = this.#parts;
    const { path: id } = frame;
    limits.check(id);
    if (isOver(id)) return;
    const known = this.#peerPaths.get(id);
    if (known !== undefined && frame.sequence <= known.sequence) return;
    if (known === undefined) this.#makeRoom();
    this.#peerPaths.set(id, frame);
    const path = paths.get(id);
    if (path?.describe(propertiesOf(frame)) !== true) return;
    this.#redescribed.add(id);
    this.#hasNews = true;
  }

  /** Hints for paths that were never opened are nobody's to take back. */
  #makeRoom(): void {
    if (this.#peerPaths.size < MAX_PATH_HINTS) return;
    for (const id of this.#peerPaths.keys()) if (this.#parts.isOver(id)) this.#peerPaths.delete(id);
    if (this.#peerPaths.size < MAX_PATH_HINTS) return;
    for (const id of this.#peerPaths.keys()) {
      this.#peerPaths.delete(id);
      return;
    }
  }

  #onMode(frame: HintModeFrame): void {
    if (frame.sequence <= this.#modeSequence) return;
    this.#modeSequence = frame.sequence;
    if (!this.#parts.acceptModes.includes(frame.mode) || frame.mode === this.#mode) return;
    this.#mode = frame.mode;
    this.#isModeNews = true;
    this.#hasNews = true;
  }
}

function isDue(signal: OwnSignal, target: PacketTarget): boolean {
  return signal.delivery.hasFrames(target) && target.now >= signal.saidAt + SIGNAL_INTERVAL;
}

function propertiesOf({ label, cost, metered, preference }: HintPathFrame): PathProperties {
  return { label, cost, metered, preference };
}
