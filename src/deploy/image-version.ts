import type { ImageConfig } from "../oci/image-config.ts";

/** What an image's labels say of its version: `VERSION-RELEASE` as Atomic read them, or the OCI annotation. Pure. */
export function versionOf({ config: { labels } }: ImageConfig): string | undefined {
  const label = (name: string): string | undefined =>
    labels[name] ?? labels[name.charAt(0).toUpperCase() + name.slice(1)];
  const [version, release] = [label("version"), label("release")];
  if (version !== undefined) return release === undefined ? version : `${version}-${release}`;
  return labels["org.opencontainers.image.version"];
}
