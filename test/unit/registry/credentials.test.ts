import { chmod, mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { findCredentials } from "../../../src/registry/credentials.ts";
import { failureOf } from "../../support/failures.ts";
import { temporaryDirectory } from "../../support/temporary.ts";

const WANTED = { host: "a.io", repository: "x/y" };
let home = "";

beforeEach(async () => {
  home = await temporaryDirectory("home");
  vi.stubEnv("HOME", home);
  vi.stubEnv("XDG_RUNTIME_DIR", join(home, "run"));
  for (const name of ["XDG_CONFIG_HOME", "DOCKER_CONFIG", "REGISTRY_AUTH_FILE"]) vi.stubEnv(name, "");
});

afterEach(() => vi.unstubAllEnvs());

async function put(path: string, value: unknown): Promise<string> {
  const full = join(home, path);
  await mkdir(dirname(full), { recursive: true });
  await writeFile(full, typeof value === "string" ? value : JSON.stringify(value));
  return full;
}

const entry = (user: string): object => ({ "a.io": { auth: Buffer.from(`${user}:pw`).toString("base64") } });

/** A credential helper that answers what `script` prints; it is told the registry on its standard input. */
async function putHelper(name: string, script: string): Promise<void> {
  const path = await put(`bin/docker-credential-${name}`, `#!/bin/sh\nread -r registry\n${script}\n`);
  await chmod(path, 0o755);
  vi.stubEnv("PATH", `${join(home, "bin")}:${process.env["PATH"]}`);
}

test("findCredentials looks into the files in the order of containers/image", async () => {
  const order: [string, (user: string) => unknown][] = [
    [".dockercfg", entry],
    [".docker/config.json", (user) => ({ auths: entry(user) })],
    [".config/containers/auth.json", (user) => ({ auths: entry(user) })],
    ["run/containers/auth.json", (user) => ({ auths: entry(user) })],
  ];
  expect(await findCredentials(WANTED)).toBeUndefined();
  for (const [path, content] of order) {
    await put(path, content(path));
    expect(await findCredentials(WANTED)).toEqual({ user: path, password: "pw" });
  }
});

test("findCredentials goes on where a file has only an empty entry", async () => {
  await put("run/containers/auth.json", { auths: { "a.io": {} } });
  await put(".docker/config.json", { auths: entry("docker") });
  expect(await findCredentials(WANTED)).toEqual({ user: "docker", password: "pw" });
});

test("findCredentials reads only the file that was named", async () => {
  await put("run/containers/auth.json", { auths: entry("default") });
  const named = await put("named.json", { auths: entry("named") });
  expect(await findCredentials(WANTED, { authFile: named })).toEqual({ user: "named", password: "pw" });
  const empty = await put("empty.json", {});
  expect(await findCredentials(WANTED, { authFile: empty })).toBeUndefined();
  vi.stubEnv("REGISTRY_AUTH_FILE", named);
  expect(await findCredentials(WANTED)).toEqual({ user: "named", password: "pw" });
  const failure = await failureOf(() => findCredentials(WANTED, { authFile: join(home, "none.json") }));
  expect(failure).toMatchObject({ code: "CONFIG_INVALID", message: expect.stringContaining("none.json") });
});

test("findCredentials asks the helper that a file names for the registry", async () => {
  await put("run/containers/auth.json", { auths: entry("file"), credHelpers: { "a.io": "test" } });
  await putHelper(
    "test",
    `echo "{\\"ServerURL\\":\\"$registry\\",\\"Username\\":\\"$registry\\",\\"Secret\\":\\"s\\"}"`,
  );
  expect(await findCredentials(WANTED)).toEqual({ user: "a.io", password: "s" });
});

test("findCredentials takes an identity token from a helper of registries.conf", async () => {
  await putHelper("test", `echo '{"Username":"<token>","Secret":"t"}'`);
  const helpers = ["containers-auth.json", "test"];
  expect(await findCredentials(WANTED, { helpers })).toEqual({ identityToken: "t" });
});

test("findCredentials goes on when a helper knows none", async () => {
  await putHelper("test", "echo 'credentials not found in native keychain'; exit 1");
  await put("run/containers/auth.json", { credHelpers: { "a.io": "test" } });
  await put(".docker/config.json", { auths: entry("docker") });
  expect(await findCredentials(WANTED)).toEqual({ user: "docker", password: "pw" });
});

test.each([
  ["fails", "echo hunter2; exit 3"],
  ["does not answer with JSON", "echo hunter2"],
])("findCredentials names a helper that %s, and shows no secret", async (_, script) => {
  await putHelper("test", script);
  const failure = await failureOf(() => findCredentials(WANTED, { helpers: ["test"] }));
  expect(failure).toMatchObject({ code: "CONFIG_INVALID" });
  expect(failure.message).toContain("docker-credential-test");
  expect(`${failure.message} ${String(failure.cause)}`).not.toContain("hunter2");
});

test.each(["missing-helper", "../evil", "a b"])("findCredentials refuses the helper %j", async (name) => {
  expect((await failureOf(() => findCredentials(WANTED, { helpers: [name] }))).code).toBe("CONFIG_INVALID");
});
