/**
 * Small OCI and Docker images made in memory, and OCI image layouts of them on disk. Tars are written by tar-stream, so
 * that what berth reads was not written by berth.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { type Header, pack } from "tar-stream";
import type { Descriptor } from "../../src/oci/descriptor.ts";
import { type Digest, digestHex, sha256 } from "../../src/oci/digest.ts";
import type { Platform } from "../../src/oci/platform.ts";

export type Compression = "gzip" | "zstd" | "none";
export type Format = "oci" | "docker";

/** A tar entry: a tar-stream header (type, mode, uid, gid, linkname, mtime, pax, ...) and its content. */
export interface TestEntry extends Partial<Header> {
  name: string;
  content?: string | Buffer;
}

/** Path to content or entry, in order; a path that ends in `/` is a directory. */
export type TestFiles = Record<string, string | Buffer | Omit<TestEntry, "name">> | TestEntry[];

export interface TestLayer {
  bytes: Buffer;
  tar: Buffer;
  diffId: Digest;
  descriptor: Descriptor;
}

/** What a registry or layout serves under one digest, with the blobs below it. */
export interface TestContent {
  manifest: Buffer;
  mediaType: string;
  digest: Digest;
  descriptor: Descriptor;
  blobs: Map<Digest, Buffer>;
}

export interface TestImage extends TestContent {
  config: Buffer;
  layers: Buffer[];
  diffIds: Digest[];
  platform: Platform;
}

export interface TestIndex extends TestContent {
  children: TestContent[];
}

export interface ImageOptions {
  /** One layer; `layers` for several, base first. Default: one small file. */
  files?: TestFiles;
  layers?: (TestFiles | TestLayer)[];
  /** The `config` object of the image config, in the spec's spelling (Env, Cmd, Labels, ...). */
  config?: Record<string, unknown>;
  /** Laid over the whole image config, for broken ones. */
  configOverrides?: Record<string, unknown>;
  /** Laid over the manifest, for broken ones. */
  manifestOverrides?: Record<string, unknown>;
  platform?: Platform;
  compression?: Compression;
  format?: Format;
  annotations?: Record<string, string>;
}

const TYPES = {
  oci: {
    manifest: "application/vnd.oci.image.manifest.v1+json",
    index: "application/vnd.oci.image.index.v1+json",
    config: "application/vnd.oci.image.config.v1+json",
    layer: {
      none: "application/vnd.oci.image.layer.v1.tar",
      gzip: "application/vnd.oci.image.layer.v1.tar+gzip",
      zstd: "application/vnd.oci.image.layer.v1.tar+zstd",
    },
  },
  docker: {
    manifest: "application/vnd.docker.distribution.manifest.v2+json",
    index: "application/vnd.docker.distribution.manifest.list.v2+json",
    config: "application/vnd.docker.container.image.v1+json",
    layer: {
      none: "application/vnd.docker.image.rootfs.diff.tar",
      gzip: "application/vnd.docker.image.rootfs.diff.tar.gzip",
      zstd: "application/vnd.docker.image.rootfs.diff.tar.zstd",
    },
  },
} as const;

const MTIME = new Date(1_000_000_000_000);

export async function makeImage(options: ImageOptions = {}): Promise<TestImage> {
  const { format = "oci", compression = "gzip", platform = { os: "linux", architecture: "amd64" } } = options;
  const sources = options.layers ?? [options.files ?? { "hello.txt": "hello\n" }];
  const layers: TestLayer[] = [];
  for (const source of sources)
    layers.push(isLayer(source) ? source : await makeLayer(source, { compression, format }));
  const diffIds = layers.map(({ diffId }) => diffId);
  const config = encode({
    ...platform,
    created: "2001-09-09T01:46:40Z",
    config: options.config ?? {},
    rootfs: { type: "layers", diff_ids: diffIds },
    history: layers.map(() => ({ created: "2001-09-09T01:46:40Z", created_by: "test" })),
    ...options.configOverrides,
  });
  const types = TYPES[format];
  const content = makeContent(
    {
      schemaVersion: 2,
      mediaType: types.manifest,
      config: describe(config, types.config),
      layers: layers.map(({ descriptor }) => descriptor),
      ...(options.annotations === undefined ? {} : { annotations: options.annotations }),
      ...options.manifestOverrides,
    },
    types.manifest,
  );
  content.blobs.set(sha256(config), config);
  for (const { bytes, descriptor } of layers) content.blobs.set(descriptor.digest, bytes);
  return { ...content, config, layers: layers.map(({ bytes }) => bytes), diffIds, platform };
}

/** An index (or Docker manifest list); each child with the platform of its image, or the one given. */
export function makeIndex(
  children: (TestImage | { content: TestContent; descriptor: Partial<Descriptor> })[],
  { format = "oci" }: { format?: Format } = {},
): TestIndex {
  const entries = children.map((child) =>
    "content" in child
      ? { content: child.content, descriptor: { ...child.content.descriptor, ...child.descriptor } }
      : { content: child, descriptor: { ...child.descriptor, platform: child.platform } },
  );
  const type = TYPES[format].index;
  const manifests = entries.map(({ descriptor }) => descriptor);
  const index = makeContent({ schemaVersion: 2, mediaType: type, manifests }, type);
  return { ...index, children: entries.map(({ content }) => content) };
}

/** Several images of one content for several platforms (`linux/amd64`, `linux/arm/v7`) and the index of them. */
export async function makeMultiPlatform(platforms: string[], options: ImageOptions = {}): Promise<TestIndex> {
  const images: TestImage[] = [];
  for (const text of platforms) {
    const [os = "", architecture = "", variant] = text.split("/");
    const platform = variant === undefined ? { os, architecture } : { os, architecture, variant };
    const config = { ...options.config, Labels: { platform: text } };
    images.push(await makeImage({ ...options, config, platform }));
  }
  return makeIndex(images, options.format === undefined ? {} : { format: options.format });
}

export async function makeLayer(
  files: TestFiles,
  { compression = "gzip", format = "oci" }: { compression?: Compression; format?: Format } = {},
): Promise<TestLayer> {
  const tar = await makeTar(files);
  const bytes = compress(tar, compression);
  const descriptor = describe(bytes, TYPES[format].layer[compression]);
  return { bytes, tar, diffId: sha256(tar), descriptor };
}

export async function makeTar(files: TestFiles): Promise<Buffer> {
  const tar = pack();
  const chunks: Buffer[] = [];
  const done = (async () => {
    for await (const chunk of tar) chunks.push(chunk as Buffer);
  })();
  for (const { content, ...header } of entriesOf(files)) {
    await new Promise<void>((resolve, reject) => {
      const full = { mode: header.type === "directory" ? 0o755 : 0o644, mtime: MTIME, ...header };
      tar.entry(full, content ?? "", (error) => (error ? reject(error) : resolve()));
    });
  }
  tar.finalize();
  await done;
  return Buffer.concat(chunks);
}

/** `bytes` as one compressed stream; for zstd, `frames` frames in a row, as zstd:chunked layers have. */
export function compress(bytes: Buffer, compression: Compression, frames = 2): Buffer {
  if (compression === "none") return bytes;
  if (compression === "gzip") return gzipSync(bytes);
  const step = Math.max(1, Math.ceil(bytes.length / frames));
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += step) parts.push(zstdCompressSync(bytes.subarray(at, at + step)));
  return Buffer.concat(parts);
}

/** Writes an OCI image layout: tag to image or index. The tag `""` writes an entry without a name. */
export async function writeLayout(dir: string, images: Record<string, TestContent>): Promise<void> {
  await mkdir(join(dir, "blobs/sha256"), { recursive: true });
  await writeFile(join(dir, "oci-layout"), encode({ imageLayoutVersion: "1.0.0" }));
  const manifests: Descriptor[] = [];
  for (const [tag, content] of Object.entries(images)) {
    const annotations = { "org.opencontainers.image.ref.name": tag };
    manifests.push(tag === "" ? content.descriptor : { ...content.descriptor, annotations });
    for (const [digest, bytes] of allContent(content))
      await writeFile(join(dir, "blobs/sha256", digestHex(digest)), bytes);
  }
  await writeFile(join(dir, "index.json"), encode({ schemaVersion: 2, manifests }));
}

/** Everything below `content`, itself included, by digest. */
export function allContent(content: TestContent): Map<Digest, Buffer> {
  const all = new Map([[content.digest, content.manifest], ...content.blobs]);
  for (const child of childrenOf(content))
    for (const [digest, bytes] of allContent(child)) all.set(digest, bytes);
  return all;
}

export function childrenOf(content: TestContent): TestContent[] {
  return (content as Partial<TestIndex>).children ?? [];
}

/** `body` as manifest content of any shape, for what makeImage cannot make. */
export function makeContent(body: unknown, mediaType: string): TestContent {
  const manifest = Buffer.isBuffer(body) ? body : encode(body);
  const descriptor = describe(manifest, mediaType);
  return { manifest, mediaType, digest: descriptor.digest, descriptor, blobs: new Map() };
}

export function describe(bytes: Buffer, mediaType: string): Descriptor {
  return { mediaType, digest: sha256(bytes), size: bytes.length };
}

function entriesOf(files: TestFiles): TestEntry[] {
  if (Array.isArray(files)) return files.map(withType);
  return Object.entries(files).map(([name, value]) =>
    withType(
      typeof value === "string" || Buffer.isBuffer(value) ? { name, content: value } : { name, ...value },
    ),
  );
}

function withType(entry: TestEntry): TestEntry {
  return entry.type === undefined && entry.name.endsWith("/") ? { ...entry, type: "directory" } : entry;
}

function isLayer(source: TestFiles | TestLayer): source is TestLayer {
  return "descriptor" in source && "tar" in source && Buffer.isBuffer(source.bytes);
}

function encode(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}
