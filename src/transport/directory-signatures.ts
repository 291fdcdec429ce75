import { join } from "node:path";
import { type Digest, digestHex } from "../oci/digest.ts";
import { formatSignature, type Signature } from "../oci/signature.ts";
import { writeDurably } from "../sys/durable.ts";
import { DirectorySource } from "./directory-source.ts";

/** Adds a signature to a `dir:` image that is there; the path of its file. IMAGE_UNKNOWN. */
export async function addDirectorySignature(
  path: string,
  digest: Digest,
  signature: Signature,
): Promise<string> {
  const source = new DirectorySource({ transport: "dir", path });
  const named = await source.manifest();
  const present = await source.signatures(digest);
  const file = join(path, signatureFile(digest, named.digest === digest, present.length + 1));
  await writeDurably(file, formatSignature(signature), { mode: 0o644 });
  return file;
}

/** Of the image itself, or of one of its index. */
export function signatureFile(digest: Digest, isNamed: boolean, at: number): string {
  return `${isNamed ? "" : `${digestHex(digest)}.`}signature-${at}`;
}
