import type { DaemonReference } from "../oci/reference.ts";
import { formatReference } from "../oci/reference.ts";
import { DockerArchiveSource } from "./docker-archive-source.ts";
import { askEngine } from "./engine.ts";
import type { Source, SourceOptions } from "./source.ts";
import { TarFile } from "./tar-file.ts";

/** An image of a container engine: its API exports a docker-archive, which is put aside, since layers are read in any order. */
export function openDaemonSource(reference: DaemonReference, options: SourceOptions = {}): Source {
  const { image } = reference;
  const name = typeof image === "string" ? image : formatReference(image);
  return new DockerArchiveSource(
    { transport: "docker-archive", path: formatReference(reference), index: 0 },
    {
      ...options,
      as: reference,
      openTar: async () => {
        const path = `/images/${encodeURIComponent(name)}/get`;
        const answer = await askEngine({ method: "GET", path, signal: options.signal });
        return TarFile.ofStream(formatReference(reference), answer);
      },
    },
  );
}
