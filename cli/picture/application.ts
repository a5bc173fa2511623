/**
 * The lowest lanes: what the applications got.
 *
 * @module
 */
import type { SeriesOption } from "echarts";
import type { Load, ScenarioResult } from "../../tests/kit/scenario/mod.ts";
import { type Board, lineIn, type Plot, PLOT_WIDTH, upTo } from "./board.ts";
import { incidentLines, shade, SHADES } from "./lane.ts";
import type { Happenings } from "./links.ts";
import { COLOURS } from "./svg.ts";
import { GAP, peaksOf, type Point } from "./thin.ts";

/** What was heard of the applications. */
export interface Heard {
  /** Of each message or chunk: when it was asked for, and how long the answer took. */
  readonly answers: readonly (readonly [startedAt: number, took: number])[];
  /** Bytes that were delivered, and when. */
  readonly delivered: { readonly up: readonly Delivery[]; readonly down: readonly Delivery[] };
}

/** Bytes of an application. */
export type Delivery = readonly [now: number, bytes: number];

const HEIGHT = 96;
/** Below each, and below the one with the axis of time. */
const SPACE = 16;
const AXIS_SPACE = 20;
/** Rates below this share of the highest cannot be seen. */
const SEEN_SHARE = 0.02;
/** Pixels for each bar. */
const BAR_WIDTH = 2;
/** Most steps of goodput, and the lengths that they may have, milliseconds. */
const MAX_STEPS = 260;
const STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 60_000];

/** What the lanes need to know beside that. */
interface Context {
  readonly load: Load;
  readonly result: ScenarioResult;
  readonly happenings: Happenings;
  /** Where the run ends, milliseconds. */
  readonly end: number;
}

/** Draws them below what is there. */
export function drawApplication(board: Board, heard: Heard, context: Context): void {
  const hasAnswers = heard.answers.length > 0;
  const hasGoodput = !hasAnswers || flatten(context.load).some(({ kind }) => kind !== "periodic");
  if (hasAnswers) drawAnswers(board, heard, context, !hasGoodput);
  if (hasGoodput) drawGoodput(board, heard, context);
}

/** What links and applications did, behind the curves. */
function backdrop(plot: Plot, { happenings, end }: Context): SeriesOption[] {
  const down = happenings.links.flatMap(({ spans }) => spans.filter(({ kind }) => kind === "down"));
  return [
    shade(plot, SHADES.down, down.map((span) => ({ ...span, label: "" })), end),
    incidentLines(plot, happenings.incidents, HEIGHT),
  ];
}

function flatten(load: Load): Exclude<Load, { kind: "mixed" }>[] {
  return load.kind === "mixed" ? load.parts.flatMap(flatten) : [load];
}

function drawAnswers(board: Board, { answers }: Heard, context: Context, isLowest: boolean): void {
  const { load, result: { latencyMs, video }, end } = context;
  const parts = flatten(load);
  const what = parts.some(({ kind }) => kind === "video") ? "chunks" : "replies";
  const limit = Math.min(...parts.map((part) => part.kind === "periodic" ? part.late : Infinity));
  const { count, p50, p99, max, late } = latencyMs;
  const words = [
    `${count} ${what}: half within ${p50.toFixed(0)} ms, 99 % within ${p99.toFixed(0)} ms, all within ${
      max.toFixed(0)
    } ms`,
  ];
  if (Number.isFinite(limit)) words.push(`${late} later than ${limit} ms`);
  if (what === "chunks") words.push(video.stalls === 0 ? "no stall" : `stalls: ${video.stalls}`);
  board.heading(`How long ${what} took`, words.join("; "));
  const plot = board.plot(HEIGHT, [upTo(max, 3, (value) => `${value} ms`)], isLowest);
  const bars = peaksOf(answers, end, Math.floor(PLOT_WIDTH / BAR_WIDTH));
  const bar = (colour: string, shown: readonly (readonly [number, number])[]): SeriesOption => ({
    ...lineIn(plot, colour, BAR_WIDTH),
    data: shown.flatMap(([at, took]): Point[] => [[at / 1000, 0], [at / 1000, took], GAP]),
  });
  board.add(
    ...backdrop(plot, context),
    bar(COLOURS.blue, bars.filter(([, took]) => took <= limit)),
    bar(COLOURS.vermilion, bars.filter(([, took]) => took > limit)),
  );
  board.top += isLowest ? AXIS_SPACE : SPACE;
}

function drawGoodput(board: Board, { delivered }: Heard, context: Context): void {
  const { result, end } = context;
  const step = STEPS.find((length) => end / length <= MAX_STEPS) ?? end / MAX_STEPS;
  const ways = [
    { name: "to the client", colour: COLOURS.blue, rates: ratesOf(delivered.down, step, end) },
    { name: "to the server", colour: COLOURS.vermilion, rates: ratesOf(delivered.up, step, end) },
  ];
  const most = Math.max(...ways.flatMap(({ rates }) => rates.map(([, rate]) => rate)));
  // Requests are next to nothing beside what they ask for.
  const shown = ways.filter(({ rates }) => rates.some(([, rate]) => rate > most * SEEN_SHARE));
  board.heading("Delivered to applications", `${result.goodputMbps.toFixed(2)} Mbit/s in all; steps of ${step} ms`);
  const plot = board.plot(HEIGHT, [upTo(most, 3, (value) => `${value} Mbit/s`)], true);
  board.add(...backdrop(plot, context));
  for (const { name, colour, rates } of shown) {
    board.explain(name, "line");
    board.add({ ...lineIn(plot, colour, 1.5), name, step: "end", data: rates.map(([at, rate]) => [at / 1000, rate]) });
  }
  board.top += AXIS_SPACE;
}

/** Mbit/s in each step. */
function ratesOf(deliveries: readonly Delivery[], step: number, end: number): [number, number][] {
  const bytes = new Array<number>(Math.max(1, Math.ceil(end / step))).fill(0);
  for (const [now, count] of deliveries) {
    const i = Math.min(bytes.length - 1, Math.floor(now / step));
    bytes[i] = (bytes[i] as number) + count;
  }
  return [...bytes, bytes.at(-1) as number].map((count, i) => [Math.min(end, i * step), count * 8 / 1000 / step]);
}
