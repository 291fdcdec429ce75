/** `process` of a runtime configuration, what the sandbox without a runtime and chroot have in common, as directives. */
import type { RuntimeProcess } from "../oci/runtime-config.ts";
import { type Directive, runDirectory } from "./runtime.ts";
import {
  integerAt,
  listAt,
  recordAt,
  type Translation,
  translation,
  unknownKeys,
  wordAt,
} from "./translation.ts";

export const CAPABILITY: RegExp = /^CAP_[A-Z_]+$/;

/** JSON readers make 2^64-1, "no limit", a little more. */
const UNLIMITED = 2 ** 63;

const LIMITS = new Set(
  "CPU FSIZE DATA STACK CORE RSS NOFILE AS NPROC MEMLOCK LOCKS SIGPENDING MSGQUEUE NICE RTPRIO RTTIME".split(
    " ",
  ),
);

const POLICIES: Record<string, string> = {
  SCHED_OTHER: "other",
  SCHED_BATCH: "batch",
  SCHED_IDLE: "idle",
  SCHED_FIFO: "fifo",
  SCHED_RR: "rr",
};

const IO_CLASSES: Record<string, string> = {
  IOPRIO_CLASS_RT: "realtime",
  IOPRIO_CLASS_BE: "best-effort",
  IOPRIO_CLASS_IDLE: "idle",
};

/** Variables that systemd adds of itself or of the host's accounts, and that no OCI runtime would. */
const HOST_VARIABLES = ["LANG", "LOGNAME", "RUNTIME_DIRECTORY", "SHELL", "USER"];

const KNOWN = [
  ...["terminal", "consoleSize", "user", "args", "commandLine", "env", "cwd", "capabilities", "rlimits"],
  ...["noNewPrivileges", "oomScoreAdj", "scheduler", "ioPriority", "apparmorProfile", "selinuxLabel"],
];

/** All but identity, capabilities and directory. */
export function processDirectives(process: RuntimeProcess): Translation {
  const made = translation();
  const { directives } = made;
  if (process.noNewPrivileges === true) directives.push(["NoNewPrivileges", "yes"]);
  const score = integerAt(process.oomScoreAdj, "process.oomScoreAdj");
  if (score !== undefined) directives.push(["OOMScoreAdjust", String(score)]);
  const umask = integerAt(process.user.umask, "process.user.umask");
  if (umask !== undefined) directives.push(["UMask", umask.toString(8).padStart(4, "0")]);
  limits(process, made);
  const rest = recordAt(process, "process");
  const apparmor = wordAt(rest["apparmorProfile"], { what: "process.apparmorProfile" });
  if (apparmor !== undefined) directives.push(["AppArmorProfile", apparmor]);
  const selinux = wordAt(rest["selinuxLabel"], { what: "process.selinuxLabel" });
  if (selinux !== undefined) directives.push(["SELinuxContext", selinux]);
  scheduling(rest, made);
  made.unsupported.push(...unknownKeys(rest, { what: "process", known: KNOWN }));
  return made;
}

/** For UnsetEnvironment=: those of HOST_VARIABLES that the process does not have of its own. */
export function hostVariables(env: readonly string[]): string[] {
  const own = new Set(env.map((entry) => entry.slice(0, entry.indexOf("="))));
  return HOST_VARIABLES.filter((name) => !own.has(name));
}

/** The host's directory that becomes the container's /run: systemd makes it for each run, and takes it away after. */
export function runDirectives(name: string): Directive[] {
  return [["RuntimeDirectory", runDirectory(name).slice("/run/".length)]];
}

function limits({ rlimits }: RuntimeProcess, { directives, unsupported }: Translation): void {
  for (const each of listAt(rlimits, "process.rlimits")) {
    const { type, soft, hard } = recordAt(each, "process.rlimits");
    const limit = /^RLIMIT_([A-Z]+)$/.exec(String(type))?.[1];
    if (limit === undefined || !LIMITS.has(limit)) {
      unsupported.push(`the limit ${JSON.stringify(type)} (process.rlimits)`);
      continue;
    }
    const value = (of: unknown): string => {
      const number = integerAt(of, "process.rlimits") ?? UNLIMITED;
      return number >= UNLIMITED || number < 0 ? "infinity" : String(number);
    };
    directives.push([`Limit${limit}`, `${value(soft)}:${value(hard)}`]);
  }
}

function scheduling(process: Record<string, unknown>, { directives, unsupported }: Translation): void {
  const scheduler = recordAt(process["scheduler"], "process.scheduler");
  const policy = String(scheduler["policy"]);
  if (scheduler["policy"] !== undefined) {
    if (Object.hasOwn(POLICIES, policy)) directives.push(["CPUSchedulingPolicy", POLICIES[policy] ?? ""]);
    else unsupported.push(`the policy ${JSON.stringify(policy)} (process.scheduler)`);
  }
  const nice = integerAt(scheduler["nice"], "process.scheduler.nice");
  if (nice !== undefined && nice !== 0) directives.push(["Nice", String(nice)]);
  const priority = integerAt(scheduler["priority"], "process.scheduler.priority");
  if (priority !== undefined && priority > 0) directives.push(["CPUSchedulingPriority", String(priority)]);
  unsupported.push(
    ...unknownKeys(scheduler, { what: "process.scheduler", known: ["policy", "nice", "priority"] }),
  );
  const io = recordAt(process["ioPriority"], "process.ioPriority");
  const ioClass = Object.hasOwn(IO_CLASSES, String(io["class"]))
    ? IO_CLASSES[String(io["class"])]
    : undefined;
  if (ioClass !== undefined) directives.push(["IOSchedulingClass", ioClass]);
  const ioPriority = integerAt(io["priority"], "process.ioPriority.priority");
  if (ioPriority !== undefined && ioClass !== "idle")
    directives.push(["IOSchedulingPriority", String(ioPriority)]);
}
