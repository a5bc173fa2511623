/**
 * An observer that counts: everything of a result that only the trace knows, without keeping the trace.
 *
 * @module
 */
import type { RangeSet } from "../../../recovery/ranges.ts";
import { RangeSet as Ranges } from "../../../recovery/ranges.ts";
import type { Observer, TracedHeader, TraceEvents, TraceName } from "../../../transport/base/observer.ts";
import { isAckEliciting } from "../../../transport/wire/frame_table.ts";
import { frameSize } from "../../../transport/wire/frames/mod.ts";
import type { Frame, StreamFrame } from "../../../transport/wire/frames/types.ts";
import type { DirectionResult } from "../scenario/types.ts";

/** Hears of each packet that was sent. */
export type OnPacket = (path: number, frames: readonly Frame[], now: number) => void;

/** Hears of each piece of a stream that was in a packet which was found to be lost. */
export type OnLost = (path: number, stream: number, from: number, to: number) => void;

/** ACK and PATH_ACK frames that an end wrote. */
export interface AckCounts {
  /** How many. */
  frames: number;
  /** Bytes of the frames. */
  bytes: number;
  /** Most ranges in one. */
  maxRanges: number;
}

/** An ack-eliciting packet whose fate matters. */
interface Sent {
  readonly path: number;
  /** Triples: stream, first byte, byte after the last. */
  readonly bytes: number[];
  isLost: boolean;
}

/** Bytes of a stream. */
interface StreamBytes {
  /** Sent at least once. */
  readonly sent: RangeSet;
  /** In a packet that was declared lost, and not sent since. */
  readonly lost: RangeSet;
}

/** Number spaces of the handshake in the map of packets; those of paths have the path's id. */
const INITIAL = -1;
const HANDSHAKE = -2;

/** What one end sent. */
export class SideMetrics implements Observer {
  /** Per path. */
  readonly paths = new Map<number, DirectionResult>();
  /** Acknowledgements that it wrote. */
  readonly acks: AckCounts = { frames: 0, bytes: 0, maxRanges: 0 };
  /** Packets that were declared lost and arrived after all. */
  spuriousLosses = 0;
  /** Bytes of streams and numbered datagrams that it sent again although no packet with them had been declared lost. */
  repeatedWithoutLoss = 0;
  readonly #onPacket: OnPacket;
  readonly #onLostBytes: OnLost;
  readonly #isShared: boolean;
  readonly #packets = new Map<number, Map<number, Sent>>();
  readonly #streams = new Map<number, StreamBytes>();
  readonly #datagrams = new Ranges();

  /** `isShared`: all paths have one number space. */
  constructor(onPacket: OnPacket, onLost: OnLost, isShared = false) {
    this.#onPacket = onPacket;
    this.#onLostBytes = onLost;
    this.#isShared = isShared;
  }

  /** Hears one event. */
  on<N extends TraceName>(name: N, data: TraceEvents[N], now: number): void {
    switch (name) {
      case "quic:packet_sent":
        return this.#onSent(data as TraceEvents["quic:packet_sent"], now);
      case "quic:packets_acked":
        return this.#onAcked(data as TraceEvents["quic:packets_acked"]);
      case "quic:packet_lost":
        return this.#onLost(data as TraceEvents["quic:packet_lost"]);
      case "quic:spurious_loss":
        return this.#onSpurious(data as TraceEvents["quic:spurious_loss"]);
    }
  }

  /** What was sent on a path; zeros when that is nothing. */
  path(id: number): DirectionResult {
    let path = this.paths.get(id);
    if (path === undefined) {
      path = { packets: 0, bytes: 0, lost: 0, streamBytes: 0, repeatedBytes: 0 };
      this.paths.set(id, path);
    }
    return path;
  }

  #onSent({ header, size, frames }: TraceEvents["quic:packet_sent"], now: number): void {
    const counts = this.path(header.path);
    counts.packets++;
    counts.bytes += size;
    this.#onPacket(header.path, frames, now);
    let elicits = false;
    const bytes: number[] = [];
    for (const frame of frames) {
      if (isAckEliciting(frame.kind)) elicits = true;
      if (frame.kind === "ack") this.#countAck(frame);
      else if (frame.kind === "stream" && frame.data.length > 0) {
        bytes.push(frame.streamId, frame.offset, frame.offset + frame.data.length);
        this.#countStream(frame, counts);
      } else if (frame.kind === "datagram_numbered" && !this.#datagrams.addOne(frame.number)) {
        this.repeatedWithoutLoss += frame.data.length;
      }
    }
    if (elicits) this.#spaceOf(header).set(header.number, { path: header.path, bytes, isLost: false });
  }

  #countAck(frame: Extract<Frame, { kind: "ack" }>): void {
    this.acks.frames++;
    this.acks.bytes += frameSize(frame);
    this.acks.maxRanges = Math.max(this.acks.maxRanges, frame.ranges.length / 2);
  }

  #countStream({ streamId, offset, data }: StreamFrame, counts: DirectionResult): void {
    const last = offset + data.length - 1;
    counts.streamBytes += data.length;
    let stream = this.#streams.get(streamId);
    if (stream === undefined) this.#streams.set(streamId, stream = { sent: new Ranges(), lost: new Ranges() });
    const repeated = overlap(stream.sent, offset, last);
    stream.sent.add(offset, last);
    if (repeated === 0) return;
    const afterLoss = overlap(stream.lost, offset, last);
    stream.lost.remove(offset, last);
    counts.repeatedBytes += repeated;
    this.repeatedWithoutLoss += repeated - afterLoss;
  }

  #spaceOf(header: TracedHeader): Map<number, Sent> {
    const path = this.#isShared ? 0 : header.path;
    return this.#space(header.type === "one_rtt" ? path : header.type === "initial" ? INITIAL : HANDSHAKE);
  }

  #space(key: number): Map<number, Sent> {
    let space = this.#packets.get(key);
    if (space === undefined) this.#packets.set(key, space = new Map());
    return space;
  }

  #onAcked({ path, level, numbers }: TraceEvents["quic:packets_acked"]): void {
    const own = this.#isShared ? 0 : path;
    const space = this.#space(level === "application" ? own : level === "initial" ? INITIAL : HANDSHAKE);
    for (const number of numbers) space.delete(number);
  }

  #onLost({ header, trigger }: TraceEvents["quic:packet_lost"]): void {
    const packet = this.#spaceOf(header).get(header.number);
    if (packet === undefined || packet.isLost) return;
    packet.isLost = true;
    // What was on its way when its path ended is sent again, but nobody found it to be lost.
    if (trigger !== "path_abandoned" && trigger !== "migration") this.path(packet.path).lost++;
    const { bytes } = packet;
    for (let i = 0; i < bytes.length; i += 3) {
      const [stream, from, to] = [bytes[i] as number, bytes[i + 1] as number, bytes[i + 2] as number];
      this.#streams.get(stream)?.lost.add(from, to - 1);
      this.#onLostBytes(packet.path, stream, from, to);
    }
  }

  #onSpurious({ header }: TraceEvents["quic:spurious_loss"]): void {
    if (this.#spaceOf(header).delete(header.number)) this.spuriousLosses++;
  }
}

/** How many of the numbers from `from` to `to`, both included, are in the set. */
function overlap(set: RangeSet, from: number, to: number): number {
  if (set.size === 0 || from > set.max) return 0;
  let [low, high] = [0, set.size];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (set.toAt(middle) < from) low = middle + 1;
    else high = middle;
  }
  let count = 0;
  for (let i = low; i < set.size && set.fromAt(i) <= to; i++) {
    count += Math.min(to, set.toAt(i)) - Math.max(from, set.fromAt(i)) + 1;
  }
  return count;
}
