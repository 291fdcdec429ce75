/** The part of a plan that is about the image's files for the host. Pure. */
import { Failure } from "../errors.ts";
import type { TemplateValues } from "../render/substitute.ts";
import type { Info } from "./info.ts";
import { type InstalledFile, type InstalledFiles, installedFiles, parentsOf } from "./installed-files.ts";
import type { Facts, Plan } from "./plan.ts";

/** None for an image without /exports. @throws Failure CONFIG_INVALID, VALUE_MISSING, TEMPLATE_INVALID */
export function planInstalled(
  { exports, hostfs, paths }: Pick<Facts, "exports" | "hostfs" | "paths">,
  { values, hostFiles }: { values: TemplateValues; hostFiles: Plan["hostFiles"] },
): InstalledFiles {
  if (exports === undefined || hostfs === undefined) return { files: [], rendered: [] };
  const installed = installedFiles(exports, { values, ...hostfs });
  const own = new Set(hostFiles.map(({ path }) => path));
  for (const { path, type } of installed.files) {
    if (own.has(path))
      throw new Failure("CONFIG_INVALID", `the image has a host file ${path}, which is what berth writes itself`);
    if (path === paths.state ? type !== "directory" : parentsOf(path).includes(paths.state))
      throw new Failure("CONFIG_INVALID", `the image has a host file ${path}, in berth's own state`);
  }
  return installed;
}

/** What Atomic's records say of them: a checksum only of what has a content. */
export function installedRecord(
  files: readonly InstalledFile[],
): Pick<Info, "installed-files" | "installed-files-checksum"> {
  const listed = files.filter((file) => file.type !== "directory" || file.empty);
  return {
    "installed-files": listed.map(({ path }) => path),
    "installed-files-checksum": Object.fromEntries(
      listed.map((file) => [file.path, file.type === "file" ? file.sha256 : "0"]),
    ),
  };
}
