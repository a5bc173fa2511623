import type { FrameOwner, FrameRecord, PacketTarget, PacketWriter } from "../base/frame_owner.ts";
import type { Level, PathId } from "../base/role.ts";
import type { PathSet } from "../paths/path_set.ts";
import { fitAckRanges } from "../wire/frames/ack.ts";
import { Flag } from "../base/flag.ts";
import type { AckFrame, PingFrame } from "../wire/frames/types.ts";
import { MAX_SILENT_PACKETS } from "./config.ts";
import type { Context } from "./context.ts";
import type { Space, Spaces } from "./spaces.ts";

interface AckRecord extends FrameRecord {
  readonly level: Level;
  readonly path: PathId;
  readonly ranges: readonly number[];
}

/** Our own ack_delay_exponent: the default, so that it holds before the peer knows our parameters. */
export const ACK_DELAY_EXPONENT = 3;

/**
 * Acknowledgements out (RFC 9000 §13.2, RFC 10069 §2.3). A packet of a handshake level carries its own space's ACK; a 1-RTT
 * packet carries those of the paths that are assigned to its path, its own by default.
 */
export class AckOwner implements FrameOwner {
  /** ACK frames on their way in go to `Fates`. */
  readonly receives = [] as const;
  readonly #context: Context;
  readonly #spaces: Spaces;
  readonly #paths: PathSet;
  readonly #ping: Flag<PingFrame>;
  #silent = 0;

  constructor(context: Context, spaces: Spaces, paths: PathSet) {
    this.#context = context;
    this.#spaces = spaces;
    this.#paths = paths;
    this.#ping = new Flag<PingFrame>({ kind: "ping" }, { repeat: "once" });
  }

  onFrame(): void {}

  /** Whether an ACK is due that does not wait for company. */
  hasFrames(target: PacketTarget): boolean {
    return this.#spaces.get(target.level, target.path)?.acks.isDue(target.now) ?? false;
  }

  writeFrames(packet: PacketWriter): void {
    const space = this.#spaces.get(packet.level, packet.path);
    if (space === undefined || !space.acks.wantsAck) return;
    this.#write(packet, space);
  }

  onAcked(record: FrameRecord): void {
    const { level, path, ranges } = record as AckRecord;
    this.#spaces.get(level, path)?.received.onAckOfAck(ranges);
  }

  onLost(): void {}

  /** When the next ACK must go, over all spaces. */
  dueAt(): number {
    let at = Math.min(this.#dueAt("initial", 0), this.#dueAt("handshake", 0));
    for (const path of this.#paths.all()) at = Math.min(at, this.#dueAt("application", path.id));
    return at;
  }

  #dueAt(level: Level, path: PathId): number {
    return this.#spaces.get(level, path)?.acks.dueAt() ?? Infinity;
  }

  /** A packet is finished; `eliciting`: it asks for an acknowledgement. */
  onPacket(eliciting: boolean): void {
    if (eliciting) this.#silent = 0;
    else this.#silent += 1;
  }

  #write(packet: PacketWriter, space: Space): void {
    const { level, path, now } = packet;
    const multipath = level === "application" && this.#context.multipath;
    const ranges = space.received.ackRanges();
    const frame: AckFrame = {
      kind: "ack",
      path: multipath ? this.#spaces.layout.ackPathOf(path, true) : undefined,
      delay: Math.floor(space.ackDelay(now) * 1000 / 2 ** ACK_DELAY_EXPONENT),
      ranges,
      ecn: space.hasEcn ? { ...space.ecn } : undefined,
    };
    const fitting = fitAckRanges(frame, packet.room);
    if (fitting === 0) return;
    const kept = fitting * 2 < ranges.length ? { ...frame, ranges: ranges.slice(0, fitting * 2) } : frame;
    const record: AckRecord = { owner: this, level, path, ranges: kept.ranges };
    if (!packet.write(kept, record)) return;
    space.acks.onAckSent();
    if (level !== "application" || this.#silent < MAX_SILENT_PACKETS) return;
    // Without an ack-eliciting packet now and then the peer's acknowledgement of our ACKs would never come, and neither
    // the ranges kept here nor the packets remembered as sent could shrink (RFC 9000 §13.2.4).
    this.#ping.want();
    this.#ping.writeFrames(packet);
  }
}
