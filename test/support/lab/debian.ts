/**
 * Debian 12, whatever this machine runs: its package lists in a room of their own in the cache, so that apt can fetch
 * packages without root and without a change to this machine.
 */
import { link, mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { cached } from "./cache.ts";
import { tool } from "./tool.ts";

/** Debian 12 with systemd 252, and Debian 13 with systemd 257. */
export type Suite = "bookworm" | "trixie";

/** The lines of a sources.list. BERTH_DEBIAN_MIRROR names another mirror of the main archive. */
export function sourcesOf(suite: Suite): readonly string[] {
  const mirror = process.env["BERTH_DEBIAN_MIRROR"] || "http://deb.debian.org/debian";
  return [
    [mirror, suite],
    [mirror, `${suite}-updates`],
    ["http://security.debian.org/debian-security", `${suite}-security`],
  ].map(([from, name]) => `deb [signed-by=${keyring()}] ${from} ${name} main`);
}

/** Those of what the images are made of. */
export const sources: readonly string[] = sourcesOf("bookworm");

/** A directory with the .deb files of these packages (without what they depend on), kept under the use they are for. */
export async function downloadPackages(use: string, names: readonly string[]): Promise<string> {
  return cached({
    kind: `debs-${use}`,
    from: { sources, names },
    make: (dir) => inRoom(dir, { sources }, (room) => apt(room, ["download", ...names])),
  });
}

/**
 * The same with what they depend on, group after group: `DIR/N/` holds what the N-th group needs beyond those before it. `lines` are those of
 * a sources.list.
 */
export async function downloadGroups(
  use: string,
  { groups, lines = sources }: { groups: readonly (readonly string[])[]; lines?: readonly string[] },
): Promise<string> {
  return cached({
    kind: `debs-${use}`,
    from: { lines, groups },
    make: (dir) =>
      inRoom(dir, { sources: lines }, async (room) => {
        const seen = new Set<string>();
        for (const at of groups.keys()) {
          const names = groups.slice(0, at + 1).flat();
          await apt(room, ["install", "--download-only", "--yes", "--no-install-recommends", ...names]);
          await linkNew(join(room, "archives"), { seen, into: join(dir, String(at)) });
        }
      }),
  });
}

/** Unpacks packages into one directory. No maintainer script runs, so nothing of them starts. */
export async function unpackPackages(
  into: string,
  from: { debs: string; names: readonly string[] },
): Promise<void> {
  const files = await readdir(from.debs);
  for (const name of from.names) {
    const file = files.find((deb) => deb.startsWith(`${name}_`));
    if (file === undefined) throw new Error(`${from.debs} has no package ${name}`);
    await tool("dpkg-deb", ["-x", join(from.debs, file), into]);
  }
}

/** Gives the packages in `from` that are not `seen` a name in the new directory `into`. */
async function linkNew(from: string, { seen, into }: { seen: Set<string>; into: string }): Promise<void> {
  await mkdir(into);
  for (const file of await readdir(from)) {
    if (!file.endsWith(".deb") || seen.has(file)) continue;
    seen.add(file);
    await link(join(from, file), join(into, file));
  }
}

async function inRoom(
  dir: string,
  { sources: lines }: { sources: readonly string[] },
  use: (room: string) => Promise<void>,
): Promise<void> {
  const room = join(dir, ".apt");
  await mkdir(join(room, "lists/partial"), { recursive: true });
  await mkdir(join(room, "archives/partial"), { recursive: true });
  await writeFile(join(room, "sources.list"), `${lines.join("\n")}\n`);
  await writeFile(join(room, "status"), "");
  await apt(room, ["update"]);
  await use(room);
  await rm(room, { recursive: true });
}

async function apt(room: string, args: string[]): Promise<void> {
  const settings = {
    "Dir::Etc::sourcelist": join(room, "sources.list"),
    "Dir::Etc::sourceparts": "-",
    "Dir::State::lists": join(room, "lists"),
    "Dir::State::status": join(room, "status"),
    "Dir::Cache": room,
    "APT::Sandbox::User": "root",
  };
  const options = Object.entries(settings).flatMap(([key, value]) => ["-o", `${key}=${value}`]);
  await tool("apt-get", ["-qq", ...options, ...args], { cwd: dirname(room) });
}

function keyring(): string {
  return "/usr/share/keyrings/debian-archive-keyring.gpg";
}
