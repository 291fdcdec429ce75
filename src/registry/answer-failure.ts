import { type Code, Failure, type RegistryCode } from "../errors.ts";
import { printable } from "../oci/printable.ts";
import { type Http, type HttpResponse, readBody } from "./http.ts";
import { parseRetryAfter, Transient } from "./retry.ts";

const ERROR_BODY_LIMIT = 1024 * 1024;
const ERROR_BODY_MS = 30_000;

const REGISTRY_CODES: readonly RegistryCode[] = [
  "BLOB_UNKNOWN",
  "BLOB_UPLOAD_INVALID",
  "BLOB_UPLOAD_UNKNOWN",
  "DIGEST_INVALID",
  "MANIFEST_BLOB_UNKNOWN",
  "MANIFEST_UNKNOWN",
  "NAME_UNKNOWN",
  "SIZE_INVALID",
  "UNAUTHORIZED",
  "DENIED",
  "UNSUPPORTED",
  "TOOMANYREQUESTS",
];

/** What was asked for: `what` as it stands in messages, `missing` the code for "there is none". */
export interface Asked {
  http: Http;
  host: string;
  what: string;
  missing: "IMAGE_UNKNOWN" | "BLOB_UNKNOWN";
  /** Whether credentials were sent. */
  authenticated?: boolean;
}

/** An answer other than 200 or 206 as an error, the registry's own words as its cause; Transient for 429 and 5xx. */
export async function answerFailure(response: HttpResponse, asked: Asked): Promise<Failure | Transient> {
  const { host, what } = asked;
  const { status } = response;
  const cause = await serverFailure(response, asked);
  if (status === 404)
    return new Failure(asked.missing, `${what} is unknown to registry ${host}`, {
      hint: asked.missing === "IMAGE_UNKNOWN" ? "Check the name and the tag." : undefined,
      cause,
    });
  if (status === 401)
    return new Failure("UNAUTHORIZED", unauthorizedMessage(asked), { hint: loginHint(asked), cause });
  if (status === 403)
    return new Failure("DENIED", `registry ${host} denies access to ${what}`, {
      hint: loginHint(asked),
      cause,
    });
  if (status === 429) {
    const failure = new Failure("TOOMANYREQUESTS", `registry ${host} asks for fewer requests`, {
      hint: "Wait a while, or log in: registries allow more to known users.",
      cause,
    });
    return new Transient(failure, {
      waitMs: parseRetryAfter(response.header("retry-after")),
      throttled: true,
    });
  }
  const failure = new Failure(
    status >= 500 ? "REGISTRY_UNREACHABLE" : codeOf(cause),
    `registry ${host} answered ${status} for ${what}`,
    { hint: status >= 500 ? "The registry has a fault: try again later, or see its log." : undefined, cause },
  );
  return [500, 502, 503, 504].includes(status)
    ? new Transient(failure, { waitMs: parseRetryAfter(response.header("retry-after")) })
    : failure;
}

/** What the user can do about a registry that wants to know who asks. */
function loginHint({ authenticated, host }: Asked): string {
  return authenticated === true
    ? `Check the user's rights, the password and the name; "berth login ${host}" replaces the credentials.`
    : `Log in with "berth login ${host}", and check the image's name.`;
}

function unauthorizedMessage({ authenticated, host, what }: Asked): string {
  return authenticated === true
    ? `registry ${host} does not accept the credentials for ${what}`
    : `registry ${host} wants credentials for ${what}`;
}

function codeOf(cause: Failure | undefined): Code {
  return cause?.code ?? "UNSUPPORTED";
}

/** The first error of the body (distribution-spec, "Error Codes"); undefined when the body is something else. */
async function serverFailure(response: HttpResponse, { http }: Asked): Promise<Failure | undefined> {
  const timer = setTimeout(() => response.body.destroy(), ERROR_BODY_MS);
  try {
    const bytes = await readBody(response, { http, limit: ERROR_BODY_LIMIT, what: "error" });
    const { errors } = JSON.parse(bytes.toString()) as { errors?: { code?: unknown; message?: unknown }[] };
    const first = errors?.[0];
    if (typeof first?.code !== "string") return undefined;
    const message = typeof first.message === "string" && first.message !== "" ? first.message : first.code;
    return new Failure(registryCode(first.code), printable(message, 400));
  } catch (error) {
    if (http.signal?.aborted === true) throw error;
    return undefined; // the status says enough; an unreadable explanation does not replace it
  } finally {
    clearTimeout(timer);
  }
}

function registryCode(code: string): Code {
  if (code === "NAME_INVALID") return "REPOSITORY_NAME_INVALID";
  if (code === "MANIFEST_INVALID") return "MANIFEST_INVALID";
  return REGISTRY_CODES.find((known) => known === code) ?? "UNSUPPORTED";
}
