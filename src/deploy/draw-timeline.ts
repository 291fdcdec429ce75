/** The last boot as an SVG picture: a bar a unit, and what each waited for. Pure; no program is needed to look at it but a browser. */
import { labelOf } from "./draw-graph.ts";
import type { StartGraph, StartUnit } from "./start-graph.ts";

const WIDTH = 1000;
const LABELS = 230;
const RIGHT = 90;
const ROW = 26;
const TOP = 70;
const COLORS = {
  container: "#1b5e9e",
  unit: "#8a949e",
  up: "#cfe3d4",
  grid: "#e4e7ea",
  text: "#1c2126",
  faint: "#68737d",
  wait: "#c2571a",
};

/** A unit that started in the boot; times in microseconds from the start of userspace. */
interface Bar {
  unit: StartUnit;
  begun: number;
  active: number;
}

/**
 * Rows by the time their start began. A dark bar is the start, from systemd's first step to the unit being up; what follows
 * is lighter. The arrow shows what a unit waited for: of those it starts after, the one that was up last.
 */
export function drawTimeline({ units, bootMicroseconds }: StartGraph): string {
  const bars = units
    .flatMap((unit): Bar[] =>
      unit.begun === undefined || unit.active === undefined
        ? []
        : [{ unit, begun: unit.begun, active: Math.max(unit.begun, unit.active) }],
    )
    .sort((a, b) => a.begun - b.begun || a.active - b.active);
  const absent = units.filter((unit) => !bars.some((bar) => bar.unit === unit));
  const end = Math.max(bootMicroseconds ?? 0, ...bars.map(({ active }) => active), 1000);
  const x = (microseconds: number): number => round(LABELS + (microseconds / end) * (WIDTH - LABELS - RIGHT));
  const bottom = TOP + bars.length * ROW;
  const height = bottom + (absent.length > 0 ? 40 : 20);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" font-family="sans-serif" font-size="13">`,
    "<title>Order of the last boot</title>",
    `<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" fill="${COLORS.wait}"/></marker></defs>`,
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    text({
      x: 12,
      y: 22,
      words: "Order of the last boot",
      style: `font-size="15" font-weight="bold" fill="${COLORS.text}"`,
    }),
    legend(),
    ...axis(end, { x, bottom }),
    ...bars.map((bar, row) => drawBar(bar, { row, x, end })),
    ...bars.flatMap((bar, row) => drawWait(bar, { row, bars, x })),
    ...(absent.length > 0
      ? [
          text({
            x: 12,
            y: bottom + 24,
            words: `did not start in this boot: ${absent.map(labelOf).join(", ")}`,
            style: `fill="${COLORS.faint}"`,
          }),
        ]
      : []),
    "</svg>",
    "",
  ].join("\n");
}

function legend(): string {
  const items: [color: string, words: string][] = [
    [COLORS.container, "a container starts"],
    [COLORS.unit, "another unit starts"],
    [COLORS.up, "it is up"],
    [COLORS.wait, "waited for"],
  ];
  return items
    .map(([color, words], at) => {
      const left = LABELS + 60 + at * 165;
      return `<rect x="${left}" y="12" width="12" height="12" fill="${color}"/>${text({ x: left + 18, y: 22, words, style: `fill="${COLORS.text}"` })}`;
    })
    .join("");
}

function axis(end: number, { x, bottom }: { x(microseconds: number): number; bottom: number }): string[] {
  const step = stepFor(end);
  const ticks = Array.from({ length: Math.floor(end / step) + 1 }, (_, at) => at * step);
  return ticks.map(
    (at) =>
      `<path d="M${x(at)} ${TOP - 12}V${bottom}" stroke="${COLORS.grid}"/>${text({ x: x(at), y: TOP - 18, words: formatTime(at), style: `text-anchor="middle" fill="${COLORS.faint}"` })}`,
  );
}

function drawBar(
  { unit, begun, active }: Bar,
  { row, x, end }: { row: number; x(microseconds: number): number; end: number },
): string {
  const top = TOP + row * ROW;
  const color = unit.container ? COLORS.container : COLORS.unit;
  const weight = unit.container ? ' font-weight="bold"' : "";
  const label = labelOf(unit);
  return [
    `<g><title>${escapeXml(`${unit.unit}: began at ${formatTime(begun)}, up at ${formatTime(active)}`)}</title>`,
    text({
      x: LABELS - 12,
      y: top + 17,
      words: label.length > 30 ? `${label.slice(0, 29)}…` : label,
      style: `text-anchor="end" fill="${COLORS.text}"${weight}`,
    }),
    `<rect x="${x(active)}" y="${top + 5}" width="${round(x(end) - x(active))}" height="14" fill="${COLORS.up}"/>`,
    `<rect x="${x(begun)}" y="${top + 5}" width="${Math.max(2, round(x(active) - x(begun)))}" height="14" fill="${color}"/>`,
    text({
      x: x(end) + 6,
      y: top + 17,
      words: `+${formatTime(active - begun)}`,
      style: `fill="${COLORS.faint}" font-size="11"`,
    }),
    "</g>",
  ].join("");
}

function drawWait(
  { unit, begun }: Bar,
  { row, bars, x }: { row: number; bars: readonly Bar[]; x(microseconds: number): number },
): string[] {
  const earlier = bars.filter(
    (bar) => bar.active <= begun && unit.after.some((after) => after.unit === bar.unit.unit),
  );
  const last = earlier.reduce<Bar | undefined>(
    (latest, bar) => (latest === undefined || bar.active > latest.active ? bar : latest),
    undefined,
  );
  if (last === undefined) return [];
  const [from, to] = [TOP + bars.indexOf(last) * ROW + 19, TOP + row * ROW + 12];
  // Down where the earlier one was up, then to the right, to where this one began.
  const path = `M${x(last.active)} ${from}V${to}H${Math.max(x(begun), round(x(last.active) + 1))}`;
  return [
    `<path d="${path}" fill="none" stroke="${COLORS.wait}" stroke-width="1.5" marker-end="url(#tip)"/>`,
  ];
}

/** About eight ticks. */
function stepFor(end: number): number {
  const raw = end / 8;
  const power = 10 ** Math.floor(Math.log10(raw));
  return ([1, 2, 5].find((factor) => factor * power >= raw) ?? 10) * power;
}

function formatTime(microseconds: number): string {
  if (microseconds < 1000) return microseconds === 0 ? "0" : `${(microseconds / 1000).toFixed(1)} ms`;
  return microseconds < 1_000_000
    ? `${Math.round(microseconds / 1000)} ms`
    : `${(microseconds / 1_000_000).toFixed(2)} s`;
}

function text({ x, y, words, style }: { x: number; y: number; words: string; style: string }): string {
  return `<text x="${x}" y="${y}" ${style}>${escapeXml(words)}</text>`;
}

function escapeXml(words: string): string {
  return words.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

function round(pixels: number): number {
  return Math.round(pixels * 10) / 10;
}
