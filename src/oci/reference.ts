import { basename, resolve } from "node:path";
import { Failure } from "../errors.ts";
import { type Digest, isDigest } from "./digest.ts";
import { printable } from "./printable.ts";

/** An image in a registry. With both a tag and a digest, the digest says which image. */
export interface RegistryReference {
  transport: "docker";
  registry: string;
  repository: string;
  tag?: string;
  digest?: Digest;
}

/** An image in an OCI image layout on disk. */
export interface LayoutReference {
  transport: "oci";
  path: string;
  tag?: string;
}

export type Reference = RegistryReference | LayoutReference;

const DEFAULT_REGISTRY = "docker.io";
const DEFAULT_TAG = "latest";
const COMPONENT = "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*";
const REPOSITORY = new RegExp(`^${COMPONENT}(?:/${COMPONENT})*$`);
const TAG = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;
const LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?";
const REGISTRY = new RegExp(`^(?:${LABEL}(?:\\.${LABEL})*|\\[[0-9a-fA-F:]+\\])(?::[0-9]{1,5})?$`);
/** The value of `org.opencontainers.image.ref.name` (OCI image-spec, annotations). */
const REF_NAME = /^[A-Za-z0-9]+(?:(?:[-._:@/+]|--)[A-Za-z0-9]+)*$/;
const LATER_TRANSPORTS = ["oci-archive", "docker-archive", "docker-daemon", "dir", "containers-storage"];

/**
 * `[docker://]REGISTRY/REPOSITORY[:TAG][@DIGEST]` or `oci:DIR[:TAG]`. `defaultRegistry` qualifies a short name (default
 * docker.io, where a name of one component means library/NAME). Without tag and digest the tag is `latest`. REFERENCE_INVALID.
 */
export function parseReference(
  text: string,
  { defaultRegistry = DEFAULT_REGISTRY }: { defaultRegistry?: string } = {},
): Reference {
  if (text.startsWith("oci:")) return parseLayout(text);
  const scheme = /^([a-z-]+):/.exec(text)?.[1];
  if (scheme !== undefined && LATER_TRANSPORTS.includes(scheme))
    throw invalid(text, `the transport ${scheme}: is not supported`);
  if (/^https?:/.test(text)) throw invalid(text, "a reference is not a URL");
  return parseRegistry(text, text.startsWith("docker://") ? DEFAULT_REGISTRY : defaultRegistry);
}

/** Whether `text` names no registry and no transport, so that it may mean several. */
export function isShortName(text: string): boolean {
  if (text.startsWith("docker://") || text.startsWith("oci:")) return false;
  return splitRegistry(text).registry === undefined;
}

/** The full name: what an image is stored under. */
export function formatReference(reference: Reference): string {
  const tag = reference.tag === undefined ? "" : `:${reference.tag}`;
  if (reference.transport === "oci") return `oci:${reference.path}${tag}`;
  const digest = reference.digest === undefined ? "" : `@${reference.digest}`;
  return `${reference.registry}/${reference.repository}${tag}${digest}`;
}

/** What a container is called when no name was given: `NAME`, or `NAME-TAG` for a tag other than latest. */
export function containerNameOf(reference: Reference): string {
  const name = basename(reference.transport === "oci" ? resolve(reference.path) : reference.repository);
  return reference.tag === undefined || reference.tag === DEFAULT_TAG ? name : `${name}-${reference.tag}`;
}

function parseLayout(text: string): LayoutReference {
  const rest = text.slice("oci:".length);
  const colon = rest.indexOf(":");
  const path = colon < 0 ? rest : rest.slice(0, colon);
  if (path === "") throw invalid(text, "oci: needs a directory");
  if (path.includes("\0")) throw invalid(text, "a path has no NUL byte");
  if (colon < 0) return { transport: "oci", path };
  const tag = rest.slice(colon + 1);
  if (!REF_NAME.test(tag)) throw invalid(text, `"${printable(tag)}" is not a tag`);
  return { transport: "oci", path, tag };
}

function parseRegistry(text: string, defaultRegistry: string): RegistryReference {
  const named = text.startsWith("docker://") ? text.slice("docker://".length) : text;
  const [head = "", digest, ...more] = named.split("@");
  if (more.length > 0) throw invalid(text, "more than one @");
  if (digest !== undefined && !isDigest(digest))
    throw invalid(text, "a digest is sha256: and 64, or sha512: and 128, lower-case hexadecimal digits");
  const { registry: typed, rest } = splitRegistry(head);
  const registry = canonicalRegistry(typed ?? defaultRegistry);
  if (!REGISTRY.test(registry)) throw invalid(text, `"${printable(registry)}" is not a registry host`);
  const colon = rest.indexOf(":");
  const name = colon < 0 ? rest : rest.slice(0, colon);
  const tag = colon < 0 ? undefined : rest.slice(colon + 1);
  if (tag !== undefined && !TAG.test(tag)) throw invalid(text, `"${printable(tag)}" is not a tag`);
  const repository = registry === DEFAULT_REGISTRY && !name.includes("/") ? `library/${name}` : name;
  checkRepository(repository, { text, name, registry });
  return {
    transport: "docker",
    registry,
    repository,
    ...(tag !== undefined ? { tag } : digest === undefined ? { tag: DEFAULT_TAG } : {}),
    ...(digest !== undefined ? { digest } : {}),
  };
}

function checkRepository(
  repository: string,
  { text, name, registry }: { text: string; name: string; registry: string },
): void {
  if (name === "") throw invalid(text, "no image name");
  if (name !== name.toLowerCase()) throw invalid(text, "an image name is lower case");
  if (!REPOSITORY.test(repository)) throw invalid(text, `"${printable(name)}" is not an image name`);
  if (/^[0-9a-f]{64}$/.test(name)) throw invalid(text, "64 hexadecimal digits are an id, not an image name");
  if (registry.length + 1 + repository.length > 255) throw invalid(text, "longer than 255 characters");
}

/** The first component is a host when it has a dot or a port or is localhost, and is not all there is. */
function splitRegistry(text: string): { registry: string | undefined; rest: string } {
  const slash = text.indexOf("/");
  const first = text.slice(0, Math.max(slash, 0));
  if (first === "localhost" || /[.:]/.test(first)) return { registry: first, rest: text.slice(slash + 1) };
  return { registry: undefined, rest: text };
}

function canonicalRegistry(registry: string): string {
  return registry === "index.docker.io" ? DEFAULT_REGISTRY : registry;
}

function invalid(text: string, reason: string): Failure {
  return new Failure("REFERENCE_INVALID", `"${printable(text)}" is not an image reference: ${reason}`, {
    hint: "Write registry/repository:tag, registry/repository@sha256:..., or oci:DIR:TAG.",
  });
}
