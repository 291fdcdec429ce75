/**
 * A registry on 127.0.0.1 that speaks the pull half of the OCI distribution-spec over real sockets, with Basic and Bearer
 * authentication, and with faults to order. It records every request, so that a test can say what was sent.
 *
 *   const registry = await startRegistry();
 *   registry.push("team/app", await makeImage(), "1.0");
 *   registry.fault({ on: "blob", times: 1, cut: 100 });
 *   ... parseReference(`${registry.host}/team/app:1.0`) with tlsVerify: false or insecureRoot(registry.host)
 *   await registry.close();
 */
import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Answer, type Fault, type RequestKind, sendAnswer } from "./faults.ts";
import { allContent, childrenOf, type TestContent } from "./images.ts";

export { type Fault, htmlFault, type RequestKind } from "./faults.ts";

export interface RegistryOptions {
  auth?: "basic" | "bearer";
  /** User to password; with auth only. Default `{ user: "secret" }`. */
  users?: Record<string, string>;
  /** Bearer: tokens without credentials are given for pulling. */
  anonymous?: boolean;
  /** Bearer: the realm to name in challenges; default is this server's own /token. */
  realm?: string;
  /** The answer to GET /v2/ does not ask for credentials, as some registries do. */
  openPing?: boolean;
  tls?: { key: string | Buffer; cert: string | Buffer };
}

export interface RecordedRequest {
  method: string;
  url: string;
  kind: RequestKind;
  headers: IncomingMessage["headers"];
  body: string;
}

export async function startRegistry(options: RegistryOptions = {}): Promise<TestRegistry> {
  const registry = new TestRegistry(options);
  await registry.listen();
  return registry;
}

/** A directory to use as `root`, whose registries.conf marks these hosts as insecure and whose policy accepts everything. */
export async function insecureRoot(...hosts: string[]): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), "berth-root-"));
  const etc = join(root, "etc/containers");
  await mkdir(etc, { recursive: true });
  const tables = hosts.map((host) => `[[registry]]\nlocation = "${host}"\ninsecure = true\n`);
  await writeFile(join(etc, "registries.conf"), tables.join("\n"));
  await writeFile(join(etc, "policy.json"), '{"default":[{"type":"insecureAcceptAnything"}]}');
  return root;
}

interface Route {
  kind: RequestKind;
  repository: string;
  target: string;
}

export class TestRegistry {
  readonly requests: RecordedRequest[] = [];
  /** `host:port`, as it stands in a reference. */
  host = "";
  readonly #options: RegistryOptions;
  readonly #server: ReturnType<typeof createServer>;
  readonly #sockets = new Set<Socket>();
  readonly #manifests = new Map<string, { bytes: Buffer; mediaType: string; digest: string }>();
  readonly #blobs = new Map<string, Buffer>();
  readonly #tags = new Map<string, Set<string>>();
  readonly #tokens = new Map<string, string>();
  #faults: (Fault & { left: number; passed: number })[] = [];

  constructor(options: RegistryOptions) {
    this.#options = options;
    const listener = (request: IncomingMessage, response: ServerResponse): void => {
      this.#answer(request, response).catch((error: unknown) => response.destroy(error as Error));
    };
    this.#server =
      options.tls === undefined ? createServer(listener) : createTlsServer(options.tls, listener);
    this.#server.on("connection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
    });
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    this.host = `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** Offers an image or index under its digest, and under `tag` (null: by digest only). Returns the reference to type. */
  push(repository: string, content: TestContent, tag: string | null = "latest"): string {
    for (const [digest, bytes] of allContent(content)) this.#blobs.set(`${repository}@${digest}`, bytes);
    this.#pushManifest(repository, content);
    if (tag === null) return `${this.host}/${repository}@${content.digest}`;
    this.#manifests.set(`${repository}:${tag}`, manifestOf(content));
    const tags = this.#tags.get(repository) ?? new Set<string>();
    this.#tags.set(repository, tags.add(tag));
    return `${this.host}/${repository}:${tag}`;
  }

  /** Offers other bytes under a digest than its own. */
  replaceBlob(repository: string, digest: string, bytes: Buffer): void {
    this.#blobs.set(`${repository}@${digest}`, bytes);
  }

  fault(fault: Fault): void {
    this.#faults.push({ ...fault, left: fault.times ?? Number.POSITIVE_INFINITY, passed: 0 });
  }

  /** Forgets faults and recorded requests. */
  heal(): void {
    this.#faults = [];
    this.requests.length = 0;
  }

  requestsOf(kind: RequestKind): RecordedRequest[] {
    return this.requests.filter((request) => request.kind === kind);
  }

  /** Open connections to it. */
  get connections(): number {
    return this.#sockets.size;
  }

  get origin(): string {
    return `${this.#options.tls === undefined ? "http" : "https"}://${this.host}`;
  }

  #pushManifest(repository: string, content: TestContent): void {
    this.#manifests.set(`${repository}@${content.digest}`, manifestOf(content));
    for (const child of childrenOf(content)) this.#pushManifest(repository, child);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "GET", url = "/", headers } = request;
    const route = routeOf(url);
    this.requests.push({ method, url, kind: route.kind, headers, body: await bodyOf(request) });
    const fault = this.#nextFault(route, url);
    if (fault?.delay !== undefined) await sleep(fault.delay);
    if (fault?.reset === true) {
      request.socket.destroy();
      return;
    }
    const answer =
      fault?.status === undefined
        ? this.#route(route, request)
        : { status: fault.status, body: fault.body ?? "" };
    await sendAnswer(request, response, { answer, fault });
  }

  #nextFault(route: Route, url: string): Fault | undefined {
    const fault = this.#faults.find(
      ({ on, left }) => left > 0 && (on instanceof RegExp ? on.test(url) : on === route.kind),
    );
    if (fault === undefined) return undefined;
    if (fault.passed < (fault.skip ?? 0)) {
      fault.passed++;
      return undefined;
    }
    fault.left--;
    return fault;
  }

  #route(route: Route, request: IncomingMessage): Answer {
    if (route.kind === "token") return this.#token(request);
    const refused = this.#authorize(route, request);
    if (refused !== undefined) return refused;
    if (route.kind === "ping")
      return { status: 200, body: "{}", headers: { "content-type": "application/json" } };
    if (route.kind === "tags") {
      const tags = this.#tags.get(route.repository);
      if (tags === undefined) return failure(404, "NAME_UNKNOWN", "repository name not known to registry");
      return json(200, { name: route.repository, tags: [...tags] });
    }
    if (route.kind === "manifest") return this.#manifest(route);
    if (route.kind === "blob") {
      const bytes = this.#blobs.get(`${route.repository}@${route.target}`);
      if (bytes === undefined) return failure(404, "BLOB_UNKNOWN", "blob unknown to registry");
      return {
        status: 200,
        body: bytes,
        headers: { "content-type": "application/octet-stream" },
        ranges: true,
      };
    }
    return failure(404, "UNSUPPORTED", "no such endpoint");
  }

  #manifest({ repository, target }: Route): Answer {
    const manifest = this.#manifests.get(`${repository}${target.includes(":") ? "@" : ":"}${target}`);
    if (manifest === undefined) return failure(404, "MANIFEST_UNKNOWN", "manifest unknown");
    const headers = { "content-type": manifest.mediaType, "docker-content-digest": manifest.digest };
    return { status: 200, body: manifest.bytes, headers };
  }

  #authorize(route: Route, { headers }: IncomingMessage): Answer | undefined {
    const { auth, openPing } = this.#options;
    if (auth === undefined || (openPing === true && route.kind === "ping")) return undefined;
    const given = headers.authorization ?? "";
    if (auth === "basic") {
      if (given.startsWith("Basic ") && this.#isUser(given)) return undefined;
      return challenge('Basic realm="test registry, \\"quoted\\""');
    }
    const scope = route.repository === "" ? "" : `repository:${route.repository}:pull`;
    const granted = given.startsWith("Bearer ") ? this.#tokens.get(given.slice("Bearer ".length)) : undefined;
    if (granted !== undefined && (scope === "" || granted.split(" ").includes(scope))) return undefined;
    const realm = this.#options.realm ?? `${this.origin}/token`;
    const error = granted === undefined ? "" : ',error="insufficient_scope"';
    const wanted = scope === "" ? "" : `,scope="${scope}"`;
    return challenge(`Bearer realm="${realm}",service="test-service"${wanted}${error}`);
  }

  #token({ url = "", headers }: IncomingMessage): Answer {
    const given = headers.authorization;
    if (given === undefined ? this.#options.anonymous !== true : !this.#isUser(given))
      return failure(401, "UNAUTHORIZED", "incorrect username or password");
    const scopes = new URL(url, this.origin).searchParams
      .getAll("scope")
      .flatMap((scope) => scope.split(" "));
    const token = `token-${this.#tokens.size + 1}`;
    this.#tokens.set(token, scopes.join(" "));
    return json(200, { token, expires_in: 300, issued_at: new Date().toISOString() });
  }

  #isUser(authorization: string): boolean {
    const [, encoded = ""] = authorization.split(" ");
    const [user = "", ...password] = Buffer.from(encoded, "base64").toString().split(":");
    return (this.#options.users ?? { user: "secret" })[user] === password.join(":");
  }
}

function manifestOf({ manifest, mediaType, digest }: TestContent): {
  bytes: Buffer;
  mediaType: string;
  digest: string;
} {
  return { bytes: manifest, mediaType, digest };
}

function routeOf(url: string): Route {
  const { pathname } = new URL(url, "http://registry");
  if (pathname === "/v2/") return { kind: "ping", repository: "", target: "" };
  if (pathname === "/token") return { kind: "token", repository: "", target: "" };
  const match = /^\/v2\/(.+)\/(manifests|blobs|tags)\/([^/]+)$/.exec(pathname);
  const [, repository = "", what, target = ""] = match ?? [];
  if (what === "manifests") return { kind: "manifest", repository, target };
  if (what === "blobs") return { kind: "blob", repository, target };
  if (what === "tags") return { kind: "tags", repository, target };
  return { kind: "other", repository: "", target: pathname };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

function json(status: number, value: unknown): Answer {
  return { status, body: JSON.stringify(value), headers: { "content-type": "application/json" } };
}

function failure(status: number, code: string, message: string): Answer {
  return json(status, { errors: [{ code, message }] });
}

function challenge(header: string): Answer {
  const answer = failure(401, "UNAUTHORIZED", "authentication required");
  return { ...answer, headers: { ...answer.headers, "www-authenticate": header } };
}
