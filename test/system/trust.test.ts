import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { Gpg } from "../support/gpg.ts";
import { footprint } from "../support/lab/footprint.ts";
import { machine } from "../support/lab/shared-machine.ts";

const lab = machine();
const image = "localhost:5000/etcd";
const tagged = `${image}:latest`;
let gpg: Gpg;
let policy: string;
let before: string[];

beforeAll(async () => {
  gpg = await Gpg.open();
  policy = await lab.output(["cat", "/etc/containers/policy.json"]);
  for (const name of ["alice", "mallory"]) {
    const key = await gpg.key(`${name} <${name}@example.com>`);
    await lab.output(["tee", `/root/${name}.key`], { input: (await gpg.exportSecret(key)).toString() });
    const armored = await gpg.run(["--armor", "--export", key]);
    await lab.output(["tee", `/root/${name}.asc`], { input: armored.toString() });
  }
  await lab.output(["berth", "trust", "default", "reject"]);
  const place = ["--sigstore", "file:///srv/signatures"];
  await lab.output(["berth", "trust", "add", "--pubkeys", "/root/alice.asc", ...place, "localhost:5000"]);
});

afterAll(async () => {
  await gpg.close();
  await lab.run(["berth", "uninstall", "etcd", "--purge"]);
  await lab.run(["tee", "/etc/containers/policy.json"], { input: policy });
  await lab.run(["berth", "rmi", tagged]);
  await lab.run(["rm", "-rf", "/etc/containers/registries.d/localhost:5000.yaml", "/srv/signatures"]);
  for (const name of ["alice", "mallory"]) await lab.run(["rm", `/root/${name}.key`, `/root/${name}.asc`]);
});

beforeEach(async () => {
  before = await footprint(lab);
});

const install = ["berth", "install", image, "--name", "etcd"];

async function refused(says: string): Promise<void> {
  const { exitCode, stderr } = await lab.run(install);
  expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: expect.stringContaining(says) });
  expect(stderr).toContain(`${tagged} is rejected by policy`);
  expect(await footprint(lab)).toEqual(before);
  expect((await lab.run(["berth", "status", "etcd"])).exitCode).toBe(4);
}

test("an etcd that nobody signed is not installed, and leaves nothing", async () => {
  await refused("A signature was required, but no signature exists");
});

test("an etcd that another signed is not installed, and leaves nothing", async () => {
  await lab.output(["berth", "sign", tagged, "--key", "/root/mallory.key"]);
  await refused("which is not one of the policy's");
  await lab.output(["rm", "-r", "/srv/signatures"]);
});

test("a signature for another name, or one that was altered, does not count", async () => {
  const other = ["--identity", "localhost:5000/web:latest"];
  await lab.output(["berth", "sign", tagged, "--key", "/root/alice.key", ...other]);
  await refused('Signature for identity "localhost:5000/web:latest" is not accepted');
  await lab.output(["rm", "-r", "/srv/signatures"]);
  await lab.output(["berth", "sign", tagged, "--key", "/root/alice.key"]);
  const files = (await lab.output(["find", "/srv/signatures", "-name", "signature-1"])).split("\n");
  for (const file of files) await lab.output(["sed", "-i", "s/etcd/etcx/", file]);
  await refused("requires signedBy");
  await lab.output(["rm", "-r", "/srv/signatures"]);
});

test("a signed etcd is installed and runs; its record says who signed it, and verify asks again", async () => {
  await lab.output(["berth", "sign", tagged, "--key", "/root/alice.key"]);
  await lab.output(install);
  expect(await lab.output(["systemctl", "is-active", "etcd"])).toBe("active");
  const info = JSON.parse(await lab.output(["cat", "/var/lib/berth/containers/etcd/info"])) as {
    berth: { trust: { scope: string; requirements: object[] } };
  };
  expect(info.berth.trust).toMatchObject({
    scope: 'the docker scope "localhost:5000"',
    requirements: [
      {
        type: "signedBy",
        signer: "alice <alice@example.com>",
        key: await gpg.fingerprint("alice"),
        identity: tagged,
      },
    ],
  });
  expect(await lab.output(["berth", "verify", "etcd"])).toContain(
    "etcd.0 is signed by alice <alice@example.com>",
  );

  // The policy of another day, and the servers gone: what the store keeps decides.
  await lab.output(["rm", "-r", "/srv/signatures"]);
  await lab.output(["berth", "trust", "add", "--pubkeys", "/root/mallory.asc", "localhost:5000"]);
  const verified = await lab.run(["berth", "verify", "etcd"]);
  expect(verified.exitCode).toBe(1);
  expect(verified.stdout).toContain(`the policy no longer accepts ${tagged}`);
  const again = await lab.run(["berth", "install", image, "--name", "etcd2", "--no-start"]);
  expect(again.stderr).toContain("which is not one of the policy's");
  await lab.output(["berth", "trust", "add", "--pubkeys", "/root/alice.asc", "localhost:5000"]);
  await lab.output(["berth", "install", image, "--name", "etcd2", "--no-start"]);
  await lab.output(["berth", "uninstall", "etcd2", "etcd", "--purge"]);
});
