/** The options of `install` that say how a service runs, and when it is ready. */
import type { OptionSpec } from "./command.ts";

export const running: readonly OptionSpec[] = [
  {
    flags: "--runtime <runtime>",
    description: "what runs it: systemd, chroot, or an OCI runtime such as crun or runc",
  },
  { flags: "--runtime-lossy", description: "go without what the runtime cannot give, instead of refusing" },
  {
    flags: "--writable <how>",
    choices: ["keep", "discard"],
    description: "a root file system it can write to: kept with the deployment, or discarded at each stop",
  },
  {
    flags: "--privileged",
    description: "all that root may do: every capability, the host's devices, /sys and /proc writable",
  },
  {
    flags: "--network <network>",
    description: "host (default), private, or ns:NAME of a network namespace",
  },
  { flags: "--notify", description: "the service tells that it is ready by sd_notify" },
  { flags: "--no-notify", description: "the service is taken as ready when it runs" },
  {
    flags: "--watchdog <seconds>",
    kind: "number",
    description: "restart it when it sends no WATCHDOG=1 for so long",
  },
  { flags: "--health-cmd <command>", description: "it is healthy when this command in it succeeds" },
  { flags: "--health-tcp <port>", description: "it is healthy when it answers at this [HOST:]PORT" },
  { flags: "--health-http <url>", description: "it is healthy when GET of [HOST:]PORT/PATH succeeds" },
  {
    flags: "--health-timeout <seconds>",
    kind: "number",
    description: "how long it may take to become healthy",
  },
  { flags: "--no-health", description: "do not wait until it is healthy" },
];

/** As the handler gets them. */
export interface RunningOptions {
  runtime?: string;
  runtimeLossy: boolean;
  privileged: boolean;
  writable?: "keep" | "discard";
  network?: string;
  /** Undefined: what the image says. */
  notify?: boolean;
  watchdog?: number;
  healthCmd?: string;
  healthTcp?: string;
  healthHttp?: string;
  healthTimeout?: number;
  health: boolean;
}
