import {
  type ConnectionView,
  HOLD,
  isHealthy,
  type PathId,
  type PathView,
  type Scheduler,
  type SchedulerHost,
  send,
  type Work,
} from "@multipath/quic/schedulers";

/** Round trips that a loss costs: it is noticed after one and a quarter, and then the data goes once more. */
const COST_OF_LOSS = 1.25;
/** What was lost counts half after so long without news: milliseconds. */
const HALF_LIFE = 5000;
/** A path that is not used is tried this often, so that it can show that it is better: milliseconds. */
const TRY_EVERY = 500;
/** Another path must be better by this share before it takes over: keeps two that are alike from taking turns. */
const HYSTERESIS = 0.1;
/** Beyond this share nothing can be said any more. */
const MOST_LOSS = 0.9;

/**
 * The lowest expected delivery time first. Where min-RTT sees a path of 20 ms that loses a tenth of its packets as better than
 * one of 22 ms that loses none, this counts what repairs take. Backups, and paths that do not answer, only when there is no
 * other. Paths that are not used are probed: what a path lost long ago says little of it now.
 */
export function lossAware(host: SchedulerHost): Scheduler {
  let favourite: PathId = -1;
  const triedAt = new Map<PathId, number>();

  function tryIdle({ paths, now }: ConnectionView): void {
    for (const path of paths) {
      const last = Math.max(triedAt.get(path.id) ?? -Infinity, path.lastAckAt);
      if (path.inFlight > 0 || now - last < TRY_EVERY) continue;
      triedAt.set(path.id, now);
      host.probe(path.id);
    }
  }

  return {
    name: "loss-aware",
    schedule(work, view) {
      tryIdle(view);
      let best: PathView | undefined;
      let least = Infinity;
      for (const path of candidates(work, view)) {
        if (path.room === 0) continue;
        const time = deliveryTime(path, view.now) * (path.id === favourite ? 1 - HYSTERESIS : 1);
        if (time >= least) continue;
        best = path;
        least = time;
      }
      if (best === undefined) return HOLD;
      if (best.id !== favourite) host.log("favourite", { path: best.id, time: least });
      favourite = best.id;
      return send(best);
    },
    onEvent(event) {
      if (event.type === "path-closed") triedAt.delete(event.path);
    },
  };
}

/** The paths to choose from: those that answer, else all; no backup beside one that is none; not where the data is already. */
function candidates(work: Work, { paths, now }: ConnectionView): readonly PathView[] {
  const others = work.kind === "reinject" ? paths.filter(({ id }) => id !== work.lastPath) : paths;
  const healthy = others.filter((path) => isHealthy(path, now));
  const answering = healthy.length > 0 ? healthy : others;
  const available = answering.filter(({ status }) => status === "available");
  return available.length > 0 ? available : answering;
}

/** Half a round trip, and for each time that it is lost on the way what it takes to send it again. */
function deliveryTime(path: PathView, now: number): number {
  const silence = Math.max(now - path.lastAckAt, 0);
  const loss = Math.min(path.lossRate * 2 ** (-silence / HALF_LIFE), MOST_LOSS);
  return path.srtt / 2 + loss / (1 - loss) * COST_OF_LOSS * path.srtt;
}
