/** list: what is installed and how it does. */
import { isFailure } from "../errors.ts";
import type { Host } from "../host.ts";
import type { ListedUnit } from "../systemd/systemd.ts";
import { containerNames, findContainer } from "./containers.ts";
import { imageOf } from "./deployments.ts";
import { interruptedNames } from "./journal.ts";

export interface ListedContainer {
  name: string;
  image: string;
  digest: string;
  /**
   * systemd's ActiveState; `no service` for one that has none, `interrupted` while an interrupted command waits to be finished or undone, `broken` without a
   * readable record, `unknown` where no systemd answers.
   */
  state: string;
  runtime: string;
  deployment: number;
  /** ISO 8601, UTC. */
  created: string;
  command: string[];
}

export async function list(host: Host): Promise<ListedContainer[]> {
  const names = await containerNames(host.layout);
  const interrupted = await interruptedNames(host.layout);
  const units = await unitsOf(host, names);
  const containers: ListedContainer[] = [];
  for (const name of [...new Set([...names, ...interrupted])].sort()) {
    // systemd unloads what is stopped and wanted by nothing that runs.
    const state = units === undefined ? "unknown" : (units.get(`${name}.service`)?.activeState ?? "inactive");
    containers.push(await describe(host, name, interrupted.includes(name) ? "interrupted" : state));
  }
  return containers;
}

async function describe(host: Host, name: string, state: string): Promise<ListedContainer> {
  try {
    const { info, deployment } = await findContainer(host, name);
    return {
      name,
      image: info.image,
      digest: imageOf(info),
      state: info["has-container-service"] === false && state !== "interrupted" ? "no service" : state,
      runtime: info.runtime,
      deployment,
      created: new Date(info.created * 1000).toISOString(),
      command: info.berth.command,
    };
  } catch (error) {
    if (!isFailure(error, "STORE_CORRUPT") && !isFailure(error, "NOT_INSTALLED")) throw error;
    const shown = state === "interrupted" ? state : "broken";
    return {
      name,
      image: "",
      digest: "",
      state: shown,
      runtime: "",
      deployment: -1,
      created: "",
      command: [],
    };
  }
}

/** One call for all of them; undefined where no systemd answers. */
async function unitsOf(host: Host, names: readonly string[]): Promise<Map<string, ListedUnit> | undefined> {
  if (host.offline) return undefined;
  if (names.length === 0) return new Map();
  try {
    const systemd = await host.systemd();
    const units = await systemd.list(names.map((name) => `${name}.service`));
    return new Map(units.map((unit) => [unit.name, unit]));
  } catch (error) {
    if (isFailure(error, "NO_SYSTEMD")) return undefined;
    throw error;
  }
}
