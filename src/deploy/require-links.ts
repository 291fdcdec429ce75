/** Files are shared by hard links between the store and the deployments, and link(2) never crosses a mount. */
import { open, readFile } from "node:fs/promises";
import { Failure, isErrno } from "../errors.ts";
import type { Layout } from "../store/layout.ts";

/**
 * Both must be on one mount where they exist; nothing is written to find out.
 * @throws Failure CONFIG_INVALID; a copy of every file is never made in place of links.
 */
export async function requireLinks({ store, containers }: Layout): Promise<void> {
  const [from, to] = [await mountOf(store), await mountOf(containers)];
  if (from === undefined || to === undefined || from === to) return;
  throw new Failure("CONFIG_INVALID", `${containers} cannot hold hard links to ${store}`, {
    hint: "both must be on one file system and one mount",
  });
}

/** The kernel's number of the mount that a directory is on; undefined where there is no directory. */
async function mountOf(directory: string): Promise<string | undefined> {
  try {
    const opened = await open(directory, "r");
    try {
      const text = await readFile(`/proc/self/fdinfo/${opened.fd}`, "utf8");
      return /^mnt_id:\s*(\d+)$/m.exec(text)?.[1];
    } finally {
      await opened.close();
    }
  } catch (error) {
    if (isErrno(error, "ENOENT")) return undefined;
    throw error;
  }
}
