import { Failure } from "../errors.ts";
import { formatReference, isShortName, parseReference, type RegistryReference } from "../oci/reference.ts";

/** One `[[registry]]` of containers-registries.conf(5), version 2. */
interface RegistryTable {
  prefix: string;
  /** Takes the place of the prefix; undefined keeps the name. */
  location: string | undefined;
  insecure: boolean;
  blocked: boolean;
}

export interface RegistriesConf {
  search: readonly string[] | undefined;
  helpers: readonly string[] | undefined;
  registries: readonly RegistryTable[];
}

/** Where a reference really leads. */
export interface Endpoint {
  reference: RegistryReference;
  insecure: boolean;
}

export const EMPTY_REGISTRIES_CONF: RegistriesConf = {
  search: undefined,
  helpers: undefined,
  registries: [],
};

/** From the parsed TOML of one file; `path` for messages. Unknown keys are other programs' business. CONFIG_INVALID. */
export function parseRegistriesConf(toml: Record<string, unknown>, path: string): RegistriesConf {
  const version1 = toml["registries"];
  if (version1 !== undefined)
    throw invalid(
      path,
      "[registries.*] is the old version 1 format",
      "Write [[registry]] tables, as in containers-registries.conf(5).",
    );
  const tables = toml["registry"] ?? [];
  if (!Array.isArray(tables)) throw invalid(path, "registry is not an array of tables, [[registry]]");
  return {
    search: stringsOf(toml["unqualified-search-registries"], { path, key: "unqualified-search-registries" }),
    helpers: stringsOf(toml["credential-helpers"], { path, key: "credential-helpers" }),
    registries: tables.map((table) => parseTable(table as Record<string, unknown>, path)),
  };
}

/** `later` over `earlier`: what it says wins, and its tables take the place of those with the same prefix. */
export function mergeRegistriesConf(earlier: RegistriesConf, later: RegistriesConf): RegistriesConf {
  const tables = [...earlier.registries, ...later.registries].map((table) => [table.prefix, table] as const);
  return {
    search: later.search ?? earlier.search,
    helpers: later.helpers ?? earlier.helpers,
    registries: [...new Map(tables).values()],
  };
}

/** Applies the table with the longest matching prefix. DENIED when it blocks the reference; CONFIG_INVALID. */
export function resolveEndpoint(conf: RegistriesConf, reference: RegistryReference): Endpoint {
  const name = formatReference(reference);
  const table = findTable(conf, name);
  if (table === undefined) return { reference, insecure: false };
  if (table.blocked)
    throw new Failure("DENIED", `registry ${table.prefix} is blocked in registries.conf`, {
      hint: `Another registry may hold the image; or remove blocked = true for "${table.prefix}".`,
    });
  if (table.location === undefined) return { reference, insecure: table.insecure };
  const rewritten = `${table.location}${name.slice(matchLength(table.prefix, name))}`;
  return { reference: reparse(rewritten, table), insecure: table.insecure };
}

function findTable({ registries }: RegistriesConf, name: string): RegistryTable | undefined {
  let best: RegistryTable | undefined;
  for (const table of registries) {
    if (matchLength(table.prefix, name) < 0) continue;
    if (best === undefined || table.prefix.length > best.prefix.length) best = table;
  }
  return best;
}

/** How many characters of `name` the prefix covers; -1 when it does not match. */
function matchLength(prefix: string, name: string): number {
  if (prefix.startsWith("*.")) {
    const host = name.split("/", 1)[0] ?? "";
    const bare = host.replace(/:\d+$/, "");
    return bare.endsWith(prefix.slice(1)) ? host.length : -1;
  }
  const next = name[prefix.length];
  return name.startsWith(prefix) && (next === undefined || "/:@".includes(next)) ? prefix.length : -1;
}

function reparse(name: string, { prefix, location }: RegistryTable): RegistryReference {
  const reference = isShortName(name) ? undefined : parseReference(name);
  if (reference?.transport === "docker") return reference;
  throw new Failure(
    "CONFIG_INVALID",
    `registries.conf: the location "${location}" for "${prefix}" names no registry`,
  );
}

function parseTable(table: Record<string, unknown>, path: string): RegistryTable {
  const location = locationOf(table["location"], path);
  const prefix = locationOf(table["prefix"], path) ?? location;
  if (prefix === undefined) throw invalid(path, "a [[registry]] has neither prefix nor location");
  const wildcard = prefix.startsWith("*.");
  if (prefix.includes("*") && !(wildcard && /^\*\.[^*/:@]+$/.test(prefix)))
    throw invalid(path, `prefix "${prefix}": a wildcard stands only for subdomains, "*.example.com"`);
  if (location === undefined && !wildcard) throw invalid(path, `prefix "${prefix}" has no location`);
  return {
    prefix,
    location,
    insecure: flagOf(table["insecure"], { path, key: "insecure" }),
    blocked: flagOf(table["blocked"], { path, key: "blocked" }),
  };
}

function locationOf(value: unknown, path: string): string | undefined {
  if (value === undefined || value === "") return undefined;
  if (typeof value !== "string") throw invalid(path, "prefix and location are strings");
  if (value.includes("://")) throw invalid(path, `"${value}" is a URL; write host/path without a scheme`);
  return value.replace(/\/+$/, "");
}

function flagOf(value: unknown, { path, key }: { path: string; key: string }): boolean {
  if (value === undefined) return false;
  if (typeof value !== "boolean") throw invalid(path, `${key} is not true or false`);
  return value;
}

function stringsOf(value: unknown, { path, key }: { path: string; key: string }): string[] | undefined {
  if (value === undefined) return undefined;
  if (!Array.isArray(value) || !value.every((item) => typeof item === "string"))
    throw invalid(path, `${key} is not an array of strings`);
  return value;
}

function invalid(path: string, reason: string, hint?: string): Failure {
  return new Failure("CONFIG_INVALID", `${path}: ${reason}`, { hint });
}
