import { realpathSync } from "node:fs";
import { resolve } from "node:path";
import { Failure, isErrno } from "../errors.ts";
import {
  type DirectoryReference,
  formatReference,
  type LayoutReference,
  type Reference,
  type RegistryReference,
} from "../oci/reference.ts";
import type { Policy } from "./policy.ts";
import type { Requirement } from "./requirement.ts";

/**
 * Throws POLICY_REJECTED unless every requirement for `reference` accepts it. Signatures cannot be checked, so only
 * insecureAcceptAnything accepts; without a policy everything is accepted.
 */
export function checkPolicy(policy: Policy | undefined, reference: Reference): void {
  if (policy === undefined) return;
  const { scope, requirements } = requirementsFor(policy, reference);
  const refused = requirements.find(({ type }) => type !== "insecureAcceptAnything");
  if (refused === undefined) return;
  const name = formatReference(reference);
  throw refused.type === "reject"
    ? new Failure(
        "POLICY_REJECTED",
        `Running image ${name} is rejected by policy: ${scope} requires reject.`,
        {
          hint: "The policy is in policy.json, see containers-policy.json(5).",
        },
      )
    : new Failure("POLICY_REJECTED", `${name} needs a signature: ${scope} requires ${refused.type}`, {
        hint: "This version of berth cannot check signatures, so it does not accept the image.",
      });
}

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
      return dockerScopes(reference);
    case "docker-daemon":
      return typeof reference.image === "string" ? [reference.image] : dockerScopes(reference.image);
    case "oci":
    case "oci-archive":
    case "dir":
      return pathScopes(reference);
    case "docker-archive":
    case "containers-storage":
      return [];
  }
}

/** `host/ns/repo:tag`, `host/ns/repo`, `host/ns`, `host:port`, `*.sub.domain`, ..., `*.tld`. */
function dockerScopes({ registry, repository, tag, digest }: RegistryReference): string[] {
  const name = `${registry}/${repository}`;
  const parts = name.split("/");
  const namespaces = parts.map((_, at) => parts.slice(0, parts.length - at).join("/"));
  const labels = registry.replace(/:\d+$/, "").split(".");
  const wildcards = labels.slice(1).map((_, at) => `*.${labels.slice(at + 1).join(".")}`);
  return [
    digest === undefined ? `${name}:${tag ?? "latest"}` : `${name}@${digest}`,
    ...namespaces,
    ...wildcards,
  ];
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
