/**
 * Debian's docker-registry, with and without TLS, users and tokens: berth and skopeo log in, push, list and pull, each reading what the
 * other wrote.
 */
import { randomBytes } from "node:crypto";
import { copyFile, mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Digest } from "../../src/oci/digest.ts";
import { OCI_MANIFEST } from "../../src/oci/manifest.ts";
import { parseReference, type RegistryReference } from "../../src/oci/reference.ts";
import type { RegistryClient } from "../../src/registry/client.ts";
import { loadRegistriesConf } from "../../src/registry/load-registries-conf.ts";
import { openClient } from "../../src/registry/open-client.ts";
import { makeContent, makeImage, type TestImage, writeLayout } from "../support/images.ts";
import { makeBlob } from "../support/one-client.ts";
import {
  CERTIFICATE,
  type RealRegistry,
  type RegistryKind,
  rootFor,
  startRealRegistry,
} from "../support/real-registry.ts";

const main = join(import.meta.dirname, "../support/berth-main.ts");

interface Ended {
  status: number | undefined;
  out: string;
  err: string;
}

describe.each(["plain", "tls", "htpasswd", "token"] as RegistryKind[])("docker-registry, %s", (kind) => {
  let registry: RealRegistry;
  let root = "";
  let dir = "";
  let image: TestImage;

  beforeAll(async () => {
    registry = await startRealRegistry(kind);
    root = await rootFor(registry.host, kind);
    dir = await mkdtemp(join(tmpdir(), "berth-real-"));
    await mkdir(join(dir, "certs"));
    await copyFile(CERTIFICATE, join(dir, "certs/ca.crt"));
    image = await makeImage({ files: { "big.bin": randomBytes(20_000_000) } });
    await writeLayout(join(dir, "layout"), { one: image });
  }, 300_000);

  afterAll(async () => {
    await registry.close();
    for (const path of [root, dir]) await rm(path, { recursive: true });
  });

  const authFile = () => join(dir, "auth.json");

  /** Not in this thread: the token server answers from it. */
  async function call(program: string, args: string[], input = ""): Promise<Ended> {
    const env = {
      HOME: dir,
      XDG_RUNTIME_DIR: dir,
      // The token server is not in certs.d: an authority of the host, for berth and for skopeo (Go).
      SSL_CERT_FILE: CERTIFICATE,
      REGISTRY_AUTH_FILE: authFile(),
    };
    const { exitCode, stdout, stderr } = await execa(program, args, { env, input, reject: false });
    return { status: exitCode, out: stdout, err: stderr };
  }

  const berth = (args: string[], input?: string): Promise<Ended> =>
    call(process.execPath, [main, "--root", root, "--state", join(dir, "state"), ...args], input);

  const where = kind === "plain" ? "tls-verify=false" : "cert-dir=";

  /** skopeo with what this registry needs; `side` is "src-", "dest-" or nothing. */
  const skopeo = (command: string, side: string, ...args: string[]): Promise<Ended> =>
    call("skopeo", [command, `--${side}${where}${kind === "plain" ? "" : join(dir, "certs")}`, ...args]);

  const at = (name: string): string => `${registry.host}/${name}`;

  async function withClient<T>(name: string, use: (client: RegistryClient) => Promise<T>): Promise<T> {
    const reference = parseReference(at(name)) as RegistryReference;
    const insecure = kind === "plain";
    // This process cannot trust the token server as the commands do.
    const access = {
      root,
      authFile: authFile(),
      retryMs: 5,
      tlsVerify: kind === "token" ? false : undefined,
    };
    const client = await openClient(await loadRegistriesConf(root), { reference, insecure }, access);
    try {
      return await use(client);
    } finally {
      await client.close();
    }
  }

  if (kind === "htpasswd" || kind === "token") {
    test("without credentials nothing is told, with wrong ones neither", async () => {
      expect(await berth(["list-tags", at("team/app")])).toMatchObject({ status: 1 });
      const wrong = await berth(
        ["--json", "login", "-u", "user", "--password-stdin", registry.host],
        "wrong\n",
      );
      expect(JSON.parse(wrong.err)).toMatchObject({ error: { code: "UNAUTHORIZED" } });
      await expect(readFile(authFile())).rejects.toThrow("ENOENT");
    });

    test("berth login: skopeo knows who is logged in, and the other way round", async () => {
      const login = ["--json", "login", "-u", "user", "--password-stdin", registry.host];
      const { out, err } = await berth(login, "secret\n");
      expect(err).toBe("");
      expect(JSON.parse(out)).toMatchObject({ user: "user", storedIn: authFile(), verified: true });
      const who = ["login", "--get-login", registry.host];
      expect(await call("skopeo", who)).toMatchObject({ out: "user" });
      expect(await call("skopeo", ["logout", registry.host])).toMatchObject({ status: 0 });
      expect(await berth(who)).toMatchObject({ status: 1 });
      const other = ["--cert-dir", join(dir, "certs"), "-u", "user", "--password-stdin", registry.host];
      expect(await call("skopeo", ["login", ...other], "secret")).toMatchObject({ status: 0 });
      expect(await berth(who)).toMatchObject({ out: "user" });
    });
  }

  test("what skopeo pushed: berth lists and pulls it", async () => {
    const pushed = await skopeo(
      "copy",
      "dest-",
      `oci:${dir}/layout:one`,
      `docker://${at("team/app:skopeo")}`,
    );
    expect(pushed.status, pushed.err).toBe(0);
    expect(await berth(["list-tags", at("team/app")])).toEqual({ status: 0, out: "skopeo", err: "" });
    const pulled = await berth(["--json", "pull", at("team/app:skopeo")]);
    expect(JSON.parse(pulled.out || pulled.err)).toMatchObject({ image: { digest: image.digest } });
  });

  test.each([undefined, 6_000_000])(
    "what berth pushed (pieces of %s): skopeo reads it",
    async (chunkBytes) => {
      const name = `team/own${chunkBytes ?? ""}`;
      await withClient(name, async (client) => {
        for (const [digest, bytes] of image.blobs) {
          expect(await client.hasBlob(digest)).toBe(false);
          const { descriptor, content } = makeBlob(bytes);
          await client.putBlob(descriptor, content(), { chunkBytes });
          expect(await client.hasBlob(digest)).toBe(true);
        }
        const { mediaType, digest } = image;
        await client.putManifest(image.manifest, { mediaType, digest, tag: "1.0" });
      });
      const inspected = await skopeo("inspect", "", `docker://${at(name)}:1.0`);
      expect(JSON.parse(inspected.out || "{}"), inspected.err).toMatchObject({ Digest: image.digest });
      const copied = await skopeo("copy", "src-", `docker://${at(name)}:1.0`, `dir:${dir}/${chunkBytes}`);
      expect(copied.status, copied.err).toBe(0);
    },
  );

  test("a blob of another repository is mounted", async () => {
    const [digest] = [...image.blobs.keys()] as [Digest];
    await withClient("team/mounted", async (client) => {
      expect(await client.hasBlob(digest)).toBe(false);
      expect(await client.mountBlob(digest, "team/app")).toBe(true);
      expect(await client.hasBlob(digest)).toBe(true);
    });
  });

  test("referrers: a registry without the API has them under the fallback tag", async () => {
    await withClient("team/app", async (client) => {
      const empty = makeBlob(Buffer.from("{}"));
      await client.putBlob(empty.descriptor, empty.content());
      const config = { ...empty.descriptor, mediaType: "application/vnd.oci.empty.v1+json" };
      const { mediaType, digest, size } = image.descriptor;
      const artifactType = "application/vnd.example.signature";
      const subject = { mediaType, digest, size };
      const signature = makeContent(
        { schemaVersion: 2, mediaType: OCI_MANIFEST, artifactType, config, layers: [config], subject },
        OCI_MANIFEST,
      );
      await client.putManifest(signature.manifest, { mediaType: OCI_MANIFEST, digest: signature.digest });
      expect(await client.referrers(digest)).toMatchObject([{ digest: signature.digest, artifactType }]);
    });
  });

  test("berth delete: the digest first, then it is gone for skopeo too", async () => {
    const refused = await berth(["delete", at("team/own:1.0")]);
    expect(refused).toMatchObject({ status: 2, err: expect.stringContaining(image.digest) });
    const done = await berth(["--yes", "delete", at("team/own:1.0")]);
    expect(done).toMatchObject({ status: 0, err: expect.stringContaining(image.digest) });
    const gone = await skopeo("inspect", "", `docker://${at("team/own:1.0")}`);
    expect(gone.err).toMatch(/manifest unknown/);
  });

  if (kind === "htpasswd" || kind === "token")
    test("berth logout: the registry tells nothing any more", async () => {
      expect(await berth(["logout", registry.host])).toMatchObject({ status: 0 });
      const who = await call("skopeo", ["login", "--get-login", registry.host]);
      expect(who).toMatchObject({ status: 1 });
      const after = await berth(["--json", "list-tags", at("team/app")]);
      expect(JSON.parse(after.err)).toMatchObject({ error: { code: "UNAUTHORIZED" } });
    });
});
