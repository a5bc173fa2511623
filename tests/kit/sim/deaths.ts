/**
 * How ends get over links that die: when the first packet was sent in vain, and when what it carried went elsewhere.
 *
 * @module
 */
import { RangeSet } from "../../../recovery/ranges.ts";
import { isAckEliciting } from "../../../transport/wire/frame_table.ts";
import type { Frame } from "../../../transport/wire/frames/types.ts";
import type { RecoveryResult, Side } from "../scenario/types.ts";

/** Something that a packet carried: bytes of a stream, or a frame of some other kind under a name of its own. */
interface Content {
  readonly key: string;
  readonly from: number;
  /** Not included. */
  readonly to: number;
}

interface Death {
  readonly result: RecoveryResult;
  /** What the first packet in vain carried, of those that carried anything that has to arrive. */
  lost: readonly Content[];
}

/** Frames that belong to their packet and path alone: nobody sends them elsewhere. */
const BOUND: ReadonlySet<Frame["kind"]> = new Set(["ping", "path_challenge", "path_response", "datagram"]);

/** The deaths of a run's links. */
export class Deaths {
  readonly #deaths: Death[] = [];
  /** Deaths of which something is not known yet, per sending side. */
  readonly #open: Record<Side, Death[]> = { client: [], server: [] };
  /** Data that a side sent and nobody found lost, per name and link: what is swallowed may be a copy of it. */
  readonly #sent: Record<Side, Map<string, Map<number, RangeSet>>> = { client: new Map(), server: new Map() };
  readonly #isWatching: boolean;

  /** `isWatching`: whether any link dies; false saves the work. */
  constructor(isWatching = true) {
    this.#isWatching = isWatching;
  }

  /** What is known, in order of death. */
  get results(): RecoveryResult[] {
    return this.#deaths.map(({ result }) => ({ ...result }));
  }

  /** From now on nothing that the side sends on the link arrives. */
  die(link: number, side: Side, now: number): void {
    const death: Death = { result: { link, side, deadMs: now, firstLostMs: -1, movedMs: -1 }, lost: [] };
    this.#deaths.push(death);
    this.#open[side].push(death);
  }

  /** The side sent a packet; `isDead`: the link swallows it. */
  onSent(side: Side, link: number, isDead: boolean, frames: readonly Frame[], now: number): void {
    if (!this.#isWatching) return;
    for (const frame of frames) this.#note(side, link, frame);
    const open = this.#open[side];
    if (open.length === 0 || !frames.some((frame) => isAckEliciting(frame.kind))) return;
    const content = frames.map(contentOf).filter((each) => each !== undefined);
    let isSettled = false;
    for (const death of open) {
      if (isDead && death.result.link === link) this.#swallow(death, content, side, now);
      else if (death.result.link !== link && meets(death.lost, content)) death.result.movedMs = now;
      if (death.result.movedMs >= 0) isSettled = true;
    }
    if (isSettled) this.#open[side] = open.filter(({ result }) => result.movedMs < 0);
  }

  #swallow(death: Death, content: readonly Content[], side: Side, now: number): void {
    if (death.result.firstLostMs < 0) death.result.firstLostMs = now;
    if (death.lost.length > 0 || content.length === 0) return;
    death.lost = content;
    if (content.some((each) => this.#isElsewhere(each, death.result.link, side))) death.result.movedMs = now;
  }

  /** Bytes of a stream that the side had sent on the link were found to be lost. */
  onLost(side: Side, link: number, stream: number, from: number, to: number): void {
    this.#sent[side].get(streamKey(stream))?.get(link)?.remove(from, to - 1);
  }

  #note(side: Side, link: number, frame: Frame): void {
    if (frame.kind === "stream") {
      const { streamId, offset, data } = frame;
      if (data.length > 0) this.#rangesOf(side, link, streamKey(streamId)).add(offset, offset + data.length - 1);
    } else if (frame.kind === "datagram_numbered") this.#rangesOf(side, link, frame.kind).addOne(frame.number);
  }

  #rangesOf(side: Side, link: number, key: string): RangeSet {
    let links = this.#sent[side].get(key);
    if (links === undefined) this.#sent[side].set(key, links = new Map());
    let ranges = links.get(link);
    if (ranges === undefined) links.set(link, ranges = new RangeSet());
    return ranges;
  }

  #isElsewhere({ key, from }: Content, link: number, side: Side): boolean {
    for (const [other, ranges] of this.#sent[side].get(key) ?? []) if (other !== link && ranges.has(from)) return true;
    return false;
  }
}

function streamKey(id: number): string {
  return `stream ${id}`;
}

function contentOf(frame: Frame): Content | undefined {
  if (frame.kind === "stream") {
    // The end of a stream counts as a byte after its last one.
    const to = frame.offset + frame.data.length + (frame.fin ? 1 : 0);
    return { key: streamKey(frame.streamId), from: frame.offset, to };
  }
  if (frame.kind === "datagram_numbered") return { key: frame.kind, from: frame.number, to: frame.number + 1 };
  if (!isAckEliciting(frame.kind) || BOUND.has(frame.kind)) return undefined;
  const about = "streamId" in frame ? frame.streamId : "path" in frame ? frame.path : "";
  return { key: `${frame.kind} ${about}`, from: 0, to: 1 };
}

function meets(a: readonly Content[], b: readonly Content[]): boolean {
  return a.some((one) => b.some((two) => one.key === two.key && one.from < two.to && two.from < one.to));
}
