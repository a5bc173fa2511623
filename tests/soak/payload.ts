/**
 * What both ends of a soak run share: the bytes, and how long an application waited for them.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import type { PathStats, QuicConn } from "../../mod.ts";
import { Random } from "../kit/random.ts";

/** The application protocol of these runs. */
export const ALPN = "soak";

/** The bytes repeat after so many, which is no multiple of any packet's or window's size. */
const PERIOD = 1_000_003;
/** Milliseconds between two looks at the paths of a sender. */
const LOOK_EVERY = 10;
/** Waits that are shorter than this are no waits: milliseconds. */
const LEAST_WAIT = 5;

/** Twice the bytes, so that any piece of up to a period is in one part of it. */
const BYTES = makeBytes();

function makeBytes(): Uint8Array<ArrayBuffer> {
  const random = new Random(10_069);
  const bytes = new Uint8Array(2 * PERIOD);
  random.fill(bytes.subarray(0, PERIOD));
  bytes.copyWithin(PERIOD, 0, PERIOD);
  return bytes;
}

/** `length` bytes from `at` on; at most a period. */
export function payload(at: number, length: number): Uint8Array<ArrayBuffer> {
  const from = at % PERIOD;
  return BYTES.subarray(from, from + length);
}

/** The time on a clock that processes of one machine share, in milliseconds. */
export function sharedNow(): number {
  return performance.timeOrigin + performance.now();
}

/** A time without a new byte. */
export interface Wait {
  readonly from: number;
  readonly to: number;
}

/** What a receiver has to tell. */
export interface Received {
  readonly bytes: number;
  /** The first byte that was not as it should be; -1: none. */
  readonly wrongAt: number;
  readonly waits: readonly Wait[];
}

/** Reads to the end, checks every byte, and notes when it had to wait. */
export async function receive(
  readable: ReadableStream<Uint8Array>,
  onBytes: (bytes: number) => void = () => {},
): Promise<Received> {
  let [bytes, wrongAt] = [0, -1];
  let from = sharedNow();
  const waits: Wait[] = [];
  for await (const piece of readable) {
    const to = sharedNow();
    if (to - from >= LEAST_WAIT) waits.push({ from, to });
    from = to;
    for (let at = 0; at < piece.length && wrongAt < 0; at += PERIOD) {
      const part = piece.subarray(at, at + PERIOD);
      if (Buffer.compare(part, payload(bytes + at, part.length)) !== 0) wrongAt = bytes + at;
    }
    bytes += piece.length;
    onBytes(bytes);
  }
  return { bytes, wrongAt, waits };
}

/** Writes so many bytes, and the end. */
export async function send(
  writable: WritableStream<Uint8Array>,
  size: number,
  onBytes: (bytes: number) => void = () => {},
): Promise<void> {
  const writer = writable.getWriter();
  for (let at = 0; at < size;) {
    const piece = payload(at, Math.min(65_536, size - at));
    await writer.write(piece);
    at += piece.length;
    onBytes(at);
  }
  await writer.close();
}

/** The paths of a sender at a time. */
export interface Look {
  readonly at: number;
  readonly paths: readonly Pick<PathStats, "id" | "label" | "srtt" | "rttVar" | "bytesSent">[];
}

/** Looks at the paths of a connection again and again. */
export class Looks implements Disposable {
  readonly all: Look[] = [];
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(conn: QuicConn) {
    const look = (): void => {
      const paths = conn.stats().paths.map(({ id, label, srtt, rttVar, bytesSent }) => {
        return { id, label, srtt, rttVar, bytesSent };
      });
      this.all.push({ at: sharedNow(), paths });
    };
    look();
    this.#timer = setInterval(look, LOOK_EVERY);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
