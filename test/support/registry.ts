/**
 * A registry on 127.0.0.1 that speaks the OCI distribution-spec over real sockets, with Basic and Bearer authentication, and
 * with faults to order. It records every request, so that a test can say what was sent.
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
import type { TLSSocket } from "node:tls";
import { type Answer, type Fault, type RequestKind, sendAnswer } from "./faults.ts";
import { allContent, childrenOf, type TestContent } from "./images.ts";
import { failure, json, type Route, routeOf } from "./registry-routes.ts";
import { type RegistryContent, receive, type WriteOptions } from "./registry-writes.ts";

export { type Fault, htmlFault, type RequestKind } from "./faults.ts";

export interface RegistryOptions extends WriteOptions {
  auth?: "basic" | "bearer";
  /** User to password; with auth only. Default `{ user: "secret" }`. */
  users?: Record<string, string>;
  /** Bearer: tokens without credentials are given for pulling. */
  anonymous?: boolean;
  /** Bearer: the realm to name in challenges; default is this server's own /token. */
  realm?: string;
  /** The answer to GET /v2/ does not ask for credentials, as some registries do. */
  openPing?: boolean;
  /** With `ca`, a client must show a certificate of that authority. */
  tls?: { key: string | Buffer; cert: string | Buffer; ca?: string | Buffer };
  /** How many tags or referrers a page has; default all. */
  pageSize?: number;
  /** Whether it answers the referrers API; default not. */
  referrers?: boolean;
}

export interface RecordedRequest {
  method: string;
  url: string;
  kind: RequestKind;
  headers: IncomingMessage["headers"];
  body: string;
  /** When it came, on the clock of performance.now(). */
  at: number;
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

export class TestRegistry {
  readonly requests: RecordedRequest[] = [];
  /** `host:port`, as it stands in a reference. */
  host = "";
  readonly #options: RegistryOptions;
  readonly #server: ReturnType<typeof createServer>;
  readonly #sockets = new Set<Socket>();
  readonly content: RegistryContent = {
    manifests: new Map(),
    blobs: new Map(),
    tags: new Map(),
    uploads: new Map(),
  };
  readonly #tokens = new Map<string, string>();
  #faults: (Fault & { left: number; passed: number })[] = [];

  constructor(options: RegistryOptions) {
    this.#options = options;
    const listener = (request: IncomingMessage, response: ServerResponse): void => {
      this.#answer(request, response).catch((error: unknown) => response.destroy(error as Error));
    };
    this.#server =
      options.tls === undefined
        ? createServer(listener)
        : createTlsServer(
            { ...options.tls, requestCert: options.tls.ca !== undefined, rejectUnauthorized: false },
            listener,
          );
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
    for (const [digest, bytes] of allContent(content))
      this.content.blobs.set(`${repository}@${digest}`, bytes);
    this.#pushManifest(repository, content);
    if (tag === null) return `${this.host}/${repository}@${content.digest}`;
    this.content.manifests.set(`${repository}:${tag}`, manifestOf(content));
    const tags = this.content.tags.get(repository) ?? new Set<string>();
    this.content.tags.set(repository, tags.add(tag));
    return `${this.host}/${repository}:${tag}`;
  }

  /** Offers other bytes under a digest than its own. */
  replaceBlob(repository: string, digest: string, bytes: Buffer): void {
    this.content.blobs.set(`${repository}@${digest}`, bytes);
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
    this.content.manifests.set(`${repository}@${content.digest}`, manifestOf(content));
    for (const child of childrenOf(content)) this.#pushManifest(repository, child);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "GET", url = "/", headers } = request;
    const route = routeOf(url);
    const fault = this.#nextFault(route, `${method} ${url}`);
    const recorded: RecordedRequest = {
      method,
      url,
      kind: route.kind,
      headers,
      body: "",
      at: performance.now(),
    };
    this.requests.push(recorded);
    const refused = fault?.status === undefined ? this.#authorize(route, request) : undefined;
    const answer =
      fault?.status !== undefined && fault.take === undefined
        ? { status: fault.status, body: fault.body ?? "" }
        : (refused ?? (await this.#write(route, { request, recorded, fault })));
    // Read to its end in any case, or the client could not read the answer.
    if (fault?.early !== true) recorded.body += await bodyOf(request);
    if (fault?.delay !== undefined) await sleep(fault.delay);
    if (fault?.reset === true || answer === "cut") {
      request.socket.destroy();
      return;
    }
    await sendAnswer(request, response, { answer: answer ?? this.#route(route, request), fault });
  }

  #write(
    route: Route,
    {
      request,
      recorded,
      fault,
    }: { request: IncomingMessage; recorded: RecordedRequest; fault: Fault | undefined },
  ): Promise<Answer | "cut" | undefined> {
    const { origin, content } = this;
    return receive(route, { request, recorded, take: fault?.take, origin, content, options: this.#options });
  }

  #nextFault(route: Route, url: string): Fault | undefined {
    // A pattern sees `METHOD /path?query`.
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
    if (route.kind === "ping")
      return { status: 200, body: "{}", headers: { "content-type": "application/json" } };
    if (route.kind === "tags") {
      const tags = this.content.tags.get(route.repository);
      if (tags === undefined) return failure(404, "NAME_UNKNOWN", "repository name not known to registry");
      const { items, link } = this.#page([...tags], request.url ?? "");
      return json(200, { name: route.repository, tags: items }, link);
    }
    if (route.kind === "referrers" && this.#options.referrers === true) {
      const { items, link } = this.#page(referrersIn(this.content, route), request.url ?? "");
      const mediaType = "application/vnd.oci.image.index.v1+json";
      return json(200, { schemaVersion: 2, mediaType, manifests: items }, link);
    }
    if (route.kind === "manifest") return this.#manifest(route);
    if (route.kind === "blob") {
      const bytes = this.content.blobs.get(`${route.repository}@${route.target}`);
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

  #page<T>(all: T[], url: string): { items: T[]; link: Record<string, string> } {
    const { pathname, searchParams } = new URL(url, this.origin);
    const from = Number(searchParams.get("last") ?? 0);
    const to = from + (this.#options.pageSize ?? all.length);
    const link = to < all.length ? { link: `<${pathname}?last=${to}>; rel="next"` } : {};
    return { items: all.slice(from, to), link: link as Record<string, string> };
  }

  #manifest({ repository, target }: Route): Answer {
    const manifest = this.content.manifests.get(`${repository}${target.includes(":") ? "@" : ":"}${target}`);
    if (manifest === undefined) return failure(404, "MANIFEST_UNKNOWN", "manifest unknown");
    const headers = { "content-type": manifest.mediaType, "docker-content-digest": manifest.digest };
    return { status: 200, body: manifest.bytes, headers };
  }

  #authorize(route: Route, { headers, method, url = "", socket }: IncomingMessage): Answer | undefined {
    const { auth, openPing, tls } = this.#options;
    if (tls?.ca !== undefined && !(socket as TLSSocket).authorized)
      return failure(400, "UNSUPPORTED", "no client certificate");
    if (auth === undefined || route.kind === "token" || (openPing === true && route.kind === "ping"))
      return undefined;
    const given = headers.authorization ?? "";
    if (auth === "basic") {
      if (given.startsWith("Basic ") && this.#isUser(given)) return undefined;
      return challenge('Basic realm="test registry, \\"quoted\\""');
    }
    const scope = scopeOf(route, { method, url });
    const granted = given.startsWith("Bearer ") ? this.#tokens.get(given.slice("Bearer ".length)) : undefined;
    if (granted !== undefined && scope.split(" ").every((wanted) => allows(granted, wanted)))
      return undefined;
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

function scopeOf(
  { kind, repository }: Route,
  { method, url }: { method: string | undefined; url: string },
): string {
  if (repository === "") return "";
  const actions =
    method === "DELETE" && kind === "manifest"
      ? "delete"
      : kind === "upload" || !["GET", "HEAD"].includes(method ?? "")
        ? "pull,push"
        : "pull";
  const from = new URL(url, "http://registry").searchParams.get("from");
  return `repository:${repository}:${actions}${from === null ? "" : ` repository:${from}:pull`}`;
}

/** Whether the scopes granted include `wanted`. */
function allows(granted: string, wanted: string): boolean {
  const [, , actions = ""] = wanted.split(":");
  const name = wanted.slice(0, wanted.lastIndexOf(":"));
  const given = granted
    .split(" ")
    .filter((scope) => scope.startsWith(`${name}:`))
    .flatMap((scope) => scope.slice(name.length + 1).split(","));
  return wanted === "" || actions.split(",").every((action) => given.includes(action));
}

/** What refers to a digest, with the artifact type and the annotations of its manifest (distribution-spec, "Listing Referrers"). */
function referrersIn({ manifests }: RegistryContent, { repository, target }: Route): object[] {
  const found: object[] = [];
  for (const [key, { bytes, mediaType, digest }] of manifests) {
    if (key !== `${repository}@${digest}`) continue;
    const { subject, artifactType, config, annotations } = JSON.parse(bytes.toString()) as {
      subject?: { digest: string };
      artifactType?: string;
      config?: { mediaType: string };
      annotations?: object;
    };
    if (subject?.digest !== target) continue;
    const size = bytes.length;
    found.push({ mediaType, digest, size, artifactType: artifactType ?? config?.mediaType, annotations });
  }
  return found;
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

function challenge(header: string): Answer {
  const answer = failure(401, "UNAUTHORIZED", "authentication required");
  return { ...answer, headers: { ...answer.headers, "www-authenticate": header } };
}
