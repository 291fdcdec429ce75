/** update of several containers: which, and in which order. */
import { isFailure } from "../errors.ts";
import type { Host } from "../host.ts";
import { containerNames } from "./containers.ts";
import { readSettings } from "./settings.ts";
import { type Updated, type UpdateRequest, update } from "./update.ts";

/** A failure of one does not stop the others. */
export type Outcome = Updated | FailedUpdate;

export interface FailedUpdate {
  name: string;
  outcome: "failed";
  code: string;
  message: string;
}

/** What comes first at boot is updated first. With `auto`, those that opted in; held ones are passed over. */
export async function updateAll(host: Host, request: UpdateRequest): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const name of await inStartOrder(host, await containerNames(host.layout))) {
    const { autoUpdate, held } = await readSettings(host.layout, name);
    if (request.auto && !autoUpdate) continue;
    if (held) outcomes.push({ name, outcome: "skipped", reason: "it is held" });
    else outcomes.push(await attempt(host, name, request));
  }
  return outcomes;
}

async function attempt(host: Host, name: string, request: UpdateRequest): Promise<Outcome> {
  try {
    return await update(host, name, request);
  } catch (error) {
    if (!isFailure(error) || error.code === "INTERRUPTED") throw error;
    return { name, outcome: "failed", code: error.code, message: error.message };
  }
}

async function inStartOrder(host: Host, names: readonly string[]): Promise<string[]> {
  const { startGraph } = await import("./graph.ts");
  if (names.length < 2) return [...names];
  const { units } = await startGraph(host, []);
  const sorted = units.filter(({ container }) => container).map(({ unit }) => unit.replace(/\.service$/, ""));
  return [
    ...sorted.filter((name) => names.includes(name)),
    ...names.filter((name) => !sorted.includes(name)),
  ];
}
