import { realpathSync } from "node:fs";
import { resolve } from "node:path";
import { isErrno } from "../errors.ts";
import type { DirectoryReference, LayoutReference, Reference } from "../oci/reference.ts";
import { referenceScopes } from "../oci/reference-scopes.ts";
import type { Policy } from "./policy.ts";
import type { Requirement } from "./requirement.ts";

/** The requirements of the first scope that matches, from the narrowest to the widest; never of two. */
export function requirementsFor(
  { transports, default: fallback }: Policy,
  reference: Reference,
): { scope: string; requirements: Requirement[] } {
  const { transport } = reference;
  const scopes = transports.get(transport);
  for (const scope of scopesOf(reference)) {
    const requirements = scopes?.get(scope);
    if (requirements !== undefined) return { scope: `the ${transport} scope "${scope}"`, requirements };
  }
  return { scope: "the default policy", requirements: fallback };
}

/** Identity, its parents, and the empty scope of the whole transport. */
function scopesOf(reference: Reference): string[] {
  return [...ownScopes(reference), ""];
}

/** As containers/image: a docker-archive has only the scope of its transport. */
function ownScopes(reference: Reference): string[] {
  switch (reference.transport) {
    case "docker":
      return referenceScopes(reference);
    case "docker-daemon":
      return typeof reference.image === "string" ? [reference.image] : referenceScopes(reference.image);
    case "oci":
    case "oci-archive":
    case "dir":
      return pathScopes(reference);
    case "docker-archive":
    case "containers-storage":
      return [];
  }
}

/** The file or directory, symbolic links resolved, and the directories above it; "/" is not a scope. */
function pathScopes({ path }: LayoutReference | DirectoryReference): string[] {
  const parts = realPath(path).split("/").slice(1);
  return parts
    .map((_, at) => `/${parts.slice(0, parts.length - at).join("/")}`)
    .filter((scope) => scope !== "/");
}

function realPath(path: string): string {
  try {
    return realpathSync.native(path);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return resolve(path);
    throw error;
  }
}
