import { AckPolicy, DEFAULT_ACK_THRESHOLD } from "../../recovery/ack_policy.ts";
import { PacketNumberSpace } from "../../recovery/packet_number_space.ts";
import { singleSpace, type SpaceLayout } from "../../recovery/space_layout.ts";
import type { FrameRecord } from "../base/frame_owner.ts";
import type { Level, PathId } from "../base/role.ts";

/** A packet number space whose packets remember frames. */
export type Space = PacketNumberSpace<FrameRecord>;

/** Options of {@linkcode Spaces}. */
export interface SpacesOptions {
  /** What to begin with. */
  readonly layout: SpaceLayout;
  readonly maxAckDelay: number;
  readonly maxAckRanges: number;
  /** 0 to 1; decides where packet numbers are skipped (RFC 9000 §21.4). */
  readonly random: () => number;
}

/** All packet number spaces of a connection: one per handshake level, and for 1-RTT packets as the layout says. */
export class Spaces {
  readonly #options: SpacesOptions;
  #layout: SpaceLayout;
  #initial: Space | undefined;
  #handshake: Space | undefined;
  readonly #application = new Map<number, Space>();
  /** Who acknowledges 1-RTT packets, by path. */
  readonly #policies = new Map<PathId, AckPolicy>();

  constructor(options: SpacesOptions) {
    const { layout, maxAckRanges } = options;
    this.#options = options;
    this.#layout = layout;
    this.#initial = new PacketNumberSpace<FrameRecord>({ immediate: true, maxAckRanges });
    this.#handshake = new PacketNumberSpace<FrameRecord>({ immediate: true, maxAckRanges });
    this.add(0);
  }

  /** How 1-RTT packets are numbered. */
  get layout(): SpaceLayout {
    return this.#layout;
  }

  /** All paths share the space of path 0 from now on: so it was negotiated, before there is another path. */
  share(): void {
    this.#layout = singleSpace();
    const space = this.#application.get(0)!;
    space.received.share();
    space.acks.ordered = false;
    space.acks.threshold = this.#sharedThreshold;
  }

  /** Makes the space of a path, unless there is one. */
  add(path: PathId): void {
    if (this.#policies.has(path)) return;
    const { maxAckDelay, maxAckRanges, random } = this.#options;
    const index = this.#layout.spaceOf(path);
    const shared = this.#application.get(index);
    if (shared !== undefined) {
      const threshold = this.#sharedThreshold;
      this.#policies.set(path, new AckPolicy(shared.received, { maxAckDelay, threshold, ordered: false }));
      return;
    }
    const space: Space = new PacketNumberSpace<FrameRecord>({ maxAckDelay, maxAckRanges, random });
    this.#application.set(index, space);
    this.#policies.set(path, space.acks);
  }

  /** The path is gone for good. Shared spaces stay. */
  remove(path: PathId): void {
    this.#policies.delete(path);
    if (!this.#layout.isShared) this.#application.delete(this.#layout.spaceOf(path));
  }

  /** Who acknowledges the packets of a path; `undefined` when its keys are discarded, or the path is not there. */
  acksOf(level: Level, path: PathId): AckPolicy | undefined {
    return level === "application" || level === "early" ? this.#policies.get(path) : this.get(level, path)?.acks;
  }

  /** `undefined` when its keys are discarded, or the path is not there. */
  get(level: Level, path: PathId): Space | undefined {
    if (level === "application" || level === "early") return this.#application.get(this.#layout.spaceOf(path));
    return level === "initial" ? this.#initial : this.#handshake;
  }

  /** A small number for each space: 0 and 1 for those of the handshake. */
  indexOf(level: Level, path: PathId): number {
    if (level === "application" || level === "early") return 2 + this.#layout.spaceOf(path);
    return level === "initial" ? 0 : 1;
  }

  /** Drops a handshake level's space; what was in flight there is returned by `drain` beforehand. */
  discard(level: "initial" | "handshake"): void {
    if (level === "initial") this.#initial = undefined;
    else this.#handshake = undefined;
  }

  /** What is not reported at once may be a range of its own: no more than fit into one frame may wait. */
  get #sharedThreshold(): number {
    return Math.min(DEFAULT_ACK_THRESHOLD, this.#options.maxAckRanges);
  }
}
