import { constants } from "node:fs";
import { cString, lastError, native } from "./libc.ts";

const mknodCall = native("int mknod(const void *path, unsigned int mode, uint64_t dev)");

export type NodeType = "char" | "block" | "fifo";

const FORMATS = { char: constants.S_IFCHR, block: constants.S_IFBLK, fifo: constants.S_IFIFO };

export interface DeviceNumber {
  major: number;
  minor: number;
}

/** Makes a device or a fifo; never replaces (EEXIST). `mode` is permission bits, still cut by the umask. */
export function mknod(
  path: string | Uint8Array,
  { type, mode, device = { major: 0, minor: 0 } }: { type: NodeType; mode: number; device?: DeviceNumber },
): void {
  const file = cString(path);
  if (mknodCall(file, FORMATS[type] | mode, makeDevice(device)) !== 0)
    throw lastError({ syscall: "mknod", path: file.subarray(0, -1) });
}

/** glibc's gnu_dev_makedev: 32 bits of major and of minor, interleaved. */
export function makeDevice({ major, minor }: DeviceNumber): bigint {
  const M = BigInt(major);
  const m = BigInt(minor);
  return ((M & 0xfffff000n) << 32n) | ((M & 0xfffn) << 8n) | ((m & 0xffffff00n) << 12n) | (m & 0xffn);
}

/** Undoes makeDevice(). */
export function splitDevice(device: bigint): DeviceNumber {
  const major = ((device >> 32n) & 0xfffff000n) | ((device >> 8n) & 0xfffn);
  const minor = ((device >> 12n) & 0xffffff00n) | (device & 0xffn);
  return { major: Number(major), minor: Number(minor) };
}
