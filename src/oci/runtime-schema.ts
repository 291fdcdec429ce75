/**
 * The shapes of the runtime-spec (1.0, config.md and config-linux.md), as far as runtimes of Linux read them: of what type a value
 * is where there is one. What is not named here may be anything; what must be there is for the reader to say. Pure.
 */

/** Why `value` is not of the shape, as the end of a sentence about `path`; undefined when it is. */
type Shape = (value: unknown, path: string) => string | undefined;

/** The first thing in a configuration that is not of its shape: "`linux.devices[0].major` is not a whole number". */
export function shapeError(config: Record<string, unknown>): string | undefined {
  return CONFIG(config, "");
}

const kind =
  (words: string, is: (value: unknown) => boolean): Shape =>
  (value, path) =>
    is(value) ? undefined : `\`${path}\` is not ${words}`;

const text = kind("a text", (value) => typeof value === "string");
const flag = kind("true or false", (value) => typeof value === "boolean");
const integer = kind("a whole number", Number.isInteger);
const natural = kind(
  "a whole number from 0 up",
  (value) => Number.isInteger(value) && (value as number) >= 0,
);
const path = kind("an absolute path", (value) => typeof value === "string" && value.startsWith("/"));

/** An optional value is absent, or null as Go writes it. */
function object(fields: Record<string, Shape>, required: readonly string[] = []): Shape {
  return (value, at) => {
    if (!isRecord(value)) return `\`${at}\` is not an object`;
    const missing = required.find((name) => value[name] === undefined || value[name] === null);
    if (missing !== undefined) return `\`${join(at, missing)}\` is missing`;
    for (const [name, shape] of Object.entries(fields)) {
      const item = Object.hasOwn(value, name) ? value[name] : undefined;
      const error = item === undefined || item === null ? undefined : shape(item, join(at, name));
      if (error !== undefined) return error;
    }
    return undefined;
  };
}

function list(of: Shape): Shape {
  return (value, at) => {
    if (!Array.isArray(value)) return `\`${at}\` is not a list`;
    for (const [index, item] of value.entries()) {
      const error = of(item, `${at}[${index}]`);
      if (error !== undefined) return error;
    }
    return undefined;
  };
}

function map(of: Shape): Shape {
  return (value, at) => {
    if (!isRecord(value)) return `\`${at}\` is not an object`;
    for (const [name, item] of Object.entries(value)) {
      const error = of(item, join(at, name));
      if (error !== undefined) return error;
    }
    return undefined;
  };
}

const ids = list(
  object({ containerID: natural, hostID: natural, size: natural }, ["containerID", "hostID", "size"]),
);
const capabilities = list(text);

const PROCESS = object({
  terminal: flag,
  user: object({ uid: natural, gid: natural, umask: natural, additionalGids: list(natural) }),
  args: list(text),
  env: list(text),
  cwd: text,
  capabilities: object({
    bounding: capabilities,
    effective: capabilities,
    permitted: capabilities,
    inheritable: capabilities,
    ambient: capabilities,
  }),
  rlimits: list(object({ type: text, soft: integer, hard: integer }, ["type", "soft", "hard"])),
  noNewPrivileges: flag,
  oomScoreAdj: integer,
  apparmorProfile: text,
  selinuxLabel: text,
});

const RESOURCES = object({
  devices: list(object({ allow: flag, type: text, major: integer, minor: integer, access: text }, ["allow"])),
  memory: object({ limit: integer, reservation: integer, swap: integer, disableOOMKiller: flag }),
  cpu: object({ shares: natural, quota: integer, period: natural, cpus: text, mems: text }),
  pids: object({ limit: integer }),
  hugepageLimits: list(object({ pageSize: text, limit: natural })),
  unified: map(text),
});

const SECCOMP = object(
  {
    defaultAction: text,
    architectures: list(text),
    flags: list(text),
    syscalls: list(
      object(
        {
          names: list(text),
          action: text,
          args: list(
            object({ index: natural, value: natural, valueTwo: natural, op: text }, ["index", "op"]),
          ),
        },
        ["names", "action"],
      ),
    ),
  },
  ["defaultAction"],
);

const CONFIG = object({
  ociVersion: text,
  hostname: text,
  domainname: text,
  annotations: map(text),
  process: PROCESS,
  root: object({ path: text, readonly: flag }),
  mounts: list(object({ destination: path, type: text, source: text, options: list(text) }, ["destination"])),
  linux: object({
    namespaces: list(object({ type: text, path: text }, ["type"])),
    devices: list(
      object(
        { path, type: text, major: integer, minor: integer, fileMode: natural, uid: natural, gid: natural },
        ["path", "type"],
      ),
    ),
    uidMappings: ids,
    gidMappings: ids,
    sysctl: map(text),
    cgroupsPath: text,
    rootfsPropagation: text,
    maskedPaths: list(text),
    readonlyPaths: list(text),
    mountLabel: text,
    resources: RESOURCES,
    seccomp: SECCOMP,
  }),
});

function join(at: string, name: string): string {
  return at === "" ? name : `${at}.${name}`;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
