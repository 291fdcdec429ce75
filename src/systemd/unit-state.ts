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
