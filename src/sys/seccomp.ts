/** Which system calls this process may make, by libseccomp, which systemd and the OCI runtimes use too. */
import { foreign } from "./libc.ts";

const LIBRARY = "libseccomp.so.2";

/** seccomp.h: what is done of a call. */
const ACTIONS: Record<string, number> = {
  SCMP_ACT_KILL: 0,
  SCMP_ACT_KILL_THREAD: 0,
  SCMP_ACT_KILL_PROCESS: 0x80000000,
  SCMP_ACT_TRAP: 0x00030000,
  SCMP_ACT_ERRNO: 0x00050000,
  SCMP_ACT_LOG: 0x7ffc0000,
  SCMP_ACT_ALLOW: 0x7fff0000,
};

/** How an argument is compared. */
const OPERATORS: Record<string, number> = {
  SCMP_CMP_NE: 1,
  SCMP_CMP_LT: 2,
  SCMP_CMP_LE: 3,
  SCMP_CMP_EQ: 4,
  SCMP_CMP_GE: 5,
  SCMP_CMP_GT: 6,
  SCMP_CMP_MASKED_EQ: 7,
};

const ARCHITECTURES: Record<string, number> = {
  SCMP_ARCH_X86: 0x40000003,
  SCMP_ARCH_X86_64: 0xc000003e,
  SCMP_ARCH_X32: 0x4000003e,
  SCMP_ARCH_ARM: 0x40000028,
  SCMP_ARCH_AARCH64: 0xc00000b7,
};

const EPERM = 1;
const EEXIST = 17;
/** struct scmp_arg_cmp */
const COMPARISON_BYTES = 24;

/** The part of an OCI profile (`linux.seccomp`) that a filter is made of. */
export interface Profile {
  defaultAction: string;
  defaultErrnoRet?: number;
  architectures?: readonly string[];
  syscalls?: readonly {
    names: readonly string[];
    action: string;
    errnoRet?: number;
    args?: readonly { index: number; value: number; valueTwo?: number; op: string }[];
  }[];
}

/**
 * Makes a filter of a profile, and gives what puts this process under it: a call for the very end, since from then on nothing
 * else is allowed, to this process too. Throws for a profile that cannot be kept, and without the library.
 */
export function seccompFilter(profile: Profile): () => void {
  const init = foreign(LIBRARY, "uintptr_t seccomp_init(uint32_t action)");
  const addArchitecture = foreign(LIBRARY, "int seccomp_arch_add(uintptr_t filter, uint32_t token)");
  const load = foreign(LIBRARY, "int seccomp_load(uintptr_t filter)");
  const fallback = actionOf(profile.defaultAction, profile.defaultErrnoRet);
  const filter = init(fallback);
  if (Number(filter) === 0) throw new Error("seccomp_init() made no filter");
  for (const name of profile.architectures ?? []) {
    const token = Object.hasOwn(ARCHITECTURES, name) ? ARCHITECTURES[name] : undefined;
    if (token === undefined) continue; // none that a program here could be of
    check(addArchitecture(filter, token), "seccomp_arch_add", [EEXIST]);
  }
  addRules(filter, profile, fallback);
  return () => check(load(filter), "seccomp_load");
}

function addRules(filter: number, profile: Profile, fallback: number): void {
  const numberOf = foreign(LIBRARY, "int seccomp_syscall_resolve_name(const char *name)");
  const addRule = foreign(
    LIBRARY,
    "int seccomp_rule_add_array(uintptr_t filter, uint32_t action, int number, unsigned int count, const void *arguments)",
  );
  for (const { names, action: word, errnoRet, args = [] } of profile.syscalls ?? []) {
    const action = actionOf(word, errnoRet ?? profile.defaultErrnoRet);
    if (action === fallback) continue;
    const comparisons = Buffer.concat(args.map(comparison));
    for (const name of names) {
      const number = numberOf(name);
      // One that this kernel's architectures do not have.
      if (number === -1) continue;
      check(addRule(filter, action, number, args.length, comparisons), `seccomp_rule_add of ${name}`);
    }
  }
}

function actionOf(word: string, errno = EPERM): number {
  const action = Object.hasOwn(ACTIONS, word) ? ACTIONS[word] : undefined;
  if (action === undefined) throw new Error(`the seccomp action ${word} cannot be taken here`);
  return word === "SCMP_ACT_ERRNO" ? action + (errno & 0xffff) : action;
}

function comparison({
  index,
  value,
  valueTwo = 0,
  op,
}: {
  index: number;
  value: number;
  valueTwo?: number;
  op: string;
}): Buffer {
  const operator = Object.hasOwn(OPERATORS, op) ? OPERATORS[op] : undefined;
  if (operator === undefined) throw new Error(`seccomp compares nothing by ${op}`);
  const bytes = Buffer.alloc(COMPARISON_BYTES);
  bytes.writeUInt32LE(index, 0);
  bytes.writeUInt32LE(operator, 4);
  bytes.writeBigUInt64LE(BigInt(value), 8);
  bytes.writeBigUInt64LE(BigInt(valueTwo), 16);
  return bytes;
}

/** libseccomp gives the error as a negative number. */
function check(result: number, what: string, allowed: readonly number[] = []): void {
  if (result >= 0 || allowed.includes(-result)) return;
  throw new Error(`${what} failed with ${result}`);
}
