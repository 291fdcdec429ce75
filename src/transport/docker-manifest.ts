/** The manifest.json of the archive that `docker save` writes, and the image manifest that is made from it. Pure. */
import { Failure } from "../errors.ts";
import type { Digest } from "../oci/digest.ts";
import { asArray, asObject, asString, asStrings, parseJson } from "../oci/json.ts";
import { DOCKER_CONFIG, DOCKER_LAYER, DOCKER_MANIFEST } from "../oci/media-types.ts";
import { printable } from "../oci/printable.ts";
import { type DockerArchiveReference, formatReference, parseReference } from "../oci/reference.ts";

/** One image of the archive: members by name. */
export interface ArchivedImage {
  config: string;
  /** As written; not checked. */
  names: string[];
  /** Base first. */
  layers: string[];
}

/** MANIFEST_INVALID. */
export function parseDockerManifest(bytes: Uint8Array): ArchivedImage[] {
  return asArray(parseJson(bytes, "manifest.json"), "manifest.json").map((item, at) => {
    const what = `manifest.json[${at}]`;
    const image = asObject(item, what);
    return {
      config: asString(image["Config"], `${what}: Config`),
      names: asStrings(image["RepoTags"], `${what}: RepoTags`),
      layers: asStrings(image["Layers"], `${what}: Layers`),
    };
  });
}

/** The image that a reference means: by name, by place, or the only one. IMAGE_UNKNOWN, NAME_AMBIGUOUS. */
export function findArchived(images: ArchivedImage[], reference: DockerArchiveReference): ArchivedImage {
  const typed = formatReference(reference);
  const { name, index, path } = reference;
  const wanted = name && formatReference(name);
  const matching =
    index !== undefined
      ? images.slice(index, index + 1)
      : images.filter(({ names }) => wanted === undefined || names.some((each) => fullName(each) === wanted));
  const [first, second] = matching;
  if (first === undefined) throw new Failure("IMAGE_UNKNOWN", `${typed}: no such image; ${listed(images)}`);
  if (second !== undefined)
    throw new Failure("NAME_AMBIGUOUS", `${typed} may be several images; ${listed(images)}`, {
      hint: `Name one: docker-archive:${path}:NAME, or docker-archive:${path}:@0, :@1, ...`,
    });
  return first;
}

/** As containers/image writes it, byte for byte: the digest of an archived image is that of this text. */
export function makeDockerManifest(
  config: { digest: Digest; size: number },
  layers: readonly { digest: Digest; size: number }[],
): Buffer {
  const describe = (mediaType: string, { digest, size }: { digest: Digest; size: number }): object => ({
    mediaType,
    size,
    digest,
  });
  return Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: DOCKER_MANIFEST,
      config: describe(DOCKER_CONFIG, config),
      layers: layers.map((layer) => describe(DOCKER_LAYER, layer)),
    }),
  );
}

/** A name that is none (statement 19: an archive may say anything) matches nothing. */
function fullName(written: string): string | undefined {
  try {
    return formatReference(parseReference(`docker://${written}`));
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}

function listed(images: ArchivedImage[]): string {
  const names = images.map(({ names: own, config }) => printable(own.join(" ") || config, 100));
  return names.length === 0 ? "the archive holds no image" : `the archive holds ${names.join(", ")}`;
}
