/** Units as data. */
import type { Variant } from "dbus-next";

/** A unit as systemd sees it; for units that are not services, what only services have is empty or 0. */
export interface UnitState {
  name: string;
  /** `loaded`, `not-found`, `bad-setting`, `error`, `masked`. */
  loadState: string;
  activeState: string;
  subState: string;
  /** `success`, `exit-code`, `signal`, `timeout`, `start-limit-hit`, ... */
  result: string;
  mainPid: number;
  nRestarts: number;
  /** When the unit last became active, in microseconds since 1970; 0n for never. */
  activeEnterUsec: bigint;
  /** Path below /sys/fs/cgroup; empty when nothing runs. */
  controlGroup: string;
  statusText: string;
  /** How the main process ended: CLD_EXITED 1, CLD_KILLED 2, CLD_DUMPED 3; 0 while it runs. */
  execMainCode: number;
  /** Exit status, or signal number. */
  execMainStatus: number;
  /** 32 hex digits; empty when the unit was never started. */
  invocationId: string;
  /** `enabled`, `disabled`, `static`, `masked`, ...; empty when there is no unit file. */
  unitFileState: string;
  needDaemonReload: boolean;
}

export interface ListedUnit {
  name: string;
  loadState: string;
  activeState: string;
  subState: string;
}

/** Whether a unit in this state runs, or is about to. */
export function isUp(activeState: string): boolean {
  return ["active", "activating", "reloading"].includes(activeState);
}

/** Properties of one interface of a unit, as GetAll gives them. */
export type Properties = Record<string, Variant<unknown> | undefined>;

/** The state of a unit from its properties; `service` is undefined for a unit that is none. */
export function unitState(name: string, unit: Properties, service: Properties = {}): UnitState {
  return {
    name,
    loadState: text(unit["LoadState"]),
    activeState: text(unit["ActiveState"]),
    subState: text(unit["SubState"]),
    result: text(service["Result"]),
    mainPid: number(service["MainPID"]),
    nRestarts: number(service["NRestarts"]),
    activeEnterUsec: BigInt((unit["ActiveEnterTimestamp"]?.value as bigint | undefined) ?? 0n),
    controlGroup: text(service["ControlGroup"]),
    statusText: text(service["StatusText"]),
    execMainCode: number(service["ExecMainCode"]),
    execMainStatus: number(service["ExecMainStatus"]),
    invocationId: Buffer.from((unit["InvocationID"]?.value as Uint8Array | undefined) ?? []).toString("hex"),
    unitFileState: text(unit["UnitFileState"]),
    needDaemonReload: unit["NeedDaemonReload"]?.value === true,
  };
}

function text(property: Variant<unknown> | undefined): string {
  return String(property?.value ?? "");
}

function number(property: Variant<unknown> | undefined): number {
  return Number(property?.value ?? 0);
}
