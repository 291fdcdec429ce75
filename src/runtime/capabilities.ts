/** Capabilities of the kernel by name: linux/capability.h, in the order of their numbers. */
const NAMES =
  "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE".split(
    " ",
  );

/** Those whose bits a mask of /proc/PID/status has, as runtime configurations name them. */
export function capabilitiesIn(mask: bigint): string[] {
  return NAMES.map((name) => `CAP_${name}`).filter((_, number) => ((mask >> BigInt(number)) & 1n) === 1n);
}

/** All that the kernel knows, and more. */
export const ALL_CAPABILITIES: bigint = (1n << 64n) - 1n;

/** Their numbers; a name that the kernel does not know is left out, as runtimes do. */
export function capabilityNumbers(names: readonly string[]): number[] {
  return names.map((name) => NAMES.indexOf(name.replace(/^CAP_/, ""))).filter((number) => number >= 0);
}
