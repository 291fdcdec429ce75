/** sigstore signatures: what berth makes, skopeo (as Debian 13 builds it) verifies, and the other way round; openssl too. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { makeImage, type TestImage } from "../support/images.ts";
import { ask, type Judge, newSkopeo } from "../support/judges.ts";
import { type RealRegistry, startRealRegistry } from "../support/real-registry.ts";
import { encryptedKey, type SigstoreKey, sigstoreKey } from "../support/signed.ts";
import { SigningTree } from "../support/signing-tree.ts";
import { ACCEPT } from "../support/trust-bench.ts";

let skopeo: Judge;
let registry: RealRegistry;
let image: TestImage;
let tree: SigningTree;
let name: string;
let count = 0;

beforeAll(async () => {
  skopeo = await newSkopeo();
  registry = await startRealRegistry("plain");
  image = await makeImage();
}, 300_000);

afterAll(() => registry.close());

beforeEach(async () => {
  tree = await SigningTree.open(registry.host);
  await tree.places({ "use-sigstore-attachments": true });
  name = `${registry.host}/team/app${++count}:1`;
  await tree.publish(image, name);
});

afterEach(() => tree.close());

function sigstoreSigned({ pem }: SigstoreKey): object {
  return { type: "sigstoreSigned", keyData: Buffer.from(pem).toString("base64") };
}

/** Files of the tree: a private key as PEM, the same as `cosign generate-key-pair` writes it, and its passphrase. */
async function writeKeys(key: SigstoreKey): Promise<{ plain: string; cosign: string; passphrase: string }> {
  const at = (file: string): string => join(tree.root, file);
  await writeFile(at("plain.key"), key.key.export({ type: "pkcs8", format: "pem" }));
  await writeFile(at("cosign.key"), encryptedKey(key, "secret"));
  await writeFile(at("passphrase"), "secret");
  return { plain: at("plain.key"), cosign: at("cosign.key"), passphrase: at("passphrase") };
}

const judge = async (image = name): Promise<{ accepts: boolean; said: string }> => {
  const copy = ["copy", "--src-tls-verify=false", "--remove-signatures", `docker://${image}`];
  const { exitCode, stderr } = await ask(skopeo, tree, [...copy, `dir:${tree.root}/judged`]);
  return { accepts: exitCode === 0, said: stderr };
};

test("skopeo of Debian 13 is a judge: it refuses what nobody signed, for that reason", async () => {
  await tree.policy([sigstoreSigned(sigstoreKey())]);
  expect(await judge()).toEqual({ accepts: false, said: expect.stringContaining("no signature exists") });
  await tree.policy([ACCEPT]);
  expect(await judge()).toMatchObject({ accepts: true });
});

test.each(["plain", "cosign"] as const)(
  "sign --key with a sigstore key (%s): skopeo accepts it, and not for another key",
  async (kind) => {
    const key = sigstoreKey();
    const files = await writeKeys(key);
    await tree.policy([sigstoreSigned(key)]);
    expect(await tree.pulls(name)).toBe(false);
    const options = kind === "plain" ? [] : ["--passphrase-file", files.passphrase];
    await tree.berth.json("sign", name, "--key", files[kind], ...options);
    expect([await tree.pulls(name), await judge()]).toMatchObject([true, { accepts: true }]);
    await tree.policy([sigstoreSigned(sigstoreKey())]);
    expect([await tree.pulls(name), await judge()]).toMatchObject([false, { accepts: false }]);
    // One more signer beside the first.
    const second = sigstoreKey();
    await writeFile(files.plain, second.key.export({ type: "pkcs8", format: "pem" }));
    await tree.berth.json("sign", name, "--key", files.plain);
    for (const each of [key, second]) {
      await tree.policy([sigstoreSigned(each)]);
      expect([await tree.pulls(name), await judge()]).toMatchObject([true, { accepts: true }]);
    }
  },
);

test("sign with a wrong passphrase says so", async () => {
  const { cosign, passphrase } = await writeKeys(sigstoreKey());
  await writeFile(passphrase, "wrong\n");
  const { status, stderr } = await tree.berth.run(
    "sign",
    name,
    "--key",
    cosign,
    "--passphrase-file",
    passphrase,
  );
  expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringContaining("another passphrase") });
});

test("what skopeo signs for sigstore in a copy berth accepts, and berth's copy of it skopeo does", async () => {
  const key = sigstoreKey();
  const { cosign, passphrase } = await writeKeys(key);
  const signed = `${registry.host}/team/skopeo${count}:2`;
  const options = ["--sign-by-sigstore-private-key", cosign, "--sign-passphrase-file", passphrase];
  const source = `oci:${tree.root}/layout:one`;
  const made = await ask(skopeo, tree, [
    "copy",
    ...options,
    "--dest-tls-verify=false",
    source,
    `docker://${signed}`,
  ]);
  expect(made).toMatchObject({ exitCode: 0 });
  await tree.policy([sigstoreSigned(key)]);
  expect([await tree.pulls(signed), await judge(signed)]).toMatchObject([true, { accepts: true }]);
  await tree.policy([sigstoreSigned(sigstoreKey())]);
  expect(await tree.pulls(signed)).toBe(false);
  // The signature goes with a copy, but is for the name that it was made for.
  const copied = `${registry.host}/team/copied${count}:2`;
  await tree.policy([ACCEPT]);
  await tree.berth.json("copy", signed, copied);
  const exact = { signedIdentity: { type: "exactReference", dockerReference: signed } };
  await tree.policy([{ ...sigstoreSigned(key), ...exact }]);
  expect([await tree.pulls(copied), await judge(copied)]).toMatchObject([true, { accepts: true }]);
  await tree.policy([sigstoreSigned(key)]);
  expect([await tree.pulls(copied), await judge(copied)]).toMatchObject([false, { accepts: false }]);
});

test("copy --key signs what it makes for the destination's name", async () => {
  const key = sigstoreKey();
  const { plain } = await writeKeys(key);
  const copied = `${registry.host}/team/signed${count}:2`;
  await tree.berth.json("copy", "--key", plain, name, copied);
  await tree.policy([sigstoreSigned(key)]);
  expect([await tree.pulls(copied), await judge(copied)]).toMatchObject([true, { accepts: true }]);
});

test("openssl verifies what sign --key puts beside the payload", async () => {
  const key = sigstoreKey();
  const { plain } = await writeKeys(key);
  await tree.berth.json("sign", name, "--key", plain);
  const attached = `${name.replace(/:1$/, "")}:${image.digest.replace(":", "-")}.sig`;
  await tree.berth.json("copy", attached, `dir:${tree.root}/signature`);
  const manifest = JSON.parse((await tree.berth.run("inspect", "--remote", "--raw", attached)).stdout) as {
    layers: { digest: string; annotations: Record<string, string> }[];
  };
  const [layer] = manifest.layers;
  const payload = join(tree.root, "signature", layer?.digest.replace("sha256:", "") ?? "");
  const at = (file: string): string => join(tree.root, file);
  await writeFile(at("pub.pem"), key.pem);
  const signature = layer?.annotations["dev.cosignproject.cosign/signature"] ?? "";
  await writeFile(at("raw.sig"), Buffer.from(signature, "base64"));
  const verify = ["dgst", "-sha256", "-verify", at("pub.pem"), "-signature", at("raw.sig"), payload];
  expect((await execa("openssl", verify)).stdout).toBe("Verified OK");
});

test("a sigstore signature goes with an image into dir:, where skopeo accepts it; and out of one that skopeo wrote", async () => {
  const key = sigstoreKey();
  const { plain } = await writeKeys(key);
  await tree.berth.json("sign", name, "--key", plain);
  await tree.berth.json("copy", name, `dir:${tree.root}/by-berth`);
  const copied = await ask(skopeo, tree, [
    "copy",
    "--src-tls-verify=false",
    `docker://${name}`,
    `dir:${tree.root}/by-skopeo`,
  ]);
  expect(copied).toMatchObject({ exitCode: 0 });
  const exact = { signedIdentity: { type: "exactReference", dockerReference: name } };
  const verdicts = async (): Promise<boolean[]> => {
    const found: boolean[] = [];
    for (const from of ["by-berth", "by-skopeo"]) {
      const { exitCode } = await ask(skopeo, tree, [
        "copy",
        "--remove-signatures",
        `dir:${tree.root}/${from}`,
        `dir:${tree.root}/judged`,
      ]);
      found.push(exitCode === 0, await tree.pulls(`dir:${tree.root}/${from}`));
    }
    return found;
  };
  await tree.policy([{ ...sigstoreSigned(key), ...exact }], "dir");
  expect(await verdicts()).toEqual([true, true, true, true]);
  await tree.policy([{ ...sigstoreSigned(sigstoreKey()), ...exact }], "dir");
  expect(await verdicts()).toEqual([false, false, false, false]);
});
