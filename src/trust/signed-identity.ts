import type { Reference, RegistryReference } from "../oci/reference.ts";
import { formatReference } from "../oci/reference.ts";
import { type Named, nameOf, parseNamed } from "./named.ts";

/** Of a requirement that asks for a signature: which identity the signature must be for; default matchRepoDigestOrExact. */
export type SignedIdentity = Record<string, unknown>;

/**
 * Whether a signature for `signed` counts for `reference` (containers-policy.json(5), signedIdentity). An image that is not
 * from a registry has no identity of its own, so only exactReference and exactRepository can accept one.
 */
export function matchesIdentity(
  identity: SignedIdentity | undefined,
  reference: Reference,
  signed: string,
): boolean {
  const claimed = parseNamed(signed);
  if (claimed === undefined) return false;
  const wanted: SignedIdentity = identity ?? { type: "matchRepoDigestOrExact" };
  if (wanted["type"] === "exactReference") {
    const exact = parseNamed(String(wanted["dockerReference"]));
    return exact !== undefined && !exact.isNameOnly && !claimed.isNameOnly && exact.text === claimed.text;
  }
  if (wanted["type"] === "exactRepository")
    return parseNamed(String(wanted["dockerRepository"]))?.name === claimed.name;
  const own = registryImage(reference);
  if (own === undefined) return false;
  switch (wanted["type"]) {
    case "matchExact":
      return isSame(own, claimed);
    case "matchRepository":
      return nameOf(own) === claimed.name;
    case "matchRepoDigestOrExact":
      return isSameOrDigest(own, claimed);
    case "remapIdentity": {
      const prefixes = { prefix: String(wanted["prefix"]), signedPrefix: String(wanted["signedPrefix"]) };
      const remapped = remap(own, prefixes);
      return remapped !== undefined && isSameOrDigest(remapped, claimed);
    }
    default:
      return false;
  }
}

/** The digest says which image, so a tag beside it does not count. */
function registryImage(reference: Reference): RegistryReference | undefined {
  const image = reference.transport === "docker-daemon" ? reference.image : reference;
  if (typeof image === "string" || image.transport !== "docker") return undefined;
  const { registry, repository, digest } = image;
  return digest === undefined ? image : { transport: "docker", registry, repository, digest };
}

function isSame(own: RegistryReference, claimed: Named): boolean {
  return !claimed.isNameOnly && formatReference(own) === claimed.text;
}

/** An image named by its digest is known by it, so its repository is enough. */
function isSameOrDigest(own: RegistryReference, claimed: Named): boolean {
  if (claimed.isNameOnly) return false;
  return own.digest === undefined ? formatReference(own) === claimed.text : nameOf(own) === claimed.name;
}

function remap(
  own: RegistryReference,
  { prefix, signedPrefix }: { prefix: string; signedPrefix: string },
): RegistryReference | undefined {
  const name = nameOf(own);
  if (name !== prefix && !name.startsWith(`${prefix}/`)) return own;
  const remapped = `${signedPrefix}${formatReference(own).slice(prefix.length)}`;
  const parsed = parseNamed(remapped);
  if (parsed === undefined) return undefined;
  const { name: whole } = parsed;
  const slash = whole.indexOf("/");
  return { ...own, registry: whole.slice(0, slash), repository: whole.slice(slash + 1) };
}
