/**
 * The lane of a link: the paths over it, with what the link did.
 *
 * @module
 */
import type { SeriesOption } from "echarts";
import { formatBytes } from "../format.ts";
import { type Board, type Plot, PLOT_WIDTH, upTo, type YAxis } from "./board.ts";
import type { Incident, LinkSpan } from "./links.ts";
import { drawRows, explainPhases, phaseSpans, type RowScales } from "./rows.ts";
import { COLOURS } from "./svg.ts";
import { crestOf, GAP, held, partOf, type Point, spansWithout, thinCurve } from "./thin.ts";
import type { Curve, PathTrace } from "./trace.ts";

/** What a lane shows. */
export interface Lane {
  /** The link's name. */
  readonly label: string;
  /** What else is said of it. */
  readonly note: string;
  /** The paths over it, oldest first. */
  readonly paths: readonly PathTrace[];
  /** When the link was not what it was. */
  readonly spans: readonly LinkSpan[];
  /** What happened on it. */
  readonly incidents: readonly Incident[];
}

/** What all lanes have in common. */
export interface Scales extends RowScales {
  /** Whether bytes are on a logarithmic axis. */
  readonly isLog: boolean;
  /** Most bytes. */
  readonly bytes: number;
  /** Longest round-trip time, milliseconds. */
  readonly rtt: number;
  /** Columns to which a curve is thinned. */
  readonly columns: number;
}

const MAIN_HEIGHT = 104;
/** Between the curves and the rows. */
const GAP_HEIGHT = 7;
/** Below a lane. */
const SPACE = 14;
/** Where a logarithmic axis begins, bytes. */
const LOG_FLOOR = 10;
/** Where there is no measurement for this share of the run, the last one stands. */
const PAUSE_SHARE = 0.01;
/** Narrower spans have no room for words, pixels for each letter. */
const LETTER_WIDTH = 6.2;

/** How changes of links are shaded. */
export const SHADES = {
  down: { name: "link down", colour: "#d0d0d0" },
  fade: { name: "link worse", colour: "#ececec" },
} as const;

const SUSPENDED_SHADE = { name: "suspended (shade)", colour: "#fdeccb" };

/** Has in the legend what the lanes show, curves first. */
export function explainLanes(board: Board, lanes: readonly Lane[]): void {
  board.explain("bytes in flight", "area");
  if (lanes.some(({ paths }) => paths.some(isEverSuspended))) board.explain("bytes in doubt", "line");
  board.explain("congestion window", "line");
  board.explain("round-trip time", "line");
  for (const kind of ["down", "fade"] as const) {
    if (lanes.some(({ spans }) => spans.some((span) => span.kind === kind))) board.explain(SHADES[kind].name, "area");
  }
  explainPhases(board, lanes.flatMap(({ paths }) => paths));
}

function isEverSuspended({ phases }: PathTrace): boolean {
  return phases.some(({ phase }) => phase === "suspended");
}

/** Draws a lane below what is there. */
export function drawLane(board: Board, lane: Lane, scales: Scales): void {
  board.heading(lane.label, lane.note);
  const main = board.plot(MAIN_HEIGHT, [bytesAxis(scales), {
    ...upTo(scales.rtt, 4, (value) => `${value} ms`),
    splitLine: { show: false },
  }]);
  board.add(...shadesOf(main, lane, scales), ...curvesOf(main, lane, scales), endsOf(main, lane));
  board.top += GAP_HEIGHT;
  drawRows(board, lane.paths, scales);
  board.top += SPACE;
}

function bytesAxis({ isLog, bytes }: Scales): YAxis {
  const formatter = (value: number): string => value === 0 ? "0" : formatBytes(value).replace(".0 ", " ");
  if (!isLog) return upTo(bytes, 4, formatter);
  return { ...upTo(1, 1, formatter), type: "log", min: LOG_FLOOR, max: 10 ** Math.ceil(Math.log10(bytes)) } as YAxis;
}

function curvesOf({ xAxisIndex, yAxisIndexes }: Plot, { paths }: Lane, scales: Scales): SeriesOption[] {
  const [bytes, rtt] = yAxisIndexes as [number, number];
  const floor = scales.isLog ? LOG_FLOOR : 0;
  /** One after the other, with gaps between them; times become seconds. */
  const joined = (curves: readonly Curve[]): Point[] =>
    curves.flatMap((curve) => [GAP, ...thinCurve(curve, scales.end, scales.columns)])
      .map(([x, y]): Point => x === null ? GAP : [x / 1000, Math.max(floor, y)]);
  const lives = (read: (path: PathTrace) => Curve): Curve[] =>
    paths.map((path) => partOf(read(path), 0, path.closed?.at ?? scales.end));
  // What lies on a silent path is in flight by the book only: an outline.
  const flying = paths.flatMap((path) =>
    spansWithout(phaseSpans(path, "suspended", scales.end), path.closed?.at ?? scales.end)
      .map(([from, to]) => crestOf(partOf(path.inFlight, from, to), scales.end, scales.columns))
  );
  const stuck = paths.flatMap((path) =>
    phaseSpans(path, "suspended", scales.end).map(([from, to]) => partOf(path.inFlight, from, to))
  );
  const common = {
    type: "line",
    xAxisIndex,
    yAxisIndex: bytes,
    step: "end",
    clip: false,
    showSymbol: false,
    silent: true,
    emphasis: { disabled: true },
  } as const;
  return [
    {
      ...common,
      name: "bytes in flight",
      data: joined(flying),
      color: COLOURS.sky,
      lineStyle: { width: 0 },
      areaStyle: { color: COLOURS.sky, opacity: 0.85, origin: "start" },
    },
    { ...common, name: "bytes in doubt", data: joined(stuck), color: COLOURS.sky, lineStyle: { width: 1.5 } },
    {
      ...common,
      name: "congestion window",
      data: joined(lives(({ window }) => window)),
      color: COLOURS.blue,
      lineStyle: { width: 1.5 },
    },
    {
      ...common,
      step: false,
      name: "round-trip time",
      yAxisIndex: rtt,
      data: joined(lives((path) => held(path.rtt, scales.end * PAUSE_SHARE))),
      color: COLOURS.black,
      lineStyle: { width: 1 },
    },
  ];
}

/** Suspended paths first, so that what the link does is seen over them. */
function shadesOf(plot: Plot, { spans, paths }: Lane, { end }: Scales): SeriesOption[] {
  const suspended = paths.flatMap((path) => phaseSpans(path, "suspended", end))
    .map(([from, to]) => ({ from, to, label: "" }));
  const ofKind = (kind: LinkSpan["kind"]): LinkSpan[] => spans.filter((span) => span.kind === kind);
  return [
    shade(plot, SUSPENDED_SHADE, suspended, end),
    shade(plot, SHADES.fade, ofKind("fade"), end),
    shade(plot, SHADES.down, ofKind("down"), end),
  ];
}

/** Shades times from top to bottom. */
export function shade(
  { xAxisIndex, yAxisIndexes }: Plot,
  { name, colour }: { readonly name: string; readonly colour: string },
  spans: readonly { readonly from: number; readonly to: number; readonly label: string }[],
  end: number,
): SeriesOption {
  return {
    type: "line",
    name,
    xAxisIndex,
    yAxisIndex: yAxisIndexes[0] as number,
    data: [],
    color: colour,
    silent: true,
    markArea: {
      silent: true,
      itemStyle: { color: colour, opacity: 1 },
      data: spans.map(({ from, to, label }) => [
        {
          xAxis: from / 1000,
          name: label,
          label: {
            show: label !== "" && (to - from) / end * PLOT_WIDTH > label.length * LETTER_WIDTH,
            position: "insideTop",
            color: "#333333",
            fontSize: 11,
          },
        },
        { xAxis: to / 1000 },
      ]),
    },
  };
}

/** What happened, and how paths ended. */
function endsOf(plot: Plot, { paths, incidents }: Lane): SeriesOption {
  const closed = paths.flatMap(({ id, closed }) =>
    closed === undefined ? [] : [{ at: closed.at, label: `path ${id} closed` }]
  );
  return incidentLines(plot, [...incidents, ...closed], MAIN_HEIGHT);
}

/** Vertical lines with words, which have so much room in height. */
export function incidentLines(
  { xAxisIndex, yAxisIndexes }: Plot,
  incidents: readonly Incident[],
  room: number,
): SeriesOption {
  return {
    type: "line",
    xAxisIndex,
    yAxisIndex: yAxisIndexes[0] as number,
    data: [],
    silent: true,
    markLine: {
      silent: true,
      symbol: "none",
      animation: false,
      lineStyle: { color: COLOURS.black, type: "dashed", width: 1 },
      label: { fontSize: 10, color: COLOURS.black, formatter: "{b}", width: room - 8, overflow: "truncate" },
      data: incidents.toSorted((a, b) => a.at - b.at).map(({ at, label }, i) => ({
        xAxis: at / 1000,
        name: label,
        // On both sides by turns, for two may be close to each other.
        label: { position: i % 2 === 0 ? "insideEndTop" : "insideEndBottom" },
      })),
    },
  };
}
