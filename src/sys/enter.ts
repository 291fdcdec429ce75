/** Entering the namespaces, the root and the bounds of another process; what is done then is done there, by this thread. */
import { closeSync, constants, openSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { lastError, native } from "./libc.ts";

const CLONE_FS = 0x200;
const CLONE_NEWNET = 0x40000000;
const PR_SET_DUMPABLE = 4;
const PR_SET_KEEPCAPS = 8;
const PR_CAPBSET_READ = 23;
const PR_CAPBSET_DROP = 24;
const PR_SET_NO_NEW_PRIVS = 38;
const PR_CAP_AMBIENT = 47;
const PR_CAP_AMBIENT_RAISE = 2;
/** _LINUX_CAPABILITY_VERSION_3 */
const CAPABILITY_VERSION = 0x20080522;
/** RLIM_INFINITY */
const UNLIMITED = 2n ** 64n - 1n;
const LIMIT_NAME_WIDTH = 26;

const unshare = native("int unshare(int flags)");
const setns = native("int setns(int fd, int type)");
const fchdir = native("int fchdir(int fd)");
const chroot = native("int chroot(const char *path)");
const prctl = native(
  "int prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)",
);
const capset = native("int capset(void *header, void *data)");
const setrlimit = native("int setrlimit(int resource, const void *limit)");

/** Of one process, what `enter` joins of another: open files, since their paths are another's once inside. */
export interface Doors {
  namespaces: number[];
  root: number;
}

/** Opens the namespaces of `pid`, without `all` those that this process is not in, and its root. */
export function openDoors(pid: number, { all = false }: { all?: boolean } = {}): Doors {
  const names = ["cgroup", "ipc", "uts", "net", "mnt"].filter(
    (name) => all || readlinkSync(`/proc/self/ns/${name}`) !== readlinkSync(`/proc/${pid}/ns/${name}`),
  );
  return {
    // The mount namespace comes last: the others are files of this one.
    namespaces: names.map((name) => openSync(`/proc/${pid}/ns/${name}`, "r")),
    root: openSync(`/proc/${pid}/root`, constants.O_RDONLY | constants.O_DIRECTORY),
  };
}

/** This process counts to the control group (its path below /sys/fs/cgroup), and ends with it. */
export function joinCgroup(cgroup: string): void {
  writeFileSync(`/sys/fs/cgroup${cgroup}/cgroup.procs`, String(process.pid));
}

/** This process has the network of `pid`. */
export function joinNetwork(pid: number): void {
  const fd = openSync(`/proc/${pid}/ns/net`, "r");
  check(setns(fd, CLONE_NEWNET), "setns");
  closeSync(fd);
}

/**
 * This process is limited as `pid` is: resource limits, score for the OOM killer. A limit that is beyond this process' own
 * needs CAP_SYS_RESOURCE, and is left as it is without.
 */
export function joinLimits(pid: number): void {
  writeFileSync("/proc/self/oom_score_adj", readFileSync(`/proc/${pid}/oom_score_adj`));
  for (const [resource, { soft, hard }] of limitsOf(pid).entries()) {
    const limit = Buffer.alloc(16);
    limit.writeBigUInt64LE(soft, 0);
    limit.writeBigUInt64LE(hard, 8);
    if (setrlimit(resource, limit) === -1) {
      const error = lastError({ syscall: "setrlimit" });
      if (error.code !== "EPERM") throw error;
    }
  }
}

/** proc(5): a line a limit, in the order of their numbers. */
function limitsOf(pid: number): { soft: bigint; hard: bigint }[] {
  const lines = readFileSync(`/proc/${pid}/limits`, "latin1").trimEnd().split("\n").slice(1);
  const value = (text: string | undefined): bigint =>
    text === undefined || text === "unlimited" ? UNLIMITED : BigInt(text);
  return lines.map((line) => {
    const [soft, hard] = line.slice(LIMIT_NAME_WIDTH).trim().split(/\s+/);
    return { soft: value(soft), hard: value(hard) };
  });
}

/** From here on paths are those of the other root. The function it gives leads back, as long as privileges allow it. */
export function enter({ namespaces, root }: Doors): () => void {
  const back = openDoors(process.pid, { all: true });
  // Nobody inside may reach this host's files by this process, its program among them, until it is another one (CVE-2019-5736).
  check(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0), "prctl");
  // A thread that shares its root with others may not change its mount namespace.
  check(unshare(CLONE_FS), "unshare");
  const walk = (doors: Doors): void => {
    for (const fd of doors.namespaces) check(setns(fd, 0), "setns");
    check(fchdir(doors.root), "fchdir");
    check(chroot(Buffer.from(".\0")), "chroot");
  };
  walk({ namespaces, root });
  return () => walk(back);
}

export interface Bounds {
  uid: number;
  gid: number;
  groups: readonly number[];
  /** Numbers of capabilities: what may ever be had. Undefined: all. */
  bounding: readonly number[] | undefined;
  /** What a program keeps when it is run by another user than root. */
  ambient: readonly number[];
  noNewPrivileges: boolean;
}

/** Gives up what is not within `bounds`. */
export function boundTo({ uid, gid, groups, bounding, ambient, noNewPrivileges }: Bounds): void {
  for (let number = 0; bounding !== undefined && prctl(PR_CAPBSET_READ, number, 0, 0, 0) >= 0; number += 1) {
    if (!bounding.includes(number)) check(prctl(PR_CAPBSET_DROP, number, 0, 0, 0), "prctl");
  }
  process.setgroups?.([...groups]);
  process.setgid?.(gid);
  if (ambient.length > 0) check(prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0), "prctl");
  process.setuid?.(uid);
  if (ambient.length > 0) raiseAmbient(ambient);
  if (noNewPrivileges) check(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl");
}

function raiseAmbient(ambient: readonly number[]): void {
  const header = Buffer.alloc(8);
  header.writeUInt32LE(CAPABILITY_VERSION, 0);
  const data = Buffer.alloc(24);
  const set = ambient.reduce((bits, number) => bits | (1n << BigInt(number)), 0n);
  for (const [at, half] of [set & 0xffffffffn, set >> 32n].entries()) {
    for (const offset of [0, 4, 8]) data.writeUInt32LE(Number(half), at * 12 + offset);
  }
  check(capset(header, data), "capset");
  for (const number of ambient) check(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number, 0, 0), "prctl");
}

function check(result: number, syscall: string): void {
  if (result === -1) throw lastError({ syscall });
}
