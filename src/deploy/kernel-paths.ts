/** Files of the kernel that a service has no business with. Pure. */
import type { Runtime } from "../runtime/runtime.ts";

const IN_PROC = (...names: string[]): string[] => names.map((name) => `/proc/${name}`);

const SECRET = [...IN_PROC("kcore", "keys", "sched_debug"), "/sys/firmware"];
const NEEDLESS = IN_PROC("acpi", "asound", "latency_stats", "scsi", "timer_list", "timer_stats");
const CONTROLS = IN_PROC("bus", "fs", "irq", "sys", "sysrq-trigger");

/**
 * What Docker and podman hide and protect. systemd takes 3 ms of a start for each path that it hides, so it hides what
 * holds secrets, and protects the rest from being written to.
 */
export function kernelPaths(runtime: Runtime): { maskedPaths: string[]; readonlyPaths: string[] } {
  if (runtime.kind === "oci") return { maskedPaths: [...NEEDLESS, ...SECRET], readonlyPaths: CONTROLS };
  return { maskedPaths: SECRET, readonlyPaths: [...NEEDLESS, ...CONTROLS] };
}
