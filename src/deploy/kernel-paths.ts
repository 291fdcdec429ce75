/** Files of the kernel that a service has no business with. Pure. */
import type { Runtime } from "../runtime/runtime.ts";

const IN_PROC = (...names: string[]): string[] => names.map((name) => `/proc/${name}`);

const SECRET = [...IN_PROC("kcore", "keys", "sched_debug"), "/sys/firmware"];
const NEEDLESS = IN_PROC("acpi", "asound", "latency_stats", "scsi");
/** Nothing takes what is written to these. */
const UNWRITABLE = IN_PROC("timer_list", "timer_stats");
const CONTROLS = IN_PROC("bus", "fs", "irq", "sys", "sysrq-trigger");

/** File systems of their own below /sys, which comes with them: that /sys is read-only says nothing of these. */
const MOUNTED = [
  "fs/bpf",
  "fs/cgroup",
  "fs/pstore",
  "kernel/config",
  "kernel/debug",
  "kernel/security",
  "kernel/tracing",
].map((name) => `/sys/${name}`);

/**
 * What Docker and podman hide and protect. systemd reads the table of mounts anew up to three times for each path of the two
 * lists, which is most of a start: so it hides what holds secrets, protects what can be written to, and has no list for /sys, which it
 * makes read-only with all that is mounted below.
 */
export function kernelPaths(runtime: Runtime): { maskedPaths: string[]; readonlyPaths: string[] } {
  if (runtime.kind === "oci") {
    return {
      maskedPaths: [...NEEDLESS, ...UNWRITABLE, ...SECRET],
      readonlyPaths: [...CONTROLS, ...MOUNTED],
    };
  }
  return { maskedPaths: SECRET, readonlyPaths: [...NEEDLESS, ...CONTROLS] };
}
