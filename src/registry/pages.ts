import { Failure } from "../errors.ts";
import { asObject, parseJson } from "../oci/json.ts";
import { type HttpResponse, readBody } from "./http.ts";
import type { Session, SessionRequest } from "./session.ts";

export interface Page {
  body: Record<string, unknown>;
  response: HttpResponse;
}

export interface PagesRequest extends Pick<SessionRequest, "scope" | "asked"> {
  /** Below /v2/. */
  path: string;
  /** For messages: what the pages make up. */
  what: string;
}

const PAGE_LIMIT = 4 * 1024 * 1024;
const MAX_PAGES = 1000;
/** Of all pages together; more than a million tags. */
const TOTAL_LIMIT = 64 * 1024 * 1024;

/**
 * The JSON objects of a listing, page by page, as `Link: <...>; rel="next"` leads on. A link can only lead to another path of the
 * same registry. MANIFEST_INVALID for what is no JSON object, for pages without an end.
 */
export async function* listPages(session: Session, request: PagesRequest): AsyncGenerator<Page> {
  const { path, scope, asked, what } = request;
  const seen = new Set<string>();
  const end = session.http.seriesEnd();
  let total = 0;
  let url = await session.retrying(() => session.url(path));
  for (;;) {
    if (seen.has(url.href) || seen.size >= MAX_PAGES || total > TOTAL_LIMIT)
      throw new Failure("MANIFEST_INVALID", `the ${what} of registry ${session.host} has no end`);
    if (performance.now() > end)
      throw new Failure("REGISTRY_UNREACHABLE", `registry ${session.host} sends the ${what} too slowly`);
    seen.add(url.href);
    const page = await session.retrying(async () => {
      const response = await session.request(url, { scope, asked, deadlineMs: session.http.smallMs });
      const bytes = await readBody(response, { http: session.http, limit: PAGE_LIMIT, what });
      return { response, bytes: bytes.length, body: asObject(parseJson(bytes, what), what) };
    });
    total += page.bytes;
    yield page;
    const next = nextLink(page.response.headers("link"));
    if (next === undefined || !URL.canParse(next, url.href)) return;
    const { pathname, search } = new URL(next, url.href);
    url = new URL(`${pathname}${search}`, url);
  }
}

/** The target of the link with `rel="next"` (RFC 8288). */
function nextLink(headers: readonly string[]): string | undefined {
  for (const header of headers)
    for (const [, target, parameters = ""] of header.matchAll(/<([^>]*)>((?:\s*;[^,<]*)*)/g))
      if (/;\s*rel\s*=\s*"?next"?/i.test(parameters)) return target;
  return undefined;
}
