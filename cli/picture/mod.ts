/**
 * A picture of a run: a lane for each link, with the paths over it, and below them what the applications got; drawn from the
 * trace of one end, or both.
 *
 * @module
 */
import type { Scenario, ScenarioResult, Side } from "../../tests/kit/scenario/mod.ts";
import { type RunScenarioOptions, spacesOf } from "../../tests/kit/sim/options.ts";
import { modesOf } from "../sim_compare.ts";
import { type Delivery, drawApplication } from "./application.ts";
import { Board, MARGIN, PLOT_WIDTH, WIDTH } from "./board.ts";
import type { PictureEnd } from "./ends.ts";
import { drawLane, explainLanes, type Lane, type Scales } from "./lane.ts";
import { describeLink, type Happenings, happeningsOf } from "./links.ts";
import { ROWS } from "./rows.ts";
import { svgOf } from "./svg.ts";
import { type Curve, EndTrace, type PathTrace } from "./trace.ts";

const LEGEND_HEIGHT = 28;
/** Points in a whole picture, more or less: what keeps it small. */
const MAX_POINTS = 9000;
/** In all curves of a lane together, corners of steps included, when everything changes all the time. */
const POINTS_PER_COLUMN = 11;
/** When all windows are filled by less than this share on average, the axis of bytes is logarithmic. */
const FILLED_SHARE = 0.15;
/** A path that was silent for this share of the run was not in use. */
const MAX_PAUSE_SHARE = 0.05;

/** Hears of a run, and draws it. */
export class Picture {
  /** For the run. */
  readonly options: {
    readonly observers: Readonly<Record<Side, EndTrace>>;
    readonly onDelivered: NonNullable<RunScenarioOptions["onDelivered"]>;
    readonly onAnswered: NonNullable<RunScenarioOptions["onAnswered"]>;
  };
  readonly #scenario: Scenario;
  readonly #ends: Readonly<Record<Side, EndTrace>>;
  readonly #answers: [number, number][] = [];
  readonly #delivered: { readonly up: Delivery[]; readonly down: Delivery[] } = { up: [], down: [] };
  #end = 0;

  /** For one run of the scenario. */
  constructor(scenario: Scenario) {
    this.#scenario = scenario;
    const isShared = spacesOf(scenario) === "single";
    const ends = this.#ends = { client: new EndTrace(isShared), server: new EndTrace(isShared) };
    this.options = {
      observers: ends,
      onDelivered: (direction, bytes, now) => {
        this.#delivered[direction].push([now, bytes]);
        this.#end = Math.max(this.#end, now);
      },
      onAnswered: (startedAt, now) => void this.#answers.push([startedAt, now - startedAt]),
    };
  }

  /** The picture of a run that is over, as SVG; by default with the view of the end that sends most. */
  draw(result: ScenarioResult, end?: PictureEnd): string {
    const until = Math.max(1, this.#end, this.#ends.client.lastAt, this.#ends.server.lastAt);
    // As for all figures of a result that belong to one end.
    const most: Side = result.bytes.up > result.bytes.down ? "client" : "server";
    const sides: readonly Side[] = end === "both" ? ["client", "server"] : [end ?? most];
    const happenings = happeningsOf(this.#scenario, result, until);
    const lanes = this.#scenario.links.flatMap((_, link) =>
      sides.map((side) => this.#lane(link, side, result, happenings, sides.length > 1))
    ).filter(({ paths, spans }) => paths.length > 0 || spans.length > 0);
    const board = new Board(until / 1000, MARGIN);
    const { scenario, seed, client, server, completed, error } = result;
    const seen = sides.length > 1 ? "both ends" : `the ${sides[0]}`;
    const how = completed ? "" : ", not complete";
    board.headline(
      `${scenario}: mode ${modesOf(client, server)}, seed ${seed}, as ${seen} saw it${how}`,
      error ?? this.#scenario.about,
    );
    const legendTop = board.top;
    board.top += LEGEND_HEIGHT;
    const scales = scalesOf(lanes, until);
    explainLanes(board, lanes);
    for (const lane of lanes) drawLane(board, lane, scales);
    drawApplication(board, { answers: this.#answers, delivered: this.#delivered }, {
      load: this.#scenario.load,
      result,
      happenings,
      end: until,
    });
    return svgOf(board.option(legendTop), { width: WIDTH, height: board.top + MARGIN });
  }

  #lane(link: number, side: Side, result: ScenarioResult, { links }: Happenings, isNamed: boolean): Lane {
    const trace = this.#ends[side];
    const ids = new Set(result.paths.filter((path) => path.link === link).map(({ id }) => id));
    const paths = trace.paths.filter(({ id }) => ids.has(id));
    const scenarioLink = this.#scenario.links[link]!;
    const bytes = paths.reduce((sum, { dataBytes }) => sum + dataBytes, 0);
    const share = Math.round(bytes / Math.max(1, trace.dataBytes) * 100);
    const named = paths.map(({ id }) => id).join(", ");
    const what = paths.length === 0 ? "no path" : `path ${named}, ${share} % of what the ${side} sent`;
    return {
      label: isNamed ? `${side}: ${scenarioLink.label}` : scenarioLink.label,
      note: `${describeLink(scenarioLink)}; ${what}`,
      paths,
      spans: links[link]?.spans ?? [],
      incidents: links[link]?.incidents ?? [],
    };
  }
}

function scalesOf(lanes: readonly Lane[], end: number): Scales {
  const paths = lanes.flatMap((lane) => lane.paths);
  const most = (read: (path: PathTrace) => readonly number[]): number =>
    paths.reduce((highest, path) => read(path).reduce((a, b) => Math.max(a, b), highest), 0);
  const window = most((path) => path.window.values);
  const inFlight = most((path) => path.inFlight.values);
  return {
    end,
    isLog: paths.every((path) => meanOf(path.inFlight, end) < window * FILLED_SHARE),
    bytes: Math.max(window, inFlight, 1000),
    rtt: most(({ rtt }) => rtt.values),
    columns: Math.floor(Math.min(PLOT_WIDTH / 2, MAX_POINTS / (lanes.length * POINTS_PER_COLUMN))),
    pause: Math.min(end * MAX_PAUSE_SHARE, 2 * usualPause(paths)),
    rows: ROWS.filter(({ momentsOf }, i) => i === 0 || paths.some((path) => momentsOf(path).length > 0)),
  };
}

/** The mean of a curve over the time up to `end`. */
function meanOf({ times, values }: Curve, end: number): number {
  const areas = values.map((value, i) => value * ((times[i + 1] ?? end) - (times[i] as number)));
  return areas.reduce((sum, area) => sum + area, 0) / end;
}

/** The median time between two packets with data, on whatever paths. */
function usualPause(paths: readonly PathTrace[]): number {
  const times = [...new Set(paths.flatMap(({ data }) => data))].sort((a, b) => a - b);
  const pauses = times.slice(1).map((time, i) => time - (times[i] as number)).sort((a, b) => a - b);
  return pauses[pauses.length >> 1] ?? 0;
}
