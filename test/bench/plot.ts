/** Pure: the medians of the measured steps as bars, in an SVG that needs nothing else. */
import type { Sample } from "./run.ts";
import { median, type Series, seriesOf } from "./summary.ts";

interface Column {
  title: string;
  value(sample: Sample): number;
}

const columns: readonly Column[] = [
  { title: "wall time, s", value: ({ wall }) => wall },
  { title: "CPU time, s", value: ({ user, system }) => user + system },
  { title: "peak memory, MB", value: ({ memory }) => memory / 1e6 },
  { title: "disk after it, MB", value: ({ disk }) => disk / 1e6 },
];

const rows = [
  { image: "small", phase: "cold", title: "small image, first install" },
  { image: "small", phase: "update", title: "small image, update" },
  { image: "big", phase: "cold", title: "big image, first install" },
  { image: "big", phase: "update", title: "big image, update" },
] as const;

const colors: Record<string, string> = {
  berth: "#0b6e4f",
  podman: "#892ca0",
  "skopeo+umoci": "#3a7ca5",
  "skopeo+ostree": "#b8651b",
};

const LABELS = 110;
const WIDTH = 190;
const BAR = 14;
const TITLE = 34;

export function plot(samples: readonly Sample[]): string {
  const all = seriesOf(samples);
  const parts: string[] = [];
  let top = 10;
  for (const { image, phase, title } of rows) {
    const series = all.filter((one) => one.image === image && one.phase === phase);
    if (series.length === 0) continue;
    parts.push(text(title, { x: 8, y: top + 12, weight: "bold" }));
    series.forEach(({ tool }, at) => {
      parts.push(text(tool, { x: 8, y: top + TITLE + at * BAR + 10 }));
    });
    columns.forEach((column, at) => {
      parts.push(...bars(column, { series, left: LABELS + at * WIDTH, top }));
    });
    top += TITLE + series.length * BAR + 16;
  }
  const width = LABELS + columns.length * WIDTH;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${top}" width="${width}" height="${top}" font-family="sans-serif" font-size="11">`,
    `<rect width="${width}" height="${top}" fill="white"/>`,
    ...parts,
    "</svg>\n",
  ].join("\n");
}

/** One bar a tool: its median, with a line from the least to the greatest value. */
function bars(
  { title, value }: Column,
  { series, left, top }: { series: readonly Series[]; left: number; top: number },
): string[] {
  const values = series.map(({ samples }) => samples.map(value));
  const scale = (WIDTH - 60) / Math.max(...values.flat());
  const parts = [text(title, { x: left, y: top + 26, color: "#555" })];
  values.forEach((numbers, at) => {
    const y = top + TITLE + at * BAR;
    const [least, middle, most] = [Math.min(...numbers), median(numbers), Math.max(...numbers)].map(
      (n) => n * scale,
    ) as [number, number, number];
    const color = colors[series[at]?.tool ?? ""] ?? "#888";
    parts.push(
      `<rect x="${left}" y="${y + 1}" width="${middle.toFixed(1)}" height="${BAR - 4}" fill="${color}"/>`,
      `<path d="M${(left + least).toFixed(1)} ${y + 6}H${(left + most).toFixed(1)}" stroke="#222"/>`,
      text(shown(median(numbers)), { x: left + most + 4, y: y + 10 }),
    );
  });
  return parts;
}

function shown(value: number): string {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

function text(
  content: string,
  { x, y, weight = "normal", color = "black" }: { x: number; y: number; weight?: string; color?: string },
): string {
  return `<text x="${x.toFixed(1)}" y="${y}" font-weight="${weight}" fill="${color}">${content}</text>`;
}
