import { Failure } from "../errors.ts";
import { type Descriptor, parseDescriptor } from "./descriptor.ts";
import { asArray, asObject, asOptionalString, asStringMap, parseJson } from "./json.ts";
import { printable } from "./printable.ts";

/** One image: an OCI image manifest or a Docker schema 2 manifest. `layers[0]` is the base. */
export interface Manifest {
  kind: "manifest";
  mediaType: string;
  config: Descriptor;
  layers: Descriptor[];
  annotations: Record<string, string>;
}

/** Several images under one name: an OCI image index or a Docker manifest list. */
export interface Index {
  kind: "index";
  mediaType: string;
  manifests: Descriptor[];
  annotations: Record<string, string>;
}

export const OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json";
export const OCI_INDEX = "application/vnd.oci.image.index.v1+json";
export const DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json";
export const DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json";

const MANIFESTS = [OCI_MANIFEST, DOCKER_MANIFEST];
const INDEXES = [OCI_INDEX, DOCKER_LIST];
/** Types that say nothing about the content: plain file servers send them. */
const UNTYPED = ["", "application/json", "application/octet-stream", "text/plain"];

/** What a client can read, for the Accept header. */
export const MANIFEST_TYPES: readonly string[] = [OCI_MANIFEST, DOCKER_MANIFEST, DOCKER_LIST, OCI_INDEX];

/**
 * A manifest or index from its bytes and, where known, the type they were served under. A document that two readers
 * could understand in two ways is refused as ambiguous (CVE-2021-41190). MANIFEST_INVALID.
 */
export function parseManifest(bytes: Uint8Array, mediaType?: string): Manifest | Index {
  const body = asObject(parseJson(bytes, "manifest"), "manifest");
  checkVersion(body);
  const type = typeOf(body, mediaType);
  const annotations = asStringMap(body["annotations"], "manifest: annotations");
  if (INDEXES.includes(type)) {
    const manifests = asArray(body["manifests"], "manifest: manifests");
    return {
      kind: "index",
      mediaType: type,
      manifests: manifests.map((item, at) => parseDescriptor(item, `manifests[${at}]`)),
      annotations,
    };
  }
  const layers = asArray(body["layers"], "manifest: layers");
  return {
    kind: "manifest",
    mediaType: type,
    config: parseDescriptor(body["config"], "config"),
    layers: layers.map((item, at) => parseDescriptor(item, `layers[${at}]`)),
    annotations,
  };
}

function checkVersion(body: Record<string, unknown>): void {
  const version = body["schemaVersion"];
  if (version === 2) return;
  const shown = typeof version === "number" ? String(version) : "missing";
  throw new Failure("MANIFEST_INVALID", `manifest: schemaVersion is ${shown}, only 2 can be read`, {
    hint:
      version === 1 ? "Docker schema 1 images are no longer supported: build or push it again." : undefined,
  });
}

function typeOf(body: Record<string, unknown>, served: string | undefined): string {
  const outside = bareType(served);
  const inside = asOptionalString(body["mediaType"], "manifest: mediaType");
  const untyped = UNTYPED.includes(outside);
  if (inside !== undefined && !untyped && inside !== outside)
    throw ambiguous(`served as ${printable(outside, 100)} but says it is ${printable(inside, 100)}`);
  const isIndex = "manifests" in body;
  const isManifest = "layers" in body || "config" in body;
  if ((isIndex && isManifest) || "fsLayers" in body)
    throw ambiguous("it is both an image and an index of images");
  const type = inside ?? (untyped ? (isIndex ? OCI_INDEX : OCI_MANIFEST) : outside);
  if (!MANIFEST_TYPES.includes(type))
    throw new Failure(
      "MANIFEST_INVALID",
      `manifest: "${printable(type, 100)}" is not an image manifest or index`,
    );
  if (MANIFESTS.includes(type) ? isIndex : isManifest)
    throw ambiguous(`its content does not fit its type ${type}`);
  return type;
}

/** A Content-Type without its parameters. */
function bareType(served = ""): string {
  return (served.split(";", 1)[0] ?? "").trim().toLowerCase();
}

function ambiguous(reason: string): Failure {
  return new Failure("MANIFEST_INVALID", `ambiguous manifest: ${reason}`);
}
