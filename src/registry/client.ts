import { Failure, isFailure } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { type Digest, digestLike, sha256 } from "../oci/digest.ts";
import { MANIFEST_TYPES } from "../oci/manifest.ts";
import type { RegistryReference } from "../oci/reference.ts";
import type { Signature } from "../oci/signature.ts";
import { answerFailure } from "./answer-failure.ts";
import { type BlobOptions, receiveBlob } from "./blob.ts";
import type { Endpoint } from "./endpoints.ts";
import { type HttpResponse, readBody } from "./http.ts";
import { listPages } from "./pages.ts";
import { addToFallback, listReferrers, type ReferrersOptions } from "./referrers.ts";
import { Session, type SessionOptions, type SessionRequest } from "./session.ts";
import { readExtension, supportsSignatures, writeExtension } from "./signature-extension.ts";
import { type BlobUpload, cancelUpload, openUpload, type UploadOptions, uploadBlob } from "./upload.ts";

export type ClientOptions = SessionOptions;

export interface FetchedManifest {
  bytes: Buffer;
  mediaType: string | undefined;
  digest: Digest;
}

const MANIFEST_LIMIT = 4 * 1024 * 1024;

/**
 * One repository of one registry (OCI distribution-spec). Every method retries what may pass by itself, answers challenges, and
 * checks digests from the bytes received. Close it, or its connections keep the process alive.
 */
export class RegistryClient {
  readonly #session: Session;
  readonly #repository: string;
  readonly #name: string;
  /** Uploads that a refused mount has begun, by digest. */
  readonly #begun = new Map<Digest, BlobUpload>();
  #supportsSignatures: Promise<boolean> | undefined;

  static async open({ reference, insecure }: Endpoint, options: ClientOptions = {}): Promise<RegistryClient> {
    const { registry } = reference;
    return new RegistryClient(reference, await Session.open({ registry, insecure }, options));
  }

  private constructor({ registry, repository }: RegistryReference, session: Session) {
    this.#session = session;
    this.#repository = repository;
    this.#name = `${registry}/${repository}`;
  }

  /** A manifest or index by tag or digest; a digest must be that of the bytes. IMAGE_UNKNOWN, DIGEST_MISMATCH, ... */
  async manifest(tagOrDigest: string | Digest): Promise<FetchedManifest> {
    const what = this.#nameOf(tagOrDigest);
    const { bytes, mediaType } = await this.#session.retrying(async () => {
      const response = await this.#request(`manifests/${tagOrDigest}`, {
        headers: { accept: MANIFEST_TYPES.join(", ") },
        deadlineMs: this.#session.http.smallMs,
        asked: { what, missing: "IMAGE_UNKNOWN" },
      });
      const type = response.header("content-type");
      await checkNotHtml(response, what);
      const body = await readBody(response, {
        http: this.#session.http,
        limit: MANIFEST_LIMIT,
        what: "manifest",
      });
      return { bytes: body, mediaType: type };
    });
    if (!tagOrDigest.includes(":")) return { bytes, mediaType, digest: sha256(bytes) };
    const wanted = tagOrDigest as Digest;
    const digest = digestLike(wanted, bytes);
    if (digest !== wanted)
      throw new Failure(
        "DIGEST_MISMATCH",
        `manifest from ${this.#session.host} is ${digest}, expected ${wanted}`,
      );
    return { bytes, mediaType, digest };
  }

  /** The bytes of a blob as they arrive, not yet verified; after a cut they go on where they stopped. */
  blob(digest: Digest, options: BlobOptions = {}): AsyncGenerator<Uint8Array> {
    const asked = { what: `blob ${digest}`, missing: "BLOB_UNKNOWN" as const };
    const open = (headers: Record<string, string>): Promise<HttpResponse> =>
      this.#session.retrying(() => this.#request(`blobs/${digest}`, { headers, asked }));
    return receiveBlob(open, { http: this.#session.http, what: asked.what, ...options });
  }

  /** The bytes behind a URL that a descriptor names; no credentials are sent (CVE-2020-15157). */
  foreignBlob(url: string, options: BlobOptions = {}): AsyncGenerator<Uint8Array> {
    const { http } = this.#session;
    const target = URL.canParse(url) ? new URL(url) : undefined;
    if (target?.protocol !== "https:" && !(http.insecure && target?.protocol === "http:"))
      throw new Failure("MANIFEST_INVALID", "a layer names a URL that is not https");
    const asked = { http, host: target.host, what: "layer", missing: "BLOB_UNKNOWN" as const };
    const open = (headers: Record<string, string>): Promise<HttpResponse> =>
      this.#session.retrying(async () => {
        const response = await http.request(target, { headers });
        if (response.status === 200 || response.status === 206) return response;
        throw await answerFailure(response, asked);
      });
    return receiveBlob(open, { http, what: asked.what, ...options });
  }

  /** Whether the repository has a blob; one request. */
  async hasBlob(digest: Digest): Promise<boolean> {
    try {
      await this.#pushing(async (scope) => {
        const asked = { what: `blob ${digest}`, missing: "BLOB_UNKNOWN" as const };
        const options = { method: "HEAD" as const, scope, asked, deadlineMs: this.#session.http.smallMs };
        await (await this.#request(`blobs/${digest}`, options)).discard();
      });
      return true;
    } catch (error) {
      if (isFailure(error, "BLOB_UNKNOWN")) return false;
      throw error;
    }
  }

  /** Takes a blob over from another repository of the registry; false when the registry does not do it. */
  async mountBlob(digest: Digest, from: string): Promise<boolean> {
    const scope = `${this.#scope("pull,push")} repository:${from}:pull`;
    const mount = { digest, from };
    try {
      const upload = await this.#session.retrying(() =>
        openUpload(this.#session, { repository: this.#repository, scope, mount }),
      );
      if (upload === undefined) return true;
      this.#begun.set(digest, upload);
    } catch (error) {
      // No right to read there, or no such feature: the blob can still be sent.
      if (!isFailure(error) || ["INTERRUPTED", "REGISTRY_UNREACHABLE"].includes(error.code)) throw error;
    }
    return false;
  }

  /**
   * Sends a blob as fast as the registry takes it, without holding more than a few MiB of it. `content` is read once; what it
   * throws is thrown, and nothing of the blob stays.
   */
  async putBlob(
    descriptor: Descriptor,
    content: AsyncIterable<Uint8Array>,
    options: UploadOptions = {},
  ): Promise<void> {
    const begun = this.#begun.get(descriptor.digest);
    this.#begun.delete(descriptor.digest);
    await uploadBlob(this.#session, {
      repository: this.#repository,
      scope: this.#scope("pull,push"),
      descriptor,
      content,
      begun,
      ...options,
    });
  }

  /**
   * Stores a manifest under its digest, or under a tag as well. One that refers to another (`subject`) is also entered into the
   * list of its referrers, where the registry keeps none itself.
   */
  async putManifest(
    bytes: Uint8Array,
    { mediaType, digest, tag }: { mediaType: string; digest: Digest; tag?: string | undefined },
  ): Promise<void> {
    const target = tag ?? digest;
    const subject = await this.#pushing(async (scope) => {
      const response = await this.#request(`manifests/${target}`, {
        method: "PUT",
        scope,
        headers: { "content-type": mediaType },
        body: bytes,
        deadlineMs: this.#session.http.smallMs,
        asked: { what: this.#nameOf(target), missing: "IMAGE_UNKNOWN" },
        accept: [200, 201, 202],
      });
      await response.discard();
      return response.header("oci-subject");
    });
    if (subject === undefined) await addToFallback(this, bytes, { mediaType, digest });
  }

  /** Removes a manifest and every tag that names it. IMAGE_UNKNOWN, UNSUPPORTED. */
  async deleteManifest(digest: Digest): Promise<void> {
    await this.#session.retrying(async () => {
      const response = await this.#request(`manifests/${digest}`, {
        method: "DELETE",
        scope: this.#scope("pull,delete"),
        deadlineMs: this.#session.http.smallMs,
        asked: { what: this.#nameOf(digest), missing: "IMAGE_UNKNOWN" },
        accept: [200, 202, 204, 405],
      });
      await response.discard();
      if (response.status !== 405) return;
      throw new Failure("UNSUPPORTED", `registry ${this.#session.host} does not let images be deleted`, {
        hint: "Its administrator decides that (REGISTRY_STORAGE_DELETE_ENABLED=true of docker-registry).",
      });
    });
  }

  /** The tags of the repository, in the registry's order. IMAGE_UNKNOWN when it knows no such repository. */
  async tags(): Promise<string[]> {
    const asked = { what: this.#name, missing: "IMAGE_UNKNOWN" as const };
    const pages = listPages(this.#session, {
      path: `${this.#repository}/tags/list`,
      scope: this.#scope("pull"),
      asked,
      what: "list of tags",
    });
    const tags = new Set<string>();
    for await (const { body } of pages)
      for (const tag of Array.isArray(body["tags"]) ? body["tags"] : [])
        if (typeof tag === "string" && /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/.test(tag)) tags.add(tag);
    return [...tags];
  }

  /** What refers to `digest` (signatures, attestations, ...): by the referrers API, or by its fallback tag. */
  referrers(digest: Digest, options: ReferrersOptions = {}): Promise<Descriptor[]> {
    const scope = this.#scope("pull");
    return listReferrers(this, this.#session, { repository: this.#repository, scope, digest, ...options });
  }

  /** Whether the registry keeps signatures itself. */
  supportsSignatures(): Promise<boolean> {
    this.#supportsSignatures ??= supportsSignatures(this.#session);
    return this.#supportsSignatures;
  }

  /** Those that the registry keeps for an image; not verified. SIGNATURE_INVALID. */
  signatures(digest: Digest): Promise<Signature[]> {
    return readExtension(this.#session, { repository: this.#repository, scope: this.#scope("pull"), digest });
  }

  /** Gives the registry one more to keep; its URL. */
  putSignature(digest: Digest, signature: Signature): Promise<string> {
    const scope = this.#scope("pull,push");
    return writeExtension(this.#session, { repository: this.#repository, scope, digest }, signature);
  }

  async close(): Promise<void> {
    for (const upload of this.#begun.values()) await cancelUpload(this.#session, upload);
    this.#begun.clear();
    await this.#session.close();
  }

  #request(path: string, request: Omit<SessionRequest, "scope"> & { scope?: string }): Promise<HttpResponse> {
    return this.#session.request(`${this.#repository}/${path}`, { scope: this.#scope("pull"), ...request });
  }

  #pushing<T>(attempt: (scope: string) => Promise<T>): Promise<T> {
    return this.#session.retrying(() => attempt(this.#scope("pull,push")));
  }

  #scope(actions: string): string {
    return `repository:${this.#repository}:${actions}`;
  }

  #nameOf(tagOrDigest: string): string {
    return `${this.#name}${tagOrDigest.includes(":") ? "@" : ":"}${tagOrDigest}`;
  }
}

async function checkNotHtml(response: HttpResponse, what: string): Promise<void> {
  if (response.header("content-type")?.toLowerCase().startsWith("text/html") !== true) return;
  await response.discard();
  throw new Failure("MANIFEST_INVALID", `${response.url.host} answered with a web page instead of ${what}`, {
    hint: "Is this a registry? A proxy or a login portal may stand in between.",
  });
}
