/**
 * A picture under construction: plots below one another that share one axis of time.
 *
 * @module
 */
import type { EChartsOption, GridComponentOption, LineSeriesOption, SeriesOption, TitleComponentOption } from "echarts";

/** Pixels. */
export const WIDTH = 1200;
/** Where the plots begin. */
export const LEFT = 104;
/** What is right of them. */
export const RIGHT = 64;
/** How wide they are. */
export const PLOT_WIDTH = WIDTH - LEFT - RIGHT;
/** Around all of it. */
export const MARGIN = 16;
/** For all that is not text of the first order. */
export const GREY = "#555555";

type List<T> = T extends readonly (infer Item)[] ? Item : T;
type XAxis = List<NonNullable<EChartsOption["xAxis"]>>;
/** A vertical axis. */
export type YAxis = List<NonNullable<EChartsOption["yAxis"]>>;

/** How the legend draws something. */
export type LegendIcon = "area" | "line";

const ICONS: Readonly<Record<LegendIcon, string>> = { area: "rect", line: "path://M0,4 L18,4 L18,6 L0,6 Z" };

/** A plot: which axes its series name. */
export interface Plot {
  /** Of time, in seconds. */
  readonly xAxisIndex: number;
  /** Its vertical ones, in the order given. */
  readonly yAxisIndexes: readonly number[];
}

/** A line that only shows: no symbols, no reaction to the pointer, drawn to its last point. */
export function lineIn({ xAxisIndex, yAxisIndexes }: Plot, colour: string, width: number): LineSeriesOption {
  return {
    type: "line",
    xAxisIndex,
    yAxisIndex: yAxisIndexes[0] as number,
    clip: false,
    showSymbol: false,
    silent: true,
    emphasis: { disabled: true },
    color: colour,
    lineStyle: { width, cap: "butt" },
  };
}

const NICE_STEPS = [1, 2, 2.5, 5, 10];

/** An axis of values from 0 to at least `most`, with about so many parts of a length that people like. */
export function upTo(most: number, parts: number, formatter: (value: number) => string): YAxis {
  const least = Math.max(most, Number.MIN_VALUE) / parts;
  const power = 10 ** Math.floor(Math.log10(least));
  const interval = Number(
    ((NICE_STEPS.find((step) => step * power >= least * (1 - 1e-9)) ?? 10) * power).toPrecision(3),
  );
  return {
    type: "value",
    min: 0,
    max: Number((Math.max(1, Math.ceil(most / interval - 1e-9)) * interval).toPrecision(3)),
    interval,
    axisLabel: { color: GREY, formatter },
    axisLine: { show: false },
    axisTick: { show: false },
    splitLine: { lineStyle: { color: "#f0f0f0" } },
  };
}

/** Plots below one another, from the top on. */
export class Board {
  /** The time at the right edge, seconds. */
  readonly seconds: number;
  /** Where the next one begins. */
  top: number;
  readonly #grids: GridComponentOption[] = [];
  readonly #xAxes: XAxis[] = [];
  readonly #yAxes: YAxis[] = [];
  readonly #titles: TitleComponentOption[] = [];
  readonly #series: SeriesOption[] = [];
  readonly #legend = new Map<string, LegendIcon>();

  /** Begins at `top`. */
  constructor(seconds: number, top: number) {
    this.seconds = seconds;
    this.top = top;
  }

  /** A plot of this height below the last one; the lowest has the numbers of the axis of time. */
  plot(height: number, yAxes: readonly YAxis[], isLowest = false): Plot {
    const gridIndex = this.#grids.length;
    this.#grids.push({ left: LEFT, right: RIGHT, top: this.top, height });
    this.#xAxes.push({
      type: "value",
      gridIndex,
      min: 0,
      max: this.seconds,
      axisLabel: { show: isLowest, color: GREY, hideOverlap: true, showMaxLabel: false },
      axisTick: { show: isLowest },
      axisLine: { onZero: false, lineStyle: { color: "#999999" } },
      splitLine: { lineStyle: { color: "#e8e8e8" } },
      ...(isLowest ? { name: "seconds", nameLocation: "end", nameGap: 10, nameTextStyle: { color: GREY } } : {}),
    } as XAxis);
    const first = this.#yAxes.length;
    this.#yAxes.push(...yAxes.map((axis) => ({ ...axis, gridIndex }) as YAxis));
    this.top += height;
    return { xAxisIndex: gridIndex, yAxisIndexes: yAxes.map((_, i) => first + i) };
  }

  /** A line of text in bold, and what stands at its end, at the right edge. */
  heading(bold: string, plain: string): void {
    this.#titles.push(textAt(bold, { left: LEFT, top: this.top, fontSize: 13, isBold: true }));
    this.#titles.push(textAt(plain, { left: WIDTH - RIGHT, top: this.top + 1, fontSize: 12, textAlign: "right" }));
    this.top += 20;
  }

  /** What it is a picture of: two lines, the first in bold. */
  headline(bold: string, plain: string): void {
    this.#titles.push(textAt(bold, { left: MARGIN, top: this.top, fontSize: 17, isBold: true }));
    this.#titles.push(textAt(plain, { left: MARGIN, top: this.top + 24, fontSize: 12 }));
    this.top += 46;
  }

  /** Has something in the legend; in which order it is said first is the order there. */
  explain(name: string, icon: LegendIcon): void {
    if (!this.#legend.has(name)) this.#legend.set(name, icon);
  }

  /** Puts curves into a plot. */
  add(...series: readonly SeriesOption[]): void {
    this.#series.push(...series);
  }

  /** The picture, with the legend at `legendTop`. */
  option(legendTop: number): EChartsOption {
    return {
      title: this.#titles,
      legend: {
        data: [...this.#legend].map(([name, icon]) => ({ name, icon: ICONS[icon] })),
        top: legendTop,
        left: LEFT - 8,
        itemWidth: 18,
        itemHeight: 9,
        itemGap: 18,
        textStyle: { color: "#000000" },
      },
      grid: this.#grids,
      xAxis: this.#xAxes as NonNullable<EChartsOption["xAxis"]>,
      yAxis: this.#yAxes as NonNullable<EChartsOption["yAxis"]>,
      series: this.#series,
    };
  }
}

function textAt(
  text: string,
  { left, top, fontSize, isBold = false, textAlign = "left" }: {
    readonly left: number;
    readonly top: number;
    readonly fontSize: number;
    readonly isBold?: boolean;
    readonly textAlign?: "left" | "right";
  },
): TitleComponentOption {
  // A long name, or story, must not run out of the picture, or into what stands beside it.
  const width = isBold && fontSize < 15
    ? PLOT_WIDTH / 3
    : textAlign === "right"
    ? PLOT_WIDTH * 0.65
    : WIDTH - 2 * MARGIN;
  const textStyle = {
    fontSize,
    fontWeight: isBold ? "bold" : "normal",
    color: isBold ? "#000000" : GREY,
    width,
    overflow: "truncate",
  } as const;
  return { text, left, top, textAlign, padding: 0, textStyle };
}
