import { Failure } from "../errors.ts";
import type { Http, HttpResponse } from "./http.ts";

export interface BlobOptions {
  /** A connection that brings less than `minBytes` in `windowMs` of waiting is given up. */
  minBytes?: number | undefined;
  windowMs?: number | undefined;
  /** How long after a cut the next one counts as unrelated; milliseconds. */
  longAgoMs?: number | undefined;
}

const MIN_PROGRESS = 1024 * 1024;
const LONG_AGO_MS = 60_000;
const MAX_STALLS = 5;

/**
 * The bytes of a blob; when the connection is cut, the rest is asked for by Range (a server that sends everything again is
 * read up to where it stopped). Given up as in containers/image: unless this is the first cut, or 1 MiB came since the last,
 * or it was a minute ago; and after five cuts with less progress than that.
 */
export async function* receiveBlob(
  open: (headers: Record<string, string>) => Promise<HttpResponse>,
  { http, what, longAgoMs = LONG_AGO_MS, ...pace }: { http: Http; what: string } & BlobOptions,
): AsyncGenerator<Uint8Array> {
  let received = 0;
  let stalls = 0;
  let last: { received: number; time: number } | undefined;
  for (;;) {
    const response = await open(received === 0 ? {} : { range: `bytes=${received}-` });
    try {
      let skip = startOf(response, received, what);
      for await (const chunk of paced(response.body as AsyncIterable<Uint8Array>, pace)) {
        const rest = chunk.subarray(Math.min(skip, chunk.length));
        skip -= chunk.length - rest.length;
        received += rest.length;
        if (rest.length > 0) yield rest;
      }
      return;
    } catch (error) {
      if (error instanceof Failure) throw error;
      const failure = http.failure(error, response.url.host);
      if (failure instanceof Failure) throw failure;
      const progress = received - (last?.received ?? 0) >= MIN_PROGRESS;
      if (!progress) stalls++;
      const longAgo = last !== undefined && Date.now() - last.time >= longAgoMs;
      const resumable = last === undefined || progress || longAgo;
      if (!resumable || stalls > MAX_STALLS) throw failure.failure;
      last = { received, time: Date.now() };
    } finally {
      response.body.destroy();
    }
  }
}

/** How many bytes of the answer are known already. */
function startOf(response: HttpResponse, received: number, what: string): number {
  if (received === 0 && response.status === 200) return 0;
  if (received > 0 && response.status === 200) return received;
  const range = /^bytes (\d+)-/.exec(response.header("content-range") ?? "");
  if (received > 0 && Number(range?.[1]) === received) return 0;
  throw new Failure(
    "REGISTRY_UNREACHABLE",
    `registry ${response.url.host} cannot go on with ${what} after a cut: it sent another part than asked for`,
  );
}

/** Counts only the time spent waiting for the network, so that a slow consumer is not held against the server. */
async function* paced(
  source: AsyncIterable<Uint8Array>,
  { minBytes = 16 * 1024, windowMs = 60_000 }: BlobOptions,
): AsyncGenerator<Uint8Array> {
  let waited = 0;
  let bytes = 0;
  let asked = Date.now();
  for await (const chunk of source) {
    waited += Date.now() - asked;
    bytes += chunk.length;
    if (waited >= windowMs) {
      if (bytes < minBytes) throw tooSlow(bytes, waited);
      waited = 0;
      bytes = 0;
    }
    yield chunk;
    asked = Date.now();
  }
}

function tooSlow(bytes: number, waited: number): Failure {
  return new Failure(
    "REGISTRY_UNREACHABLE",
    `the registry sends too slowly: ${bytes} bytes in ${Math.round(waited / 1000)} s`,
  );
}
