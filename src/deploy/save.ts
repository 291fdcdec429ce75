/** save and load: images of the store as one oci-archive, every blob once. */
import { Failure } from "../errors.ts";
import type { Host } from "../host.ts";
import { containerNameOf, parseReference } from "../oci/reference.ts";
import type { NamedImage } from "../store/store.ts";
import type { Fetching } from "./fetching.ts";
import { requireImage } from "./images.ts";
import { type Pulled, pull } from "./pull.ts";
import { StoredSource } from "./stored-source.ts";
import { storedName } from "./tag.ts";

export interface SaveRequest extends Fetching {
  names: readonly string[];
  file: string;
  /** Where the blobs of all of them are, when not where they were pulled from. */
  from?: string | undefined;
}

export interface Saved {
  file: string;
  /** Under which name each is in the archive. */
  images: { name: string; digest: string }[];
  blobs: { copied: number; present: number; bytes: number };
}

export async function save(host: Host, { names, file, ...options }: SaveRequest): Promise<Saved> {
  const stored: NamedImage[] = [];
  for (const name of names) stored.push(await requireImage(host, name));
  const { putImage } = await import("../transport/copy-image.ts");
  const saved: Saved = { file, images: [], blobs: { copied: 0, present: 0, bytes: 0 } };
  const destination = await host.destination({ transport: "oci-archive", path: file });
  try {
    for (const image of stored) {
      const name = archivedName(image.name);
      if (saved.images.some((other) => other.name === name))
        throw new Failure("NAME_TAKEN", `two images would be called ${name} in the archive`, {
          hint: "Give one of them another name with `berth tag`.",
        });
      host.report({ type: "step", step: "save", name: image.name });
      const source = new StoredSource(host, image, options);
      try {
        const { report, signal } = host;
        const { digest, blobs } = await putImage({ source, destination }, { tag: name, report, signal });
        saved.images.push({ name, digest });
        for (const key of ["copied", "present", "bytes"] as const) saved.blobs[key] += blobs[key];
      } finally {
        await source.close();
      }
    }
    await destination.commit();
  } finally {
    await destination.close();
  }
  return saved;
}

/** Every image of an archive into the store, under the name that it has there. */
export async function load(host: Host, file: string): Promise<Pulled[]> {
  const { listArchive } = await import("../transport/list-archive.ts");
  const images = await listArchive(file);
  const names = images.map(({ name, reference }) => {
    if (name !== undefined) return storedName(name);
    throw new Failure("REFERENCE_INVALID", `an image in ${file} has no name`, {
      hint: `Give it one: berth pull ${reference} --as NAME`,
    });
  });
  const loaded: Pulled[] = [];
  for (const [at, { reference }] of images.entries())
    loaded.push(await pull(host, { image: reference, as: names[at] }));
  return loaded;
}

/** A name of another transport holds characters that a name in a layout may not. */
function archivedName(stored: string): string {
  const reference = parseReference(stored);
  if (reference.transport === "docker") return stored;
  return containerNameOf(reference);
}
