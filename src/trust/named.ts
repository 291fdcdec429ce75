import { isFailure } from "../errors.ts";
import { formatReference, parseReference, type Reference, type RegistryReference } from "../oci/reference.ts";

/** A reference as signatures and policies write it, where no tag means none. */
export interface Named {
  /** `host/repository` */
  name: string;
  /** With tag and digest, as far as it has them. */
  text: string;
  isNameOnly: boolean;
}

/** Undefined for what is no reference of a registry's image. */
export function parseNamed(text: string): Named | undefined {
  if (/^[a-z-]+:\/\/|^(?:oci|dir|oci-archive|docker-archive|docker-daemon|containers-storage):/.test(text))
    return undefined;
  let reference: Reference;
  try {
    reference = parseReference(text);
  } catch (error) {
    if (isFailure(error, "REFERENCE_INVALID")) return undefined;
    throw error;
  }
  if (reference.transport !== "docker") return undefined;
  const isNameOnly = !/[:@]/.test(text.slice(text.lastIndexOf("/") + 1));
  return {
    name: nameOf(reference),
    text: isNameOnly ? nameOf(reference) : formatReference(reference),
    isNameOnly,
  };
}

export function nameOf({ registry, repository }: RegistryReference): string {
  return `${registry}/${repository}`;
}
