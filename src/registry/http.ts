import type { Readable } from "node:stream";
import type { Agent, EnvHttpProxyAgent } from "undici";
import { Failure } from "../errors.ts";
import { printable } from "../oci/printable.ts";
import { interrupted, type Transient } from "./retry.ts";
import { unreachable } from "./unreachable.ts";

const MAX_REDIRECTS = 10;
const DISCARD_LIMIT = 64 * 1024;
const DISCARD_MS = 1000;

export interface HttpOptions {
  /** Accept any certificate, and plain http. */
  insecure?: boolean;
  /** PEM certificates to trust instead of Node's. */
  authorities?: string[] | undefined;
  /** Certificates that prove to `host` (HOST[:PORT]), and to no other, who asks. */
  clients?: { host: string; pairs: readonly ClientCertificate[] } | undefined;
  signal?: AbortSignal | undefined;
  /** Longest wait for a connection, for an answer to begin, and between two pieces of it; milliseconds. */
  connectMs?: number | undefined;
  idleMs?: number | undefined;
  /** Longest wait for the whole of a small answer: a manifest, a token, a page of a list, a signature; milliseconds. */
  smallMs?: number | undefined;
}

/** PEM, with the intermediate certificates after its own. */
export interface ClientCertificate {
  cert: string;
  key: string;
}

export interface HttpRequest {
  method?: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";
  headers?: Record<string, string>;
  /** The Authorization header; never sent to another host than the one of the URL asked for. */
  authorization?: string | undefined;
  /** An iterable is read as fast as the connection takes it. */
  body?: string | Uint8Array | AsyncIterable<Uint8Array> | undefined;
  /** Ends the whole exchange, body included; milliseconds. */
  deadlineMs?: number;
  /** Longest wait for the answer to begin; milliseconds, default `idleMs`. */
  answerMs?: number | undefined;
}

export interface HttpResponse {
  status: number;
  /** Where the answer came from, after redirects. */
  url: URL;
  header(name: string): string | undefined;
  headers(name: string): string[];
  body: Readable;
  /** Lets go of a body that nobody reads, keeping the connection where the body is short. */
  discard(): Promise<void>;
}

/**
 * HTTP for one registry: one attempt a call, redirects of GET and HEAD followed by hand. Connection errors are Transient or, when they will not
 * pass by themselves, REGISTRY_UNREACHABLE; INTERRUPTED on abort. undici is loaded here, on first use: it costs 70 ms.
 */
export class Http {
  readonly insecure: boolean;
  readonly signal: AbortSignal | undefined;
  readonly smallMs: number;
  readonly #agents: Agents;
  /** For the host that client certificates are for. */
  readonly #known: (Agents & { host: string }) | undefined;

  static async open(options: HttpOptions = {}): Promise<Http> {
    const { clients } = options;
    const agents = await openAgents(options, []);
    const known =
      clients === undefined || clients.pairs.length === 0
        ? undefined
        : { host: clients.host, ...(await openAgents(options, clients.pairs)) };
    const { insecure = false, signal, smallMs = 60_000 } = options;
    return new Http({ agents, known, insecure, signal, smallMs });
  }

  private constructor({ agents, known, insecure, signal, smallMs }: HttpParts) {
    this.#agents = agents;
    this.#known = known;
    this.insecure = insecure;
    this.signal = signal;
    this.smallMs = smallMs;
  }

  /** Until when a series of small answers may go on that starts now: ten times what one may take. A time of performance.now(). */
  seriesEnd(): number {
    return performance.now() + 10 * this.smallMs;
  }

  async request(url: URL, request: HttpRequest = {}): Promise<HttpResponse> {
    let at = url;
    let trusted = true;
    for (let redirects = 0; ; redirects++) {
      const response = await this.#once(at, trusted ? request : { ...request, authorization: undefined });
      const location = isRedirect(response.status) ? response.header("location") : undefined;
      if (location === undefined || !["GET", "HEAD"].includes(request.method ?? "GET")) return response;
      await response.discard();
      if (redirects === MAX_REDIRECTS)
        throw new Failure(
          "REGISTRY_UNREACHABLE",
          `registry ${url.host} redirects more than ${MAX_REDIRECTS} times`,
        );
      at = this.#redirected(at, location);
      trusted &&= at.host === url.host && [url.protocol, "https:"].includes(at.protocol);
    }
  }

  async close(): Promise<void> {
    const all = [this.#agents, ...(this.#known === undefined ? [] : [this.#known])];
    const agents = new Set(all.flatMap(({ direct, proxied }) => [direct, proxied]));
    for (const agent of agents) await agent.destroy();
  }

  /** Names a failure of the connection to `host`, before or while the body arrives. */
  failure(error: unknown, host: string): Failure | Transient {
    if (this.signal?.aborted === true) return interrupted(this.signal);
    if (error instanceof Failure) return error;
    return unreachable(error, host);
  }

  async #once(url: URL, request: HttpRequest): Promise<HttpResponse> {
    if (this.signal?.aborted === true) throw interrupted(this.signal);
    const { method = "GET", authorization, body, deadlineMs, answerMs } = request;
    const signals = [this.signal, deadlineMs === undefined ? undefined : AbortSignal.timeout(deadlineMs)];
    const present = signals.filter((signal) => signal !== undefined);
    try {
      const { direct, proxied } = this.#known?.host === url.host ? this.#known : this.#agents;
      const response = await (isLoopback(url) ? direct : proxied).request({
        origin: url.origin,
        path: `${url.pathname}${url.search}`,
        method,
        headers: { "user-agent": "berth", ...request.headers, ...(authorization && { authorization }) },
        body: (body ?? null) as Readable | null, // undici takes any async iterable, its types do not say so
        ...(answerMs !== undefined && { headersTimeout: answerMs }),
        signal: present.length === 0 ? null : AbortSignal.any(present),
      });
      return answerOf(response, url);
    } catch (error) {
      throw this.failure(error, url.host);
    }
  }

  #redirected(from: URL, location: string): URL {
    const to = URL.canParse(location, from.href) ? new URL(location, from.href) : undefined;
    const allowed = this.insecure ? ["https:", "http:"] : [from.protocol, "https:"];
    if (to !== undefined && allowed.includes(to.protocol)) return withoutUser(to);
    throw new Failure(
      "REGISTRY_UNREACHABLE",
      `registry ${from.host} redirects to ${to === undefined ? "no URL" : printable(to.origin)}, which is not https`,
    );
  }
}

/** The whole body. More than `limit` bytes is a Failure and ends the connection; a cut is as in `Http.request`. */
export async function readBody(
  response: HttpResponse,
  { http, limit, what }: { http: Http; limit: number; what: string },
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of response.body as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > limit)
        throw new Failure(
          "MANIFEST_INVALID",
          `${what} from ${response.url.host} is larger than ${limit} bytes`,
        );
      chunks.push(chunk);
    }
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw http.failure(error, response.url.host);
  }
  return Buffer.concat(chunks, length);
}

interface HttpParts {
  agents: Agents;
  known: (Agents & { host: string }) | undefined;
  insecure: boolean;
  signal: AbortSignal | undefined;
  smallMs: number;
}

type Dispatcher = Pick<Agent, "request" | "destroy">;

interface Agents {
  direct: Dispatcher;
  proxied: Dispatcher;
}

async function openAgents(options: HttpOptions, clients: readonly ClientCertificate[]): Promise<Agents> {
  const { Agent, EnvHttpProxyAgent } = await import("undici");
  const { connectMs = 15_000, idleMs = 60_000 } = options;
  const tls = await secureContext(options, clients);
  const shared = { headersTimeout: idleMs, bodyTimeout: idleMs, allowH2: false };
  const connect = { ...tls, timeout: connectMs };
  const direct = new Agent({ ...shared, connect });
  if (!usesProxy()) return { direct, proxied: direct };
  const proxied = proxyAgent(() => new EnvHttpProxyAgent({ ...shared, connect, requestTls: connect }));
  return { direct, proxied };
}

async function secureContext(
  { insecure, authorities }: HttpOptions,
  clients: readonly ClientCertificate[],
): Promise<object> {
  const lenient = insecure === true ? { rejectUnauthorized: false } : {};
  const trusted = insecure === true ? undefined : authorities;
  if (trusted === undefined && clients.length === 0) return lenient;
  const { createSecureContext } = await import("node:tls");
  try {
    const own = { cert: clients.map(({ cert }) => cert), key: clients.map(({ key }) => key) };
    const context = createSecureContext({
      ...(trusted !== undefined && { ca: trusted }),
      ...(clients.length > 0 && own),
    });
    return { ...lenient, secureContext: context };
  } catch (error) {
    throw new Failure("CONFIG_INVALID", "a certificate or key of this host or of certs.d is not valid PEM", {
      cause: error,
    });
  }
}

function answerOf(response: Awaited<ReturnType<Dispatcher["request"]>>, url: URL): HttpResponse {
  const { statusCode: status, body } = response;
  const headers = (name: string): string[] => [response.headers[name] ?? []].flat();
  body.on("error", () => {}); // whoever reads the body gets it; when nobody does it must not end the process
  return { status, url, headers, header: (name) => headers(name)[0], body, discard: () => discard(body) };
}

async function discard(body: Awaited<ReturnType<Dispatcher["request"]>>["body"]): Promise<void> {
  try {
    await body.dump({ limit: DISCARD_LIMIT, signal: AbortSignal.timeout(DISCARD_MS) });
  } catch {
    body.destroy(); // how an unread answer ends says nothing about the request
  }
}

function isRedirect(status: number): boolean {
  return [301, 302, 303, 307, 308].includes(status);
}

function usesProxy(): boolean {
  return ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY"].some(
    (name) => (process.env[name] ?? "") !== "",
  );
}

/** The error of undici is not kept as cause: it holds the URL, which may hold a password. */
function proxyAgent(make: () => EnvHttpProxyAgent): EnvHttpProxyAgent {
  try {
    return make();
  } catch {
    throw new Failure("CONFIG_INVALID", "the proxy named by HTTP_PROXY or HTTPS_PROXY is not a usable URL", {
      hint: "Write http://HOST:PORT.",
    });
  }
}

/** Never through a proxy, as in Go's ProxyFromEnvironment, which podman and skopeo use. */
function isLoopback({ hostname }: URL): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127(?:\.\d+){3}$/.test(hostname);
}

function withoutUser(url: URL): URL {
  url.username = "";
  url.password = "";
  return url;
}
