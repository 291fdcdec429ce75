/** copy between registries that want credentials of their own, and have different ways of TLS. */
import { rm, writeFile } from "node:fs/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { CopyResult } from "../../src/deploy/copy.ts";
import { Berth } from "../support/berth.ts";
import { makeImage, type TestImage } from "../support/images.ts";
import { insecureRoot, startRegistry, type TestRegistry } from "../support/registry.ts";

let source: TestRegistry;
let destination: TestRegistry;
let root: string;
let berth: Berth;
let app: TestImage;

beforeEach(async () => {
  source = await startRegistry({ auth: "basic", users: { alice: "one" } });
  destination = await startRegistry({ auth: "basic", users: { bob: "two" } });
  root = await insecureRoot();
  berth = await Berth.open({ root });
  app = await makeImage();
});

afterEach(async () => {
  await berth.close();
  await source.close();
  await destination.close();
  await rm(root, { recursive: true });
});

/** A file as login writes it, that says the same of every host. */
async function authFile(name: string, user: string): Promise<string> {
  const auth = Buffer.from(user).toString("base64");
  const auths = Object.fromEntries([source.host, destination.host].map((host) => [host, { auth }]));
  await writeFile(berth.path(name), JSON.stringify({ auths }), { mode: 0o600 });
  return berth.path(name);
}

const plain = ["--src-tls-verify", "false", "--dest-tls-verify", "false"];

test("copy takes credentials for each end from a file of its own", async () => {
  const from = source.push("team/app", app, "1");
  const to = `${destination.host}/team/app:1`;
  const files = [
    ...["--src-authfile", await authFile("source.json", "alice:one")],
    ...["--dest-authfile", await authFile("destination.json", "bob:two")],
  ];
  const copied = await berth.json<CopyResult>("copy", ...plain, ...files, from, to);
  expect(copied.digest).toBe(app.digest);
  expect(
    destination.requests.every(({ headers }) => !`${headers.authorization}`.includes("YWxpY2U6b25l")),
  ).toBe(true);
});

test("--authfile is for the end that has none of its own", async () => {
  const from = source.push("team/app", app, "1");
  const to = `${destination.host}/team/app:1`;
  const [alice, bob] = [await authFile("alice.json", "alice:one"), await authFile("bob.json", "bob:two")];
  const wrong = await berth.run("copy", ...plain, "--authfile", alice, from, to);
  expect([wrong.status, wrong.stderr]).toEqual([1, expect.stringContaining(destination.host)]);
  const right = ["--authfile", alice, "--dest-authfile", bob];
  expect((await berth.json<CopyResult>("copy", ...plain, ...right, from, to)).digest).toBe(app.digest);
});

test("--src-tls-verify is for the source alone", async () => {
  const from = source.push("team/app", app, "1");
  const file = await authFile("both.json", "alice:one");
  const oneSided = ["--src-tls-verify", "false", "--authfile", file];
  const { status, stderr } = await berth.run("copy", ...oneSided, from, `${destination.host}/app:1`);
  expect([status, stderr]).toEqual([1, expect.stringContaining(destination.host)]);
  expect(destination.requests).toEqual([]);
  expect(await berth.run("copy", ...oneSided, from, `oci:${berth.path("layout")}:1`)).toMatchObject({
    status: 0,
  });
});

test("credentials do not stand on the command line", async () => {
  const { status, stderr } = await berth.run("copy", "--src-creds", "alice:one", "a", "b");
  expect([status, stderr]).toEqual([2, expect.stringContaining("unknown option '--src-creds'")]);
});
