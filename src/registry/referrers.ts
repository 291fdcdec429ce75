import { isFailure } from "../errors.ts";
import { type Descriptor, parseDescriptor } from "../oci/descriptor.ts";
import { type Digest, digestAlgorithm, digestHex, sha256 } from "../oci/digest.ts";
import { asArray, asObject, asOptionalString, asStringMap, parseJson } from "../oci/json.ts";
import { OCI_INDEX, parseManifest } from "../oci/manifest.ts";
import { listPages } from "./pages.ts";
import type { Session } from "./session.ts";

export interface ReferrersOptions {
  /** Only those of this type. */
  artifactType?: string | undefined;
}

interface ReferrersRequest extends ReferrersOptions {
  repository: string;
  scope: string;
  digest: Digest;
}

/** What the fallback needs of a repository. */
interface Repository {
  manifest(tag: string): Promise<{ bytes: Buffer; mediaType: string | undefined }>;
  putManifest(bytes: Uint8Array, options: { mediaType: string; digest: Digest; tag: string }): Promise<void>;
}

/** distribution-spec, "Listing Referrers": the API, and where the registry has none (404) the tag that stands for it. */
export async function listReferrers(
  repository: Repository,
  session: Session,
  { repository: name, scope, digest, artifactType }: ReferrersRequest,
): Promise<Descriptor[]> {
  const found: Descriptor[] = [];
  const query = artifactType === undefined ? "" : `?artifactType=${encodeURIComponent(artifactType)}`;
  try {
    const asked = { what: `referrers of ${digest}`, missing: "IMAGE_UNKNOWN" as const };
    const path = `${name}/referrers/${digest}${query}`;
    for await (const { body } of listPages(session, { path, scope, asked, what: "list of referrers" }))
      found.push(...asArray(body["manifests"], "referrers").map((item) => parseDescriptor(item, "referrer")));
  } catch (error) {
    if (!isFailure(error, "IMAGE_UNKNOWN")) throw error;
    found.push(...(await readFallback(repository, digest)));
  }
  // A registry that filters says so; filtering again changes nothing.
  return artifactType === undefined ? found : found.filter((item) => item.artifactType === artifactType);
}

/** Enters a manifest with a `subject` into the index under the fallback tag of its subject; others are none of its business. */
export async function addToFallback(
  repository: Repository,
  bytes: Uint8Array,
  { mediaType, digest }: { mediaType: string; digest: Digest },
): Promise<void> {
  const body = asObject(parseJson(bytes, "manifest"), "manifest");
  if (body["subject"] === undefined || body["subject"] === null) return;
  const subject = parseDescriptor(body["subject"], "subject");
  const known = await readFallback(repository, subject.digest);
  if (known.some((item) => item.digest === digest)) return;
  const config = body["config"] === undefined ? undefined : parseDescriptor(body["config"], "config");
  const artifactType = asOptionalString(body["artifactType"], "artifactType") ?? config?.mediaType;
  const annotations = asStringMap(body["annotations"], "annotations");
  const entry = {
    mediaType,
    digest,
    size: bytes.length,
    ...(artifactType !== undefined && { artifactType }),
    ...(Object.keys(annotations).length > 0 && { annotations }),
  };
  const index = { schemaVersion: 2, mediaType: OCI_INDEX, manifests: [...known, entry] };
  const text = Buffer.from(JSON.stringify(index));
  const tag = fallbackTag(subject.digest);
  await repository.putManifest(text, { mediaType: OCI_INDEX, digest: sha256(text), tag });
}

async function readFallback(repository: Repository, digest: Digest): Promise<Descriptor[]> {
  try {
    const { bytes, mediaType } = await repository.manifest(fallbackTag(digest));
    const index = parseManifest(bytes, mediaType);
    return index.kind === "index" ? index.manifests : [];
  } catch (error) {
    if (isFailure(error, "IMAGE_UNKNOWN")) return [];
    throw error;
  }
}

/** distribution-spec, "Referrers Tag Schema". */
function fallbackTag(digest: Digest): string {
  return `${digestAlgorithm(digest).slice(0, 32)}-${digestHex(digest).slice(0, 64)}`;
}
