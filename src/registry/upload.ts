import { Failure } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import type { HttpResponse } from "./http.ts";
import { Replay } from "./replay.ts";
import { Transient } from "./retry.ts";
import type { Session } from "./session.ts";

/** An upload that a registry has begun. */
export interface BlobUpload {
  /** Where it goes on; every answer may name a new place. */
  url: URL;
  /** The least that a chunk but the last may have; bytes. */
  minChunk: number;
  /** What a token for it must allow. */
  scope: string;
}

export interface UploadOptions {
  /** Send pieces of this many bytes, each a request; without it the blob is one request, and pieces are the way out when that is too large. */
  chunkBytes?: number | undefined;
}

export interface UploadRequest extends UploadOptions {
  repository: string;
  scope: string;
  descriptor: Descriptor;
  content: AsyncIterable<Uint8Array>;
  /** One that was begun for this blob already. */
  begun?: BlobUpload | undefined;
}

const WINDOW = 16 * 1024 * 1024;
const CHUNK = 8 * 1024 * 1024;
const MAX_CHUNK = 64 * 1024 * 1024;
const BEGIN_MS = 60_000;
/** A registry may copy the whole blob before it answers. */
const FINISH_MS = 300_000;

/**
 * Begins an upload (POST). With `mount` the registry is asked to take the blob over from another repository instead: undefined
 * when it has done so. Transient.
 */
export async function openUpload(
  session: Session,
  request: { repository: string; scope: string; mount?: { digest: Digest; from: string } },
): Promise<BlobUpload | undefined> {
  const { repository, scope, mount } = request;
  const query =
    mount === undefined ? "" : `?${new URLSearchParams({ mount: mount.digest, from: mount.from })}`;
  const response = await session.request(`${repository}/blobs/uploads/${query}`, {
    method: "POST",
    scope,
    headers: { "content-length": "0" },
    deadlineMs: BEGIN_MS,
    asked: { what: `uploads to ${repository}`, missing: "IMAGE_UNKNOWN" },
    accept: mount === undefined ? [202] : [201, 202],
  });
  await response.discard();
  if (response.status === 201) return undefined;
  const minChunk = Number(response.header("oci-chunk-min-length") ?? 0);
  const url = locationOf(session, response);
  if (url === undefined) throw noLocation(session);
  return { url, scope, minChunk: Number.isSafeInteger(minChunk) && minChunk > 0 ? minChunk : 0 };
}

/** Tells the registry that no more will come; best effort, it forgets uploads by itself. */
export async function cancelUpload(session: Session, { url, scope }: BlobUpload): Promise<void> {
  try {
    const asked = { what: "an upload", missing: "BLOB_UNKNOWN" as const };
    const accept = [200, 202, 204];
    const response = await session.request(url, { method: "DELETE", scope, asked, accept, deadlineMs: 5000 });
    await response.discard();
  } catch (error) {
    if (!(error instanceof Failure) && !(error instanceof Transient)) throw error;
  }
}

/**
 * Sends a blob: one PUT with all of it, or PATCH after PATCH. After a cut the registry is asked how much it has, and the rest is
 * sent from what is kept of the content (16 MiB); when that is not enough, the failure of the cut stays.
 */
export async function uploadBlob(session: Session, request: UploadRequest): Promise<void> {
  const content = new Replay(request.content, { bytes: WINDOW });
  const state: UploadState = { upload: request.begun, sent: false, chunkBytes: request.chunkBytes };
  let done = false;
  try {
    await session.retrying(() => attempt(session, { ...request, content, state }));
    done = true;
  } catch (error) {
    // What the connection says of a source that failed is of no use.
    throw content.error ?? error;
  } finally {
    await content.close();
    if (!done && state.upload !== undefined) await cancelUpload(session, state.upload);
  }
}

interface UploadState {
  upload: BlobUpload | undefined;
  /** Whether something was sent, so that the registry must be asked what it has. */
  sent: boolean;
  chunkBytes: number | undefined;
}

interface Attempt extends Omit<UploadRequest, "content"> {
  content: Replay;
  state: UploadState;
}

async function attempt(session: Session, options: Attempt): Promise<void> {
  const { state, content } = options;
  const offset = state.sent ? await resumeAt(session, options) : 0;
  state.upload ??= await openUpload(session, options);
  if (state.upload === undefined) throw noLocation(session);
  state.sent = true;
  try {
    if (state.chunkBytes === undefined) await finish(session, { ...options, offset });
    else await sendChunks(session, { ...options, offset });
  } catch (error) {
    if (content.error !== undefined) throw content.error;
    if (!(error instanceof TooLarge) || state.chunkBytes !== undefined) throw error;
    state.chunkBytes = CHUNK; // a proxy that limits the size of a request
    state.upload = undefined;
    throw new Transient(error, { waitMs: 0 });
  }
}

/** Where to go on after a cut: behind what the registry has, or at the beginning of a new upload. */
async function resumeAt(session: Session, { state, content, scope, descriptor }: Attempt): Promise<number> {
  const kept = state.upload === undefined ? 0 : await keptBytes(session, state.upload, scope);
  if (kept === 0) state.upload = undefined;
  if (content.covers(kept) && kept <= descriptor.size) return kept;
  throw new Failure(
    "REGISTRY_UNREACHABLE",
    `registry ${session.host} lost too much of blob ${descriptor.digest} when the connection was cut`,
    { hint: "Try again: what other blobs it has is not sent twice." },
  );
}

/** How many bytes the registry has; 0 too when it has forgotten the upload, or does not say. */
async function keptBytes(session: Session, upload: BlobUpload, scope: string): Promise<number> {
  const asked = { what: "an upload", missing: "BLOB_UNKNOWN" as const };
  const accept = [200, 204, 400, 404, 405];
  const response = await session.request(upload.url, { scope, asked, deadlineMs: BEGIN_MS, accept });
  await response.discard();
  if (response.status !== 204 && response.status !== 200) return 0;
  upload.url = locationOf(session, response) ?? upload.url;
  const last = Number(/^(?:bytes=)?0-(\d+)$/.exec(response.header("range") ?? "")?.[1] ?? 0);
  return last === 0 ? 0 : last + 1; // "0-0" is what registries say of nothing, too
}

async function sendChunks(session: Session, options: Attempt & { offset: number }): Promise<void> {
  const { state, content, descriptor, scope } = options;
  const upload = state.upload as BlobUpload;
  const bytes = Math.min(Math.max(state.chunkBytes ?? CHUNK, upload.minChunk), MAX_CHUNK);
  let at = options.offset;
  for (; descriptor.size - at > bytes; at += bytes) {
    const response = await session.request(upload.url, {
      method: "PATCH",
      scope,
      headers: { ...typed(bytes), "content-range": `${at}-${at + bytes - 1}` },
      body: content.from(at, at + bytes),
      answerMs: FINISH_MS,
      asked: { what: `a part of blob ${descriptor.digest}`, missing: "BLOB_UNKNOWN" },
      accept: [200, 201, 202, 204],
    });
    await response.discard();
    upload.url = locationOf(session, response) ?? upload.url;
  }
  await finish(session, { ...options, offset: at }); // only the last may be shorter than the least
}

/** The rest of the content, and the digest that all of it must have. */
async function finish(
  session: Session,
  { state, content, descriptor, scope, offset }: Attempt & { offset: number },
): Promise<void> {
  const { url } = state.upload as BlobUpload;
  const target = new URL(url);
  target.searchParams.set("digest", descriptor.digest);
  const rest = descriptor.size - offset;
  const range = offset > 0 && rest > 0 ? { "content-range": `${offset}-${descriptor.size - 1}` } : {};
  const response = await session.request(target, {
    method: "PUT",
    scope,
    headers: { ...typed(rest), ...range },
    // Read to its end even where nothing is left: its error, if any, must come before the blob is there.
    body: rest === 0 ? await nothing(content, offset) : content.from(offset),
    answerMs: FINISH_MS,
    asked: { what: `blob ${descriptor.digest}`, missing: "BLOB_UNKNOWN" },
    accept: [200, 201, 204, 413],
  });
  await response.discard();
  if (response.status === 413) throw new TooLarge(session.host, descriptor.digest);
}

async function nothing(content: Replay, offset: number): Promise<Uint8Array> {
  for await (const _ of content.from(offset)) throw new Error("more content than its size");
  return new Uint8Array(0);
}

function typed(length: number): Record<string, string> {
  return { "content-type": "application/octet-stream", "content-length": String(length) };
}

function locationOf(session: Session, response: HttpResponse): URL | undefined {
  const header = response.header("location");
  const url = session.locate(header, response.url);
  if (header !== undefined && url === undefined) throw noLocation(session);
  return url;
}

function noLocation(session: Session): Failure {
  return new Failure("UNSUPPORTED", `registry ${session.host} does not say where a blob is to be sent`);
}

/** The registry, or what stands before it, does not take a request of that size. */
class TooLarge extends Failure {
  constructor(host: string, digest: Digest) {
    super("SIZE_INVALID", `registry ${host} does not take blob ${digest}: it is too large`);
  }
}
