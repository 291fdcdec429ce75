import { bootTimeline, startGraph } from "../deploy/graph.ts";
import type { StartGraph } from "../deploy/start-graph.ts";
import { withHost } from "../host.ts";
import { line, type View, verbatim } from "../view.ts";
import type { Context } from "./command.ts";
import { refuseTogether } from "./exclusive.ts";
import type { GraphOptions } from "./options.ts";

export interface GraphResult extends StartGraph {
  /** The text of the tree, or of the DOT file. */
  lines: string[];
  /** The file that was written. */
  svg?: string;
}

export async function run(context: Context, names: string[], options: GraphOptions): Promise<GraphResult> {
  const { svg, dot } = options;
  refuseTogether({ "--dot": dot, "--svg": svg !== undefined });
  if (svg !== undefined) {
    const graph = await withHost(context, (host) => bootTimeline(host, names));
    const { writeFile } = await import("node:fs/promises");
    const { drawTimeline } = await import("../deploy/draw-timeline.ts");
    await writeFile(svg, drawTimeline(graph));
    return { ...graph, lines: [], svg };
  }
  const graph = await withHost(context, (host) => startGraph(host, names));
  const { drawDot, drawTree } = await import("../deploy/draw-graph.ts");
  return { ...graph, lines: dot ? drawDot(graph) : drawTree(graph) };
}

export function view({ lines, svg, units }: GraphResult): View {
  if (svg !== undefined) return [line(`the last boot is drawn in ${svg}`)];
  return units.length === 0 ? [line("nothing is installed")] : [verbatim(lines)];
}
