import type { Report } from "../events.ts";
import { loadCertificates } from "./certificates.ts";
import { RegistryClient } from "./client.ts";
import { findCredentials } from "./credentials.ts";
import type { Endpoint } from "./endpoints.ts";
import type { RegistriesConf } from "./registries-conf.ts";
import { physicalHost, type SessionOptions } from "./session.ts";

/** How registries are reached, as commands say it. */
export interface AccessOptions {
  /** Prefix for /etc/containers; default "/". */
  root?: string | undefined;
  authFile?: string | undefined;
  /** Overrides `insecure` of registries.conf. */
  tlsVerify?: boolean | undefined;
  signal?: AbortSignal | undefined;
  report?: Report | undefined;
  /** The first wait before a registry is asked again; milliseconds, default 500. */
  retryMs?: number | undefined;
}

/** A client for one endpoint, with the credentials and certificates of that endpoint. CONFIG_INVALID. */
export async function openClient(
  conf: RegistriesConf,
  { reference, insecure: marked }: Endpoint,
  access: AccessOptions = {},
): Promise<RegistryClient> {
  const insecure = access.tlsVerify === undefined ? marked : !access.tlsVerify;
  const { registry, repository } = reference;
  // The key of auth.json: docker.io is written so there, whatever host serves it.
  const key = { host: registry, repository };
  return await RegistryClient.open(
    { reference, insecure },
    {
      ...(await connectionOf(registry, { ...access, insecure })),
      credentials: () => findCredentials(key, { authFile: access.authFile, helpers: conf.helpers }),
    },
  );
}

/** What a session with a registry needs, beside credentials. CONFIG_INVALID. */
export async function connectionOf(
  registry: string,
  { root, signal, report, retryMs, insecure }: AccessOptions & { insecure: boolean },
): Promise<SessionOptions> {
  const host = physicalHost(registry);
  const { authorities, clients } = await loadCertificates(host, root);
  return {
    authorities: insecure ? undefined : authorities,
    clients: { host, pairs: clients },
    signal,
    report,
    retryMs,
  };
}
