import { existsSync, readdirSync, readFileSync, unlinkSync } from "node:fs";
import { basename, join } from "node:path";
import { Failure, isErrno } from "../errors.ts";
import { type Digest, digestHex, digestLike, sha256 } from "../oci/digest.ts";
import { type ImageConfig, parseImageConfig } from "../oci/image-config.ts";
import { type Manifest, parseManifest } from "../oci/manifest.ts";
import { publishFile, syncDirectory } from "./files.ts";
import type { Layout } from "./layout.ts";

/**
 * An image in the store. `created` is the ISO time of the pull, `size` the sum of its layers' blobs in bytes.
 */
export interface StoredImage {
  digest: Digest;
  manifestBytes: Buffer;
  manifest: Manifest;
  configBytes: Buffer;
  config: ImageConfig;
  created: string;
  size: number;
  /** Its signatures as files hold them: those that a policy has asked for. */
  signatures: readonly Buffer[];
}

/** A name, the image it means, and the reference that the image was pulled from, where that is known. */
export interface NameRecord {
  name: string;
  digest: Digest;
  source?: string | undefined;
}

/** The JSON of images/HEX.json. Manifest and config are kept as text, byte for byte. */
interface ImageRecord {
  digest: Digest;
  created: string;
  manifest: string;
  config: string;
  /** base64; absent where there are none. */
  signatures?: string[];
}

interface ImageParts {
  digest: Digest;
  manifestBytes: Buffer;
  configBytes: Buffer;
  signatures?: readonly Buffer[] | undefined;
}

/**
 * Parses and checks what an image consists of: the manifest has `digest`, the config the digest and size that
 * the manifest says, and there is a diffID for each layer. MANIFEST_INVALID, DIGEST_MISMATCH.
 */
export function parseImage(
  { digest, manifestBytes, configBytes, signatures = [] }: ImageParts,
  created: string,
): StoredImage {
  checkDigest(manifestBytes, { expected: digest, what: "manifest" });
  const manifest = parseManifest(manifestBytes);
  if (manifest.kind !== "manifest")
    throw new Failure("MANIFEST_INVALID", `${digest} is an index of images, not an image`);
  checkDigest(configBytes, { expected: manifest.config.digest, what: "image config" });
  const config = parseImageConfig(configBytes);
  const { layers } = manifest;
  if (layers.length === 0 || layers.length !== config.diffIds.length)
    throw new Failure(
      "MANIFEST_INVALID",
      `${digest} has ${layers.length} layers, but its config lists ${config.diffIds.length}`,
    );
  const size = layers.reduce((sum, layer) => sum + layer.size, 0);
  return { digest, manifestBytes, manifest, configBytes, config, created, size, signatures };
}

function checkDigest(bytes: Buffer, { expected, what }: { expected: Digest; what: string }): void {
  const actual = digestLike(expected, bytes);
  if (actual !== expected)
    throw new Failure("DIGEST_MISMATCH", `the ${what} is ${actual}, expected ${expected}`);
}

export function hasImage(layout: Layout, digest: Digest): boolean {
  return existsSync(layout.image(digest));
}

/** IMAGE_UNKNOWN, STORE_CORRUPT. */
export function readImage(layout: Layout, digest: Digest): StoredImage {
  const text = readOr(layout.image(digest), () => {
    throw new Failure("IMAGE_UNKNOWN", `no image ${digest} in ${layout.store}`);
  });
  try {
    const record = JSON.parse(text) as ImageRecord;
    const manifestBytes = Buffer.from(record.manifest);
    const configBytes = Buffer.from(record.config);
    const signatures = (record.signatures ?? []).map((text) => Buffer.from(text, "base64"));
    return parseImage({ digest, manifestBytes, configBytes, signatures }, record.created);
  } catch (error) {
    throw new Failure("STORE_CORRUPT", `${layout.image(digest)} is damaged`, {
      hint: "Pull the image again.",
      cause: error,
    });
  }
}

export function writeImage(layout: Layout, { image, stage }: { image: StoredImage; stage: string }): void {
  const record: ImageRecord = {
    digest: image.digest,
    created: image.created,
    manifest: textOf(image.manifestBytes, "manifest"),
    config: textOf(image.configBytes, "image config"),
    ...(image.signatures.length > 0 && {
      signatures: image.signatures.map((blob) => blob.toString("base64")),
    }),
  };
  const tmp = join(stage, "image");
  publishFile(layout.image(image.digest), { bytes: `${JSON.stringify(record)}\n`, tmp });
}

function textOf(bytes: Buffer, what: string): string {
  const text = bytes.toString();
  if (Buffer.from(text).equals(bytes)) return text;
  throw new Failure("MANIFEST_INVALID", `the ${what} is not UTF-8 text`);
}

export function writeName(layout: Layout, { record, stage }: { record: NameRecord; stage: string }): void {
  const tmp = join(stage, "name");
  const path = layout.name(encodeName(record.name));
  publishFile(path, { bytes: nameText(record), tmp });
}

/** Whether the name is there with just this image and source. */
export function hasName(layout: Layout, record: NameRecord): boolean {
  return readOr(layout.name(encodeName(record.name)), () => undefined) === nameText(record);
}

function nameText({ name, digest, source }: NameRecord): string {
  return `${JSON.stringify({ name, digest, source })}\n`;
}

/** Whether there was such a name. */
export function removeName(layout: Layout, name: string): boolean {
  try {
    unlinkSync(layout.name(encodeName(name)));
  } catch (error) {
    if (isErrno(error, "ENOENT")) return false;
    throw error;
  }
  syncDirectory(layout.names);
  return true;
}

/** All names, sorted; none when there is no store. */
export function readNames(layout: Layout): NameRecord[] {
  const records: NameRecord[] = [];
  for (const file of entriesOf(layout.names)) {
    const text = readOr(join(layout.names, file), () => undefined); // removed meanwhile
    if (text !== undefined) records.push(parseName(text, join(layout.names, file)));
  }
  return records.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The record of a name in the text of its file. STORE_CORRUPT. */
export function parseName(text: string, path: string): NameRecord {
  try {
    const { name, digest, source } = JSON.parse(text) as NameRecord;
    if (encodeName(name) === basename(path) && digest.includes(":")) return { name, digest, source };
  } catch (error) {
    throw new Failure("STORE_CORRUPT", `${path} is damaged`, { cause: error });
  }
  throw new Failure("STORE_CORRUPT", `${path} is damaged`);
}

/** File names of a directory; none when it does not exist. */
export function entriesOf(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return [];
    throw error;
  }
}

const MAX_FILE_NAME = 200;

/**
 * A reference as a file name: what is not a letter, digit, `.`, `_` or `-` as %XX; a long one by its hash.
 */
export function encodeName(name: string): string {
  const encoded = [...Buffer.from(name)]
    .map((byte) => {
      const character = String.fromCharCode(byte);
      return /[A-Za-z0-9._-]/.test(character)
        ? character
        : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
    })
    .join("")
    .replace(/^\./, "%2E");
  return encoded.length <= MAX_FILE_NAME ? encoded : `%${digestHex(sha256(Buffer.from(name)))}`;
}

/** The name that a file of names/ is for; undefined for one known by its hash alone. */
export function decodeName(file: string): string | undefined {
  if (/^%[0-9a-f]{64}$/.test(file)) return undefined;
  const text = file.replaceAll(/%([0-9A-F]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return Buffer.from(text, "latin1").toString();
}

function readOr<T>(path: string, orElse: () => T): string | T {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (isErrno(error, "ENOENT")) return orElse();
    throw error;
  }
}
