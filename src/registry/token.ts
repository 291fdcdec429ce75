import { Failure } from "../errors.ts";
import { printable } from "../oci/printable.ts";
import { basicHeader, type Credentials } from "./auth-file.ts";
import { type Http, type HttpRequest, readBody } from "./http.ts";
import { Transient } from "./retry.ts";

export interface Token {
  value: string;
  /** Milliseconds since the epoch. */
  expires: number;
}

export interface TokenRequest {
  realm: string;
  service: string | undefined;
  scopes: readonly string[];
  credentials: Credentials | undefined;
}

const TOKEN_LIMIT = 1024 * 1024;
const MIN_LIFE_MS = 60_000;

/**
 * A token from the server that a Bearer challenge names (distribution's token specification). The realm must be https, or a
 * registry could have the password sent in the clear (CVE-2019-10214). UNAUTHORIZED.
 */
export async function fetchToken(http: Http, request: TokenRequest): Promise<Token> {
  const realm = parseRealm(request.realm, http.insecure);
  const { url, ...options } = exchange(realm, request);
  const response = await http.request(url, { ...options, deadlineMs: http.smallMs });
  if (response.status === 429 || response.status >= 500) {
    await response.discard();
    throw new Transient(
      new Failure("REGISTRY_UNREACHABLE", `token server ${realm.host} answered ${response.status}`),
    );
  }
  if (response.status !== 200) {
    await response.discard();
    throw refused(realm, `answered ${response.status}`, request);
  }
  const bytes = await readBody(response, { http, limit: TOKEN_LIMIT, what: "token" });
  return parseToken(bytes, realm, request);
}

function parseRealm(text: string, insecure: boolean): URL {
  const realm = URL.canParse(text) ? new URL(text) : undefined;
  if (realm === undefined || (realm.protocol !== "https:" && !(insecure && realm.protocol === "http:")))
    throw new Failure(
      "UNAUTHORIZED",
      `the registry names "${printable(text, 120)}" as its token server, which is not an https URL`,
      {
        hint: "No credentials were sent. Only a registry marked insecure may use a token server without https.",
      },
    );
  realm.username = "";
  realm.password = "";
  return realm;
}

/** GET with Basic, or POST of a refresh token. */
function exchange(realm: URL, { service, scopes, credentials }: TokenRequest): HttpRequest & { url: URL } {
  const url = new URL(realm);
  const fields = new URLSearchParams();
  if (service !== undefined) fields.set("service", service);
  if (credentials !== undefined && "identityToken" in credentials) {
    fields.set("grant_type", "refresh_token");
    fields.set("client_id", "berth");
    fields.set("scope", scopes.join(" "));
    fields.set("refresh_token", credentials.identityToken);
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    return { url, method: "POST", headers, body: fields.toString() };
  }
  for (const scope of scopes) fields.append("scope", scope);
  if (credentials !== undefined) fields.set("account", credentials.user);
  for (const [name, value] of fields) url.searchParams.append(name, value);
  return { url, authorization: credentials === undefined ? undefined : basicHeader(credentials) };
}

function parseToken(bytes: Buffer, realm: URL, request: TokenRequest): Token {
  let body: Record<string, unknown>;
  try {
    body = (JSON.parse(bytes.toString()) ?? {}) as Record<string, unknown>;
  } catch {
    throw refused(realm, "did not answer with JSON", request);
  }
  const value = [body["token"], body["access_token"]].find((item) => typeof item === "string" && item !== "");
  if (typeof value !== "string" || !/^[\x21-\x7e]+$/.test(value))
    throw refused(realm, "gave no usable token", request);
  const seconds = typeof body["expires_in"] === "number" ? body["expires_in"] : 0;
  return { value, expires: Date.now() + Math.max(seconds * 1000, MIN_LIFE_MS) };
}

function refused(realm: URL, reason: string, { credentials }: TokenRequest): Failure {
  const without = credentials === undefined ? "without credentials" : "for the credentials given";
  return new Failure("UNAUTHORIZED", `token server ${realm.host} ${reason} ${without}`, {
    hint: "Check the image's name and the credentials (berth login HOST).",
  });
}
