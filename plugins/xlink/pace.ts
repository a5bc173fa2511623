import { answerTime, type PathView } from "@multipath/quic/schedulers";

/** Acknowledgements are looked at over so long, or a round trip when that is longer: milliseconds. */
const WINDOW = 150;
/** What is acknowledged in a shorter time says nothing yet: milliseconds. */
const LEAST_TIME = 5;
/** Times that are gone are taken out of the lists when they are so many, and more than half. */
const COMPACT_AT = 64;

/**
 * How fast a path delivers just now. Its smoothed round-trip time tells what was: while a rate collapses, that lags behind by as
 * much as the queue grows. This counts what is acknowledged, and from when on something should have been.
 */
export class Pace {
  #times: number[] = [];
  #sizes: number[] = [];
  #head = 0;
  /** Of those that count. */
  #bytes = 0;
  #sentAt = -Infinity;
  #busySince = -Infinity;

  /** Something goes out on the path. */
  onSend(path: PathView, now: number): void {
    if (path.inFlight === 0) this.#busySince = now;
    this.#sentAt = now;
  }

  /** So many bytes are acknowledged. */
  onAck(bytes: number, now: number): void {
    this.#times.push(now);
    this.#sizes.push(bytes);
    this.#bytes += bytes;
  }

  /**
   * In how many milliseconds all that is in flight on the path will be acknowledged, or a packet that goes out now when nothing
   * is: by the round-trip time, or by the pace of late when that says longer.
   */
  timeLeft(path: PathView, now: number): number {
    const { srtt, inFlight } = path;
    if (inFlight === 0) return srtt;
    // What others sent, before a scheduler took over: from here on it can be seen.
    if (this.#busySince === -Infinity) this.#busySince = now;
    const usual = Math.max(this.#sentAt + srtt - now, 0);
    const since = Math.max(now - Math.max(WINDOW, srtt), this.#busySince + answerTime(path));
    const duration = now - since;
    if (duration < LEAST_TIME) return usual;
    this.#forgetUntil(since);
    // One more packet may be about to be acknowledged: that bounds what a short silence can mean.
    return Math.max(usual, inFlight * duration / (this.#bytes + path.mtu));
  }

  #forgetUntil(time: number): void {
    while (this.#head < this.#times.length && this.#times[this.#head]! <= time) {
      this.#bytes -= this.#sizes[this.#head]!;
      this.#head++;
    }
    if (this.#head < COMPACT_AT || this.#head * 2 < this.#times.length) return;
    this.#times.splice(0, this.#head);
    this.#sizes.splice(0, this.#head);
    this.#head = 0;
  }
}
