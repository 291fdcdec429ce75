/** Logging in and out: what is checked with the registry, and what then stands in which file. */
import { chmod, mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import {
  eraseAllCredentials,
  eraseCredentials,
  storeCredentials,
} from "../../../src/registry/credential-store.ts";
import { findCredentials } from "../../../src/registry/credentials.ts";
import { checkCredentials, parseLoginKey } from "../../../src/registry/login.ts";
import { EMPTY_REGISTRIES_CONF } from "../../../src/registry/registries-conf.ts";
import { failureOf } from "../../support/failures.ts";
import { type RegistryOptions, startRegistry } from "../../support/registry.ts";

const ALICE = { user: "alice", password: "pa:ss" };
const AUTH = Buffer.from("alice:pa:ss").toString("base64");
let home = "";

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "berth-home-"));
  vi.stubEnv("HOME", home);
  vi.stubEnv("XDG_RUNTIME_DIR", join(home, "run"));
  for (const name of ["XDG_CONFIG_HOME", "DOCKER_CONFIG", "REGISTRY_AUTH_FILE"]) vi.stubEnv(name, "");
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(home, { recursive: true });
});

async function put(path: string, value: unknown): Promise<string> {
  const full = join(home, path);
  await mkdir(dirname(full), { recursive: true });
  await writeFile(full, JSON.stringify(value));
  return full;
}

const read = async (path: string): Promise<unknown> => JSON.parse(await readFile(join(home, path), "utf8"));

test.each([
  ["a.io", "a.io", ""],
  ["a.io:5000/", "a.io:5000", ""],
  ["localhost", "localhost", ""],
  ["a.io/team/app", "a.io/team/app", "team/app"],
  ["index.docker.io", "docker.io", ""],
])("parseLoginKey: %s is kept as %s", (typed, key, namespace) => {
  expect(parseLoginKey(typed)).toEqual({ key, registry: key.split("/")[0], namespace });
});

test.each(["https://a.io", "a.io/x:1", "a.io/x@sha256:1", "busybox", "", "a.io/X"])(
  "parseLoginKey refuses %j",
  async (typed) => {
    expect((await failureOf(() => parseLoginKey(typed))).code).toBe("REFERENCE_INVALID");
  },
);

async function check(options: RegistryOptions, credentials = ALICE): Promise<boolean> {
  const registry = await startRegistry({ users: { alice: "pa:ss" }, ...options });
  const access = { conf: EMPTY_REGISTRIES_CONF, root: home, tlsVerify: false, retryMs: 1 };
  try {
    return await checkCredentials(parseLoginKey(registry.host), credentials, access);
  } finally {
    await registry.close();
  }
}

test.each(["basic", "bearer"] as const)("checkCredentials: good and bad ones (%s)", async (auth) => {
  expect(await check({ auth })).toBe(true);
  const failure = await failureOf(() => check({ auth }, { ...ALICE, password: "hunter2" }));
  expect(failure.code).toBe("UNAUTHORIZED");
  expect(JSON.stringify([failure.message, failure.hint, String(failure.cause)])).not.toContain("hunter2");
});

test("checkCredentials: a registry that asks for none says nothing of them", async () => {
  expect(await check({})).toBe(false);
});

test("storeCredentials: podman's file, readable by its owner only, and found again", async () => {
  expect(await storeCredentials("a.io", ALICE)).toBe(join(home, "run/containers/auth.json"));
  expect(await read("run/containers/auth.json")).toEqual({ auths: { "a.io": { auth: AUTH } } });
  expect((await stat(join(home, "run/containers/auth.json"))).mode & 0o777).toBe(0o600);
  expect(await findCredentials({ host: "a.io", repository: "x" })).toEqual(ALICE);
});

test("storeCredentials keeps what else is in the file, and replaces the entry", async () => {
  const before = {
    HttpHeaders: { "X-A": "b" },
    auths: { "a.io": { auth: "b2xk", identitytoken: "old" }, "b.io": { auth: "eDp5", extra: 1 } },
    credHelpers: { "c.io": "none" },
  };
  const authFile = await put("auth.json", before);
  await chmod(authFile, 0o644);
  expect(await storeCredentials("a.io", ALICE, { authFile })).toBe(authFile);
  expect(await read("auth.json")).toEqual({
    ...before,
    auths: { "b.io": { auth: "eDp5", extra: 1 }, "a.io": { auth: AUTH } },
  });
  expect((await stat(authFile)).mode & 0o777).toBe(0o600);
});

test("storeCredentials: a namespace has its own entry", async () => {
  await storeCredentials("a.io", ALICE);
  await storeCredentials("a.io/team", { user: "team", password: "x" });
  expect(await findCredentials({ host: "a.io", repository: "team/app" })).toMatchObject({ user: "team" });
  expect(await findCredentials({ host: "a.io", repository: "other" })).toMatchObject({ user: "alice" });
});

test("storeCredentials writes through a symbolic link", async () => {
  const real = await put("real/auth.json", {});
  await symlink(real, join(home, "link.json"));
  await storeCredentials("a.io", ALICE, { authFile: join(home, "link.json") });
  expect(await read("real/auth.json")).toEqual({ auths: { "a.io": { auth: AUTH } } });
});

test("storeCredentials leaves a file alone that it cannot read", async () => {
  const authFile = join(home, "auth.json");
  await writeFile(authFile, '{"auths": {"a.io": {"auth": "c2VjcmV0"');
  const failure = await failureOf(() => storeCredentials("a.io", ALICE, { authFile }));
  expect(failure.code).toBe("CONFIG_INVALID");
  expect(String(failure.message)).not.toContain("c2VjcmV0");
  expect(await readFile(authFile, "utf8")).toContain("c2VjcmV0");
});

test("eraseCredentials: the entry, under docker's old spelling too, and only that", async () => {
  const authFile = await put("auth.json", {
    auths: {
      "https://index.docker.io/v1/": { auth: AUTH },
      "a.io": { auth: AUTH },
      "a.io/team": { auth: AUTH },
    },
  });
  expect(await eraseCredentials("docker.io", { authFile })).toBe(authFile);
  expect(await eraseCredentials("a.io", { authFile })).toBe(authFile);
  expect(await read("auth.json")).toEqual({ auths: { "a.io/team": { auth: AUTH } } });
  expect(await eraseCredentials("a.io", { authFile })).toBeUndefined();
  expect(await eraseCredentials("a.io/other", { authFile })).toBeUndefined();
  expect(await eraseCredentials("a.io/team", { authFile })).toBe(authFile);
});

test("eraseAllCredentials: every entry, nothing else; no file is no error", async () => {
  const authFile = await put("auth.json", { auths: { "a.io": { auth: AUTH } }, HttpHeaders: {} });
  await eraseAllCredentials({ authFile });
  expect(await read("auth.json")).toEqual({ auths: {}, HttpHeaders: {} });
  const none = join(home, "none.json");
  expect(await eraseAllCredentials({ authFile: none })).toBe(none);
});

/** A helper that keeps what it is given in files named for its verbs. */
async function putHelper(name: string): Promise<void> {
  const path = await put(`bin/docker-credential-${name}`, "");
  const keep = join(home, name);
  const script = `#!/bin/sh\n[ "$1" = list ] && { echo '{"a.io":"alice"}'; exit; }\nif [ "$1" = get ]; then cat ${keep}.store 2>&1 || { echo "credentials not found"; exit 1; }; else cat > ${keep}.$1; fi\n`;
  await writeFile(path, script);
  await chmod(path, 0o755);
  vi.stubEnv("PATH", `${join(home, "bin")}:${process.env["PATH"]}`);
}

test("credHelpers: the helper that the file names for the registry stores and erases", async () => {
  await putHelper("safe");
  const authFile = await put("auth.json", { credHelpers: { "a.io": "safe" } });
  expect(await storeCredentials("a.io", ALICE, { authFile })).toBe("docker-credential-safe");
  expect(await read("safe.store")).toEqual({ ServerURL: "a.io", Username: "alice", Secret: "pa:ss" });
  expect(await findCredentials({ host: "a.io", repository: "x" }, { authFile })).toEqual(ALICE);
  expect(await read("auth.json")).toEqual({ credHelpers: { "a.io": "safe" } });
  expect(await eraseCredentials("a.io", { authFile })).toBe("docker-credential-safe");
  expect(await readFile(join(home, "safe.erase"), "utf8")).toBe("a.io");
  await storeCredentials("b.io", ALICE, { authFile });
  expect(await read("auth.json")).toMatchObject({ auths: { "b.io": { auth: AUTH } } });
});

test("credential-helpers of registries.conf: the first of them stores, lists and erases", async () => {
  await putHelper("main");
  const helpers = ["main", "containers-auth.json"];
  expect(await storeCredentials("a.io", ALICE, { helpers })).toBe("docker-credential-main");
  expect(await findCredentials({ host: "a.io", repository: "x" }, { helpers })).toEqual(ALICE);
  expect(await eraseAllCredentials({ helpers })).toBe("docker-credential-main");
  expect(await readFile(join(home, "main.erase"), "utf8")).toBe("a.io");
});

test("a helper that is missing is named", async () => {
  const authFile = await put("auth.json", { credHelpers: { "a.io": "none" } });
  const failure = await failureOf(() => storeCredentials("a.io", ALICE, { authFile }));
  expect(failure.message).toContain("docker-credential-none");
});
