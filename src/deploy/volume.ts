/** What of the host a container sees at which of its paths. Pure. */
import { isAbsolute, normalize } from "node:path";
import { Failure } from "../errors.ts";

export interface Volume {
  /** On the host. */
  source: string;
  /** In the container. */
  destination: string;
  readonly: boolean;
}

/**
 * `HOST:CONTAINER`, with `:ro` or `:rw` behind it.
 * @throws Failure USAGE for anything else.
 */
export function parseVolume(text: string): Volume {
  const [source, destination, mode, ...rest] = text.split(":");
  if (!source || !destination || rest.length > 0 || !["ro", "rw", undefined].includes(mode)) {
    throw invalid(text, "expected HOST:CONTAINER, HOST:CONTAINER:ro or HOST:CONTAINER:rw");
  }
  for (const path of [source, destination]) {
    if (!isAbsolute(path)) throw invalid(text, `${path} is not an absolute path`);
    if (path.includes("\0") || path.includes("\n")) throw invalid(text, "a path holds a control character");
  }
  const clean = cleanPath(destination);
  if (clean === "/") throw invalid(text, "the container's root cannot be replaced");
  return { source: cleanPath(source), destination: clean, readonly: mode === "ro" };
}

/**
 * The directory of the host that keeps an image's volume: /a/b of container NAME is /var/lib/NAME/a-b.
 * @throws Failure CONFIG_INVALID for a volume path that is relative or leaves the root.
 */
export function stateDirectory(name: string, volume: string): string {
  if (
    !isAbsolute(volume) ||
    volume.split("/").includes("..") ||
    /[\0\n]/.test(volume) ||
    cleanPath(volume) === "/"
  ) {
    throw new Failure(
      "CONFIG_INVALID",
      `the image's volume ${JSON.stringify(volume)} is not a path below its root`,
    );
  }
  return `/var/lib/${name}/${cleanPath(volume).slice(1).replaceAll("/", "-")}`;
}

/** Of a container's state directories those that are its own; the one they lie in has the name alone, and may be a package's. */
export function ownState(paths: readonly string[]): string[] {
  return paths.filter((path) => !paths.some((other) => other.startsWith(`${path}/`)));
}

function cleanPath(path: string): string {
  const clean = normalize(path);
  return clean.length > 1 && clean.endsWith("/") ? clean.slice(0, -1) : clean;
}

function invalid(text: string, reason: string): Failure {
  return new Failure("USAGE", `--volume ${JSON.stringify(text)}: ${reason}`);
}
