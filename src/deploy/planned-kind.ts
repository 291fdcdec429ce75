/** What paths of the host will be once the files of a deployment are there. Pure. */
import type { InstalledFile } from "./installed-files.ts";
import type { Facts } from "./plan.ts";

/** As the host has it now; where it has nothing, what the image's own tmpfiles.d(5) lines or host files will make there. */
export function plannedKind(
  { kindOf }: Pick<Facts, "kindOf">,
  { tmpfiles = "", installed }: { tmpfiles?: string | undefined; installed: readonly InstalledFile[] },
): Facts["kindOf"] {
  const made = new Map<string, "dir" | "file">();
  for (const line of tmpfiles.split("\n")) {
    const [, type = "", path = ""] = /^\s*([a-zA-Z])\S*\s+"?([^\s"]+)/.exec(line) ?? [];
    if (/[fFwpcb]/.test(type)) made.set(clean(path), "file");
    if (/[dDevqQC]/.test(type)) made.set(clean(path), "dir");
  }
  for (const { path, type } of installed) made.set(path, type === "directory" ? "dir" : "file");
  return (path) => {
    const kind = kindOf(path);
    return kind === "absent" ? (made.get(clean(path)) ?? "absent") : kind;
  };
}

function clean(path: string): string {
  return path.length > 1 ? path.replace(/\/+$/, "") : path;
}
