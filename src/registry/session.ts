import { Failure } from "../errors.ts";
import type { Report } from "../events.ts";
import { printable } from "../oci/printable.ts";
import { type Asked, answerFailure } from "./answer-failure.ts";
import { Auth } from "./auth.ts";
import type { Credentials } from "./auth-file.ts";
import { parseChallenges } from "./challenge.ts";
import { Http, type HttpOptions, type HttpRequest, type HttpResponse } from "./http.ts";
import { Transient, withRetries } from "./retry.ts";

export interface SessionOptions extends Omit<HttpOptions, "insecure"> {
  report?: Report | undefined;
  /** Asked once, when the registry wants to know who asks. */
  credentials?: (() => Promise<Credentials | undefined>) | undefined;
  /** The first wait before another attempt; milliseconds. */
  retryMs?: number | undefined;
}

export interface SessionRequest extends Omit<HttpRequest, "authorization"> {
  /** What a token must allow. */
  scope: string;
  asked: Pick<Asked, "what" | "missing">;
  /** The statuses that are a success; default 200 and 206. */
  accept?: readonly number[];
}

const PROBE_MS = 30_000;
const MAX_WARNINGS = 10;

/**
 * Requests to one registry as one user: finds out whether it speaks https, answers challenges, names failures, and passes on
 * what the registry warns of. One attempt a request; `retrying` gives it more.
 */
export class Session {
  readonly host: string;
  readonly http: Http;
  readonly #auth: Auth;
  readonly #options: SessionOptions;
  readonly #warnings = new Set<string>();
  #base: Promise<string> | undefined;

  /** `registry` as it stands in references; an insecure one may have any certificate, or speak plain http. */
  static async open(
    { registry, insecure }: { registry: string; insecure: boolean },
    options: SessionOptions = {},
  ): Promise<Session> {
    return new Session(physicalHost(registry), await Http.open({ ...options, insecure }), options);
  }

  private constructor(host: string, http: Http, options: SessionOptions) {
    this.host = host;
    this.http = http;
    this.#auth = new Auth(http, options.credentials ?? (() => Promise.resolve(undefined)));
    this.#options = options;
  }

  /**
   * The answer to a request for a path below /v2/, or for a URL that the registry gave. Credentials go to the registry's own
   * host only. Throws a Failure, or Transient for what may pass; a body that is a stream is sent once, so a challenge to it is
   * answered and then Transient.
   */
  async request(target: string | URL, request: SessionRequest): Promise<HttpResponse> {
    const url = typeof target === "string" ? await this.url(target) : target;
    const { scope, asked, accept = [200, 206], ...plain } = request;
    const own = url.host === (await this.url("")).host;
    for (let round = 0; ; round++) {
      const authorization = own ? this.#auth.header(scope) : undefined;
      const response = await this.http.request(url, { ...plain, authorization });
      this.#passOnWarnings(response);
      const full = { http: this.http, host: this.host, authenticated: await this.#auth.known(), ...asked };
      if (accept.includes(response.status)) return response;
      if (response.status !== 401 || !own || response.url.host !== url.host)
        throw await answerFailure(response, full);
      const challenges = parseChallenges(response.headers("www-authenticate"));
      const again = await this.#answer({ challenges, scope, sent: authorization, round }, response);
      if (!again) throw await answerFailure(response, full);
      await response.discard();
      if (isStream(plain.body)) throw new Transient(expired(this.host));
    }
  }

  /** Several attempts, with waits, while what goes wrong may pass. */
  retrying<T>(attempt: () => Promise<T>): Promise<T> {
    const { retryMs, signal, report } = this.#options;
    return withRetries(attempt, { baseMs: retryMs, signal, report });
  }

  /** The URL of a path below /v2/. */
  async url(path: string): Promise<URL> {
    return new URL(`${await this.#origin()}/v2/${path}`);
  }

  /** The URL of a Location header, which may be relative to the request. Never a step down from https. */
  locate(location: string | undefined, from: URL): URL | undefined {
    if (location === undefined || !URL.canParse(location, from.href)) return undefined;
    const url = new URL(location, from.href);
    url.username = "";
    url.password = "";
    // A registry behind a proxy that ends TLS for it does not know that it is reached by https.
    if (url.host === from.host) url.protocol = from.protocol;
    return url.protocol === "https:" || (this.http.insecure && url.protocol === "http:") ? url : undefined;
  }

  async close(): Promise<void> {
    await this.http.close();
  }

  async #answer(refusal: Parameters<Auth["answer"]>[0], response: HttpResponse): Promise<boolean> {
    try {
      return await this.#auth.answer(refusal);
    } catch (error) {
      await response.discard();
      throw error;
    }
  }

  /** `Warning: 299 - "..."` (distribution-spec, "Warnings"), each text once. */
  #passOnWarnings(response: HttpResponse): void {
    for (const header of response.headers("warning")) {
      const text = /^299 - "((?:[^"\\]|\\.)*)"$/.exec(header.trim())?.[1]?.replace(/\\(.)/g, "$1");
      if (text === undefined || this.#warnings.has(text) || this.#warnings.size >= MAX_WARNINGS) continue;
      this.#warnings.add(text);
      this.#options.report?.({
        type: "warning",
        message: `registry ${response.url.host} says: ${printable(text, 300)}`,
      });
    }
  }

  /** https; for an insecure registry http when nothing answers https. A failed probe is forgotten, so that a retry probes again. */
  async #origin(): Promise<string> {
    this.#base ??= this.http.insecure ? this.#probe() : Promise.resolve(`https://${this.host}`);
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
      if (this.http.signal?.aborted === true) throw error;
      return await this.#ping("http");
    }
  }

  async #ping(scheme: "https" | "http"): Promise<string> {
    const origin = `${scheme}://${this.host}`;
    const response = await this.http.request(new URL(`${origin}/v2/`), { deadlineMs: PROBE_MS });
    await response.discard();
    return origin;
  }
}

/** The host that serves a registry's name. */
export function physicalHost(registry: string): string {
  return registry === "docker.io" ? "registry-1.docker.io" : registry;
}

function isStream(body: SessionRequest["body"]): boolean {
  return typeof body === "object" && Symbol.asyncIterator in body;
}

function expired(host: string): Failure {
  return new Failure("UNAUTHORIZED", `registry ${host} wants new credentials in the middle of an upload`);
}
