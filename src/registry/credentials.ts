import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Failure, isErrno } from "../errors.ts";
import { homeDirectory } from "../oci/containers-config.ts";
import { type AuthFile, type Credentials, findInAuthFile, parseAuthFile } from "./auth-file.ts";
import { askHelper } from "./credential-helper.ts";

export interface CredentialOptions {
  /** Only this file counts; REGISTRY_AUTH_FILE names one too. */
  authFile?: string | undefined;
  /** `credential-helpers` of registries.conf. */
  helpers?: readonly string[] | undefined;
}

/**
 * The credentials for a repository of a registry (the physical one, after any rewriting), in the order of containers/image:
 * the file that was named, or each helper of registries.conf, where `containers-auth.json` means the auth files.
 * CONFIG_INVALID when a file cannot be read.
 */
export async function findCredentials(
  { host, repository }: { host: string; repository: string },
  { authFile, helpers = ["containers-auth.json"] }: CredentialOptions = {},
): Promise<Credentials | undefined> {
  const named = namedAuthFile(authFile);
  for (const helper of named === undefined ? helpers : ["containers-auth.json"]) {
    const found =
      helper === "containers-auth.json"
        ? await findInFiles({ host, repository }, named)
        : await askHelper(helper, host);
    if (found !== undefined) return found;
  }
  return undefined;
}

async function findInFiles(
  wanted: { host: string; repository: string },
  named: string | undefined,
): Promise<Credentials | undefined> {
  const paths = named === undefined ? defaultAuthFiles() : [{ path: named, legacy: false }];
  for (const { path, legacy } of paths) {
    const file = await loadAuthFile(path, { legacy, required: path === named });
    if (file === undefined) continue;
    const helper = file.helpers.get(wanted.host);
    const found = helper === undefined ? findInAuthFile(file, wanted) : await askHelper(helper, wanted.host);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The one file that counts, where an option or the environment names one. */
function namedAuthFile(authFile: string | undefined): string | undefined {
  return authFile ?? (process.env["REGISTRY_AUTH_FILE"] || undefined);
}

/** The file that logging in writes, as podman does. */
export function ownAuthFile(authFile?: string): string {
  const named = namedAuthFile(authFile);
  if (named !== undefined) return named;
  const { XDG_RUNTIME_DIR } = process.env;
  if (XDG_RUNTIME_DIR) return join(XDG_RUNTIME_DIR, "containers/auth.json");
  return join(`/run/containers/${process.getuid?.() ?? 0}`, "auth.json");
}

/** The auth files of containers/image, in its order. */
function defaultAuthFiles(): { path: string; legacy: boolean }[] {
  const { XDG_CONFIG_HOME, DOCKER_CONFIG } = process.env;
  const home = homeDirectory();
  return [
    ownAuthFile(),
    join(XDG_CONFIG_HOME || join(home, ".config"), "containers/auth.json"),
    join(DOCKER_CONFIG || join(home, ".docker"), "config.json"),
    join(home, ".dockercfg"),
  ].map((path) => ({ path, legacy: path.endsWith("/.dockercfg") }));
}

async function loadAuthFile(
  path: string,
  { legacy, required }: { legacy: boolean; required: boolean },
): Promise<AuthFile | undefined> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (!required && (isErrno(error, "ENOENT") || isErrno(error, "ENOTDIR"))) return undefined;
    throw new Failure("CONFIG_INVALID", `cannot read the credentials file ${path}`, { cause: error });
  }
  return parseAuthFile(text, { path, legacy });
}
