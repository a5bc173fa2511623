import { PacketNumberSpace } from "../../recovery/packet_number_space.ts";
import type { SpaceLayout } from "../../recovery/space_layout.ts";
import type { FrameRecord } from "../base/frame_owner.ts";
import type { Level, PathId } from "../base/role.ts";

/** A packet number space whose packets remember frames. */
export type Space = PacketNumberSpace<FrameRecord>;

/** Options of {@linkcode Spaces}. */
export interface SpacesOptions {
  readonly layout: SpaceLayout;
  readonly maxAckDelay: number;
  readonly maxAckRanges: number;
  /** 0 to 1; decides where packet numbers are skipped (RFC 9000 §21.4). */
  readonly random: () => number;
}

/** All packet number spaces of a connection: one per handshake level, and for 1-RTT packets as the layout says. */
export class Spaces {
  readonly layout: SpaceLayout;
  readonly #options: SpacesOptions;
  #initial: Space | undefined = new PacketNumberSpace<FrameRecord>({ immediate: true });
  #handshake: Space | undefined = new PacketNumberSpace<FrameRecord>({ immediate: true });
  readonly #application = new Map<number, Space>();

  constructor(options: SpacesOptions) {
    this.#options = options;
    this.layout = options.layout;
    this.add(0);
  }

  /** Makes the space of a path, unless there is one. */
  add(path: PathId): void {
    const index = this.layout.spaceOf(path);
    if (this.#application.has(index)) return;
    const { maxAckDelay, maxAckRanges, random } = this.#options;
    const ordered = this.layout.name === "multiple";
    this.#application.set(index, new PacketNumberSpace<FrameRecord>({ maxAckDelay, maxAckRanges, random, ordered }));
  }

  /** The path is gone for good. Shared spaces stay. */
  remove(path: PathId): void {
    if (this.layout.name === "multiple") this.#application.delete(path);
  }

  /** `undefined` when its keys are discarded, or the path is not there. */
  get(level: Level, path: PathId): Space | undefined {
    if (level === "application" || level === "early") return this.#application.get(this.layout.spaceOf(path));
    return level === "initial" ? this.#initial : this.#handshake;
  }

  /** A small number for each space: 0 and 1 for those of the handshake. */
  indexOf(level: Level, path: PathId): number {
    if (level === "application" || level === "early") return 2 + this.layout.spaceOf(path);
    return level === "initial" ? 0 : 1;
  }

  /** Drops a handshake level's space; what was in flight there is returned by `drain` beforehand. */
  discard(level: "initial" | "handshake"): void {
    if (level === "initial") this.#initial = undefined;
    else this.#handshake = undefined;
  }
}
