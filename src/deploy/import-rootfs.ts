/** A directory becomes an image of the store: one layer, and a configuration that says what is known. */
import { createHash } from "node:crypto";
import type { Host } from "../host.ts";
import { type Digest, sha256 } from "../oci/digest.ts";
import { OCI_CONFIG, OCI_LAYER, OCI_MANIFEST } from "../oci/media-types.ts";
import { hostPlatform } from "../oci/platform.ts";
import { readDirectory } from "../store/read-directory.ts";
import type { StoredImage } from "../store/store.ts";

export interface RootfsImage {
  names: string[];
  /** Of the image config's `config`, in the spec's words. */
  config: Record<string, unknown>;
  /** Unix time, in seconds. */
  created: number;
}

/** Reads it twice: an image is named by digests, which are known at the end. @throws Failure NO_SPACE, INTERRUPTED */
export async function importRootfs(
  host: Host,
  dir: string,
  { names, config, created }: RootfsImage,
): Promise<StoredImage> {
  const { signal, report } = host;
  const { archive } = await readDirectory(dir, { signal });
  const hash = createHash("sha256");
  let size = 0;
  for await (const bytes of archive()) {
    hash.update(bytes);
    size += bytes.length;
  }
  const diffId: Digest = `sha256:${hash.digest("hex")}`;
  const time = new Date(created * 1000).toISOString();
  const { os, architecture } = hostPlatform();
  const configBytes = encode({
    ...{ created: time, os, architecture, config },
    rootfs: { type: "layers", diff_ids: [diffId] },
  });
  const manifestBytes = encode({
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: { mediaType: OCI_CONFIG, digest: sha256(configBytes), size: configBytes.length },
    layers: [{ mediaType: OCI_LAYER, digest: diffId, size }],
  });
  const image = { manifestBytes, configBytes, digest: sha256(manifestBytes), names };
  return (await host.writableStore()).add(image, { blob: () => archive(), report, signal });
}

function encode(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}
