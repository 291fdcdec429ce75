import type { RegistryReference } from "./registry-reference.ts";

/**
 * The scopes of policy.json and registries.d that hold for an image of a registry, narrowest first:
 * `host/ns/repo:tag`, `host/ns/repo`, `host/ns`, `host:port`, `*.sub.domain`, ..., `*.tld`.
 */
export function referenceScopes({ registry, repository, tag, digest }: RegistryReference): string[] {
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
