import { mkdir, readFile, realpath } from "node:fs/promises";
import { dirname } from "node:path";
import { Failure, isErrno } from "../errors.ts";
import { writeDurably } from "../sys/durable.ts";
import { type Credentials, editAuthFile, emptyAuthFile, findInAuthFile, parseAuthFile } from "./auth-file.ts";
import { eraseInHelper, listHelper, storeInHelper } from "./credential-helper.ts";
import { type CredentialOptions, ownAuthFile } from "./credentials.ts";

const FILES = "containers-auth.json";

/**
 * Keeps the credentials for `key` (HOST[:PORT][/NAMESPACE]) where podman does: with the first helper of registries.conf; in the auth
 * file, or with the helper that the file names for the registry. Returns where: a path, or a helper's program.
 */
export async function storeCredentials(
  key: string,
  credentials: Credentials,
  options: CredentialOptions = {},
): Promise<string> {
  const helper = mainHelper(options);
  if (helper !== FILES) {
    await storeInHelper(helper, key, credentials);
    return `docker-credential-${helper}`;
  }
  const { path, text } = await readAuthFile(options);
  const inner = parseAuthFile(text, { path }).helpers.get(key);
  if (inner !== undefined) {
    await storeInHelper(inner, key, credentials);
    return `docker-credential-${inner}`;
  }
  await writeAuthFile(path, editAuthFile(text, { path, key, credentials }));
  return path;
}

/** Forgets the credentials for `key`. Returns where they were; undefined when there were none. */
export async function eraseCredentials(
  key: string,
  options: CredentialOptions = {},
): Promise<string | undefined> {
  const helper = mainHelper(options);
  if (helper !== FILES) return (await eraseInHelper(helper, key)) ? `docker-credential-${helper}` : undefined;
  const { path, text } = await readAuthFile(options);
  const file = parseAuthFile(text, { path });
  const inner = file.helpers.get(key);
  if (inner !== undefined && (await eraseInHelper(inner, key))) return `docker-credential-${inner}`;
  const [host = "", ...repository] = key.split("/");
  const exact = repository.length === 0 ? undefined : file.entries.has(key);
  if (
    exact === false ||
    (exact === undefined && findInAuthFile(file, { host, repository: "" }) === undefined)
  )
    return undefined;
  await writeAuthFile(path, editAuthFile(text, { path, key, credentials: undefined }));
  return path;
}

/** Forgets all credentials that berth or podman keeps there. Returns where they were. */
export async function eraseAllCredentials(options: CredentialOptions = {}): Promise<string> {
  const helper = mainHelper(options);
  if (helper !== FILES) {
    for (const key of await listHelper(helper)) await eraseInHelper(helper, key);
    return `docker-credential-${helper}`;
  }
  const { path, text, exists } = await readAuthFile(options);
  if (!exists) return path;
  for (const [key, inner] of parseAuthFile(text, { path }).helpers) await eraseInHelper(inner, key);
  await writeAuthFile(path, emptyAuthFile(text, { path }));
  return path;
}

/** A file that was named is used, whatever the helpers are. */
function mainHelper({ authFile, helpers = [] }: CredentialOptions): string {
  if (authFile !== undefined || process.env["REGISTRY_AUTH_FILE"]) return FILES;
  return helpers[0] ?? FILES;
}

async function readAuthFile({
  authFile,
}: CredentialOptions): Promise<{ path: string; text: string; exists: boolean }> {
  const named = ownAuthFile(authFile);
  try {
    const path = await realpath(named);
    return { path, text: await readFile(path, "utf8"), exists: true };
  } catch (error) {
    if (isErrno(error, "ENOENT")) return { path: named, text: "", exists: false };
    throw new Failure("CONFIG_INVALID", `cannot read the credentials file ${named}`, { cause: error });
  }
}

async function writeAuthFile(path: string, text: string): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await writeDurably(path, text, { mode: 0o600 });
  } catch (error) {
    throw new Failure("CONFIG_INVALID", `cannot write the credentials file ${path}`, { cause: error });
  }
}
