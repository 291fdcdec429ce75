/** systemd's own search for circles in the order, by `systemd-analyze verify` over the host's units and one that is not there yet. */
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { isErrno, isFailure } from "../errors.ts";
import { runTool } from "./run-tool.ts";

/**
 * The circle that systemd finds through `unit`, each starting after the next; undefined when there is none, and when
 * systemd-analyze is not installed. `files` are the unit and its drop-ins by their paths in a unit directory; `wantedBy` pull it in.
 */
export async function verifyOrder(
  unit: string,
  { files, wantedBy }: { files: ReadonlyMap<string, string>; wantedBy: readonly string[] },
): Promise<string[] | undefined> {
  const directory = await mkdtemp(join(tmpdir(), "berth-order-"));
  try {
    for (const [path, text] of files) {
      await mkdir(dirname(join(directory, path)), { recursive: true });
      await writeFile(join(directory, path), text);
    }
    for (const name of wantedBy) {
      await mkdir(join(directory, `${name}.wants`), { recursive: true });
      await symlink(`../${unit}`, join(directory, `${name}.wants`, unit));
    }
    // The colon at the end: after it, where units are looked for anyway. What boots, and what may be started later.
    const starts = [...new Set(["default.target", ...wantedBy, unit])];
    const { stderr } = await runTool("systemd-analyze", ["verify", "--man=no", ...starts], {
      env: { SYSTEMD_UNIT_PATH: `${directory}:` },
    });
    const cycle = cyclesOf(stderr).find((names) => names.includes(unit));
    return cycle && beginningWith(unit, cycle);
  } catch (error) {
    if (isFailure(error, "NO_SYSTEMD") && isErrno(error.cause, "ENOENT")) return undefined;
    throw error;
  } finally {
    await rm(directory, { recursive: true });
  }
}

function beginningWith(unit: string, cycle: readonly string[]): string[] {
  const units = cycle.slice(0, -1);
  const at = units.indexOf(unit);
  return [...units.slice(at), ...units.slice(0, at), unit];
}

/** The circles in what systemd-analyze wrote, each closed: its last unit is its first. */
export function cyclesOf(stderr: string): string[][] {
  const cycles: string[][] = [];
  for (const line of stderr.split("\n")) {
    const found = /^(\S+): Found (ordering cycle|dependency) on (\S+)\/\w+/.exec(line);
    if (found === null) continue;
    const [, first = "", kind, next = ""] = found;
    if (kind === "ordering cycle") cycles.push([first, next]);
    else cycles.at(-1)?.push(next);
  }
  return cycles;
}
