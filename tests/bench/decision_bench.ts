/**
 * What a scheduler's decision costs: four real paths with packets in flight, live views, the guard, and a scheduler. A
 * packet takes some 10,000 ns to seal, so a decision of under 200 ns is 2 % of it at most.
 *
 * @module
 */
import { cubic } from "../../recovery/congestion/cubic.ts";
import { SentPacket } from "../../recovery/sent_packets.ts";
import { multipleSpaces } from "../../recovery/space_layout.ts";
import { SCHEDULER_NAMES, type SchedulerFactory, schedulerOf } from "../../schedulers/mod.ts";
import { SchedulerGuard } from "../../transport/connection/scheduler_guard.ts";
import { LimitedHost } from "../../transport/connection/scheduler_host.ts";
import { Spaces } from "../../transport/connection/spaces.ts";
import { LiveConnectionView, refreshView } from "../../transport/connection/views.ts";
import { Path } from "../../transport/paths/path.ts";
import { PathSet } from "../../transport/paths/path_set.ts";
import { Route } from "../../transport/paths/route.ts";
import { workOf } from "../kit/views.ts";

const PATHS = 4;
const WORK = workOf();
const START = 1000;

/** A guarded scheduler over four paths; each call is one question at the time `now`, and answers with a path or -1. */
export function guardedDecision(factory: SchedulerFactory): (now: number) => number {
  const spaces = new Spaces({ layout: multipleSpaces(), maxAckDelay: 25, maxAckRanges: 64, random: () => 0.5 });
  const paths = new PathSet();
  for (let id = 0; id < PATHS; id++) addPath(id, paths, spaces);
  const streams = { backlog: 1e6, sendWindow: 1e6 };
  const view = new LiveConnectionView({ paths, spaces, streams, hints: { signal: () => undefined } });
  const guard = new SchedulerGuard();
  const { facade } = new LimitedHost({
    name: () => guard.name,
    now: () => view.now,
    srttOf: () => 20,
    random: () => {},
    probe: () => {},
    setStatus: () => {},
    onWake: () => {},
    observer: undefined,
  });
  guard.use(factory, facade, START);
  return (now) => {
    refreshView(view, now);
    return guard.schedule(WORK, view).path;
  };
}

/**
 * Nanoseconds that a guarded decision with four paths takes, by a clock that gives milliseconds: the best of some rounds,
 * since everything that disturbs makes it slower.
 */
export function measureDecision(factory: SchedulerFactory, clock: () => number, rounds = 15, calls = 200_000): number {
  const decide = guardedDecision(factory);
  let best = Infinity;
  let sum = 0;
  for (let round = 0; round < rounds; round++) {
    const start = clock();
    for (let i = 0; i < calls; i++) sum += decide(START + (i & 15) / 100);
    best = Math.min(best, (clock() - start) * 1e6 / calls);
  }
  if (Number.isNaN(sum)) throw new Error("Decisions are no numbers");
  return best;
}

/** A path with 20 packets in flight, more or less far away, and with a paced sender. */
function addPath(id: number, paths: PathSet, spaces: Spaces): void {
  const route = new Route({
    number: paths.nextRouteNumber(),
    local: { hostname: "10.0.0.1", port: 1000 + id },
    remote: { hostname: "192.0.2.1", port: 443 },
    validated: true,
    initialRtt: 100,
    maxUdpPayload: 1452,
    congestion: cubic(),
    siblings: () => [],
  });
  for (let i = 0; i < 10; i++) route.rtt.sample(100 + 20 * id, 0, i);
  route.lastAckAt = START - 5;
  route.inFlight = 5 * 1200;
  route.updatePacing(START);
  const path = new Path(id, route, { label: `path ${id}`, cost: 0, metered: false }, "usable");
  paths.add(path);
  spaces.add(id);
  const sent = spaces.get("application", id)!.sent;
  for (let i = 0; i < 5; i++) sent.add(new SentPacket(i, route.number, START - 20 + i, 1200, true, true, []));
}

for (const name of SCHEDULER_NAMES) {
  const decide = guardedDecision(schedulerOf(name));
  let i = 0;
  Deno.bench(`guarded decision, ${PATHS} paths, ${name}`, { group: "decision" }, () => {
    decide(START + (i++ & 15) / 100);
  });
}
