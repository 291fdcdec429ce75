/** A deployment that leaves takes along what its tmpfiles lines mark for removal: `systemd-tmpfiles --remove`. */
import { isFailure } from "../errors.ts";
import type { Host } from "../host.ts";
import { textIfThere } from "../sys/if-there.ts";
import type { Info } from "./info.ts";
import { excludedPrefixes, markedPaths, protectedPaths } from "./marked-for-removal.ts";

/** Whether removeMarked() would do anything: the service must not run meanwhile. */
export async function marksAnything(host: Host, info: Info): Promise<boolean> {
  return !host.offline && (await markedFiles(info)).length > 0;
}

/**
 * By the files as they are on the host. Data, configuration, state and volumes stay whatever the lines say, unless `purge`. A
 * tree that does not run has nothing to remove: such lines are for what a running service makes.
 */
export async function removeMarked(
  host: Host,
  info: Info,
  { purge = false }: { purge?: boolean } = {},
): Promise<void> {
  if (host.offline) return;
  const { removeTmpfiles } = await import("../systemd/tmpfiles.ts");
  for (const { path, marked } of await markedFiles(info)) {
    const exclude = purge ? [] : excludedPrefixes(marked, protectedPaths(host, info));
    try {
      await removeTmpfiles(path, { exclude });
    } catch (error) {
      // What is left over does no harm; what a change began must not end half way for it.
      if (!isFailure(error, "CONFIG_INVALID")) throw error;
      host.report({ type: "warning", message: error.message });
    }
  }
}

async function markedFiles({ berth }: Info): Promise<{ path: string; marked: string[] }[]> {
  const files = berth.hostFiles.filter(({ file }) => file.startsWith("tmpfiles-"));
  const read = await Promise.all(
    files.map(async ({ path }) => ({ path, marked: markedPaths((await textIfThere(path)) ?? "") })),
  );
  return read.filter(({ marked }) => marked.length > 0);
}
