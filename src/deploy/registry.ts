/** What is done at a registry itself: logging in and out, listing tags, deleting. */
import { Failure, isFailure } from "../errors.ts";
import type { Host } from "../host.ts";
import { formatReference, parseReference, type RegistryReference } from "../oci/reference.ts";
import type { RegistryClient } from "../registry/client.ts";
import type { AccessOptions } from "../registry/open-client.ts";

/** How registries are reached, as the command line says it. */
export interface RegistryAccess {
  authFile?: string | undefined;
  tlsVerify?: boolean | undefined;
}

export interface LoggedIn {
  registry: string;
  user: string;
  /** The file or the helper that has the credentials. */
  storedIn: string;
  /** Whether the registry asked for them, so that they are known to be good. */
  verified: boolean;
}

/** The credentials are kept only when the registry accepts them. UNAUTHORIZED, REGISTRY_UNREACHABLE, CONFIG_INVALID. */
export async function login(
  host: Host,
  {
    registry,
    user,
    password,
    ...access
  }: { registry: string; user: string; password: string } & RegistryAccess,
): Promise<LoggedIn> {
  const { checkCredentials, parseLoginKey } = await import("../registry/login.ts");
  const { storeCredentials } = await import("../registry/credential-store.ts");
  const conf = await registriesConf(host);
  const key = parseLoginKey(registry);
  const verified = await checkCredentials(key, { user, password }, { conf, ...accessOf(host, access) });
  const storedIn = await storeCredentials(
    key.key,
    { user, password },
    { authFile: access.authFile, helpers: conf.helpers },
  );
  return { registry: key.key, user, storedIn, verified };
}

/** The user that requests to a registry are made as. @throws Failure UNAUTHORIZED when there is none */
export async function loggedInUser(
  host: Host,
  { registry, authFile }: { registry: string; authFile?: string | undefined },
): Promise<{ registry: string; user: string }> {
  const { parseLoginKey } = await import("../registry/login.ts");
  const { findCredentials } = await import("../registry/credentials.ts");
  const { helpers } = await registriesConf(host);
  const key = parseLoginKey(registry);
  const found = await findCredentials(
    { host: key.registry, repository: key.namespace },
    { authFile, helpers },
  );
  if (found === undefined) throw new Failure("UNAUTHORIZED", `not logged in to ${key.key}`);
  return { registry: key.key, user: "user" in found ? found.user : "<token>" };
}

export interface LoggedOut {
  /** Undefined: all of them. */
  registry: string | undefined;
  removedFrom: string;
}

/** @throws Failure UNAUTHORIZED when there is nothing to forget */
export async function logout(
  host: Host,
  { registry, authFile }: { registry: string | undefined; authFile?: string | undefined },
): Promise<LoggedOut> {
  const { eraseAllCredentials, eraseCredentials } = await import("../registry/credential-store.ts");
  const { helpers } = await registriesConf(host);
  const options = { authFile, helpers };
  if (registry === undefined) return { registry, removedFrom: await eraseAllCredentials(options) };
  const { parseLoginKey } = await import("../registry/login.ts");
  const { key, registry: name, namespace } = parseLoginKey(registry);
  const removedFrom = await eraseCredentials(key, options);
  if (removedFrom !== undefined) return { registry: key, removedFrom };
  const { findCredentials } = await import("../registry/credentials.ts");
  const elsewhere = await findCredentials({ host: name, repository: namespace }, options);
  throw new Failure("UNAUTHORIZED", `not logged in to ${key}`, {
    hint:
      elsewhere &&
      `Other credentials that count for ${key} were left by another program, such as docker, or for another part of it.`,
  });
}

export interface Tags {
  repository: string;
  tags: string[];
}

/** The tags of a repository; a short name is looked for as a pull would. */
export async function listTags(
  host: Host,
  { repository: typed, ...access }: { repository: string } & RegistryAccess,
): Promise<Tags> {
  if (/[:@]/.test(typed.slice(typed.lastIndexOf("/") + 1)))
    throw new Failure("USAGE", `${typed} has a tag or a digest`, { hint: "name the repository alone" });
  const { candidatesOf } = await import("../transport/source.ts");
  const candidates = await candidatesOf(typed, host.config.root);
  for (const [at, candidate] of candidates.entries()) {
    const reference = inRegistry(candidate, typed);
    try {
      const tags = await withClient(host, { reference, access }, (client) => client.tags());
      return { repository: `${reference.registry}/${reference.repository}`, tags };
    } catch (error) {
      if (!isFailure(error, "IMAGE_UNKNOWN") || at === candidates.length - 1) throw error;
    }
  }
  throw new Error(`nothing was tried for ${typed}`);
}

export interface DeletedImage {
  reference: string;
  digest: string;
}

/**
 * Deletes what a reference names at its registry, with every tag of it. `confirm` is told the digest first, and says whether
 * to go on. IMAGE_UNKNOWN, UNSUPPORTED, DENIED.
 */
export async function deleteImage(
  host: Host,
  { image, confirm, ...access }: { image: string; confirm: (what: string) => Promise<void> } & RegistryAccess,
): Promise<DeletedImage> {
  const reference = inRegistry(parseReference(image), image);
  return await withClient(host, { reference, access }, async (client) => {
    const { digest } = await client.manifest(reference.digest ?? reference.tag ?? "latest");
    await confirm(`${reference.registry}/${reference.repository}@${digest}`);
    await client.deleteManifest(digest);
    return { reference: formatReference(reference), digest };
  });
}

async function withClient<T>(
  host: Host,
  { reference, access }: { reference: RegistryReference; access: RegistryAccess },
  use: (client: RegistryClient) => Promise<T>,
): Promise<T> {
  const { Registry } = await import("../registry/open-registry.ts");
  const client = await Registry.open(reference, accessOf(host, access));
  try {
    return await use(client);
  } finally {
    await client.close();
  }
}

function accessOf({ config: { root }, signal, report }: Host, access: RegistryAccess): AccessOptions {
  return { root, signal, report, ...access };
}

async function registriesConf({
  config,
}: Host): ReturnType<typeof import("../registry/load-registries-conf.ts").loadRegistriesConf> {
  const { loadRegistriesConf } = await import("../registry/load-registries-conf.ts");
  return await loadRegistriesConf(config.root);
}

function inRegistry(reference: ReturnType<typeof parseReference>, typed: string): RegistryReference {
  if (reference.transport === "docker") return reference;
  throw new Failure("USAGE", `${typed} is not in a registry`, { hint: "write REGISTRY/REPOSITORY" });
}
