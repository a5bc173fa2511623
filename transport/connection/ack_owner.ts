import type { AckPolicy } from "../../recovery/ack_policy.ts";
import type { FrameOwner, FrameRecord, PacketTarget, PacketWriter } from "../base/frame_owner.ts";
import type { Level, PathId } from "../base/role.ts";
import type { Path } from "../paths/path.ts";
import type { PathSet } from "../paths/path_set.ts";
import { isBetter } from "./chooser.ts";
import { fitAckRanges } from "../wire/frames/ack.ts";
import { Flag } from "../base/flag.ts";
import type { AckFrame, PingFrame } from "../wire/frames/types.ts";
import { MAX_SILENT_PACKETS } from "./config.ts";
import type { Context } from "./context.ts";
import type { Spaces } from "./spaces.ts";

/** Times that an ACK is said again on another path when its own has gone quiet. */
const MAX_ECHOES = 2;
/** What is repeated later than this many round trips of both paths comes too late to be of use. */
const ECHO_ROUND_TRIPS = 3;

interface AckRecord extends FrameRecord {
  readonly level: Level;
  readonly path: PathId;
  readonly ranges: readonly number[];
}

/** Our own ack_delay_exponent: the default, so that it holds before the peer knows our parameters. */
export const ACK_DELAY_EXPONENT = 3;

/** Where a path's acknowledgements go, for a moment. */
interface Assignment {
  at: number;
  /** -1: nowhere. */
  target: PathId;
}

/** An ACK that went on the path that it is about. */
interface Echo {
  /** When it, or its last repetition, was written. */
  at: number;
  /** Repetitions that are left. */
  left: number;
}

/**
 * Acknowledgements out (RFC 9000 §13.2, RFC 10069 §2.3, §5.4). A packet of a handshake level carries its own space's ACK; a
 * 1-RTT packet carries those of the paths that are assigned to its path:
 *
 * | a path is          | its ACKs go on                                                                    |
 * |--------------------|-----------------------------------------------------------------------------------|
 * | usable             | the path that the scheduler names; if it names none, on itself                    |
 * | anything else      | the path that the scheduler names; if it names none, on the fastest usable one;   |
 * |                    | without one on itself, unless it is closing                                       |
 * | closing            | as above, and at once (RFC 10069 §3.4.3)                                          |
 *
 * A path that has gone quiet for half a round trip after its last ACK may be dead, and that ACK with it. What the peer then sends
 * again elsewhere may have arrived long ago, so packets on other paths on which the peer goes on repeat the ACK, which costs
 * a few bytes.
 *
 * Where paths share a packet number space, an ACK for a path is one that begins with the path's largest number.
 *
 * The path that is usable may be dead without anyone knowing, when all die in turn: so packets on a suspended path tell what
 * arrived on it just now, wherever its ACKs go otherwise. Both ends' probes of a path that is back are answered by that.
 */
export class AckOwner implements FrameOwner {
  /** ACK frames on their way in go to `Fates`. */
  readonly receives = [] as const;
  readonly #context: Context;
  readonly #spaces: Spaces;
  readonly #paths: PathSet;
  readonly #ping: Flag<PingFrame>;
  readonly #ackPath: (receivedOn: PathId, now: number) => PathId | undefined;
  /** One for each path on which something was received. */
  readonly #assignments = new Map<PathId, Assignment>();
  readonly #echoes = new Map<PathId, Echo>();
  #silent = 0;

  /** `ackPath`: what the scheduler says; `undefined`: nothing. */
  constructor(
    context: Context,
    spaces: Spaces,
    paths: PathSet,
    ackPath: (receivedOn: PathId, now: number) => PathId | undefined,
  ) {
    this.#ackPath = ackPath;
    this.#context = context;
    this.#spaces = spaces;
    this.#paths = paths;
    this.#ping = new Flag<PingFrame>({ kind: "ping" }, { repeat: "once" });
  }

  onFrame(): void {}

  /** Whether an ACK is due that does not wait for company. */
  hasFrames(target: PacketTarget): boolean {
    const { level, now } = target;
    if (!this.#mayMove(level)) return this.#spaces.acksOf(level, target.path)?.isDue(now) ?? false;
    for (const path of this.#paths.all()) {
      if (this.#dueOf(path) <= now && this.#targetOf(path, now) === target.path) return true;
    }
    return false;
  }

  writeFrames(packet: PacketWriter): void {
    const { level, now } = packet;
    if (!this.#mayMove(level)) {
      this.#writeFor(packet.path, packet);
      return;
    }
    for (const path of this.#paths.all()) {
      const wants = this.#spaces.acksOf(level, path.id)?.wantsAck ?? false;
      if (wants && this.#targetOf(path, now) === packet.path) this.#writeFor(path.id, packet);
      else if (path.id !== packet.path) this.#writeEcho(path, packet);
      else this.#writeAnswer(path, packet);
    }
  }

  onAcked(record: FrameRecord): void {
    const { level, path, ranges } = record as AckRecord;
    this.#spaces.get(level, path)?.received.onAckOfAck(ranges);
  }

  onLost(): void {}

  /** When the next ACK must go, over all spaces. */
  dueAt(): number {
    let at = Infinity;
    for (const path of this.#paths.all()) {
      if (path.id === 0 && mayCarry(path)) at = Math.min(at, this.#dueAt("initial"), this.#dueAt("handshake"));
      const due = this.#dueOf(path);
      // What can go nowhere waits for no timer: something else must happen first.
      if (due < at && this.#canGo(path)) at = due;
    }
    return at;
  }

  #dueAt(level: "initial" | "handshake"): number {
    return this.#spaces.acksOf(level, 0)?.dueAt() ?? Infinity;
  }

  /** A packet is finished; `eliciting`: it asks for an acknowledgement. */
  onPacket(eliciting: boolean): void {
    if (eliciting) this.#silent = 0;
    else this.#silent += 1;
  }

  /** Whether ACKs of this level may go on another path than their packets came. */
  #mayMove(level: Level): boolean {
    return level === "application" && this.#context.multipath;
  }

  /** When the path's ACK must go. */
  #dueOf(path: Path): number {
    const acks = this.#spaces.acksOf("application", path.id);
    if (acks === undefined) return Infinity;
    return path.state === "closing" && acks.wantsAck ? -Infinity : acks.dueAt();
  }

  /**
   * The path on which the path's ACKs go; -1: there is none. The scheduler is asked once in each moment, so that whoever asks
   * whether there is something to write finds it when writing.
   */
  #targetOf(path: Path, now: number): PathId {
    let assignment = this.#assignments.get(path.id);
    if (assignment === undefined) {
      // Paths come seldom: that is when those that are gone are forgotten.
      for (const id of this.#assignments.keys()) if (this.#paths.get(id) === undefined) this.#assignments.delete(id);
      for (const id of this.#echoes.keys()) if (this.#paths.get(id) === undefined) this.#echoes.delete(id);
      this.#assignments.set(path.id, assignment = { at: NaN, target: -1 });
    }
    const { target } = assignment;
    if (assignment.at === now && target >= 0 && this.#isFit(this.#paths.get(target))) return target;
    assignment.at = now;
    return assignment.target = this.#assign(path, now);
  }

  #assign(path: Path, now: number): PathId {
    // What a spent path brings is acknowledged elsewhere if it can be; a scheduler may not even see that path.
    const named = path.isSpent ? undefined : this.#ackPath(path.id, now);
    if (named !== undefined && this.#isFit(this.#paths.get(named))) return named;
    if (this.#isFit(path) && !path.isSpent) return path.id;
    let fastest: Path | undefined;
    for (const other of this.#paths.all()) {
      if (this.#isFit(other) && (fastest === undefined || isBetter(other, fastest))) fastest = other;
    }
    if (fastest !== undefined) return fastest.id;
    return isOpen(path) && mayCarry(path) ? path.id : -1;
  }

  #canGo(path: Path): boolean {
    if (!this.#mayMove("application") || (isOpen(path) && mayCarry(path))) return isOpen(path) && mayCarry(path);
    for (const other of this.#paths.all()) if (this.#isFit(other)) return true;
    return false;
  }

  #isFit(path: Path | undefined): boolean {
    return path !== undefined && path.state === "usable" && mayCarry(path);
  }

  #writeFor(path: PathId, packet: PacketWriter): void {
    const acks = this.#spaces.acksOf(packet.level, path);
    if (acks?.wantsAck === true) this.#write(packet, acks, path);
  }

  /** Repeats the ACK of a path that has gone quiet. */
  #writeEcho(path: Path, packet: PacketWriter): void {
    const echo = this.#echoes.get(path.id);
    if (echo === undefined || echo.left === 0) return;
    const { now } = packet;
    const carrier = this.#paths.get(packet.path);
    if (carrier === undefined || carrier.lastReceivedAt <= path.lastReceivedAt) return;
    const quiet = now - Math.max(echo.at, path.lastReceivedAt);
    const { smoothed } = path.route.rtt;
    if (quiet < smoothed / 2 || quiet > ECHO_ROUND_TRIPS * (smoothed + carrier.route.rtt.smoothed)) return;
    const acks = this.#spaces.acksOf(packet.level, path.id);
    if (acks === undefined || !this.#writeAck(packet, acks, path.id)) return;
    echo.at = now;
    echo.left--;
  }

  /** Tells on a suspended path what arrived there, also when its ACKs go elsewhere: there they may never arrive. */
  #writeAnswer(path: Path, packet: PacketWriter): void {
    if (path.state !== "suspended") return;
    if (packet.now - path.lastReceivedAt > ECHO_ROUND_TRIPS * path.route.rtt.smoothed) return;
    const acks = this.#spaces.acksOf(packet.level, path.id);
    if (acks !== undefined && acks.largest >= 0) this.#writeAck(packet, acks, path.id);
  }

  #write(packet: PacketWriter, acks: AckPolicy, path: PathId): void {
    const { level, now } = packet;
    if (!this.#writeAck(packet, acks, path)) return;
    acks.onAckSent();
    if (level !== "application") return;
    this.#noteEcho(path, path === packet.path ? MAX_ECHOES : 0, now);
    if (this.#silent < MAX_SILENT_PACKETS) return;
    // Without an ack-eliciting packet now and then the peer's acknowledgement of our ACKs would never come, and neither
    // the ranges kept here nor the packets remembered as sent could shrink (RFC 9000 §13.2.4).
    this.#ping.want();
    this.#ping.writeFrames(packet);
  }

  #noteEcho(path: PathId, left: number, at: number): void {
    const echo = this.#echoes.get(path);
    if (echo === undefined) {
      if (left > 0) this.#echoes.set(path, { at, left });
      return;
    }
    echo.at = at;
    echo.left = left;
  }

  /** Reports from the path's largest number down: where paths share a space, what is above it is the others' to report. */
  #writeAck(packet: PacketWriter, acks: AckPolicy, path: PathId): boolean {
    const { level, now } = packet;
    const space = this.#spaces.get(level, path);
    if (space === undefined) return false;
    const ranges = space.received.ackRanges(this.#context.config.maxAckRanges, acks.largest);
    const frame: AckFrame = {
      kind: "ack",
      path: this.#mayMove(level) ? this.#spaces.layout.ackPathOf(path, true) : undefined,
      delay: Math.floor(acks.ackDelay(now) * 1000 / 2 ** ACK_DELAY_EXPONENT),
      ranges,
      ecn: space.hasEcn ? { ...space.ecn } : undefined,
    };
    const fitting = fitAckRanges(frame, packet.room);
    if (fitting === 0) return false;
    const kept = fitting * 2 < ranges.length ? { ...frame, ranges: ranges.slice(0, fitting * 2) } : frame;
    const record: AckRecord = { owner: this, level, path, ranges: kept.ranges };
    return packet.write(kept, record);
  }
}

function isOpen(path: Path): boolean {
  return path.state !== "closing" && path.state !== "gone";
}

function mayCarry(path: Path): boolean {
  return path.route.allowance > 0;
}
