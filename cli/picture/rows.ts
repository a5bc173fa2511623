/**
 * The rows under the curves of a lane: what the path was good for, and when what happened.
 *
 * @module
 */
import type { SeriesOption } from "echarts";
import { type Board, GREY, lineIn, type Plot, PLOT_WIDTH, type YAxis } from "./board.ts";
import { COLOURS } from "./svg.ts";
import { GAP, type Point, type Span, spansOf } from "./thin.ts";
import type { PathPhase, PathTrace } from "./trace.ts";

/** A row of moments. */
export interface Row {
  /** Its name. */
  readonly name: string;
  /** Its colour. */
  readonly colour: string;
  /** When. */
  readonly momentsOf: (path: PathTrace) => readonly number[];
}

/** What the rows of all lanes have in common. */
export interface RowScales {
  /** Where the run ends, milliseconds. */
  readonly end: number;
  /** Those that any lane has something for. */
  readonly rows: readonly Row[];
  /** A path is in use through pauses that are no longer, milliseconds. */
  readonly pause: number;
}

const ROW_HEIGHT = 13;
/** Moments are drawn this wide at least, pixels. */
const MARK_WIDTH = 2;
const PALE_BLUE = "#b9d9ef";

/** The rows of moments; the first is the only one that is always there. */
export const ROWS: readonly Row[] = [
  { name: "data sent", colour: COLOURS.blue, momentsOf: ({ data }) => data },
  { name: "copies", colour: COLOURS.purple, momentsOf: ({ copies }) => copies },
  { name: "offered again", colour: COLOURS.orange, momentsOf: ({ offered }) => offered },
  { name: "lost", colour: COLOURS.vermilion, momentsOf: ({ lost }) => lost },
  { name: "timeouts", colour: COLOURS.black, momentsOf: ({ timeouts }) => timeouts },
];

const PHASES: readonly { readonly phase: PathPhase; readonly name: string; readonly colour: string }[] = [
  { phase: "validating", name: "validating", colour: "#888888" },
  { phase: "available", name: "available", colour: COLOURS.green },
  { phase: "backup", name: "backup", colour: COLOURS.yellow },
  { phase: "suspended", name: "suspended", colour: COLOURS.orange },
  { phase: "closing", name: "closing", colour: COLOURS.black },
];

/** Has in the legend what the paths were good for. */
export function explainPhases(board: Board, paths: readonly PathTrace[]): void {
  const seen = new Set(paths.flatMap(({ phases }) => phases.map(({ phase }) => phase)));
  for (const { phase, name } of PHASES) if (seen.has(phase)) board.explain(name, "area");
}

/** Draws the rows of a lane below what is there. */
export function drawRows(board: Board, paths: readonly PathTrace[], scales: RowScales): void {
  const names = ["path", ...scales.rows.map(({ name }) => name)];
  const plot = board.plot(ROW_HEIGHT * names.length, [rowAxis(names)]);
  for (const { phase, name, colour } of PHASES) {
    const spans = paths.flatMap((path) => phaseSpans(path, phase, scales.end));
    if (spans.length > 0) board.add(band(plot, { name, colour, row: 0, spans }));
  }
  board.add(...marksOf(plot, paths, scales));
}

/** When a path was good for that. */
export function phaseSpans({ phases, closed }: PathTrace, phase: PathPhase, end: number): Span[] {
  return phases.flatMap((each, i): Span[] => {
    const to = Math.min(end, phases[i + 1]?.at ?? (phase === "closing" ? end : closed?.at ?? end));
    return each.phase === phase && to > each.at ? [[each.at, to]] : [];
  });
}

function rowAxis(names: readonly string[]): YAxis {
  return {
    type: "category",
    data: [...names],
    inverse: true,
    axisLabel: { color: GREY, fontSize: 11, interval: 0 },
    axisLine: { show: false },
    axisTick: { show: false },
    splitLine: { show: true, lineStyle: { color: "#f0f0f0" } },
  };
}

/** Thick lines along a row. */
function band(
  plot: Plot,
  { name, colour, row, spans }: {
    readonly name: string;
    readonly colour: string;
    readonly row: number;
    readonly spans: readonly Span[];
  },
): SeriesOption {
  return {
    ...lineIn(plot, colour, ROW_HEIGHT - 4),
    name,
    data: spans.flatMap(([from, to]): Point[] => [[from / 1000, row], [to / 1000, row], GAP]),
  };
}

function marksOf(plot: Plot, paths: readonly PathTrace[], { end, rows, pause }: RowScales): SeriesOption[] {
  const columns = Math.floor(PLOT_WIDTH / MARK_WIDTH);
  return rows.flatMap(({ name, colour, momentsOf }, i) => {
    const marks = spansOf(paths.flatMap((path) => momentsOf(path)), end, columns);
    const row = i + 1;
    const own = band(plot, { name, colour, row, spans: marks });
    if (i > 0) return [own];
    // Where data goes again and again is to be seen from afar.
    return [band(plot, { name: "in use", colour: PALE_BLUE, row, spans: bridged(marks, pause) }), own];
  });
}

/** Spans with short pauses in between are one; those that stand alone are none. */
function bridged(spans: readonly Span[], pause: number): Span[] {
  const long: [number, number][] = [];
  for (const [from, to] of spans) {
    const last = long.at(-1);
    if (last !== undefined && from - last[1] <= pause) last[1] = to;
    else long.push([from, to]);
  }
  return long;
}
