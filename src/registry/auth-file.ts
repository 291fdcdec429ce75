import { Failure } from "../errors.ts";
import { asObject, parseJson } from "../oci/json.ts";

/** What proves to a registry who asks. Never part of a message. */
export type Credentials = { user: string; password: string } | { identityToken: string };

/** containers-auth.json(5), docker's config.json, or docker's old .dockercfg (`legacy`). */
export interface AuthFile {
  path: string;
  legacy: boolean;
  /** Registry or namespace to its entry. */
  entries: Map<string, { auth: string; identityToken: string }>;
  /** Registry to the name after `docker-credential-`. */
  helpers: Map<string, string>;
}

/** CONFIG_INVALID naming the file, never its content. */
export function parseAuthFile(
  text: string,
  { path, legacy = false }: { path: string; legacy?: boolean },
): AuthFile {
  const what = `credentials file ${path}`;
  const code = "CONFIG_INVALID";
  const body = parseBody(text, what);
  const auths = legacy ? body : asObject(body["auths"] ?? {}, `${what}: auths`, code);
  const entries = Object.entries(auths).map(
    ([key, value]): [string, { auth: string; identityToken: string }] => {
      const entry = asObject(value ?? {}, `${what}: ${key}`, code);
      return [key, { auth: textOf(entry["auth"]), identityToken: textOf(entry["identitytoken"]) }];
    },
  );
  const named = asObject((legacy ? undefined : body["credHelpers"]) ?? {}, `${what}: credHelpers`, code);
  const helpers = Object.entries(named).map(([key, value]): [string, string] => [key, textOf(value)]);
  return { path, legacy, entries: new Map(entries), helpers: new Map(helpers) };
}

/**
 * The entry for `host/repository`: the longest of its namespaces that is a key, then the host under any of the spellings that
 * docker has used for it. Empty entries are passed over.
 */
export function findInAuthFile(
  file: AuthFile,
  { host, repository }: { host: string; repository: string },
): Credentials | undefined {
  for (const key of namespacesOf(`${host}/${repository}`)) {
    const entry = file.entries.get(key);
    if (entry !== undefined) return decodeEntry(entry, { path: file.path, key });
  }
  const registry = normalizeRegistry(host);
  for (const [key, entry] of file.entries)
    if (normalizeKey(key, file.legacy) === registry) return decodeEntry(entry, { path: file.path, key });
  return undefined;
}

/**
 * The text of an auth file with the entry of `key` replaced, or taken out (undefined). What else stands in the file stays, known
 * or not; written as podman writes it. CONFIG_INVALID.
 */
export function editAuthFile(
  text: string,
  { path, key, credentials }: { path: string; key: string; credentials: Credentials | undefined },
): string {
  const what = `credentials file ${path}`;
  const body = parseBody(text, what);
  const auths = { ...asObject(body["auths"] ?? {}, `${what}: auths`, "CONFIG_INVALID") };
  const registry = normalizeRegistry(key);
  for (const known of Object.keys(auths))
    if (known === key || (credentials === undefined && normalizeKey(known, false) === registry))
      delete auths[known];
  if (credentials !== undefined) auths[key] = encodeEntry(credentials);
  return formatAuthFile({ ...body, auths });
}

/** The text of an auth file without any entry. */
export function emptyAuthFile(text: string, { path }: { path: string }): string {
  return formatAuthFile({ ...parseBody(text, `credentials file ${path}`), auths: {} });
}

/** The value of an Authorization header. */
export function basicHeader({ user, password }: { user: string; password: string }): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
}

function formatAuthFile(body: Record<string, unknown>): string {
  return `${JSON.stringify(body, undefined, "\t")}\n`;
}

function encodeEntry(credentials: Credentials): Record<string, string> {
  if ("identityToken" in credentials) return { identitytoken: credentials.identityToken };
  return { auth: Buffer.from(`${credentials.user}:${credentials.password}`).toString("base64") };
}

function parseBody(text: string, what: string): Record<string, unknown> {
  return asObject(text.trim() === "" ? {} : parseSecret(text, what), what, "CONFIG_INVALID");
}

function namespacesOf(name: string): string[] {
  const parts = name.split("/");
  return parts.map((_, at) => parts.slice(0, parts.length - at).join("/"));
}

function decodeEntry(
  { auth, identityToken }: { auth: string; identityToken: string },
  { path, key }: { path: string; key: string },
): Credentials | undefined {
  if (identityToken !== "") return { identityToken };
  if (auth === "") return undefined;
  const decoded = Buffer.from(auth, "base64").toString();
  const colon = decoded.indexOf(":");
  if (colon < 0)
    throw new Failure(
      "CONFIG_INVALID",
      `credentials file ${path}: the entry for ${key} is not base64 of user:password`,
    );
  return { user: decoded.slice(0, colon), password: decoded.slice(colon + 1).replace(/\0+$/, "") };
}

function normalizeKey(key: string, legacy: boolean): string {
  const stripped = key.replace(/^https?:\/\//, "");
  const host = legacy || stripped !== key ? (stripped.split("/", 1)[0] ?? "") : stripped;
  return normalizeRegistry(host);
}

function normalizeRegistry(host: string): string {
  return host === "docker.io" || host === "registry-1.docker.io" ? "index.docker.io" : host;
}

/** The parser's own message would quote the text. */
function parseSecret(text: string, what: string): unknown {
  try {
    return parseJson(text, what, { code: "CONFIG_INVALID" });
  } catch {
    throw new Failure("CONFIG_INVALID", `${what} is not valid JSON`);
  }
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
