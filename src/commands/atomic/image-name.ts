import { archivedName } from "../../deploy/archived-name.ts";
import { storedName } from "../../deploy/tag.ts";

/** An image as Atomic names it, in berth's words. */
export interface NamedSource {
  image: string;
  /** What the store calls it, where that is not the image's own reference. */
  as?: string;
  /** It was asked for over HTTP. */
  tlsVerify?: false;
}

/**
 * `NAME`, `oci:NAME`, `https:NAME` are in a registry, `http:NAME` in one without TLS; `docker:NAME[:TAG]` is in the local
 * engine and `dockertar:PATH` a file, and both have the name there. berth's own transports keep their meaning, and so does `oci:`
 * with a path. NAME_AMBIGUOUS, REFERENCE_INVALID.
 */
export async function readImageName(typed: string): Promise<NamedSource> {
  if (typed.startsWith("docker://")) return { image: typed };
  const [, prefix = "", rest = ""] = /^(oci|https?|docker|dockertar):(.*)$/s.exec(typed) ?? [];
  const remote = rest.replace(/^\/\//, "");
  switch (prefix) {
    case "oci":
      return { image: /^[./]/.test(rest) ? typed : rest };
    case "https":
      return { image: remote };
    case "http":
      return { image: remote, tlsVerify: false };
    case "docker":
      return { image: `docker-daemon:${rest}`, as: storedName(rest) };
    case "dockertar":
      return { image: `docker-archive:${rest}`, as: await archivedName(rest) };
    default:
      return { image: typed };
  }
}
