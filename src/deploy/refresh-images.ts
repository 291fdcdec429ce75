/** The images of the store, compared with what their names mean where they came from, or pulled again. */
import { causesOf, Failure, isFailure } from "../errors.ts";
import type { Host } from "../host.ts";
import { isShortName, parseReference } from "../oci/reference.ts";
import type { NamedImage } from "../store/store.ts";
import { versionOf } from "./image-version.ts";
import { requireImage } from "./images.ts";
import { inspectRemote } from "./inspect-remote.ts";
import { pull } from "./pull.ts";

export interface RefreshedImage {
  name: string;
  before: string;
  /** The digest now; of `failed`, as before. */
  after: string;
  outcome: "updated" | "unchanged" | "failed";
  /** Of `failed`. */
  reason?: string;
}

/** One image, whose failure is thrown, or all that have a full name; the others are warned of. */
export async function refreshImages(host: Host, typed: string | undefined): Promise<RefreshedImage[]> {
  if (typed !== undefined) return [await refresh(host, await requireImage(host, typed))];
  const refreshed: RefreshedImage[] = [];
  for (const image of await (await host.store()).names()) {
    if (!isRemote(image)) {
      host.report({ type: "warning", message: `Image ${image.name} not fully qualified: skipping` });
      continue;
    }
    try {
      refreshed.push(await refresh(host, image));
    } catch (error) {
      if (!isFailure(error) || error.code === "INTERRUPTED") throw error;
      const { digest } = image.image;
      const reason = [error.message, ...causesOf(error).slice(0, 1)].join(": ");
      refreshed.push({ name: image.name, before: digest, after: digest, outcome: "failed", reason });
    }
  }
  return refreshed;
}

export interface ComparedImage {
  name: string;
  digest: string;
  /** What the labels say. */
  version: string | undefined;
  remoteDigest: string;
  remoteVersion: string | undefined;
}

/** Asks for manifests and configs alone. */
export async function compareImages(host: Host, typed: string | undefined): Promise<ComparedImage[]> {
  const images =
    typed === undefined
      ? (await (await host.store()).names()).filter(isRemote)
      : [await requireImage(host, typed)];
  const compared: ComparedImage[] = [];
  for (const { name, image, source } of images) {
    const remote = await inspectRemote(host, { image: source ?? name });
    compared.push({
      name,
      digest: image.digest,
      version: versionOf(image.config),
      remoteDigest: remote.digest,
      remoteVersion: versionOf(remote.config),
    });
  }
  return compared;
}

/** From where it was pulled: a name that the image has only here says nothing of that. */
async function refresh(host: Host, { name, image, source }: NamedImage): Promise<RefreshedImage> {
  if (source === undefined && isShortName(name))
    throw new Failure("IMAGE_UNKNOWN", `it is not known where ${name} came from`, {
      hint: `berth pull REFERENCE --as ${name}`,
    });
  const pulled = await pull(host, { image: source ?? name, as: name });
  const outcome = pulled.image.digest === image.digest ? "unchanged" : "updated";
  return { name, before: image.digest, after: pulled.image.digest, outcome };
}

/** A registry can be asked about it. */
function isRemote({ name, source }: NamedImage): boolean {
  return !isShortName(name) && parseReference(source ?? name).transport === "docker";
}
