/** The options of each verb as its handler gets them; verbs.ts declares the same on the command line. */
import type { RunningOptions } from "./running.ts";

/** Where an image comes from and how it is asked for. */
export interface PullingOptions {
  /** `os/arch[/variant]` */
  platform?: string;
  authfile?: string;
  tlsVerify?: boolean;
}

/** What an image is given, and what of the host it sees. */
export interface SandboxOptions extends PullingOptions {
  name?: string;
  set: Record<string, string>;
  /** A file with values. */
  values?: string;
  env: Record<string, string>;
  /** `HOST:CONTAINER[:ro]` */
  volume: string[];
}

export interface InstallOptions extends SandboxOptions, RunningOptions {
  adoptState: boolean;
  replaceUnit: boolean;
  after: string[];
  before: string[];
  requires: string[];
  wants: string[];
  partOf: string[];
  wantedBy: string[];
  /** A root file system in another place. */
  rootfs?: string;
  start: boolean;
  keepHostFiles: boolean;
  autoUpdate: boolean;
  dryRun: boolean;
}

export type RunOptions = SandboxOptions &
  Pick<RunningOptions, "runtime" | "runtimeLossy" | "privileged" | "network">;

export interface OrderOptions {
  after: string[];
  before: string[];
  requires: string[];
  wants: string[];
  partOf: string[];
  wantedBy: string[];
  clear: boolean;
}

export interface GraphOptions {
  dot: boolean;
  svg?: string;
}

export interface UninstallOptions {
  purge: boolean;
}

export interface LogsOptions {
  /** Of the end of the journal. */
  lines: number;
  follow: boolean;
}

export interface MountOptions {
  /** Of mount(8), lists with commas. */
  options: string[];
  live: boolean;
  shared: boolean;
}

export interface AdoptOptions {
  from?: string;
  dryRun: boolean;
  undo: boolean;
  confirm: boolean;
}

export interface ShareOptions {
  checkout: boolean;
}

export interface PullOptions extends PullingOptions {
  /** The name to store the image under. */
  as?: string;
  keepBlobs: boolean;
}

export interface UpdateOptions {
  all: boolean;
  auto: boolean;
  set: Record<string, string>;
  /** A file. */
  values?: string;
  unset: string[];
  rebase?: string;
  keepHostFiles: boolean;
  pull: boolean;
  /** Seconds. */
  watch: number;
  dryRun: boolean;
  stageOnly: boolean;
  apply: boolean;
}

export interface HistoryOptions {
  events: boolean;
}

export interface OutdatedOptions {
  /** Those that are up to date too. */
  all: boolean;
}

export interface AutoUpdateOptions {
  off: boolean;
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

/** How a copy is to be. */
export interface ShapingOptions {
  platform?: string;
  all?: boolean;
  format?: "oci" | "v2s2";
  compress?: string;
}

/** Which key signs. */
export interface SigningOptions {
  signBy?: string;
  key?: string;
  passphraseFile?: string;
  gnupghome?: string;
  identity?: string;
}

export interface SignOptions extends SigningOptions, RegistryOptions {
  directory?: string;
}

export interface TrustOptions {
  pubkeys: string[];
  pubkeysfile: string[];
  type: "signedBy" | "sigstoreSigned" | "insecureAcceptAnything" | "reject";
  identity?: string;
  sigstore?: string;
  sigstoreStaging?: string;
  sigstoretype: "web" | "local" | "atomic";
  saveSigstore: boolean;
  gnupghome?: string;
  raw: boolean;
}

export interface CopyOptions extends PullingOptions, ShapingOptions, SigningOptions {
  removeSignatures: boolean;
  srcAuthfile?: string;
  destAuthfile?: string;
  srcTlsVerify?: boolean;
  destTlsVerify?: boolean;
}

export interface PushOptions extends PullingOptions, ShapingOptions, SigningOptions {
  removeSignatures: boolean;
  from?: string;
  rebuild: boolean;
}

export interface SyncOptions extends PullingOptions {
  /** Patterns of tags. */
  tag: string[];
  dryRun: boolean;
}

export interface SaveOptions extends PullingOptions {
  output?: string;
  from?: string;
}

export interface ImagesOptions {
  /** `KEY=VALUE` as podman writes them; an image must pass all. */
  filter: string[];
}

export interface InspectOptions extends PullingOptions {
  remote: boolean;
  raw: boolean;
  config: boolean;
}

/** How a registry is reached. */
export interface RegistryOptions {
  authfile?: string;
  tlsVerify?: boolean;
}

export interface LoginOptions extends RegistryOptions {
  username?: string;
  passwordStdin: boolean;
  getLogin: boolean;
}

export interface LogoutOptions {
  all: boolean;
  authfile?: string;
}

export type NoOptions = Record<string, never>;

export interface VerifyOptions {
  repair: boolean;
  /** Bytes a second, as typed. */
  rate?: string;
  jobs?: number;
}

export interface PruneOptions {
  dryRun: boolean;
  /** A duration, as typed. */
  grace?: string;
}
