/** The options of each verb as its handler gets them; verbs.ts declares the same on the command line. */

/** Where an image comes from and how it is asked for. */
export interface PullingOptions {
  /** `os/arch[/variant]` */
  platform?: string;
  authfile?: string;
  tlsVerify?: boolean;
}

export interface InstallOptions extends PullingOptions {
  name?: string;
  set: Record<string, string>;
  env: Record<string, string>;
  /** `HOST:CONTAINER[:ro]` */
  volume: string[];
  runtime?: string;
  /** Whether the service tells its readiness by sd_notify; undefined: what the image says. */
  notify?: boolean;
  after: string[];
  before: string[];
  requires: string[];
  wants: string[];
  wantedBy: string[];
  start: boolean;
  dryRun: boolean;
}

export interface UninstallOptions {
  purge: boolean;
}

export interface LogsOptions {
  /** Of the end of the journal. */
  lines: number;
  follow: boolean;
}

export interface PullOptions extends PullingOptions {
  /** The name to store the image under. */
  as?: string;
}

export interface UpdateOptions {
  all: boolean;
  set: Record<string, string>;
  unset: string[];
  rebase?: string;
  pull: boolean;
  /** Seconds. */
  watch: number;
  dryRun: boolean;
  stageOnly: boolean;
  apply: boolean;
}

export interface RollbackOptions {
  /** A deployment's number. */
  to?: number;
  /** Seconds. */
  watch: number;
}

export interface RecoverOptions {
  /** Called by the unit that recovers at boot. */
  boot: boolean;
}

export interface CheckOptions {
  fix: boolean;
}

export type NoOptions = Record<string, never>;
