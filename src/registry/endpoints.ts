import { Failure } from "../errors.ts";
import { formatReference, isShortName, parseReference, type RegistryReference } from "../oci/reference.ts";
import type { Mirror, RegistriesConf, RegistryTable } from "./registries-conf.ts";

/** Where a reference really leads. */
export interface Endpoint {
  reference: RegistryReference;
  insecure: boolean;
}

/**
 * Where to pull a reference from, in order: the mirrors of the table with the longest matching prefix that serve such a
 * reference, and at last what the table's location makes of it. DENIED when the table blocks it; CONFIG_INVALID.
 */
export function pullEndpoints(conf: RegistriesConf, reference: RegistryReference): Endpoint[] {
  const name = formatReference(reference);
  const table = findTable(conf, name);
  if (table === undefined) return [{ reference, insecure: false }];
  const mirrors = table.mirrors.filter((mirror) => serves(mirror, reference));
  return [
    ...mirrors.map((mirror) => rewrite(reference, { ...mirror, prefix: table.prefix })),
    rewrite(reference, table),
  ];
}

/**
 * The registry that a reference names, for pushing, deleting and listing: as in containers/image, locations and mirrors are
 * for pulling only. DENIED when it is blocked.
 */
export function namedEndpoint(conf: RegistriesConf, reference: RegistryReference): Endpoint {
  const table = findTable(conf, formatReference(reference));
  return { reference, insecure: table?.insecure ?? false };
}

/** The table with the longest prefix; of two of one length the later. DENIED. */
function findTable({ registries }: RegistriesConf, name: string): RegistryTable | undefined {
  let best: RegistryTable | undefined;
  for (const table of registries) {
    if (matchLength(table.prefix, name) < 0) continue;
    if (best === undefined || table.prefix.length > best.prefix.length) best = table;
  }
  if (best?.blocked === true)
    throw new Failure("DENIED", `registry ${best.prefix} is blocked in registries.conf`, {
      hint: `Another registry may hold the image; or remove blocked = true for "${best.prefix}".`,
    });
  return best;
}

function serves({ pull }: Mirror, { digest }: RegistryReference): boolean {
  return pull === "all" || (pull === "digest-only") === (digest !== undefined);
}

interface Target {
  prefix: string;
  location: string | undefined;
  insecure: boolean;
}

function rewrite(reference: RegistryReference, { prefix, location, insecure }: Target): Endpoint {
  if (location === undefined) return { reference, insecure };
  const name = formatReference(reference);
  const rewritten = `${location}${name.slice(matchLength(prefix, name))}`;
  return { reference: reparse(rewritten, { prefix, location }), insecure };
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

function reparse(
  name: string,
  { prefix, location }: { prefix: string; location: string },
): RegistryReference {
  const reference = isShortName(name) ? undefined : parseReference(name);
  if (reference?.transport === "docker") return reference;
  throw new Failure(
    "CONFIG_INVALID",
    `registries.conf: the location "${location}" for "${prefix}" names no registry`,
  );
}
