import { Failure } from "../errors.ts";
import type { Descriptor } from "./descriptor.ts";
import type { Index } from "./manifest.ts";
import { printable } from "./printable.ts";

/** Operating system and processor in the names of the OCI image-spec (GOOS, GOARCH, variant). */
export interface Platform {
  os: string;
  architecture: string;
  variant?: string;
}

/** Variants that run on each other's processors, best first (containers/image). */
const VARIANTS: Record<string, readonly string[]> = { arm: ["v8", "v7", "v6", "v5"], arm64: ["v8"] };
const NODE_ARCHITECTURES: Record<string, string> = {
  x64: "amd64",
  ia32: "386",
  ppc64: "ppc64le",
  mipsel: "mipsle",
};
const ZSTD_ANNOTATION = "io.github.containers.compression.zstd";

/** `os/arch[/variant]`. REFERENCE_INVALID. */
export function parsePlatform(text: string): Platform {
  const match = /^([a-z0-9_]+)\/([a-z0-9_]+)(?:\/([a-z0-9._]+))?$/.exec(text);
  const [, os, architecture, variant] = match ?? [];
  if (os === undefined || architecture === undefined)
    throw new Failure("REFERENCE_INVALID", `"${printable(text)}" is not a platform`, {
      hint: "A platform is written os/arch or os/arch/variant, for example linux/arm64/v8.",
    });
  return variant === undefined ? { os, architecture } : { os, architecture, variant };
}

/** The platform this process runs on. */
export function hostPlatform(): Platform {
  const architecture = NODE_ARCHITECTURES[process.arch] ?? process.arch;
  if (process.arch === "arm64") return { os: "linux", architecture, variant: "v8" };
  const version = (process.config.variables as { arm_version?: string }).arm_version;
  if (process.arch === "arm" && version !== undefined)
    return { os: "linux", architecture, variant: `v${version}` };
  return { os: "linux", architecture };
}

/**
 * The entry of `index` for `want`: the best variant first, then an entry marked as zstd, then the first listed; an entry
 * without a platform is the last resort. The order is that of containers/image. IMAGE_UNKNOWN lists what there is.
 */
export function selectPlatform(index: Index, want: Platform): Descriptor {
  const variants = acceptableVariants(want);
  let best: { entry: Descriptor; rank: number } | undefined;
  for (const entry of index.manifests) {
    const rank = rankOf(entry, want, variants);
    if (rank !== undefined && (best === undefined || rank < best.rank)) best = { entry, rank };
  }
  if (best !== undefined) return best.entry;
  const there = [...new Set(index.manifests.map(({ platform }) => platform && formatPlatform(platform)))];
  throw new Failure(
    "IMAGE_UNKNOWN",
    `no image found in image index for ${formatPlatform(want)}; it has ${there.filter(Boolean).join(", ") || "no images"}`,
  );
}

function formatPlatform({ os, architecture, variant }: Platform): string {
  const text = [os, architecture, variant].filter((part) => part !== undefined).join("/");
  return printable(text, 80);
}

/** Lower is better; undefined does not match. */
function rankOf(
  { platform, annotations }: Descriptor,
  want: Platform,
  variants: readonly string[],
): number | undefined {
  const zstd = annotations?.[ZSTD_ANNOTATION] === "true" ? 0 : 1;
  if (platform === undefined) return 2 * variants.length + zstd;
  if (platform.os !== want.os || platform.architecture !== want.architecture) return undefined;
  const at = variants.indexOf(platform.variant ?? "");
  return at < 0 ? undefined : 2 * at + zstd;
}

function acceptableVariants({ architecture, variant }: Platform): readonly string[] {
  const known = VARIANTS[architecture] ?? [];
  if (variant === undefined) return ["", ...known];
  const at = known.indexOf(variant);
  return at < 0 ? [variant, ""] : [...known.slice(at), ""];
}
