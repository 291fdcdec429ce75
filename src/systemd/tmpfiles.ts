/** systemd-tmpfiles(8) and systemd-sysusers(8) on one configuration file. */
import { Failure } from "../errors.ts";
import { runTool } from "./run-tool.ts";

/** Creates what the lines of a tmpfiles.d(5) file ask for. CONFIG_INVALID with what the tool says. */
export async function createTmpfiles(file: string): Promise<void> {
  await apply("systemd-tmpfiles", ["--create", file], file);
}

/**
 * Removes what the lines of a tmpfiles.d(5) file mark for removal (`R`, `r`, `D`), but nothing below `exclude`, and where `only` is
 * given nothing that is not at or below one of these. CONFIG_INVALID.
 */
export async function removeTmpfiles(
  file: string,
  { exclude = [], only }: { exclude?: readonly string[]; only?: readonly string[] } = {},
): Promise<void> {
  if (only?.length === 0) return;
  const kept = exclude.map((prefix) => `--exclude-prefix=${prefix}`);
  const meant = (only ?? []).map((prefix) => `--prefix=${prefix}`);
  await apply("systemd-tmpfiles", ["--remove", ...kept, ...meant, file], file);
}

/** Creates the users and groups of a sysusers.d(5) file. CONFIG_INVALID. */
export async function createSysusers(file: string): Promise<void> {
  await apply("systemd-sysusers", [file], file);
}

async function apply(tool: string, args: readonly string[], file: string): Promise<void> {
  const { exitCode, stderr } = await runTool(tool, args);
  if (exitCode === 0) return;
  throw new Failure(
    "CONFIG_INVALID",
    `${tool} cannot apply ${file}: ${stderr.trim() || `exit status ${exitCode}`}`,
  );
}
