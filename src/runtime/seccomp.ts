/** A seccomp profile (`linux.seccomp`) as SystemCallFilter= and its companions, where these can say it. */
import {
  isRecord,
  listAt,
  recordAt,
  type Translation,
  translation,
  unknownKeys,
  wordAt,
} from "./translation.ts";

const WHAT = "linux.seccomp";

const ARCHITECTURES: Record<string, string> = {
  SCMP_ARCH_X86: "x86",
  SCMP_ARCH_X86_64: "x86-64",
  SCMP_ARCH_X32: "x32",
  SCMP_ARCH_ARM: "arm",
  SCMP_ARCH_AARCH64: "arm64",
  SCMP_ARCH_MIPS64: "mips64",
  SCMP_ARCH_MIPSEL64: "mips64-le",
  SCMP_ARCH_PPC64LE: "ppc64-le",
  SCMP_ARCH_RISCV64: "riscv64",
  SCMP_ARCH_S390: "s390",
  SCMP_ARCH_S390X: "s390x",
};

/** errno of a denied call where the profile names none: EPERM (runtime-spec). */
const EPERM = 1;

interface Rule {
  names: string[];
  action: string;
  errno: number | undefined;
  hasArguments: boolean;
}

/** A profile is a list of what is allowed, or of what is denied; rules on arguments have no directive. */
export function seccompDirectives(seccomp: unknown): Translation {
  const made = translation();
  if (seccomp === undefined || seccomp === null) return made;
  const profile = recordAt(seccomp, WHAT);
  const fallback = wordAt(profile["defaultAction"], { what: `${WHAT}.defaultAction` }) ?? "SCMP_ACT_ALLOW";
  const rules = listAt(profile["syscalls"], `${WHAT}.syscalls`).filter(isRecord).map(ruleOf);
  const denies = !isAllowed(fallback);
  // A call that is allowed under conditions is allowed: the conditions are what is told as missing.
  const listed = rules.filter(
    ({ action, hasArguments }) => isAllowed(action) === denies && (denies || !hasArguments),
  );
  tellRest(rules, { denies, made });
  const errno = integerOr(profile["defaultErrnoRet"], EPERM);
  if (denies) {
    const names = unique(listed.flatMap((rule) => rule.names));
    // An empty value would take the filter away; @default is in every list anyway.
    made.directives.push(["SystemCallFilter", names.length > 0 ? names.join(" ") : "@default"]);
    // Without a number a denied call ends the process.
    if (fallback === "SCMP_ACT_ERRNO") made.directives.push(["SystemCallErrorNumber", String(errno)]);
  } else if (listed.length > 0) {
    const words = listed.flatMap(({ names, action, errno: own }) =>
      names.map((name) => denial(name, action, own)),
    );
    made.directives.push(["SystemCallFilter", `~${unique(words).join(" ")}`]);
  }
  architectures(profile, made);
  const known = [
    "defaultAction",
    "defaultErrnoRet",
    "syscalls",
    "architectures",
    "flags",
    "listenerMetadata",
  ];
  made.unsupported.push(...unknownKeys(profile, { what: WHAT, known }));
  return made;
}

function ruleOf(value: Record<string, unknown>): Rule {
  const names = [...listAt(value["names"], `${WHAT}.syscalls.names`), ...[value["name"] ?? []].flat()];
  return {
    names: names.flatMap(
      (name) => wordAt(name, { what: `${WHAT}.syscalls.names`, pattern: /^[a-z0-9_]+$/i }) ?? [],
    ),
    action: wordAt(value["action"], { what: `${WHAT}.syscalls.action` }) ?? "",
    errno: typeof value["errnoRet"] === "number" ? integerOr(value["errnoRet"], EPERM) : undefined,
    hasArguments: listAt(value["args"], `${WHAT}.syscalls.args`).length > 0,
  };
}

function tellRest(rules: readonly Rule[], { denies, made }: { denies: boolean; made: Translation }): void {
  const conditional = unique(
    rules
      .filter(({ hasArguments, action }) => hasArguments && isAllowed(action) === denies)
      .flatMap(({ names }) => names),
  );
  if (conditional.length > 0) {
    made.unsupported.push(`rules on the arguments of ${conditional.join(", ")} (${WHAT})`);
  }
  const odd = unique(rules.map(({ action }) => action).filter((action) => /_(TRACE|NOTIFY)$/.test(action)));
  if (odd.length > 0) made.unsupported.push(`the action ${odd.join(", ")} (${WHAT})`);
}

function denial(name: string, action: string, errno: number | undefined): string {
  return action === "SCMP_ACT_ERRNO" ? `${name}:${errno ?? EPERM}` : `${name}:kill`;
}

function isAllowed(action: string): boolean {
  return action === "SCMP_ACT_ALLOW" || action === "SCMP_ACT_LOG";
}

function architectures(profile: Record<string, unknown>, { directives, unsupported }: Translation): void {
  const named = listAt(profile["architectures"], `${WHAT}.architectures`).map(String);
  if (named.length === 0) return;
  const known = named.flatMap((name) =>
    Object.hasOwn(ARCHITECTURES, name) ? [ARCHITECTURES[name] ?? ""] : [],
  );
  if (known.length < named.length) {
    const unknown = named
      .filter((name) => !Object.hasOwn(ARCHITECTURES, name))
      .map((name) => JSON.stringify(name));
    unsupported.push(`the architectures ${unknown.join(", ")} (${WHAT})`);
  }
  directives.push(["SystemCallArchitectures", ["native", ...known].join(" ")]);
}

function integerOr(value: unknown, fallback: number): number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 ? value : fallback;
}

function unique(words: readonly string[]): string[] {
  return [...new Set(words)];
}
