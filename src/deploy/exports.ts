/**
 * What an image in the /exports format brings beside its file system: templates, settings, files for the host. Pure; the files
 * themselves are read by read-exports.ts. See docs/exports.md.
 */
import { Failure } from "../errors.ts";
import type { ByteString } from "../layer/byte-string.ts";
import type { TreeEntry } from "../layer/tree.ts";
import { type ManifestHealth, parseManifestHealth } from "./manifest-health.ts";

/** An entry of /exports/hostfs: its path below that directory, without a slash before it; a directory comes before what it holds. */
export interface HostfsEntry {
  path: ByteString;
  entry: TreeEntry;
}

export interface Exports {
  /** config.json: used as it is. */
  config: string | undefined;
  configTemplate: string | undefined;
  serviceTemplate: string | undefined;
  /** An empty one says that there are no tmpfiles lines. */
  tmpfilesTemplate: string | undefined;
  manifest: ExportsManifest;
  hostfs: readonly HostfsEntry[];
}

export interface ExportsManifest {
  /** Of template variables that nobody sets. */
  defaultValues: Readonly<Record<string, string>>;
  /** Paths of hostfs, files or directories, to the paths they get on the host, which are templates. */
  renameFiles: Readonly<Record<string, string>>;
  /** Paths on the host, after renaming, whose files are templates. */
  installedFilesTemplate: readonly string[];
  /** It is no service: it brings files for the host only. */
  noContainerService: boolean;
  /** Files below /usr/ may be hard links. */
  useLinks: boolean;
  /** How the service is found to be healthy; texts in it are templates. */
  health: ManifestHealth | undefined;
}

/** The files of /exports that berth reads, by the field of Exports they become. */
export const EXPORTS_FILES = {
  manifest: "manifest.json",
  config: "config.json",
  configTemplate: "config.json.template",
  serviceTemplate: "service.template",
  tmpfilesTemplate: "tmpfiles.template",
} as const;

export interface ExportsFiles {
  /** Contents of EXPORTS_FILES; undefined for one that the image lacks. */
  files: Readonly<Record<keyof typeof EXPORTS_FILES, Uint8Array | undefined>>;
  hostfs: readonly HostfsEntry[];
}

/** Where a file of the format lies in the image, as messages name it. */
export function exportsPath(file: keyof typeof EXPORTS_FILES): string {
  return `/exports/${EXPORTS_FILES[file]}`;
}

/** `image` names the image in errors. @throws Failure CONFIG_INVALID, TEMPLATE_INVALID */
export function parseExports({ files, hostfs }: ExportsFiles, { image }: { image: string }): Exports {
  const text = (file: keyof typeof EXPORTS_FILES): string | undefined => {
    const bytes = files[file];
    return bytes === undefined ? undefined : decode(bytes, file);
  };
  return {
    config: text("config"),
    configTemplate: text("configTemplate"),
    serviceTemplate: text("serviceTemplate"),
    tmpfilesTemplate: text("tmpfilesTemplate"),
    manifest: parseExportsManifest(files.manifest, image),
    hostfs,
  };
}

/** Unknown keys are left to others. An image without a manifest.json has its defaults. @throws Failure CONFIG_INVALID */
export function parseExportsManifest(bytes: Uint8Array | undefined, image: string): ExportsManifest {
  const invalid = (reason: string): Failure =>
    new Failure("CONFIG_INVALID", `Invalid manifest.json file in image: ${image}.`, {
      cause: new Error(reason),
    });
  const value = bytes === undefined ? {} : parseManifestJson(bytes, invalid);
  return {
    defaultValues: textsAt(value, "defaultValues", invalid),
    renameFiles: textsAt(value, "renameFiles", invalid),
    installedFilesTemplate: listAt(value, "installedFilesTemplate", invalid),
    noContainerService: booleanAt(value, { key: "noContainerService", absent: false, invalid }),
    useLinks: booleanAt(value, { key: "useLinks", absent: true, invalid }),
    health: parseManifestHealth(value["berth"], invalid),
  };
}

type Invalid = (reason: string) => Failure;

function decode(bytes: Uint8Array, file: keyof typeof EXPORTS_FILES): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    const code = file === "config" ? "CONFIG_INVALID" : "TEMPLATE_INVALID";
    throw new Failure(code, `${exportsPath(file)} of the image is not UTF-8 text`, { cause });
  }
}

function parseManifestJson(bytes: Uint8Array, invalid: Invalid): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw invalid(cause instanceof Error ? cause.message : String(cause));
  }
  if (!isRecord(value)) throw invalid("it is not an object");
  return value;
}

/** Numbers are taken as their digits: images write ports without quotes. */
function textsAt(value: Record<string, unknown>, key: string, invalid: Invalid): Record<string, string> {
  const found = value[key] ?? {};
  if (!isRecord(found)) throw invalid(`${key} is not an object`);
  const texts = Object.entries(found).map(([name, text]): [string, string] => {
    if (typeof text !== "string" && typeof text !== "number")
      throw invalid(`${key}: the value of ${JSON.stringify(name)} is not a text`);
    return [name, String(text)];
  });
  return Object.fromEntries(texts);
}

function listAt(value: Record<string, unknown>, key: string, invalid: Invalid): string[] {
  const found = value[key] ?? [];
  if (!Array.isArray(found)) throw invalid(`${key} is not a list`);
  return found.map((item: unknown) => {
    if (typeof item !== "string") throw invalid(`${key} is not a list of paths`);
    return item;
  });
}

function booleanAt(
  value: Record<string, unknown>,
  { key, absent, invalid }: { key: string; absent: boolean; invalid: Invalid },
): boolean {
  const found = value[key] ?? absent;
  if (typeof found !== "boolean") throw invalid(`${key} is neither true nor false`);
  return found;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
