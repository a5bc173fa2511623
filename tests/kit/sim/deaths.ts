/**
 * How ends get over links that die: when the first packet was sent in vain, and when what it carried went elsewhere.
 *
 * @module
 */
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
  /** What a side sent in the present instant, and where: copies may leave before the packet that is swallowed. */
  readonly #instant: Record<Side, { at: number; sent: { link: number; content: Content[] }[] }> = {
    client: { at: -1, sent: [] },
    server: { at: -1, sent: [] },
  };

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
    const open = this.#open[side];
    if (open.length === 0 || !frames.some((frame) => isAckEliciting(frame.kind))) return;
    const content = frames.map(contentOf).filter((each) => each !== undefined);
    const instant = this.#instant[side];
    if (instant.at !== now) this.#instant[side] = { at: now, sent: [] };
    this.#instant[side].sent.push({ link, content });
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
    const elsewhere = this.#instant[side].sent.filter(({ link }) => link !== death.result.link);
    if (elsewhere.some((sent) => meets(death.lost, sent.content))) death.result.movedMs = now;
  }
}

function contentOf(frame: Frame): Content | undefined {
  if (frame.kind === "stream") {
    // The end of a stream counts as a byte after its last one.
    const to = frame.offset + frame.data.length + (frame.fin ? 1 : 0);
    return { key: `stream ${frame.streamId}`, from: frame.offset, to };
  }
  if (frame.kind === "datagram_numbered") return { key: frame.kind, from: frame.number, to: frame.number + 1 };
  if (!isAckEliciting(frame.kind) || BOUND.has(frame.kind)) return undefined;
  const about = "streamId" in frame ? frame.streamId : "path" in frame ? frame.path : "";
  return { key: `${frame.kind} ${about}`, from: 0, to: 1 };
}

function meets(a: readonly Content[], b: readonly Content[]): boolean {
  return a.some((one) => b.some((two) => one.key === two.key && one.from < two.to && two.from < one.to));
}
