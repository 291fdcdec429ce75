/** The admin's own step before an update, such as a snapshot of the data: `pre_update` in berth.toml. */
import { stat } from "node:fs/promises";
import { Failure, isErrno } from "../errors.ts";
import type { Host } from "../host.ts";

export interface UpdateStep {
  name: string;
  /** Digests of the images. */
  from: string;
  to: string;
  /** Directories of the host that keep the container's state. */
  state: readonly string[];
  /** Whether the new image says that it changes its data for good. */
  oneWay: boolean;
}

/** Lines of what it printed that an error shows. */
const SHOWN_LINES = 10;

/**
 * Runs it to its end, if there is one, with the update in its environment: BERTH_NAME, BERTH_OLD_DIGEST, BERTH_NEW_DIGEST,
 * BERTH_STATE_DIRECTORIES (colons between), BERTH_DATA (`one-way` or empty). A tree that does not run has no data in use.
 * @throws Failure HOOK_FAILED when it does not end with status 0, CONFIG_INVALID when it is not root's alone to change; INTERRUPTED.
 */
export async function runPreUpdate(host: Host, step: UpdateStep): Promise<void> {
  const path = host.config.preUpdate;
  if (path === undefined || host.offline) return;
  await checkHook(path);
  host.report({ type: "step", step: "pre-update", name: step.name });
  const { execa } = await import("execa");
  const { exitCode, all, isCanceled, shortMessage } = await execa(path, [], {
    stdin: "ignore",
    all: true,
    reject: false,
    extendEnv: false,
    cancelSignal: host.signal,
    env: {
      PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      BERTH_NAME: step.name,
      BERTH_OLD_DIGEST: step.from,
      BERTH_NEW_DIGEST: step.to,
      BERTH_STATE_DIRECTORIES: step.state.join(":"),
      BERTH_DATA: step.oneWay ? "one-way" : "",
    },
  });
  if (isCanceled) throw new Failure("INTERRUPTED", `interrupted while ${path} ran`);
  if (exitCode === 0) return;
  const lines = all.split("\n").slice(-SHOWN_LINES).join("\n");
  const how = exitCode === undefined ? (shortMessage ?? "it could not be run") : `exit status ${exitCode}`;
  throw new Failure("HOOK_FAILED", `${step.name} is not updated: ${path} failed, ${how}`, {
    cause: lines === "" ? undefined : new Error(lines),
    hint: "`pre_update` in berth.toml asks for it before every update",
  });
}

/** Who may write it is root. */
async function checkHook(path: string): Promise<void> {
  const refuse = (reason: string): Failure =>
    new Failure("CONFIG_INVALID", `pre_update = ${JSON.stringify(path)} in berth.toml: ${reason}`, {
      hint: "it must be an executable of root's that nobody else can write to",
    });
  let found: Awaited<ReturnType<typeof stat>>;
  try {
    found = await stat(path);
  } catch (error) {
    if (isErrno(error, "ENOENT") || isErrno(error, "ENOTDIR")) throw refuse("there is no such file");
    throw error;
  }
  if (!found.isFile() || (found.mode & 0o100) === 0) throw refuse("it is not executable");
  if (found.uid !== 0 || (found.mode & 0o022) !== 0) throw refuse("others than root can change it");
}
