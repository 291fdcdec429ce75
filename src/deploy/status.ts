/** status: one container, as systemd sees it now. */
import type { Host } from "../host.ts";
import type { UnitState } from "../systemd/systemd.ts";
import { type Container, findContainer } from "./containers.ts";
import { imageOf } from "./deployments.ts";
import { type ChangedFile, changedFiles } from "./list-files.ts";

export interface Status {
  name: string;
  image: string;
  digest: string;
  deployment: number;
  runtime: string;
  command: string[];
  unit: string;
  /** Files of its image on the host that are not as berth put them there. */
  changed: ChangedFile[];
  /** Undefined where no systemd runs, under an offline root, and for a container without a service. */
  service: ServiceStatus | undefined;
  /** Whether the image brings a service, or files for the host alone. */
  hasService: boolean;
}

export interface ServiceStatus {
  /** systemd's ActiveState and SubState. */
  state: string;
  subState: string;
  /** Whether it starts at boot: systemd's UnitFileState. */
  enabled: string;
  /** How the last run ended, `success` while it runs. */
  result: string;
  /** ISO 8601, UTC; undefined when it never ran. */
  since: string | undefined;
  mainPid: number;
  controlGroup: string;
  restarts: number;
  /** What the service itself last said by sd_notify. */
  statusText: string;
  log: string[];
}

const LOG_LINES = 5;

export async function status(host: Host, name: string): Promise<Status> {
  const container = await findContainer(host, name);
  return {
    ...describe(container),
    changed: await changedFiles(host, new Set([name])),
    service:
      host.offline || container.info["has-container-service"] === false
        ? undefined
        : await serviceStatus(host, container.unit),
  };
}

function describe({ name, unit, deployment, info }: Container): Omit<Status, "service" | "changed"> {
  return {
    name,
    image: info.image,
    digest: imageOf(info),
    deployment,
    runtime: info.runtime,
    command: info.berth.command,
    unit,
    hasService: info["has-container-service"] !== false,
  };
}

async function serviceStatus(host: Host, unit: string): Promise<ServiceStatus> {
  const systemd = await host.systemd();
  const { lastLines } = await import("../systemd/journal.ts");
  const [state, log] = await Promise.all([systemd.unit(unit), lastLines(unit, LOG_LINES)]);
  return {
    state: state.activeState,
    subState: state.subState,
    enabled: state.unitFileState,
    result: state.result,
    since: timeOf(state),
    mainPid: state.mainPid,
    controlGroup: state.controlGroup,
    restarts: state.nRestarts,
    statusText: state.statusText,
    log,
  };
}

function timeOf({ activeEnterUsec }: UnitState): string | undefined {
  return activeEnterUsec === 0n ? undefined : new Date(Number(activeEnterUsec / 1000n)).toISOString();
}
