/** sync: the tags of a repository in another registry, or in a directory. */
import { matchesGlob } from "node:path";
import { causesOf, Failure, isFailure } from "../errors.ts";
import type { Host } from "../host.ts";
import { formatReference, parseReference, type Reference } from "../oci/reference.ts";
import { type CopyRequest, copy } from "./copy.ts";
import type { Fetching } from "./fetching.ts";
import { listTags } from "./registry.ts";

export interface SyncRequest extends Fetching {
  repository: string;
  /** `REGISTRY/REPOSITORY`, `oci:DIR`, `dir:DIR`. */
  to: string;
  /** Patterns; empty: all tags. */
  tags: readonly string[];
  dryRun: boolean;
}

export interface Synced {
  source: string;
  destination: string;
  images: { tag: string; digest: string; state: "copied" | "unchanged" | "would copy" }[];
  /** What could not be copied, and why; the others were. */
  failed: { tag: string; message: string }[];
}

/** Copies every tag whose digest is not the same there: whole indexes, with the digests they have. Tags that are gone stay there. */
export async function sync(host: Host, request: SyncRequest): Promise<Synced> {
  const { repository, to, tags: patterns, dryRun, ...fetching } = request;
  const place = parsePlace(to);
  const { tags } = await listTags(host, { repository, ...fetching });
  const wanted = tags.filter(
    (tag) => patterns.length === 0 || patterns.some((each) => matchesGlob(tag, each)),
  );
  const from = parseReference(repository);
  if (from.transport !== "docker") throw new Error("listTags took what is no repository");
  const synced: Synced = {
    source: `${from.registry}/${from.repository}`,
    destination: to,
    images: [],
    failed: [],
  };
  for (const tag of wanted) {
    host.checkInterrupted();
    const source: Reference = {
      transport: "docker",
      registry: from.registry,
      repository: from.repository,
      tag,
    };
    const pair = { from: formatReference(source), to: formatReference(place(tag)), all: true, ...fetching };
    try {
      synced.images.push({ tag, ...(await syncOne(host, pair, dryRun)) });
    } catch (error) {
      if (!(error instanceof Failure) || error.code === "INTERRUPTED") throw error;
      synced.failed.push({ tag, message: [error.message, ...causesOf(error)].join(": ") });
    }
  }
  return synced;
}

async function syncOne(
  host: Host,
  pair: CopyRequest,
  dryRun: boolean,
): Promise<Omit<Synced["images"][number], "tag">> {
  const [there, here] = [await digestOf(host, pair.to, pair), await digestOf(host, pair.from, pair)];
  if (here !== undefined && there === here) return { digest: here, state: "unchanged" };
  if (dryRun) return { digest: here ?? "", state: "would copy" };
  const { digest } = await copy(host, pair);
  return { digest, state: "copied" };
}

/** Undefined when there is no such image. */
async function digestOf(host: Host, name: string, fetching: Fetching): Promise<string | undefined> {
  const source = await host.source(parseReference(name), fetching);
  try {
    return (await source.manifest()).digest;
  } catch (error) {
    if (isFailure(error, "IMAGE_UNKNOWN")) return undefined;
    throw error;
  } finally {
    await source.close();
  }
}

/** Where the image of a tag goes. USAGE. */
function parsePlace(to: string): (tag: string) => Reference {
  const place = parseReference(to);
  if (place.transport === "docker") {
    const { registry, repository } = place;
    return (tag) => ({ transport: "docker", registry, repository, tag });
  }
  if (place.transport === "oci" && place.tag === undefined)
    return (tag) => ({ transport: "oci", path: place.path, tag });
  if (place.transport === "dir") return (tag) => ({ transport: "dir", path: `${place.path}/${tag}` });
  throw new Failure("USAGE", `${to} cannot hold a repository`, {
    hint: "Name another repository, oci:DIR for one layout of all tags, or dir:DIR for a directory a tag.",
  });
}
