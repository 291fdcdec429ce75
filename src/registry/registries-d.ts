import { Failure } from "../errors.ts";
import { referenceScopes } from "../oci/reference-scopes.ts";
import type { RegistryReference } from "../oci/registry-reference.ts";

/** Where the signatures of a scope are: containers-registries.d(5). */
export interface SignatureScope {
  lookaside?: string | undefined;
  lookasideStaging?: string | undefined;
  /** Whether cosign's signatures beside the image in its registry are read and written. */
  attachments?: boolean | undefined;
}

export interface RegistriesD {
  default: SignatureScope | undefined;
  scopes: ReadonlyMap<string, SignatureScope>;
}

export const EMPTY_REGISTRIES_D: RegistriesD = { default: undefined, scopes: new Map() };

/** Checks the parsed YAML of one file; `path` for messages. Keys that are not known are other programs' business. CONFIG_INVALID. */
export function parseRegistriesD(yaml: unknown, path: string): RegistriesD {
  if (yaml === null || yaml === undefined) return EMPTY_REGISTRIES_D;
  const body = mapOf(yaml, path);
  const scopes = body["docker"] === undefined ? {} : mapOf(body["docker"] ?? {}, `${path}: docker`);
  const fallback = body["default-docker"];
  return {
    default:
      fallback === undefined || fallback === null
        ? undefined
        : parseScope(fallback, `${path}: default-docker`),
    scopes: new Map(
      Object.entries(scopes).map(([scope, value]) => [scope, parseScope(value ?? {}, `${path}: ${scope}`)]),
    ),
  };
}

/** Two files together. A scope in both is an error, as in containers/image. CONFIG_INVALID. */
export function mergeRegistriesD(one: RegistriesD, other: RegistriesD, path: string): RegistriesD {
  const twice = [...other.scopes.keys()].find((scope) => one.scopes.has(scope));
  const what =
    twice ?? (one.default !== undefined && other.default !== undefined ? "default-docker" : undefined);
  if (what !== undefined)
    throw new Failure("CONFIG_INVALID", `registries.d: ${what} is defined in ${path} and in another file`);
  return { default: one.default ?? other.default, scopes: new Map([...one.scopes, ...other.scopes]) };
}

/** The URL of the lookaside server for an image, for reading or for writing; undefined where none is named. */
export function lookasideOf(
  conf: RegistriesD,
  reference: RegistryReference,
  { write }: { write: boolean },
): string | undefined {
  for (const { lookaside, lookasideStaging } of scopesFor(conf, reference)) {
    const url = (write ? lookasideStaging || lookaside : lookaside) || undefined;
    if (url !== undefined) return url;
  }
  return undefined;
}

/** Whether cosign's signatures in the registry count for an image. */
export function usesAttachments(conf: RegistriesD, reference: RegistryReference): boolean {
  return (
    scopesFor(conf, reference).find(({ attachments }) => attachments !== undefined)?.attachments ?? false
  );
}

/** Narrowest first; a scope that leaves a setting out lets the wider ones decide it. */
function scopesFor(conf: RegistriesD, reference: RegistryReference): SignatureScope[] {
  const named = referenceScopes(reference).map((scope) => conf.scopes.get(scope));
  return [...named, conf.default].filter((scope) => scope !== undefined);
}

function parseScope(value: unknown, where: string): SignatureScope {
  const body = mapOf(value, where);
  const attachments = body["use-sigstore-attachments"] ?? undefined;
  if (attachments !== undefined && typeof attachments !== "boolean")
    throw invalid(where, "use-sigstore-attachments is not true or false");
  return {
    lookaside: textOf(body, ["lookaside", "sigstore"], where),
    lookasideStaging: textOf(body, ["lookaside-staging", "sigstore-staging"], where),
    attachments,
  };
}

/** The first of the names that is there: the second is the old one. */
function textOf(body: Record<string, unknown>, names: readonly string[], where: string): string | undefined {
  for (const name of names) {
    const value = body[name];
    if (value === undefined || value === null || value === "") continue;
    if (typeof value === "string") return value;
    throw invalid(where, `${name} is not text`);
  }
  return undefined;
}

function mapOf(value: unknown, where: string): Record<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw invalid(where, "it is not a map");
}

function invalid(where: string, reason: string): Failure {
  return new Failure("CONFIG_INVALID", `${where}: ${reason}`, {
    hint: "Correct it as in containers-registries.d(5).",
  });
}
