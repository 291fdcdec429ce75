/** trust: policy.json and registries.d as people edit them by berth, and as podman and Atomic left them. */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import type { TrustChange, TrustTable } from "../../src/deploy/trust.ts";
import { Berth } from "../support/berth.ts";
import { Gpg } from "../support/gpg.ts";
import { sigstoreKey } from "../support/signed.ts";

let gpg: Gpg;
let alice: string;
let root: string;
let berth: Berth;

const ACCEPT = [{ type: "insecureAcceptAnything" }];

beforeAll(async () => {
  gpg = await Gpg.open();
  alice = await gpg.key("Alice <alice@example.com>");
  await gpg.key("Billy Bob");
});
afterAll(() => gpg.close());

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "berth-trust-"));
  berth = await Berth.open({ root });
  await writeFile(join(root, "alice.gpg"), await gpg.export(alice));
});
afterEach(async () => {
  await berth.close();
  await rm(root, { recursive: true });
});

const etc = (...names: string[]): string => join(root, "etc/containers", ...names);
const policy = async (): Promise<Record<string, unknown>> =>
  JSON.parse(await readFile(etc("policy.json"), "utf8")) as Record<string, unknown>;
const transports = async (): Promise<Record<string, Record<string, object[]>>> =>
  (await policy())["transports"] as Record<string, Record<string, object[]>>;

test("trust default makes a policy and changes it; reset leaves the old one beside it", async () => {
  const { files } = await berth.json<TrustChange>("trust", "default", "reject");
  expect(files).toEqual([etc("policy.json")]);
  expect(await policy()).toEqual({
    default: [{ type: "reject" }],
    transports: { "docker-daemon": { "": ACCEPT } },
  });
  await berth.json("trust", "default", "accept");
  expect((await policy())["default"]).toEqual(ACCEPT);
  await berth.json("trust", "add", "--type", "reject", "example.com");
  await berth.json("trust", "reset");
  expect(await policy()).toEqual({ default: ACCEPT, transports: { "docker-daemon": { "": ACCEPT } } });
  expect(await readFile(etc("policy.json.old"), "utf8")).toContain("example.com");
});

test("trust add with a key and a place: skopeo reads what it wrote", async () => {
  await berth.json("trust", "default", "reject");
  const { files } = await berth.json<TrustChange>(
    ...([
      "trust",
      "add",
      "--pubkeys",
      join(root, "alice.gpg"),
      "--sigstore",
      "https://example.com/signatures",
    ] as const),
    "registry.example.com/team",
  );
  expect(files).toEqual([etc("policy.json"), etc("registries.d/registry.example.com-team.yaml")]);
  const keyData = (await gpg.export(alice)).toString("base64");
  expect((await transports())["docker"]).toEqual({
    "registry.example.com/team": [{ type: "signedBy", keyType: "GPGKeys", keyData }],
  });
  expect(await readFile(etc("registries.d/registry.example.com-team.yaml"), "utf8")).toBe(
    "docker:\n  registry.example.com/team:\n    lookaside: https://example.com/signatures\n",
  );
  await mkdir(join(root, "image"));
  await writeFile(join(root, "image/manifest.json"), "{}");
  const judged = await execa(
    "skopeo",
    ["--policy", etc("policy.json"), "copy", `dir:${root}/image`, `dir:${root}/out`],
    { reject: false },
  );
  expect(judged.stderr).toContain("is rejected by policy");
});

test("trust add: ids of GnuPG, key files, types, identities and other places", async () => {
  const add = (...words: string[]): Promise<TrustChange> => berth.json<TrustChange>("trust", "add", ...words);
  await add("-k", "alice@example.com", "-k", "Billy Bob", "-g", gpg.home, "one.example.com");
  expect((await transports())["docker"]?.["one.example.com"]).toHaveLength(2);
  await add("-f", "/etc/pki/team.gpg", "--identity", "matchRepository", "two.example.com:5000/a/b");
  expect((await transports())["docker"]?.["two.example.com:5000/a/b"]).toEqual([
    {
      type: "signedBy",
      keyType: "GPGKeys",
      keyPath: "/etc/pki/team.gpg",
      signedIdentity: { type: "matchRepository" },
    },
  ]);
  await writeFile(join(root, "cosign.pub"), sigstoreKey().pem);
  const { files } = await add(
    "--type",
    "sigstoreSigned",
    "-k",
    join(root, "cosign.pub"),
    "three.example.com",
  );
  expect(await readFile(files[1] ?? "", "utf8")).toContain("use-sigstore-attachments: true");
  await add("--sigstoretype", "local", "-t", "insecureAcceptAnything", "/srv/images");
  expect((await transports())["dir"]).toEqual({ "/srv/images": ACCEPT });
  await add("-t", "reject", "*.example.net");
  const shown = await berth.json<TrustTable>("trust", "show");
  expect(
    shown.rows.map(({ transport, scope, type, signers }) => [transport, scope, type, signers.join()]),
  ).toEqual([
    ["default", "", "insecureAcceptAnything", ""],
    ["docker-daemon", "", "insecureAcceptAnything", ""],
    ["docker", "one.example.com", "signedBy", "alice@example.com"],
    ["docker", "one.example.com", "signedBy", "Billy Bob"],
    ["docker", "two.example.com:5000/a/b", "signedBy", "/etc/pki/team.gpg (missing)"],
    ["docker", "three.example.com", "sigstoreSigned", expect.stringMatching(/^sha256:/)],
    ["docker", "*.example.net", "reject", ""],
    ["dir", "/srv/images", "insecureAcceptAnything", ""],
  ]);
  const { stdout } = await berth.run("trust", "show");
  expect(stdout).toMatch(/SCOPE +TRANSPORT +REQUIRES +SIGNERS +SIGNATURES/);
  expect(stdout).toMatch(/three\.example\.com +docker +sigstoreSigned +sha256:\w+ +in the registry/);
});

test.each([
  [["add", "example.com"], "At least one public key must be defined for type 'signedBy'"],
  [["add", "-k", "/nothing", "example.com"], "cannot read the key /nothing"],
  [["add", "-k", "package.json", "example.com"], "package.json is no OpenPGP public key"],
  [["add", "-t", "reject", "example.com/Image/name"], "not an image reference"],
  [["add", "-t", "reject", "example[us].com"], "not an image reference"],
  [["add", "-t", "reject", "example.com#foo/bar"], "not an image reference"],
  [["add", "-t", "reject", "-s", "ftp://x", "example.com"], "is no place for signatures"],
  [["add", "-t", "reject"], "write: berth trust add"],
  [["delete", "example.com"], "the policy says nothing of example.com"],
  [["default", "maybe"], "accept or reject"],
  [["forget"], "trust cannot forget"],
  [["show", "--raw"], "has no policy.json"],
])("trust %j is refused: %s", async (words, says) => {
  const { status, stderr } = await berth.run("trust", ...words);
  expect({ status: status > 0, stderr }).toEqual({ status: true, stderr: expect.stringContaining(says) });
  expect(await readdir(root)).not.toContain("etc");
});

test("trust edits keep what others wrote: other scopes, comments, files of other scopes", async () => {
  await mkdir(etc("registries.d"), { recursive: true });
  const old = { type: "signedBy", keyType: "GPGKeys", keyPath: "/k", signedIdentity: { type: "matchExact" } };
  await writeFile(
    etc("policy.json"),
    JSON.stringify({ transports: { future: { x: ACCEPT }, docker: { "a.io": [old] } }, default: ACCEPT }),
  );
  const yaml =
    "# ours\ndocker:\n  a.io: # the old server\n    sigstore: http://old/\n    new-key: kept\n  b.io:\n    lookaside: file:///b\n";
  await writeFile(etc("registries.d/default.yaml"), yaml);
  await berth.json("trust", "add", "-k", join(root, "alice.gpg"), "-s", "https://new/", "a.io");
  expect(Object.keys(await policy())).toEqual(["transports", "default"]);
  expect((await transports())["future"]).toEqual({ x: ACCEPT });
  expect(await readdir(etc("registries.d"))).toEqual(["default.yaml"]);
  const edited = await readFile(etc("registries.d/default.yaml"), "utf8");
  expect(edited).toContain("# ours");
  expect(edited).toContain("# the old server");
  expect(edited).toContain("new-key: kept");
  expect(edited).toContain("lookaside: https://new/");
  expect(edited).not.toContain("http://old/");
  await berth.json("trust", "delete", "--save-sigstore", "a.io");
  expect(await readFile(etc("registries.d/default.yaml"), "utf8")).toBe(edited);
  await berth.json("trust", "add", "-t", "reject", "a.io");
  await berth.json("trust", "delete", "a.io");
  expect(await readFile(etc("registries.d/default.yaml"), "utf8")).toContain("b.io");
  expect(await readFile(etc("registries.d/default.yaml"), "utf8")).not.toContain("a.io");
  expect(Object.keys(await transports())).toEqual(["future"]);
});

test("trust does not edit a policy that it cannot read, nor write one that others could not", async () => {
  await mkdir(etc(), { recursive: true });
  await writeFile(etc("policy.json"), "{");
  const { stderr } = await berth.run("trust", "default", "reject");
  expect(stderr).toMatch(/cannot be edited[\s\S]*trust reset/);
  expect(await readFile(etc("policy.json"), "utf8")).toBe("{");
  expect((await berth.run("trust", "show")).stderr).toContain("is not a valid policy");
  await berth.json("trust", "reset");
  expect((await berth.run("trust", "show", "--raw")).stdout).toBe(await readFile(etc("policy.json"), "utf8"));
});
