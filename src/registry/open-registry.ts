import type { RegistryReference } from "../oci/reference.ts";
import type { RegistryClient } from "./client.ts";
import { namedEndpoint } from "./endpoints.ts";
import { loadRegistriesConf } from "./load-registries-conf.ts";
import { type AccessOptions, openClient } from "./open-client.ts";

/** One repository in a registry, spoken to as /etc/containers says: its tags, manifests, blobs and referrers. */
export type Registry = RegistryClient;

export const Registry = {
  /** The repository of a reference, never a mirror of it. Close it when done. CONFIG_INVALID, DENIED from registries.conf. */
  async open(reference: RegistryReference, access: AccessOptions = {}): Promise<Registry> {
    const conf = await loadRegistriesConf(access.root);
    return await openClient(conf, namedEndpoint(conf, reference), access);
  },
};
