/** check: whether this host is fit for what berth does, finding by finding. */
import { lstat, readdir, statfs } from "node:fs/promises";
import { Failure, isErrno } from "../errors.ts";
import type { Host } from "../host.ts";
import { findRuntime, formatRuntime } from "../runtime/runtime.ts";
import { installedRuntimes } from "../runtime/versions.ts";
import { deploymentOf } from "./name.ts";
import { installUnits, missingUnits } from "./own-units.ts";
import { requireLinks } from "./require-links.ts";

export interface Finding {
  what: string;
  verdict: "good" | "warning" | "bad";
  found: string;
  hint?: string;
}

export interface CheckResult {
  /** No finding is bad. */
  fit: boolean;
  findings: Finding[];
}

/** CGROUP2_SUPER_MAGIC of statfs(2). */
const CGROUP2 = 0x63677270;

/** RootDirectory= with MountAPIVFS= and PrivateIPC= as berth uses them; `:` modes in tmpfiles.d. */
const OLDEST_SYSTEMD = 250;

/** With `fix`, what can be put right without a decision of the admin's is put right first. */
export async function check(host: Host, { fix = false }: { fix?: boolean } = {}): Promise<CheckResult> {
  if (fix) await installUnits(host);
  const findings = [
    await checkUser(),
    await checkSystemd(host),
    ...(host.offline ? [] : [await checkCgroups()]),
    await checkRuntimes(host),
    await checkState(host),
    await checkPolicy(host),
    await checkLeftovers(host),
    await checkUnits(host),
  ];
  return { fit: findings.every(({ verdict }) => verdict !== "bad"), findings };
}

async function checkUser(): Promise<Finding> {
  if (process.geteuid?.() === 0) return { what: "user", verdict: "good", found: "root" };
  return {
    what: "user",
    verdict: "bad",
    found: `user ${process.geteuid?.()}`,
    hint: "berth installs for the whole host: run it with sudo",
  };
}

async function checkSystemd(host: Host): Promise<Finding> {
  const what = "systemd";
  if (host.offline) return { what, verdict: "good", found: "not asked: an offline tree" };
  try {
    const version = await (await host.systemd()).version();
    if (Number.parseInt(version, 10) >= OLDEST_SYSTEMD) return { what, verdict: "good", found: version };
    return { what, verdict: "bad", found: version, hint: `berth needs systemd ${OLDEST_SYSTEMD} or later` };
  } catch (error) {
    return failed(what, error);
  }
}

async function checkCgroups(): Promise<Finding> {
  const what = "control groups";
  const { type } = await statfs("/sys/fs/cgroup").catch(() => ({ type: 0 }));
  if (type === CGROUP2) return { what, verdict: "good", found: "version 2" };
  return {
    what,
    verdict: "warning",
    found: "not version 2",
    hint: "OCI runtimes may fail; --runtime systemd works, or boot with systemd.unified_cgroup_hierarchy=1",
  };
}

async function checkRuntimes({ config }: Host): Promise<Finding> {
  const what = "runtime";
  try {
    const runtime = await findRuntime(config.runtime, { root: config.root });
    const installed = await installedRuntimes(config.root);
    // A version is told and not judged: a distribution's runc carries fixes that upstream released under a later number.
    const versions = installed.length > 0 ? installed.join(", ") : "neither runc nor crun is installed";
    return { what, verdict: "good", found: `${formatRuntime(runtime)} (${versions})` };
  } catch (error) {
    return failed(what, error);
  }
}

/** The state directory: root's alone, and able to make hard links. */
async function checkState(host: Host): Promise<Finding> {
  const what = "state";
  const { state } = host.config;
  try {
    const { uid, mode } = await lstat(state);
    const own = uid === 0 && (mode & 0o077) === 0;
    if (!own) {
      return {
        what,
        verdict: "bad",
        found: `${state} is open to others`,
        hint: `chown root ${state} && chmod 700 ${state}`,
      };
    }
    await requireLinks(host.layout);
    return { what, verdict: "good", found: state };
  } catch (error) {
    if (isErrno(error, "ENOENT")) return { what, verdict: "good", found: `${state} does not exist yet` };
    return failed(what, error);
  }
}

async function checkPolicy(host: Host): Promise<Finding> {
  const what = "policy";
  try {
    const policy = await host.policy();
    return {
      what,
      verdict: "good",
      found: policy === undefined ? "no policy.json: every image is accepted" : "policy.json",
    };
  } catch (error) {
    return failed(what, error);
  }
}

/** Interrupted commands: the next command on the same container clears up after them. */
async function checkLeftovers({ layout }: Host): Promise<Finding> {
  const what = "leftovers";
  const [staged, journals] = await Promise.all([namesIn(layout.containers), namesIn(layout.journals)]);
  const left = [
    ...staged.filter((name) => deploymentOf(name)?.staged === true),
    ...journals.filter((name) => name.endsWith(".json")),
  ];
  if (left.length === 0) return { what, verdict: "good", found: "none" };
  return {
    what,
    verdict: "warning",
    found: left.join(", "),
    hint: "an interrupted command left them; uninstall or install of the same name clears them up",
  };
}

async function checkUnits(host: Host): Promise<Finding> {
  const what = "units";
  const missing = await missingUnits(host);
  if (missing.length === 0) return { what, verdict: "good", found: "those of berth are installed" };
  return {
    what,
    verdict: "warning",
    found: `${missing.join(", ")} not installed`,
    hint: "berth check --fix installs what recovers at boot, and timers that wait to be enabled",
  };
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (isErrno(error, "ENOENT") || isErrno(error, "EACCES")) return [];
    throw error;
  }
}

function failed(what: string, error: unknown): Finding {
  if (error instanceof Failure) {
    return {
      what,
      verdict: "bad",
      found: error.message,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    };
  }
  return { what, verdict: "bad", found: error instanceof Error ? error.message : String(error) };
}
