/**
 * The files that an image puts on the host: what lies below its /exports/hostfs, under the paths and with the content that its
 * manifest.json says. Pure.
 */
import { isUtf8 } from "node:buffer";
import { createHash } from "node:crypto";
import { Failure } from "../errors.ts";
import { type ByteString, bytesOf, showBytes } from "../layer/byte-string.ts";
import { substitute, substituteBytes, type TemplateValues } from "../render/substitute.ts";
import { type Exports, exportsPath } from "./exports.ts";

/** One that a deployment puts on the host. */
export type InstalledFile = InstalledDirectory | InstalledLink | InstalledRegular;

interface Placed {
  /** On the host, from its root, as the image says it: a directory on the way may be a symlink there. */
  path: string;
  uid: number;
  gid: number;
}

export interface InstalledDirectory extends Placed {
  type: "directory";
  mode: number;
  /** It is there for its own sake; else only for what lies in it. */
  empty: boolean;
}

export interface InstalledLink extends Placed {
  type: "symlink";
  target: string;
}

export interface InstalledRegular extends Placed {
  type: "file";
  mode: number;
  /** Of its content, in hex. */
  sha256: string;
  /** What it is a copy of, as a path in the deployment. */
  source: string;
  /** It may be one inode with its source. */
  link: boolean;
}

export interface InstalledFiles {
  /** Sorted by path, so a directory comes before what it holds. */
  files: InstalledFile[];
  /** What templates became: files of the deployment beside its rootfs. */
  rendered: { name: string; text: string; mode: number }[];
}

/** What nobody's package may write: the kernel's, and what the host boots from. */
const FORBIDDEN = ["proc", "sys", "dev", "boot"];

/**
 * `base` is where hostfs lies in the image, without a slash before it. `contentOf` gives the content of a regular file by its path
 * below hostfs; it is asked for templates and for no other.
 * @throws Failure CONFIG_INVALID for what cannot be put on a host, VALUE_MISSING and TEMPLATE_INVALID for a template.
 */
export function installedFiles(
  { hostfs, manifest }: Pick<Exports, "hostfs" | "manifest">,
  {
    values,
    base = "exports/hostfs",
    contentOf,
  }: { values: TemplateValues; base?: string; contentOf(path: ByteString): Uint8Array },
): InstalledFiles {
  const renames = renamesOf(manifest.renameFiles, values);
  const templates = new Set(manifest.installedFilesTemplate.map(normalPath));
  const found = new Map<string, InstalledFile>();
  const rendered: InstalledFiles["rendered"] = [];
  for (const { path, entry } of hostfs) {
    const target = renamed(textOf(path), renames);
    // Of a directory that holds something, what it holds is named.
    if (entry.type !== "directory" || entry.children.size === 0) refuseForbidden(target);
    const owner = { path: target, uid: entry.uid, gid: entry.gid };
    if (entry.type === "directory") {
      const other = found.get(target);
      if (other !== undefined && other.type !== "directory") throw twice(target);
      const empty = entry.children.size === 0 && (other?.empty ?? true);
      found.set(target, { ...owner, type: entry.type, mode: entry.mode, ...other, empty });
      continue;
    }
    if (found.has(target)) throw twice(target);
    if (entry.type === "symlink") {
      found.set(target, { ...owner, type: entry.type, target: textOf(entry.target) });
    } else if (entry.type !== "file") {
      throw new Failure("CONFIG_INVALID", `the image's host file ${target} is a ${kindOf(entry.type)}`, {
        hint: "directories, files and symlinks can be put on a host",
      });
    } else if (templates.has(target)) {
      const file = `rendered-${rendered.length}`;
      const bytes = render(contentOf(path), values, target);
      rendered.push({ name: file, text: bytes.toString(), mode: 0o600 });
      const sha256 = createHash("sha256").update(bytes).digest("hex");
      found.set(target, { ...owner, type: "file", mode: entry.mode, sha256, source: file, link: false });
    } else {
      const link = manifest.useLinks && target.startsWith("/usr/") && entry.size > 0;
      const source = `rootfs/${base}/${textOf(path)}`;
      found.set(target, {
        ...{ ...owner, type: "file", mode: entry.mode },
        ...{ sha256: entry.sha256, source, link },
      });
    }
  }
  const files = [...found.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
  refuseBelowFiles(files);
  return { files, rendered };
}

/**
 * `path` under the names that `renames` gives, component by component from the root; the walk goes on from the renamed prefix. Of
 * a directory that is renamed all that it holds moves along.
 */
export function renamed(path: string, renames: ReadonlyMap<string, string>): string {
  let at = "";
  for (const name of path.split("/").filter((each) => each !== "")) {
    at = at === "/" ? `/${name}` : `${at}/${name}`;
    at = renames.get(at) ?? at;
  }
  return at;
}

/** From path to path, both without a slash at the end; the latter rendered. @throws Failure CONFIG_INVALID, VALUE_MISSING */
export function renamesOf(
  names: Exports["manifest"]["renameFiles"],
  values: TemplateValues,
): Map<string, string> {
  return new Map(
    Object.entries(names).map(([from, to]) => {
      const target = substitute(to, values, { file: exportsPath("manifest").slice("/exports/".length) });
      if (target.split("/").includes("..") || normalPath(target) === "/")
        throw new Failure("CONFIG_INVALID", `the image renames ${from} to ${JSON.stringify(target)}`, {
          hint: "renameFiles of its manifest.json must give a path from the root, without ..",
        });
      return [normalPath(from), normalPath(target)];
    }),
  );
}

/** From the root, without a slash at the end or several in a row. */
function normalPath(path: string): string {
  return `/${path
    .split("/")
    .filter((name) => name !== "" && name !== ".")
    .join("/")}`;
}

function textOf(name: ByteString): string {
  const bytes = bytesOf(name);
  if (isUtf8(bytes)) return bytes.toString();
  throw new Failure(
    "CONFIG_INVALID",
    `the image's host file ${showBytes(name)} has a name that is not UTF-8`,
  );
}

function refuseForbidden(path: string): void {
  const names = path.split("/").slice(1);
  if (names.includes("..") || names.includes("."))
    throw new Failure("CONFIG_INVALID", `the image has a host file ${JSON.stringify(path)}`);
  if (isForbidden(path))
    throw new Failure(
      "CONFIG_INVALID",
      `the image has a host file ${path}: nothing is put into /${names[0]}`,
    );
}

/** Whether a path of the host, from its root, is one that no image's file may have. */
export function isForbidden(path: string): boolean {
  return FORBIDDEN.includes(path.split("/")[1] ?? "");
}

function render(content: Uint8Array, values: TemplateValues, path: string): Buffer {
  const bytes = substituteBytes(content, values, { file: path });
  if (isUtf8(bytes)) return bytes;
  throw new Failure("TEMPLATE_INVALID", `the template of ${path} is not UTF-8 text`);
}

/** Sorted, one directly behind another may still lie below an earlier one: `/a`, `/a-b`, `/a/c`. */
function refuseBelowFiles(files: readonly InstalledFile[]): void {
  const leaves = new Set(files.filter(({ type }) => type !== "directory").map(({ path }) => path));
  for (const { path } of files)
    for (const parent of parentsOf(path))
      if (leaves.has(parent))
        throw new Failure(
          "CONFIG_INVALID",
          `the image's host file ${path} lies below ${parent}, which is no directory`,
        );
}

/** The directories on the way to `path`, without the root, outermost first. */
export function parentsOf(path: string): string[] {
  const names = path.split("/").slice(1, -1);
  return names.map((_, at) => `/${names.slice(0, at + 1).join("/")}`);
}

function kindOf(type: "char" | "block" | "fifo"): string {
  return type === "fifo" ? "named pipe" : `${type === "char" ? "character" : "block"} device`;
}

function twice(path: string): Failure {
  return new Failure("CONFIG_INVALID", `the image has two host files ${path}`, {
    hint: "renameFiles of its manifest.json gives two of them the same path",
  });
}
