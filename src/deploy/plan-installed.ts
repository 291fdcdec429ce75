/** The part of a plan that is about the image's files for the host. Pure. */
import { Failure } from "../errors.ts";
import type { TemplateValues } from "../render/substitute.ts";
import type { HostAccess } from "./host-access.ts";
import type { Info } from "./info.ts";
import {
  type InstalledFile,
  type InstalledFiles,
  installedFiles,
  parentsOf,
  renamesOf,
} from "./installed-files.ts";
import type { Facts, Plan } from "./plan.ts";

/** None for an image without them. @throws Failure CONFIG_INVALID, VALUE_MISSING, TEMPLATE_INVALID */
export function planInstalled(
  { exports, hostfs }: Pick<Facts, "exports" | "hostfs">,
  values: TemplateValues,
): InstalledFiles {
  if (exports === undefined || hostfs === undefined) return { files: [], rendered: [] };
  return installedFiles(exports, { values, ...hostfs });
}

/** The plan with these files, which are part of what the image asks of the host. @throws as planInstalled() */
export function withInstalled(
  plan: Plan,
  { facts, values }: { facts: Pick<Facts, "exports" | "hostfs" | "paths">; values: TemplateValues },
): Plan {
  const { files, rendered } = planInstalled(facts, values);
  refuseOwnPlaces(files, { hostFiles: plan.hostFiles, state: facts.paths.state });
  return {
    ...plan,
    files: [...plan.files, ...rendered],
    installed: files,
    hostAccess: [...fileAccess(files), ...plan.hostAccess],
  };
}

/** What they ask of the host. */
export function fileAccess(files: readonly InstalledFile[]): HostAccess[] {
  return lasting(files).map(({ path }) => ({ kind: "file", what: path }));
}

function refuseOwnPlaces(
  files: readonly InstalledFile[],
  { hostFiles, state }: { hostFiles: Plan["hostFiles"]; state: string },
): void {
  const own = new Set(hostFiles.map(({ path }) => path));
  for (const { path, type } of files) {
    if (own.has(path))
      throw new Failure(
        "CONFIG_INVALID",
        `the image has a host file ${path}, which is what berth writes itself`,
      );
    if (path === state ? type !== "directory" : parentsOf(path).includes(state))
      throw new Failure("CONFIG_INVALID", `the image has a host file ${path}, in berth's own state`);
  }
}

/** Without the directories that are there only for what lies in them. */
function lasting(files: readonly InstalledFile[]): InstalledFile[] {
  return files.filter((file) => file.type !== "directory" || file.empty);
}

/** What Atomic's records say of the manifest. */
export function manifestRecord(
  { exports }: Pick<Facts, "exports">,
  values: TemplateValues,
): Pick<Info, "installed-files-template" | "rename-installed-files" | "use-links"> {
  if (exports === undefined) return {};
  const { installedFilesTemplate, renameFiles, useLinks } = exports.manifest;
  return {
    "installed-files-template": [...installedFilesTemplate],
    "rename-installed-files": Object.fromEntries(renamesOf(renameFiles, values)),
    "use-links": useLinks,
  };
}

/** What Atomic's records say of them: a checksum only of what has a content. */
export function installedRecord(
  files: readonly InstalledFile[],
): Pick<Info, "installed-files" | "installed-files-checksum"> {
  const listed = lasting(files);
  return {
    "installed-files": listed.map(({ path }) => path),
    "installed-files-checksum": Object.fromEntries(
      listed.map((file) => [file.path, file.type === "file" ? file.sha256 : "0"]),
    ),
  };
}
