/** Which package of the host a file belongs to, by dpkg's lists or rpm's database. */
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { isErrno, isFailure } from "../errors.ts";
import { runTool } from "../systemd/run-tool.ts";

const DPKG_LISTS = "/var/lib/dpkg/info";

/** Where rpm keeps its database, by age. */
const RPM_DATABASES = ["/usr/lib/sysimage/rpm", "/var/lib/rpm", "/usr/share/rpm"];

/** Directories of the root that were moved below /usr; dpkg knows files under both names. */
const MOVED = /^(?:\/usr)?(\/(?:s?bin|lib(?:32|64|x32)?)\/.*)$/;

/** `path` of the system below `root`; undefined for a file of no package, and where nobody can say. */
export async function packageOwner(root: string, path: string): Promise<string | undefined> {
  return (await dpkgOwner(root, path)) ?? (await rpmOwner(root, path));
}

async function dpkgOwner(root: string, path: string): Promise<string | undefined> {
  const directory = join(root, DPKG_LISTS);
  const names = namesOf(path).map((name) => `\n${name}\n`);
  for (const file of await listsIn(directory)) {
    const text = `\n${await readFile(join(directory, file), "utf8")}\n`;
    if (names.some((name) => text.includes(name))) return basename(file, ".list").replace(/:[a-z0-9-]+$/, "");
  }
  return undefined;
}

function namesOf(path: string): string[] {
  const below = MOVED.exec(path)?.[1];
  return below === undefined ? [path] : [`/usr${below}`, below];
}

async function listsIn(directory: string): Promise<string[]> {
  try {
    return (await readdir(directory)).filter((file) => file.endsWith(".list"));
  } catch (error) {
    if (isErrno(error, "ENOENT") || isErrno(error, "ENOTDIR")) return [];
    throw error;
  }
}

async function rpmOwner(root: string, path: string): Promise<string | undefined> {
  if (!RPM_DATABASES.some((directory) => existsSync(join(root, directory)))) return undefined;
  const args = ["--root", root, "-qf", "--queryformat", "%{NAME}\\n", path];
  try {
    const { exitCode, stdout } = await runTool("rpm", args);
    return exitCode === 0 ? stdout.split("\n", 1)[0] || undefined : undefined;
  } catch (error) {
    if (isFailure(error, "NO_SYSTEMD")) return undefined; // no rpm here to ask
    throw error;
  }
}
