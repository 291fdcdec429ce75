import { Failure } from "../errors.ts";
import { digestHex } from "../oci/digest.ts";
import { formatReference, isShortName, parseReference } from "../oci/reference.ts";
import type { NameRecord } from "./image-records.ts";

const MIN_DIGEST_PREFIX = 8;

/**
 * Which stored name a user means: the exact one, else the one that ends in what was typed (whole components,
 * tag `latest` when none is typed), else the digest or at least 8 digits of its start. NAME_AMBIGUOUS lists
 * what it could be.
 */
export function matchName(typed: string, records: readonly NameRecord[]): NameRecord | undefined {
  const wanted = spellings(typed);
  const exact = wanted.flatMap((name) => records.filter((record) => record.name === name));
  if (exact[0] !== undefined) return exact[0];
  const ending = records.filter(({ name }) => wanted.some((end) => shortened(name).includes(end)));
  const matches = ending.length > 0 ? ending : byDigest(typed, records);
  const [first, ...others] = matches;
  if (others.length === 0 || first === undefined) return first;
  const names = matches.map(({ name }) => name);
  throw new Failure("NAME_AMBIGUOUS", `${typed} may mean ${names.join(", ")}`, {
    hint: "Type more of the name.",
  });
}

/** What was typed, with the default tag, and in full when it names a registry. */
function spellings(typed: string): string[] {
  const names = [typed, `${typed}:latest`];
  try {
    if (!isShortName(typed)) names.push(formatReference(parseReference(typed)));
  } catch (error) {
    if (!(error instanceof Failure)) throw error; // not a reference: it can be a name given with --as or a digest
  }
  return names;
}

/** The ends of a stored name at a `/`; of one with tag and digest, also without the digest. */
function shortened(name: string): string[] {
  const at = name.indexOf("@");
  const names = at === -1 ? [name] : [name, name.slice(0, at)];
  return names.flatMap((each) => {
    const components = each.split("/");
    return components.map((_, from) => components.slice(from).join("/"));
  });
}

/** One image may have several names: then any of them will do. */
function byDigest(typed: string, records: readonly NameRecord[]): NameRecord[] {
  const prefix = /^(?:(sha256|sha512):)?([0-9a-f]+)$/.exec(typed);
  if (prefix === null || (prefix[2]?.length ?? 0) < MIN_DIGEST_PREFIX) return [];
  const found = records.filter(({ digest }) =>
    prefix[1] === undefined ? digestHex(digest).startsWith(typed) : digest.startsWith(typed),
  );
  const digests = new Set(found.map(({ digest }) => digest));
  return digests.size === 1 ? found.slice(0, 1) : found;
}
