/**
 * Limits of a runtime configuration (`linux.resources`) as directives of systemd.resource-control(5). Under every runtime
 * they stand in the unit, so that systemd knows them and an admin can change them.
 */
import {
  integerAt,
  isRecord,
  listAt,
  recordAt,
  type Translation,
  translation,
  unknownKeys,
  wordAt,
} from "./translation.ts";

const WHAT = "linux.resources";

export function resourceDirectives(resources: unknown): Translation {
  const made = translation();
  const given = recordAt(resources, WHAT);
  memory(recordAt(given["memory"], `${WHAT}.memory`), made);
  cpu(recordAt(given["cpu"], `${WHAT}.cpu`), made);
  const pids = recordAt(given["pids"], `${WHAT}.pids`);
  const tasks = integerAt(pids["limit"], `${WHAT}.pids.limit`);
  // Zero and below are "no limit" (runtime-spec).
  if (tasks !== undefined) made.directives.push(["TasksMax", tasks > 0 ? String(tasks) : "infinity"]);
  io(recordAt(given["blockIO"], `${WHAT}.blockIO`), made);
  unified(recordAt(given["unified"], `${WHAT}.unified`), made);
  const known = ["memory", "cpu", "pids", "blockIO", "unified", "devices"];
  made.unsupported.push(...unknownKeys(given, { what: WHAT, known }));
  return made;
}

function memory(given: Record<string, unknown>, { directives, unsupported }: Translation): void {
  const what = `${WHAT}.memory`;
  const limit = integerAt(given["limit"], `${what}.limit`);
  const swap = integerAt(given["swap"], `${what}.swap`);
  const reservation = integerAt(given["reservation"], `${what}.reservation`);
  if (limit !== undefined) directives.push(["MemoryMax", bytes(limit)]);
  if (reservation !== undefined) directives.push(["MemoryLow", bytes(reservation)]);
  // `swap` counts memory and swap together.
  if (swap !== undefined && swap > 0 && limit !== undefined && limit > 0) {
    directives.push(["MemorySwapMax", String(Math.max(0, swap - limit))]);
  } else if (swap !== undefined) directives.push(["MemorySwapMax", swap < 0 ? "infinity" : String(swap)]);
  unsupported.push(
    ...unknownKeys(given, { what, known: ["limit", "swap", "reservation", "checkBeforeUpdate"] }),
  );
}

function cpu(given: Record<string, unknown>, { directives, unsupported }: Translation): void {
  const what = `${WHAT}.cpu`;
  const shares = integerAt(given["shares"], `${what}.shares`);
  const quota = integerAt(given["quota"], `${what}.quota`);
  const period = integerAt(given["period"], `${what}.period`) ?? 100_000;
  const idle = integerAt(given["idle"], `${what}.idle`);
  if (idle === 1) directives.push(["CPUWeight", "idle"]);
  else if (shares !== undefined && shares > 0) directives.push(["CPUWeight", String(weight(shares))]);
  if (quota !== undefined && quota > 0 && period > 0) {
    directives.push(["CPUQuota", `${Math.max(1, Math.round((quota * 100) / period))}%`]);
    if (period !== 100_000) directives.push(["CPUQuotaPeriodSec", `${period}us`]);
  }
  const cpus = wordAt(given["cpus"], { what: `${what}.cpus`, pattern: /^[\d,-]+$/ });
  const mems = wordAt(given["mems"], { what: `${what}.mems`, pattern: /^[\d,-]+$/ });
  if (cpus !== undefined) directives.push(["AllowedCPUs", cpus]);
  if (mems !== undefined) directives.push(["AllowedMemoryNodes", mems]);
  unsupported.push(
    ...unknownKeys(given, { what, known: ["shares", "quota", "period", "idle", "cpus", "mems"] }),
  );
}

const THROTTLES: Record<string, string> = {
  throttleReadBpsDevice: "IOReadBandwidthMax",
  throttleWriteBpsDevice: "IOWriteBandwidthMax",
  throttleReadIOPSDevice: "IOReadIOPSMax",
  throttleWriteIOPSDevice: "IOWriteIOPSMax",
};

function io(given: Record<string, unknown>, { directives, unsupported }: Translation): void {
  const what = `${WHAT}.blockIO`;
  const whole = integerAt(given["weight"], `${what}.weight`);
  if (whole !== undefined && whole > 0) directives.push(["IOWeight", String(ioWeight(whole))]);
  for (const device of devicesOf(given["weightDevice"], `${what}.weightDevice`)) {
    const each = integerAt(device["weight"], `${what}.weightDevice.weight`);
    if (each !== undefined)
      directives.push(["IODeviceWeight", `${deviceOf(device, what)} ${ioWeight(each)}`]);
  }
  for (const [key, directive] of Object.entries(THROTTLES)) {
    for (const device of devicesOf(given[key], `${what}.${key}`)) {
      const rate = integerAt(device["rate"], `${what}.${key}.rate`);
      if (rate !== undefined) directives.push([directive, `${deviceOf(device, what)} ${rate}`]);
    }
  }
  unsupported.push(
    ...unknownKeys(given, { what, known: ["weight", "weightDevice", ...Object.keys(THROTTLES)] }),
  );
}

function devicesOf(value: unknown, what: string): Record<string, unknown>[] {
  return listAt(value, what).filter(isRecord);
}

function deviceOf(device: Record<string, unknown>, what: string): string {
  const major = integerAt(device["major"], `${what}.major`) ?? 0;
  const minor = integerAt(device["minor"], `${what}.minor`) ?? 0;
  return `/dev/block/${major}:${minor}`;
}

/** Files of cgroup v2 that a directive writes as they are. */
const UNIFIED: Record<string, string> = {
  "memory.max": "MemoryMax",
  "memory.high": "MemoryHigh",
  "memory.low": "MemoryLow",
  "memory.min": "MemoryMin",
  "memory.swap.max": "MemorySwapMax",
  "pids.max": "TasksMax",
  "cpu.weight": "CPUWeight",
  "io.weight": "IOWeight",
  "cpuset.cpus": "AllowedCPUs",
  "cpuset.mems": "AllowedMemoryNodes",
};

function unified(given: Record<string, unknown>, { directives, unsupported }: Translation): void {
  const what = `${WHAT}.unified`;
  for (const key of Object.keys(given)) {
    const directive = Object.hasOwn(UNIFIED, key) ? UNIFIED[key] : undefined;
    const value = wordAt(given[key], { what: `${what}.${key}`, pattern: /^(max|[\d,-]+)$/ });
    if (directive === undefined || value === undefined) unsupported.push(`${what}.${key}`);
    else directives.push([directive, value === "max" ? "infinity" : value]);
  }
}

function bytes(limit: number): string {
  return limit < 0 ? "infinity" : String(limit);
}

/** As runc and crun turn shares of cgroup v1 (2 to 262144) into a weight of v2 (1 to 10000). */
function weight(shares: number): number {
  return Math.min(10_000, Math.max(1, 1 + Math.floor(((shares - 2) * 9999) / 262_142)));
}

/** Of v1 (10 to 1000) into v2 (1 to 10000). */
function ioWeight(v1: number): number {
  return Math.min(10_000, Math.max(1, 1 + Math.floor(((v1 - 10) * 9999) / 990)));
}
