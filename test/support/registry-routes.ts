/** The URLs of the distribution-spec, and answers in JSON. */
import type { Answer, RequestKind } from "./faults.ts";

export interface Route {
  kind: RequestKind;
  repository: string;
  target: string;
}

const ROUTES: readonly [RegExp, RequestKind][] = [
  [/^\/v2\/(.+)\/blobs\/uploads\/([^/]*)$/, "upload"],
  [/^\/v2\/(.+)\/blobs\/([^/]+)$/, "blob"],
  [/^\/v2\/(.+)\/manifests\/([^/]+)$/, "manifest"],
  [/^\/v2\/(.+)\/tags\/(list)$/, "tags"],
  [/^\/v2\/(.+)\/referrers\/([^/]+)$/, "referrers"],
];

export function routeOf(url: string): Route {
  const { pathname } = new URL(url, "http://registry");
  if (pathname === "/v2/") return { kind: "ping", repository: "", target: "" };
  if (pathname === "/token") return { kind: "token", repository: "", target: "" };
  for (const [pattern, kind] of ROUTES) {
    const [, repository, target] = pattern.exec(pathname) ?? [];
    if (repository !== undefined && target !== undefined) return { kind, repository, target };
  }
  return { kind: "other", repository: "", target: pathname };
}

export function json(status: number, value: unknown, headers: Record<string, string> = {}): Answer {
  return {
    status,
    body: JSON.stringify(value),
    headers: { "content-type": "application/json", ...headers },
  };
}

export function failure(status: number, code: string, message: string): Answer {
  return json(status, { errors: [{ code, message }] });
}
