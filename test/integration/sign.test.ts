/** What berth signs others verify, and the other way round: gpg, skopeo, podman, docker-registry. */
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import type { SignResult } from "../../src/commands/sign.ts";
import type { Berth } from "../support/berth.ts";
import { Gpg } from "../support/gpg.ts";
import { makeImage, makeMultiPlatform, type TestImage, writeLayout } from "../support/images.ts";
import { startSignatureRegistry } from "../support/proxy.ts";
import { type RealRegistry, startRealRegistry } from "../support/real-registry.ts";
import { SigningTree } from "../support/signing-tree.ts";
import { ACCEPT, REJECT } from "../support/trust-bench.ts";

let gpg: Gpg;
let alice: string;
let bob: string;
let registry: RealRegistry;
let tree: SigningTree;
let root: string;
let berth: Berth;
let image: TestImage;
let name: string;
let count = 0;

beforeAll(async () => {
  gpg = await Gpg.open();
  alice = await gpg.key("alice <alice@example.com>");
  bob = await gpg.key("bob <bob@example.com>");
  registry = await startRealRegistry("plain");
  image = await makeImage();
});

afterAll(async () => {
  await registry.close();
  await gpg.close();
});

beforeEach(async () => {
  tree = await SigningTree.open(registry.host);
  ({ root, berth } = tree);
  name = `${registry.host}/team/app${++count}:1`;
  await tree.publish(image, name);
});

afterEach(() => tree.close());

const policy = (requirements: object[], transport?: string): Promise<void> =>
  tree.policy(requirements, transport);

async function signedBy(key: string, more: object = {}): Promise<object> {
  const keyData = (await gpg.export(key)).toString("base64");
  return { type: "signedBy", keyType: "GPGKeys", keyData, ...more };
}

const skopeo = async (...args: string[]): Promise<{ exitCode: number; stdout: string; stderr: string }> => {
  const etc = join(root, "etc/containers");
  const { exitCode, stdout, stderr } = await execa(
    "skopeo",
    ["--policy", join(etc, "policy.json"), "--registries.d", join(etc, "registries.d"), ...args],
    { env: { GNUPGHOME: gpg.home }, reject: false },
  );
  return { exitCode: exitCode ?? -1, stdout, stderr };
};
/** Whether skopeo's verdict is good. */
const judge = async (image = name): Promise<boolean> => {
  const { exitCode } = await skopeo(
    "copy",
    "--src-tls-verify=false",
    "--remove-signatures",
    `docker://${image}`,
    `dir:${root}/judged`,
  );
  return exitCode === 0;
};
const pulls = (image = name): Promise<boolean> => tree.pulls(image);
const gpgOptions = (): string[] => ["--gnupghome", gpg.home];

test("sign --sign-by: skopeo and podman accept it, and who else's key is asked for does not", async () => {
  await policy([await signedBy(alice)]);
  expect([await pulls(), await judge()]).toEqual([false, false]);
  const { images } = await berth.json<SignResult>("sign", name, "--sign-by", alice, ...gpgOptions());
  expect(images[0]).toMatchObject({ identity: name, signatures: [{ digest: image.digest }] });
  const file = join(
    root,
    "signatures",
    `${name.split("/").slice(1).join("/").replace(":1", "")}@${image.digest.replace(":", "=")}`,
  );
  expect(await readdir(file)).toEqual(["signature-1"]);
  expect([await pulls(), await judge()]).toEqual([true, true]);
  const verified = await skopeo(
    "standalone-verify",
    await manifestFile(),
    name,
    alice,
    join(file, "signature-1"),
  );
  expect(verified.stdout).toContain(`digest ${image.digest}`);
  expect(await podmanPulls()).toBe(true);
  await policy([await signedBy(bob)]);
  expect([await pulls(), await judge(), await podmanPulls()]).toEqual([false, false, false]);
  // One more signer beside the first.
  await berth.json("sign", name, "--sign-by", "bob@example.com", ...gpgOptions());
  expect(await readdir(file)).toEqual(["signature-1", "signature-2"]);
  expect([await pulls(), await judge(), await podmanPulls()]).toEqual([true, true, true]);
});

test("what skopeo signs in a copy berth accepts", async () => {
  await policy([await signedBy(alice)]);
  const signed = `${registry.host}/team/skopeo${count}:2`;
  const made = await skopeo(
    "--insecure-policy",
    "copy",
    "--sign-by",
    alice,
    "--dest-tls-verify=false",
    `oci:${root}/layout:one`,
    `docker://${signed}`,
  );
  expect(made.stderr).toBe("");
  expect(made.exitCode).toBe(0);
  expect(await pulls(signed)).toBe(true);
  const stored = await berth.json<{ image: { digest: string } }>("pull", signed);
  expect(stored.image.digest).toBe(image.digest);
});

test("sign --key with an OpenPGP file, locked by a passphrase or not", async () => {
  await policy([await signedBy(alice)]);
  const key = join(root, "alice.key");
  await writeFile(key, await gpg.exportSecret(alice));
  await berth.json("sign", name, "--key", key);
  expect([await pulls(), await judge()]).toEqual([true, true]);
  const { status, stderr } = await berth.run("sign", name, "--key", key, "--sign-by", "nobody@example.com");
  expect({ status, stderr }).toMatchObject({
    status: 1,
    stderr: expect.stringContaining("nobody@example.com"),
  });
});

test("a registry that keeps signatures itself: sign puts them there, pull and skopeo take them from there", async () => {
  const keeping = await startSignatureRegistry(registry.host);
  try {
    await tree.insecure(keeping.host);
    const kept = name.replace(registry.host, keeping.host);
    await policy([await signedBy(alice)]);
    expect([await pulls(kept), await judge(kept)]).toEqual([false, false]);
    await berth.json("sign", kept, "--sign-by", alice, ...gpgOptions());
    expect([...keeping.signatures.values()]).toMatchObject([[{ schemaVersion: 2, type: "atomic" }]]);
    expect([await pulls(kept), await judge(kept)]).toEqual([true, true]);
    expect(existsSync(join(root, "signatures"))).toBe(false);
  } finally {
    await keeping.close();
  }
});

test("sign to a server that takes PUT, and to one that does not", async () => {
  const files = new Map<string, Buffer>();
  let writable = false;
  const server: Server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const url = request.url ?? "";
      if (request.method === "PUT" && writable) files.set(url, Buffer.concat(chunks));
      if (request.method === "PUT") response.writeHead(writable ? 201 : 405).end();
      else response.writeHead(files.has(url) ? 200 : 404).end(files.get(url));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/sigs`;
    await tree.places({ lookaside: base });
    await policy([await signedBy(alice)]);
    const refused = await berth.run("sign", name, "--sign-by", alice, ...gpgOptions());
    expect(refused.stderr).toContain("answers 405 to a PUT");
    writable = true;
    await berth.json("sign", name, "--sign-by", alice, ...gpgOptions());
    expect([await pulls(), await judge()]).toEqual([true, true]);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

test("sign of an index signs each of its images too; a pull of any platform is accepted", async () => {
  const index = await makeMultiPlatform(["linux/amd64", "linux/arm64"]);
  await writeLayout(join(root, "many"), { all: index });
  const many = `${registry.host}/team/many${count}:1`;
  await berth.json("copy", "--all", `oci:${root}/many:all`, many);
  await policy([await signedBy(alice)]);
  expect(await pulls(many)).toBe(false);
  const { images } = await berth.json<SignResult>("sign", many, "--sign-by", alice, ...gpgOptions());
  expect(images[0]?.signatures).toHaveLength(3);
  for (const platform of ["linux/amd64", "linux/arm64"])
    expect((await berth.run("pull", many, "--platform", platform)).status).toBe(0);
  expect(await judge(many)).toBe(true);
  expect((await berth.run("copy", "--all", many, `dir:${root}/whole`)).status).toBe(0);
});

test("copy carries signatures, to dir: and back, unless they are left out; a conversion would void them", async () => {
  await berth.json("sign", name, "--sign-by", alice, ...gpgOptions());
  const signed = await signedBy(alice, { signedIdentity: { type: "exactReference", dockerReference: name } });
  await berth.json("copy", name, `dir:${root}/kept`);
  expect(await readdir(join(root, "kept"))).toContain("signature-1");
  await policy([signed], "dir");
  const fromDir = (from: string): Promise<number> =>
    berth.run("copy", `dir:${root}/${from}`, `oci:${root}/out-${from}:x`).then(({ status }) => status);
  expect(await fromDir("kept")).toBe(0);
  expect(
    (await skopeo("copy", "--remove-signatures", `dir:${root}/kept`, `dir:${root}/judged`)).exitCode,
  ).toBe(0);
  await policy([ACCEPT]);
  await berth.json("copy", "--remove-signatures", name, `dir:${root}/bare`);
  expect(await readdir(join(root, "bare"))).not.toContain("signature-1");
  await policy([signed], "dir");
  expect(await fromDir("bare")).toBe(1);
  await policy([ACCEPT]);
  const converted = await berth.run("copy", "--format", "v2s2", name, `dir:${root}/converted`);
  expect(converted.stderr).toContain("--remove-signatures");
  const without = await berth.run(
    "copy",
    "--format",
    "v2s2",
    "--remove-signatures",
    name,
    `dir:${root}/converted`,
  );
  expect(without.status).toBe(0);
  const left = await berth.run("copy", "--sign-by", alice, name, `oci:${root}/no-place:x`);
  expect(left.stderr).toContain("has no place for signatures");
});

test("copy --sign-by signs what it makes; a dir: image takes a signature by sign", async () => {
  await policy([ACCEPT]);
  const copied = `${registry.host}/team/copied${count}:3`;
  await berth.json("copy", "--sign-by", alice, ...gpgOptions(), name, copied);
  await policy([await signedBy(alice)]);
  expect([await pulls(copied), await judge(copied)]).toEqual([true, true]);
  await berth.json("copy", copied, `dir:${root}/image`, "--remove-signatures");
  const options = ["--identity", "example.com/a/b:1", "--sign-by", bob, ...gpgOptions()];
  await berth.json("sign", `dir:${root}/image`, ...options);
  const exact = { signedIdentity: { type: "exactRepository", dockerRepository: "example.com/a/b" } };
  await policy([await signedBy(bob, exact)], "dir");
  expect((await berth.run("pull", `dir:${root}/image`)).status).toBe(0);
  expect(
    (await skopeo("copy", "--remove-signatures", `dir:${root}/image`, `dir:${root}/judged`)).exitCode,
  ).toBe(0);
  await policy([await signedBy(bob)], "dir");
  expect((await berth.run("pull", `dir:${root}/image`)).status).toBe(1);
});

test("the store keeps signatures: an install from it is refused by a policy that they do not meet", async () => {
  const install = (): Promise<{ status: number; stderr: string }> =>
    berth.run("install", name, "--name", "app", "--dry-run");
  await berth.json("pull", name);
  await policy([await signedBy(alice)]);
  const unsigned = await install();
  expect(unsigned.stderr).toMatch(/no signature exists[\s\S]*berth sign/);
  await berth.json("sign", name, "--sign-by", alice, ...gpgOptions());
  // One that was made since is found where the image came from, and kept.
  expect((await install()).stderr).not.toMatch(/policy|signature/);
  // The servers can be gone: what the store has is enough.
  await rm(join(root, "signatures"), { recursive: true });
  expect((await install()).stderr).not.toMatch(/policy|signature/);
  await policy([await signedBy(bob)]);
  expect((await install()).stderr).toMatch(/not one of the policy's/);
  await policy([REJECT]);
  expect((await install()).stderr).toMatch(/rejected by policy/);
});

test("no policy: everything is accepted, which is said once with the command that changes it; a broken one refuses", async () => {
  const path = join(root, "etc/containers/policy.json");
  await rm(path);
  const pulled = await berthLoud("pull", name);
  expect(pulled.status).toBe(0);
  expect(pulled.stderr.match(/berth trust default reject/g)).toHaveLength(1);
  await writeFile(path, "{");
  expect((await berth.run("pull", name)).stderr).toContain("is not a valid policy, so no image is accepted");
});

/** Warnings are told. */
async function berthLoud(...argv: string[]): Promise<{ status: number; stderr: string }> {
  const { collectingWorld } = await import("../support/cli.ts");
  const { run } = await import("../../src/run.ts");
  const { verbs } = await import("../../src/commands/verbs.ts");
  const { world, stderr } = collectingWorld({ verbs, env: {} });
  const status = await run(["--root", root, "--state", join(root, "state"), ...argv], world);
  return { status, stderr: stderr() };
}

async function manifestFile(): Promise<string> {
  const path = join(root, "manifest.json");
  await writeFile(path, image.manifest);
  return path;
}

/** A store of its own; podman reads registries.d and policy.json from the home directory. */
async function podmanPulls(): Promise<boolean> {
  const home = join(root, "home");
  const config = join(home, ".config/containers");
  await mkdir(join(config, "registries.d"), { recursive: true });
  for (const file of ["policy.json", "registries.d/test.yaml", "registries.conf"])
    await writeFile(join(config, file), await readFile(join(root, "etc/containers", file)));
  const { exitCode } = await execa(
    "podman",
    [
      ...["--root", join(root, "podman"), "--runroot", join(root, "podman-run"), "--storage-driver", "vfs"],
      ...[
        "pull",
        "--tls-verify=false",
        "--signature-policy",
        join(config, "policy.json"),
        `docker://${name}`,
      ],
    ],
    { reject: false, env: { HOME: home } },
  );
  return exitCode === 0;
}
