import { bestTier, fastestInTier } from "./fastest_two.ts";
import {
  type ConnectionView,
  type Decision,
  HOLD,
  type PathView,
  type Scheduler,
  send,
  type Work,
} from "./scheduler.ts";

/** By what the estimate of what the fast path could send is multiplied: where it begins, and its bounds. */
const FIRST_FACTOR = 1.2;
const LEAST_FACTOR = 1;
const MOST_FACTOR = 1.3;
/** Steps up when the window was shut after all, and down when it was not. */
const STEP_UP = 0.04;
const STEP_DOWN = 0.01;
/** Rounds of the fast path that are looked ahead; a window does not grow further than this in one of the slow path's. */
const MOST_ROUNDS = 16;

/**
 * Blocking estimation (Ferlin, Alay, Mehani and Boreli, IFIP Networking 2016): a packet on a slow path occupies the peer's
 * window for as long as it takes to arrive. When the fast path is full and could meanwhile fill what is left of that window,
 * data waits for it; otherwise the slow path takes it.
 *
 * The paper's factor, by which the estimate is too low or too high, goes up when the window was shut while data waited and
 * a slower path had packets out, and down otherwise, once a round trip of the slow path. In QUIC the window is the peer's
 * credit: what is in flight on the fast path is given back before the slow packet arrives, so it counts as free.
 */
export function blest(): Scheduler {
  let factor = FIRST_FACTOR;
  let wasShut = false;
  let adaptAt = -Infinity;

  function adapt(slow: PathView, now: number): void {
    if (now < adaptAt) return;
    if (adaptAt !== -Infinity) {
      factor += wasShut ? STEP_UP : -STEP_DOWN;
      factor = Math.min(Math.max(factor, LEAST_FACTOR), MOST_FACTOR);
    }
    wasShut = false;
    adaptAt = now + (slow.minRtt > 0 ? slow.minRtt : slow.srtt);
  }

  function schedule(work: Work, view: ConnectionView): Decision {
    const tier = bestTier(work, view);
    const slow = fastestInTier(tier, work, view, true);
    if (slow === undefined) return HOLD;
    const fast = fastestInTier(tier, work, view, false)!;
    if (fast === slow || fast.inFlight === 0) return send(slow);
    adapt(slow, view.now);
    // Only new stream data takes of the window.
    if (work.kind !== "stream") return send(slow);
    const free = view.sendWindow + fast.inFlight - Math.min(work.bytes, slow.mtu);
    return factor * sendsMeanwhile(fast, lingers(slow)) > free ? HOLD : send(slow);
  }

  return {
    name: "blest",
    schedule,
    onEvent(event, view) {
      if (event.type !== "ack" || wasShut || view.backlog === 0) return;
      wasShut = view.paths.length > 1 && view.paths.every((path) => view.sendWindow < path.mtu);
    },
  };
}

/** How long a packet that is sent now on the path occupies the window: more, the fuller the path is. */
function lingers(path: PathView): number {
  const least = path.minRtt > 0 ? Math.min(path.minRtt, path.srtt) : path.srtt;
  const most = path.srtt + 2 * path.rttVar;
  const filled = Math.min((path.inFlight + path.mtu) / path.cwnd, 1);
  return Math.max(least + (most - least) * filled, path.srtt);
}

/** What a path sends in that time: its window each round, a packet more each time. */
function sendsMeanwhile(path: PathView, time: number): number {
  const rounds = Math.min(Math.floor(time / path.srtt) + 1, MOST_ROUNDS);
  return (path.cwnd + (rounds - 1) / 2 * path.mtu) * rounds;
}
