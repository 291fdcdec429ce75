/** cosign itself, as Debian 13 has it: what it signs berth accepts, by the tag and among the referrers, and the other way round. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { makeImage, type TestImage } from "../support/images.ts";
import { debianProgram } from "../support/lab/program.ts";
import { type RealRegistry, startRealRegistry } from "../support/real-registry.ts";
import { SigningTree } from "../support/signing-tree.ts";

let program: readonly string[];
let registry: RealRegistry;
let image: TestImage;
let tree: SigningTree;
/** By digest, as cosign wants it; and by tag. */
let exact: string;
let name: string;
let count = 0;

beforeAll(async () => {
  program = await debianProgram({ suite: "trixie", packageName: "cosign", path: "usr/bin/cosign" });
  registry = await startRealRegistry("plain");
  image = await makeImage();
}, 300_000);

afterAll(() => registry.close());

beforeEach(async () => {
  tree = await SigningTree.open(registry.host);
  await tree.places({ "use-sigstore-attachments": true });
  const repository = `${registry.host}/team/app${++count}`;
  name = `${repository}:1`;
  exact = `${repository}@${image.digest}`;
  await tree.publish(image, name);
  await cosign("generate-key-pair");
  await writeFile(join(tree.root, "passphrase"), "secret\n");
});

afterEach(() => tree.close());

async function cosign(...args: string[]): Promise<{ exitCode: number; said: string }> {
  const [loader = "", ...before] = program;
  const { exitCode = -1, stderr } = await execa(loader, [...before, ...args], {
    cwd: tree.root,
    env: { COSIGN_PASSWORD: "secret", COSIGN_EXPERIMENTAL: "1", HOME: tree.root },
    input: "",
    timeout: 30_000,
    reject: false,
  });
  return { exitCode, said: stderr };
}

const sign = (...more: string[]): ReturnType<typeof cosign> =>
  cosign(
    "sign",
    "--key",
    "cosign.key",
    "--tlog-upload=false",
    "--allow-http-registry",
    "--yes",
    ...more,
    exact,
  );
const verify = (image = name, key = "cosign.pub"): ReturnType<typeof cosign> =>
  cosign("verify", "--key", key, "--insecure-ignore-tlog", "--allow-http-registry", image);

async function require(more: object = {}): Promise<void> {
  const key = await readFile(join(tree.root, "cosign.pub"));
  await tree.policy([{ type: "sigstoreSigned", keyData: key.toString("base64"), ...more }]);
}

const matchRepository = { signedIdentity: { type: "matchRepository" } };

test.each([
  ["under its tag", []],
  ["among the referrers", ["--registry-referrers-mode", "oci-1-1"]],
])("what cosign signs %s berth accepts for the repository, and not for the tag", async (_, options) => {
  await require(matchRepository);
  expect(await tree.pulls(name)).toBe(false);
  expect(await sign(...options)).toMatchObject({ exitCode: 0 });
  expect(await tree.pulls(name)).toBe(true);
  await require();
  expect(await tree.pulls(name)).toBe(false);
  expect(await tree.pulls(exact)).toBe(false);
  await cosign("generate-key-pair", "--output-key-prefix", "other");
  const other = (await readFile(join(tree.root, "other.pub"))).toString("base64");
  await require({ keyData: other, ...matchRepository });
  expect(await tree.pulls(name)).toBe(false);
});

test("cosign signs for the name that it is told, which berth accepts", async () => {
  await require();
  expect(await sign("--sign-container-identity", name)).toMatchObject({ exitCode: 0 });
  expect(await tree.pulls(name)).toBe(true);
});

test("what berth signs with cosign's key cosign verifies, and not with another", async () => {
  expect((await verify()).exitCode).not.toBe(0);
  const key = ["--key", join(tree.root, "cosign.key"), "--passphrase-file", join(tree.root, "passphrase")];
  await tree.berth.json("sign", name, ...key);
  expect(await verify()).toMatchObject({ exitCode: 0 });
  await cosign("generate-key-pair", "--output-key-prefix", "other");
  expect((await verify(name, "other.pub")).exitCode).not.toBe(0);
});

test("berth's copy carries cosign's signature to another registry path, where cosign verifies it", async () => {
  await sign();
  const copied = `${registry.host}/mirror/app${count}:1`;
  await tree.berth.json("copy", name, copied);
  expect(await verify(copied)).toMatchObject({ exitCode: 0 });
});

test("an attestation in a bundle is no signature", async () => {
  await writeFile(join(tree.root, "predicate"), "{}");
  const options = ["--key", "cosign.key", "--tlog-upload=false", "--allow-http-registry", "--yes"];
  const predicate = ["--predicate", "predicate", "--type", "custom", "--new-bundle-format"];
  const { said } = await cosign("attest", ...options, ...predicate, exact);
  const { tags } = await tree.berth.json<{ tags: string[] }>("list-tags", name.replace(/:1$/, ""));
  expect({ said, tags }).toMatchObject({ tags: [image.digest.replace(":", "-"), "1"] });
  await require(matchRepository);
  const { status, stderr } = await tree.berth.run("pull", name);
  expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringContaining("no signature exists") });
});
