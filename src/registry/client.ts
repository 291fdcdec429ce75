import { Failure } from "../errors.ts";
import type { Report } from "../events.ts";
import { type Digest, digestLike, sha256 } from "../oci/digest.ts";
import { MANIFEST_TYPES } from "../oci/manifest.ts";
import type { RegistryReference } from "../oci/reference.ts";
import { type Asked, answerFailure } from "./answer-failure.ts";
import { Auth } from "./auth.ts";
import type { Credentials } from "./auth-file.ts";
import { type BlobOptions, receiveBlob } from "./blob.ts";
import { parseChallenges } from "./challenge.ts";
import { Http, type HttpOptions, type HttpResponse, readBody } from "./http.ts";
import type { Endpoint } from "./registries-conf.ts";
import { withRetries } from "./retry.ts";

export interface ClientOptions extends Omit<HttpOptions, "insecure"> {
  report?: Report | undefined;
  /** Asked once, when the registry wants to know who asks. */
  credentials?: () => Promise<Credentials | undefined>;
  /** The first wait before another attempt; milliseconds. */
  retryMs?: number | undefined;
}

export interface FetchedManifest {
  bytes: Buffer;
  mediaType: string | undefined;
  digest: Digest;
}

const MANIFEST_LIMIT = 4 * 1024 * 1024;
const MANIFEST_MS = 60_000;
const PROBE_MS = 30_000;

/**
 * One repository of one registry (OCI distribution-spec, the pull half). Every method retries what may pass by itself, answers
 * challenges, and checks digests from the bytes received. Close it, or its connections keep the process alive.
 */
export class RegistryClient {
  readonly #reference: RegistryReference;
  readonly #host: string;
  readonly #scope: string;
  readonly #http: Http;
  readonly #auth: Auth;
  readonly #options: ClientOptions;
  #base: Promise<string> | undefined;

  static async open({ reference, insecure }: Endpoint, options: ClientOptions = {}): Promise<RegistryClient> {
    return new RegistryClient({ reference, http: await Http.open({ ...options, insecure }), options });
  }

  private constructor({ reference, http, options }: ClientParts) {
    this.#reference = reference;
    this.#host = physicalHost(reference.registry);
    this.#scope = `repository:${reference.repository}:pull`;
    this.#http = http;
    this.#auth = new Auth(http, options.credentials ?? (() => Promise.resolve(undefined)));
    this.#options = options;
  }

  /** A manifest or index by tag or digest; a digest must be that of the bytes. IMAGE_UNKNOWN, DIGEST_MISMATCH, ... */
  async manifest(tagOrDigest: string | Digest): Promise<FetchedManifest> {
    const { registry, repository } = this.#reference;
    const separator = tagOrDigest.includes(":") ? "@" : ":";
    const what = `${registry}/${repository}${separator}${tagOrDigest}`;
    const { bytes, mediaType } = await this.#retrying(async () => {
      const response = await this.#request(`manifests/${tagOrDigest}`, {
        headers: { accept: MANIFEST_TYPES.join(", ") },
        deadlineMs: MANIFEST_MS,
        asked: { what, missing: "IMAGE_UNKNOWN" },
      });
      const type = response.header("content-type");
      await checkNotHtml(response, what);
      const body = await readBody(response, { http: this.#http, limit: MANIFEST_LIMIT, what: "manifest" });
      return { bytes: body, mediaType: type };
    });
    if (separator === ":") return { bytes, mediaType, digest: sha256(bytes) };
    const wanted = tagOrDigest as Digest;
    const digest = digestLike(wanted, bytes);
    if (digest !== wanted)
      throw new Failure("DIGEST_MISMATCH", `manifest from ${this.#host} is ${digest}, expected ${wanted}`);
    return { bytes, mediaType, digest };
  }

  /** The bytes of a blob as they arrive, not yet verified; after a cut they go on where they stopped. */
  blob(digest: Digest, options: BlobOptions = {}): AsyncGenerator<Uint8Array> {
    const asked = { what: `blob ${digest}`, missing: "BLOB_UNKNOWN" as const };
    const open = (headers: Record<string, string>): Promise<HttpResponse> =>
      this.#retrying(() => this.#request(`blobs/${digest}`, { headers, asked }));
    return receiveBlob(open, { http: this.#http, what: asked.what, ...options });
  }

  /** The bytes behind a URL that a descriptor names; no credentials are sent (CVE-2020-15157). */
  foreignBlob(url: string, options: BlobOptions = {}): AsyncGenerator<Uint8Array> {
    const target = URL.canParse(url) ? new URL(url) : undefined;
    if (target?.protocol !== "https:" && !(this.#http.insecure && target?.protocol === "http:"))
      throw new Failure("MANIFEST_INVALID", "a layer names a URL that is not https");
    const asked = { http: this.#http, host: target.host, what: "layer", missing: "BLOB_UNKNOWN" as const };
    const open = (headers: Record<string, string>): Promise<HttpResponse> =>
      this.#retrying(async () => accept(await this.#http.request(target, { headers }), asked));
    return receiveBlob(open, { http: this.#http, what: asked.what, ...options });
  }

  async close(): Promise<void> {
    await this.#http.close();
  }

  /** One authenticated request below /v2/REPOSITORY/; throws unless it is answered 200 or 206. */
  async #request(path: string, { headers, deadlineMs, asked }: ClientRequest): Promise<HttpResponse> {
    const url = new URL(`${await this.#origin()}/v2/${this.#reference.repository}/${path}`);
    const limits = deadlineMs === undefined ? {} : { deadlineMs };
    for (let round = 0; ; round++) {
      const authorization = this.#auth.header(this.#scope);
      const response = await this.#http.request(url, { headers, authorization, ...limits });
      const full = { http: this.#http, host: this.#host, authenticated: await this.#auth.known(), ...asked };
      if (response.status !== 401 || response.url.host !== url.host) return await accept(response, full);
      const challenges = parseChallenges(response.headers("www-authenticate"));
      const refusal = { challenges, scope: this.#scope, sent: authorization, round };
      const again = await this.#answer(refusal, response);
      if (!again) return await accept(response, full);
      await response.discard();
    }
  }

  async #answer(refusal: Parameters<Auth["answer"]>[0], response: HttpResponse): Promise<boolean> {
    try {
      return await this.#auth.answer(refusal);
    } catch (error) {
      await response.discard();
      throw error;
    }
  }

  #retrying<T>(attempt: () => Promise<T>): Promise<T> {
    const { retryMs, signal, report } = this.#options;
    return withRetries(attempt, { baseMs: retryMs, signal, report });
  }

  /** https; for an insecure registry http when nothing answers https. A failed probe is forgotten, so that a retry probes again. */
  async #origin(): Promise<string> {
    this.#base ??= this.#http.insecure ? this.#probe() : Promise.resolve(`https://${this.#host}`);
    try {
      return await this.#base;
    } catch (error) {
      this.#base = undefined;
      throw error;
    }
  }

  async #probe(): Promise<string> {
    try {
      return await this.#ping("https");
    } catch (error) {
      if (this.#http.signal?.aborted === true) throw error;
      return await this.#ping("http");
    }
  }

  async #ping(scheme: "https" | "http"): Promise<string> {
    const origin = `${scheme}://${this.#host}`;
    const response = await this.#http.request(new URL(`${origin}/v2/`), { deadlineMs: PROBE_MS });
    await response.discard();
    return origin;
  }
}

interface ClientParts {
  reference: RegistryReference;
  http: Http;
  options: ClientOptions;
}

interface ClientRequest {
  headers: Record<string, string>;
  deadlineMs?: number;
  asked: Pick<Asked, "what" | "missing">;
}

/** The host that serves a registry's name. */
export function physicalHost(registry: string): string {
  return registry === "docker.io" ? "registry-1.docker.io" : registry;
}

async function accept(response: HttpResponse, asked: Asked): Promise<HttpResponse> {
  if (response.status === 200 || response.status === 206) return response;
  throw await answerFailure(response, asked);
}

async function checkNotHtml(response: HttpResponse, what: string): Promise<void> {
  if (response.header("content-type")?.toLowerCase().startsWith("text/html") !== true) return;
  await response.discard();
  throw new Failure("MANIFEST_INVALID", `${response.url.host} answered with a web page instead of ${what}`, {
    hint: "Is this a registry? A proxy or a login portal may stand in between.",
  });
}
