import { Failure } from "../errors.ts";
import { basicHeader, type Credentials } from "./auth-file.ts";
import type { Challenge } from "./challenge.ts";
import type { Http } from "./http.ts";
import { fetchToken, type Token } from "./token.ts";

/** What was asked for and how the server refused it. */
export interface Refusal {
  challenges: readonly Challenge[];
  /** What the request needs, for example `repository:team/app:pull`; several separated by spaces; may be empty. */
  scope: string;
  /** The Authorization header that was refused. */
  sent: string | undefined;
  /** How many refusals of this request came before. */
  round: number;
}

const LEEWAY_MS = 10_000;

/**
 * Who berth is to one registry: answers its challenges with Basic or Bearer, and keeps the tokens by scope until they expire.
 * The credentials are looked for on the first challenge only.
 */
export class Auth {
  readonly #http: Http;
  readonly #find: () => Promise<Credentials | undefined>;
  readonly #tokens = new Map<string, Token>();
  #credentials: Promise<Credentials | undefined> | undefined;
  #basic: string | undefined;

  constructor(http: Http, find: () => Promise<Credentials | undefined>) {
    this.#http = http;
    this.#find = find;
  }

  /** The Authorization header for requests that need `scope`, as far as one is known. */
  header(scope: string): string | undefined {
    const token = this.#tokens.get(scope);
    if (token !== undefined && token.expires > Date.now() + LEEWAY_MS) return `Bearer ${token.value}`;
    return this.#basic;
  }

  /** Whether credentials for this registry were found and used. */
  async known(): Promise<boolean> {
    return (await this.#credentials) !== undefined;
  }

  /** Whether the request is worth another try with what `header` gives now. UNAUTHORIZED from the token server. */
  async answer(refusal: Refusal): Promise<boolean> {
    for (const challenge of refusal.challenges) {
      if (challenge.scheme === "bearer") return await this.#answerBearer(challenge, refusal);
      if (challenge.scheme === "basic") return await this.#answerBasic(refusal);
    }
    return false;
  }

  async #answerBearer({ parameters }: Challenge, { scope, sent, round }: Refusal): Promise<boolean> {
    const insufficient = parameters["error"] === "insufficient_scope";
    const fresh = round > 0 && sent?.startsWith("Bearer ") === true;
    if (fresh && (!insufficient || round > 1)) return false;
    const scopes = new Set(
      [scope, parameters["scope"] ?? ""].flatMap((text) => text.split(" ")).filter(Boolean),
    );
    const token = await fetchToken(this.#http, {
      realm: parameters["realm"] ?? "",
      service: parameters["service"],
      scopes: [...scopes],
      credentials: await this.#load(),
    });
    this.#tokens.set(scope, token);
    return true;
  }

  async #answerBasic({ sent }: Refusal): Promise<boolean> {
    if (sent?.startsWith("Basic ") === true) return false;
    const credentials = await this.#load();
    if (credentials === undefined) return false;
    if ("identityToken" in credentials)
      throw new Failure(
        "UNAUTHORIZED",
        "an identity token cannot answer a registry that wants user and password",
      );
    this.#basic = basicHeader(credentials);
    return true;
  }

  #load(): Promise<Credentials | undefined> {
    this.#credentials ??= this.#find();
    return this.#credentials;
  }
}
