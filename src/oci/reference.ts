import { basename, resolve } from "node:path";
import { type Digest, isDigest } from "./digest.ts";
import { printable } from "./printable.ts";
import {
  DEFAULT_REGISTRY,
  DEFAULT_TAG,
  formatRegistryReference,
  invalidReference,
  parseRegistryReference,
  type RegistryReference,
  splitRegistry,
} from "./registry-reference.ts";

export type { RegistryReference };

/** An image in an OCI image layout: a directory, or a tar archive of one. */
export interface LayoutReference {
  transport: "oci" | "oci-archive";
  path: string;
  tag?: string;
  /** The place in index.json, from 0: for images without a name. Never together with a tag. */
  index?: number;
}

/** An image in the archive that `docker save` writes. */
export interface DockerArchiveReference {
  transport: "docker-archive";
  path: string;
  /** One of the names in it; always with a tag. */
  name?: RegistryReference;
  /** The place in its manifest.json, from 0. Never together with a name. */
  index?: number;
}

/** One image in a directory of files, as skopeo's `dir:` has it. */
export interface DirectoryReference {
  transport: "dir";
  path: string;
}

/** An image of a Docker engine or of podman's service, by name or by id. */
export interface DaemonReference {
  transport: "docker-daemon";
  image: RegistryReference | Digest;
}

/** An image in the storage of podman, buildah and CRI-O; `image` is for them to understand. */
export interface StorageReference {
  transport: "containers-storage";
  image: string;
}

export type Reference =
  | RegistryReference
  | LayoutReference
  | DockerArchiveReference
  | DirectoryReference
  | DaemonReference
  | StorageReference;

export type Transport = Reference["transport"];

/** The value of `org.opencontainers.image.ref.name` (OCI image-spec, annotations). */
const REF_NAME = /^[A-Za-z0-9]+(?:(?:[-._:@/+]|--)[A-Za-z0-9]+)*$/;
/** Endings of archives that are no part of a container's name. */
const ARCHIVE_ENDING = /(?:\.oci|\.docker)?(?:\.tar(?:\.gz|\.zst)?|\.tgz)$/;

const PARSERS: Record<Exclude<Transport, "docker">, (rest: string, text: string) => Reference> = {
  oci: (rest, text) => parseLayout("oci", rest, text),
  "oci-archive": (rest, text) => parseLayout("oci-archive", rest, text),
  "docker-archive": parseDockerArchive,
  dir: (rest, text) => ({
    transport: "dir",
    path: checkPath(rest, { text, what: "dir: needs a directory" }),
  }),
  "docker-daemon": parseDaemon,
  "containers-storage": parseStorage,
};

/**
 * What containers-transports(5) says, `docker://` being the default: `[docker://]REGISTRY/REPOSITORY[:TAG][@DIGEST]`,
 * `oci:DIR[:TAG|:@N]`, `oci-archive:FILE[:TAG|:@N]`, `docker-archive:FILE[:NAME|:@N]`, `dir:DIR`, `docker-daemon:NAME|ID`,
 * `containers-storage:IMAGE`; a path ends at its first colon. `defaultRegistry` qualifies a short name (default docker.io, where a name of
 * one component means library/NAME). Without tag and digest the tag is `latest`. REFERENCE_INVALID.
 */
export function parseReference(
  text: string,
  { defaultRegistry = DEFAULT_REGISTRY }: { defaultRegistry?: string } = {},
): Reference {
  const transport = transportOf(text);
  if (transport !== undefined) return PARSERS[transport](text.slice(transport.length + 1), text);
  if (/^https?:/.test(text)) throw invalidReference(text, "a reference is not a URL");
  if (text.startsWith("docker://")) return parseRegistryReference(text.slice("docker://".length), { text });
  return parseRegistryReference(text, { text, defaultRegistry });
}

/** Whether `text` names no registry and no transport, so that it may mean several. */
export function isShortName(text: string): boolean {
  if (text.startsWith("docker://") || transportOf(text) !== undefined) return false;
  return splitRegistry(text).registry === undefined;
}

/** The full name: what an image is stored under, and what parseReference reads. */
export function formatReference(reference: Reference): string {
  switch (reference.transport) {
    case "docker":
      return formatRegistryReference(reference);
    case "oci":
    case "oci-archive":
      return formatParts(reference, reference.tag);
    case "docker-archive":
      return formatParts(reference, reference.name && formatRegistryReference(reference.name));
    case "dir":
      return `dir:${reference.path}`;
    case "docker-daemon":
      return `docker-daemon:${typeof reference.image === "string" ? reference.image : formatRegistryReference(reference.image)}`;
    case "containers-storage":
      return `containers-storage:${reference.image}`;
  }
}

/** The reference as it means the same in every working directory. */
export function absoluteReference(reference: Reference): Reference {
  return "path" in reference ? { ...reference, path: resolve(reference.path) } : reference;
}

/** What a container is called when no name was given: `NAME`, or `NAME-TAG` for a tag other than latest. */
export function containerNameOf(reference: Reference): string {
  switch (reference.transport) {
    case "docker":
      return nameAndTag(basename(reference.repository), reference.tag);
    case "oci":
      return nameAndTag(basename(resolve(reference.path)), reference.tag);
    case "oci-archive":
      return nameAndTag(archiveName(reference.path), reference.tag);
    case "docker-archive":
      return reference.name === undefined ? archiveName(reference.path) : containerNameOf(reference.name);
    case "dir":
      return basename(resolve(reference.path));
    case "docker-daemon":
      return typeof reference.image === "string"
        ? reference.image.replace(/^\w+:/, "").slice(0, 12)
        : containerNameOf(reference.image);
    case "containers-storage":
      return storageName(reference.image);
  }
}

function transportOf(text: string): Exclude<Transport, "docker"> | undefined {
  const scheme = text.slice(0, Math.max(text.indexOf(":"), 0));
  return Object.hasOwn(PARSERS, scheme) ? (scheme as keyof typeof PARSERS) : undefined;
}

function parseLayout(transport: "oci" | "oci-archive", rest: string, text: string): LayoutReference {
  const what = `${transport}: needs a ${transport === "oci" ? "directory" : "file"}`;
  const { path, name, index } = splitPath(rest, { text, what });
  if (index !== undefined) return { transport, path, index };
  if (name === undefined) return { transport, path };
  if (!REF_NAME.test(name)) throw invalidReference(text, `"${printable(name)}" is not a tag`);
  return { transport, path, tag: name };
}

function parseDockerArchive(rest: string, text: string): DockerArchiveReference {
  const transport = "docker-archive";
  const { path, name, index } = splitPath(rest, { text, what: "docker-archive: needs a file" });
  if (index !== undefined) return { transport, path, index };
  if (name === undefined) return { transport, path };
  const parsed = parseRegistryReference(name, { text });
  if (parsed.digest !== undefined)
    throw invalidReference(text, "an image in a docker-archive has no digest of its own, only names");
  return { transport, path, name: parsed };
}

function parseDaemon(rest: string, text: string): DaemonReference {
  const transport = "docker-daemon";
  if (isDigest(rest)) return { transport, image: rest };
  return { transport, image: parseRegistryReference(rest, { text }) };
}

function parseStorage(rest: string, text: string): StorageReference {
  if (!/^[\x21-\x7e]+$/.test(rest) || rest.startsWith("-"))
    throw invalidReference(text, "containers-storage: needs the name of an image");
  return { transport: "containers-storage", image: rest };
}

/** `PATH[:NAME]` or `PATH:@N`. */
function splitPath(
  rest: string,
  { text, what }: { text: string; what: string },
): { path: string; name?: string; index?: number } {
  const colon = rest.indexOf(":");
  const path = checkPath(colon < 0 ? rest : rest.slice(0, colon), { text, what });
  if (colon < 0) return { path };
  const name = rest.slice(colon + 1);
  if (!name.startsWith("@")) return { path, name };
  if (!/^@\d{1,9}$/.test(name)) throw invalidReference(text, "after :@ comes a number, counted from 0");
  return { path, index: Number(name.slice(1)) };
}

function checkPath(path: string, { text, what }: { text: string; what: string }): string {
  if (path === "") throw invalidReference(text, what);
  if (path.includes("\0")) throw invalidReference(text, "a path has no NUL byte");
  return path;
}

function formatParts(
  { transport, path, index }: LayoutReference | DockerArchiveReference,
  name?: string,
): string {
  const end = name ?? (index === undefined ? undefined : `@${index}`);
  return `${transport}:${path}${end === undefined ? "" : `:${end}`}`;
}

function nameAndTag(name: string, tag: string | undefined): string {
  return tag === undefined || tag === DEFAULT_TAG ? name : `${name}-${tag}`;
}

function archiveName(path: string): string {
  return basename(resolve(path)).replace(ARCHIVE_ENDING, "");
}

/** Of `[driver@root]NAME@ID` the name's part. */
function storageName(image: string): string {
  const named = image.replace(/^\[[^\]]*\]/, "").replace(/^@|@[^@]*$/g, "");
  const [name = "", tag] = basename(named).split(":");
  return nameAndTag(name, tag);
}
