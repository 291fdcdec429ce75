import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { formatReference } from "../../../src/oci/reference.ts";
import { loadRegistriesConf } from "../../../src/registry/load-registries-conf.ts";
import { parseRegistriesConf } from "../../../src/registry/registries-conf.ts";
import { resolveShortName } from "../../../src/registry/short-names.ts";
import { candidatesOf } from "../../../src/transport/source.ts";
import { failureOf } from "../../support/failures.ts";
import { temporaryDirectory } from "../../support/temporary.ts";

const DIGEST = `sha256:${"a".repeat(64)}`;

const resolve = (toml: object, typed: string): string =>
  resolveShortName(parseRegistriesConf({ ...toml }, "x.conf"), typed)
    .map(formatReference)
    .join(" ");

const SEARCH = { "unqualified-search-registries": ["a.io", "docker.io"] };
const ALIASES = { aliases: { app: "quay.io/team/app", "team/db": "b.io:5000/db", gone: "" }, ...SEARCH };

test.each([
  [{}, "app", "docker.io/library/app:latest"],
  [{}, "a.io/app:1", "a.io/app:1"],
  [SEARCH, "app:1", "a.io/app:1 docker.io/library/app:1"],
  [SEARCH, "localhost/app", "localhost/app:latest"],
  [ALIASES, "app", "quay.io/team/app:latest"],
  [ALIASES, "app:1", "quay.io/team/app:1"],
  [ALIASES, `app@${DIGEST}`, `quay.io/team/app@${DIGEST}`],
  [ALIASES, `app:1@${DIGEST}`, `quay.io/team/app:1@${DIGEST}`],
  [ALIASES, "team/db:2", "b.io:5000/db:2"],
  [ALIASES, "db", "a.io/db:latest docker.io/library/db:latest"],
  [ALIASES, "gone", "a.io/gone:latest docker.io/library/gone:latest"],
  [ALIASES, "docker.io/app", "docker.io/library/app:latest"],
  [{ ...ALIASES, "short-name-mode": "enforcing" }, "app", "quay.io/team/app:latest"],
  [{ "unqualified-search-registries": ["a.io"], "short-name-mode": "enforcing" }, "x", "a.io/x:latest"],
  [{ ...SEARCH, "short-name-mode": "disabled" }, "x", "a.io/x:latest docker.io/library/x:latest"],
])("resolveShortName with %j: %s means %s", (toml, typed, expected) => {
  expect(resolve(toml, typed)).toBe(expected);
});

test("resolveShortName: enforcing refuses to guess, and lists what may be meant", async () => {
  const failure = await failureOf(() => resolve({ ...SEARCH, "short-name-mode": "enforcing" }, "app:1"));
  expect(failure).toMatchObject({
    code: "NAME_AMBIGUOUS",
    message: "app:1 is a short name that may mean a.io/app:1, docker.io/library/app:1",
  });
});

test("resolveShortName: no registry to search is an error", async () => {
  const failure = await failureOf(() => resolve({ "unqualified-search-registries": [] }, "app"));
  expect(failure.code).toBe("IMAGE_UNKNOWN");
  expect(failure.hint).toContain("unqualified-search-registries");
});

test.each(["app", "quay.io/team/app:1", `quay.io/app@${DIGEST}`])(
  "resolveShortName refuses the alias %s",
  async (target) => {
    const failure = await failureOf(() => resolve({ aliases: { app: target } }, "app"));
    expect(failure).toMatchObject({
      code: "CONFIG_INVALID",
      message: expect.stringContaining("is not REGISTRY/REPOSITORY"),
    });
  },
);

test("candidatesOf: a drop-in overrides an alias, and what podman recorded overrides both", async () => {
  const root = await temporaryDirectory("alias");
  const write = async (path: string, text: string): Promise<void> => {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  };
  const aliases = (text: string) => `[aliases]\n${text}\n`;
  const means = async (typed: string) => (await candidatesOf(typed, root)).map(formatReference);
  await write("etc/containers/registries.conf", aliases('a = "one.io/a"\nb = "one.io/b"\nc = "one.io/c"'));
  await write("etc/containers/registries.conf.d/shortnames.conf", aliases('b = "two.io/b"\nc = "two.io/c"'));
  await write("var/cache/containers/short-name-aliases.conf", aliases('c = "three.io/c"'));
  expect(await means("a")).toEqual(["one.io/a:latest"]);
  expect(await means("b")).toEqual(["two.io/b:latest"]);
  expect(await means("c:7")).toEqual(["three.io/c:7"]);
  expect(await means("oci:/srv/c:7")).toEqual(["oci:/srv/c:7"]);
  expect((await loadRegistriesConf(root)).search).toBeUndefined();
});
