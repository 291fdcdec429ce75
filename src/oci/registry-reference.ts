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

export const DEFAULT_REGISTRY = "docker.io";
export const DEFAULT_TAG = "latest";
const COMPONENT = "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*";
const REPOSITORY = new RegExp(`^${COMPONENT}(?:/${COMPONENT})*$`);
const TAG = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;
const LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?";
const REGISTRY = new RegExp(`^(?:${LABEL}(?:\\.${LABEL})*|\\[[0-9a-fA-F:]+\\])(?::[0-9]{1,5})?$`);

/** `REGISTRY/REPOSITORY[:TAG][@DIGEST]`, with what is left out set to its default; `text` is what was typed. REFERENCE_INVALID. */
export function parseRegistryReference(
  named: string,
  { text, defaultRegistry = DEFAULT_REGISTRY }: { text: string; defaultRegistry?: string },
): RegistryReference {
  const [head = "", digest, ...more] = named.split("@");
  if (more.length > 0) throw invalidReference(text, "more than one @");
  if (digest !== undefined && !isDigest(digest))
    throw invalidReference(
      text,
      "a digest is sha256: and 64, or sha512: and 128, lower-case hexadecimal digits",
    );
  const { registry: typed, rest } = splitRegistry(head);
  const registry = canonicalRegistry(typed ?? defaultRegistry);
  if (!REGISTRY.test(registry))
    throw invalidReference(text, `"${printable(registry)}" is not a registry host`);
  const colon = rest.indexOf(":");
  const name = colon < 0 ? rest : rest.slice(0, colon);
  const tag = colon < 0 ? undefined : rest.slice(colon + 1);
  if (tag !== undefined && !TAG.test(tag)) throw invalidReference(text, `"${printable(tag)}" is not a tag`);
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

export function formatRegistryReference({ registry, repository, tag, digest }: RegistryReference): string {
  const tagged = tag === undefined ? "" : `:${tag}`;
  return `${registry}/${repository}${tagged}${digest === undefined ? "" : `@${digest}`}`;
}

/** The first component is a host when it has a dot or a port or is localhost, and is not all there is. */
export function splitRegistry(text: string): { registry: string | undefined; rest: string } {
  const slash = text.indexOf("/");
  const first = text.slice(0, Math.max(slash, 0));
  if (first === "localhost" || /[.:]/.test(first)) return { registry: first, rest: text.slice(slash + 1) };
  return { registry: undefined, rest: text };
}

/** What was typed is no reference, and why. */
export function invalidReference(text: string, reason: string): Failure {
  return new Failure("REFERENCE_INVALID", `"${printable(text)}" is not an image reference: ${reason}`, {
    hint: "Write registry/repository:tag, registry/repository@sha256:..., or oci:DIR:TAG.",
  });
}

function checkRepository(
  repository: string,
  { text, name, registry }: { text: string; name: string; registry: string },
): void {
  if (name === "") throw invalidReference(text, "no image name");
  if (name !== name.toLowerCase()) throw invalidReference(text, "an image name is lower case");
  if (!REPOSITORY.test(repository)) throw invalidReference(text, `"${printable(name)}" is not an image name`);
  if (/^[0-9a-f]{64}$/.test(name))
    throw invalidReference(text, "64 hexadecimal digits are an id, not an image name");
  if (registry.length + 1 + repository.length > 255)
    throw invalidReference(text, "longer than 255 characters");
}

function canonicalRegistry(registry: string): string {
  return registry === "index.docker.io" ? DEFAULT_REGISTRY : registry;
}
