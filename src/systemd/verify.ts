/** systemd's own opinion of a unit before it is installed, by `systemd-analyze verify`. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isErrno, isFailure } from "../errors.ts";
import { runTool } from "./run-tool.ts";

/**
 * What systemd complains of in the text of a unit of this name, a line each (`line 5: Unknown key ...`); empty when it is
 * good, and when systemd-analyze is not installed.
 *
 * Only what is said of this unit counts, not what is wrong with others on the host. Two complaints do not count: a program
 * that is missing, since it lies below RootDirectory= and is looked for outside; and a unit that is missing, since
 * a dependency may be installed later.
 */
export async function verifyUnit(unit: string, text: string): Promise<string[]> {
  const directory = await mkdtemp(join(tmpdir(), "berth-verify-"));
  try {
    const file = join(directory, unit);
    await writeFile(file, text);
    // The exit status tells nothing: 1 for a missing program, 0 for an unknown key.
    const { stderr } = await runTool("systemd-analyze", ["verify", "--man=no", file]);
    return complaintsOf(stderr, { unit, file });
  } catch (error) {
    if (isFailure(error, "NO_SYSTEMD") && isErrno(error.cause, "ENOENT")) return [];
    throw error;
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** The complaints about one unit in what systemd-analyze wrote. */
export function complaintsOf(stderr: string, { unit, file }: { unit: string; file: string }): string[] {
  return stderr.split("\n").flatMap((line) => {
    const at = line.startsWith(`${file}:`) ? /^:(\d+): (.*)$/s.exec(line.slice(file.length)) : null;
    if (at !== null) return [`line ${at[1]}: ${at[2]}`];
    if (!line.startsWith(`${unit}: `)) return [];
    const said = line.slice(unit.length + 2);
    const isNoise = /^Command .* is not executable: /.test(said) || / not found\.?$/.test(said);
    return isNoise ? [] : [said];
  });
}
