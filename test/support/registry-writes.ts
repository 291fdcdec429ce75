/** What a test registry does when something is pushed or deleted: uploads in one piece or several, mounts, manifests. */
import type { IncomingMessage } from "node:http";
import { sha256 } from "../../src/oci/digest.ts";
import type { Answer } from "./faults.ts";
import { failure, type Route } from "./registry-routes.ts";

export interface RegistryContent {
  /** By `repository:tag` and by `repository@digest`. */
  manifests: Map<string, { bytes: Buffer; mediaType: string; digest: string }>;
  /** By `repository@digest`. */
  blobs: Map<string, Buffer>;
  tags: Map<string, Set<string>>;
  /** What uploads that are not finished hold, by their number. */
  uploads: Map<string, Buffer>;
}

export interface WriteOptions {
  /** Takes blobs over from other repositories; default true. */
  mounts?: boolean;
  /** Refuses chunks (but the last) that are smaller, and says so. */
  minChunk?: number;
  /** Refuses larger requests with 413, as a proxy does. */
  maxBody?: number;
  /** How Location is written; default relative. */
  locations?: "relative" | "absolute" | "http";
  /** Names the subject of a manifest in its answer, as registries with the referrers API do. */
  referrers?: boolean;
  /** Does not delete. */
  noDelete?: boolean;
}

interface Received {
  request: IncomingMessage;
  recorded: { body: string };
  /** Bytes after which the connection is cut. */
  take: number | undefined;
  origin: string;
  content: RegistryContent;
  options: WriteOptions;
}

/** The answer to a request that writes; `cut` where the connection is to be destroyed; undefined for one that reads. */
export async function receive(route: Route, received: Received): Promise<Answer | "cut" | undefined> {
  const { method = "GET" } = received.request;
  if (route.kind === "upload") return await upload(route, received);
  if (route.kind !== "manifest") return undefined;
  if (method === "PUT") return await putManifest(route, received);
  if (method === "DELETE") return deleteManifest(route, received);
  return undefined;
}

async function upload(route: Route, received: Received): Promise<Answer | "cut"> {
  const { request, content, options } = received;
  const { searchParams } = new URL(request.url ?? "", "http://registry");
  if (request.method === "POST") return begin(route, received, searchParams);
  const number = route.target;
  if (!content.uploads.has(number)) return failure(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown");
  if (request.method === "DELETE") {
    content.uploads.delete(number);
    return { status: 204, body: "" };
  }
  const length = Number(request.headers["content-length"] ?? 0);
  if (options.maxBody !== undefined && length > options.maxBody)
    return { status: 413, body: "<html>413 Request Entity Too Large</html>" };
  if (request.method === "GET") return progress(route, received, 204);
  const wrong = checkRange(number, received);
  if (wrong !== undefined) return wrong;
  if ((await append(number, received)) === "cut") return "cut";
  if (request.method === "PATCH") {
    const { minChunk = 0 } = options;
    if (length < minChunk) return failure(416, "SIZE_INVALID", "chunk too small");
    return progress(route, received, 202);
  }
  return finish(route, received, searchParams.get("digest") ?? "");
}

function begin(route: Route, { content, options, ...received }: Received, search: URLSearchParams): Answer {
  const [mount, from] = [search.get("mount"), search.get("from")];
  const known = content.blobs.get(`${from}@${mount}`);
  if (mount !== null && known !== undefined && options.mounts !== false) {
    content.blobs.set(`${route.repository}@${mount}`, known);
    return { status: 201, body: "", headers: { location: `/v2/${route.repository}/blobs/${mount}` } };
  }
  const number = String(content.uploads.size + 1);
  content.uploads.set(number, Buffer.alloc(0));
  return progress({ ...route, target: number }, { content, options, ...received }, 202);
}

function progress(
  { repository, target }: Route,
  { origin, content, options }: Received,
  status: number,
): Answer {
  const { locations = "relative", minChunk } = options;
  const path = `/v2/${repository}/blobs/uploads/${target}?_state=${content.uploads.get(target)?.length ?? 0}`;
  const prefix = { relative: "", absolute: origin, http: origin.replace("https:", "http:") }[locations];
  const last = Math.max(0, (content.uploads.get(target)?.length ?? 0) - 1);
  const headers: Record<string, string> = { location: `${prefix}${path}`, range: `0-${last}` };
  if (minChunk !== undefined) headers["oci-chunk-min-length"] = String(minChunk);
  return { status, body: "", headers };
}

/** A part must begin where the last ended. */
function checkRange(number: string, { request, content }: Received): Answer | undefined {
  const range = /^(\d+)-(\d+)$/.exec(request.headers["content-range"] ?? "");
  if (range === null) return undefined;
  const length = Number(range[2]) - Number(range[1]) + 1;
  const fits = Number(range[1]) === content.uploads.get(number)?.length;
  if (fits && length === Number(request.headers["content-length"])) return undefined;
  return failure(416, "BLOB_UPLOAD_INVALID", `unexpected range ${range[0]}`);
}

async function append(number: string, { request, content, take }: Received): Promise<"cut" | "all"> {
  const parts = [content.uploads.get(number) ?? Buffer.alloc(0)];
  let taken = 0;
  let how: "cut" | "all" = "all";
  try {
    for await (const chunk of request) {
      const part = (chunk as Buffer).subarray(0, take === undefined ? undefined : take - taken);
      taken += part.length;
      parts.push(part);
      if (taken !== take) continue;
      how = "cut";
      break;
    }
  } catch {
    how = "cut"; // the client went away
  }
  if (content.uploads.has(number)) content.uploads.set(number, Buffer.concat(parts));
  return how;
}

function finish({ repository, target }: Route, { content }: Received, digest: string): Answer {
  const bytes = content.uploads.get(target) ?? Buffer.alloc(0);
  if (sha256(bytes) !== digest) return failure(400, "DIGEST_INVALID", "provided digest did not match");
  content.uploads.delete(target);
  content.blobs.set(`${repository}@${digest}`, bytes);
  return { status: 201, body: "", headers: { location: `/v2/${repository}/blobs/${digest}` } };
}

async function putManifest(
  { repository, target }: Route,
  { request, recorded, content, options }: Received,
): Promise<Answer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const bytes = Buffer.concat(chunks);
  recorded.body = bytes.toString();
  const digest = sha256(bytes);
  const body = JSON.parse(bytes.toString()) as Body;
  const blobs = [body.config, ...(body.layers ?? [])].filter((item) => item !== undefined);
  const missing =
    blobs.find((item) => !content.blobs.has(`${repository}@${item.digest}`)) ??
    (body.manifests ?? []).find((item) => !content.manifests.has(`${repository}@${item.digest}`));
  if (missing !== undefined && !target.startsWith("sha256-"))
    return failure(404, "MANIFEST_BLOB_UNKNOWN", `blob ${missing.digest} unknown to registry`);
  if (target.includes(":") && target !== digest) return failure(400, "DIGEST_INVALID", "not that digest");
  const manifest = { bytes, mediaType: request.headers["content-type"] ?? "", digest };
  content.manifests.set(`${repository}@${digest}`, manifest);
  if (!target.includes(":")) {
    content.manifests.set(`${repository}:${target}`, manifest);
    content.tags.set(repository, (content.tags.get(repository) ?? new Set()).add(target));
  }
  const subject = options.referrers === true ? body.subject?.digest : undefined;
  return { status: 201, body: "", headers: subject === undefined ? {} : { "oci-subject": subject } };
}

interface Body {
  config?: { digest: string };
  layers?: { digest: string }[];
  manifests?: { digest: string }[];
  subject?: { digest: string };
}

function deleteManifest({ repository, target }: Route, { content, options }: Received): Answer {
  if (options.noDelete === true) return failure(405, "UNSUPPORTED", "The operation is unsupported.");
  if (!content.manifests.has(`${repository}@${target}`))
    return failure(404, "MANIFEST_UNKNOWN", "manifest unknown");
  for (const [key, { digest }] of content.manifests)
    if (digest === target && key.startsWith(repository)) {
      content.manifests.delete(key);
      content.tags.get(repository)?.delete(key.slice(repository.length + 1));
    }
  return { status: 202, body: "" };
}
