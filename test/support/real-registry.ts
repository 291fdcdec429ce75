/**
 * Debian's docker-registry as a child process on 127.0.0.1, unpacked and never installed; with TLS, with users, or with tokens
 * of a token server that signs with the key of the fixtures.
 */
import { spawn } from "node:child_process";
import { sign, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer as createHttpsServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { cached } from "./lab/cache.ts";
import { downloadPackages, unpackPackages } from "./lab/debian.ts";
import { freePort, untilListening } from "./listening.ts";

const TLS = fileURLToPath(new URL("../fixtures/tls/", import.meta.url));
export const CERTIFICATE: string = join(TLS, "server.crt");
const KEY = join(TLS, "server.key");

/** Of the user `user`: "secret", by bcrypt, the only kind that the registry reads. */
const HTPASSWD = "user:$2b$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a\n";

export type RegistryKind = "plain" | "tls" | "htpasswd" | "token";

export interface RealRegistry {
  host: string;
  close(): Promise<void>;
}

export async function startRealRegistry(kind: RegistryKind): Promise<RealRegistry> {
  const program = await registryProgram();
  const dir = await mkdtemp(join(tmpdir(), "berth-registry-"));
  const tokens = kind === "token" ? await startTokenServer() : undefined;
  const port = await freePort();
  await writeFile(join(dir, "htpasswd"), HTPASSWD);
  await writeFile(join(dir, "config.yml"), configOf(kind, { dir, port, realm: tokens?.realm }));
  const child = spawn(program, ["serve", join(dir, "config.yml")], { stdio: ["ignore", "ignore", "pipe"] });
  await untilListening(port, { child, what: "docker-registry" });
  return {
    host: `127.0.0.1:${port}`,
    async close() {
      child.kill();
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
      tokens?.server.close();
      tokens?.server.closeAllConnections();
      await rm(dir, { recursive: true });
    },
  };
}

async function registryProgram(): Promise<string> {
  const debs = await downloadPackages("tree", ["docker-registry"]);
  const dir = await cached({
    kind: "docker-registry",
    from: debs.slice(dirname(debs).length),
    make: (into) => unpackPackages(into, { debs, names: ["docker-registry"] }),
  });
  return join(dir, "usr/bin/docker-registry");
}

function configOf(
  kind: RegistryKind,
  { dir, port, realm }: { dir: string; port: number; realm: string | undefined },
): string {
  const http = {
    addr: `127.0.0.1:${port}`,
    ...(kind !== "plain" && { tls: { certificate: CERTIFICATE, key: KEY } }),
  };
  const token = { realm, service: "test-service", issuer: "test-issuer", rootcertbundle: CERTIFICATE };
  const auth = { htpasswd: { realm: "test", path: join(dir, "htpasswd") } };
  // JSON is YAML.
  return JSON.stringify({
    version: "0.1",
    log: { level: "error" },
    storage: { filesystem: { rootdirectory: join(dir, "data") }, delete: { enabled: true } },
    http,
    ...(kind === "htpasswd" && { auth }),
    ...(kind === "token" && { auth: { token } }),
  });
}

/** Gives tokens for what is asked: to push for the user, to pull from `public/` for everybody. */
async function startTokenServer(): Promise<{ realm: string; server: Server }> {
  const [cert, key] = await Promise.all([readFile(CERTIFICATE, "utf8"), readFile(KEY, "utf8")]);
  const server = createHttpsServer({ cert, key }, (request, response) => {
    const { searchParams } = new URL(request.url ?? "", "https://tokens");
    const { authorization } = request.headers;
    const known = authorization === `Basic ${Buffer.from("user:secret").toString("base64")}`;
    if (authorization !== undefined && !known) {
      response.writeHead(401).end("{}");
      return;
    }
    const scopes = searchParams.getAll("scope").flatMap((scope) => scope.split(" "));
    const access = scopes.map(accessOf).filter(({ name, actions }) => known || mayAnybody(name, actions));
    const token = signToken(
      { access, service: searchParams.get("service") ?? "", user: known ? "user" : "" },
      { cert, key },
    );
    response
      .writeHead(200, { "content-type": "application/json" })
      .end(JSON.stringify({ token, expires_in: 60 }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { realm: `https://127.0.0.1:${(server.address() as AddressInfo).port}/token`, server };
}

function accessOf(scope: string): { type: string; name: string; actions: string[] } {
  const [type = "", ...rest] = scope.split(":");
  const actions = (rest.pop() ?? "").split(",");
  return { type, name: rest.join(":"), actions };
}

function mayAnybody(name: string, actions: string[]): boolean {
  return name.startsWith("public/") && actions.join() === "pull";
}

function signToken(
  { access, service, user }: { access: object[]; service: string; user: string },
  { cert, key }: { cert: string; key: string },
): string {
  const now = Math.floor(Date.now() / 1000);
  const x5c = [new X509Certificate(cert).raw.toString("base64")];
  const claims = {
    iss: "test-issuer",
    sub: user,
    aud: service,
    exp: now + 300,
    nbf: now - 10,
    iat: now,
    jti: `${Math.random()}`,
    access,
  };
  const text = [{ typ: "JWT", alg: "ES256", x5c }, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"))
    .join(".");
  const signature = sign("sha256", Buffer.from(text), { key, dsaEncoding: "ieee-p1363" });
  return `${text}.${signature.toString("base64url")}`;
}

/** A root whose certs.d trusts the fixtures' certificate for a registry, and whose policy accepts everything. */
export async function rootFor(host: string, kind: RegistryKind): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), "berth-root-"));
  const etc = join(root, "etc/containers");
  await mkdir(join(etc, "certs.d", host), { recursive: true });
  if (kind === "plain")
    await writeFile(join(etc, "registries.conf"), `[[registry]]\nlocation = "${host}"\ninsecure = true\n`);
  else await writeFile(join(etc, "certs.d", host, "ca.crt"), await readFile(CERTIFICATE));
  await writeFile(join(etc, "policy.json"), '{"default":[{"type":"insecureAcceptAnything"}]}');
  return root;
}
