/** A command in a running container, with what the service itself has: namespaces, user, environment, bounds, limits. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { isatty } from "node:tty";
import { Failure } from "../errors.ts";
import type { Host } from "../host.ts";
import { parseRuntimeConfig, type RuntimeConfig } from "../oci/runtime-config.ts";
import { capabilityNumbers } from "../runtime/capabilities.ts";
import { managesCgroup, ociCommand } from "../runtime/oci-service.ts";
import { type OciRuntime, parseRuntime } from "../runtime/runtime.ts";
import type { Profile } from "../sys/seccomp.ts";
import type { UnitState } from "../systemd/systemd.ts";
import type { Container } from "./containers.ts";

export async function configOf(container: Pick<Container, "dir">): Promise<RuntimeConfig> {
  const file = join(container.dir, "config.json");
  return parseRuntimeConfig(await readFile(file, "utf8"), file);
}

export function isRunning({ activeState, mainPid }: UnitState): boolean {
  return mainPid > 0 && activeState !== "deactivating";
}

/**
 * Does not return: this process becomes the command. So its standard streams, its terminal, its signals and its exit status
 * are the command's own.
 */
export async function execInContainer(
  host: Host,
  container: Container,
  { command, state }: { command: readonly string[]; state: UnitState },
): Promise<never> {
  const config = await configOf(container);
  const runtime = parseRuntime(container.info.runtime);
  await host.close();
  if (runtime.kind === "oci") return execByRuntime(runtime, { name: container.name, config, command, state });
  return enterAndBecome(config, { command, state, isBounded: runtime.kind === "systemd" });
}

async function execByRuntime(
  runtime: OciRuntime,
  {
    name,
    config,
    command,
    state,
  }: { name: string; config: RuntimeConfig; command: readonly string[]; state: UnitState },
): Promise<never> {
  const { become, inheritText } = await import("../sys/become.ts");
  const { joinCgroup, joinLimits, joinNetwork } = await import("../sys/enter.ts");
  joinLimits(state.mainPid);
  // The unit's, of which the runtime knows nothing.
  joinNetwork(state.mainPid);
  // A runtime that manages no control groups leaves the command in that of its caller.
  if (!managesCgroup(runtime)) joinCgroup(state.controlGroup);
  const terminal = isTerminal();
  // Said whole: of what is not said, each runtime takes another part from the service.
  const wanted = inheritText(JSON.stringify({ ...config.process, terminal, args: command }));
  const argv = [...ociCommand(runtime), "exec", ...(terminal ? ["--tty"] : []), "--process", wanted, name];
  return become(runtime.path, { argv, env: environmentOf(process.env) });
}

/** Without a runtime: into the namespaces of the service's main process, by the kernel's own means. */
async function enterAndBecome(
  config: RuntimeConfig,
  { command, state, isBounded }: { command: readonly string[]; state: UnitState; isBounded: boolean },
): Promise<never> {
  const { become, findExecutable } = await import("../sys/become.ts");
  const { boundTo, enter, joinCgroup, joinLimits, openDoors } = await import("../sys/enter.ts");
  const { process: wanted } = config;
  const { uid, gid, additionalGids = [] } = wanted.user;
  const { bounding = [], ambient = [] } = wanted.capabilities ?? {};
  const path = pathOf(config);
  const [program = ""] = command;
  const confine = isBounded ? await filterOf(config) : undefined;
  const doors = openDoors(state.mainPid);
  joinLimits(state.mainPid);
  joinCgroup(state.controlGroup);
  // Nothing of this host can be loaded any more once inside: what is needed is here.
  const leave = enter(doors);
  process.chdir(wanted.cwd);
  const found = findExecutable(program, path);
  if (found === undefined) {
    leave();
    throw new Failure("COMMAND_NOT_FOUND", `the container has no program ${JSON.stringify(program)}`);
  }
  process.umask(wanted.user.umask ?? 0o022);
  boundTo({
    uid,
    gid,
    groups: additionalGids,
    bounding: isBounded ? capabilityNumbers(bounding) : undefined,
    ambient: isBounded ? capabilityNumbers(ambient) : [],
    noNewPrivileges: wanted.noNewPrivileges === true,
  });
  confine?.();
  return become(found, { argv: command, env: wanted.env });
}

/** What the service's SystemCallFilter= is made of, for a process that systemd does not start. */
async function filterOf({ linux = {} }: RuntimeConfig): Promise<(() => void) | undefined> {
  const profile = linux["seccomp"];
  if (profile === undefined || profile === null) return undefined;
  const { seccompFilter } = await import("../sys/seccomp.ts");
  try {
    return seccompFilter(profile as Profile);
  } catch (cause) {
    throw new Failure("RUNTIME_UNSUPPORTED", "the command cannot be kept to the service's system calls", {
      cause,
      hint: "install libseccomp (Debian: libseccomp2), or stop the service: a command then runs in a unit of its own",
    });
  }
}

/** Where the container's process looks for programs. */
export function pathOf({ process: { env } }: RuntimeConfig): string {
  return env.find((entry) => entry.startsWith("PATH="))?.slice("PATH=".length) ?? "/usr/bin:/bin";
}

/** Whoever calls sits at a terminal, in and out. */
export function isTerminal(): boolean {
  return isatty(0) && isatty(1);
}

function environmentOf(env: NodeJS.ProcessEnv): string[] {
  return Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`]));
}
