import { COLOURS, svgOf } from "../../cli/picture/svg.ts";
import type { Group } from "./report.ts";

const WIDTH = 720;
const HEIGHT = 440;
/** Benefits beyond these are not drawn: a path that adds next to nothing makes them as large as one likes. */
const LEAST = -1;
const MOST = 1.5;

/** An SVG picture: for each group, the share of cases whose benefit is at most so much. */
export function chartOf(groups: readonly Group[], title: string): string {
  return svgOf({
    color: [COLOURS.black, COLOURS.blue, COLOURS.vermilion],
    title: { text: title, left: "center", textStyle: { fontSize: 15 } },
    legend: { bottom: 0 },
    grid: { left: 70, right: 30, top: 45, bottom: 80 },
    xAxis: {
      type: "value",
      name: "aggregation benefit (0: the better path alone, 1: both added up)",
      nameLocation: "middle",
      nameGap: 28,
      min: LEAST,
      max: MOST,
    },
    yAxis: { type: "value", name: "share of cases", nameLocation: "middle", nameGap: 45, min: 0, max: 1 },
    series: groups.filter(({ benefits }) => benefits.length > 0).map(({ name, benefits }) => ({
      type: "line",
      name,
      step: "end",
      showSymbol: false,
      data: stepsOf(benefits),
    })),
  }, { width: WIDTH, height: HEIGHT });
}

/** The corners of the cumulative distribution within what is drawn. */
export function stepsOf(benefits: readonly number[]): [benefit: number, share: number][] {
  const sorted = [...benefits].sort((a, b) => a - b);
  const before = sorted.filter((value) => value <= LEAST).length;
  const inside = sorted.filter((value) => value > LEAST && value <= MOST);
  const shareOf = (count: number): number => count / sorted.length;
  return [
    [LEAST, shareOf(before)],
    ...inside.map((value, i): [number, number] => [value, shareOf(before + i + 1)]),
    [MOST, shareOf(before + inside.length)],
  ];
}
