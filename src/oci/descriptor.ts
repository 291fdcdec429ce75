import { Failure } from "../errors.ts";
import { type Digest, digestLike, parseDigest } from "./digest.ts";
import { asObject, asOptionalString, asString, asStringMap, asStrings } from "./json.ts";
import type { Platform } from "./platform.ts";

/** OCI image-spec `descriptor.md`: what a piece of content is, its address and its size in bytes. */
export interface Descriptor {
  mediaType: string;
  digest: Digest;
  size: number;
  annotations?: Record<string, string>;
  platform?: Platform;
  urls?: string[];
  /** The content itself in base64; checked against digest and size. */
  data?: string;
  artifactType?: string;
}

/** MANIFEST_INVALID naming `what`: bad digest, size negative or beyond 2^53-1, `data` that is not the content. */
export function parseDescriptor(value: unknown, what: string): Descriptor {
  const object = asObject(value, what);
  const descriptor: Descriptor = {
    mediaType: asString(object["mediaType"], `${what}: mediaType`),
    digest: parseDigest(asString(object["digest"], `${what}: digest`), what),
    size: parseSize(object["size"], what),
  };
  const { annotations, platform, urls } = object;
  if (annotations !== undefined && annotations !== null)
    descriptor.annotations = asStringMap(annotations, `${what}: annotations`);
  if (platform !== undefined && platform !== null)
    descriptor.platform = parsePlatformObject(platform, `${what}: platform`);
  if (urls !== undefined && urls !== null) descriptor.urls = asStrings(urls, `${what}: urls`);
  const artifactType = asOptionalString(object["artifactType"], `${what}: artifactType`);
  if (artifactType !== undefined) descriptor.artifactType = artifactType;
  const data = asOptionalString(object["data"], `${what}: data`);
  if (data !== undefined) descriptor.data = checkData(data, descriptor, what);
  return descriptor;
}

/** The embedded content of a descriptor, already checked by parseDescriptor. */
export function descriptorData({ data }: Descriptor): Buffer | undefined {
  return data === undefined ? undefined : Buffer.from(data, "base64");
}

function parseSize(value: unknown, what: string): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  const shown = typeof value === "number" ? String(value) : typeof value;
  throw new Failure("MANIFEST_INVALID", `${what}: invalid size ${shown}`);
}

function parsePlatformObject(value: unknown, what: string): Platform {
  const object = asObject(value, what);
  const platform: Platform = {
    os: asOptionalString(object["os"], `${what}: os`) ?? "",
    architecture: asOptionalString(object["architecture"], `${what}: architecture`) ?? "",
  };
  const variant = asOptionalString(object["variant"], `${what}: variant`);
  if (variant !== undefined) platform.variant = variant;
  return platform;
}

function checkData(data: string, { digest, size }: Descriptor, what: string): string {
  const bytes = Buffer.from(data, "base64");
  if (bytes.toString("base64") !== data)
    throw new Failure("MANIFEST_INVALID", `${what}: embedded data is not base64`);
  if (bytes.length !== size)
    throw new Failure(
      "MANIFEST_INVALID",
      `${what}: embedded data has ${bytes.length} bytes, expected ${size}`,
    );
  const actual = digestLike(digest, bytes);
  if (actual !== digest)
    throw new Failure("MANIFEST_INVALID", `${what}: embedded data is ${actual}, expected ${digest}`);
  return data;
}
