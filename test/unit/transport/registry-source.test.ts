/** How registries.conf and credentials reach the client. */
import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { failureOf } from "../../support/failures.ts";
import { CLEAN_ENVIRONMENT, OneImage } from "../../support/one-image.ts";
import { withSource } from "../../support/sources.ts";

let at: OneImage;
let root: string;

beforeEach(async () => {
  for (const [name, value] of Object.entries(CLEAN_ENVIRONMENT)) vi.stubEnv(name, value);
  at = await OneImage.start({ auth: "basic" });
  root = await mkdtemp(join(tmpdir(), "berth-root-"));
  await mkdir(join(root, "etc/containers"), { recursive: true });
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await at.registry.close();
});

const configure = (text: string): Promise<void> =>
  writeFile(join(root, "etc/containers/registries.conf"), text);
const digestOf = (typed: string, authFile: string): Promise<string> =>
  withSource(typed, async (source) => (await source.manifest()).digest, { root, authFile });

test("a location takes the place of the prefix, with the credentials of the place itself", async () => {
  await configure(
    `[[registry]]\nprefix = "example.com"\nlocation = "${at.registry.host}"\ninsecure = true\n`,
  );
  expect(await digestOf("example.com/team/app:1.0", await at.login())).toBe(at.image.digest);
  const auth = Buffer.from("user:secret").toString("base64");
  const other = await at.authFile({ auths: { "example.com": { auth } } });
  expect((await failureOf(() => digestOf("example.com/team/app:1.0", other))).code).toBe("UNAUTHORIZED");
});

test("a blocked registry is not asked", async () => {
  await configure(`[[registry]]\nlocation = "${at.registry.host}"\nblocked = true\n`);
  const failure = await failureOf(async () => digestOf(at.name, await at.login()));
  expect(failure.code).toBe("DENIED");
  expect(at.registry.requests).toEqual([]);
});

test("insecure: a registry that comes up late is found by a later attempt", async () => {
  await configure(`[[registry]]\nlocation = "${at.registry.host}"\ninsecure = true\n`);
  at.registry.fault({ on: "ping", times: 1, reset: true });
  expect(await digestOf(at.name, await at.login())).toBe(at.image.digest);
});
