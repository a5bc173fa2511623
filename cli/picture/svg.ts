/**
 * Charts as SVG text.
 *
 * @module
 */
import type { EChartsOption } from "echarts";
// The whole library in one file: other than the package's first module, it does not ask for the environment.
// @ts-types="echarts"
import { init } from "echarts/dist/echarts.esm.min.mjs";

/** Okabe and Ito's colours, which people who see few colours can tell apart as well. */
export const COLOURS = {
  black: "#000000",
  orange: "#e69f00",
  sky: "#56b4e9",
  green: "#009e73",
  yellow: "#f0e442",
  blue: "#0072b2",
  vermilion: "#d55e00",
  purple: "#cc79a7",
} as const;

/** Width and height in pixels. */
export interface ChartSize {
  /** From left to right. */
  readonly width: number;
  /** From top to bottom. */
  readonly height: number;
}

/** Draws a chart on white. The same option gives the same text, whatever was drawn before. */
export function svgOf(option: EChartsOption, { width, height }: ChartSize): string {
  const chart = init(null, null, { renderer: "svg", ssr: true, width, height });
  try {
    // Nothing moves here: the timer of the next frame would outlive the chart.
    chart.getZr().animation.start = () => {};
    chart.setOption({ animation: false, backgroundColor: "#ffffff", ...option });
    return plain(chart.renderToSVGString());
  } finally {
    chart.dispose();
  }
}

/**
 * Without what is for the pointer, with names that do not count the charts drawn before, and with coordinates to a tenth of a
 * pixel.
 */
function plain(svg: string): string {
  return svg
    .replace(/<style >[^]*?<\/style>\n?/g, "")
    .replace(/ (class="zr[^"]*"|pointer-events="[^"]*"|ec[^=" ]*="[^"]*")/g, "")
    .replaceAll(/(["(#])zr\d+-/g, "$1")
    .replaceAll(
      / (?:d|points)="[^"]*"/g,
      (path) => path.replaceAll(/\d+\.\d{2,}/g, (digits) => `${Number(Number(digits).toFixed(1))}`),
    );
}
