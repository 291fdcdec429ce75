import type { Sample } from "./run.ts";
import { type Metric, markdown, medianOf, pairedRatio, type Series, seriesOf } from "./summary.ts";
import type { Phase } from "./tools.ts";

/** What berth is to reach: so many times what another takes, or `limit` itself where there is no other. */
interface Target {
  image: string;
  phase: Phase;
  metric: Metric;
  limit: number;
  /** A tool, or the one that was fastest in this step. */
  than?: string;
}

const FASTEST = "fastest peer";

const targets: readonly Target[] = [
  { image: "big", phase: "cold", metric: "wall", limit: 0.4, than: "podman" },
  { image: "big", phase: "cold", metric: "user", limit: 0.4, than: "podman" },
  { image: "big", phase: "cold", metric: "wall", limit: 0.4, than: FASTEST },
  { image: "big", phase: "update", metric: "wall", limit: 0.3, than: FASTEST },
  { image: "small", phase: "cold", metric: "wall", limit: 0.6, than: "podman" },
  { image: "big", phase: "update", metric: "disk", limit: 1.05, than: "skopeo+ostree" },
  { image: "big", phase: "checkout", metric: "wall", limit: 1, than: "cp -al" },
  { image: "big", phase: "again", metric: "wall", limit: 2.5, than: "podman" },
  { image: "big", phase: "cold", metric: "memory", limit: 200e6 },
];

/** How far berth is from each target that was measured, as a Markdown table. */
export function targetTable(samples: readonly Sample[]): string {
  const all = seriesOf(samples);
  const rows = targets.flatMap((target) => {
    const reached = reach(target, all);
    if (reached === undefined) return [];
    const { value, than } = reached;
    const shown = (number: number): string =>
      target.than === undefined ? `${(number / 1e6).toFixed(0)} MB` : number.toFixed(2);
    const holds = value <= target.limit ? "yes" : "no";
    return [
      [
        `${target.image}, ${target.phase}`,
        `${target.metric} ${than}`,
        shown(target.limit),
        shown(value),
        holds,
      ],
    ];
  });
  return markdown(["step", "what", "at most", "measured", "holds"], rows);
}

function reach(
  { image, phase, metric, than }: Target,
  all: readonly Series[],
): { value: number; than: string } | undefined {
  const here = all.filter((series) => series.image === image && series.phase === phase);
  const berth = here.find(({ tool }) => tool === "berth");
  if (berth === undefined) return undefined;
  if (than === undefined) return { value: medianOf(berth, metric), than: "" };
  const others = here.filter(({ tool }) => (than === FASTEST ? tool !== "berth" : tool === than));
  const other = others.toSorted((a, b) => medianOf(a, metric) - medianOf(b, metric))[0];
  if (other === undefined) return undefined;
  const name = than === FASTEST ? `/ that of the fastest (${other.tool})` : `/ that of ${than}`;
  return { value: pairedRatio(berth, other, metric), than: name };
}

/** Time and memory by the number of files, for the images that differ in nothing else. */
export function growthTable(samples: readonly Sample[]): string | undefined {
  const series = seriesOf(samples).filter(
    ({ image, tool }) => image.startsWith("files-") && tool === "berth",
  );
  if (series.length === 0) return undefined;
  const rows = series.map((one) => {
    const files = Number(one.image.slice("files-".length));
    const [wall, cpu] = [medianOf(one, "wall"), medianOf(one, "user") + medianOf(one, "system")];
    const perFile = ((cpu / files) * 1e6).toFixed(0);
    return [
      one.phase,
      String(files),
      wall.toFixed(2),
      cpu.toFixed(2),
      perFile,
      (medianOf(one, "memory") / 1e6).toFixed(0),
    ];
  });
  const sorted = rows.toSorted((a, b) => (a[0] as string).localeCompare(b[0] as string));
  return markdown(["step", "files", "wall s", "CPU s", "CPU us a file", "memory MB"], sorted);
}
