/** The files of a deployment, and which of them go to the host. Pure. */
import { join } from "node:path";
import { formatRuntimeConfig } from "../oci/runtime-config.ts";
import { quoteEnvironmentFile } from "../unit/quote.ts";
import { missingAccounts, sysusersFile } from "./accounts.ts";
import type { Facts, Plan } from "./plan.ts";
import type { InstallRequest } from "./request.ts";
import { dropInText, tmpfilesText, type UnitContext, unitText } from "./unit-files.ts";
import type { WritableRoot } from "./writable-root.ts";

export function serviceFiles(
  request: InstallRequest,
  units: UnitContext,
  overlay: WritableRoot | undefined,
): Plan["files"] {
  const { name, facts, render, service } = units;
  const { process } = service.config;
  const files: Plan["files"] = [
    { name: "config.json", text: formatRuntimeConfig(service.config), mode: 0o600 },
    { name: `${name}.service`, text: unitText(request, units), mode: 0o644 },
    { name: "10-berth.conf", text: dropInText(request, units), mode: 0o644 },
    ...(overlay?.units ?? []).map((unit) => ({ ...unit, mode: 0o644 })),
  ];
  if (service.environmentFile !== undefined) {
    files.push({ name: service.environmentFile, text: quoteEnvironmentFile(process.env), mode: 0o600 });
  }
  files.push(...tmpfilesFile(units, [...units.mounts.state, ...units.mounts.sources]));
  const accounts =
    facts.runtime.kind === "systemd" ? missingAccounts(process.user, facts.accounts) : undefined;
  if (accounts !== undefined) {
    const text = render("sysusers.conf.ejs", { ...accounts });
    files.push({ name: `sysusers-${name}.conf`, text, mode: 0o644 });
  }
  return files;
}

/** The image's own lines, then those for directories that berth has to make; nothing where there are none. */
export function tmpfilesFile(
  { name, render, imageTmpfiles = "" }: Pick<UnitContext, "name" | "render" | "imageTmpfiles">,
  directories: Plan["sources"],
): Plan["files"] {
  const own =
    imageTmpfiles.trim() === "" || imageTmpfiles.endsWith("\n") ? imageTmpfiles : `${imageTmpfiles}\n`;
  const made = directories.length > 0 ? tmpfilesText(directories, render) : "";
  const text = own.trim() === "" ? made : own + made;
  return text === "" ? [] : [{ name: `tmpfiles-${name}.conf`, text, mode: 0o644 }];
}

export function hostFilesOf(
  files: Plan["files"],
  { name, facts, overlay }: { name: string; facts: Pick<Facts, "paths">; overlay?: WritableRoot | undefined },
): Plan["hostFiles"] {
  const { paths } = facts;
  const units = [`${name}.service`, ...(overlay?.units ?? []).map((unit) => unit.name)];
  const places: Record<string, string> = {
    ...Object.fromEntries(units.map((unit) => [unit, join(paths.unitDirectory, unit)])),
    "10-berth.conf": join(paths.unitDirectory, `${name}.service.d`, "10-berth.conf"),
    [`tmpfiles-${name}.conf`]: join(paths.tmpfilesDirectory, `${name}.conf`),
    [`sysusers-${name}.conf`]: sysusersFile(name),
  };
  return files.flatMap(({ name: file, mode }) => {
    const path = places[file];
    return path === undefined ? [] : [{ path, file, mode }];
  });
}
