import { Failure } from "../errors.ts";
import {
  formatReference,
  isShortName,
  parseReference,
  type Reference,
  type RegistryReference,
} from "../oci/reference.ts";
import type { RegistriesConf } from "./registries-conf.ts";

/**
 * What a name as typed may mean, most likely first: itself when it is a full name, what an alias says of it, or the name in
 * each registry of `unqualified-search-registries` (docker.io when nothing is said). berth never asks which is meant: of
 * `short-name-mode`, `enforcing` refuses more than one, and the other two take the first registry that has it.
 * NAME_AMBIGUOUS, IMAGE_UNKNOWN, CONFIG_INVALID.
 */
export function resolveShortName(conf: RegistriesConf, typed: string): Reference[] {
  if (!isShortName(typed)) return [parseReference(typed)];
  const alias = findAlias(conf, typed);
  if (alias !== undefined) return [alias];
  const registries = conf.search ?? ["docker.io"];
  const candidates = registries.map((defaultRegistry) => parseReference(typed, { defaultRegistry }));
  if (candidates.length === 0)
    throw new Failure("IMAGE_UNKNOWN", `${typed} is a short name, and no registry is set to look for it in`, {
      hint: "Give the full name, or set unqualified-search-registries in registries.conf.",
    });
  if (conf.shortNameMode === "enforcing" && candidates.length > 1) {
    const names = candidates.map(formatReference).join(", ");
    throw new Failure("NAME_AMBIGUOUS", `${typed} is a short name that may mean ${names}`, {
      hint: 'Give the full name: short-name-mode is "enforcing" in registries.conf.',
    });
  }
  return candidates;
}

/** Of the short name without tag and digest, which are then the typed ones. */
function findAlias({ aliases }: RegistriesConf, typed: string): RegistryReference | undefined {
  const name = typed.split("@", 1)[0]?.split(":", 1)[0] ?? "";
  const target = aliases.get(name);
  if (target === undefined || target === "") return undefined;
  if (isShortName(target) || target.includes("@") || /:[^/]*$/.test(target.slice(target.indexOf("/"))))
    throw new Failure(
      "CONFIG_INVALID",
      `registries.conf: the alias "${name}" = "${target}" is not REGISTRY/REPOSITORY`,
    );
  const reference = parseReference(`${target}${typed.slice(name.length)}`);
  if (reference.transport !== "docker") throw new Error(`an alias led to ${reference.transport}`);
  return reference;
}
