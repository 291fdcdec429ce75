/** Signatures on a web server: nginx serves what `berth sign` wrote, and an install under a policy takes them from there. */
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import type { SignResult } from "../../src/commands/sign.ts";
import { type Answer, Berth } from "../support/berth.ts";
import { Gpg } from "../support/gpg.ts";
import { makeImage, writeLayout } from "../support/images.ts";
import { ask, OLD_SKOPEO } from "../support/judges.ts";
import { type Nginx, startNginx } from "../support/nginx.ts";
import { type RealRegistry, startRealRegistry } from "../support/real-registry.ts";

let gpg: Gpg;
let registry: RealRegistry;
let nginx: Nginx;
let root: string;
let berth: Berth;
let name: string;

beforeAll(async () => {
  gpg = await Gpg.open();
  await gpg.key("alice <alice@example.com>");
  registry = await startRealRegistry("plain");
}, 120_000);

afterAll(async () => {
  await registry.close();
  await gpg.close();
});

beforeEach(async () => {
  nginx = await startNginx();
  root = await mkdtemp(join(tmpdir(), "berth-nginx-root-"));
  await mkdir(join(root, "etc/containers"), { recursive: true });
  await writeFile(
    join(root, "etc/containers/registries.conf"),
    `[[registry]]\nlocation = "${registry.host}"\ninsecure = true\n`,
  );
  berth = await Berth.open({ root });
  const image = await makeImage({
    files: { "bin/app": { content: "app", mode: 0o755 } },
    config: { Cmd: ["/bin/app"] },
  });
  await writeLayout(join(root, "layout"), { one: image });
  name = `${registry.host}/team/app:1`;
  await berth.json("copy", `oci:${root}/layout:one`, name);
  await writeFile(join(root, "alice.asc"), await gpg.run(["--armor", "--export", "alice@example.com"]));
  await succeed("trust", "default", "reject");
}, 120_000);

afterEach(async () => {
  await berth.close();
  await nginx.close();
  await rm(root, { recursive: true });
});

async function succeed(...argv: string[]): Promise<void> {
  const { status, stderr } = await berth.run(...argv);
  expect({ status, stderr }).toEqual({ status: 0, stderr: expect.anything() });
}

const signWith = (...more: string[]): Promise<SignResult> =>
  berth.json<SignResult>("sign", name, "--sign-by", "alice@example.com", "--gnupghome", gpg.home, ...more);
const install = (): Promise<Answer> => berth.run("install", name, "--name", "app");

/** Names of stored images, containers and units: empty as long as nothing was installed. */
async function leftovers(): Promise<string[]> {
  const places = [
    berth.path("state/store/names"),
    berth.path("state/containers"),
    join(root, "etc/systemd/system"),
  ];
  const found = await Promise.all(places.map((place) => readdir(place).catch(() => [])));
  return found.flat().filter((entry) => !entry.startsWith("."));
}

async function judge(): Promise<boolean> {
  const copy = ["copy", "--src-tls-verify=false", "--remove-signatures", `docker://${name}`];
  const { exitCode } = await ask(OLD_SKOPEO, { root }, [...copy, `dir:${root}/judged`]);
  return exitCode === 0;
}

async function refused(says: RegExp): Promise<void> {
  const { status, stderr } = await install();
  expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringMatching(says) });
  expect(await leftovers()).toEqual([]);
  expect(await judge()).toBe(false);
}

test("signed into a directory that nginx serves, it is installed; unsigned, altered or where nginx is gone it is not", async () => {
  const place = ["--sigstore", nginx.origin, "--sigstore-staging", `file://${nginx.dir}`];
  await succeed("trust", "add", "--pubkeys", join(root, "alice.asc"), ...place, registry.host);
  await refused(/no signature exists/);

  const { images } = await signWith();
  const written = images[0]?.signatures[0]?.place ?? "";
  expect(written).toMatch(new RegExp(`^file://${nginx.dir}/team/app@sha256=[0-9a-f]{64}/signature-1$`));
  const file = new URL(written).pathname;
  const signature = await readFile(file);

  const altered = Buffer.from(signature);
  altered[altered.length - 1] = (altered.at(-1) ?? 0) ^ 1;
  await writeFile(file, altered);
  await refused(/requires signedBy/);

  await writeFile(file, signature);
  expect(await judge()).toBe(true);
  await succeed("install", name, "--name", "app");
  expect(existsSync(join(root, "etc/systemd/system/app.service"))).toBe(true);
  const info = await readFile(berth.path("state/containers/app/info"), "utf8");
  expect(info).toContain("alice <alice@example.com>");

  await succeed("uninstall", "app", "--purge");
  await succeed("rmi", name);
  await nginx.close();
  const { status, stderr } = await install();
  expect({ status, stderr }).toMatchObject({ status: 1, stderr: expect.stringMatching(/127\.0\.0\.1/) });
  nginx = await startNginx();
});

test("signed by PUT to nginx, it is installed; a second signer goes beside the first", async () => {
  const place = ["--sigstore", `${nginx.origin}/upload`];
  await succeed("trust", "add", "--pubkeys", join(root, "alice.asc"), ...place, registry.host);
  await gpg.key("bob <bob@example.com>");
  await berth.json("sign", name, "--sign-by", "bob@example.com", "--gnupghome", gpg.home);
  await refused(/not one of the policy's/);
  await signWith();
  const [directory = ""] = await readdir(join(nginx.dir, "upload/team"));
  expect(await readdir(join(nginx.dir, "upload/team", directory))).toEqual(["signature-1", "signature-2"]);
  expect(await judge()).toBe(true);
  await succeed("install", name, "--name", "app");
});

test("nginx that does not take PUT: sign says so, and that another place can be named", async () => {
  const place = ["--sigstore", `${nginx.origin}/read-only`];
  await succeed("trust", "add", "--pubkeys", join(root, "alice.asc"), ...place, registry.host);
  const argv = ["sign", name, "--sign-by", "alice@example.com", "--gnupghome", gpg.home];
  expect((await berth.run(...argv)).stderr).toMatch(/405/);
  await signWith("--directory", join(nginx.dir, "read-only"));
  await succeed("install", name, "--name", "app");
});
