/** What an image starts, as the process of a runtime configuration. Pure: the image's tree is data. */
import { posix } from "node:path";
import { Failure } from "../errors.ts";
import type { ExecConfig } from "../oci/image-config.ts";
import type { ImageUser } from "../oci/image-user.ts";
import type { RuntimeProcess } from "../oci/runtime-config.ts";

/** The search path of a process whose image sets none, as Docker and podman have it. */
export const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

export interface ProcessFacts {
  user: ImageUser;
  /** `NAME=VALUE` beside those of the image, which they replace. */
  environment: readonly string[];
  /** Whether the image has an executable file at this absolute path. */
  isExecutable(path: string): boolean;
}

/**
 * Entrypoint and Cmd, Env, User and WorkingDir. The program is named by its absolute path, found now in the image's own
 * PATH: systemd would look for a bare name on the host.
 * @throws Failure CONFIG_INVALID when the image names no program, or one that it does not hold.
 */
export function processOf(
  image: ExecConfig,
  { user, environment, isExecutable }: ProcessFacts,
): RuntimeProcess {
  const [program, ...rest] = [...image.entrypoint, ...image.cmd];
  if (program === undefined || program === "") {
    throw new Failure(
      "CONFIG_INVALID",
      "the image names no program to start: it has neither Entrypoint nor Cmd",
    );
  }
  const cwd = workingDirectory(image.workingDir);
  const env = mergeEnvironment([`PATH=${DEFAULT_PATH}`, `HOME=${user.home}`], image.env, environment);
  const { uid, gid, additionalGids } = user;
  return {
    user: {
      uid,
      gid,
      ...(additionalGids !== undefined && additionalGids.length > 0 ? { additionalGids } : {}),
    },
    args: [findProgram(program, { cwd, path: variable(env, "PATH"), isExecutable }), ...rest],
    env,
    cwd,
  };
}

/** The lists one after the other; a later value replaces an earlier one in its place. */
export function mergeEnvironment(...lists: (readonly string[])[]): string[] {
  const entries = new Map<string, string>();
  for (const entry of lists.flat()) entries.set(entry.slice(0, entry.indexOf("=")), entry);
  return [...entries.values()];
}

function workingDirectory(directory: string | undefined): string {
  if (directory === undefined) return "/";
  const clean = posix.normalize(directory);
  if (!clean.startsWith("/") || clean.startsWith("/proc/")) {
    throw new Failure(
      "CONFIG_INVALID",
      `the image's working directory ${JSON.stringify(directory)} is not a path of its own`,
    );
  }
  return clean.length > 1 && clean.endsWith("/") ? clean.slice(0, -1) : clean;
}

/** Its absolute path in the image. CONFIG_INVALID where it has none. */
export function findProgram(
  program: string,
  { cwd, path, isExecutable }: { cwd: string; path: string } & Pick<ProcessFacts, "isExecutable">,
): string {
  const candidates = program.includes("/")
    ? [posix.resolve(cwd, program)]
    : path
        .split(":")
        .filter((dir) => dir.startsWith("/"))
        .map((dir) => posix.join(dir, program));
  const found = candidates.find(isExecutable);
  if (found !== undefined) return found;
  throw new Failure(
    "CONFIG_INVALID",
    `the image starts ${JSON.stringify(program)}, but holds no such executable file`,
    {
      hint: program.includes("/") ? undefined : `its PATH is ${path}`,
    },
  );
}

/** The value of a variable; empty where there is none. */
export function variable(env: readonly string[], name: string): string {
  return env.find((entry) => entry.startsWith(`${name}=`))?.slice(name.length + 1) ?? "";
}
