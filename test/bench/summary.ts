/** Pure: from samples to medians, ratios and text. */
import type { Sample } from "./run.ts";

export type Metric = "wall" | "user" | "system" | "memory" | "sent" | "disk";

/** All rounds of one tool in one phase. */
export interface Series {
  image: string;
  phase: string;
  tool: string;
  samples: Sample[];
}

export function seriesOf(samples: readonly Sample[]): Series[] {
  const series = new Map<string, Series>();
  for (const sample of samples) {
    const { image, phase, tool } = sample;
    const key = [image, phase, tool].join("\n");
    const known = series.get(key) ?? { image, phase, tool, samples: [] };
    known.samples.push(sample);
    series.set(key, known);
  }
  return [...series.values()];
}

export function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return Number.isInteger(middle)
    ? ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2
    : (sorted[Math.floor(middle)] as number);
}

export function medianOf({ samples }: Series, metric: Metric): number {
  return median(samples.map((sample) => sample[metric]));
}

/** The median over the rounds of what `one` took divided by what `other` took in the same round. */
export function pairedRatio(one: Series, other: Series, metric: Metric): number {
  return median(
    one.samples.flatMap((sample) => {
      const pair = other.samples.find(({ round }) => round === sample.round);
      return pair === undefined ? [] : [sample[metric] / pair[metric]];
    }),
  );
}

const HEADER = [
  "image",
  "step",
  "tool",
  "n",
  "wall s (min-max)",
  "user s",
  "system s",
  "memory MB",
  "disk MB",
  "received MB",
  "berth / it: wall",
  "user",
]; // prettier-ignore

/** A Markdown table of all series. */
export function table(samples: readonly Sample[]): string {
  const all = seriesOf(samples);
  const rows = all.map((one) => {
    const berth = all.find(
      ({ image, phase, tool }) => image === one.image && phase === one.phase && tool === "berth",
    );
    const walls = one.samples.map(({ wall }) => wall);
    const ratio = (metric: Metric): string =>
      berth === undefined || berth === one ? "" : formatRatio(pairedRatio(berth, one, metric));
    const megabytes = (metric: Metric): string => (medianOf(one, metric) / 1e6).toFixed(0);
    return [
      one.image,
      one.phase,
      one.tool,
      String(walls.length),
      `${medianOf(one, "wall").toFixed(2)} (${Math.min(...walls).toFixed(2)}-${Math.max(...walls).toFixed(2)})`,
      medianOf(one, "user").toFixed(2),
      medianOf(one, "system").toFixed(2),
      megabytes("memory"),
      megabytes("disk"),
      megabytes("sent"),
      ratio("wall"),
      ratio("user"),
    ];
  });
  return markdown(HEADER, rows);
}

export function markdown(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((cell, at) => Math.max(cell.length, ...rows.map((row) => row[at]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, at) => cell.padEnd(widths[at] as number)).join(" | ")} |`;
  return [line(header), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)].join("\n");
}

/** Nothing where the other took no time that could be measured. */
function formatRatio(ratio: number): string {
  return Number.isFinite(ratio) ? ratio.toFixed(2) : "";
}
