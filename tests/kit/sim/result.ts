/**
 * The result of a run; what each figure means is said where it is made.
 *
 * @module
 */
import type { PathStats } from "../../../transport/paths/path_events.ts";
import type { RunningLoad } from "../loads/load.ts";
import type { DirectionResult, PathResult, Scenario, ScenarioResult, Side } from "../scenario/types.ts";
import type { Attempts, LostAttempt } from "./attempts.ts";
import type { Deaths } from "./deaths.ts";
import { type Ledger, megabits, SERIES_STEP } from "./ledger.ts";
import { type RunScenarioOptions, spacesOf } from "./options.ts";
import { summarise } from "./percentiles.ts";
import type { Routes } from "./routes.ts";
import type { Stage } from "./stage.ts";

/** The result of a run that did not get anywhere. */
export function emptyResult(scenario: Scenario, options: RunScenarioOptions): ScenarioResult {
  return {
    scenario: scenario.name,
    seed: options.seed ?? scenario.seed,
    client: scenario.client.mode,
    server: scenario.server.mode,
    numberSpaces: spacesOf(scenario),
    completed: false,
    error: null,
    confirmedMs: -1,
    validatedMs: -1,
    completedMs: -1,
    goodputMbps: 0,
    bytes: { up: 0, down: 0 },
    paths: [],
    requests: [],
    latencyMs: summarise([], 0),
    datagrams: { sent: 0, received: 0, reordered: 0 },
    video: { startMs: -1, stalls: 0, stallMs: 0 },
    acks: { frames: 0, bytes: 0, meanBytes: 0, maxRanges: 0 },
    spuriousLosses: 0,
    repeatedShare: 0,
    recoveries: [],
    cross: [],
    series: { stepMs: SERIES_STEP, downMbps: [] },
    wallMs: 0,
  };
}

/** What is known of a run. */
export interface RunFigures {
  /** When the handshake was confirmed and the first paths validated. */
  readonly milestones: { readonly confirmed: number; readonly validated: number };
  /** What was delivered. */
  readonly ledger: Ledger;
  /** How links died. */
  readonly deaths: Deaths;
  /** What each end sent, in the connection and in the attempts that did not become it. */
  readonly attempts: Attempts;
  /** Time, links and connections. */
  readonly stage: Stage;
  /** The paths. */
  readonly routes: Routes;
  /** What applications measured. */
  readonly loads: readonly RunningLoad[];
  /** What tells the goodput of cross traffic up to a time. */
  readonly cross: readonly ((end: number) => number)[];
}

/** Writes down what is known of a run at its end; `completed` and `error` are the caller's. */
export function fillResult(result: ScenarioResult, scenario: Scenario, run: RunFigures): void {
  const { ledger, milestones, stage, deaths } = run;
  const { metrics } = run.attempts;
  const { now } = stage.world;
  result.confirmedMs = milestones.confirmed;
  result.validatedMs = milestones.validated;
  // Application bytes, those of requests and datagrams included, from the client's first datagram to the last byte's arrival.
  result.completedMs = result.completed ? Math.max(0, ledger.lastAt) : -1;
  result.goodputMbps = megabits(ledger.total, result.completed ? ledger.lastAt : now);
  result.bytes = { up: ledger.up, down: ledger.down };
  // Where a figure belongs to one end, it is of the one that sends most.
  const [sender, receiver] = ledger.up > ledger.down ? SIDES : [SIDES[1], SIDES[0]];
  result.paths = pathsOf(scenario, run, sender);
  const { frames, bytes, maxRanges } = metrics[receiver].acks;
  result.acks = { frames, bytes, meanBytes: frames === 0 ? 0 : bytes / frames, maxRanges };
  result.spuriousLosses = metrics.client.spuriousLosses + metrics.server.spuriousLosses;
  const repeated = metrics.client.repeatedWithoutLoss + metrics.server.repeatedWithoutLoss;
  result.repeatedShare = ledger.total === 0 ? 0 : repeated / ledger.total;
  result.recoveries = deaths.results;
  result.cross = run.cross.map((goodput) => ({ goodputMbps: goodput(now) }));
  result.series = { stepMs: SERIES_STEP, downMbps: ledger.series(now) };
  fillLoads(result, run.loads);
}

const SIDES = ["client", "server"] as const;

function fillLoads(result: ScenarioResult, loads: readonly RunningLoad[]): void {
  const requests = loads.flatMap((load) => load.requests ?? []);
  requests.sort((a, b) => a.index - b.index);
  // A request ends with the end of its response at the client.
  result.requests = requests.map(({ index, startedAt, endedAt, response }) => ({
    index,
    startMs: startedAt,
    endMs: endedAt,
    bytes: response,
  }));
  const latencies = loads.map((load) => load.latencies).filter((each) => each !== undefined);
  result.latencyMs = summarise(latencies.flatMap(({ values }) => values), sum(latencies.map(({ late }) => late)));
  const datagrams = loads.map((load) => load.datagrams).filter((each) => each !== undefined);
  result.datagrams = {
    sent: sum(datagrams.map(({ sent }) => sent)),
    received: sum(datagrams.map(({ received }) => received)),
    reordered: sum(datagrams.map(({ reordered }) => reordered)),
  };
  const videos = loads.map((load) => load.playback).filter((each) => each !== undefined);
  result.video = {
    startMs: videos.reduce((latest, { startMs }) => Math.max(latest, startMs), -1),
    stalls: sum(videos.map(({ stalls }) => stalls)),
    stallMs: sum(videos.map(({ stallMs }) => stallMs)),
  };
}

function pathsOf(scenario: Scenario, run: RunFigures, sender: Side): PathResult[] {
  const { metrics, lost } = run.attempts;
  const paths = run.routes.all.map((path) => {
    const { id, link } = path;
    const at = (side: Side): PathStats | undefined => run.stage[side]?.path(id) ?? path.last[side];
    const stats = at(sender) ?? at("client");
    return {
      id,
      link,
      label: scenario.links[link]?.label ?? "",
      state: path.isOver.client ? "closed" : stateOf(at("client")),
      srttMs: finite(stats?.srtt),
      minRttMs: finite(stats?.minRtt),
      cwnd: finite(stats?.cwnd),
      up: { ...metrics.client.path(id) },
      down: { ...metrics.server.path(id) },
    };
  });
  for (const attempt of lost) countAttempt(paths, attempt, scenario.links[attempt.link]?.label ?? "");
  return paths;
}

/** What an attempt sent that lost counts for the first path over its link, or for itself when there was none. */
function countAttempt(paths: PathResult[], { link, client, server }: LostAttempt, label: string): void {
  const found = paths.find((path) => path.link === link);
  const [up, down] = [{ ...client.path(0) }, { ...server.path(0) }];
  if (found === undefined) {
    paths.push({ id: -1, link, label, state: "closed", srttMs: 0, minRttMs: 0, cwnd: 0, up, down });
    return;
  }
  addTo(found.up, up);
  addTo(found.down, down);
}

function addTo(total: DirectionResult, { packets, bytes, lost }: DirectionResult): void {
  total.packets += packets;
  total.bytes += bytes;
  total.lost += lost;
}

function stateOf(stats: PathStats | undefined): string {
  switch (stats?.state) {
    case "usable":
      return "open";
    case "suspended":
      return "suspended";
    case "closing":
    case "gone":
      return "closed";
    default:
      return "validating";
  }
}

/** There is no JSON for what was never measured. */
function finite(value: number | undefined): number {
  return value !== undefined && Number.isFinite(value) ? value : 0;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
